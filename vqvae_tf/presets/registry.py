"""A preset by its name."""

from collections.abc import Callable
from typing import Any

from vqvae_tf.errors import UserError, nearest
from vqvae_tf.presets import images, speech

PRESETS: dict[str, Callable[[], Any]] = {
    make.__name__: make
    for make in (
        images.photos,
        images.cifar10,
        images.sonnet,
        images.imagenet,
        images.dmlab,
        images.photos_prior,
        images.photos_two_level,
        images.photos_two_level_prior,
        images.digits,
        images.digits_prior,
        speech.speech,
        speech.speech_prior,
    )
}


def preset(name: str) -> Any:
    """The configuration called `name`.

    Raises:
        UserError: for an unknown name; the nearest ones are shown.

    >>> preset("cifar10").widths
    (256, 256)
    """
    if name not in PRESETS:
        raise UserError(f'unknown preset "{name}"; {nearest(name, PRESETS)}')
    return PRESETS[name]()
