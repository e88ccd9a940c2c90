"""Checks the demo's report: every section is there, and nothing in it is empty or not a number.

Usage: python -m tests.demo.check_report demo/report.html
"""

import base64
import io
import re
import sys

import numpy as np
from PIL import Image

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
    page = html_check.check(text)
    assert list(page.sections) == list(SECTIONS)
    for heading, (pictures, drawings) in SECTIONS.items():
        tags, texts = page.sections[heading]
        names = [name for name, _ in tags]
        assert names.count("img") >= pictures, f"{heading}: {names.count('img')} pictures"
        assert names.count("svg") >= drawings, f"{heading}: {names.count('svg')} drawings"
        assert sum(map(len, texts)) > 100, f"{heading}: says next to nothing"
    words = set(re.findall(r"\w+", " ".join(page.texts)))
    assert not words & {"nan", "NaN", "inf", "None"}, "a figure that is none"
    for image in page.all("img"):
        pixels = pixels_of(image["src"])
        size = (int(image["height"]), int(image["width"]))
        assert pixels.shape[0] and size[0] % pixels.shape[0] == size[1] % pixels.shape[1] == 0
        assert np.ptp(pixels) > 0, f"a picture of one colour: {image['alt']}"
    for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        assert re.search(r"<(path|image|use|rect)\b", svg) and "<text" in svg, "an empty drawing"
        assert not re.search(r'[" ,(](nan|inf)\b', svg, re.IGNORECASE)
    return page


def pixels_of(uri: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))))


if __name__ == "__main__":
    (path,) = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        found = check(file.read())
    print(f"{path}: {len(found.sections)} sections, {len(found.all('img'))} pictures, all whole")
