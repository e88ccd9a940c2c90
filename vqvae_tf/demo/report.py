"""The report of the image demo; every statement in it is computed from the given facts."""

import math

from vqvae_tf.demo import diagram, figures, results, run_page
from vqvae_tf.demo.facts import ImageFacts
from vqvae_tf.demo.figures import Measured
from vqvae_tf.media import evaluation
from vqvae_tf.reporting import formatting, page, pictures

_READING = (
    (
        "Neural Discrete Representation Learning (van den Oord, Vinyals, Kavukcuoglu, 2017): "
        "the VQ-VAE",
        "https://arxiv.org/abs/1711.00937",
    ),
    (
        "Conditional Image Generation with PixelCNN Decoders (van den Oord and others, 2016): "
        "the prior",
        "https://arxiv.org/abs/1606.05328",
    ),
)

_DIAGRAM = diagram.Words(
    "photograph",
    "code map",
    "from codes",
    "cell",
    (
        "A second network, the prior, learns which code maps",
        "are likely and draws new ones, for the decoder to paint.",
    ),
)

_CC_BY = ("The licence CC BY 2.0", "https://creativecommons.org/licenses/by/2.0/")


def image_report(facts: ImageFacts) -> page.Page:
    """Composes the demo's page, which `page.write` writes to a file.

    Args:
        facts: the models, the data and the results of the demo.

    Returns:
        The page.

    Raises:
        UserError: if matplotlib is not installed.
    """
    size, formats = len(facts.codebook), ("jpeg", "webp")
    new = figures.measure("unseen photographs", facts.new_photographs, size, formats)
    known = figures.measure("new parts of known ones", facts.new_regions, size, formats)
    return page.Page(
        title="A VQ-VAE on real photographs",
        lead=(
            f"Two networks were trained on {facts.training_photographs} photographs, on "
            f"{facts.run.machine}. The first encodes a picture as a coarse grid of whole numbers "
            "and decodes it. The second learned which grids are likely, and draws new ones. This "
            "page shows reconstructions of photographs that neither had seen, compares their size "
            "with JPEG, and shows new pictures."
        ),
        key_figures=_key_figures(facts, new, known),
        sections=[
            _explanation(facts),
            results.photographs(facts),
            results.regions(facts),
            results.cost(facts, (new, known)),
            results.made_up(facts),
            run_page.trainings(
                (facts.autoencoder, facts.prior),
                facts.code_counts,
                "photographs",
                "common material uses few codes",
                facts.run,
            ),
            _export(facts),
            _weaknesses(facts, new, known),
            _credits(facts),
            page.Section(
                "What to do next", [page.Commands(facts.run.commands), page.Links(_READING)]
            ),
        ],
        footer=run_page.footer(facts.run, "pictures"),
    )


def _key_figures(facts: ImageFacts, new: Measured, known: Measured) -> list[tuple[str, str]]:
    size = len(facts.codebook)
    rate = new.rates[0].bits_per_pixel
    differ = facts.export.codes - facts.export.equal
    key_figures = [
        (f"{24 / rate:.0f} : 1", f"24 bits per pixel in the picture, {rate:.2f} in its codes"),
        (
            f"{new.psnr:.1f} dB",
            f"PSNR on unseen photographs ({known.psnr:.1f} on new parts of known ones)",
        ),
        (f"{_used(facts)} of {size}", "codes are in use"),
        (
            "equal" if differ == 0 else f"{formatting.count(differ)} differ",
            "codes of the exported model, run without the library",
        ),
        run_page.time_taken(facts.run),
    ]
    if new.prior_bits_per_code is not None:
        key_figures.insert(
            2,
            (
                f"{new.prior_bits_per_code:.1f} bits",
                f"per code with the prior, instead of {math.log2(size):.3g} (unseen photographs)",
            ),
        )
    return key_figures


