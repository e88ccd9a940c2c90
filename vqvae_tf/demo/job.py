"""The demo: trains both stages on photographs, samples, exports, and writes a report.

Everything is in one folder: `model/` and `prior/` (workdirs), `saved_model/`, `samples/`,
`report.html` and `timings.json`. The same call resumes an interrupted demo.
"""

import os

import numpy as np
import tensorflow as tf

from vqvae_tf import (
    data,
    export,
    models,
    presets,
    reporting,
    workflows,
    written_files,
)
from vqvae_tf.data import embedded
from vqvae_tf.demo.clock import trained_seconds
from vqvae_tf.demo.facts import SUBJECTS, ExportCheck, ImageFacts, Photograph, Samples
from vqvae_tf.demo.report import image_report
from vqvae_tf.demo.run_facts import code_counts, rows_of, stage_of, start, this_run
from vqvae_tf.media import medium_of
from vqvae_tf.media.compiled_image_model import CompiledImageModel
from vqvae_tf.media.output_files import write_png
from vqvae_tf.workflows.prior_bits import bits_of

DATA = "embedded:photos"
SAMPLE_GRID = (32, 32)  # codes: twice the side of the prior's training grid
SAMPLES_PER_CLASS = 2
# Parts of the run, by their names in the report.
_TRAINING = "training the autoencoder"
_PRIOR_TRAINING = "encoding the photographs and training the prior"


def run(
    output: str,
    autoencoder_config: models.ImageConfig | None = None,
    prior_config: models.PixelCNNPriorConfig | None = None,
) -> str:
    """Runs the demo into the folder `output`.

    Args:
        output: the folder.
        autoencoder_config, prior_config: the presets `photos` and `photos_prior` by default.

    Returns:
        The path of the report.

    Raises:
        UserError: for anything that the user can correct.
    """
    autoencoder_config = autoencoder_config or presets.preset("photos")
    prior_config = prior_config or presets.preset("photos_prior")
    output, report, clock = start(output)
    paths = {
        name: os.path.join(output, name) for name in ("model", "prior", "saved_model", "samples")
    }
    validation = f"{DATA}/validation"
    with clock.part(_TRAINING):
        workflows.train(autoencoder_config, DATA, paths["model"], validation_uri=validation)
    with clock.part(_PRIOR_TRAINING):
        workflows.train_prior(
            prior_config, paths["model"], DATA, paths["prior"], validation_uri=validation
        )
    model: models.ImageVQVAE
    prior, model = workflows.load_pair(paths["prior"])
    with clock.part("sampling"):
        counts = code_counts(model, data.open_source(DATA))
        samples, independent = _samples(prior, model, counts, paths["samples"])
    with clock.part("encoding the held-out photographs, and searching better codes for two"):
        new = _photographs(model, prior, f"{DATA}/photo", models.CodeSearch(model))
        regions = _photographs(model, prior, f"{DATA}/region")
    with clock.part("exporting, and serving the export in another process"):
        export.export_saved_model(model, paths["saved_model"])
        originals = [photograph.original for photograph in (*new, *regions)]
        check = export.check_saved_model(model, paths["saved_model"], originals)
    rows = {name: rows_of(paths[name]) for name in ("model", "prior")}
    clock.at_least(_TRAINING, trained_seconds(rows["model"]))
    clock.at_least(_PRIOR_TRAINING, trained_seconds(rows["prior"]))
    facts = ImageFacts(
        codebook=np.asarray(model.code_vectors),
        code_counts=counts,
        new_photographs=new,
        new_regions=regions,
        training_photographs=len(embedded.TRAINING),
        autoencoder=stage_of(
            "The autoencoder",
            model,
            clock.seconds[_TRAINING],
            rows["model"],
            {"reconstruction": "squared error / variance", "commitment": "commitment"},
            "loss",
            log=True,
        ),
        prior=stage_of(
            "The prior",
            prior,
            clock.seconds[_PRIOR_TRAINING],
            rows["prior"],
            {"bits_per_code": "on training codes"},
            "bits per code",
        ),
        prior_tile=prior.config.grid * model.config.stride,
        samples=samples,
        independent=independent,
        export=ExportCheck(
            format="SavedModel",
            path="saved_model",
            pictures=len(originals),
            codes=check["codes"],
            equal=check["codes"] - check["codes_differing"],
            seconds=check["process_seconds"],
        ),
        run=this_run(clock, autoencoder_config.training.seed, _commands(output)),
        credits={
            name: photograph.credit
            for name, photograph in (*embedded.TRAINING.items(), *embedded.HELD_OUT.items())
        },
    )
    written_files.write_bytes(report, reporting.render(image_report(facts)).encode())
    return report


