"""vqvae-rollout: imagines how an episode goes on after its first frames, under given actions.

  vqvae-rollout --prior=runs/prior --data=embedded:labmaze/test --actions=turn_right --output=right
  vqvae-rollout --prior=runs/prior --data=folder:drives --episode=a.mp4 --count=4 --output=futures

The frames are drawn as codes and decoded once, at the end. Writes strip.png, with a row for what
really follows (if it is known) and one for each future; the same as MP4; and codes.npz.
"""

import sys

from absl import flags

from vqvae_tf.config import limits
from vqvae_tf.programs import command, input_flags, output_flags, sampling_flags

FLAGS = flags.FlagValues()
_PRIOR = flags.DEFINE_string(
    "prior", None, "Workdir of a prior of videos.", required=True, flag_values=FLAGS
)
_DATA = flags.DEFINE_string("data", None, "URI of the episodes.", required=True, flag_values=FLAGS)
_OUTPUT = flags.DEFINE_string(
    "output", None, "Folder for the results.", required=True, flag_values=FLAGS
)
_EPISODE = flags.DEFINE_string("episode", "0", "Number or name of the episode.", flag_values=FLAGS)
_START = flags.DEFINE_integer(
    "start",
    0,
    "Frame of the episode at which the given frames begin.",
    lower_bound=0,
    upper_bound=sys.maxsize,
    flag_values=FLAGS,
)
_CONTEXT = flags.DEFINE_integer(
    "context",
    None,
    "Number of given frames; as many as in training by default.",
    lower_bound=1,
    upper_bound=sys.maxsize,
    flag_values=FLAGS,
)
_FRAMES = flags.DEFINE_integer(
    "frames",
    10,
    "Number of imagined frames.",
    lower_bound=1,
    upper_bound=limits.MOST_IMAGINED,
    flag_values=FLAGS,
)
_ACTIONS = flags.DEFINE_list(
    "actions",
    None,
    "Names or numbers of actions, one for each imagined frame, or one for all; those recorded by "
    "default.",
    flag_values=FLAGS,
)
_SAMPLING = sampling_flags.SamplingFlags(FLAGS, 1, "Number of futures.")


def main() -> None:
    """Imagines, and prints the path of the strip."""
    output_flags.check_folder(_OUTPUT)
    input_flags.check_workdir(_PRIOR)
    input_flags.check_data(_DATA)

    from vqvae_tf import workflows

    written = workflows.rollout(
        _PRIOR.value,
        _DATA.value,
        _OUTPUT.value,
        episode=_EPISODE.value,
        start=_START.value,
        context=_CONTEXT.value,
        frames=_FRAMES.value,
        actions=_ACTIONS.value,
        **_SAMPLING.values(),
    )
    print(written[0])


def run() -> None:
    """The console script."""
    command.run(main, FLAGS, __doc__)


if __name__ == "__main__":
    run()
