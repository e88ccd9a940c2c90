"""Trains and measures the models of results/image.md, draws its pictures and writes its tables.

Usage: sh results/image/run.sh [RUNS_FOLDER]
"""

import json
import os
import platform
import statistics
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import runs
import tensorflow as tf

from vqvae_tf import data, models, reporting
from vqvae_tf.data import embedded
from vqvae_tf.media import medium_of
from vqvae_tf.media.compiled_image_model import CompiledImageModel
from vqvae_tf.reporting import codecs
from vqvae_tf.workflows.prior_bits import bits_of

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = "embedded:photos"
RUNS = [("photos", 0), ("photos", 1), ("photos", 2), ("sonnet", 0)]
SPLITS = ("region", "photo")
# Squared error that the search accepts for each bit that the prior saves.
RATE_WEIGHT = 1500.0
SAMPLED = ("gravel", "hubble", "coffee", "brick", "ihc", "flower")


def run(root, preset, seed):
    """Trains one preset with one seed, and measures it on all held-out splits."""
    kept = os.path.join(root, f"{preset}-{seed}.figures.json")
    if os.path.exists(kept):
        with open(kept) as file:
            return json.load(file)
    figures = runs.train(root, preset, "photos_prior", seed, DATA, f"{DATA}/validation")
    prior, model = runs.load(root, preset, seed)
    bits = bits_of(prior)
    searches = {
        "searched": models.CodeSearch(model).encode,
        "searched_by_rate": models.CodeSearch(model, prior=prior, rate_weight=RATE_WEIGHT).encode,
    }
    for split in ("validation", *SPLITS):
        source = data.open_source(f"{DATA}/{split}")
        figures[split] = medium_of(model).measure(model, source, bits)
        for name, search in searches.items():
            start = time.process_time()
            measured = medium_of(model).measure(model, source, bits, search)
            figures[split][name] = measured | {"cpu_seconds": time.process_time() - start}
    runs.write(kept, json.dumps(figures))
    return figures


def jpeg_at(split, bits_per_pixel):
    """JPEG's result on a split with no more bits."""
    images = [picture["image"] for picture in data.open_source(f"{DATA}/{split}").pictures()]
    return codecs.at_most(images, bits_per_pixel)


def draw(root, preset, seed):
    """Draws held-out photographs with code maps and reconstructions, and samples by class."""
    prior, model = runs.load(root, preset, seed)
    fast = CompiledImageModel(model)
    codebook = np.asarray(model.code_vectors)
    for picture in data.open_source(f"{DATA}/photo").pictures():
        image = picture["image"]
        codes = np.asarray(fast.encode(image[None]))
        decoded = np.asarray(fast.decode(codes))[0, : image.shape[0], : image.shape[1]]
        colours = reporting.enlarge(reporting.code_map(codes[0], codebook), model.config.stride)
        colours = colours[: image.shape[0], : image.shape[1]]
        save(f"{preset}-{picture['name']}", reporting.beside(image, colours, decoded))
        codes = models.CodeSearch(model).encode(image[None])
        searched = np.asarray(fast.decode(codes))[0, : image.shape[0], : image.shape[1]]
        save(f"{preset}-{picture['name']}-searched", reporting.beside(image, decoded, searched))
    names = list(embedded.TRAINING)
    labels = np.repeat([names.index(name) for name in SAMPLED], 2).astype("int32")
    codes = prior.sample(len(labels), grid=(32, 32), seed=seed, label=labels)
    pictures = list(np.asarray(fast.decode(codes)))
    save(f"{preset}-samples", reporting.sheet(pictures, columns=6))


def save(name, image):
    """Writes a picture of this topic."""
    runs.save(os.path.join(HERE, name + ".webp"), image)


def row(figures, split):
    """A run's row in the table of a split."""
    one = figures[split]
    return [
        f"{figures['preset']}, seed {figures['seed']}",
        f"{one['psnr']:.2f}",
        f"{one['ssim']:.3f}",
        f"{one['perplexity']:.0f}",
        f"{100 * one['usage']:.1f} %",
        f"{one['reconstruction_bits_per_dimension']:.3f} + {one['latent_bits_per_dimension']:.4f}",
        f"{one['prior_bits_per_code']:.3f}",
        f"{bits_per_pixel(one, 'latent'):.3f} / {bits_per_pixel(one, 'prior'):.3f}",
    ]


def bits_per_pixel(figures, kind):
    """Bits of the codes: at log2 K bits each (`latent`), or under the `prior`."""
    return 3 * figures[f"{kind}_bits_per_dimension"]


