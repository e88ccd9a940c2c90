"""Sections of the image demo's page that show results: photographs, rates, samples."""

import math
from collections.abc import Sequence

import numpy as np

from vqvae_tf.demo import figures
from vqvae_tf.demo.facts import ImageFacts, Photograph, Samples
from vqvae_tf.demo.figures import Measured
from vqvae_tf.reporting import charts, codecs, formatting, page, pictures

_LEVEL = 0.1  # dB: two results that differ by less count as equal
_DETAIL = 96  # side of the enlarged part, in pixels
_REGION_ROWS = 256  # rows shown of a held-out strip
_LABELS = {"jpeg": "JPEG", "webp": "WebP"}


def photographs(facts: ImageFacts) -> page.Section:
    """Whole photographs, each with a slider, its code map, JPEG, and its worst part."""
    measured = [
        figures.measure(photograph.name, [photograph], len(facts.codebook))
        for photograph in facts.new_photographs
    ]
    blocks: list[page.Block] = [
        "No part of these pictures was used in training. The networks take any size, so each "
        "picture was encoded whole."
    ]
    for one in measured:
        if one.photographs[0].shown:
            blocks += _photograph(one, facts)
    blocks.append(
        page.Table(
            ("photograph", "bits per pixel", "PSNR, dB", "SSIM", "JPEG in as many bits, dB"),
            [
                (
                    f"{one.title}, {rate.name}",
                    f"{rate.bits_per_pixel:.2f}",
                    f"{one.psnr:.1f}",
                    f"{one.photographs[0].ssim:.2f}",
                    _psnr_of(rate.codecs["jpeg"], digits=1),
                )
                for one in measured
                for rate in one.rates
            ]
            + [
                _searched_row(one, searched)
                for one in measured
                if (searched := one.photographs[0].searched) is not None
            ],
            caption="Each photograph separately",
        )
    )
    return page.Section("Photographs it has never seen", blocks)


def _photograph(one: Measured, facts: ImageFacts) -> list[page.Block]:
    photograph = one.photographs[0]
    height, width = photograph.original.shape[:2]
    rows, columns = photograph.codes.shape
    jpegs = [(rate, rate.codecs["jpeg"]) for rate in one.rates if rate.codecs["jpeg"] is not None]
    comparison = page.Comparison(
        page.Picture(photograph.original, f"Original: {photograph.title}", "original"),
        page.Picture(
            photograph.reconstruction, f"Decoded from codes: {photograph.title}", "from codes"
        ),
        f"“{photograph.name}”, {photograph.title}: {width}×{height} pixels from "
        f"{formatting.count(photograph.codes.size)} codes, {one.rates[0].bits_per_pixel:.2f} bits "
        f"per pixel. PSNR {one.psnr:.1f} dB, SSIM {photograph.ssim:.2f}. Drag to compare. "
        f"{facts.credits[photograph.name]}.",
    )
    beside = page.Gallery(
        [
            page.Picture(
                pictures.code_map(photograph.codes, facts.codebook),
                f"Code map of {photograph.title}: coarse squares in false colours",
                f"The decoder's input: {columns}×{rows} codes, here as colours",
                scale=photograph.cell,
            ),
            *(
                page.Picture(
                    jpeg.images[0],
                    f"As a JPEG: {photograph.title}",
                    f"JPEG in as many bits as {rate.name}: {jpeg.bits_per_pixel:.2f} per pixel, "
                    f"{jpeg.psnr:.1f} dB",
                )
                for rate, jpeg in jpegs
            ),
        ],
        cell=280,
    )
    searched = [] if photograph.searched is None else _searched(photograph, photograph.searched)
    square = figures.worst_square(photograph, _DETAIL)
    detail = page.Gallery(
        [
            page.Picture(image[square], f"Part of {photograph.title}: {name}", name, scale=3)
            for name, image in [
                ("original", photograph.original),
                ("from codes", photograph.reconstruction),
                *((f"JPEG in as many bits as {rate.name}", jpeg.images[0]) for rate, jpeg in jpegs),
            ]
        ],
        caption="Enlarged: the square of this photograph with the largest error.",
        cell=160,
    )
    return [comparison, beside, *searched, detail]


