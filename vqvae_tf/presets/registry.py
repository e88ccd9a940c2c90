"""All presets by name."""

from collections.abc import Callable
from typing import Any

from vqvae_tf.config.autoencoder import AutoencoderConfig
from vqvae_tf.config.prior import PriorConfig
from vqvae_tf.errors import UserError, nearest
from vqvae_tf.presets import images, speech, videos

AUTOENCODERS: dict[str, Callable[[], AutoencoderConfig]] = {
    "photos": images.photos,
    "photos_two_level": images.photos_two_level,
    "cifar10": images.cifar10,
    "sonnet": images.sonnet,
    "imagenet": images.imagenet,
    "dmlab": images.dmlab,
    "digits": images.digits,
    "speech": speech.speech,
    "phonemes": speech.phonemes,
    "phonemes_from_waveforms": speech.phonemes_from_waveforms,
    "voices": speech.voices,
    "wavenet_voices": speech.wavenet_voices,
    "vctk": speech.vctk,
    "librispeech": speech.librispeech,
    "labmaze": videos.labmaze,
    "labmaze_space_time": videos.labmaze_space_time,
    "doom": videos.doom,
    "video": videos.video,
}
PRIORS: dict[str, Callable[[], PriorConfig]] = {
    "photos_prior": images.photos_prior,
    "photos_two_level_prior": images.photos_two_level_prior,
    "digits_prior": images.digits_prior,
    "speech_prior": speech.speech_prior,
    "librispeech_prior": speech.librispeech_prior,
    "labmaze_prior": videos.labmaze_prior,
    "doom_prior": videos.doom_prior,
    "video_prior": videos.video_prior,
}
PRESETS = {**AUTOENCODERS, **PRIORS}


def preset(name: str) -> Any:
    """The configuration called `name`.

    Raises:
        UserError: for an unknown name; the message suggests the nearest ones.

    >>> preset("cifar10").widths
    (256, 256)
    """
    if name not in PRESETS:
        raise UserError(f'unknown preset "{name}"; {nearest(name, PRESETS)}')
    return PRESETS[name]()