def page(results):
    """The generated part of the page, from the figures."""
    chosen = [one for one in results if one["preset"] == "photos"]
    sections = []
    for split, title in (
        ("region", "Held-out regions (the right-hand 128 columns of the 13 training photographs)"),
        ("photo", "Held-out photographs (chelsea and china, not used in training)"),
    ):
        header = [
            "run",
            "PSNR, dB",
            "SSIM",
            "perplexity",
            "codes used",
            "bits/dim: pixels given codes + codes",
            "prior, bits/code",
            "bits/pixel: plain / prior",
        ]
        rows = [row(one, split) for one in results]
        psnr = [one[split]["psnr"] for one in chosen]
        bits = [one[split]["prior_bits_per_code"] for one in chosen]
        spread = (
            f"`photos` over {len(chosen)} seeds: {statistics.mean(psnr):.2f} dB "
            f"({min(psnr):.2f} to {max(psnr):.2f}), {statistics.mean(bits):.3f} bits per code "
            f"({min(bits):.3f} to {max(bits):.3f})."
        )
        codec_rows = []
        for name, words, kind in (
            (None, "nearest codes, plain", "latent"),
            ("searched", "searched codes, plain", "latent"),
            (None, "nearest codes under the prior", "prior"),
            ("searched", "searched codes under the prior", "prior"),
            ("searched_by_rate", "codes searched by error and rate, under the prior", "prior"),
        ):
            ours = [one[split] if name is None else one[split][name] for one in chosen]
            rate = statistics.mean(bits_per_pixel(one, kind) for one in ours)
            codec = jpeg_at(split, rate)
            codec_rows.append(
                [
                    words,
                    f"{rate:.3f}",
                    f"{statistics.mean(one['psnr'] for one in ours):.2f}",
                    f"{statistics.mean(one['ssim'] for one in ours):.3f}",
                    "needs more bits"
                    if codec is None
                    else f"{codec.psnr:.2f} (at {codec.bits_per_pixel:.3f})",
                ]
            )
        codec_header = ["stored codes", "bits/pixel", "`photos`, dB", "SSIM", "JPEG, dB"]
        sections.append(
            f"## {title}\n\n{runs.table(header, rows)}\n\n{spread}\n\n"
            f"{runs.table(codec_header, codec_rows)}\n"
        )
    times = runs.table(
        ["run", "steps", "wall s", "CPU s", "prior steps", "prior wall s", "prior CPU s"],
        [
            [
                f"{one['preset']}, seed {one['seed']}",
                one["steps"],
                *(f"{one['model_seconds'][kind]:.0f}" for kind in ("wall", "cpu")),
                one["prior_steps"],
                *(f"{one['prior_seconds'][kind]:.0f}" for kind in ("wall", "cpu")),
            ]
            for one in results
        ],
    )
    cores = len(os.sched_getaffinity(0))
    pictures = "\n".join(
        f"![{alt}](image/{preset}-{name}.webp)\n"
        for preset in ("photos", "sonnet")
        for name, alt in (
            ("chelsea", f"chelsea, its codes and its reconstruction by {preset}"),
            ("china", f"china, its codes and its reconstruction by {preset}"),
            ("chelsea-searched", f"chelsea, {preset} with nearest codes, with searched codes"),
            ("china-searched", f"china, {preset} with nearest codes, with searched codes"),
            ("samples", f"samples of {preset}: two each of {', '.join(SAMPLED)}"),
        )
    )
    return (
        "# Image VQ-VAEs on the embedded photographs\n\n"
        "`make results` (`results/image/run.py`) trains and measures the models again, and writes "
        "the tables and pictures of this page. The commands of one run are\n\n"
        "```sh\n"
        "vqvae-train --preset=photos --data=embedded:photos "
        "--validation=embedded:photos/validation --workdir=runs/photos\n"
        "vqvae-train-prior --model=runs/photos --data=embedded:photos "
        "--validation=embedded:photos/validation --workdir=runs/prior\n"
        "vqvae-evaluate --model=runs/photos --prior=runs/prior --data=embedded:photos/photo\n"
        "vqvae-evaluate --model=runs/photos --prior=runs/prior --data=embedded:photos/photo "
        "--search_passes=2 --rate_weight=1500\n"
        "```\n\n"
        f"Machine: {cores} {platform.machine()} CPU cores, TensorFlow {tf.__version__}. "
        "PSNR is computed from the squared error pooled over the split, and bits/dim from 8-bit "
        "masses. On regions the prior is given the class (the photograph); on photographs it is "
        "given none. Plain codes cost log2 K bits each. Searched codes are those of "
        "`models.CodeSearch` with two passes. JPEG's rate counts only its coded data, without "
        "headers and tables.\n\n" + "\n".join(sections) + f"\n## Time\n\n{times}\n\n## Pictures\n\n"
        "The first pictures show the original, the codes as colours, and the reconstruction. The "
        "next show the original and the reconstructions from the nearest and from searched codes. "
        "The samples are drawn from the prior: 128x128 pixels, two for each class. chelsea: "
        "Stefan van der Walt, CC0. china: Flickr user danielbuechele, CC BY 2.0.\n\n" + pictures
    )


def main():
    """Trains and measures all runs, draws the pictures, writes the page."""
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "..", "..", "runs", "image")
    os.makedirs(root, exist_ok=True)
    results = [run(root, preset, seed) for preset, seed in RUNS]
    for preset in ("photos", "sonnet"):
        draw(root, preset, 0)
    runs.write(os.path.join(HERE, "figures.json"), json.dumps(results, indent=1))
    runs.write_page(os.path.join(HERE, "..", "image.md"), page(results))


if __name__ == "__main__":
    main()