def _searched(photograph: Photograph, searched: np.ndarray) -> list[page.Block]:
    psnr = codecs.pooled_psnr([photograph.original], [searched])
    return [
        page.Comparison(
            page.Picture(
                photograph.reconstruction, f"From the nearest codes: {photograph.title}", "nearest"
            ),
            page.Picture(searched, f"From searched codes: {photograph.title}", "searched"),
            "The nearest code is not always the best one. Here as many codes of the same list were "
            "chosen by trying, at every place, which of the nearest few has the smallest error "
            f"after decoding: {psnr:.1f} dB. Flat areas, in which all places otherwise get the "
            "same code, are smoother, since a mix of codes can approximate their colour. The "
            "search takes about a hundred times as long.",
        )
    ]


def _searched_row(one: Measured, searched: np.ndarray) -> tuple[str, ...]:
    """The row of searched codes with the prior, or of plain codes without one."""
    photograph = one.photographs[0]
    rate, name = one.rates[0].bits_per_pixel, "searched codes"
    if photograph.searched_bits_per_code is not None:
        rate = photograph.searched_bits_per_code * photograph.codes.size / photograph.pixels
        name += " with the prior"
    jpeg = codecs.at_most(one.originals, rate, "jpeg")
    return (
        f"{one.title}, {name}",
        f"{rate:.2f}",
        f"{codecs.pooled_psnr(one.originals, [searched]):.1f}",
        "",
        _psnr_of(jpeg, digits=1),
    )


def regions(facts: ImageFacts) -> page.Section:
    """Held-out strips of the training photographs."""
    return page.Section(
        "New parts of photographs it knows",
        [
            "The right-hand edge of every training photograph was excluded from training. The "
            "material is familiar, but the picture is new: an easier test than the one above.",
            page.Gallery(
                [_region(strip, facts) for strip in facts.new_regions if strip.shown],
                caption="Left: original; right: from codes. Of tall strips the middle is shown.",
                cell=170,
            ),
        ],
    )


