"""Class-conditional digits: does a classifier of real digits see what was asked for?"""

import numpy as np
import runs
from sklearn import svm

from vqvae_tf import data, reporting

SAMPLES = 100  # of each digit
SHOWN_REAL, SHOWN = 6, 12
TEMPERATURES = (1.0, 0.8, 0.5)


def agreement(prior, model):
    """Share of digits that the classifier names rightly: real ones, decoded ones, samples."""
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
    """A picture for each label."""
    side = prior.config.grid
    codes = prior.sample(
        len(labels), grid=(side, side), seed=0, label=labels, temperature=temperature
    )
    return np.asarray(model.decode(codes))


def differing(training, samples):
    """Root of the mean squared error to the nearest training picture: medians.

    Of samples, and of the training pictures among themselves; a copied sample would be at 0.
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
    """Markdown."""
    rows = [
        ["real test digits", f"{100 * figures['real']:.1f} %"],
        ["the same, encoded and decoded", f"{100 * figures['reconstructed']:.1f} %"],
        *(
            [f"samples at temperature {temperature}", f"{100 * rate:.1f} %"]
            for temperature, rate in figures["sampled"].items()
        ),
    ]
    apart = figures["differing"]
    return runs.table(["digits", "named as asked for"], rows) + (
        "\n\nThe nearest training picture of a sample is "
        f"{apart['samples']:.0f} grey values away (median over samples of the root of the mean "
        f"squared difference), that of a training picture {apart['training']:.0f}."
    )


def draw(prior, model, path):
    """Real digits beside samples, a line each."""
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
    """As the real ones were: 8x8 numbers from 0 to 16."""
    blocks = images.reshape(len(images), 8, 4, 8, 4).mean((2, 4))
    return blocks.reshape(len(images), 64) * (16 / 255)
