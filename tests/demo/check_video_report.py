"""Checks the report of the video demo, as `check_report` does that of the pictures.

Usage: python -m tests.demo.check_video_report demo_video/report.html
"""

from tests.demo import whole_page
from tests.reporting import html_check

LARGEST = 12_000_000  # bytes of the page

# Heading -> pictures (films are pictures of all their frames) and drawings that it has at least.
SECTIONS = {
    "What am I looking at?": (0, 1),
    "One start, three commands": (9, 0),  # three times what is real, what was imagined, its codes
    "Another start": (9, 0),
    "Does it come true?": (0, 4),
    "Does it heed the actions?": (0, 1),
    "How training went": (0, 3),
    "What to be wary of": (0, 0),
    "Where the walks come from": (0, 0),
    "What to do next": (0, 0),
}


def check(text: str) -> html_check.Checker:
    """Asserts that a report is whole; returns what is on it."""
    assert len(text) < LARGEST, f"{len(text)} bytes"
    return whole_page.check(text, SECTIONS)


if __name__ == "__main__":
    whole_page.main(check)
