"""Draws a held-out sentence: real, from its codes, converted, and as the target voice says it.

Usage: python results/audio/spectrograms.py MODEL OUTPUT.webp
"""

import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import runs

from vqvae_tf import data, workflows
from vqvae_tf.models.spectrograms import spectrograms

SENTENCE = 1
SOURCE, TARGET = "flite_rms", "flite_slt"  # a man and a woman
SECONDS = 2.5


def stacked(sounds, rate):
    """The spectrograms of the first seconds of sounds `[time]`, one above the other."""
    rows = []
    for sound in sounds:
        sound = np.resize(np.pad(sound, (0, round(SECONDS * rate))), round(SECONDS * rate))
        picture = spectrograms(sound[None].astype(np.float32), rate)[0, :, :, 0].numpy()
        rows += [
            picture.repeat(2, 0).repeat(3, 1),
            np.full((6, picture.shape[1] * 3), 255, np.uint8),
        ]
    return np.concatenate(rows[:-1])


def main(path, output):
    """Writes the four spectrograms, one above the other, low frequencies at the bottom."""
    model = workflows.load_autoencoder(path)
    rate = model.config.sample_rate
    said = {
        sound["name"]: sound["audio"]
        for sound in data.open_sounds("embedded:speech/validation").sounds(rate)
    }
    source, target = (said[f"{voice}/validation_{SENTENCE:03}"] for voice in (SOURCE, TARGET))
    told = {"speaker": SOURCE} if model.encoder_conditions else {}
    codes = model.encode(source[None], **told)
    sounds = [
        source,
        *(model.decode(codes, voice)[0].numpy() for voice in (SOURCE, TARGET)),
        target,
    ]
    runs.save(output, stacked(sounds, rate))


if __name__ == "__main__":
    main(*sys.argv[1:])
