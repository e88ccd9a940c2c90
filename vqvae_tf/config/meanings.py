"""What the fields of a configuration mean, from the docstrings of its classes."""

import dataclasses
import inspect
import re
import typing

_SECTION = re.compile(r"^Attributes\b.*:$\n((?:^    .*$\n?|^$\n?)*)", re.MULTILINE)
_ENTRY = re.compile(
    r"^    ((?:\w+, )*\w+(?:,\n +(?:\w+, )*\w+)*): ((?:.+\n?)(?:^ {8}.*\n?)*)", re.M
)


def meanings(cls: type) -> dict[str, str]:
    """The text about each field of a configuration's class, and of those nested in it, by name.

    A class documents its fields under "Attributes:", one or several names before a colon. Those of
    its bases count too.

    >>> from vqvae_tf.config import TrainingConfig
    >>> meanings(TrainingConfig)["clip_norm"]
    "bound on the gradients' global norm; 0 turns it off."
    """
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        section = _SECTION.search(inspect.cleandoc(vars(base).get("__doc__") or ""))
        for names, text in _ENTRY.findall(section[1]) if section else ():
            found |= dict.fromkeys(re.split(r",\s*", names), " ".join(text.split()))
    hints = typing.get_type_hints(cls)
    for field in dataclasses.fields(cls):
        hint = hints[field.name]
        if dataclasses.is_dataclass(hint):
            inner = meanings(typing.cast(type, hint))
            found |= {f"{field.name}.{name}": text for name, text in inner.items()}
    return found
