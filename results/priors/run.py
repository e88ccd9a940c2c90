"""Trains, measures and draws what results/priors.md reports; writes that page.

Usage: sh results/priors/run.sh [RUNS_FOLDER]
"""

import json
import math
import os
import platform
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import digits
import numpy as np
import pictures
import runs
import tensorflow as tf

from vqvae_tf import data
from vqvae_tf.media import medium_of
from vqvae_tf.workflows import priors

HERE = os.path.dirname(os.path.abspath(__file__))
PHOTOS, DIGITS = "embedded:photos", "embedded:digits"
SEED = 0
# Preset -> its data, what it is validated on while it trains, and its test splits.
MODELS = {
    "photos": (PHOTOS, f"{PHOTOS}/validation", ("region", "photo")),
    "photos_two_level": (PHOTOS, f"{PHOTOS}/validation", ("region", "photo")),
    "digits": (DIGITS, f"{DIGITS}/test", ("test",)),
}


def measure(root, preset):
    """Both stages of a preset, trained where they are not there yet, and measured."""
    uri, validation, splits = MODELS[preset]
    figures = runs.train(root, preset, f"{preset}_prior", SEED, uri, validation)
    prior, model = runs.load(root, preset, SEED)
    source = data.open_source(uri)
    training = [item["codes"] for item in priors.code_maps(model, source)]
    figures["log2_k"] = math.log2(model.code_sizes[0])
    for split in splits:
        source = data.open_source(f"{uri}/{split}")
        test = [item["codes"] for item in priors.code_maps(model, source)]
        measured = medium_of(model).measure(model, source, priors.bits_of(prior))
        del measured["per_picture"]
        figures[split] = measured | {
            "histogram": histogram_bits(training, test, model),
            "own_histogram": histogram_bits(test, test, model, added=0.0),
        }
        if len({codes.shape for codes in training + test}) == 1:
            figures[split]["place_histogram"] = histogram_bits(training, test, model, places=True)
    return figures


def histogram_bits(known, codes, model, places=False, added=1.0):
    """Bits a code where only the codes' frequencies are known.

    Args:
        known: code maps that are counted.
        codes: code maps that are coded.
        model: whose codes they are; each code of a place has a histogram of its own.
        places: whether each place of the grid has its own as well.
        added: to every count, shared out among the codes, so that none is impossible.
    """
    size, slots = max(model.code_sizes), len(model.code_sizes)

    def columns(maps):
        if places:
            return np.stack(maps).reshape(len(maps), -1)
        return np.concatenate([item.reshape(-1, slots) for item in maps])

    total = 0.0
    known, codes = columns(known), columns(codes)
    for before, after in zip(known.T, codes.T, strict=True):
        counts = np.bincount(before, minlength=size) + added / size
        total -= np.log2(counts[after] / counts.sum()).sum()
    return total / codes.size


def rows(results):
    """A line for each model and test split."""
    for preset, figures in results.items():
        for split in MODELS[preset][2]:
            one = figures[split]
            place = one.get("place_histogram")
            yield [
                preset,
                split,
                f"{one['psnr']:.2f}",
                f"{figures['log2_k']:.0f}",
                f"{one['histogram']:.2f}",
                "" if place is None else f"{place:.2f}",
                f"{one['own_histogram']:.2f}",
                f"{one['prior_bits_per_code']:.2f}",
                f"{one['latent_bits_per_dimension']:.4f}",
                f"{one['prior_bits_per_dimension']:.4f}",
            ]


