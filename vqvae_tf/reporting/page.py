"""A self-contained HTML page from a small typed structure, which loads nothing from outside.

A page has sections, and a section has blocks: plain paragraphs (str) and the dataclasses below.
Each dataclass has a macro of the same name in `page.html.j2`. To add a kind of block, add a
dataclass and a macro.
"""

import dataclasses
import importlib.resources
import itertools
import os
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from vqvae_tf import files
from vqvae_tf.errors import UserError
from vqvae_tf.optional_packages import require
from vqvae_tf.reporting import pictures, sounds


@dataclasses.dataclass(frozen=True)
class Picture:
    """Pixels.

    Attributes:
        image: uint8, `[height, width]` or `[height, width, 1 or 3]`; embedded without loss.
        alt: alternative text.
        caption: the line under it; may be empty.
        scale: magnification, without interpolation.
    """

    image: np.ndarray
    alt: str
    caption: str = ""
    scale: int = 1


@dataclasses.dataclass(frozen=True)
class Sound:
    """A sound with a player, under a picture of it.

    Attributes:
        audio: float `[time]` in [-1, 1]; embedded as 16-bit samples.
        sample_rate: in Hz.
        picture: its spectrogram; its caption is the line under the player, and its alternative text
            says what is heard.
    """

    audio: np.ndarray
    sample_rate: int
    picture: Picture


@dataclasses.dataclass(frozen=True)
class Film:
    """Frames that are shown one after the other.

    Attributes:
        frames: uint8 `[time, height, width, 1 or 3]`; embedded without loss.
        alt: alternative text.
        caption: the line under it.
    """

    frames: np.ndarray
    alt: str
    caption: str

    @property
    def image(self) -> np.ndarray:
        """All frames in one column."""
        return np.concatenate(list(self.frames))


@dataclasses.dataclass(frozen=True)
class Films:
    """Films of the same length that move together, with a slider over time.

    Without scripts all frames of each are below one another.

    Attributes:
        items: the films.
        marks: what is said of each moment, shown next to the slider.
        caption: the line under all of them.
        cell: minimal width of a film before the row wraps, in CSS pixels.
        rate: frames per second.
    """

    items: Sequence[Film]
    marks: Sequence[str]
    caption: str = ""
    cell: int = 160
    rate: int = 6

    def __post_init__(self):
        lengths = {len(self.marks), *(len(film.frames) for film in self.items)}
        if len(lengths) != 1 or not self.items:
            raise UserError(
                "films that move together must have as many frames as there are marks; received "
                f"{len(self.marks)} marks and {[len(film.frames) for film in self.items]} frames"
            )


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Two pictures of one size, side by side and overlaid with a slider.

    A narrow screen shows only the slider. Without scripts there is no slider.

    Attributes:
        before, after: the pictures; their captions are the labels of the two sides.
        caption: the line under both.
    """

    before: Picture
    after: Picture
    caption: str = ""


@dataclasses.dataclass(frozen=True)
class Gallery:
    """Pictures or sounds in a row that wraps on a narrow screen.

    Attributes:
        items: the pictures and sounds, each with a caption.
        caption: the line under all of them.
        cell: minimal width of an item before the row wraps, in CSS pixels.
    """

    items: Sequence[Picture | Sound]
    caption: str = ""
    cell: int = 160


@dataclasses.dataclass(frozen=True)
class Drawing:
    """A chart or a diagram.

    Attributes:
        svg: markup of `charts` or `diagram`, inserted without escaping: never untrusted input.
        alt: alternative text.
        caption: the line under it.
        wide: whether it is as wide as the text; charts are shown in pairs if there is space.
    """

    svg: str
    alt: str
    caption: str = ""
    wide: bool = False


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows under a header; the first cell of a row names it.

    Attributes:
        header: one text per column.
        rows: texts, as many per row as the header has.
        caption: the line above it.
        prose: whether cells hold words, not figures: they are then left-aligned and may wrap.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str
    prose: bool = False

    def __post_init__(self):
        for row in self.rows:
            if len(row) != len(self.header):
                raise UserError(
                    f'a row of table "{self.caption}" must have {len(self.header)} cells; '
                    f"received {len(row)}"
                )


@dataclasses.dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    items: Sequence[str]


@dataclasses.dataclass(frozen=True)
class Note:
    """A remark set apart from the text."""

    text: str


@dataclasses.dataclass(frozen=True)
class Commands:
    """Shell commands, each with a description: pairs (description, command)."""

    items: Sequence[tuple[str, str]]


@dataclasses.dataclass(frozen=True)
class Links:
    """Links for further reading: pairs (text, address). The page itself loads none of them."""

    items: Sequence[tuple[str, str]]


Block = (
    str
    | Picture
    | Sound
    | Films
    | Comparison
    | Gallery
    | Drawing
    | Table
    | Bullets
    | Note
    | Commands
    | Links
)


@dataclasses.dataclass(frozen=True)
class Section:
    """A heading and its blocks, in the order of reading."""

    title: str
    blocks: Sequence[Block]


@dataclasses.dataclass(frozen=True)
class Page:
    """The whole page.

    Attributes:
        title: the heading, and the browser's title.
        lead: the paragraph under it.
        sections: the sections, in the order of reading; their titles are the table of contents.
        key_figures: pairs (figure, description), shown large under the lead.
        footer: the last line: the machine and the versions with which the page was made.
    """

    title: str
    lead: str
    sections: Sequence[Section]
    key_figures: Sequence[tuple[str, str]] = ()
    footer: str = ""


def render(page: Page) -> str:
    """The page as HTML.

    Raises:
        UserError: if jinja2 is not installed.

    >>> html = render(Page("Report", "What came out.", [Section("Losses", ["They fell."])]))
    >>> ">Losses</h2>" in html, "://" in html
    (True, False)
    """
    jinja2 = require("jinja2", "report", "reports")
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["picture_uri"] = lambda image: pictures.data_uri(
        pictures.encode_webp(image)
    )
    environment.filters["sound_uri"] = lambda sound: pictures.data_uri(
        sounds.encode_wav(sound.audio, sound.sample_rate), "audio/wav"
    )
    environment.filters["kind"] = lambda block: type(block).__name__
    drawings = itertools.count(1)
    environment.filters["own_ids"] = lambda svg: _prefix_ids(svg, f"d{next(drawings)}-")
    template = importlib.resources.files(__package__).joinpath("page.html.j2").read_text("utf-8")
    return environment.from_string(template).render(page=page).strip() + "\n"


def _prefix_ids(svg: str, prefix: str) -> str:
    """Makes the ids of a drawing unique on the page: two charts may have the same clip path."""
    for mark in (' id="', "url(#", 'href="#'):
        svg = svg.replace(mark, mark + prefix)
    return svg


def write(page: Page, path: str | os.PathLike) -> None:
    """Writes the page to `path` atomically.

    Args:
        page: the page.
        path: path of the HTML file; its folder is created if it does not exist.

    Raises:
        UserError: if the file cannot be written, or jinja2 is not installed.

    >>> import tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "report.html")
    >>> write(Page("Report", "What came out.", []), path)
    >>> open(path, encoding="utf-8").read(15)
    '<!doctype html>'
    """
    html = render(page)
    path = os.fspath(path)
    with files.writing(path):
        tf.io.gfile.makedirs(os.path.dirname(path) or ".")
    files.write_text(path, html)
