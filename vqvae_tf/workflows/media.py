"""What a model is of, pictures or sounds -> the module that knows how the jobs handle these.

Each such module offers the same functions: `open_source`, `fitted`, `batches`, `measure`,
`reconstruct`, `code_maps` and `write_samples`. A new medium is a new module.
"""

import types
from typing import Any

from vqvae_tf.workflows import pictures, sounds

_MEDIA = {"image": pictures, "audio": sounds}


def medium_of(model: Any) -> types.ModuleType:
    """The module for an autoencoder or its class."""
    return _MEDIA[model.data_key]
