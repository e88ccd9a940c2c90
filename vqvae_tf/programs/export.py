"""vqvae-export: writes a trained autoencoder for serving, runs it elsewhere and compares.

  vqvae-export --model=runs/photos --output=served

The SavedModel has the signatures encode, decode and reconstruct: uint8 pixels in and out, any
batch, any size.
"""

import numpy as np
from absl import flags

from vqvae_tf import export, models
from vqvae_tf.config import UserError, nearest
from vqvae_tf.programs import command

FORMATS = ("saved_model",)

FLAGS = flags.FlagValues()
_MODEL = flags.DEFINE_string(
    "model", None, "Workdir of the autoencoder.", required=True, flag_values=FLAGS
)
_FORMAT = flags.DEFINE_list(
    "format", ["saved_model"], f"Of {', '.join(FORMATS)}.", flag_values=FLAGS
)
_OUTPUT = flags.DEFINE_string(
    "output", None, "Folder for the export.", required=True, flag_values=FLAGS
)


def main() -> None:
    """Exports, checks in another process, and prints what was compared."""
    for name in _FORMAT.value:
        if name not in FORMATS:
            raise UserError(f'unknown format "{name}"; {nearest(name, FORMATS)}')
    model = models.load(_MODEL.value)
    if not isinstance(model, models.ImageVQVAE):
        raise UserError(f"{_MODEL.value} holds a prior; --model wants the autoencoder's workdir")
    export.export_saved_model(model, _OUTPUT.value)
    channels = model.config.data.channels
    noise = np.random.default_rng(0)
    pictures = [
        noise.integers(0, 256, (height, width, channels), np.uint8)
        for height, width in ((32, 32), (45, 61), (7, 130))
    ]
    check = export.check_saved_model(model, _OUTPUT.value, pictures)
    print("\n".join(f"{name}  {value:.4g}" for name, value in check.items()))
    if check["codes_differing"]:
        raise UserError(
            f"{check['codes_differing']} codes from {_OUTPUT.value} differ from the model's; "
            "export again with the TensorFlow version that serves it"
        )


def run() -> None:
    """The console script."""
    command.run(main, FLAGS, __doc__)


if __name__ == "__main__":
    run()
