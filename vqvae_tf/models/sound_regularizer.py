"""What keeps the speaker out of codes in training: warped inputs, jitter, an adversary."""

from typing import Any

import keras
import tensorflow as tf

from vqvae_tf.config.audio import AudioConfig
from vqvae_tf.networks.row_noise import RowNoise

_WARPED_SHARE = 0.8  # of the examples
_ADVERSARY_WIDTH = 64


class SoundRegularizer(keras.layers.Layer):
    """Draws and losses that an `AudioVQVAE` has in training only.

    Each is there if its field of the configuration is not 0.

    Args:
        config: of the model.
    """

    def __init__(self, config: AudioConfig, **kwargs):
        super().__init__(**kwargs)
        self._warp, self._jitter = config.warp, config.jitter
        self._adversary = config.speaker_adversary if config.speakers else 0.0
        seed = config.training.seed
        self.warp_noise: Any = RowNoise(seed, name="warp_noise") if self._warp else None
        self.jitter_noise: Any = RowNoise(seed + 1, name="jitter_noise") if self._jitter else None
        self.hidden: Any = None
        self.speakers: Any = None
        if self._adversary:
            self.hidden = keras.layers.Dense(_ADVERSARY_WIDTH, activation="relu", name="hidden")
            self.speakers = keras.layers.Dense(len(config.speakers), name="speakers")
            self.hidden.build((None, None, config.embedding_dim))
            self.speakers.build((None, None, _ADVERSARY_WIDTH))
        self.built = True

    @property
    def loss_names(self) -> tuple[str, ...]:
        """Names of `losses_of`."""
        return ("speaker_adversary",) if self._adversary else ()

    def warp_factors(self, count: Any) -> Any:
        """A factor for each of `count` examples, 1 for a fifth of them; None without warping.

        The mel axis of a voice with a short vocal tract is that of a long one times such a factor.
        """
        if not self._warp:
            return None
        which, where = tf.unstack(self.warp_noise.draw(count, 2), axis=1)
        factors = tf.exp(self._warp * (2.0 * where - 1.0))
        return tf.where(which < _WARPED_SHARE, factors, 1.0)

    def jittered(self, vectors: Any) -> Any:
        """Vectors `[batch, time, dim]`, some of them replaced by one of their neighbours."""
        if not self._jitter:
            return vectors
        batch, time = tf.shape(vectors)[0], tf.shape(vectors)[1]
        noise = tf.reshape(self.jitter_noise.draw(batch * time), [batch, time])
        half = self._jitter / 2
        step = tf.cast(noise > 1.0 - half, tf.int32) - tf.cast(noise < half, tf.int32)
        place = tf.clip_by_value(tf.range(time)[None] + step, 0, time - 1)
        return tf.gather(vectors, place, batch_dims=1)

    def losses_of(self, vectors: Any, speaker: Any) -> dict[str, Any]:
        """The classifier's cross-entropy in nats; its gradient reaches the vectors reversed.

        Args:
            vectors: `[batch, time, dim]`.
            speaker: int32 `[batch]`, or None; those of -1 do not count.
        """
        if not self._adversary:
            return {}
        if speaker is None:
            return {"speaker_adversary": tf.zeros([])}
        logits = self.speakers(self.hidden(_reversed(vectors, self._adversary)))
        time = tf.shape(vectors)[1]
        labels = tf.repeat(tf.maximum(speaker, 0)[:, None], time, axis=1)
        nats = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, tf.cast(logits, tf.float32))
        known = tf.cast(speaker >= 0, tf.float32)[:, None]
        return {"speaker_adversary": tf.reduce_mean(nats * known)}


def _reversed(values, weight):
    """`values`, whose gradient is multiplied by `-weight`."""

    @tf.custom_gradient
    def reverse(values):
        return values, lambda gradient: -weight * gradient

    return reverse(values)
