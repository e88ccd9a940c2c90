"""Checks the demo's report: every section is there, and nothing in it is empty or not a number.

Usage: python -m tests.demo.check_report demo/report.html
"""

from tests.demo import whole_page
from tests.reporting import html_check

# Heading -> pictures and drawings that it has at least.
SECTIONS = {
    "What am I looking at?": (0, 1),
    "Photographs it has never seen": (14, 0),  # of two: sliders, code map, JPEGs, three pieces
    "New parts of photographs it knows": (1, 0),
    "What it costs: bits compared with JPEG": (0, 3),
    "Pictures it made up": (2, 0),
    "How training went": (0, 3),
    "The exported model": (0, 0),
    "What to be wary of": (0, 0),
    "Whose photographs these are": (0, 0),
    "What to do next": (0, 0),
}


def check(text: str) -> html_check.Checker:
    """Asserts that a report is whole; returns what is on it."""
    return whole_page.check(text, SECTIONS)


if __name__ == "__main__":
    whole_page.main(check)
