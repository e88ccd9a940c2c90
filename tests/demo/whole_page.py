"""What every demo's report must be: all sections there, nothing in them empty or not a number."""

import base64
import io
import re
import sys
import wave
from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image

from tests.reporting import html_check


def check(text: str, sections: Mapping[str, tuple[int, ...]]) -> html_check.Checker:
    """Asserts that a report is whole; returns what is on it.

    Args:
        text: the page.
        sections: heading -> pictures, drawings and, where there are some, players that it has at
            least.
    """
    page = html_check.check(text)
    assert list(page.sections) == list(sections)
    for heading, least in sections.items():
        tags, texts = page.sections[heading]
        names = [name for name, _ in tags]
        for tag, number in zip(("img", "svg", "audio"), least, strict=False):
            assert names.count(tag) >= number, f"{heading}: {names.count(tag)} of {tag}"
        assert sum(map(len, texts)) > 100, f"{heading}: says next to nothing"
    words = set(re.findall(r"\w+", " ".join(page.texts)))
    assert not words & {"nan", "NaN", "inf", "None"}, "a figure that is none"
    for image in page.all("img"):
        pixels = np.asarray(Image.open(io.BytesIO(_data_of(image["src"]))))
        size = (int(image["height"]), int(image["width"]))
        assert pixels.shape[0] and size[0] % pixels.shape[0] == size[1] % pixels.shape[1] == 0
        assert np.ptp(pixels) > 0, f"a picture of one colour: {image['alt']}"
    for sound in page.all("audio"):
        with wave.open(io.BytesIO(_data_of(sound["src"]))) as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        assert sound["aria-label"] and samples.any(), f"silence: {sound['aria-label']}"
    for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        assert re.search(r"<(path|image|use|rect)\b", svg) and "<text" in svg, "an empty drawing"
        assert not re.search(r'[" ,(](nan|inf)\b', svg, re.IGNORECASE)
    return page


def _data_of(uri: str) -> bytes:
    return base64.b64decode(uri.partition(",")[2])


def main(check_text: Callable[[str], html_check.Checker]) -> None:
    """Checks the file that the command line names."""
    (path,) = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        found = check_text(file.read())
    counts = ", ".join(
        f"{len(found.all(tag))} {words}"
        for tag, words in (("img", "pictures"), ("audio", "players"))
        if found.all(tag)
    )
    print(f"{path}: {len(found.sections)} sections, {counts}, all whole")
