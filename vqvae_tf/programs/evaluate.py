"""vqvae-evaluate: measures a model over a whole set: error, codes in use, bits.

  vqvae-evaluate --model=runs/photos --prior=runs/prior --data=embedded:photos/region

Prints a table: for pictures MSE, PSNR, SSIM, bits/dim; for sounds bits per sample and per second;
for both perplexity and usage. --output=FILE writes the same as JSON, with a row for each picture.
"""

from absl import flags

from vqvae_tf.programs import command, number_flags, output_flags

FLAGS = flags.FlagValues()
_MODEL = flags.DEFINE_string(
    "model", None, "Workdir of the autoencoder.", required=True, flag_values=FLAGS
)
_PRIOR = flags.DEFINE_string("prior", None, "Workdir of a prior.", flag_values=FLAGS)
_DATA = flags.DEFINE_string(
    "data", None, "URI of the pictures or sounds.", required=True, flag_values=FLAGS
)
_OUTPUT = flags.DEFINE_string("output", None, "A JSON file to write.", flag_values=FLAGS)
_SEARCH = number_flags.define_search_passes(FLAGS)
_RATE_WEIGHT = number_flags.define_float(
    "rate_weight",
    0.0,
    "Weight of a bit under the prior in the search, in units of squared error, such as 300.",
    FLAGS,
    lower_bound=0.0,
)


def main() -> None:
    """Evaluates, and prints the table."""
    output_flags.check_file(_OUTPUT)

    from vqvae_tf import workflows
    from vqvae_tf.files import write_json
    from vqvae_tf.media import evaluation

    results = workflows.evaluate(
        _MODEL.value,
        _DATA.value,
        _PRIOR.value,
        search_passes=_SEARCH.value,
        rate_weight=_RATE_WEIGHT.value,
    )
    if _OUTPUT.value is not None:  # before the table, as its reader may have closed the pipe
        write_json(_OUTPUT.value, results)
    print(evaluation.table(results))


def run() -> None:
    """The console script."""
    command.run(main, FLAGS, __doc__)


if __name__ == "__main__":
    run()
