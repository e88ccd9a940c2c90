"""Imports optional packages when they are needed; an error names the missing one."""

import importlib
import types

from vqvae_tf.errors import UserError, reason


def require(module: str, extra: str, use: str) -> types.ModuleType:
    """Imports `module`, which an extra installs.

    Args:
        module: dotted name, such as "matplotlib.figure".
        extra: the extra that installs it.
        use: what needs it, for the message.

    Returns:
        The imported module.

    Raises:
        UserError: if the package is not installed, or damaged.

    >>> require("json", "report", "reports").__name__
    'json'
    """
    package = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except Exception as error:  # a package that does not fit another one may raise any error
        raise UserError(
            f"cannot import {package} for {use} ({reason(error)}); "
            f'install it with: pip install "vqvae_tf[{extra}]"'
        ) from error
