"""What the decoder of a model of sound gives, an output a file."""

from vqvae_tf.models.sound_outputs.frames_output import FramesOutput
from vqvae_tf.models.sound_outputs.output import Output
from vqvae_tf.models.sound_outputs.waveform_output import WaveformOutput
from vqvae_tf.models.sound_outputs.wavenet_output import WaveNetOutput

__all__ = ["FramesOutput", "Output", "WaveNetOutput", "WaveformOutput"]
