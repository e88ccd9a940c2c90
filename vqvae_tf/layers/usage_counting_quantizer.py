"""The base class of codebooks that count the use of each code and revive dead codes."""

import abc
from collections.abc import Iterable

import keras
import numpy as np
from keras import ops

from vqvae_tf import arguments
from vqvae_tf.backend import active as backend
from vqvae_tf.config import limits
from vqvae_tf.errors import UserError
from vqvae_tf.layers import codebook_quantizer, k_means

# With `decay=None` a code's running count holds about this many hits, for any batch size.
HITS_REMEMBERED = 80.0
FASTEST_RATE, SLOWEST_RATE = 0.05, 0.002


class UsageCountingQuantizer(codebook_quantizer.CodebookQuantizer):
    """Base of the quantizers that count how often each code is chosen.

    **Revival.** Without it a codebook may collapse: a code that is never the nearest is never
    moved. A code is dead, and is replaced by a random vector of the batch, once both its running
    count N and the running squared error of its vectors fall below `revival_threshold` times
    their means over the codebook. The error keeps codes that are rarely chosen but have no other
    code near them; the count keeps codes whose many vectors are all alike. A revived code
    starts with `revival_count` times the means. Counts start at 0, so that the first steps draw
    all codes from data. At most K/8 codes are revived per step. `revival_threshold=0` turns
    revival off, and codes are then initialized at random with N = 1.

    The draws depend only on `seed` and a step counter in the layer's state. They are the same on
    every replica, and a run that is saved and resumed makes the same draws.

    Args:
        num_embeddings, commitment_cost, estimator, distance, diversity_cost,
            diversity_temperature, seed, return_codes: as in `CodebookQuantizer`.
        decay: gamma of equations 6 and 7, in [0, 1). None derives it from the number of
            vectors per code and step, so that a count averages about 80 hits, between 0.95
            and 0.998.
        revival_threshold: in multiples of the mean count and error; 0 turns revival off.
        revival_count: initial count and error of a revived code, in the same multiples.
        accumulation_steps: training steps per update of the codebook, which is then the same as
            for one batch of all their vectors; for optimizers that accumulate as many gradients.

    Attributes:
        codebook: `[num_embeddings, dim]` float32.
        counts: `[num_embeddings]` float32, N of equation 6.
        errors: `[num_embeddings]` float32, the running squared error of each code's vectors; only
            with revival.
        skipped_steps: number of training steps whose vectors held a NaN or an infinity; the
            codebook is not updated in these.
    """

    _made_by_build: tuple[str, ...] = (
        "codebook",
        "step",
        "counts",
        "errors",
        "skipped_steps",
        "dead_codes",
    )
    codebook_trainable: bool  # by the optimizer
    keeps_sums: bool  # whether the update needs the sums of the vectors by code

    def __init__(
        self,
        num_embeddings: int,
        *,
        commitment_cost: float = 0.25,
        decay: float | None = None,
        revival_threshold: float = 0.2,
        revival_count: float = 0.5,
        accumulation_steps: int = 1,
        **kwargs,
    ):
        if decay is not None:
            decay = arguments.real("decay", decay)
            if not 0.0 <= decay < 1.0:
                raise UserError(f"decay must be None or lie in [0, 1); received {decay:g}")
        super().__init__(num_embeddings, commitment_cost=commitment_cost, **kwargs)
        self.decay = decay
        self.revival_threshold = arguments.not_negative("revival_threshold", revival_threshold)
        self.revival_count = arguments.not_negative("revival_count", revival_count)
        if not self.revival_threshold:
            arguments.refuse_inert("revival_count", self.revival_count, 0.5, "revival_threshold")
        self.accumulation_steps = arguments.whole(
            "accumulation_steps", accumulation_steps, 1, limits.LONGEST_RUN
        )

    def build(self, input_shape):
        super().build(input_shape)
        dim = input_shape[-1]
        self.codebook = self.add_weight(
            name="codebook",
            shape=(self.num_embeddings, dim),
            # As in Sonnet: uniform in +-sqrt(3 / dim), so that a code has a norm of about 1.
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
        if self.revival_threshold:
            self.errors = self._add_statistic("errors", (self.num_embeddings,), "zeros")
        self.skipped_steps = self._add_statistic("skipped_steps", (), "zeros", "int32")
        if self.accumulation_steps > 1:
            # Counts, errors (and sums, if they are kept) of the steps since the last update of the
            # codebook; for revival, the number of their vectors and the vectors drawn from them.
            width = 2 + dim * self.keeps_sums
            self.gathered = self._add_statistic("gathered", (self.num_embeddings, width), "zeros")
            if self.revival_threshold:
                self.gathered_rows = self._add_statistic("gathered_rows", (), "zeros", "int32")
                self.drawn = self._add_statistic("drawn", (self._candidates, dim), "zeros")

    @property
    def _candidates(self):
        """The largest number of codes revived in one step."""
        return max(1, self.num_embeddings // 8)

    @property
    def dead_codes(self):
        """Number of codes that are to be revived; 0 if revival is off."""
        if not self.revival_threshold:
            return ops.zeros((), "int32")
        life = self._life(ops.convert_to_tensor(self.counts), ops.convert_to_tensor(self.errors))
        return ops.sum(ops.cast(life < self.revival_threshold, "int32"))

    def load_codebook(self, codebook):
        """Sets the codes to `codebook`, `[num_embeddings, dim]`, each with the count 1.

        Raises:
            UserError: if the shape differs, or a value is no real number or not finite.
        """
        codebook = arguments.numbers("codebook", codebook, "float32")
        if codebook.ndim != 2 or codebook.shape[0] != self.num_embeddings:
            raise UserError(
                f"{self.name} holds {self.num_embeddings} codes, [num_embeddings, dim]; "
                f"received an array of shape {codebook.shape}"
            )
        if not self.built:
            self.build((None, codebook.shape[1]))
        if codebook.shape != tuple(self.codebook.shape):
            raise UserError(
                f"{self.name} holds codes of {self.codebook.shape[1]} numbers; received an "
                f"array of shape {codebook.shape}"
            )
        if not np.isfinite(codebook).all():
            raise UserError("the codebook to load holds NaN or infinite values")
        self.codebook.assign(codebook)
        self.counts.assign(np.ones(self.num_embeddings, "float32"))
        if self.revival_threshold:
            self.errors.assign(np.zeros(self.num_embeddings, "float32"))

    def initialize(self, dataset: Iterable, max_vectors: int | None = None, iterations: int = 10):
        """Initializes the codes by k-means (Lloyd's algorithm, seeded by `seed`), before training.

        Args:
            dataset: an array `[..., dim]` or an iterable of them, like the layer's inputs.
            max_vectors: maximal number of vectors to read; the default is 64 per code.
            iterations: number of iterations of k-means, up to 1,000.

        Raises:
            UserError: if there are fewer vectors than codes, one is not finite, or a batch is not
                an array of vectors.
        """
        if max_vectors is None:
            max_vectors = 64 * self.num_embeddings
        limit = arguments.whole("max_vectors", max_vectors, least=1)
        iterations = arguments.whole("iterations", iterations, 0, limits.MOST_PASSES)
        vectors = k_means.gather(dataset, limit)
        if self.distance == "cosine":
            vectors = ops.convert_to_numpy(codebook_quantizer.unit(vectors))
        codes, counts = k_means.fit(vectors, self.num_embeddings, iterations, self.seed)
        self.load_codebook(codes)
        self._set_counts(counts / counts.mean())

    def _set_counts(self, counts):
        self.counts.assign(counts)

    def _table(self):
        return self.codebook

    def _update(self, vectors, squares, codes, valid):
        """Updates the counts, the codes and all other state.

        Args:
            vectors: `[n, dim]`.
            squares: `[n]`, their squared distances from their codes.
            codes: `[n]`.
            valid: boolean `[n]`, or None for all.
        """
        batch, finite = self._batch_statistics(vectors, squares, codes, valid)
        row_count, rows = self._draw_rows(vectors, valid, finite)
        if self.accumulation_steps > 1:
            batch = self.gathered + batch
            due = (self.step + 1) % self.accumulation_steps == 0
            self.gathered.assign(ops.where(due, 0.0, batch))
            if self.revival_threshold:
                self.gathered_rows.assign(ops.where(due, 0, row_count))
                self.drawn.assign(rows)
            moving = due & (ops.sum(batch[:, 0]) > 0)
        else:
            moving = finite
        rate = ops.where(moving, self._rate(batch[:, 0]), 0.0)
        counts = self.counts + rate * (batch[:, 0] - self.counts)
        if self.revival_threshold:
            self.errors.assign(self.errors + rate * (batch[:, 1] - self.errors))
        self._move(batch, counts, rate, rows, moving & (row_count > 0))
        self.skipped_steps.assign(self.skipped_steps + ops.cast(~finite, "int32"))

    @abc.abstractmethod
    def _move(self, batch, counts, rate, rows, moving):
        """Assigns the new counts, codes and sums.

        Args:
            batch: `[num_embeddings, 2 (+ dim)]`, counts, errors and, with `keeps_sums`, sums of
                each code.
            counts: `[num_embeddings]`, the new running counts, before revivals.
            rate: scalar, 1 - decay, or 0 if nothing is to be updated.
            rows: `[candidates, dim]`, vectors for revived codes.
            moving: whether anything is updated.
        """

    def _batch_statistics(self, vectors, squares, codes, valid):
        """`(statistics, finite)` of the vectors of all replicas, by code.

        If the vectors of any replica (and so `squares`) hold a NaN or an infinity, `finite` is
        false on all replicas, and the statistics are zero.
        """
        if valid is not None:
            codes = ops.where(valid, codes, -1)
        columns = [ops.ones_like(squares[:, None]), squares[:, None]]
        columns = ops.concatenate(columns + [vectors] * self.keeps_sums, axis=1)
        batch = backend.segment_sum(columns, codes, self.num_embeddings)
        batch = ops.cast(backend.sum_over_replicas(batch), "float32")
        finite = ops.isfinite(ops.sum(batch))  # the same on all replicas
        return ops.where(finite, batch, 0.0), finite

    def _rate(self, batch_counts):
        """1 - decay: the share of the batch in the running averages."""
        if self.decay is not None:
            return ops.convert_to_tensor(1.0 - self.decay, "float32")
        hits = ops.sum(batch_counts) / self.num_embeddings
        return ops.clip(hits / HITS_REMEMBERED, SLOWEST_RATE, FASTEST_RATE)

    def _life(self, counts, errors):
        """The larger of a code's count and error, each in multiples of its mean over the codebook.

        In the optimal codebook of a smooth density all codes have the same error, however rarely
        they are chosen (Gersho 1979, "Asymptotically optimal block quantization").
        """
        of_counts, of_errors = (
            values / ops.maximum(ops.sum(values) / self.num_embeddings, 1e-30)
            for values in (counts, errors)
        )
        return ops.maximum(of_counts, of_errors)

    def _revive(self, codebook, counts, rows, moving):
        """`(codebook, counts, index, dead)` with dead codes set to `rows`; updates `errors`.

        `index` holds the codes that were examined, `dead` which of them were revived.
        """
        errors = ops.convert_to_tensor(self.errors)
        life = self._life(counts, errors)
        index = backend.smallest(life, self._candidates)
        dead = (ops.take(life, index) < self.revival_threshold) & moving

        def begun(values):  # restarted for dead codes
            start = self.revival_count * ops.sum(values) / self.num_embeddings
            kept = ops.where(dead, start, ops.take(values, index))
            return backend.scatter_rows(values, index, kept)

        self.errors.assign(begun(errors))
        new_codes = ops.where(dead[:, None], rows, ops.take(codebook, index, axis=0))
        return backend.scatter_rows(codebook, index, new_codes), begun(counts), index, dead

    def _draw_rows(self, vectors, valid, finite):
        """`(number of vectors, as many of them as may be revived, drawn at random)`.

        Draws from the valid vectors of all replicas and of the accumulated steps: each row drawn
        so far is replaced by one of this step with a probability equal to this step's share of all
        vectors. Row numbers are a function of (seed, step) alone.
        """
        if not self.revival_threshold:
            return 1, None
        count = (
            ops.convert_to_tensor(ops.shape(vectors)[0])
            if valid is None
            else ops.sum(ops.cast(valid, "int32"))
        )
        before, total = backend.rows_before(count)
        earlier = 0
        if self.accumulation_steps > 1:
            total = ops.where(finite, total, 0)
            earlier = ops.convert_to_tensor(self.gathered_rows)
        drawn = backend.random_rows(
            self.seed, self.step.value, (self._candidates,), earlier + total
        )
        local = drawn - earlier - before
        mine = (local >= 0) & (local < count)
        local = ops.clip(local, 0, ops.maximum(count - 1, 0))
        if valid is not None:
            last = ops.maximum(ops.shape(valid)[0] - 1, 0)  # -1 if none is valid
            local = ops.minimum(backend.nth_true(valid, local), last)
        rows = ops.where(mine[:, None], backend.rows_at(vectors, local), 0.0)
        rows = backend.sum_over_replicas(rows)
        if self.accumulation_steps > 1:
            here = (drawn >= earlier)[:, None] & finite
            rows = ops.where(here, rows, ops.convert_to_tensor(self.drawn))
        return earlier + total, rows

    def get_config(self):
        return {
            **super().get_config(),
            "decay": self.decay,
            "revival_threshold": self.revival_threshold,
            "revival_count": self.revival_count,
            "accumulation_steps": self.accumulation_steps,
        }
