"""vqvae-sample: draws pictures, sounds or videos from a trained prior.

  vqvae-sample --prior=runs/prior --count=16 --seed=1 --label=gravel --output=samples
  vqvae-sample --prior=runs/speech_prior --count=4 --speaker=anna --output=spoken

Writes a PNG for each picture and sheet.png, a WAV for each sound, or an MP4 for each video and
sheet.png; and codes.npz.
"""

from absl import flags

from vqvae_tf.config import limits
from vqvae_tf.programs import command, input_flags, number_flags, output_flags, sampling_flags

FLAGS = flags.FlagValues()
_PRIOR = flags.DEFINE_string(
    "prior", None, "Workdir of the prior.", required=True, flag_values=FLAGS
)
_OUTPUT = flags.DEFINE_string(
    "output", None, "Folder for the samples.", required=True, flag_values=FLAGS
)
_SAMPLING = sampling_flags.SamplingFlags(FLAGS, 16, "Number of samples.")
_LABEL = flags.DEFINE_string(
    "label", None, "Name or number of a class of pictures.", flag_values=FLAGS
)
_SPEAKER = flags.DEFINE_string(
    "speaker", None, "Name or number of a speaker of sounds.", flag_values=FLAGS
)
_GRID = flags.DEFINE_list(
    "grid",
    None,
    "HEIGHT,WIDTH in codes; TIME for sounds; TIME,HEIGHT,WIDTH for videos.",
    flag_values=FLAGS,
)
_PREFIX = flags.DEFINE_string(
    "prefix", None, "An .npz file of given codes, -1 where free.", flag_values=FLAGS
)
_BEST_OF = flags.DEFINE_integer(
    "best_of",
    1,
    "Draw this many per sample and keep the likeliest.",
    lower_bound=1,
    upper_bound=limits.MOST_DRAWS,
    flag_values=FLAGS,
)


def main() -> None:
    """Samples, and prints the path of the sheet or of the first sound."""
    output_flags.check_folder(_OUTPUT)
    grid = number_flags.sides(_GRID)
    input_flags.check_workdir(_PRIOR)
    input_flags.check_file(_PREFIX)
    told = [flag for flag in (_LABEL, _SPEAKER) if flag.value is not None]

    from vqvae_tf import workflows

    written = workflows.sample(
        _PRIOR.value,
        _OUTPUT.value,
        grid=grid,
        prefix=_PREFIX.value,
        best_of=_BEST_OF.value,
        **_SAMPLING.values() | {flag.name: flag.value for flag in told},
    )
    print(written[0])


def run() -> None:
    """The console script."""
    command.run(main, FLAGS, __doc__)


if __name__ == "__main__":
    run()
