"""Export of trained models as SavedModel and TFLite, checked by running it in another process."""

from vqvae_tf.export.manifest import check as check_output
from vqvae_tf.export.saved_model import SAVED_MODEL_FILES, check_saved_model, export_saved_model
from vqvae_tf.export.tflite import check_tflite, export_tflite, noise_of

__all__ = [
    "SAVED_MODEL_FILES",
    "check_output",
    "check_saved_model",
    "check_tflite",
    "export_saved_model",
    "export_tflite",
    "noise_of",
]
