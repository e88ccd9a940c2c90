"""Likelihoods p(x|z) of 8-bit pixels given a decoder's output (arXiv:1711.00937, 3.2)."""

import abc
import math
from typing import Any

import keras
import tensorflow as tf

LEVELS = 256  # values that an 8-bit pixel takes
LOG_SCALE_FLOOR = -7.0  # natural logarithm, of scaled pixels; as in PixelCNN++
LOG_SCALE_CEILING = 15.0  # flat over 256 values long before; higher overflows float32


class Likelihood(keras.layers.Layer, abc.ABC):
    """Base of the probability distributions over the 8-bit values of each pixel.

    `loss` takes pixels as networks do, floats `value / 255 - 0.5`; `log_prob` and `bits` take
    the 8-bit values. A likelihood is a layer because some have weights, which are tracked, trained
    and saved with the model. Calling the layer returns `mean(outputs)`. All arithmetic is float32
    under any dtype policy.

    Shapes: pictures `[batch, ..., channels]`, outputs `[batch, ..., parameters(channels)]`.

    >>> likelihood = Categorical()
    >>> likelihood.parameters(channels=3)
    768
    >>> outputs = tf.zeros([2, 8, 8, 768])  # every value equally likely
    >>> pixels = tf.zeros([2, 8, 8, 3], tf.uint8)
    >>> (likelihood.bits(outputs, pixels) / (8 * 8 * 3)).numpy().round(3).tolist()
    [8.0, 8.0]
    """

    @abc.abstractmethod
    def parameters(self, channels: int) -> int:
        """Number of output channels that a decoder needs for pictures of `channels` channels."""

    @abc.abstractmethod
    def loss(self, outputs: tf.Tensor, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """The scalar to minimise, a mean over all pictures, places and channels.

        Args:
            outputs: output of the decoder, `[batch, ..., parameters(channels)]`.
            x: float pixels in [-0.5, 0.5], `[batch, ..., channels]`.
            training: whether running estimates are updated by this batch.
        """

    @abc.abstractmethod
    def log_prob(self, outputs: tf.Tensor, pixels: tf.Tensor) -> tf.Tensor:
        """Natural logarithm of the probability of each picture, `[batch]`.

        It is the mass of 8-bit values, not a density: the masses of the 256 values of a pixel
        sum to 1, so that bits can be compared between likelihoods and with codecs.

        Args:
            outputs: output of the decoder, `[batch, ..., parameters(channels)]`.
            pixels: 8-bit values, uint8 or any other type, `[batch, ..., channels]`.
        """

    @abc.abstractmethod
    def mean(self, outputs: tf.Tensor) -> tf.Tensor:
        """Expected float pixels in [-0.5, 0.5], `[batch, ..., channels]`."""

    @abc.abstractmethod
    def sample(self, outputs: tf.Tensor, seed: int | tf.Tensor) -> tf.Tensor:
        """Draws uint8 pictures `[batch, ..., channels]`; the same seed gives the same ones."""

    def bits(self, outputs: tf.Tensor, pixels: tf.Tensor) -> tf.Tensor:
        """Bits of each picture given its codes, `[batch]`."""
        return -self.log_prob(outputs, pixels) / math.log(2.0)

    def call(self, outputs: tf.Tensor) -> tf.Tensor:
        return self.mean(outputs)


@keras.saving.register_keras_serializable("vqvae_tf")
class Normal(Likelihood):
    """A Normal distribution about the output, which gives the squared-error loss.

    With `scale="fixed"` the loss is the mean squared error divided by `variance`, without units.
    Its gradient is that of a Normal of constant sigma (sigma^2 = variance / 2), but that sigma is
    far too large to compute bits. Bits therefore use a fitted sigma: the weight `variance` is the
    mean squared error per channel, a running mean over the training batches (decay 0.99), or set
    by `fit_scale` from errors measured over a whole set.

    With `scale="learned"` there is one trained sigma per channel, the weight `log_scale`, and the
    loss is the negative logarithm of the mass, in nats per dimension.

    In both cases a value v has the mass P(v) = Phi((v + 1/2 - m) / s) - Phi((v - 1/2 - m) / s),
    with m and s in steps of the 8-bit scale and the tails folded into the values 0 and 255.

    Args:
        scale: "fixed" or "learned".
        variance: divisor of the squared error; the default is the variance of natural images
            scaled to a width of 1. It is also the initial value of the fitted variance.
    """

    def __init__(self, scale: str = "fixed", variance: float = 0.06, **kwargs: Any):
        super().__init__(**kwargs)
        if scale not in ("fixed", "learned"):
            raise ValueError(f'scale must be "fixed" or "learned"; received {scale!r}')
        if not variance > 0.0:
            raise ValueError(f"variance must be positive; received {variance}")
        self.scale = scale
        self.data_variance = variance

    def build(self, input_shape):
        start = self.data_variance / 2.0
        weight = {"shape": (input_shape[-1],), "dtype": "float32", "autocast": False}
        if self.scale == "learned":
            initializer = keras.initializers.Constant(0.5 * math.log(start))
            self.log_scale = self.add_weight(name="log_scale", initializer=initializer, **weight)
        else:
            self.variance = self.add_weight(
                name="variance",
                initializer=keras.initializers.Constant(start),
                trainable=False,
                aggregation="mean",  # replicas have equal batches, so the mean of means is the mean
                **weight,
            )

    def parameters(self, channels: int) -> int:
        return channels

    def loss(self, outputs, x, training=False):
        self._ensure_built(outputs)
        x = tf.cast(x, tf.float32)
        if self.scale == "learned":
            return -tf.reduce_mean(self._log_mass(outputs, _values(x)))
        squared_error = tf.math.squared_difference(tf.cast(outputs, tf.float32), x)
        if training and self.trainable:
            error = tf.reduce_mean(squared_error, axis=tf.range(tf.rank(x) - 1))
            variance = tf.convert_to_tensor(self.variance)
            self.variance.assign(variance + 0.01 * (tf.stop_gradient(error) - variance))
        return tf.reduce_mean(squared_error) / self.data_variance

    def fit_scale(self, squared_error: Any) -> None:
        """Sets sigma, per channel, to the root of a measured mean squared error.

        Args:
            squared_error: mean of (x - mean)^2 in scaled pixels, a scalar or `[channels]`. Measure
                it on training pictures if the bits are to be valid for unseen ones.
        """
        weight = self.log_scale if self.scale == "learned" else self.variance
        squared_error = tf.broadcast_to(tf.cast(squared_error, tf.float32), weight.shape)
        weight.assign(
            0.5 * tf.math.log(squared_error) if self.scale == "learned" else squared_error
        )

    def log_prob(self, outputs, pixels):
        self._ensure_built(outputs)
        return _sum_per_picture(self._log_mass(outputs, tf.cast(pixels, tf.float32)))

    def mean(self, outputs):
        self._ensure_built(outputs)
        return tf.clip_by_value(tf.cast(outputs, tf.float32), -0.5, 0.5)

    def sample(self, outputs, seed):
        self._ensure_built(outputs)
        return tf.cast(self._quantized(outputs).sample(seed=_pair(seed)), tf.uint8)

    def get_config(self):
        return {**super().get_config(), "scale": self.scale, "variance": self.data_variance}

    def _ensure_built(self, outputs):
        if not self.built:
            self.build(outputs.shape)

    def _log_mass(self, outputs, values):
        return self._quantized(outputs).log_prob(values)

    def _quantized(self, outputs):
        if self.scale == "learned":
            log_scale = tf.convert_to_tensor(self.log_scale)
        else:
            log_scale = 0.5 * tf.math.log(tf.convert_to_tensor(self.variance))
        sigma = tf.exp(tf.maximum(log_scale, LOG_SCALE_FLOOR))
        step = LEVELS - 1.0
        # QuantizedDistribution rounds up; shifted by half a step it rounds to the nearest.
        loc = (tf.cast(outputs, tf.float32) + 0.5) * step - 0.5
        distributions = _tfp_distributions()
        normal = distributions.Normal(loc, sigma * step)
        return distributions.QuantizedDistribution(normal, low=0.0, high=step)


@keras.saving.register_keras_serializable("vqvae_tf")
class LogisticMixture(Likelihood):
    """A mixture of discretised logistic distributions for each pixel (PixelCNN++, 1701.05517).

    All channels of a pixel share the component. Within it the mean of a channel is shifted by the
    true values of the channels before it. The means of red, green and blue are

        m_r;  m_g + tanh(c_0) r;  m_b + tanh(c_1) r + tanh(c_2) g      (r, g in [-1, 1])

    and the picture is factorised over space. With a and b the distances of a value's edges
    from the mean in units of the scale, a > b, the mass is computed by

        sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - exp(b - a)),

    which is exact for any mean and scale without the special cases of the original code, and takes
    two thirds of the time of a general difference of two cumulative distributions. The values 0
    and 255 include the tails.

    Outputs: logits `[components]`, means and log-scales `[channels, components]`, coefficients
    `[channels (channels - 1) / 2, components]` by rows of the lower triangle, flattened in this
    order: ten numbers per component for colour. The loss is in nats per dimension.

    Args:
        components: number of logistic distributions per pixel.
    """

    def __init__(self, components: int = 10, **kwargs: Any):
        super().__init__(**kwargs)
        if components < 1:
            raise ValueError(f"components must be at least 1; received {components}")
        self.components = components

    def parameters(self, channels: int) -> int:
        return self.components * (1 + 2 * channels + channels * (channels - 1) // 2)

    def loss(self, outputs, x, training=False):
        return -tf.reduce_mean(self._log_mass(outputs, _values(x))) / x.shape[-1]

    def log_prob(self, outputs, pixels):
        return _sum_per_picture(self._log_mass(outputs, tf.cast(pixels, tf.float32)))

    def mean(self, outputs):
        logits, means, _, coefficients = self._split(outputs)
        values: list[tf.Tensor] = []
        for channel in range(means.shape[-2]):
            values.append(_location(channel, means, coefficients, values))
        mean = tf.reduce_sum(tf.stack(values, -2) * tf.nn.softmax(logits)[..., None, :], -1)
        return tf.clip_by_value(mean / 2.0, -0.5, 0.5)

    def sample(self, outputs, seed):
        distributions = _tfp_distributions()
        logits, means, log_scales, coefficients = self._split(outputs)
        seeds = tf.random.experimental.stateless_split(_pair(seed), 2)
        chosen = distributions.OneHotCategorical(logits, dtype=tf.float32).sample(seed=seeds[0])
        means, log_scales, coefficients = (
            tf.reduce_sum(each * chosen[..., None, :], -1, keepdims=True)
            for each in (means, log_scales, coefficients)
        )
        noise = distributions.Logistic(0.0, tf.exp(log_scales)).sample(seed=seeds[1])
        values: list[tf.Tensor] = []
        for channel in range(means.shape[-2]):
            value = _location(channel, means, coefficients, values) + noise[..., channel, :]
            # Rounded before the next channel uses it: `log_prob` conditions on 8-bit values.
            values.append(_scaled(tf.clip_by_value(tf.round((value + 1.0) * 127.5), 0.0, 255.0)))
        x = tf.concat(values, -1)
        return tf.cast(tf.round((x + 1.0) * 127.5), tf.uint8)

    def get_config(self):
        return {**super().get_config(), "components": self.components}

    def _split(self, outputs):
        """Logits `[..., M]`; means, log-scales `[..., C, M]`; coefficients `[..., C(C-1)/2, M]`."""
        channels = self._channels(outputs.shape[-1])
        outputs = tf.cast(outputs, tf.float32)
        shape = tf.concat([tf.shape(outputs)[:-1], [-1, self.components]], 0)
        rows = tf.reshape(outputs, shape)
        logits, means, log_scales, coefficients = tf.split(
            rows, [1, channels, channels, channels * (channels - 1) // 2], axis=-2
        )
        log_scales = tf.clip_by_value(log_scales, LOG_SCALE_FLOOR, LOG_SCALE_CEILING)
        return logits[..., 0, :], means, log_scales, tf.tanh(coefficients)

    def _channels(self, size):
        channels = 1
        while self.parameters(channels) < size:
            channels += 1
        if self.parameters(channels) != size:
            raise ValueError(
                f"a mixture of {self.components} components needs {self.parameters(3)} output "
                f"channels for colour, {self.parameters(1)} for grey; received {size}"
            )
        return channels

    def _log_mass(self, outputs, values):
        """Log mass of each pixel, summed over its channels: `[batch, ...]`."""
        logits, means, log_scales, coefficients = self._split(outputs)
        x = _scaled(values)[..., None]  # [..., C, 1]
        known = tf.unstack(x, axis=-2)
        locations = [_location(c, means, coefficients, known) for c in range(len(known))]
        distance = x - tf.stack(locations, -2)
        inverse_scale = tf.exp(-log_scales)
        upper = inverse_scale * (distance + 1.0 / 255.0)
        lower = inverse_scale * (distance - 1.0 / 255.0)
        width = tf.math.log(-tf.math.expm1(-inverse_scale * (2.0 / 255.0)))
        first = values[..., None] < 0.5
        last = values[..., None] > LEVELS - 1.5
        log_mass = (
            tf.where(last, 0.0, -tf.nn.softplus(-upper))
            + tf.where(first, 0.0, -tf.nn.softplus(lower))
            + tf.where(first | last, 0.0, width)
        )
        joint = tf.reduce_sum(log_mass, -2) + tf.nn.log_softmax(logits)
        return tf.reduce_logsumexp(joint, -1)


@keras.saving.register_keras_serializable("vqvae_tf")
class Categorical(Likelihood):
    """One probability for each of the 256 values of each channel of each pixel.

    It does not use the order of the values and needs 256 outputs per channel: logits
    `[channels, 256]`, flattened. The loss is the cross-entropy in nats per dimension.
    """

    def parameters(self, channels: int) -> int:
        return LEVELS * channels

    def loss(self, outputs, x, training=False):
        return -tf.reduce_mean(self._log_mass(outputs, _values(x)))

    def log_prob(self, outputs, pixels):
        return _sum_per_picture(self._log_mass(outputs, pixels))

    def mean(self, outputs):
        values = tf.range(LEVELS, dtype=tf.float32) / (LEVELS - 1.0) - 0.5
        return tf.tensordot(tf.nn.softmax(self._logits(outputs)), values, 1)

    def sample(self, outputs, seed):
        values = _tfp_distributions().Categorical(self._logits(outputs)).sample(seed=_pair(seed))
        return tf.cast(values, tf.uint8)

    def _logits(self, outputs):
        if outputs.shape[-1] % LEVELS:
            raise ValueError(
                f"a categorical likelihood needs {LEVELS} outputs per channel; "
                f"received {outputs.shape[-1]}"
            )
        shape = tf.concat([tf.shape(outputs)[:-1], [outputs.shape[-1] // LEVELS, LEVELS]], 0)
        return tf.reshape(tf.cast(outputs, tf.float32), shape)

    def _log_mass(self, outputs, values):
        return -tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=tf.cast(values, tf.int32), logits=self._logits(outputs)
        )


def _values(x):
    """The 8-bit values of float pixels in [-0.5, 0.5], in float32."""
    return tf.round((tf.cast(x, tf.float32) + 0.5) * (LEVELS - 1.0))


def _sum_per_picture(log_mass):
    return tf.reduce_sum(log_mass, axis=tf.range(1, tf.rank(log_mass)))


def _pair(seed):
    """The seed of stateless draws made from an integer; a pair is returned as it is."""
    seed = tf.convert_to_tensor(seed, tf.int32)
    return tf.stack([0, seed]) if seed.shape.rank == 0 else seed


def _scaled(values):
    """8-bit values scaled to [-1, 1], the range of the mixture."""
    return values / 127.5 - 1.0


def _location(channel, means, coefficients, earlier):
    """A channel's means `[..., M]`, shifted by the values of the channels before it."""
    first = channel * (channel - 1) // 2
    location = means[..., channel, :]
    for index in range(channel):
        location = location + coefficients[..., first + index, :] * earlier[index]
    return location


def _tfp_distributions():
    import tensorflow_probability as tfp  # takes 2 s, so only when it is used

    return tfp.distributions
