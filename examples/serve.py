"""Reads a picture through an exported model; needs TensorFlow and Pillow, not vqvae_tf.

Usage: python examples/serve.py SAVED_MODEL PICTURE RECONSTRUCTION.png
"""

import sys

import numpy as np
import tensorflow as tf
from PIL import Image


def main():
    """Encodes, says how many codes there are, and writes what they decode to."""
    path, picture, output = sys.argv[1:]
    model = tf.saved_model.load(path)
    # Without a list Pillow would try formats that run as programs, such as PostScript.
    opened = Image.open(picture, formats=("JPEG", "PNG", "TIFF", "WEBP"))
    image = np.asarray(opened.convert("RGB"))
    codes = model.signatures["encode"](image=tf.constant(image[None]))["codes"]
    decoded = model.signatures["decode"](codes=codes)["image"].numpy()[0]
    Image.fromarray(decoded[: image.shape[0], : image.shape[1]]).save(output)
    print(f"{image.shape[1]}x{image.shape[0]} pixels, {codes.numpy().size} codes")


if __name__ == "__main__":
    main()
