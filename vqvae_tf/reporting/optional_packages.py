"""Imports optional packages when they are needed; an error names the missing one."""

import importlib
import types

from vqvae_tf.errors import UserError


def require(module: str) -> types.ModuleType:
    """Imports `module`, which the extra `report` installs.

    Args:
        module: dotted name, such as "matplotlib.figure".

    Returns:
        The imported module.

    Raises:
        UserError: if the package is not installed.

    >>> require("json").__name__
    'json'
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UserError(
            f"a report needs {module.partition('.')[0]}, which cannot be imported ({error}); "
            "install it by: pip install 'vqvae_tf[report]'"
        ) from error
