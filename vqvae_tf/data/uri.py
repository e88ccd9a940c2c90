"""Opens the data source of a URI."""

from collections.abc import Iterable
from typing import Any

from vqvae_tf import arguments
from vqvae_tf.data import disk, images
from vqvae_tf.data.codes import CodeRecords
from vqvae_tf.data.digits import EmbeddedDigits
from vqvae_tf.data.embedded import EmbeddedPhotos
from vqvae_tf.data.episode_folder import EpisodeFolder
from vqvae_tf.data.episode_records import EpisodeRecords
from vqvae_tf.data.episodes import EpisodeSource
from vqvae_tf.data.first_person import NAMES, EmbeddedEpisodes
from vqvae_tf.data.folder import Folder
from vqvae_tf.data.record_files import shards
from vqvae_tf.data.sound_folder import SoundFolder
from vqvae_tf.data.sound_manifest import SoundManifest
from vqvae_tf.data.sounds import SoundSource
from vqvae_tf.data.speech import EmbeddedSpeech
from vqvae_tf.data.tfds import TensorFlowDatasets
from vqvae_tf.data.tfds_episodes import TensorFlowDatasetsEpisodes
from vqvae_tf.data.tfds_sounds import TensorFlowDatasetsSounds
from vqvae_tf.data.tfrecord import ImageRecords
from vqvae_tf.errors import UserError, nearest

EMBEDDED = {"photos": EmbeddedPhotos, "digits": EmbeddedDigits}
SCHEMES = ("codes", "embedded", "folder", "tfds", "tfrecord")
EMBEDDED_SOUNDS = ("speech", "speech_small")
SOUND_SCHEMES = ("embedded", "folder", "manifest", "tfds")
EPISODE_SCHEMES = ("embedded", "folder", "tfds", "tfrecord")


def open_source(uri: str, max_pixels: int = images.MAX_PIXELS, condition: str = "label") -> Any:
    """Opens the source of a data URI.

    - `embedded:photos[/train|validation|region|photo]`: photographs inside installed packages;
    - `embedded:digits[/train|test]`: handwritten digits inside scikit-learn;
    - `folder:PATH`: picture files in a folder and below it;
    - `tfds:NAME[/CONFIG][/SPLIT]`: a data set of TensorFlow Datasets;
    - `tfrecord:GLOB`: TFRecord files of pictures;
    - `codes:GLOB`: TFRecord files of code maps.

    Args:
        uri: one of the above.
        max_pixels: larger pictures are skipped, before they are decoded.
        condition: name of the classes of code maps: `label`, or `speaker` for sounds.

    Returns:
        A `Source` of pictures, or for `codes:` a `CodeRecords`.

    Raises:
        UserError: the scheme, the name or the split is unknown, or there is nothing to read.

    >>> source = open_source("embedded:photos/region")
    >>> len(source), next(source.pictures())["image"].shape
    (13, (512, 128, 3))
    """
    scheme, rest = _divided(uri, SCHEMES, "data source")
    uri = disk.printable(uri)  # for messages
    match scheme:
        case "embedded":
            name, split = _embedded(uri, rest, EMBEDDED)
            return EMBEDDED[name](uri, split)
        case "folder":
            return Folder(uri, rest, max_pixels)
        case "tfds":
            return TensorFlowDatasets(uri, disk.printable(rest), max_pixels)
        case "tfrecord":
            return ImageRecords(uri, rest, max_pixels)
        case _:
            return CodeRecords(uri, shards(uri, rest), condition)


def open_sounds(uri: str) -> SoundSource:
    """Opens the sounds that a data URI names.

    - `embedded:speech[/train|validation|test|unseen_validation|unseen_test]`: speech made by the
      synthesisers that are installed, or a tenth of it, `embedded:speech_small`;
    - `folder:PATH`: sound files in a folder and below it;
    - `manifest:PATH[/SPLIT]`: sound files that a CSV or JSONL file lists;
    - `tfds:NAME[/CONFIG][/SPLIT]`: a data set of TensorFlow Datasets.

    Args:
        uri: one of the above.

    Raises:
        UserError: the scheme or the split is unknown, or there is nothing to read.
    """
    scheme, rest = _divided(uri, SOUND_SCHEMES, "source of sounds")
    uri = disk.printable(uri)
    match scheme:
        case "embedded":
            name, split = _embedded(uri, rest, EMBEDDED_SOUNDS)
            return EmbeddedSpeech(uri, split, name)
        case "folder":
            return SoundFolder(uri, rest)
        case "tfds":
            return TensorFlowDatasetsSounds(uri, disk.printable(rest))
        case _:
            return SoundManifest(uri, rest)


def open_episodes(uri: str) -> EpisodeSource:
    """Opens the episodes that a data URI names: frames and what was done at each.

    - `embedded:doom[/train|validation|test|other_map]`: walks through Doom, and
      `embedded:labmaze[/train|validation|test|other_style]`: walks through mazes, recorded on the
      spot; `embedded:doom_84`, `embedded:labmaze_84` with larger frames, `embedded:doom_small`,
      `embedded:labmaze_small` with few small ones;
    - `folder:PATH`: NPZ files, videos or folders of pictures, in a folder and below it;
    - `tfds:NAME[/CONFIG][/SPLIT]`: a data set of TensorFlow Datasets;
    - `tfrecord:GLOB`: TFRecord files of episodes.

    Args:
        uri: one of the above.

    Raises:
        UserError: the scheme, the name or the split is unknown, a package is missing, or there is
            nothing to read.
    """
    scheme, rest = _divided(uri, EPISODE_SCHEMES, "source of episodes")
    uri = disk.printable(uri)
    match scheme:
        case "embedded":
            name, split = _embedded(uri, rest, NAMES)
            return EmbeddedEpisodes(uri, split, name)
        case "folder":
            return EpisodeFolder(uri, rest)
        case "tfds":
            return TensorFlowDatasetsEpisodes(uri, disk.printable(rest))
        case _:
            return EpisodeRecords(uri, rest)


def _divided(uri: str, schemes: tuple[str, ...], what: str) -> tuple[str, str]:
    """The scheme, which must be one of `schemes`, and the rest of the URI."""
    scheme, separator, rest = arguments.text("data", uri).partition(":")
    uri = disk.printable(uri)
    if not separator or scheme not in schemes:
        raise UserError(f'unknown {what} "{uri}"; give SCHEME:NAME; {nearest(scheme, schemes)}')
    if not rest:
        raise UserError(f'"{uri}" has no name; give {scheme}:NAME')
    return scheme, rest


def _embedded(uri: str, rest: str, known: Iterable[str]) -> tuple[str, str]:
    """The name, which must be one of `known`, and the split."""
    name, _, split = disk.printable(rest).partition("/")
    if name not in known:
        raise UserError(f'{uri}: unknown name "{name}"; {nearest(name, known)}')
    return name, split or "train"
