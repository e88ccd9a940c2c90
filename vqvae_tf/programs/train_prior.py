r"""vqvae-train-prior: encodes a data set by a trained autoencoder and fits a prior to the codes.

  vqvae-train-prior --model=runs/photos --data=embedded:photos --workdir=runs/prior \
      [--preset=photos_prior] [--config.training.steps=2000 ...]

The workdir holds a copy of the autoencoder and the codes. The same command goes on where it
was interrupted.
"""

from absl import flags

from vqvae_tf import models, workflows
from vqvae_tf.config import UserError
from vqvae_tf.programs import command
from vqvae_tf.training import evaluation, strategies

DEFAULT_PRESET = "photos_prior"

FLAGS = flags.FlagValues()
_PRESET = flags.DEFINE_string("preset", DEFAULT_PRESET, "Preset of a prior.", flag_values=FLAGS)
_MODEL = flags.DEFINE_string(
    "model", None, "Workdir of the autoencoder.", required=True, flag_values=FLAGS
)
_DATA = flags.DEFINE_string(
    "data", None, "URI of the pictures, or codes:GLOB.", required=True, flag_values=FLAGS
)
_VALIDATION = flags.DEFINE_string(
    "validation",
    None,
    "URI of the data to evaluate on; the training data by default.",
    flag_values=FLAGS,
)
_WORKDIR = flags.DEFINE_string(
    "workdir", None, "Folder of the run.", required=True, flag_values=FLAGS
)
_STRATEGY = flags.DEFINE_string(
    "strategy", "default", f"One of {', '.join(strategies.NAMES)}.", flag_values=FLAGS
)


def main() -> None:
    """Trains, and prints the final evaluation."""
    config = command.frozen_config(FLAGS, models.preset(_PRESET.value))
    if not isinstance(config, models.PriorConfig):
        raise UserError(f"{_PRESET.value} is no preset of a prior; use vqvae-train")
    results = workflows.train_prior(
        config,
        _MODEL.value,
        _DATA.value,
        _WORKDIR.value,
        validation_uri=_VALIDATION.value,
        strategy=_STRATEGY.value,
    )
    print(evaluation.table(results))


def run() -> None:
    """The console script."""
    command.run(main, FLAGS, __doc__, default_preset=DEFAULT_PRESET)


if __name__ == "__main__":
    run()
