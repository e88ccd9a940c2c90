"""Checks the report of the speech demo, as `check_report` does that of the pictures.

Usage: python -m tests.demo.check_speech_report demo_speech/report.html
"""

from tests.demo import whole_page
from tests.reporting import html_check

LARGEST = 12_000_000  # bytes of the page

# Heading -> pictures, drawings and players that it has at least.
SECTIONS = {
    "What am I looking at?": (0, 1, 0),
    "Sentences it has never heard": (12, 0, 12),  # three times original, two voices, the other's
    "What the codes know of speech sounds": (1, 0, 0),
    "What it costs: bits per second": (0, 1, 0),
    "Speech it made up": (5, 0, 5),
    "How training went": (0, 4, 0),
    "What to be wary of": (0, 0, 0),
    "Whose voices these are": (0, 0, 0),
    "What to do next": (0, 0, 0),
}


def check(text: str) -> html_check.Checker:
    """Asserts that a report is whole; returns what is on it."""
    assert len(text) < LARGEST, f"{len(text)} bytes"
    return whole_page.check(text, SECTIONS)


if __name__ == "__main__":
    whole_page.main(check)
