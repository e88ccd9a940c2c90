"""vqvae-export: exports a trained autoencoder for serving, and checks it in another process.

  vqvae-export --model=runs/photos --prior=runs/prior --output=served
  vqvae-export --model=runs/photos --format=saved_model,tflite --size=64,96 --output=served
  vqvae-export --model=runs/speech --prior=runs/speech_prior --output=served
  vqvae-export --model=runs/maze --prior=runs/maze_prior --output=served

The SavedModel has the signatures encode, decode and reconstruct: uint8 pixels or float samples in
and out, any batch, any size. A model with speakers has convert instead of reconstruct, and its
decode takes the speaker. With a prior there are also sample (of videos rollout) and log_prob. The
TFLite file, model.tflite, has encode and decode for one picture, sound or video of a fixed size,
and with a prior of pictures or sounds also sample; the noise of all draws is an input.
vqvae_export.json lists the written files; no other file in the folder is replaced.
"""

import os
from typing import Any

from absl import flags

from vqvae_tf.config import limits
from vqvae_tf.errors import UserError, nearest
from vqvae_tf.programs import command, input_flags, number_flags, output_flags

FORMATS = ("saved_model", "tflite")
TFLITE_FILE = "model.tflite"
# In nats per code: for float32 ten times the effect of sums in another order, for mixed precision
# the effect of rounding to eight bits.
TOLERANCE, MIXED_TOLERANCE = 1e-4, 1e-2

FLAGS = flags.FlagValues()
_MODEL = flags.DEFINE_string(
    "model", None, "Workdir of the autoencoder.", required=True, flag_values=FLAGS
)
_PRIOR = flags.DEFINE_string(
    "prior", None, "Workdir of a prior over its codes, to sample from.", flag_values=FLAGS
)
_FORMAT = flags.DEFINE_list(
    "format", ["saved_model"], f"Any of {', '.join(FORMATS)}.", flag_values=FLAGS
)
_GRID = flags.DEFINE_list(
    "grid",
    None,
    "HEIGHT,WIDTH in codes of the samples, TIME of sounds, or TIME,HEIGHT,WIDTH of videos; the "
    "prior's training grid by default.",
    flag_values=FLAGS,
)
_SIZE = flags.DEFINE_list(
    "size",
    None,
    "Size of the data of a TFLite file: HEIGHT,WIDTH in pixels, TIME in samples of a sound, or "
    "TIME,HEIGHT,WIDTH of a video.",
    flag_values=FLAGS,
)
_OUTPUT = flags.DEFINE_string(
    "output", None, "Folder for the export.", required=True, flag_values=FLAGS
)


def main() -> None:
    """Exports, checks in another process, and prints the comparison."""
    for name in _FORMAT.value or [""]:
        if name not in FORMATS:
            raise UserError(f'unknown format "{name}"; {nearest(name, FORMATS)}')
    grid = number_flags.sides(
        _GRID, "HEIGHT,WIDTH in codes, TIME of sounds, or TIME,HEIGHT,WIDTH of videos"
    )
    size = number_flags.sides(
        _SIZE,
        "HEIGHT,WIDTH in pixels, TIME in samples of a sound, or TIME,HEIGHT,WIDTH of a video",
        limits.LARGEST_PICTURE,
        "pixels or samples",
    )
    if "tflite" in _FORMAT.value and size is None:
        raise UserError(
            "a TFLite file is for data of one size; give --size=HEIGHT,WIDTH in pixels, "
            "--size=TIME in samples of a sound, or --size=TIME,HEIGHT,WIDTH of a video"
        )
    if "tflite" not in _FORMAT.value and size is not None:
        raise UserError("--size is for a TFLite file; add tflite to --format, or leave it out")
    if _PRIOR.value is None and grid is not None:
        raise UserError("--grid is for a prior's samples; give --prior, or leave it out")
    output_flags.check_folder(_OUTPUT)
    for workdir in (_MODEL, _PRIOR):
        input_flags.check_workdir(workdir)

    from vqvae_tf import export, workflows
    from vqvae_tf.media import medium_of

    tflite_path = os.path.join(_OUTPUT.value, TFLITE_FILE)
    names = {"saved_model": export.SAVED_MODEL_FILES, "tflite": [TFLITE_FILE]}
    for name in _FORMAT.value:
        export.check_output(_OUTPUT.value, names[name])
    model = workflows.load_autoencoder(_MODEL.value)
    prior, class_names = None, None
    if _PRIOR.value is not None:
        prior, _ = workflows.load_pair(_PRIOR.value, model)
        class_names = workflows.class_names(_PRIOR.value)
    sampled: dict[str, Any] = {"prior": prior, "grid": grid, "class_names": class_names}
    if size is not None:  # TFLite first, as some models cannot be exported to it
        export.export_tflite(model, tflite_path, size, **sampled)
        examples = medium_of(model).examples(model, size)
        check = export.check_tflite(model, tflite_path, examples, **sampled)
        _report(tflite_path, check, prior)
    if "saved_model" in _FORMAT.value:
        export.export_saved_model(model, _OUTPUT.value, **sampled)
        examples = medium_of(model).examples(model)
        check = export.check_saved_model(model, _OUTPUT.value, examples, **sampled)
        _report(_OUTPUT.value, check, prior)


def _report(path, check, prior):
    print(path, *(f"{name}  {value:.4g}" for name, value in check.items()), sep="\n")
    again = "export again with the TensorFlow version that serves it"
    for name, kinds in (("codes", ("codes", "sampled_codes")), ("drawn values", ("drawn_values",))):
        differing = sum(check.get(f"{kind}_differing", 0) for kind in kinds)
        if differing:
            raise UserError(f"{differing} {name} from {path} differ from the model's; {again}")
    gap = check.get("largest_log_prob_difference", 0.0)
    exact = prior is None or prior.config.training.precision == "float32"
    tolerance = TOLERANCE if exact else MIXED_TOLERANCE
    if gap > tolerance:
        raise UserError(
            f"log probabilities from {path} differ from the model's by {gap:.2g} nats per value, "
            f"more than {tolerance:g}; {again}"
        )


def run() -> None:
    """The console script."""
    command.run(main, FLAGS, __doc__)


if __name__ == "__main__":
    run()
