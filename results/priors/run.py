"""Trains and measures the models of results/priors.md, draws its pictures and writes its tables.

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
from vqvae_tf.workflows.prior_bits import bits_of

HERE = os.path.dirname(os.path.abspath(__file__))
PHOTOS, DIGITS = "embedded:photos", "embedded:digits"
SEED = 0
# Preset -> its data, its validation data during training, and its test splits.
MODELS = {
    "photos": (PHOTOS, f"{PHOTOS}/validation", ("region", "photo")),
    "photos_two_level": (PHOTOS, f"{PHOTOS}/validation", ("region", "photo")),
    "digits": (DIGITS, f"{DIGITS}/test", ("test",)),
}


def measure(root, preset):
    """Trains both stages of a preset if they are not there yet, and measures them."""
    uri, validation, splits = MODELS[preset]
    figures = runs.train(root, preset, f"{preset}_prior", SEED, uri, validation)
    prior, model = runs.load(root, preset, SEED)
    source = data.open_source(uri)
    training = [item["codes"] for item in medium_of(model).code_maps(model, source)]
    figures["log2_k"] = math.log2(model.code_sizes[0])
    for split in splits:
        source = data.open_source(f"{uri}/{split}")
        test = [item["codes"] for item in medium_of(model).code_maps(model, source)]
        measured = medium_of(model).measure(model, source, bits_of(prior))
        del measured["per_picture"]
        figures[split] = measured | {
            "histogram": histogram_bits(training, test, model),
            "own_histogram": histogram_bits(test, test, model, added=0.0),
        }
        if len({codes.shape for codes in training + test}) == 1:
            figures[split]["place_histogram"] = histogram_bits(training, test, model, places=True)
    return figures


def histogram_bits(known, codes, model, places=False, added=1.0):
    """Bits per code if only the frequencies of the codes are known.

    Args:
        known: code maps that are counted.
        codes: code maps that are coded.
        model: the model of the codes; each slot has its own histogram.
        places: whether each position of the grid also has its own histogram.
        added: a total that is divided among all counts, so that no code has probability 0.
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
    """A row for each model and test split."""
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
    """The generated part of the page, from the figures."""
    header = [
        "model",
        "test split",
        "PSNR, dB",
        "log2 K",
        "training histogram",
        "training histogram by position",
        "the split's own histogram",
        "**prior**",
        "bits/dim, plain",
        "bits/dim, prior",
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
    cores = len(os.sched_getaffinity(0))
    return (
        "# Priors over codes, and their samples\n\n"
        "`sh results/priors/run.sh` (a part of `make results`) trains and measures the models "
        "again, and writes the tables and pictures of this page. The commands of one run are\n\n"
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
        "## Bits per code\n\n"
        "The bits of a code of the test split:\n\n"
        "- log2 K: plain codes;\n"
        "- training histogram: coded with the frequencies of the training codes;\n"
        "- training histogram by position: with their frequencies at each position of the grid "
        "(only for digits, whose pictures are aligned);\n"
        "- the split's own histogram: with the frequencies of the split itself, the lower bound "
        "for a histogram;\n"
        "- prior: under the prior, which is given the class on `region` and `test`.\n\n"
        f"{runs.table(header, rows(results))}\n\n{times}\n\n"
        "## Do samples show the requested digit?\n\n"
        "The digits are classified by a support-vector machine that was trained on the real "
        f"training digits only. There are {agreement['samples']} samples, the same number for each "
        "class, decoded and reduced to the size of the real ones.\n\n"
        f"{digits.table(agreement)}\n\n"
        "![digits](priors/digits.webp)\n\n"
        "Each row shows one digit: six real ones of the test split, then twelve samples.\n\n"
        "## Photographs\n\n"
        "![samples](priors/samples.webp)\n\n"
        f"The rows are {', '.join(pictures.CLASSES)}. Each row shows two real crops of the "
        "photograph, two samples of `photos` with that class, and two of `photos_two_level`, all "
        "of 128x128 pixels at temperature 1. flower: Flickr user vultilion, CC BY 2.0.\n\n"
        "## Inpainting\n\n"
        "![inpainting](priors/inpainting.webp)\n\n"
        "Each row shows a held-out crop: the reconstruction from all codes, the given half of the "
        "codes, and three samples of the other half by `photos`. The upper two rows are chelsea "
        "and china, which were not used in training and have no class. The lower two are regions "
        f"of {' and '.join(pictures.REGIONS)}, with their class. chelsea: Stefan van der Walt, "
        "CC0. china: Flickr user danielbuechele, CC BY 2.0.\n"
    )


def main():
    """Trains and measures all runs, draws the pictures, writes the page."""
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
    runs.write_page(os.path.join(HERE, "..", "priors.md"), page(results, agreement))


if __name__ == "__main__":
    main()
