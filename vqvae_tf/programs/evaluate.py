"""vqvae-evaluate: measures a model over a whole set: error, codes in use, bits.

  vqvae-evaluate --model=runs/photos --prior=runs/prior --data=embedded:photos/region
  vqvae-evaluate --model=runs/speech --phones --train_data=URI --data=URI --picture=phones.png
  vqvae-evaluate --model=runs/model --prior=runs/prior --rollouts --data=embedded:labmaze/test

Prints a table: for pictures and videos MSE, PSNR, SSIM, bits/dim; for sounds bits per sample and
per second; for all of them perplexity and usage. --output=FILE writes the same as JSON, with a row
for each picture.
With --phones the table shows how well the codes of speech predict its phones, next to k-means.
With --rollouts it shows how near imagined futures of videos come to the real ones, next to simple
guesses, for the recorded actions and, for embedded episodes, for each command.
"""

from absl import flags

from vqvae_tf.config import limits
from vqvae_tf.errors import UserError
from vqvae_tf.programs import command, input_flags, number_flags, output_flags

FLAGS = flags.FlagValues()
_MODEL = flags.DEFINE_string(
    "model", None, "Workdir of the autoencoder.", required=True, flag_values=FLAGS
)
_PRIOR = flags.DEFINE_string("prior", None, "Workdir of a prior.", flag_values=FLAGS)
_DATA = flags.DEFINE_string(
    "data", None, "URI of the pictures, sounds or episodes.", required=True, flag_values=FLAGS
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
_PHONES = flags.DEFINE_bool(
    "phones", False, "Score a map of codes to phones, for data with phones.", flag_values=FLAGS
)
_TRAIN_DATA = flags.DEFINE_string(
    "train_data", None, "With --phones: URI of the sounds that fit the map.", flag_values=FLAGS
)
_PICTURE = flags.DEFINE_string(
    "picture", None, "With --phones: a PNG of codes and phones to write.", flag_values=FLAGS
)
_ROLLOUTS = flags.DEFINE_bool(
    "rollouts", False, "Score imagined futures, for a prior of videos.", flag_values=FLAGS
)
_FRAMES = flags.DEFINE_integer(
    "frames",
    10,
    "With --rollouts: number of imagined frames.",
    lower_bound=1,
    upper_bound=limits.LARGEST_SIDE,
    flag_values=FLAGS,
)
_CLIPS = flags.DEFINE_integer(
    "clips",
    16,
    "With --rollouts: starts for each command, at most.",
    lower_bound=1,
    upper_bound=limits.MOST_SAMPLES,
    flag_values=FLAGS,
)
_SEED = flags.DEFINE_integer(
    "seed",
    0,
    "With --rollouts: seed of the starts and of the draws.",
    lower_bound=0,
    upper_bound=limits.LARGEST_SAMPLING_SEED,
    flag_values=FLAGS,
)
_TEMPERATURE = number_flags.define_float(
    "temperature", 1.0, "With --rollouts: divides the logits.", FLAGS
)
_WRONG = flags.DEFINE_bool(
    "wrong_actions",
    False,
    "With --rollouts: score also futures without actions, and with left and right exchanged.",
    flag_values=FLAGS,
)
_OF_ROLLOUTS = (_FRAMES, _CLIPS, _SEED, _TEMPERATURE, _WRONG)
_WITHOUT_PHONES = (_PRIOR, _SEARCH, _RATE_WEIGHT)


def main() -> None:
    """Evaluates, and prints the table."""
    output_flags.check_file(_OUTPUT)
    output_flags.check_file(_PICTURE)
    _check_phones()
    _check_rollouts()
    for workdir in (_MODEL, _PRIOR):
        input_flags.check_workdir(workdir)
    for data in (_DATA, _TRAIN_DATA):
        input_flags.check_data(data)

    from vqvae_tf import files, workflows, written_files
    from vqvae_tf.media import evaluation, phone_evaluation, rollout_evaluation

    for flag in (_OUTPUT, _PICTURE):
        if flag.value is not None:
            written_files.check(flag.value)
    if _TRAIN_DATA.value is not None:
        results = workflows.evaluate_phones(
            _MODEL.value, _DATA.value, _TRAIN_DATA.value, _PICTURE.value
        )
        table = phone_evaluation.table(results)
    elif _ROLLOUTS.value:
        results = workflows.evaluate_rollouts(
            str(_PRIOR.value),
            _DATA.value,
            model_path=_MODEL.value,
            frames=_FRAMES.value,
            clips=_CLIPS.value,
            seed=_SEED.value,
            temperature=_TEMPERATURE.value,
            wrong=_WRONG.value,
        )
        table = rollout_evaluation.table(results)
    else:
        results = workflows.evaluate(
            _MODEL.value,
            _DATA.value,
            _PRIOR.value,
            search_passes=_SEARCH.value,
            rate_weight=_RATE_WEIGHT.value,
        )
        table = evaluation.table(results)
    if _OUTPUT.value is not None:  # before the table, as its reader may have closed the pipe
        written_files.write_bytes(_OUTPUT.value, files.as_json(results).encode())
    print(table)


def _check_phones():
    """Refuses flags that do not go together; there is `--train_data` if and only if `--phones`."""
    if _PHONES.value:
        if _TRAIN_DATA.value is None:
            raise UserError("--phones needs --train_data, the sounds that fit the map of codes")
        for flag in _WITHOUT_PHONES:
            if flag.value != flag.default:
                raise UserError(f"--phones takes no --{flag.name}; leave one of them out")
        return
    for flag in (_TRAIN_DATA, _PICTURE):
        if flag.value is not None:
            raise UserError(f"--{flag.name} goes with --phones; leave it out or add --phones")


def _check_rollouts():
    """Refuses flags of `--rollouts` without it, and those that it does not take."""
    if _ROLLOUTS.value:
        if _PRIOR.value is None:
            raise UserError("--rollouts needs --prior, which imagines the futures")
        for flag in (_PHONES, _SEARCH, _RATE_WEIGHT):
            if flag.value != flag.default:
                raise UserError(f"--rollouts takes no --{flag.name}; leave one of them out")
        return
    for flag in _OF_ROLLOUTS:
        if flag.value != flag.default:
            raise UserError(f"--{flag.name} goes with --rollouts; leave it out or add --rollouts")


def run() -> None:
    """The console script."""
    command.run(main, FLAGS, __doc__)


if __name__ == "__main__":
    run()
