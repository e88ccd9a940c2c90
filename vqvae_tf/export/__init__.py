"""Trained models in the forms that are served; each is written, run elsewhere and compared."""

from vqvae_tf.export.saved_model import check_saved_model, export_saved_model
from vqvae_tf.export.tflite import check_tflite, export_tflite, noise_of

__all__ = [
    "check_saved_model",
    "check_tflite",
    "export_saved_model",
    "export_tflite",
    "noise_of",
]
