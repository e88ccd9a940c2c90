r"""vqvae-train: trains an autoencoder of any family from a preset.

  vqvae-train --preset=photos --data=embedded:photos --workdir=runs/photos \
      [--config.training.steps=2000 ...] [--validation=embedded:photos/validation]

The same command resumes an interrupted run.
"""

from absl import flags

from vqvae_tf import presets
from vqvae_tf.errors import UserError
from vqvae_tf.programs import command, config_flags, input_flags, run_flags

FLAGS = flags.FlagValues()
_PRESET = flags.DEFINE_string(
    "preset", None, f"One of {', '.join(presets.AUTOENCODERS)}.", required=True, flag_values=FLAGS
)
_CODES_FROM = flags.DEFINE_string(
    "codes_from",
    None,
    "Workdir of a trained model of sound: its encoder and quantizer are taken as they are, and "
    "only a decoder of its codes is trained.",
    flag_values=FLAGS,
)
_RUN = run_flags.define(FLAGS, data="URI of the training data.")


def main() -> None:
    """Trains, and prints the final evaluation."""
    preset = presets.preset(_PRESET.value)
    if _PRESET.value in presets.PRIORS:
        raise UserError(f"{_PRESET.value} is the preset of a prior; use vqvae-train-prior")
    input_flags.check_workdir(_CODES_FROM)
    codes_of = None
    if _CODES_FROM.value is not None:
        from vqvae_tf.workflows import autoencoder_config

        codes_of = autoencoder_config(_CODES_FROM.value)
    config = config_flags.frozen(FLAGS, preset, codes_of)
    run_flags.check(_RUN)

    from vqvae_tf import workflows
    from vqvae_tf.media import evaluation

    results = workflows.train(
        config,
        _RUN.data.value,
        _RUN.workdir.value,
        validation_uri=_RUN.validation.value,
        codes_from=_CODES_FROM.value,
        strategy=_RUN.strategy.value,
    )
    print(evaluation.table(results))


def run() -> None:
    """The console script."""
    command.run(main, FLAGS, __doc__, preset=_PRESET)


if __name__ == "__main__":
    run()
