"""Opens the data of a job; a refusal names the presets that would take them."""

import contextlib
import logging
from typing import Any

from vqvae_tf import models
from vqvae_tf.errors import UserError
from vqvae_tf.media import Medium, medium_of
from vqvae_tf.presets import AUTOENCODERS

_AT_HAND = ("embedded:", "folder:", "manifest:")  # opened at once, without a download


def open_data(medium: Medium, uri: str) -> Any:
    """`medium.open_source`.

    Raises:
        UserError: if the medium refuses the URI; if another one takes it, the message names the
            presets of its models.
    """
    try:
        return medium.open_source(uri)
    except UserError as error:
        names = _presets_for(uri, medium) if str(uri).startswith(_AT_HAND) else []
        if not names:
            raise
        raise UserError(f"{error}; models of {_either(names)} take it") from None


def _presets_for(uri, refusing):
    """The presets of the first medium that opens `uri`."""
    by_medium: dict[Medium, list[str]] = {}
    for name, make in AUTOENCODERS.items():
        with contextlib.suppress(UserError):  # a family without a medium
            medium = medium_of(models.FAMILIES[models.family_of(make())])
            by_medium.setdefault(medium, []).append(name)
    by_medium.pop(refusing, None)
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)  # what another medium skips or leaves out
    try:
        for medium, names in by_medium.items():
            with contextlib.suppress(UserError):
                medium.open_source(uri)
                return names
    finally:
        logging.disable(disabled)
    return []


def _either(names):
    return f"the preset {names[0]}" if len(names) == 1 else f"the presets {', '.join(names)}"
