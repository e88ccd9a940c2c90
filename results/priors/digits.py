"""Class-conditional digits: does a classifier of real digits see the requested digit?"""

import numpy as np
import runs
from sklearn import svm

from vqvae_tf import data, reporting

SAMPLES = 100  # of each digit
SHOWN_REAL, SHOWN = 6, 12
TEMPERATURES = (1.0, 0.8, 0.5)


def agreement(prior, model):
    """Share of digits that are classified as requested: real ones, decoded ones, samples."""
    training, test = (read(f"embedded:digits/{split}") for split in ("train", "test"))
    classifier = svm.SVC(gamma=0.001).fit(small(training[0]), training[1])

    def rate(images, labels):
        return float((classifier.predict(small(images)) == labels).mean())

    labels = np.repeat(np.arange(10, dtype=np.int32), SAMPLES)
    drawn = {
        temperature: draw_class(prior, model, labels, temperature) for temperature in TEMPERATURES
    }
    return {
        "samples": len(labels),
        "real": rate(*test),
        "reconstructed": rate(np.asarray(model.reconstruct(test[0])), test[1]),
        "sampled": {
            str(temperature): rate(images, labels) for temperature, images in drawn.items()
        },
        "differing": differing(training[0], drawn[1.0]),
    }


def draw_class(prior, model, labels, temperature=1.0):
    """Draws a picture for each label."""
    side = prior.config.grid
    codes = prior.sample(
        len(labels), grid=(side, side), seed=0, label=labels, temperature=temperature
    )
    return np.asarray(model.decode(codes))


def differing(training, samples):
    """Median of the RMS difference to the nearest training picture.

    For samples, and for training pictures, each compared with the others. A copied sample would
    have a difference of 0.
    """

    def distances(pictures, leave_out):
        left = pictures.reshape(len(pictures), -1).astype("float32")
        right = training.reshape(len(training), -1).astype("float32")
        squares = (left**2).sum(1)[:, None] + (right**2).sum(1) - 2 * left @ right.T
        if leave_out:
            np.fill_diagonal(squares, np.inf)
        return float(np.median(np.sqrt(np.maximum(squares.min(1), 0) / left.shape[1])))

    return {"samples": distances(samples, False), "training": distances(training, True)}


def table(figures):
    """The Markdown table, and a sentence on how far samples are from training pictures."""
    rows = [
        ["real test digits", f"{100 * figures['real']:.1f} %"],
        ["real test digits, encoded and decoded", f"{100 * figures['reconstructed']:.1f} %"],
        *(
            [f"samples at temperature {temperature}", f"{100 * rate:.1f} %"]
            for temperature, rate in figures["sampled"].items()
        ),
    ]
    apart = figures["differing"]
    return runs.table(["digits", "classified as requested"], rows) + (
        "\n\nThe RMS difference of a sample to its nearest training picture is "
        f"{apart['samples']:.0f} grey values, that of a training picture to its nearest other one "
        f"{apart['training']:.0f} (medians)."
    )


def draw(prior, model, path):
    """Draws a row for each digit: real ones, then samples."""
    images, labels = read("embedded:digits/test")
    cells = []
    for digit in range(10):
        cells += list(images[labels == digit][:SHOWN_REAL])
        cells += list(draw_class(prior, model, np.full(SHOWN, digit, np.int32)))
    runs.save(path, reporting.sheet(cells, columns=SHOWN_REAL + SHOWN))


def read(uri):
    """All pictures and labels of a split."""
    pictures = list(data.open_source(uri).pictures(channels=1))
    return (
        np.stack([picture["image"] for picture in pictures]),
        np.array([picture["label"] for picture in pictures]),
    )


def small(images):
    """Reduces pictures to the original form of the data set: 8x8 numbers from 0 to 16."""
    blocks = images.reshape(len(images), 8, 4, 8, 4).mean((2, 4))
    return blocks.reshape(len(images), 64) * (16 / 255)
