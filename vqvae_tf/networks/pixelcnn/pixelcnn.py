"""The gated PixelCNN over codes (arXiv:1606.05328), as a layer that computes logits and samples."""

from typing import Any

import keras
import numpy as np
from keras import ops

from vqvae_tf import arguments
from vqvae_tf.backend import active as backend
from vqvae_tf.errors import UserError, shown
from vqvae_tf.networks import foreign_arguments
from vqvae_tf.networks.inputs import checked_codes, checked_condition, checked_label, one_hot
from vqvae_tf.networks.pixelcnn.code_logits import CodeLogits
from vqvae_tf.networks.pixelcnn.pixelcnn_layer import PixelCNNLayer, pad

_MOST_LAYERS = 1000  # checked before any is made; far more than can be trained


@keras.saving.register_keras_serializable("vqvae_tf")
class PixelCNN(keras.layers.Layer):
    """Computes logits of every code given the codes before it, in raster order, and samples codes.

    `[batch, height, width]` codes become `[batch, height, width, num_embeddings]` logits, on grids
    of any size. The logits at a place depend on earlier places only. With `slots=S` there are S
    codes at each place, `[batch, height, width, S]`; a slot depends on the earlier places and on
    the earlier slots of its place.

    `sample` draws codes by a cached loop that computes each place once. It returns the same codes
    as calling the network once per place and is hundreds of times faster.

    The receptive field is the share `receptive_field(height, width)` of all earlier places: 61 % on
    a 32x32 grid with sixteen layers of the default kernel, 100 % with kernels of (3, 5).
    docs/networks.md has a table.

    Args:
        num_embeddings: K, the number of codes.
        channels: width of both stacks.
        layers: number of gated layers.
        kernel_size: (rows, columns) of the vertical kernels, columns odd. The horizontal kernels
            have the left half, `columns // 2 + 1` columns.
        first_kernel: kernel of the first layer, or None for `kernel_size`.
        head_width: width of the hidden layer before the logits; None means `channels`.
        dropout: rate inside the residual branches in training.
        num_classes: number of labels for the class condition, or None for no such condition.
        spatial_channels: channels of the spatial condition, or None for no such condition.
        code_dim: None learns an embedding of the codes. A number uses a frozen table of vectors
            of that size, set by `load_code_vectors`, with a learned projection and with logits
            that depend on the table too (`CodeLogits`). The similarity of the quantizer's codes
            helps on data unlike the training set.
        slots: codes per place; None means one, without an axis for it.

    Call arguments:
        codes: int32 `[batch, height, width]`, or `[..., slots]`.
        label: int32 `[batch]`, or None; -1 means no label.
        spatial: `[batch, height, width, spatial_channels]`, or None.
        training: whether dropout is active.

    Raises:
        UserError: for an argument out of range, or a condition that the network was not built for.

    >>> network = PixelCNN(num_embeddings=16, channels=8, layers=2)
    >>> network(np.zeros((2, 3, 5), "int32")).shape
    TensorShape([2, 3, 5, 16])
    >>> network.sample(count=2, grid=(3, 5), seed=1).shape
    TensorShape([2, 3, 5])
    """

    def __init__(
        self,
        num_embeddings: int,
        channels: int = 128,
        layers: int = 16,
        kernel_size: tuple[int, int] = (2, 3),
        first_kernel: tuple[int, int] | None = None,
        head_width: int | None = None,
        dropout: float = 0.0,
        num_classes: int | None = None,
        spatial_channels: int | None = None,
        code_dim: int | None = None,
        slots: int | None = None,
        **kwargs,
    ):
        arguments.refuse_misnamed(type(self), kwargs, foreign_arguments.PIXELCNN)
        super().__init__(**kwargs)
        self.num_embeddings = num_embeddings = arguments.whole("num_embeddings", num_embeddings, 1)
        self.channels = channels = arguments.whole("channels", channels, 1)
        layers = arguments.whole("layers", layers, 1, _MOST_LAYERS)
        self.kernel_size = _checked_kernel("kernel_size", kernel_size)
        self.first_kernel = self.kernel_size
        if first_kernel is not None:
            self.first_kernel = _checked_kernel("first_kernel", first_kernel)
        self.dropout = dropout = arguments.rate("dropout", dropout)
        head_width, num_classes, spatial_channels, code_dim, slots = (
            None if value is None else arguments.whole(name, value, 1)
            for name, value in (
                ("head_width", head_width),
                ("num_classes", num_classes),
                ("spatial_channels", spatial_channels),
                ("code_dim", code_dim),
                ("slots", slots),
            )
        )
        self.head_width, self.num_classes = head_width, num_classes
        self.spatial_channels, self.code_dim, self.slots = spatial_channels, code_dim, slots
        policy = self.dtype_policy
        # Input and output layers are float32 even under a mixed policy: the table is small, and
        # logits need the precision.
        precise = keras.backend.result_type(self.variable_dtype, "float32")
        self.projection: Any = None
        if code_dim is not None:
            self.projection = keras.layers.Dense(
                channels * (slots or 1), name="projection", dtype=precise
            )
        self.gated = [
            PixelCNNLayer(
                channels,
                self.kernel_size if i else self.first_kernel,
                num_classes,
                spatial_channels,
                dropout,
                name=f"gated_{i}",
                dtype=policy,
            )
            for i in range(layers)
        ]
        width = channels if head_width is None else head_width
        self.hidden = keras.layers.Dense(width, name="hidden", dtype=policy)
        self.slot_embeddings = [
            keras.layers.Embedding(num_embeddings, width, name=f"slot_{i}", dtype=policy)
            for i in range((slots or 1) - 1)
        ]
        head: Any = keras.layers.Dense if code_dim is None else CodeLogits
        self.logits = [
            head(num_embeddings, name=f"logits_{i}", dtype=precise) for i in range(slots or 1)
        ]
        self._sampler: Any = None

    def build(self, codes_shape=None):
        if self.code_dim is None:
            self.embedding = self.add_weight(
                shape=((self.slots or 1) * self.num_embeddings, self.channels),
                # The slots' vectors are summed: each place is initialized with unit variance.
                initializer=keras.initializers.RandomNormal(stddev=(self.slots or 1) ** -0.5),
                name="embedding",
            )
        else:
            self.code_vectors = self.add_weight(
                shape=(self.num_embeddings, self.code_dim),
                initializer="random_normal",
                trainable=False,
                autocast=False,  # what reads it chooses the precision
                name="code_vectors",
            )
            self.projection.build((None, self.code_dim))
        for layer in self.gated:
            layer.build((None, None, None, self.channels))
        self.hidden.build((None, self.channels))
        for embedding in self.slot_embeddings:
            embedding.build((None,))
        hidden_shape = (None, self.hidden.units)
        for logits in self.logits:
            if self.code_dim is None:
                logits.build(hidden_shape)
            else:
                logits.build(hidden_shape, (self.num_embeddings, self.code_dim))

    def __call__(self, codes, label=None, spatial=None, **kwargs):
        # Not in `call`, before which Keras converts the arguments.
        self.check_conditions(label, spatial)
        codes = checked_codes(codes, self.num_embeddings, ("batch", "height", "width"), self.slots)
        batch, *grid = tuple(codes.shape[:3]) if len(codes.shape) else (None,) * 3
        if label is not None and self.num_classes is not None:
            label = checked_label(label, self.num_classes, batch)
        if spatial is not None:
            wanted = (batch, *grid, self.spatial_channels)
            spatial = checked_condition("spatial", spatial, wanted)
        return super().__call__(codes, label=label, spatial=spatial, **kwargs)

    def call(self, codes, label=None, spatial=None, training=False):
        codes = ops.cast(codes, "int32")
        codes = ops.expand_dims(codes, -1) if self.slots is None else codes
        features = self.features(self.embed(codes), label, spatial, training)
        hidden = self.hidden(ops.relu(features))
        logits = []
        for slot in range(len(self.logits)):
            if slot > 0:
                hidden = hidden + self.slot_embeddings[slot - 1](codes[..., slot - 1])
            logits.append(self.logits[slot](ops.relu(hidden), *self._code_vectors()))
        return logits[0] if self.slots is None else ops.stack(logits, axis=-2)

    def embed(self, codes: Any) -> Any:
        """Maps codes `[batch, height, width, slots]` to `[batch, height, width, channels]`."""
        table = ops.cast(self.code_table(), self.compute_dtype)
        slots = [
            backend.lookup(table, codes[..., slot] + slot * self.num_embeddings)
            for slot in range(codes.shape[-1])
        ]
        return sum(slots[1:], slots[0])

    def _code_vectors(self) -> list[Any]:
        """Further arguments of the logits' layers: the table of code vectors, if there is one."""
        return [] if self.code_dim is None else [ops.convert_to_tensor(self.code_vectors)]

    def code_table(self) -> Any:
        """The embedding of each code, slot by slot: `[slots * num_embeddings, channels]`."""
        if self.code_dim is None:
            return ops.convert_to_tensor(self.embedding)
        table = self.projection(self.code_vectors)
        table = ops.reshape(table, (self.num_embeddings, -1, self.channels))
        return ops.reshape(ops.transpose(table, (1, 0, 2)), (-1, self.channels))

    def features(self, embedded, label=None, spatial=None, training=False) -> Any:
        """Output of both stacks for embedded codes: `[batch, height, width, channels]`."""
        if label is not None and self.num_classes is not None:
            label = one_hot(label, self.num_classes, self.compute_dtype)[:, None, None]
        # Shifted once, a row down and a column right: after this every layer may see its own
        # place, so that no kernel is masked and no multiplication by zero is computed.
        v = pad(embedded, top=1)[:, :-1]
        h = pad(embedded, left=1)[:, :, :-1]
        for layer in self.gated:
            v, h = layer(v, h, label=label, spatial=spatial, training=training)
        return h

    def sample(
        self,
        count: int,
        grid: tuple[int, int],
        seed: int = 0,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        prefix: Any = None,
        label: Any = None,
        spatial: Any = None,
        first_sample: int = 0,
        block: int = 64,
        jit_compile: bool = False,
    ) -> Any:
        """Draws codes by the cached sampler (TensorFlow backend only).

        The noise depends on (seed, number of the sample, place): sample 3 of a seed is the same
        whether 4 or 400 are drawn, at once or in blocks, eagerly or compiled. The computation is
        float32 under every dtype policy.

        Args:
            count: number of samples.
            grid: (height, width) of the codes.
            seed: 0 to 2^64 - 1.
            temperature: divides the logits; 0 takes the most likely code at each place.
            top_k: draw from the k most likely codes.
            top_p: draw from the most likely codes that together have this probability.
            prefix: int32 `[count or 1, height, width]` (`[..., slots]` for a network with slots):
                codes that are given, -1 where free. Given codes are kept, at any place.
            label: one label, or int32 `[count]`; -1 means no label.
            spatial: `[count or 1, height, width, spatial_channels]`.
            first_sample: number of the first sample: 4 samples from number 4 continue the first 4.
            block: largest number of samples drawn together, to limit memory.
            jit_compile: whether to compile by XLA: slower to start, faster for few samples.

        Returns:
            int32 tensor `[count, height, width]`, or `[..., slots]`.

        Raises:
            UserError: for an argument out of range.

        >>> network = PixelCNN(num_embeddings=16, channels=8, layers=2)
        >>> codes = network.sample(count=2, grid=(3, 4), seed=1)
        >>> again = network.sample(count=1, grid=(3, 4), seed=1, first_sample=1)
        >>> bool(np.all(codes[1:] == again))
        True
        """
        if self._sampler is None:
            if keras.backend.backend() != "tensorflow":
                raise UserError(
                    f"sampling needs the TensorFlow backend; KERAS_BACKEND is "
                    f'"{keras.backend.backend()}"'
                )
            from vqvae_tf.networks.pixelcnn import sampler

            self._sampler = sampler.Sampler(self)
        return self._sampler(
            count,
            grid,
            seed,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            prefix=prefix,
            label=label,
            spatial=spatial,
            first_sample=first_sample,
            block=block,
            jit_compile=jit_compile,
        )

    def load_code_vectors(self, vectors: Any) -> None:
        """Sets the frozen table to a codebook, each dimension normalised to mean 0 and deviation 1.

        Args:
            vectors: `[num_embeddings, code_dim]`, such as a quantizer's `codebook`.
        """
        if self.code_dim is None:
            raise UserError(
                "this network was made without code_dim and learns its embedding; give code_dim "
                "to load code vectors"
            )
        vectors = arguments.numbers("code vectors", vectors, "float64")
        if vectors.shape != (self.num_embeddings, self.code_dim):
            raise UserError(
                f"code vectors must have the shape (num_embeddings, code_dim) = "
                f"({self.num_embeddings}, {self.code_dim}); received {vectors.shape}"
            )
        if not self.built:
            self.build()
        deviation = vectors.std(axis=0)
        self.code_vectors.assign((vectors - vectors.mean(axis=0)) / np.maximum(deviation, 1e-12))

    def set_output_bias(self, log_frequencies: Any) -> None:
        """Initializes the logits to the codes' log frequencies, which shortens training.

        Args:
            log_frequencies: finite, `[num_embeddings]`, or `[slots, num_embeddings]`.
        """
        values = arguments.numbers("log frequencies", log_frequencies, "float32")
        shape = (self.num_embeddings,) if self.slots is None else (self.slots, self.num_embeddings)
        if values.shape != shape or not np.isfinite(values).all():
            raise UserError(
                f"log frequencies must be finite and of shape {shape}; received shape "
                f"{values.shape} with {(~np.isfinite(values)).sum()} infinite or NaN: add 1 to "
                f"the count of every code"
            )
        if not self.built:
            self.build()
        for layer, bias in zip(self.logits, values.reshape(-1, self.num_embeddings), strict=True):
            layer.bias.assign(bias)

    def receptive_field(self, height: int, width: int) -> float:
        """Share of (place, earlier place) pairs of a grid in which the earlier place is in view.

        >>> round(PixelCNN(512, layers=16).receptive_field(32, 32), 2)
        0.61
        >>> PixelCNN(512, layers=31).receptive_field(32, 32)
        1.0
        """
        above = sum(layer.above for layer in self.gated)  # rows beyond the one above
        beside = sum(layer.beside for layer in self.gated)
        row, column = np.mgrid[:height, :width]
        left = np.minimum(column, beside)
        right = np.minimum(width - 1 - column, beside)
        seen = np.minimum(row, above + 1) * (left + 1 + right) + np.minimum(column, beside + 1)
        past = height * width * (height * width - 1) // 2
        return 1.0 if past == 0 else float(seen.sum() / past)

    def check_conditions(self, label: Any, spatial: Any) -> None:
        """Raises UserError for a condition that the network was not built for."""
        if label is not None and self.num_classes is None:
            raise UserError("a label needs a network with num_classes; this one has none")
        if spatial is not None and self.spatial_channels is None:
            raise UserError(
                "a spatial condition needs a network with spatial_channels; this one has none"
            )

    def compute_output_shape(self, codes_shape):
        return (*codes_shape, self.num_embeddings)

    def compute_output_spec(self, codes, *args, **kwargs):
        shape = self.compute_output_shape(codes.shape)
        return keras.KerasTensor(shape, dtype=self.logits[0].compute_dtype)

    def get_config(self):
        return super().get_config() | {
            "num_embeddings": self.num_embeddings,
            "channels": self.channels,
            "layers": len(self.gated),
            "kernel_size": list(self.kernel_size),
            "first_kernel": list(self.first_kernel),
            "head_width": self.head_width,
            "dropout": self.dropout,
            "num_classes": self.num_classes,
            "spatial_channels": self.spatial_channels,
            "code_dim": self.code_dim,
            "slots": self.slots,
        }


def _checked_kernel(name, kernel):
    try:
        rows, columns = arguments.wholes(name, kernel)
        if rows >= 2 and columns >= 3 and columns % 2:
            return rows, columns
    except ValueError:  # UserError is one
        pass
    raise UserError(
        f"{name} must be (rows, columns), at least (2, 3), the columns odd; received "
        f"{shown(kernel)}"
    )
