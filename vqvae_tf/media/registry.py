"""The medium of a model, by the key of its batches."""

from typing import Any

from vqvae_tf import models
from vqvae_tf.errors import UserError
from vqvae_tf.media.audio import AudioMedium
from vqvae_tf.media.image import ImageMedium
from vqvae_tf.media.medium import Medium
from vqvae_tf.media.video import VideoMedium

_MEDIA: dict[str, Medium] = {
    "image": ImageMedium(),
    "audio": AudioMedium(),
    "frames": VideoMedium(),
}


def medium_of(model: Any) -> Medium:
    """The medium of an autoencoder, or of its class.

    Raises:
        UserError: if none is registered for the key of its batches.
    """
    if model.data_key in _MEDIA:
        return _MEDIA[model.data_key]
    medium = models.medium_for(model.data_key)
    if medium is None:
        raise UserError(
            f'no medium has the key "{model.data_key}"; give one with the family: '
            "vqvae_tf.models.register(name, model_class, medium=...)"
        )
    return medium
