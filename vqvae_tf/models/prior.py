"""The base class of all priors: p(codes | conditions), trained after the autoencoder."""

import abc
import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from vqvae_tf import arguments
from vqvae_tf.config import limits
from vqvae_tf.errors import UserError
from vqvae_tf.models import checks, trainable_model
from vqvae_tf.models.code_shape import without_slots
from vqvae_tf.models.conditions import Condition, resolve
from vqvae_tf.networks.sampling.controls import checked_grid
from vqvae_tf.summaries import Summaries

# Difference of the seeds of a prior's levels: odd, and far larger than the seeds of a series.
_SEED_STEP = 0x9E3779B97F4A7C15
NONE: Mapping[str, Any] = MappingProxyType({})


class Prior(trainable_model.TrainableModel):
    """p(codes | conditions): computes probabilities of codes and samples codes.

    Codes are int32 `[batch, *grid]`, with one more axis if there are several per place. The grid
    may have any size, including one larger than in training.

    The abstract methods of a family define its networks and its sampling.

    Args:
        config: an instance of `config_class`, or a dictionary of one.

    Attributes:
        grid_rank: 1 for sequences, 2 for pictures, 3 for videos.
        conditions: the conditions that it takes, by name.
        further_losses: names of the losses of training besides the cross-entropy.
        frame: the last sides of the grid, if they are always those of the training codes.
        given_frames: frames that a roll-out continues; 0 for priors of other data than videos. With
            them `draw` also takes `given`, int32 `[count, frames, *frame, slots]` or without slots.
    """

    data_key = "codes"
    grid_rank: int
    further_losses: tuple[str, ...] = ()
    frame: tuple[int, ...] = ()
    given_frames: int = 0

    def __init__(self, config, **kwargs):
        super().__init__(config, **kwargs)
        self._compiled_log_prob = tf.function(
            self._log_prob, autograph=False, reduce_retracing=True
        )
        self.label_draws = keras.random.SeedGenerator(self.config.training.seed, name="label_draws")
        names = ("codes", *self.further_losses) if self.further_losses else ()
        self._report(("loss", *names, "bits_per_code"))

    @abc.abstractmethod
    def _logits(self, codes, conditions, training: bool):
        """Logits `[batch, *grid, slots, size]` for codes `[batch, *grid, slots]`.

        `conditions` holds those that are known, by name, one for each example.
        """

    @abc.abstractmethod
    def initialize(self, codebook: Any, log_frequencies: Any, maps: Sequence[Any] = ()) -> None:
        """Initializes the prior from the codebook and the training codes, before training.

        Args:
            codebook: the vectors of the autoencoder's codes, or None.
            log_frequencies: finite, `[slots, size]`, the initial logits.
            maps: the training codes, mappings with `codes` `[*grid, slots]` and their conditions.

        Raises:
            UserError: for other shapes and for what are no numbers.
        """

    @abc.abstractmethod
    def _sample(self, count, grid, *, seed, conditions, prefix, first_sample, **controls):
        """Samples `[count, *grid, slots]`; `prefix` has that shape (or a count of 1) or is None."""

    @abc.abstractmethod
    def noise_shapes(self, grid: tuple[int, ...]) -> dict[str, tuple[int, int, int, int]]:
        """Shapes of the noise of `draw`: name -> (rows, places per row, codes per place, size)."""

    @abc.abstractmethod
    def seeded_noise(
        self, seed: Any, count: Any, grid: tuple[int, ...], first_sample: Any = 0
    ) -> dict[str, Callable]:
        """The noise of `sample`, for `draw`: a function of (seed, number of the sample, place).

        Args:
            seed: uint64 scalar tensor.
            count: number of samples, an integer or a scalar tensor.
            grid: sides of the grid, Python integers.
            first_sample: number of the first sample.
        """

    @abc.abstractmethod
    def draw(
        self,
        noise_of_row: Mapping[str, Callable],
        grid: tuple[int, ...],
        count: Any,
        *,
        temperature: Any = 1.0,
        conditions: Mapping[str, Any] = NONE,
        with_log_prob: bool = False,
    ) -> tuple[Any, Any]:
        """`sample` as a graph, for exported endpoints, with noise given by the caller.

        Args:
            noise_of_row: for each name of `noise_shapes(grid)`, a function from a row's number to
                Gumbel noise, float32 `[places, count, codes per place, size]`.
            grid: sides of the grid, Python integers.
            count: number of samples, an integer or a scalar tensor.
            temperature: scalar.
            conditions: those that are known, by name, each `[count, ...]`.
            with_log_prob: whether to compute the log probability of each code as well.

        Returns:
            Codes as `sample` returns them, and float32 log probabilities of that shape, or None.
        """

    @property
    def conditions(self) -> dict[str, Condition]:
        classes = self.config.num_classes
        return {self.config.condition: Condition(classes)} if classes else {}

    @property
    def codes_spec(self) -> tf.TensorSpec:
        """The spec of codes, for any batch size and any grid."""
        return self.takes["codes"].spec

    @property
    def takes(self):
        conditions = {name: each.input(name) for name, each in self.conditions.items()}
        codes = checks.codes(self.grid_rank, self.config.code_sizes, self.frame)
        return {"codes": codes, **conditions}

    @property
    def unused(self):
        return () if self.conditions else (self.config.condition,)

    def call(self, codes, conditions=None, training: bool = False):
        """Logits of every code: `[batch, *grid, (slots,) size]`.

        Args:
            codes: int32, of the shape of `codes_spec`.
            conditions: conditions by name.
        """
        codes, told = self._checked(codes, conditions or {})
        logits = self._logits(codes, told, training)
        return logits[..., 0, :] if logits.shape[-2] == 1 else logits

    def log_prob(self, codes, **conditions):
        """Natural logarithm of the probability of each grid of codes, `[batch]`.

        In a compiled function, where values cannot be checked, a class out of range gives NaN.

        Args:
            codes: int32, of the shape of `codes_spec`.
            conditions: conditions by name, one for all examples or one for each.

        Raises:
            UserError: for codes or conditions of another type or shape, or out of range.
        """
        for name, value in {"codes": codes, **conditions}.items():
            checks.refuse_symbolic(name, value)
        return self._log_prob(*self._checked(codes, conditions))

    def sample(
        self,
        count: int,
        *,
        grid: tuple[int, ...],
        seed: int = 0,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        best_of: int = 1,
        prefix: Any = None,
        first_sample: int = 0,
        block: int = 64,
        jit_compile: bool = False,
        **conditions: Any,
    ):
        """Draws `count` grids of codes.

        Args:
            count: number of samples, up to 100,000.
            grid: sides of the grid of codes, which may hold 2^20 codes.
            seed: 0 to 2^64 - 1; sample 3 of a seed is the same whatever `count` is.
            temperature, top_k, top_p, block, jit_compile: as in
                `vqvae_tf.networks.PixelCNN.sample`.
            best_of: draw this many per sample, up to 1,000, and keep the likeliest, by `log_prob`:
                more typical samples, less variety. `count` times `best_of` is at most 100,000.
            prefix: given codes, -1 where free, one grid for all samples or one for each; rows that
                are missing at the end are free.
            first_sample: number of the first sample.
            conditions: conditions by name, one for all samples or one for each.

        Returns:
            int32 `[count, *grid]`, with one more axis if there are several codes per place.

        Raises:
            UserError: for an argument out of range.
        """
        count = arguments.whole("count", count, 1, limits.MOST_SAMPLES)
        best_of = arguments.whole("best_of", best_of, 1, limits.MOST_DRAWS)
        if count * best_of > limits.MOST_SAMPLES:
            raise UserError(
                f"count times best_of must be at most {limits.MOST_SAMPLES}; received {count} "
                f"times {best_of}: lower count, and continue with first_sample={count}"
            )
        seed = arguments.whole("seed", seed, 0, limits.LARGEST_SAMPLING_SEED)
        first_sample = arguments.whole(
            "first_sample", first_sample, 0, limits.LARGEST_SAMPLE // best_of
        )
        grid = checked_grid(grid, self.grid_rank, len(self.config.code_sizes))
        told = {
            name: arguments.numbers(name, value)
            for name, value in resolve(self.conditions, conditions).items()
        }
        self._check_for_each(told, count, grid)
        told = {name: _for_each(value, count, best_of) for name, value in told.items()}
        prefix = _for_each(self._prefix(prefix, count, grid), count, best_of)
        drawn = self._sample(
            count * best_of,
            grid,
            seed=seed,
            conditions=told,
            prefix=prefix,
            first_sample=first_sample * best_of,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            block=block,
            jit_compile=jit_compile,
        )
        if best_of > 1:
            known = {
                name: np.broadcast_to(value, (count * best_of, *value.shape[1:]))
                for name, value in told.items()
            }
            likelihood = tf.reshape(self._compiled_log_prob(drawn, known), [count, best_of])
            best = tf.argmax(likelihood, axis=1, output_type=tf.int32)
            drawn = tf.gather(drawn, tf.range(count) * best_of + best)
        return without_slots(drawn)

    def compute_losses(self, batch, training: bool = False):
        """`loss`, the mean cross-entropy in nats per code, and `bits_per_code`.

        A family with `further_losses` adds them to `loss`; the cross-entropy is then `codes`.
        """
        training = arguments.flag("training", training)
        codes, conditions = _split(self.check_batch(batch))
        told = conditions
        if conditions and training and self.config.condition_dropout:
            draws = keras.random.uniform(tf.shape(codes)[:1], seed=self.label_draws)
            hidden = draws < self.config.condition_dropout
            told = {
                name: self.conditions[name].hidden(value, hidden)
                for name, value in conditions.items()
            }
        nats, further = self._loss_terms(codes, told, training)
        nats = tf.reduce_mean(self._nan_where_wrong(conditions, nats))
        losses = {"codes": nats, **further} if further else {}
        return {
            "loss": tf.add_n([nats, *further.values()]),
            **losses,
            "bits_per_code": nats / math.log(2.0),
        }

    def bits(self, batch):
        """Bits of each grid, float32 `[batch]` as `total`, and the number of codes of a grid."""
        batch = self.check_batch(batch)
        bits = -self._log_prob(*_split(batch)) / math.log(2.0)
        return {"total": bits, "codes": tf.reduce_prod(tf.shape(batch["codes"])[1:])}

    def summaries(self, batch) -> Summaries:
        """A histogram of the codes of a batch; pictures would need the autoencoder."""
        return Summaries(images={}, histograms={"codes": self.check_batch(batch)["codes"]})

    def _checked_frequencies(self, log_frequencies):
        """`log_frequencies` as finite float32 `[slots, size]`."""
        values = arguments.numbers("log_frequencies", log_frequencies, "float32")
        shape = (len(self.config.code_sizes), max(self.config.code_sizes))
        if values.shape != shape or not np.isfinite(values).all():
            raise UserError(
                f"log_frequencies must be finite and of shape {shape}, [slots, size]; received "
                f"shape {values.shape} with {(~np.isfinite(values)).sum()} infinite or NaN: add 1 "
                "to the count of every code"
            )
        return values

    def _check_for_each(self, told, count, grid):
        """Refuses conditions that are neither one for all samples nor one for each."""
        for name, value in told.items():
            per_frame = self.conditions[name].per_frame
            frames = grid[:1] if per_frame else ()
            if value.ndim and value.shape[: 1 + len(frames)] not in (
                (1, *frames),
                (count, *frames),
            ):
                wanted = (
                    f"one for each of {grid[0]} frames, of {count} samples or of one for all"
                    if per_frame
                    else f"one for all, or one for each of {count} samples"
                )
                raise UserError(f"{name} must be {wanted}; received shape {value.shape}")

    def _checked(self, codes, conditions):
        """Codes with slots, and the conditions that are known, one for each example."""
        codes = self.takes["codes"].check(codes)
        return codes, resolve(self.conditions, conditions, codes)

    def _log_prob(self, codes, conditions):
        nats = cross_entropy(codes, self._logits(codes, conditions, training=False))
        nats = self._nan_where_wrong(conditions, nats)
        return -tf.reduce_sum(nats, axis=list(range(1, self.grid_rank + 2)))

    def _loss_terms(self, codes, conditions, training):
        """`(nats, losses)`: the cross-entropy of codes `[batch, ...]`, and `further_losses`.

        A family with further losses overrides it, and may choose the codes in training.
        """
        return cross_entropy(codes, self._logits(codes, conditions, training)), {}

    def _nan_where_wrong(self, conditions, nats):
        """`nats` `[batch, ...]`, but NaN for examples with a condition out of range."""
        for name, value in conditions.items():
            nats = self.takes[name].nan_where_wrong(value, nats)
        return nats

    def _prefix(self, prefix, count, grid):
        """Given codes as `[count or 1, *grid, slots]`, or None; -1 is free."""
        if prefix is None:
            return None
        prefix = arguments.numbers("prefix", prefix)
        slots = len(self.config.code_sizes)
        if slots == 1 and prefix.ndim == self.grid_rank + 1:
            prefix = prefix[..., None]
        wanted = (*grid, slots)
        fits = (
            prefix.dtype.kind in "iu"
            and prefix.ndim == len(wanted) + 1
            and len(prefix) in (1, count)
            and 1 <= prefix.shape[1] <= grid[0]
            and prefix.shape[2:] == wanted[1:]
        )
        if not fits:
            public = wanted if slots > 1 else grid
            raise UserError(
                f"prefix must hold integers of shape {(count, *public)} or {(1, *public)}, "
                f"or fewer along the first side; received {prefix.dtype} of shape {prefix.shape}"
            )
        free = [(0, 0)] * prefix.ndim
        free[1] = (0, grid[0] - prefix.shape[1])
        return np.pad(prefix, free, constant_values=-1)


def cross_entropy(codes: Any, logits: Any) -> tf.Tensor:
    """Cross-entropy in nats of each code, for logits with one more axis; float32."""
    return tf.nn.sparse_softmax_cross_entropy_with_logits(codes, tf.cast(logits, tf.float32))


def _split(batch: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Codes and conditions of a checked batch."""
    return batch["codes"], {name: each for name, each in batch.items() if name != "codes"}


def seed_of_level(seed: int, level: int) -> int:
    """The seed of a level of a prior; that of the first level is `seed`."""
    return (seed + level * _SEED_STEP) % 2**64


def _for_each(given, count, times):
    """Repeats each of `count` values `times` times; a single value for all is unchanged."""
    if times == 1 or given is None or given.ndim == 0 or len(given) != count:
        return given
    return np.repeat(given, times, axis=0)