def _photographs(
    model: models.ImageVQVAE,
    prior: models.Prior,
    uri: str,
    search: models.CodeSearch | None = None,
) -> list[Photograph]:
    """Pictures of a split with their reconstructions and the bits of their codes."""
    source = data.open_source(uri)
    bits = bits_of(prior)
    results = medium_of(model).measure(model, source, bits)
    rows = {row["name"]: row for row in results["per_picture"]}
    fast = CompiledImageModel(model)
    photographs = {**embedded.TRAINING, **embedded.HELD_OUT}
    found = []
    for picture in source.pictures():
        name, image = picture["name"], picture["image"]
        codes = fast.encode(image[None])
        reconstruction = np.asarray(fast.decode(codes))[0, : image.shape[0], : image.shape[1]]
        searched = searched_bits = None
        if search is not None:
            other = search.encode(image[None])
            searched = np.asarray(fast.decode(other))[0, : image.shape[0], : image.shape[1]]
            searched_bits = float(bits(np.asarray(other), {})[0]) / np.asarray(other).size
        found.append(
            Photograph(
                name=name,
                title=SUBJECTS[name],
                original=image,
                reconstruction=reconstruction,
                codes=np.asarray(codes)[0],
                ssim=rows[name]["ssim"],
                prior_bits_per_code=rows[name]["prior_bits_per_code"],
                shown=photographs[name].shown,
                searched=searched,
                searched_bits_per_code=searched_bits,
            )
        )
    return found


def _samples(
    prior: models.Prior, model: models.ImageVQVAE, counts: np.ndarray, folder: str
) -> tuple[list[Samples], np.ndarray]:
    """Samples for each photograph as class, and a picture of codes drawn by their frequencies."""
    names = [name for name, photograph in embedded.TRAINING.items() if photograph.shown]
    numbers = [list(embedded.TRAINING).index(name) for name in names]
    labels = np.repeat(np.array(numbers, np.int32), SAMPLES_PER_CLASS)
    codes = prior.sample(len(labels), grid=SAMPLE_GRID, seed=0, label=labels)
    images = np.asarray(model.decode(codes))
    os.makedirs(folder, exist_ok=True)
    grouped = []
    for place, name in enumerate(names):
        own = images[place * SAMPLES_PER_CLASS :][:SAMPLES_PER_CLASS]
        grouped.append(Samples(label=name, images=own))
        path = os.path.join(folder, f"{name}.png")
        write_png(path, reporting.sheet(list(own), columns=SAMPLES_PER_CLASS))
    draws = np.random.default_rng(0).choice(len(counts), (1, *SAMPLE_GRID), p=counts / counts.sum())
    independent = np.asarray(model.decode(tf.constant(draws, tf.int32)))[0]
    return grouped, independent


def _commands(output: str) -> list[tuple[str, str]]:
    return [
        (
            "Train on your own pictures",
            "vqvae-train --preset=photos --data=folder:PICTURES --workdir=runs/mine",
        ),
        (
            "Draw more samples",
            f"vqvae-sample --prior={output}/prior --label=gravel --count=16 --output=samples",
        ),
        (
            "Measure the model on other pictures",
            f"vqvae-evaluate --model={output}/model --prior={output}/prior --data=folder:PICTURES",
        ),
    ]
