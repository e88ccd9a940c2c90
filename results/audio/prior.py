"""Bits of held-out codes under a prior that is told the right speaker, a wrong one, or none.

Usage: python results/audio/prior.py PRIOR [--output=FILE] [--picture=FILE.webp]

Beside it are the bits of codes that are equally likely, and under the frequencies of single codes
and of pairs in the prior's own training data.
"""

import argparse
import json
import math
import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import runs
from spectrograms import SECONDS, stacked

from vqvae_tf import data, workflows
from vqvae_tf.media.audio import AudioMedium
from vqvae_tf.workflows import prior_files
from vqvae_tf.workflows.prior_bits import bits_of

SEED = 0
VOICES = ("flite_rms", "flite_slt", "espeak_m1", "espeak_f1")  # of the samples


def of_counts(counts, codes):
    """Bits per code under `counts [before, code]`, each plus a hundredth, row by row."""
    shares = counts + 0.01
    shares = shares / shares.sum(1, keepdims=True)
    bits = [-np.log2(shares[each[:-1] % len(shares), each[1:]]).sum() for each in codes]
    return sum(bits) / sum(len(each) - 1 for each in codes)


def counted(codes, size):
    """How often each code follows each other code."""
    counts = np.zeros((size, size))
    for each in codes:
        np.add.at(counts, (each[:-1], each[1:]), 1)
    return counts


def main():
    """Prints the bits and writes them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("prior")
    parser.add_argument("--data", default="embedded:speech/test")
    parser.add_argument("--picture", help="gets the spectrograms of samples, a voice a row")
    parser.add_argument("--output")
    given = parser.parse_args()
    prior, model = workflows.load_pair(given.prior)
    (size,) = prior.config.code_sizes
    source = data.open_sounds(given.data)
    maps = list(AudioMedium().code_maps(model, source))
    codes = [each["codes"] for each in maps]
    trained = [each["codes"] for each in prior_files.read_codes(given.prior, "speaker")]
    counts = counted(trained, size)

    known = workflows.load.class_names(given.prior)
    draws = np.random.default_rng(SEED)
    right = np.array([known.index(source.class_names[each["speaker"]]) for each in maps])
    told = {
        "right": right,
        "shuffled": draws.permutation(right),
        "wrong": (right + draws.integers(1, len(known), len(right))) % len(known),
        "none": np.full(len(right), -1),
    }
    bits = bits_of(prior)
    total = sum(len(each) for each in codes)
    figures = {
        "codes": total,
        "uniform": math.log2(size),
        "unigram": of_counts(counts.sum(0, keepdims=True), codes),
        "bigram": of_counts(counts, codes),
    }
    for name, speakers in told.items():
        each = [
            bits(grid[None], {"speaker": np.array([speaker])})[0]
            for grid, speaker in zip(codes, speakers, strict=True)
        ]
        figures[f"prior, {name} speaker"] = float(sum(each) / total)
    print(json.dumps(figures, indent=1))
    if given.picture:
        length = math.ceil(SECONDS * model.config.sample_rate / model.config.stride)
        speakers = [known.index(name) for name in VOICES]
        drawn = prior.sample(len(speakers), grid=(length,), seed=SEED, speaker=speakers)
        sounds = model.decode(drawn, speakers).numpy()
        runs.save(given.picture, stacked(sounds, model.config.sample_rate))
    if given.output:
        with open(given.output, "w") as file:
            json.dump(figures, file, indent=1)


if __name__ == "__main__":
    main()
