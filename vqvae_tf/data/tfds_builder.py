"""What pictures and sounds of TensorFlow Datasets share: builders, splits and classes."""

from typing import Any

from absl import logging

from vqvae_tf.errors import UserError, nearest, reason
from vqvae_tf.optional_packages import require

MOST_CLASSES = 2**20


def package() -> Any:
    """The module tensorflow_datasets; a `UserError` if it cannot be imported."""
    return require("tensorflow_datasets", "data", "tfds:")


def builder_of(uri: str, name: str) -> tuple[Any, str]:
    """The prepared TFDS builder and the split of NAME[/CONFIG][/SPLIT].

    Raises:
        UserError: there is none, or it cannot be prepared.
    """
    tfds = package()
    known = tfds.list_builders()
    parts = name.split("/")
    if parts[0].split(":")[0] not in known:
        # The names of all data sets are too many for one line.
        close = nearest(parts[0], known).partition("all: ")[0].rstrip(" (")
        raise UserError(f"{uri}: unknown data set; {close or 'tfds.list_builders() lists them'}")
    try:
        builder = tfds.builder(parts.pop(0))
        if parts and parts[0].split(":")[0] in builder.builder_configs:
            builder = tfds.builder(f"{builder.name}/{parts.pop(0)}")
        builder.download_and_prepare()
    except Exception as error:  # of the version, the network, the disk or the data set's code
        raise UserError(f"{uri}: TFDS cannot prepare the data set ({reason(error)})") from error
    split = "/".join(parts) or "train"
    if split.split("[")[0] not in builder.info.splits:
        raise UserError(f'{uri}: unknown split "{split}"; {nearest(split, builder.info.splits)}')
    return builder, split


def features_of(builder: Any) -> dict[str, Any]:
    """A builder's features by name; none if they have no names."""
    features = builder.info.features
    named = isinstance(features, package().features.FeaturesDict)
    return dict(features.items()) if named else {}


def shown_features(builder: Any) -> str:
    """Their names and kinds, as the end of an error message."""
    features = features_of(builder)
    found = ", ".join(f"{name} ({type(features[name]).__name__})" for name in sorted(features))
    return found or type(builder.info.features).__name__


def class_names(uri: str, label: Any) -> tuple[str, ...]:
    """Names of the classes of a feature that says which class an example is of, or none.

    Raises:
        UserError: there are too many.
    """
    if label is None:
        return ()
    if not isinstance(label, package().features.ClassLabel) or not label.num_classes:
        logging.warning(
            "%s: labels are not used; they are not class numbers but of type %s",
            uri,
            type(label).__name__,
        )
        return ()
    if label.num_classes > MOST_CLASSES:
        raise UserError(
            f"{uri}: {label.num_classes:,} classes are more than {MOST_CLASSES:,}; use a data set "
            "with fewer"
        )
    return tuple(label.names)


def split_info(uri: str, builder: Any, split: str) -> Any:
    """What TFDS knows of a split or a slice of one.

    Raises:
        UserError: there is none.
    """
    try:
        return builder.info.splits[split]
    except Exception as error:  # of a class that depends on the slice
        raise UserError(f'{uri}: no such part of a split as "{split}" ({reason(error)})') from error
