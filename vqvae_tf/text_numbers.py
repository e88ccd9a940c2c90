"""Parses whole numbers in text from users: flags, environment variables, names of classes."""

_MOST_DIGITS = 9  # Python refuses to parse a number of thousands of digits


def whole_number(text: str) -> int | None:
    """The number in a text of digits; None for other texts and for longer numbers.

    >>> whole_number("12"), whole_number("-1"), whole_number("9" * 5_000)
    (12, None, None)
    """
    return int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else None
