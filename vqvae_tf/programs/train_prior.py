r"""vqvae-train-prior: encodes a data set with a trained autoencoder and fits a prior to the codes.

  vqvae-train-prior --model=runs/photos --data=embedded:photos --workdir=runs/prior \
      [--preset=photos_prior] [--config.training.steps=2000 ...]

The workdir holds a copy of the autoencoder and the codes. The same command resumes an interrupted
run.
"""

from absl import flags

from vqvae_tf import presets
from vqvae_tf.errors import UserError
from vqvae_tf.programs import command, config_flags, input_flags, run_flags

FLAGS = flags.FlagValues()
_PRESET = flags.DEFINE_string(
    "preset", "photos_prior", f"One of {', '.join(presets.PRIORS)}.", flag_values=FLAGS
)
_MODEL = flags.DEFINE_string(
    "model", None, "Workdir of the autoencoder.", required=True, flag_values=FLAGS
)
_RUN = run_flags.define(FLAGS, data="URI of the pictures, sounds or episodes, or codes:GLOB.")


def main() -> None:
    """Trains, and prints the final evaluation."""
    config = config_flags.frozen(FLAGS, presets.preset(_PRESET.value))
    if _PRESET.value in presets.AUTOENCODERS:
        raise UserError(f"{_PRESET.value} is not the preset of a prior; use vqvae-train")
    input_flags.check_workdir(_MODEL)
    run_flags.check(_RUN)

    from vqvae_tf import workflows
    from vqvae_tf.media import evaluation

    results = workflows.train_prior(
        config,
        _MODEL.value,
        _RUN.data.value,
        _RUN.workdir.value,
        validation_uri=_RUN.validation.value,
        strategy=_RUN.strategy.value,
    )
    print(evaluation.table(results))


def run() -> None:
    """The console script."""
    command.run(main, FLAGS, __doc__, preset=_PRESET)


if __name__ == "__main__":
    run()
