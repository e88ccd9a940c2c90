"""Every quantizer and estimator on photographs: the preset `photos` with other flags.

Each case is a dictionary of fields of the quantizer, which become the flags
`--config.quantizer.FIELD=VALUE`. `vqvae-train` trains a case, `vqvae-evaluate` measures it.
"""

import json
import pathlib
import runpy
import sys
import tempfile

import keras

from vqvae_tf import models

STEPS = 2_500
SEEDS = (0, 1, 2)
DATA = "embedded:photos"
TRAIN = (
    "vqvae-train",
    "--preset=photos",
    f"--data={DATA}",
    f"--validation={DATA}/validation",
    f"--config.training.steps={STEPS}",
    "--config.quantizer.decay=None",  # the defaults of the layers instead of the preset's values
    "--config.quantizer.revival_count=None",
)
EVALUATE = ("vqvae-evaluate",)
MODULES = {"vqvae-train": "vqvae_tf.programs.train", "vqvae-evaluate": "vqvae_tf.programs.evaluate"}
SPLITS, SETTINGS_SPLITS = ("region", "photo"), ("validation",)


def drawing(estimator: str, start: float, end: float) -> dict:
    """Fields of an estimator whose temperature falls during the whole training."""
    return {
        "estimator": estimator,
        "temperature": start,
        "final_temperature": end,
        "anneal_steps": STEPS,
    }


def lookup_free(**fields) -> dict:
    """Fields of a lookup-free quantizer of nine bits."""
    return {"kind": "lookup_free", "bits": 9, "code_dim": 9, **fields}


# Name -> fields of the quantizer. All have nine bits per vector.
CASES = {
    "VectorQuantizerEMA": {},
    "VectorQuantizer": {"kind": "loss"},
    "EMA, rotation": {"estimator": "rotation"},
    "EMA, stochastic": drawing("stochastic", 0.1, 0.001),
    "EMA, Gumbel-softmax": drawing("gumbel_softmax", 0.01, 0.001),
    "EMA, cosine": {"distance": "cosine"},
    "EMA, diversity 0.1": {"diversity_cost": 0.1},
    "VectorQuantizer, orthogonality 1": {"kind": "loss", "orthogonality_cost": 1.0},
    "SimVQ": {"kind": "sim_vq"},
    "Residual, EMA of 8, three": {"num_embeddings": 8, "stages": 3},
    "Grouped, EMA of 32 and 16": {"num_embeddings": "32,16", "groups": 2},
    "Projected to 4, EMA, cosine": {"code_dim": 4, "distance": "cosine"},
    "Projected to 3, finite scalar 8x8x8": {
        "kind": "finite_scalar",
        "levels": "8,8,8",
        "code_dim": 3,
    },
    "Projected to 9, lookup-free": lookup_free(),
    "Projected to 9, lookup-free, spherical": lookup_free(spherical=True),
}
# Settings tried on the validation split. Temperatures are in units of the squared distance, whose
# median between neighbouring codes of a trained model is 0.16.
SETTINGS = {
    "Gumbel-softmax, 1 to 0.1": drawing("gumbel_softmax", 1.0, 0.1),
    "Gumbel-softmax, 0.1 to 0.01": drawing("gumbel_softmax", 0.1, 0.01),
    "Gumbel-softmax, 0.03 to 0.003": drawing("gumbel_softmax", 0.03, 0.003),
    "Gumbel-softmax, 0.01 to 0.001": drawing("gumbel_softmax", 0.01, 0.001),
    "Gumbel-softmax, 0.003 to 0.0003": drawing("gumbel_softmax", 0.003, 0.0003),
    "lookup-free, entropy 0.1, diversity 0.1": lookup_free(entropy_cost=0.1, diversity_cost=0.1),
    "lookup-free, entropy 0.01, diversity 0.01": lookup_free(
        entropy_cost=0.01, diversity_cost=0.01
    ),
    "lookup-free, entropy 0.01, diversity 0.1": lookup_free(entropy_cost=0.01, diversity_cost=0.1),
    "lookup-free, entropy 0, diversity 0": lookup_free(entropy_cost=0.0, diversity_cost=0.0),
    "lookup-free, entropy 0.01, diversity 0.3": lookup_free(entropy_cost=0.01, diversity_cost=0.3),
    "lookup-free, entropy 0.01, diversity 0.1, temperature 4": lookup_free(
        entropy_cost=0.01, diversity_cost=0.1, temperature=4.0
    ),
}


def run(case: str, seed: int) -> dict:
    """Trains a case with a seed; measures it on both held-out splits."""
    return trained(CASES[case], SPLITS, seed)


def choose(case: str) -> dict:
    """Trains a setting with seed 0; measures it on the validation split."""
    return trained(SETTINGS[case], SETTINGS_SPLITS)


def flags(fields: dict) -> list[str]:
    """The fields as flags of the programs."""
    return [f"--config.quantizer.{name}={value}" for name, value in fields.items()]


def trained(fields: dict, splits, seed: int = 0) -> dict:
    """Trains a quantizer; returns its flags, its bits per vector, and its figures by split."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        workdir = folder / "run"
        program(*TRAIN, f"--config.training.seed={seed}", *flags(fields), f"--workdir={workdir}")
        bits = models.load(str(workdir)).bits_per_place
        figures = {"flags": " ".join(flags(fields)), "bits": bits}
        for split in splits:
            output = folder / f"{split}.json"
            program(*EVALUATE, f"--model={workdir}", f"--data={DATA}/{split}", f"--output={output}")
            measured = json.loads(output.read_text())
            kept = ("psnr", "mse", "codes_in_use", "usage", "perplexity")
            figures[split] = {name: measured[name] for name in kept}
    return figures


def program(name: str, *arguments: str) -> None:
    """Runs a command in this process, which saves importing TensorFlow for each."""
    keras.backend.clear_session()
    sys.argv = [name, *arguments]
    runpy.run_module(MODULES[name], run_name="__main__")
