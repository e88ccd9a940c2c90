"""vqvae-reconstruct: writes reconstructions next to the originals, and the codes.

vqvae-reconstruct --model=runs/photos --data=embedded:photos/photo --output=reconstructions
"""

import sys

from absl import flags

from vqvae_tf.errors import counted
from vqvae_tf.programs import command, input_flags, number_flags, output_flags

FLAGS = flags.FlagValues()
_MODEL = flags.DEFINE_string(
    "model", None, "Workdir of the autoencoder.", required=True, flag_values=FLAGS
)
_DATA = flags.DEFINE_string(
    "data", None, "URI of the pictures, sounds or episodes.", required=True, flag_values=FLAGS
)
_OUTPUT = flags.DEFINE_string(
    "output", None, "Folder for the results.", required=True, flag_values=FLAGS
)
_COUNT = flags.DEFINE_integer(
    "count",
    None,
    "Maximal number of examples; all by default.",
    lower_bound=1,
    upper_bound=sys.maxsize,
    flag_values=FLAGS,
)
_SEARCH = number_flags.define_search_passes(FLAGS)


def main() -> None:
    """Reconstructs, and prints the number of reconstructions."""
    output_flags.check_folder(_OUTPUT)
    input_flags.check_workdir(_MODEL)
    input_flags.check_data(_DATA)

    from vqvae_tf import workflows

    written = workflows.reconstruct(
        _MODEL.value, _DATA.value, _OUTPUT.value, _COUNT.value, _SEARCH.value
    )
    print(f"{counted(written, 'reconstruction')} in {_OUTPUT.value}")


def run() -> None:
    """The console script."""
    command.run(main, FLAGS, __doc__)


if __name__ == "__main__":
    run()
