"""Every kind of block on one page: valid, self-contained, escaped; written whole or not at all."""

import base64
import io
import re
import wave

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.reporting import html_check
from vqvae_tf import optional_packages, reporting
from vqvae_tf.errors import UserError
from vqvae_tf.reporting import page

PIXELS = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
PICTURE = page.Picture(PIXELS, "a gradient", "four by four", scale=4)
SOUND = page.Sound(np.sin(np.arange(80) / 5), 8_000, page.Picture(PIXELS, "a tone", "it hums"))
FILM = page.Film(np.stack([PIXELS, PIXELS[::-1], PIXELS]), "it turns", "turning")
BLOCKS = (
    "Text with <tags> & signs.",
    PICTURE,
    SOUND,
    page.Comparison(PICTURE, page.Picture(PIXELS[::-1], "upside down", "turned"), "both"),
    page.Gallery([PICTURE, SOUND], "two"),
    page.Drawing(reporting.usage([3, 1]), "falling bars", "usage"),
    page.Table(("name", "figure"), [("a", "1"), ("<b>", "2")], "figures"),
    page.Bullets(["one", "two"]),
    page.Note("careful"),
    page.Commands([("Run it", "vqvae-train --preset=photos")]),
    page.Links([("The paper", "https://arxiv.org/abs/1711.00937")]),
    page.Films([FILM, FILM], ("given", "imagined 1", "imagined <2>"), "together"),
)
PAGE = page.Page(
    "Title & more",
    "Lead",
    [page.Section("First", BLOCKS), page.Section("Second", []), page.Section("Third", ["x"])],
    key_figures=[("43 : 1", "bits")],
    footer="made here",
)


def test_page_with_every_block_is_valid_and_self_contained():
    checked = html_check.check(page.render(PAGE))
    assert len(checked.all("figure")) == 10  # some of them within others
    assert len(checked.all("section")) == 3 and len(checked.all("nav")) == 1
    assert [cell.get("scope") for cell in checked.all("th")] == ["col", "col", "row", "row"]


def test_blocks_are_the_ones_that_pages_know():
    kinds = {type(block) for block in BLOCKS}
    assert kinds == set(page.Block.__args__), "a new kind of block belongs on this test's page"


def test_films_hold_all_frames_and_a_word_for_each():
    text = page.render(page.Page("Films", "Lead", [page.Section("One", [BLOCKS[-1]])]))
    checked = html_check.check(text)
    for image in checked.all("img"):
        encoded = base64.b64decode(image["src"].partition(",")[2])
        with Image.open(io.BytesIO(encoded)) as shown:
            np.testing.assert_array_equal(np.asarray(shown), FILM.frames.reshape(12, 4, 3))
    assert [each for each in checked.texts if "imagined" in each] == ["imagined 1", "imagined <2>"]
    for marks in (("one", "two"), ()):
        with pytest.raises(UserError, match="as many frames as there are marks"):
            page.Films([FILM], marks)


def test_text_is_escaped_everywhere():
    text = page.render(PAGE)
    assert "&lt;tags&gt; &amp; signs" in text and "&lt;b&gt;" in text and "<b>" not in text
    assert "<title>Title &amp; more</title>" in text


def test_the_same_chart_twice_keeps_ids_apart_and_references_whole():
    charts = [page.Section("Twice", [BLOCKS[5], BLOCKS[5]])]
    text = page.render(page.Page("Title", "", charts))
    html_check.check(text)
    ids = set(re.findall(r' id="(d[^"]+)"', text))
    assert len(ids) > 2 and ids == set(re.findall(r'(?:url\(|href=")#(d[^")]+)', text))


def test_enlarged_pictures_keep_their_pixels_sharp():
    images = html_check.check(page.render(PAGE)).all("img")
    sizes = {(image["width"], image.get("class")) for image in images}
    assert sizes == {("16", "pixels"), ("4", None), ("4", "pixels")}  # films always


def test_sounds_are_embedded_as_wav_files_with_a_text():
    first, second = html_check.check(page.render(PAGE)).all("audio")
    assert first == second and first["aria-label"] == "a tone" and "controls" in first
    kind, _, data = first["src"].partition(";base64,")
    assert kind == "data:audio/wav"
    with wave.open(io.BytesIO(base64.b64decode(data))) as file:
        assert file.getparams()[:4] == (1, 2, 8_000, 80)
        samples = np.frombuffer(file.readframes(80), "<i2")
    np.testing.assert_array_equal(samples, np.rint(32_767 * np.sin(np.arange(80) / 5)))


def test_page_cannot_fetch_anything():
    policy = next(
        meta["content"]
        for meta in html_check.check(page.render(PAGE)).all("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    )
    assert "default-src 'none'" in policy and "img-src data:" in policy and "http" not in policy


def test_same_page_gives_same_bytes():
    assert page.render(PAGE) == page.render(PAGE)


def test_write_replaces_and_leaves_nothing_aside(tmp_path):
    path = tmp_path / "deep" / "report.html"
    page.write(PAGE, path)
    page.write(page.Page("Other", "", []), str(path))
    assert "<title>Other</title>" in path.read_text(encoding="utf-8")
    assert [file.name for file in path.parent.iterdir()] == ["report.html"]


def test_a_failed_write_keeps_the_old_page(tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    page.write(PAGE, path)
    before = path.read_bytes()

    def no_room(*arguments, **keywords):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    monkeypatch.setattr(tf.io.gfile, "rename", no_room)
    with pytest.raises(UserError, match="cannot write .*No space left on device"):
        page.write(page.Page("Other", "", []), path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


def test_a_file_in_the_folders_place_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write .*file"):
        page.write(PAGE, tmp_path / "file" / "report.html")


def test_table_rows_must_fit_the_header():
    with pytest.raises(UserError, match='table "figures" must have 2 cells; received 1'):
        page.Table(("a", "b"), [("1",)], "figures")


def _hide(monkeypatch, package):
    import_module = optional_packages.importlib.import_module

    def hidden(name):
        if name.partition(".")[0] == package:
            raise ModuleNotFoundError(f"No module named '{package}'")
        return import_module(name)

    monkeypatch.setattr(optional_packages.importlib, "import_module", hidden)


@pytest.mark.parametrize(
    "package, call",
    [("jinja2", lambda: page.render(PAGE)), ("matplotlib", lambda: reporting.usage([1, 2]))],
)
def test_missing_extra_is_named(monkeypatch, package, call):
    _hide(monkeypatch, package)
    with pytest.raises(UserError, match=rf"cannot import {package} .*vqvae_tf\[report\]"):
        call()
