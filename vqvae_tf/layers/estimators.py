"""Estimators of the gradient through the choice of a code, by name or as an object.

`"straight_through"` and `"rotation"` take the nearest code and differ in the gradient;
`GumbelSoftmax` and `Stochastic` draw codes at random in training. At inference every quantizer
takes the nearest code, whatever its estimator.
"""

import abc

import keras
from keras import ops

from vqvae_tf import arguments
from vqvae_tf.config import limits
from vqvae_tf.errors import UserError


class Estimator:
    """Base of the estimators of the encoder's gradient.

    Attributes:
        draws: whether codes are drawn in training; then `draw` is called instead of the search.
    """

    draws = False

    def __call__(self, vectors, quantized):
        """`quantized` forward, bit for bit, with the estimator's gradient to `vectors`.

        Args:
            vectors, quantized: `[n, dim]`, the quantizer's input and its codes' vectors.
        """
        return straight_through(vectors, quantized)

    def draw(self, vectors, codebook, noise, step):
        """`(index, relaxed)`: codes `[n]`, and vectors `[n, dim]` whose gradient is taken.

        Args:
            vectors: `[n, dim]`.
            codebook: `[num_embeddings, dim]`.
            noise: standard Gumbel noise, `[n, num_embeddings]`.
            step: training steps of the layer so far, an integer scalar.
        """
        raise NotImplementedError(f"{type(self).__name__} draws no codes")

    def get_config(self) -> dict:
        return {}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def straight_through(vectors, quantized):
    """Returns `quantized`, bit for bit; its gradient goes to `vectors` unchanged.

    Section 3.2 of van den Oord et al. 2017. The usual expression x + sg(q - x) differs from q
    in the last bit of a third of its elements.
    """
    quantized = ops.stop_gradient(quantized)  # here, as JAX allows no gradient into the closure

    @ops.custom_gradient
    def estimate(vectors):
        def gradient(*args, upstream=None):
            return args[0] if upstream is None else upstream

        return quantized, gradient

    return estimate(vectors)


@keras.saving.register_keras_serializable("vqvae_tf")
class StraightThrough(Estimator):
    """The decoder's gradient goes to the encoder unchanged (arXiv:1711.00937, section 3.2)."""


@keras.saving.register_keras_serializable("vqvae_tf")
class RotationTrick(Estimator):
    """The gradient is rotated and scaled as the vector is to become its code.

    With lambda = |q| / |z| and R the rotation from z to q, both constant, q = lambda R z. The
    gradient g therefore reaches z as lambda R^T g and keeps its angle to the code (Fifty et al.
    2024, arXiv:2410.06424). If z or q is zero or they are opposite, it is straight-through.

    >>> import numpy as np
    >>> z, q = np.array([[1.0, 0.0]], "float32"), np.array([[0.0, 2.0]], "float32")
    >>> np.array(RotationTrick()(z, q)).tolist()
    [[0.0, 2.0]]
    """

    def __call__(self, vectors, quantized):
        z, q = ops.stop_gradient(vectors), ops.stop_gradient(quantized)
        z_norm = ops.sqrt(ops.sum(ops.square(z), axis=-1, keepdims=True))
        q_norm = ops.sqrt(ops.sum(ops.square(q), axis=-1, keepdims=True))
        z_hat, q_hat = z / ops.maximum(z_norm, 1e-12), q / ops.maximum(q_norm, 1e-12)
        middle = z_hat + q_hat
        length = ops.sqrt(ops.sum(ops.square(middle), axis=-1, keepdims=True))
        defined = (z_norm > 1e-6) & (q_norm > 1e-6) & (length > 1e-3)
        middle = middle / ops.maximum(length, 1e-12)
        scale = q_norm / ops.maximum(z_norm, 1e-12)

        def turned_back(gradient):  # lambda R^T g with R = I - 2 r r^T + 2 q^ z^^T
            along_middle = ops.sum(gradient * middle, axis=-1, keepdims=True)
            along_code = ops.sum(gradient * q_hat, axis=-1, keepdims=True)
            turned = gradient - 2.0 * along_middle * middle + 2.0 * along_code * z_hat
            return ops.where(defined, scale * turned, gradient)

        @ops.custom_gradient
        def estimate(vectors):
            def gradient(*args, upstream=None):
                return turned_back(args[0] if upstream is None else upstream)

            return q, gradient

        return estimate(vectors)


