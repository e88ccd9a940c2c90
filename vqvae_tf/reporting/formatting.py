"""Numbers and times as text."""


def count(number: int) -> str:
    """A whole number with a thousands separator.

    >>> count(12000)
    '12,000'
    """
    return f"{number:,}"


def duration(seconds: float) -> str:
    """A time in minutes and seconds.

    >>> duration(4.21), duration(59.8), duration(75)
    ('4.2 s', '1 min 0 s', '1 min 15 s')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
