"""Samples next to real photographs, and inpainted halves."""

import numpy as np
import runs

from vqvae_tf import data, reporting
from vqvae_tf.data import embedded

CLASSES = ("gravel", "hubble", "coffee", "brick", "ihc", "flower")
REGIONS = ("coffee", "brick")
SIDE = 128  # pixels
GREY = 128
# Upper left corners of the crops that are inpainted.
PIECES = {"chelsea": (80, 130), "china": (150, 300)}


def draw_samples(one_level, two_level, path):
    """Draws two real crops and two samples of each model for each class."""
    names = list(embedded.TRAINING)
    labels = np.repeat([names.index(name) for name in CLASSES], 2).astype("int32")
    drawn = []
    for prior, model in (one_level, two_level):
        side = SIDE // model.config.stride
        codes = prior.sample(len(labels), grid=(side, side), seed=0, label=labels)
        drawn.append(np.asarray(model.decode(codes)))
    cells = []
    photographs = {p["name"]: p["image"] for p in data.open_source("embedded:photos").pictures()}
    for number, name in enumerate(CLASSES):
        image = photographs[name]
        cells += [image[40:][:SIDE, :SIDE], image[200:][:SIDE, 100:][:, :SIDE]]
        cells += [pictures[2 * number + i] for pictures in drawn for i in range(2)]
    runs.save(path, reporting.sheet(cells, columns=6))


def draw_inpainting(prior, model, path):
    """Draws rows of the whole reconstruction, the given half, and three samples of the rest."""
    rows = []
    new = {p["name"]: p["image"] for p in data.open_source("embedded:photos/photo").pictures()}
    for name, (top, left) in PIECES.items():
        rows.append((new[name][top:, left:], None))
    for picture in data.open_source("embedded:photos/region").pictures():
        if picture["name"] in REGIONS:
            rows.append((picture["image"][150:], picture["label"]))
    cells = []
    for (image, label), half in zip(rows, ("top", "left", "top", "left"), strict=True):
        codes = np.asarray(model.encode(image[None, :SIDE, :SIDE]))
        given = np.ones(codes.shape[1:3], bool)
        middle = given.shape[0] // 2
        if half == "top":
            given[middle:] = False
        else:
            given[:, middle:] = False
        prefix = np.where(given, codes, -1)
        filled = prior.sample(3, grid=given.shape, seed=0, prefix=prefix, label=label)
        whole = np.asarray(model.decode(codes))[0]
        shown = reporting.enlarge(given[..., None], model.config.stride)
        cells += [whole, np.where(shown, whole, GREY).astype(np.uint8)]
        cells += list(np.asarray(model.decode(filled)))
    runs.save(path, reporting.sheet(cells, columns=5))
