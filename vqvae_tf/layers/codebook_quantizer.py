"""The base class of all codebooks: the choice of a code, the estimator and the losses."""

import abc
import math

from keras import ops

from vqvae_tf import arguments
from vqvae_tf.backend import active as backend
from vqvae_tf.errors import UserError
from vqvae_tf.layers import checks, estimators, mixed_radix, quantizer
from vqvae_tf.layers.codebook_search import nearest_codes

DISTANCES = ("euclidean", "cosine")


class CodebookQuantizer(quantizer.Quantizer):
    """Base of the quantizers that look vectors up in a table of K codes.

    Args:
        num_embeddings: K, the number of codes.
        commitment_cost: beta of equation 3, the weight of the commitment loss.
        estimator: of the encoder's gradient: "straight_through", "rotation", "gumbel_softmax",
            "stochastic", or an object of `vqvae_tf.layers.estimators`.
        distance: "euclidean" or "cosine". With "cosine", vectors and codes are normalised, so that
            the nearest code is the one with the largest cosine (ViT-VQGAN, arXiv:2110.04627).
        diversity_cost: weight of the loss `diversity`, log K - H(p), where p is the mean over the
            batch (of all replicas) of softmax(-|z - e|^2 / diversity_temperature). It pulls the
            encoder towards rarely used codes and holds all distances in memory at once.
        diversity_temperature: in units of the squared distance.
        seed: seed of the initial codebook and of all draws. None draws one, which is stored in
            the configuration.
        return_codes: `call` returns `(vectors, codes)`.

    Attributes:
        codebook: `[num_embeddings, dim]` float32.
        step: training steps seen.
    """

    def __init__(
        self,
        num_embeddings: int,
        *,
        commitment_cost: float = 0.25,
        estimator="straight_through",
        distance: str = "euclidean",
        diversity_cost: float = 0.0,
        diversity_temperature: float = 1.0,
        seed: int | None = 0,
        return_codes: bool = False,
        **kwargs,
    ):
        if distance not in DISTANCES:
            raise UserError(f"distance must be euclidean or cosine; received {distance!r}")
        super().__init__(return_codes=return_codes, **kwargs)
        self.num_embeddings = arguments.whole(
            "num_embeddings", num_embeddings, 1, mixed_radix.LARGEST
        )
        self.commitment_cost = arguments.not_negative("commitment_cost", commitment_cost)
        self.estimator = estimators.get(estimator)
        self.distance = distance
        self.diversity_cost = arguments.not_negative("diversity_cost", diversity_cost)
        self.diversity_temperature = arguments.positive(
            "diversity_temperature", diversity_temperature
        )
        if not self.diversity_cost:
            arguments.refuse_inert(
                "diversity_temperature", self.diversity_temperature, 1.0, "diversity_cost"
            )
        self.seed = quantizer.seed_or_drawn(seed)

    @property
    def code_sizes(self):
        return (self.num_embeddings,)

    @property
    def loss_names(self):
        return (*self._codebook_losses, "commitment") + (
            ("diversity",) if self.diversity_cost else ()
        )

    @property
    def _codebook_losses(self) -> tuple[str, ...]:
        """Losses other than commitment and diversity."""
        return ()

    def build(self, input_shape):
        dim = checks.checked_dim(self.name, input_shape)
        checks.check_table(self.name, self.num_embeddings, dim)
        self.step = self._add_statistic("step", (), "zeros", "int32")

    def _add_statistic(self, name, shape, initializer, dtype="float32"):
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=initializer,
            dtype=dtype,
            autocast=False,
            trainable=False,
        )

    @abc.abstractmethod
    def _table(self):
        """`[num_embeddings, dim]`, the codes before `distance` normalises them."""

    def _codes_vectors(self):
        """`[num_embeddings, dim]`, the codes as they are compared and returned."""
        table = ops.convert_to_tensor(self._table())
        return unit(table) if self.distance == "cosine" else table

    def _encode(self, vectors, num_stages=None):
        if self.distance == "cosine":
            vectors = unit(vectors)
        return nearest_codes(vectors, self._codes_vectors())

    def _decode(self, codes):
        return backend.lookup(self._codes_vectors(), codes)

    def _choose(self, vectors, table, valid, mode):
        """`(codes, quantized, output)` of `vectors`, which have unit norm if `distance` is cosine.

        `quantized` has a gradient to the table, `output` the estimator's gradient to the vectors.
        """
        if mode.training and self.estimator.draws:
            noise = self._noise(ops.shape(vectors)[0], valid)
            codes, relaxed = self.estimator.draw(vectors, table, noise, self.step.value)
            quantized = backend.lookup(table, codes)
            return codes, quantized, estimators.straight_through(relaxed, quantized)
        codes = nearest_codes(ops.stop_gradient(vectors), ops.stop_gradient(table))
        quantized = backend.lookup(table, codes)
        return codes, quantized, self.estimator(vectors, ops.stop_gradient(quantized))

    def _noise(self, count, valid):
        """Gumbel noise `[count, num_embeddings]` by (seed, step, index among all valid rows)."""
        rows = count
        if valid is not None:
            count = _number(valid)
        before, _ = backend.rows_before(ops.convert_to_tensor(count))
        noise = backend.uniform_rows(self.seed, self.step.value, before, rows, self.num_embeddings)
        noise = -ops.log(-ops.log(noise))
        if valid is None:
            return noise
        place = ops.maximum(ops.cumsum(ops.cast(valid, "int32")) - 1, 0)
        return ops.take(noise, place, axis=0)

    def _count_step(self, mode, moved):
        """Counts a training step that moved the codebook or drew codes; draws depend on it."""
        if moved or (mode.training and self.estimator.draws):
            self.step.assign(self.step + 1)

    def _by_equation_3(self, vectors, valid, mode):
        """`(quantized, vectors, table, squares)` of a codebook that is trained by its loss.

        `quantized` is a `Quantized` with the second and third term of equation 3, and the
        diversity if its weight is not 0. `vectors` and `table` are as they were compared,
        `squares` `[n]` are the squared distances of the vectors from their codes.
        """
        if self.distance == "cosine":
            vectors = unit(vectors)
        table = self._codes_vectors()
        if mode.training and not mode.update:  # frozen for this call
            table = ops.stop_gradient(table)
        codes, quantized, output = self._choose(vectors, table, valid, mode)
        dim = vectors.shape[-1]
        pull = squared_distances(ops.stop_gradient(vectors), quantized, valid)
        squares = squared_distances(vectors, ops.stop_gradient(quantized), valid)
        losses = {
            "codebook": mean_of_squares(pull, dim, valid),
            "commitment": self.commitment_cost * mean_of_squares(squares, dim, valid),
            **self._diversity(vectors, table, valid),
        }
        return quantizer.Quantized(output, codes, losses), vectors, table, squares

    def _diversity(self, vectors, table, valid):
        """`{"diversity": loss}`, or an empty dictionary if it is off."""
        if not self.diversity_cost:
            return {}
        scores = estimators.negative_distances(vectors, table) / self.diversity_temperature
        share = mean_over_replicas(ops.softmax(scores, axis=-1), valid)
        gap = math.log(self.num_embeddings) - entropy(share)
        # The loss is 0 if there is no vector.
        return {"diversity": self.diversity_cost * ops.where(ops.sum(share) > 0, gap, 0.0)}

    def get_config(self):
        return {
            **super().get_config(),
            "num_embeddings": self.num_embeddings,
            "commitment_cost": self.commitment_cost,
            "estimator": estimators.serialize(self.estimator),
            "distance": self.distance,
            "diversity_cost": self.diversity_cost,
            "diversity_temperature": self.diversity_temperature,
            "seed": self.seed,
        }


