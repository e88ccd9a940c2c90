"""vqvae-convert: recordings in the voice of a speaker whom the model knows.

vqvae-convert --model=runs/speech --speaker=anna --data=folder:voices --output=converted
"""

import sys

from absl import flags

from vqvae_tf.errors import counted
from vqvae_tf.programs import command, input_flags, output_flags

FLAGS = flags.FlagValues()
_MODEL = flags.DEFINE_string(
    "model", None, "Workdir of an autoencoder of sound.", required=True, flag_values=FLAGS
)
_SPEAKER = flags.DEFINE_string(
    "speaker", None, "Name of the target speaker.", required=True, flag_values=FLAGS
)
_DATA = flags.DEFINE_string(
    "data", None, "URI of the recordings, of any speakers.", required=True, flag_values=FLAGS
)
_OUTPUT = flags.DEFINE_string(
    "output", None, "Folder for the results.", required=True, flag_values=FLAGS
)
_COUNT = flags.DEFINE_integer(
    "count",
    None,
    "How many at most; all by default.",
    lower_bound=1,
    upper_bound=sys.maxsize,
    flag_values=FLAGS,
)


def main() -> None:
    """Converts, and prints how many."""
    output_flags.check_folder(_OUTPUT)
    input_flags.check_workdir(_MODEL)
    input_flags.check_data(_DATA)

    from vqvae_tf import workflows

    written = workflows.convert(
        _MODEL.value, _SPEAKER.value, _DATA.value, _OUTPUT.value, _COUNT.value
    )
    print(f"{counted(written, 'conversion')} in {_OUTPUT.value}")


def run() -> None:
    """The console script."""
    command.run(main, FLAGS, __doc__)


if __name__ == "__main__":
    run()