def _explanation(facts: ImageFacts) -> page.Section:
    size, dimension = facts.codebook.shape
    example = next((p for p in facts.new_photographs if p.shown), facts.new_photographs[0])
    cell = example.cell
    square = figures.most_varied(example.codes)
    area = tuple(slice(part.start * cell, part.stop * cell) for part in square)
    codes = example.codes[square]
    return page.Section(
        "What am I looking at?",
        [
            "A VQ-VAE is a network that encodes a picture as whole numbers. Its first half, "
            f"the encoder, maps every cell of {cell}×{cell} pixels to {dimension} numbers. "
            f"These are replaced by the nearest entry of a learned list of {size}, the codebook, "
            "and only the index of this entry is kept: the code. The second half, the decoder, "
            "computes the picture from the codes only. Pictures labelled “from codes” on this page "
            "were made that way.",
            "A second network, the prior, is trained afterwards, on grids of codes. It learns "
            "which codes occur together. It can therefore store a grid in fewer bits, and draw "
            "new grids.",
            page.Drawing(
                diagram.overview(
                    example.original[area],
                    pictures.code_map(codes, facts.codebook),
                    example.reconstruction[area],
                    size,
                    _DIAGRAM,
                ),
                alt=(
                    "Diagram: a photograph goes through the encoder; each cell gets the number of "
                    "the nearest codebook vector, which makes a code map; the decoder turns the "
                    "map into a picture. The prior draws new code maps."
                ),
                caption=(
                    f"A part of “{example.name}”, its {codes.shape[1]}×{codes.shape[0]} codes "
                    "shown as colours, and the decoded picture. The top row of codes "
                    f"begins {', '.join(str(code) for code in codes[0, :5])}. Codes with similar "
                    "vectors have similar colours."
                ),
                wide=True,
            ),
            page.Note(
                "PSNR, in decibels, measures how close a reconstruction is: at 20 dB it is "
                "recognisable, 30 dB is good, at 40 dB it is hard to find a difference; 3 dB more "
                "is half the squared error. SSIM compares structure: 1 is equal, 0 unrelated."
            ),
        ],
    )


def _export(facts: ImageFacts) -> page.Section:
    check = facts.export
    outcome = (
        "all are equal"
        if check.equal == check.codes
        else f"{formatting.count(check.codes - check.equal)} differ, which is an error"
    )
    return page.Section(
        "The exported model",
        [
            f"The model is next to this page as a {check.format}, in {check.path}. It maps "
            "pixels to codes and codes to pixels, and needs nothing of this "
            "library.",
            "This was tested: a new process without the library loaded it and encoded "
            f"{check.pictures} {'picture' if check.pictures == 1 else 'pictures'}. Of "
            f"{formatting.count(check.codes)} codes, compared with those of the model as trained, "
            f"{outcome}. Including loading, it took {formatting.duration(check.seconds)}.",
        ],
    )


def _weaknesses(facts: ImageFacts, new: Measured, known: Measured) -> page.Section:
    size = len(facts.codebook)
    items = results.behind_codecs((new, known))
    if known.psnr - new.psnr >= 0.5:
        items.append(
            f"Unseen photographs are {known.psnr - new.psnr:.1f} dB worse than new parts of "
            f"known ones: {facts.training_photographs} photographs hold only so many colours and "
            "materials."
        )
    steps = figures.visible_cells(new.photographs)
    if steps is not None and steps[0] > 1.3 * steps[1]:
        cell = new.photographs[0].cell
        items.append(
            "Smooth areas, such as a sky, break into flat patches: a step in brightness is "
            f"{steps[0]:.1f} times as high at the border of two {cell}×{cell} cells as inside "
            f"one (in the originals: {steps[1]:.1f})."
        )
    if size - _used(facts) > 0.02 * size:
        items.append(f"{size - _used(facts)} of {size} codes are never used in training.")
    items += [
        f"The prior was trained on tiles of {facts.prior_tile}×{facts.prior_tile} pixels. It did "
        "not learn how the parts of a whole scene fit together, so its pictures show textures "
        "rather than objects.",
        run_page.one_run((facts.autoencoder, facts.prior)),
    ]
    return page.Section("What to be wary of", [page.Bullets(items)])


def _credits(facts: ImageFacts) -> page.Section:
    held_out = {photograph.name for photograph in facts.new_photographs}
    blocks: list[page.Block] = [
        "The photographs are part of Python packages; none was downloaded.",
        page.Table(
            ("photograph", "use", "author and licence"),
            [
                (name, "kept for the test" if name in held_out else "trained on", credit)
                for name, credit in facts.credits.items()
            ],
            caption="All reconstructions, code maps and samples on this page derive from these",
            prose=True,
        ),
    ]
    if any("CC BY 2.0" in credit for credit in facts.credits.values()):
        blocks.append(page.Links([_CC_BY]))
    return page.Section("Whose photographs these are", blocks)


def _used(facts: ImageFacts) -> int:
    return evaluation.code_statistics([facts.code_counts])["codes_in_use"]
