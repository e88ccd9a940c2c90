"""Speech made on the spot by the speech synthesisers that are installed."""

from vqvae_tf.data.speech.source import EmbeddedSpeech
from vqvae_tf.data.speech.utterance import PHONES

__all__ = ["PHONES", "EmbeddedSpeech"]
