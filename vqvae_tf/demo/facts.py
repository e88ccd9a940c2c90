"""What the page of the image demo is made from."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vqvae_tf.errors import UserError

# What the embedded photographs show, for those who do not see them.
SUBJECTS = {
    "astronaut": "an astronaut",
    "coffee": "a cup of coffee",
    "rocket": "a rocket before its launch",
    "motorcycle": "a motorcycle",
    "flower": "a flower",
    "retina": "the retina of an eye",
    "ihc": "stained tissue under a microscope",
    "hubble": "distant galaxies",
    "camera": "a man with a camera",
    "brick": "a brick wall",
    "grass": "grass",
    "gravel": "gravel",
    "coins": "ancient coins",
    "chelsea": "a cat",
    "china": "a pagoda above a lake",
}


@dataclasses.dataclass(frozen=True)
class Photograph:
    """A held-out picture and what came back of it.

    Attributes:
        name: short, as in the credits: "chelsea".
        title: what it shows, within a sentence, as in `SUBJECTS`: "a cat".
        original, reconstruction: uint8 `[height, width, 3]`.
        codes: whole numbers, `[rows, columns]`.
        ssim: structural similarity of the two, 0 to 1.
        prior_bits_per_code: mean bits that the prior needs for one of these codes, if it was run.
        shown: whether the picture appears on the page (its figures always count).
        searched: what came back of codes searched by the decoder's error, if that was done.
        searched_bits_per_code: what the prior needs for one of those.
    """

    name: str
    title: str
    original: np.ndarray
    reconstruction: np.ndarray
    codes: np.ndarray
    ssim: float
    prior_bits_per_code: float | None = None
    shown: bool = True
    searched: np.ndarray | None = None
    searched_bits_per_code: float | None = None

    def __post_init__(self):
        if self.original.shape != self.reconstruction.shape or self.codes.ndim != 2:
            raise UserError(
                f'photograph "{self.name}" needs a reconstruction of its own shape '
                f"{list(self.original.shape)} and codes of [rows, columns]; received "
                f"{list(self.reconstruction.shape)} and {list(self.codes.shape)}"
            )

    @property
    def pixels(self) -> int:
        return self.original.shape[0] * self.original.shape[1]

    @property
    def cell(self) -> int:
        """Side of the square of pixels that one code stands for."""
        return math.ceil(self.original.shape[0] / self.codes.shape[0])


@dataclasses.dataclass(frozen=True)
class Samples:
    """New pictures of one class.

    Attributes:
        label: the class's name.
        images: uint8 `[count, height, width, 3]`.
    """

    label: str
    images: np.ndarray


@dataclasses.dataclass(frozen=True)
class Stage:
    """One of the two trainings.

    Attributes:
        title: "The autoencoder", "The prior".
        steps, batch_size, parameters: how long, how many at a time, how many weights.
        seconds: wall-clock time.
        rows: of its `metrics.csv`, as `csv.DictReader` yields them.
        curves: the columns to draw: column -> name in the legend.
        y_label: what they measure, with the unit.
        log: draw the upright axis logarithmic.
    """

    title: str
    steps: int
    batch_size: int
    parameters: int
    seconds: float
    rows: Sequence[Mapping[str, Any]]
    curves: Mapping[str, str]
    y_label: str
    log: bool = False


@dataclasses.dataclass(frozen=True)
class ExportCheck:
    """The exported model, run by a process of its own, against the trained one.

    Attributes:
        format: "SavedModel".
        path: where it is, as the reader would type it.
        pictures: how many were encoded by both.
        codes: how many codes were compared.
        equal: how many of them were the same.
        seconds: of the whole check, loading included.
    """

    format: str
    path: str
    pictures: int
    codes: int
    equal: int
    seconds: float


@dataclasses.dataclass(frozen=True)
class ImageFacts:
    """All that the demo's page says follows from these.

    Attributes:
        codebook: `[num_embeddings, dimension]`.
        code_counts: uses of every code in the training set, `[num_embeddings]`.
        new_photographs: pictures of which nothing was trained on.
        new_regions: held-out parts of pictures that were trained on.
        training_photographs: how many pictures were trained on.
        autoencoder, prior: the two trainings.
        prior_tile: side of the pieces that the prior learned from, in pixels.
        samples: new pictures, by class.
        independent: a picture decoded from codes drawn one by one by their frequency, to see what
            the prior adds; uint8 `[height, width, 3]` or None.
        export: the check of the exported model.
        timings: (what, seconds) of every part of the run, in order.
        total_seconds: of the whole run, over all starts.
        seed: of the run.
        machine: in words: "2 CPU cores (AVX-512), 8 GB".
        versions: package -> version.
        credits: photograph -> whose it is and under which licence; of training ones too.
        commands: (what it does, command): what to try next.
        starts: how often the run was started until it was complete.
    """

    codebook: np.ndarray
    code_counts: np.ndarray
    new_photographs: Sequence[Photograph]
    new_regions: Sequence[Photograph]
    training_photographs: int
    autoencoder: Stage
    prior: Stage
    prior_tile: int
    samples: Sequence[Samples]
    export: ExportCheck
    timings: Sequence[tuple[str, float]]
    total_seconds: float
    seed: int
    machine: str
    versions: Mapping[str, str]
    credits: Mapping[str, str]
    commands: Sequence[tuple[str, str]]
    independent: np.ndarray | None = None
    starts: int = 1

    def __post_init__(self):
        for name in ("new_photographs", "new_regions", "samples"):
            if not len(getattr(self, name)):
                raise UserError(f"the demo's page needs at least one of {name}; received none")
        for photograph in (*self.new_photographs, *self.new_regions):
            if photograph.shown and photograph.name not in self.credits:
                raise UserError(
                    f'photograph "{photograph.name}" is shown without a credit; add it to credits '
                    "or set shown=False"
                )
