"""What all learned codebooks share: their state, the search, and the revival of dead codes."""

import keras
import numpy as np
from keras import ops

from vqvae_tf.layers import quantizer
from vqvae_tf.layers.backend import active as backend
from vqvae_tf.layers.search import nearest_codes

# With `decay=None` a code's running count holds about this many hits, whatever the batch.
HITS_REMEMBERED = 80.0
FASTEST_RATE, SLOWEST_RATE = 0.05, 0.002


class CodebookQuantizer(quantizer.Quantizer):
    """Base of the quantizers that look vectors up in a codebook of K learned codes.

    **Health.** Without care a codebook collapses: a code that is never the nearest is never
    moved. So a code whose running count N falls under `revival_threshold` times the codebook's
    own mean count is put where the data is: on a random vector of the batch, with
    `revival_count` times the mean count. Counts start at 0, so that the first steps draw all
    codes from data. At most K/8 codes are revived a step. `revival_threshold=0` turns both
    off: codes then start at random, with N = 1.

    The draws depend on `seed` and a step counter in the layer's state alone: they are the same
    on every replica, and a run that is saved and resumed goes on as it would have.

    Args:
        num_embeddings: K, the number of codes.
        commitment_cost: beta of equation 3, the weight of the commitment loss.
        decay: gamma of equations 6 and 7, in [0, 1). None derives it from the number of
            vectors a code and step, so that a count remembers about 80 hits, between 0.95
            and 0.998.
        revival_threshold: in multiples of the mean count; 0 turns revival off.
        revival_count: the count that a revived code starts with, in multiples of the mean.
        seed: of the first codebook and of all draws.
        return_codes: `call` returns `(vectors, codes)`.

    Attributes:
        codebook: `[num_embeddings, dim]` float32.
        counts: `[num_embeddings]` float32, N of equation 6.
        step: training steps seen.
        skipped_steps: training steps whose vectors held a NaN or an infinity; they move
            nothing.
    """

    codebook_trainable: bool  # by the optimizer

    def __init__(
        self,
        num_embeddings: int,
        *,
        commitment_cost: float = 0.25,
        decay: float | None = None,
        revival_threshold: float = 0.2,
        revival_count: float = 0.5,
        seed: int = 0,
        return_codes: bool = False,
        **kwargs,
    ):
        if num_embeddings < 1:
            raise ValueError(f"num_embeddings must be at least 1; received {num_embeddings}")
        if decay is not None and not 0.0 <= decay < 1.0:
            raise ValueError(f"decay must be None or lie in [0, 1); received {decay}")
        for name, value in (
            ("commitment_cost", commitment_cost),
            ("revival_threshold", revival_threshold),
            ("revival_count", revival_count),
        ):
            if value < 0:
                raise ValueError(f"{name} must not be negative; received {value}")
        super().__init__(return_codes=return_codes, **kwargs)
        self.num_embeddings = num_embeddings
        self.commitment_cost = commitment_cost
        self.decay = decay
        self.revival_threshold = revival_threshold
        self.revival_count = revival_count
        self.seed = seed

    def build(self, input_shape):
        dim = input_shape[-1]
        if dim is None:
            raise ValueError(
                f"{self.name} needs to know the last dimension; received shape {input_shape}"
            )
        self.codebook = self.add_weight(
            name="codebook",
            shape=(self.num_embeddings, dim),
            # Sonnet's: uniform in +-sqrt(3 / dim), so that a code has the norm of 1.
            initializer=keras.initializers.VarianceScaling(
                1.0, "fan_out", "uniform", seed=self.seed
            ),
            dtype="float32",
            autocast=False,
            trainable=self.codebook_trainable,
        )
        self.counts = self._add_statistic(
            "counts", (self.num_embeddings,), "zeros" if self.revival_threshold else "ones"
        )
        self.step = self._add_statistic("step", (), "zeros", "int32")
        self.skipped_steps = self._add_statistic("skipped_steps", (), "zeros", "int32")

    def _add_statistic(self, name, shape, initializer, dtype="float32"):
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=initializer,
            dtype=dtype,
            autocast=False,
            trainable=False,
        )

    def decode(self, codes):
        """Vectors of `codes`: int `[...]` -> `[..., dim]` in the compute dtype.

        Raises:
            ValueError: if the layer has not been built yet.
        """
        if not self.built:
            raise ValueError(
                f"{self.name} has no codebook yet; call it once on data, or build it with "
                ".build((None, dim))"
            )
        codes = ops.convert_to_tensor(codes)
        return ops.cast(backend.lookup(self.codebook, codes), self.compute_dtype)

    def load_codebook(self, codebook):
        """Sets the codes to `codebook`, `[num_embeddings, dim]`, each with the count 1.

        Raises:
            ValueError: if the shape is another or a value is not finite.
        """
        codebook = np.asarray(codebook, "float32")
        if codebook.ndim != 2 or codebook.shape[0] != self.num_embeddings:
            raise ValueError(
                f"{self.name} holds {self.num_embeddings} codes, [num_embeddings, dim]; "
                f"received an array of shape {codebook.shape}"
            )
        if not self.built:
            self.build((None, codebook.shape[1]))
        if codebook.shape != tuple(self.codebook.shape):
            raise ValueError(
                f"{self.name} holds codes of {self.codebook.shape[1]} numbers; received an "
                f"array of shape {codebook.shape}"
            )
        if not np.isfinite(codebook).all():
            raise ValueError("the codebook to load holds NaN or infinite values")
        self.codebook.assign(codebook)
        self.counts.assign(np.ones(self.num_embeddings, "float32"))

    def _encode(self, vectors):
        return nearest_codes(vectors, self.codebook)

    def _squared_distance(self, a, b, valid):
        """Mean over the valid positions of all replicas, then over dim."""
        squares = ops.square(a - b)
        if valid is None:
            count = ops.cast(ops.maximum(ops.shape(a)[0], 1), "float32")
        else:
            squares = ops.where(valid[:, None], squares, 0.0)
            count = backend.sum_over_replicas(ops.sum(ops.cast(valid, "float32")))
            count = ops.maximum(count, 1.0) / backend.num_replicas()
        return ops.sum(squares) / (count * a.shape[-1])

    def _batch_statistics(self, vectors, codes, valid):
        """`(counts, sums, finite)` of the vectors of all replicas by code.

        Where a NaN or an infinity is among them `finite` is false and both are zero.
        """
        if valid is not None:
            codes = ops.where(valid, codes, -1)
        packed = ops.concatenate([vectors, ops.ones_like(vectors[:, :1])], axis=1)
        packed = backend.sum_over_replicas(backend.segment_sum(packed, codes, self.num_embeddings))
        packed = ops.cast(packed, "float32")  # [K, dim + 1]
        finite = ops.isfinite(ops.sum(packed))  # one answer for all replicas
        packed = ops.where(finite, packed, 0.0)
        return packed[:, -1], packed[:, :-1], finite

    def _rate(self, batch_counts):
        """1 - decay: the share of the batch in the running averages."""
        if self.decay is not None:
            return 1.0 - self.decay
        hits = ops.sum(batch_counts) / self.num_embeddings
        return ops.clip(hits / HITS_REMEMBERED, SLOWEST_RATE, FASTEST_RATE)

    def _revive(self, codebook, counts, vectors, valid, finite):
        """`(codebook, counts, index)` with dead codes put on random vectors of the batch.

        `index` holds the codes that were looked at, of which some were revived.
        """
        candidates = max(1, self.num_embeddings // 8)
        mean = ops.sum(counts) / self.num_embeddings
        index = backend.smallest(counts, candidates)
        old_counts = ops.take(counts, index)
        rows, any_row = self._random_vectors(vectors, valid, candidates)
        dead = (old_counts < self.revival_threshold * mean) & finite & any_row
        new_counts = ops.where(dead, self.revival_count * mean, old_counts)
        new_codes = ops.where(dead[:, None], rows, ops.take(codebook, index, axis=0))
        return (
            backend.scatter_rows(codebook, index, new_codes),
            backend.scatter_rows(counts, index, new_counts),
            index,
        )

    def _random_vectors(self, vectors, valid, number):
        """`number` of the valid vectors of all replicas, the same on each, and if there are any."""
        count = (
            ops.convert_to_tensor(ops.shape(vectors)[0])
            if valid is None
            else ops.sum(ops.cast(valid, "int32"))
        )
        before, total = backend.rows_before(count)
        local = backend.random_rows(self.seed, self.step.value, (number,), total) - before
        mine = (local >= 0) & (local < count)
        local = ops.clip(local, 0, ops.maximum(count - 1, 0))
        if valid is not None:
            local = backend.nth_true(valid, local)
        # One row more, so that an empty batch has something to be gathered from.
        padded = ops.concatenate([vectors, ops.zeros((1, vectors.shape[-1]))], axis=0)
        rows = ops.where(mine[:, None], ops.take(padded, local, axis=0), 0.0)
        return backend.sum_over_replicas(rows), total > 0

    def get_config(self):
        return {
            **super().get_config(),
            "num_embeddings": self.num_embeddings,
            "commitment_cost": self.commitment_cost,
            "decay": self.decay,
            "revival_threshold": self.revival_threshold,
            "revival_count": self.revival_count,
            "seed": self.seed,
        }
