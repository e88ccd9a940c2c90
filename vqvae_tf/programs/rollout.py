"""vqvae-rollout: imagines how an episode goes on after its first frames, under given actions.

  vqvae-rollout --prior=runs/prior --data=embedded:labmaze/test --actions=turn_right --output=right
  vqvae-rollout --prior=runs/prior --data=folder:drives --episode=a.mp4 --count=4 --output=futures

The frames are drawn as codes and decoded once, at the end. Writes strip.png, with a row for what
really follows (if it is known) and one for each future; the same as MP4; and codes.npz.
"""

import sys

from absl import flags

from vqvae_tf.config import limits
from vqvae_tf.programs import command, input_flags, number_flags, output_flags

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
    "Its frame at which the given frames begin.",
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
    upper_bound=sys.maxsize,
    flag_values=FLAGS,
)
_ACTIONS = flags.DEFINE_list(
    "actions",
    None,
    "Names or numbers of actions, one for each imagined frame, or one for all; those recorded by "
    "default.",
    flag_values=FLAGS,
)
_COUNT = flags.DEFINE_integer(
    "count",
    1,
    "Number of futures.",
    lower_bound=1,
    upper_bound=limits.MOST_SAMPLES,
    flag_values=FLAGS,
)
_SEED = flags.DEFINE_integer(
    "seed",
    0,
    "Seed of the draws.",
    lower_bound=0,
    upper_bound=limits.LARGEST_SAMPLING_SEED,
    flag_values=FLAGS,
)
_TEMPERATURE = number_flags.define_float(
    "temperature", 1.0, "Divides the logits; 0 takes the most likely codes.", FLAGS
)
_TOP_K = flags.DEFINE_integer("top_k", None, "Draw from the k likeliest codes.", flag_values=FLAGS)
_TOP_P = number_flags.define_float(
    "top_p", None, "Draw from the likeliest codes that together have this probability.", FLAGS
)


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
        count=_COUNT.value,
        seed=_SEED.value,
        temperature=_TEMPERATURE.value,
        top_k=_TOP_K.value,
        top_p=_TOP_P.value,
    )
    print(written[0])


def run() -> None:
    """The console script."""
    command.run(main, FLAGS, __doc__)


if __name__ == "__main__":
    run()