def _region(strip: Photograph, facts: ImageFacts) -> page.Picture:
    top = max(0, (strip.original.shape[0] - _REGION_ROWS) // 2)
    shown = np.s_[top : top + _REGION_ROWS]
    psnr = codecs.pooled_psnr([strip.original], [strip.reconstruction])
    return page.Picture(
        pictures.beside(strip.original[shown], strip.reconstruction[shown]),
        f"Strip of {strip.title}: original, and from codes",
        f"“{strip.name}”, {psnr:.1f} dB ({facts.credits[strip.name]})",
    )


def cost(facts: ImageFacts, parts: Sequence[Measured]) -> page.Section:
    """Bits per pixel and per code, compared with JPEG and WebP."""
    cell = facts.new_photographs[0].cell
    bits = math.log2(len(facts.codebook))
    bars = {"all codes equally likely": bits}
    for part in parts:
        bars[f"{part.title},\nby frequency"] = figures.frequency_bits(
            part.photographs, facts.code_counts
        )
        if part.prior_bits_per_code is not None:
            bars[f"{part.title},\nwith the prior"] = part.prior_bits_per_code
    blocks: list[page.Block] = [
        "An uncompressed pixel takes 24 bits, eight each for red, green and blue. Here a "
        f"cell of {cell}×{cell} pixels takes one code, and one code of "
        f"{len(facts.codebook)} takes {bits:.3g} bits: {bits / cell**2:.2f} per pixel, "
        f"{24 * cell**2 / bits:.0f} times fewer.",
        *(_reading(part) for part in parts),
        *(_chart(part) for part in parts),
        page.Drawing(
            charts.bars(bars, x_label="bits per code (fewer is better)"),
            alt="Bars of bits per code. "
            + "; ".join(f"{name}: {value:.2f}".replace("\n", " ") for name, value in bars.items()),
            caption="Bits of one code: if all were equally likely; if only their frequencies "
            "in training are known; with the prior, which uses the codes before it.",
        ),
        page.Table(
            ("", "bits per pixel", "times fewer than 24", "codes, dB", "JPEG, dB", "WebP, dB"),
            [
                (
                    f"{_start(part.title)}: {rate.name}",
                    f"{rate.bits_per_pixel:.3f}",
                    f"{24 / rate.bits_per_pixel:.0f}",
                    f"{part.psnr:.2f}",
                    _psnr_of(rate.codecs["jpeg"], digits=2),
                    _psnr_of(rate.codecs["webp"], digits=2),
                )
                for part in parts
                for rate in part.rates
            ],
            caption="PSNR over all pictures of a group; the codecs use no more bits",
        ),
        page.Note(
            "How bits are counted: with the prior, those of an ideal arithmetic coder; none was "
            "run. The networks' weights are not counted, and neither are JPEG's headers and tables "
            "or WebP's container. A codec has discrete quality settings, so it may use fewer bits "
            "than allowed."
        ),
    ]
    return page.Section("What it costs: bits compared with JPEG", blocks)


def _reading(part: Measured) -> str:
    sentences = [f"On {part.title}, reconstructions reach {part.psnr:.1f} dB."]
    if part.prior_bits_per_code is not None:
        bits = part.rates[-1].bits_per_pixel
        sentences.append(
            f"With the prior a code takes {part.prior_bits_per_code:.2f} bits on average: "
            f"{bits:.2f} per pixel, {24 / bits:.0f} times fewer than 24."
        )
    for rate in part.rates:
        jpeg = rate.codecs["jpeg"]
        if jpeg is None:
            outcome = "there is no JPEG: its lowest quality needs more"
        elif abs(part.psnr - jpeg.psnr) < _LEVEL:
            outcome = "JPEG is equally close to the originals"
        else:
            outcome = (
                f"JPEG is {abs(part.psnr - jpeg.psnr):.1f} dB "
                f"{'worse' if part.psnr > jpeg.psnr else 'better'}"
            )
        sentences.append(f"In as many bits as the {rate.name}, {outcome}.")
    return " ".join(sentences)


def _chart(part: Measured) -> page.Drawing:
    up_to = 1.6 * max(rate.bits_per_pixel for rate in part.rates)
    return page.Drawing(
        charts.rate_distortion(
            {
                label: codecs.codec_curve(part.originals, kind, up_to=up_to)
                for kind, label in _LABELS.items()
            },
            {rate.name: (rate.bits_per_pixel, part.psnr) for rate in part.rates},
        ),
        alt=f"Chart of bits per pixel against PSNR, as in the table: {part.title}.",
        caption=f"{_start(part.title)}. A mark above a curve is better than that codec.",
    )


def made_up(facts: ImageFacts) -> page.Section:
    """Samples, and a picture drawn without the prior for comparison."""
    height, width = facts.samples[0].images.shape[1:3]
    blocks: list[page.Block] = [
        "These are not photographs. The prior drew a grid of codes one by one, each at random "
        "with probabilities that depend on the codes before it; then the decoder computed the "
        "picture. Each picture was conditioned on a training photograph."
    ]
    if min(height, width) > facts.prior_tile:
        blocks.append(
            f"A sample has {width}×{height} pixels. The prior was trained on tiles of "
            f"{facts.prior_tile}×{facts.prior_tile}, so samples are larger than its training data."
        )
    blocks.append(page.Gallery([_sample(samples) for samples in facts.samples], cell=150))
    if facts.independent is not None:
        blocks.append(
            page.Picture(
                facts.independent,
                "Noise: decoded from codes drawn independently of each other",
                "For comparison: codes drawn without the prior, by their frequencies only. The "
                "difference to the samples is due to the prior.",
            )
        )
    return page.Section("Pictures it made up", blocks)


def _sample(samples: Samples) -> page.Picture:
    count = len(samples.images)
    return page.Picture(
        pictures.sheet(list(samples.images), columns=math.ceil(math.sqrt(count))),
        f"{'Made-up picture' if count == 1 else f'{count} made-up pictures'} in the manner of "
        f"“{samples.label}”",
        f"“{samples.label}”",
    )


def behind_codecs(parts: Sequence[Measured]) -> list[str]:
    """A sentence for every part and codec that is better than the codes in the same bits."""
    sentences = []
    for part in parts:
        for kind, label in _LABELS.items():
            ahead = [
                f"{codec.psnr - part.psnr:.1f} dB in as many bits as {rate.name}"
                for rate in part.rates
                if (codec := rate.codecs[kind]) and codec.psnr - part.psnr >= _LEVEL
            ]
            if ahead:
                sentences.append(f"On {part.title}, {label} is better by {' and '.join(ahead)}.")
    return sentences


def _psnr_of(result: codecs.CodecResult | None, digits: int) -> str:
    return "needs more bits" if result is None else f"{result.psnr:.{digits}f}"


def _start(title: str) -> str:
    """The title with a capital letter."""
    return title[0].upper() + title[1:]
