"""Charts are well-formed SVG whose text is text, and whose colours belong to the page."""

import re
import xml.etree.ElementTree

import numpy as np
import pytest

from vqvae_tf.errors import UserError
from vqvae_tf.reporting import charts, codecs

ROWS = [{"step": str(step), "loss": str(1 / step), "late": ""} for step in range(1, 40)]
ROWS[-1]["late"] = "0.5"
RESULT = codecs.CodecResult("jpeg", 50, 0.5, 30.0, ())

CHARTS = {
    "curves": lambda: charts.curves(ROWS, {"loss": "all of it", "late": "end"}, y_label="loss"),
    "log": lambda: charts.curves(ROWS, {"loss": "all of it"}, y_label="all of it", log=True),
    "usage": lambda: charts.usage(np.arange(512)),
    "rates": lambda: charts.rate_distortion({"JPEG": [RESULT]}, {"all of it": (0.3, 28.0)}),
    "bars": lambda: charts.bars({"all of it": 4.1, "none": 9.0}, x_label="bits per code"),
}


@pytest.fixture(scope="module", params=CHARTS)
def svg(request):
    return CHARTS[request.param]()


def test_chart_is_well_formed_and_refers_to_nothing_outside(svg):
    xml.etree.ElementTree.fromstring(svg)
    assert svg.startswith("<svg viewBox=") and "://" not in svg
    assert "<style" not in svg, "a stylesheet would apply to the whole page"
    assert len(svg) < 60_000


def test_chart_has_text_and_takes_the_pages_colours(svg):
    assert svg.count("<text") > 5
    assert "var(--ink)" in svg and "var(--series-1)" in svg
    assert not re.search(r"#[0-9a-f]{6}\b", svg), "a colour that does not follow the page"
    assert "font-family" not in svg


def test_labels_are_there_as_text():
    assert all("all of it" in CHARTS[name]() for name in ("curves", "log", "rates", "bars"))


def test_references_within_a_chart_resolve(svg):
    ids = set(re.findall(r' id="([^"]+)"', svg))
    assert set(re.findall(r"url\(#([^)]+)\)", svg)) | set(re.findall(r'href="#([^"]+)', svg)) <= ids


def test_the_same_chart_twice_gives_the_same_bytes():
    assert CHARTS["usage"]() == CHARTS["usage"]()


def test_unknown_column_names_the_nearest():
    with pytest.raises(UserError, match='no row has a value of "los"; nearest: loss'):
        charts.curves(ROWS, {"los": "loss"})


def test_usage_without_counts_is_refused():
    with pytest.raises(UserError, match="at least one count above 0"):
        charts.usage(np.zeros(8))