def unit(vectors):
    """Rows divided by their norm; a zero row stays zero."""
    squares = ops.sum(ops.square(vectors), axis=-1, keepdims=True)
    return vectors * ops.rsqrt(ops.maximum(squares, 1e-12))


def entropy(share):
    """-sum p log p along the last axis, in nats; 0 log 0 is 0."""
    return -ops.sum(share * ops.log(ops.maximum(share, 1e-30)), axis=-1)


def squared_distances(a, b, valid):
    """`[n]` of the rows of two `[n, dim]`; 0 where masked."""

    @ops.custom_gradient
    def of_rows(a, b):
        def gradient(*args, upstream=None):
            # One product of [n, dim]; the gradient of square and sum would take three.
            upstream = args[0] if upstream is None else upstream
            along = (2.0 * upstream)[:, None] * (a - b)
            return along, -along

        return ops.sum(ops.square(a - b), axis=-1), gradient

    squares = of_rows(a, b)
    return squares if valid is None else ops.where(valid, squares, 0.0)


def mean_of_squares(squares, dim, valid):
    """Mean of `[n]` sums over dim: over the valid positions of all replicas, then over dim."""
    return ops.sum(squares) / (mean_divisor(squares, valid) * dim)


def mean_divisor(values, valid):
    """The number a replica divides its row sum by, so that the replicas' mean is the overall mean.

    Without a mask it is the replica's number of rows; with one, the number of valid rows of all
    replicas.
    """
    if valid is None:
        return ops.cast(ops.maximum(ops.shape(values)[0], 1), "float32")
    count = backend.sum_over_replicas(ops.sum(ops.cast(valid, "float32")))
    return ops.maximum(count, 1.0) / backend.num_replicas()


def mean_over_replicas(values, valid):
    """Mean of the valid rows of all replicas, the same on each, with its gradient."""
    count = ops.cast(ops.shape(values)[0], "float32")
    if valid is not None:
        values = ops.where(valid[:, None], values, 0.0)
        count = ops.sum(ops.cast(valid, "float32"))
    count = backend.sum_over_replicas(count)
    return backend.sum_over_replicas(ops.sum(values, axis=0)) / ops.maximum(count, 1.0)


def _number(valid):
    return ops.sum(ops.cast(valid, "int32"))
