"""The demo's page: valid as a whole, and every statement follows the facts."""

import dataclasses
import re

import numpy as np
import pytest

from tests.reporting import html_check
from vqvae_tf.demo import figures, report
from vqvae_tf.demo.facts import ExportCheck, ImageFacts, Photograph, Samples
from vqvae_tf.demo.run_facts import Run, Stage
from vqvae_tf.errors import UserError
from vqvae_tf.reporting import codecs, page

SIZE, CELL = 16, 4  # of the codebook, and of a code's square in pixels
GENERATOR = np.random.default_rng(0)
CODEBOOK = GENERATOR.normal(size=(SIZE, 8)).astype(np.float32)


def photograph(name, error, prior=3.0, shape=(50, 72), seed=0):
    """A smooth picture with texture on its left half, and a copy that is off by `error`."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    image = 100 + 60 * np.stack([np.sin(x / 9), np.cos(y / 7), np.sin((x + y) / 11)], axis=-1)
    image[:, : shape[1] // 2] += generator.normal(0, 9, (shape[0], shape[1] // 2, 3))
    image = np.clip(image, 20, 235)
    rows, columns = -(-shape[0] // CELL), -(-shape[1] // CELL)
    return Photograph(
        name=name,
        title=f"a {name}",
        original=image.astype(np.uint8),
        reconstruction=(image + error).astype(np.uint8),
        codes=generator.integers(0, SIZE, (rows, columns)),
        ssim=0.9,
        prior_bits_per_code=prior,
    )


def stage(title):
    rows = [{"step": str(step), "loss": str(1 / step)} for step in range(1, 9)]
    return Stage(title, 8, 2, 1000, 65.0, rows, {"loss": "loss"}, "loss")


RUN = Run(
    timings=[("training", 130.0), ("sampling", 20.4)],
    seed=7,
    machine="two cores",
    versions={"TensorFlow": "2.21"},
    commands=[("Train longer", "vqvae-train --preset=photos")],
)
FACTS = ImageFacts(
    codebook=CODEBOOK,
    code_counts=np.arange(SIZE),
    new_photographs=[photograph("cat", 8), photograph("pagoda", 9, seed=1)],
    new_regions=[photograph("brick", 3, shape=(300, 32)), photograph("coins", 4, shape=(40, 32))],
    training_photographs=13,
    autoencoder=stage("The autoencoder"),
    prior=stage("The prior"),
    prior_tile=16,
    samples=[Samples("brick", GENERATOR.integers(0, 256, (3, 32, 32, 3), np.uint8))],
    independent=GENERATOR.integers(0, 256, (32, 64, 3), np.uint8),
    export=ExportCheck("SavedModel", "demo/export", 2, 468, 468, 4.2),
    run=RUN,
    credits={"cat": "A, CC0", "pagoda": "B, CC BY 2.0", "brick": "C, CC0", "coins": "D, CC0"},
)


def text_of(facts):
    checked = html_check.check(page.render(report.image_report(facts)))
    return re.sub(r"\s+", " ", " ".join(checked.texts))


@pytest.fixture(scope="module")
def rendered():
    return page.render(report.image_report(FACTS))


@pytest.fixture(scope="module")
def text(rendered):
    return re.sub(r"\s+", " ", " ".join(html_check.check(rendered).texts))


def test_page_is_valid_self_contained_and_complete(rendered):
    checked = html_check.check(rendered)
    assert len(checked.all("svg")) == 7  # diagram, two rate charts, bars, two curves, usage
    assert len(checked.all("section")) == 10
    links = [link["href"] for link in checked.all("a") if not link["href"].startswith("#")]
    assert [link.split("/")[2] for link in links] == ["creativecommons.org"] + 2 * ["arxiv.org"]


def test_every_shown_photograph_is_credited(text):
    assert all(credit in text for credit in FACTS.credits.values())
    with pytest.raises(UserError, match='"brick" is shown without a credit'):
        dataclasses.replace(FACTS, credits={"cat": "", "pagoda": "", "coins": ""})


def test_hidden_pictures_count_but_do_not_appear(rendered):
    hidden = dataclasses.replace(FACTS.new_regions[0], shown=False)
    facts = dataclasses.replace(FACTS, new_regions=[hidden, FACTS.new_regions[1]])
    other = page.render(report.image_report(facts))
    assert other.count("<img") == rendered.count("<img") - 1
    psnr = codecs.pooled_psnr(
        [strip.original for strip in FACTS.new_regions],
        [strip.reconstruction for strip in FACTS.new_regions],
    )
    assert f"{psnr:.2f}" in other


def test_figures_follow_the_facts(text):
    rate = (13 * 18 * 4) / (50 * 72)  # 13 x 18 codes of 4 bits for 50 x 72 pixels
    assert f"{24 / rate:.0f} : 1" in text and f"{rate:.3f}" in text
    assert "15 of 16" in text and "2 min 30 s" in text and "Seed 7" in text
    assert "Of 468 codes" in text and "all are equal" in text


def test_differing_exported_codes_are_not_hidden():
    broken = dataclasses.replace(FACTS.export, equal=460)
    text = text_of(dataclasses.replace(FACTS, export=broken))
    assert "8 differ, which is an error" in text and "all are equal" not in text


@pytest.mark.parametrize("error, better", [(1, False), (60, True)])
def test_jpeg_is_called_better_only_where_it_is(error, better):
    pictures = [photograph("cat", error)]
    facts = dataclasses.replace(FACTS, new_photographs=pictures, new_regions=pictures)
    jpeg = codecs.at_most([pictures[0].original], 13 * 18 * 4 / (50 * 72))
    ours = codecs.pooled_psnr([pictures[0].original], [pictures[0].reconstruction])
    assert (jpeg.psnr > ours) == better  # the facts are what the test means them to be
    text = text_of(facts)
    word = "better" if better else "worse"
    assert f"JPEG is {abs(jpeg.psnr - ours):.1f} dB {word}" in text
    assert ("On unseen photographs, JPEG is better by" in text) == better


def test_too_few_bits_for_jpeg_is_said():
    pictures = [photograph("cat", 5, prior=0.01)]
    text = text_of(dataclasses.replace(FACTS, new_photographs=pictures))
    assert "In as many bits as the codes with the prior, there is no JPEG" in text
    assert "needs more bits" in text


def test_without_prior_bits_nothing_is_said_of_them():
    pictures = [photograph("cat", 5, prior=None)]
    facts = dataclasses.replace(FACTS, new_photographs=pictures, new_regions=pictures)
    text = text_of(facts)
    assert "codes with the prior" not in text and "With the prior a code takes" not in text


def test_samples_are_said_to_be_larger_only_if_they_are(text):
    assert "A sample has 32×32 pixels" in text
    assert "A sample has" not in text_of(dataclasses.replace(FACTS, prior_tile=32))


def test_flat_patches_are_reported_only_where_they_are():
    y, x = np.mgrid[:64, :64]
    sky = (100 + (x + y) / 8)[..., None].repeat(3, axis=-1).astype(np.uint8)
    flat = sky[::4, ::4].repeat(4, axis=0).repeat(4, axis=1)
    one = dataclasses.replace(
        photograph("cat", 0, shape=(64, 64)), original=sky, reconstruction=flat
    )
    same = dataclasses.replace(one, reconstruction=sky)
    assert figures.visible_cells([one])[0] > 2 > figures.visible_cells([same])[0]
    assert "break into flat patches" in text_of(dataclasses.replace(FACTS, new_photographs=[one]))
    assert "flat patches" not in text_of(dataclasses.replace(FACTS, new_photographs=[same]))


def test_rate_of_a_set_weighs_by_pixels():
    parts = [photograph("a", 1, prior=2.0), photograph("b", 1, prior=5.0, shape=(16, 16))]
    measured = figures.measure("both", parts, SIZE)
    codes = [part.codes.size for part in parts]
    bits = (2.0 * codes[0] + 5.0 * codes[1]) / sum(codes)
    # Two orders of the same float64 sums.
    assert measured.prior_bits_per_code == pytest.approx(bits, rel=1e-12)
    pixels = 50 * 72 + 16 * 16
    rates = [rate.bits_per_pixel for rate in measured.rates]
    assert rates == pytest.approx([4 * sum(codes) / pixels, bits * sum(codes) / pixels], rel=1e-12)


def test_facts_that_do_not_fit_are_refused():
    cat = FACTS.new_photographs[0]
    with pytest.raises(UserError, match='"cat" needs a reconstruction of its own shape'):
        dataclasses.replace(cat, reconstruction=cat.reconstruction[1:])
    with pytest.raises(UserError, match="at least one of samples"):
        dataclasses.replace(FACTS, samples=[])


@pytest.mark.parametrize("bits", [None, 2.0])
def test_searched_codes_have_a_picture_and_a_row(bits):
    cat = FACTS.new_photographs[0]
    searched = (cat.original.astype(int) + 2).astype(np.uint8)
    facts = dataclasses.replace(
        FACTS,
        new_photographs=[
            dataclasses.replace(cat, searched=searched, searched_bits_per_code=bits),
            FACTS.new_photographs[1],
        ],
    )
    text = text_of(facts)
    psnr = codecs.pooled_psnr([cat.original], [searched])
    assert f"after decoding: {psnr:.1f} dB" in text
    rate = (bits or 4) * 13 * 18 / (50 * 72)
    name = "cat, searched codes" + (" with the prior" if bits else "")
    assert f"{name} {rate:.2f} {psnr:.1f}" in text
    assert "searched codes" not in text_of(FACTS)
