"""Encodes and decodes a picture with an exported model; needs TensorFlow and Pillow, not vqvae_tf.

Usage: python examples/serve.py SAVED_MODEL PICTURE RECONSTRUCTION.png
"""

import os
import sys

import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

# Pillow's other formats include EPS, which is run as a program.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
SOFTWARE = "vqvae_tf examples/serve.py"  # the mark of what this program wrote


def reconstruct(path: str, picture: str, output: str) -> str:
    """Encodes a picture, writes the decoded codes, and returns their number in a sentence."""
    if not output.lower().endswith(".png"):
        raise ValueError(f"{output} must end in .png; give such a name")
    if os.path.lexists(output) and not was_written_here(output):
        raise ValueError(f"{output} exists, and this program did not write it; give another name")
    signatures = tf.saved_model.load(path).signatures
    if not {"encode", "decode"} <= set(signatures):
        raise ValueError(
            f"{path} has no signatures encode and decode; give an export of vqvae-export"
        )
    _, inputs = signatures["encode"].structured_input_signature
    if "image" not in inputs:
        raise ValueError(
            f"{path} encodes {', '.join(inputs)}, not image; run it as docs/serving.md shows"
        )
    mode = {1: "L", 3: "RGB"}[inputs["image"].shape[-1]]
    with Image.open(picture, formats=FORMATS) as file:
        image = np.asarray(ImageOps.exif_transpose(file).convert(mode))
    height, width = image.shape[:2]
    codes = signatures["encode"](image=image.reshape(1, height, width, -1))["codes"]
    decoded = signatures["decode"](codes=codes)["image"].numpy()[0, :height, :width]
    mark = PngInfo()
    mark.add_text("Software", SOFTWARE)
    Image.fromarray(decoded.squeeze()).save(output, pnginfo=mark)
    return f"{width}x{height} pixels, {codes.numpy().size} codes"


def was_written_here(path: str) -> bool:
    """Whether a file has the mark of this program, which may then replace it."""
    try:
        with Image.open(path, formats=["PNG"]) as file:
            return file.info.get("Software") == SOFTWARE
    except (OSError, Image.DecompressionBombError):
        return False


def main():
    """Prints one line, also for an error."""
    if len(sys.argv) != 4:
        sys.exit(f"{len(sys.argv) - 1} arguments; expected SAVED_MODEL PICTURE RECONSTRUCTION.png")
    try:
        print(reconstruct(*sys.argv[1:]))
    except (OSError, ValueError, Image.DecompressionBombError, tf.errors.OpError) as error:
        sys.exit(str(error).splitlines()[0])


if __name__ == "__main__":
    main()