def page(results, agreement):
    """The page, from the figures alone."""
    header = [
        "model",
        "test split",
        "PSNR, dB",
        "log2 K",
        "training histogram",
        "the same by place",
        "the split's own histogram",
        "**prior**",
        "bits/dim plain",
        "bits/dim under the prior",
    ]
    times = runs.table(
        ["model", "steps", "CPU s", "prior steps", "prior CPU s"],
        [
            [
                preset,
                f"{one['steps']:,}",
                f"{one['model_seconds']['cpu']:.0f}",
                f"{one['prior_steps']:,}",
                f"{one['prior_seconds']['cpu']:.0f}",
            ]
            for preset, one in results.items()
        ],
    )
    with open(os.path.join(HERE, "notes.md")) as file:
        notes = file.read()
    cores = len(os.sched_getaffinity(0))
    return (
        "# Priors over codes, and their samples\n\n"
        "Written by `sh results/priors/run.sh` (a part of `make results`), which trains, measures "
        "and draws all of this anew. By hand, one run is\n\n"
        "```sh\n"
        "vqvae-train --preset=photos_two_level --data=embedded:photos "
        "--validation=embedded:photos/validation --workdir=runs/two_level\n"
        "vqvae-train-prior --preset=photos_two_level_prior --model=runs/two_level "
        "--data=embedded:photos --validation=embedded:photos/validation --workdir=runs/prior\n"
        "vqvae-evaluate --model=runs/two_level --prior=runs/prior --data=embedded:photos/photo\n"
        "vqvae-sample --prior=runs/prior --label=gravel --grid=16,16 --output=samples\n"
        "```\n\n"
        f"Machine: {cores} {platform.machine()} CPU cores, TensorFlow {tf.__version__}. "
        "One seed.\n\n"
        "## Bits a code\n\n"
        "What a code of the test split costs: plain; by the frequencies of the training codes; by "
        "those at each place of the grid (digits, whose pictures are aligned); by the split's own "
        "frequencies, the least that any histogram comes to; and under the prior, which is told "
        "the class on `region` and `test`.\n\n"
        f"{runs.table(header, rows(results))}\n\n{times}\n\n"
        "## Do samples show the requested digit?\n\n"
        "A support-vector machine that saw the real training digits alone names the digit. "
        f"{agreement['samples']} samples, as many of each class; decoded and made as small as the "
        "real ones.\n\n"
        f"{digits.table(agreement)}\n\n"
        "![digits](priors/digits.webp)\n\n"
        "A line a digit: six real ones of the test split, then twelve samples.\n\n"
        "## Photographs\n\n"
        "![samples](priors/samples.webp)\n\n"
        f"A line each for {', '.join(pictures.CLASSES)}: two real pieces of the photograph, two "
        "samples of `photos` with that class, two of `photos_two_level`; 128x128 pixels, "
        "temperature 1. flower: Flickr user vultilion, CC BY 2.0.\n\n"
        "## Filled in\n\n"
        "![filled in](priors/inpainting.webp)\n\n"
        "Held-out pieces: the reconstruction from all codes, what is given of it (half the codes), "
        "and three samples of the rest by `photos`. The upper lines are of chelsea and china, "
        "which it never saw and has no class for; the lower ones regions of "
        f"{' and '.join(pictures.REGIONS)}, with their class. chelsea: Stefan van der Walt, CC0. "
        "china: Flickr user danielbuechele, CC BY 2.0.\n\n" + notes
    )


def main():
    """All runs, all pictures, the page."""
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "..", "..", "runs", "priors")
    os.makedirs(root, exist_ok=True)
    results = {preset: measure(root, preset) for preset in MODELS}
    agreement = digits.agreement(*runs.load(root, "digits", SEED))
    digits.draw(*runs.load(root, "digits", SEED), os.path.join(HERE, "digits.webp"))
    one, two = runs.load(root, "photos", SEED), runs.load(root, "photos_two_level", SEED)
    pictures.draw_samples(one, two, os.path.join(HERE, "samples.webp"))
    pictures.draw_inpainting(*one, os.path.join(HERE, "inpainting.webp"))
    figures = {"models": results, "digits": agreement}
    runs.write(os.path.join(HERE, "figures.json"), json.dumps(figures, indent=1))
    runs.write(os.path.join(HERE, "..", "priors.md"), page(results, agreement))


if __name__ == "__main__":
    main()