class _Drawn(Estimator, abc.ABC):
    """Base of the estimators that draw codes by their squared distances.

    Both hold the distances of all vectors to all codes at once, `[n, num_embeddings]`.

    Args:
        temperature: T, above 0; see each estimator.
        final_temperature: value that T falls to, geometrically; None keeps T constant.
        anneal_steps: training steps of the layer until T reaches it.
    """

    draws = True

    def __init__(
        self,
        temperature: float = 1.0,
        final_temperature: float | None = None,
        anneal_steps: int = 10_000,
    ):
        self.temperature = arguments.positive("temperature", temperature)
        self.final_temperature = (
            None
            if final_temperature is None
            else arguments.positive("final_temperature", final_temperature)
        )
        self.anneal_steps = arguments.whole("anneal_steps", anneal_steps, 1, limits.LONGEST_RUN)
        if final_temperature is None:
            arguments.refuse_inert("anneal_steps", self.anneal_steps, 10_000, "final_temperature")

    def temperature_at(self, step):
        """T at a training step of the layer, counted from 0."""
        if self.final_temperature is None:
            return ops.convert_to_tensor(self.temperature, "float32")
        progress = ops.minimum(ops.cast(step, "float32") / self.anneal_steps, 1.0)
        return self.temperature * (self.final_temperature / self.temperature) ** progress

    @abc.abstractmethod
    def draw(self, vectors, codebook, noise, step):
        """`(index, relaxed)`: codes `[n]`, and vectors `[n, dim]` whose gradient is taken.

        Args:
            vectors: `[n, dim]`.
            codebook: `[num_embeddings, dim]`.
            noise: standard Gumbel noise, `[n, num_embeddings]`.
            step: training steps of the layer so far, an integer scalar.
        """

    def get_config(self):
        return {
            "temperature": self.temperature,
            "final_temperature": self.final_temperature,
            "anneal_steps": self.anneal_steps,
        }


@keras.saving.register_keras_serializable("vqvae_tf")
class Stochastic(_Drawn):
    """Draws from p(k) proportional to exp(-|z - e_k|^2 / T); the gradient is straight-through.

    At a high temperature every code is drawn, which helps at the start of training (Sonderby et
    al. 2017, "Continuous Relaxation Training of Discrete Latent Variable Image Models").

    >>> estimator = Stochastic(1.0, final_temperature=0.25, anneal_steps=100)
    >>> round(float(estimator.temperature_at(50)), 6)
    0.5
    """

    def draw(self, vectors, codebook, noise, step):
        scores = negative_distances(ops.stop_gradient(vectors), ops.stop_gradient(codebook))
        index = ops.argmax(scores + self.temperature_at(step) * noise, axis=-1)
        return ops.cast(index, "int32"), vectors


@keras.saving.register_keras_serializable("vqvae_tf")
class GumbelSoftmax(_Drawn):
    """Draws each code by its distance; the gradient is that of the Gumbel-softmax relaxation.

    With noise g, y = softmax(-|z - e|^2 / T + g). The forward pass takes the code of the largest
    entry; the backward pass takes the gradient of sum_k y_k e_k, to the vectors and, if the
    codebook is trained by its loss, to the codebook (Jang et al. 2016, arXiv:1611.01144; Maddison
    et al. 2016, arXiv:1611.00712). As T falls to 0, y tends to a one-hot vector.
    """

    def draw(self, vectors, codebook, noise, step):
        scores = negative_distances(vectors, codebook) / self.temperature_at(step) + noise
        index = ops.argmax(ops.stop_gradient(scores), axis=-1)
        return ops.cast(index, "int32"), ops.matmul(ops.softmax(scores, axis=-1), codebook)


def negative_distances(vectors, codebook):
    """-|z - e_k|^2 of all pairs, `[n, num_embeddings]`, centred so that the terms don't cancel."""
    centre = ops.stop_gradient(ops.mean(codebook, axis=0, keepdims=True))
    vectors, codebook = vectors - centre, codebook - centre
    products = ops.matmul(vectors, ops.transpose(codebook))
    squares = ops.sum(ops.square(vectors), axis=1, keepdims=True)
    return 2.0 * products - squares - ops.sum(ops.square(codebook), axis=1)


_BY_NAME = {
    "straight_through": StraightThrough,
    "rotation": RotationTrick,
    "gumbel_softmax": GumbelSoftmax,
    "stochastic": Stochastic,
}


def get(estimator) -> Estimator:
    """Returns an estimator by its name or its configuration; an `Estimator` is returned as it is.

    Raises:
        UserError: for an unknown name.
    """
    if isinstance(estimator, dict):
        estimator = keras.saving.deserialize_keras_object(estimator)
    if isinstance(estimator, Estimator):
        return estimator
    if not isinstance(estimator, str) or estimator not in _BY_NAME:
        raise UserError(
            f"estimator must be an Estimator or one of {', '.join(_BY_NAME)}; received "
            f"{estimator!r}"
        )
    return _BY_NAME[estimator]()


def serialize(estimator: Estimator) -> dict:
    """The configuration of an estimator, from which `get` makes it again."""
    return keras.saving.serialize_keras_object(estimator)
