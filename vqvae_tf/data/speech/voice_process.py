"""Programs that speak, each in a process of its own."""

import subprocess
from collections.abc import Sequence

from vqvae_tf.errors import UserError


def run(name: str, command: Sequence[str], way_out: str, given: bytes | None = None) -> bytes:
    """What a program prints.

    Args:
        name: of the program, for the message.
        command: the program and its arguments.
        way_out: what to do if it fails, the end of the message.
        given: its standard input.

    Raises:
        UserError: it fails, with the last line that it wrote.
    """
    process = subprocess.run(command, input=given, capture_output=True)
    if process.returncode:
        lines = process.stderr.decode(errors="replace").strip().splitlines()
        why = lines[-1] if lines else f"status {process.returncode}"
        raise UserError(f"{name} cannot speak ({why}); {way_out}")
    return process.stdout
