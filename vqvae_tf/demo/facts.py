"""The data from which the report of the image demo is made."""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np

from vqvae_tf.demo.run_facts import Run, Stage
from vqvae_tf.errors import UserError

# Subjects of the embedded photographs, for alternative texts.
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
    """A held-out picture and its reconstruction.

    Attributes:
        name: short name, as in the credits: "chelsea".
        title: its subject, as in `SUBJECTS`: "a cat".
        original, reconstruction: uint8 `[height, width, 3]`.
        codes: whole numbers, `[rows, columns]`.
        ssim: structural similarity of the two, 0 to 1.
        prior_bits_per_code: mean bits per code under the prior, if it was run.
        shown: whether the picture is shown on the page (its figures always count).
        searched: the reconstruction from codes of a search, if there was one.
        searched_bits_per_code: mean bits per code of those under the prior.
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
        """Side of the square of pixels per code."""
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
class ExportCheck:
    """A comparison of the exported model, run in another process, with the trained one.

    Attributes:
        format: "SavedModel".
        path: its path, as the reader would type it.
        pictures: number of pictures encoded by both.
        codes: number of codes compared.
        equal: number of equal codes.
        seconds: time of the whole check, including loading.
    """

    format: str
    path: str
    pictures: int
    codes: int
    equal: int
    seconds: float


@dataclasses.dataclass(frozen=True)
class ImageFacts:
    """The data of the demo's page; all statements on it are computed from these.

    Attributes:
        codebook: `[num_embeddings, dimension]`.
        code_counts: uses of every code in the training set, `[num_embeddings]`.
        new_photographs: pictures that are not in the training set.
        new_regions: held-out parts of training pictures.
        training_photographs: number of training pictures.
        autoencoder, prior: the two trainings.
        prior_tile: side of the prior's training crops, in pixels.
        samples: new pictures, by class.
        independent: a picture decoded from codes drawn independently by their frequencies, for
            comparison with the prior; uint8 `[height, width, 3]` or None.
        export: the check of the exported model.
        run: times, versions and machine of the run.
        credits: photograph -> author and licence, including training photographs.
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
    run: Run
    credits: Mapping[str, str]
    independent: np.ndarray | None = None

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
