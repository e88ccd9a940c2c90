"""WaveNet (arXiv:1609.03499) over codes or samples, as a layer that computes logits and samples."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from vqvae_tf import arguments
from vqvae_tf.backend import active as backend
from vqvae_tf.errors import UserError, shown
from vqvae_tf.networks import foreign_arguments
from vqvae_tf.networks.inputs import checked_codes, checked_condition, checked_label, one_hot
from vqvae_tf.networks.wavenet.wavenet_layer import WaveNetLayer, delay

_THREE_STACKS = tuple(2**i for i in range(10)) * 3
_FRAME_KERNEL = 3  # width, in frames, of the convolution over the local condition
_FASTEST_WAVE = 3.0  # periods from the smallest ordered value to the largest
_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0


@keras.saving.register_keras_serializable("vqvae_tf")
class WaveNet(keras.layers.Layer):
    """Computes logits of every code of a sequence given the codes before it, and samples codes.

    `[batch, time]` codes become `[batch, time, num_embeddings]` logits, for sequences of any
    length. The logits at a step depend on earlier steps only. The codes are those of a quantizer
    (for a prior) or of a waveform, `mu_law_encode(x)` (for a decoder of sound):

        h = embedding of the code before;    h, g_l = DilatedLayer_l(h);
        logits = dense(relu(dense(relu(dense([g_1, ..., g_L])))))

    The dense layer over all gates is WaveNet's sum of skip connections, as one product.

    With `head="logistic_mixture"` the outputs are the parameters of a mixture of logistic
    distributions over the 256 values, as `likelihoods.LogisticMixture` takes them for one
    channel. With `mixture_components` as its `components`, `likelihood.bits(outputs,
    codes[..., None])` are the bits of each sequence.

    `sample` draws by a cached loop that computes each step once. `stream` yields the same samples
    block by block, in memory that does not grow with their length.

    Args:
        num_embeddings: K, the number of codes.
        channels: width of h.
        skip_channels: width of the dense layer over all gates.
        dilations: of each layer.
        kernel_size: taps of each layer.
        head_width: width of the hidden layer before the outputs; None means `skip_channels`.
        num_classes: number of labels (speakers, say) for the class condition, or None.
        local_channels: channels of the local condition, or None.
        upsampling: time steps per frame of the local condition. The output of a convolution over
            three frames is repeated this many times.
        head: "categorical" or "logistic_mixture".
        mixture_components: number of logistic distributions per step of a mixture.
        ordered: whether codes are values in order, as those of `mu_law_encode` are. Codes next to
            each other then begin with embeddings next to each other, which halves the steps until
            samples are first predicted well. Codes of a quantizer are not in order.

    Call arguments:
        inputs: codes, int32 `[batch, time]`; the output at t is for the code at t.
        label: int32 `[batch]`, or None; -1 means no label.
        local: `[batch, ceil(time / upsampling), local_channels]`, or None. Frame f covers the
            `upsampling` steps from `f * upsampling`; a step depends on one frame ahead.

    Raises:
        UserError: for an argument out of range, or a condition that the network was not built for.

    >>> network = WaveNet(num_embeddings=16, channels=8, skip_channels=8, dilations=(1, 2, 4))
    >>> network(ops.zeros((2, 9), "int32")).shape
    TensorShape([2, 9, 16])
    >>> network.receptive_field
    8
    >>> network.sample(count=2, length=9, seed=1).shape
    TensorShape([2, 9])
    """

    def __init__(
        self,
        num_embeddings: int = 256,
        channels: int = 64,
        skip_channels: int = 256,
        dilations: Sequence[int] = _THREE_STACKS,
        kernel_size: int = 2,
        head_width: int | None = None,
        num_classes: int | None = None,
        local_channels: int | None = None,
        upsampling: int = 1,
        head: str = "categorical",
        mixture_components: int = 10,
        ordered: bool = False,
        **kwargs,
    ):
        arguments.refuse_misnamed(type(self), kwargs, foreign_arguments.WAVENET)
        super().__init__(**kwargs)
        num_embeddings, channels, skip_channels, kernel_size, upsampling, mixture_components = (
            arguments.whole(name, value, least)
            for name, value, least in (
                ("num_embeddings", num_embeddings, 1),
                ("channels", channels, 1),
                ("skip_channels", skip_channels, 1),
                ("kernel_size", kernel_size, 2),
                ("upsampling", upsampling, 1),
                ("mixture_components", mixture_components, 1),
            )
        )
        head_width, num_classes, local_channels = (
            None if value is None else arguments.whole(name, value, 1)
            for name, value in (
                ("head_width", head_width),
                ("num_classes", num_classes),
                ("local_channels", local_channels),
            )
        )
        try:
            dilations = arguments.wholes("dilations", dilations, least=1)
        except UserError:
            raise UserError(
                f"dilations must name one step or more for each layer, such as (1, 2, 4); "
                f"received {shown(dilations)}"
            ) from None
        self.num_embeddings, self.channels = num_embeddings, channels
        self.skip_channels, self.head_width = skip_channels, head_width
        self.dilations, self.kernel_size = dilations, kernel_size
        self.num_classes, self.local_channels = num_classes, local_channels
        self.upsampling = upsampling
        self.head, self.mixture_components = head, mixture_components
        self.ordered = arguments.flag("ordered", ordered)
        if head not in ("categorical", "logistic_mixture"):
            raise UserError(f'head must be "categorical" or "logistic_mixture"; received "{head}"')
        policy = self.dtype_policy
        # The output layers are float32 even under a mixed policy: logits need the precision.
        precise = keras.backend.result_type(self.variable_dtype, "float32")
        self.frames: Any = None
        if local_channels is not None:
            self.frames = keras.layers.Conv1D(
                channels,
                _FRAME_KERNEL,
                padding="same",
                data_format="channels_last",
                name="frames",
                dtype=policy,
            )
        last = len(self.dilations) - 1
        self.dilated = [
            WaveNetLayer(
                channels,
                kernel_size,
                dilation,
                num_classes,
                None if local_channels is None else channels,
                upsampling,
                has_residual=i != last,
                name=f"dilated_{i}",
                dtype=policy,
            )
            for i, dilation in enumerate(self.dilations)
        ]
        width = skip_channels if head_width is None else head_width
        self.skip = keras.layers.Dense(skip_channels, name="skip", dtype=policy)
        self.hidden = keras.layers.Dense(width, name="hidden", dtype=policy)
        self.outputs = keras.layers.Dense(self.output_channels, name="outputs", dtype=precise)
        self._sampler: Any = None

    @property
    def output_channels(self) -> int:
        """Number of outputs per step: K logits, or three per component of the mixture."""
        return self.num_embeddings if self.head == "categorical" else 3 * self.mixture_components

    @property
    def receptive_field(self) -> int:
        """Number of codes before a step that its output depends on.

        >>> WaveNet(dilations=[1, 2, 4, 8, 16, 32, 64, 128, 256, 512] * 3).receptive_field
        3070
        """
        return 1 + (self.kernel_size - 1) * sum(self.dilations)

    def build(self, inputs_shape=None):
        self.embedding = self.add_weight(
            shape=(self.num_embeddings, self.channels),
            initializer=_waves if self.ordered else keras.initializers.RandomNormal(stddev=1.0),
            name="embedding",
        )
        if self.frames is not None:
            self.frames.build((None, None, self.local_channels))
        for layer in self.dilated:
            layer.build((None, None, self.channels))
        self.skip.build((None, None, len(self.dilated) * self.channels))
        self.hidden.build((None, None, self.skip_channels))
        self.outputs.build((None, None, self.hidden.units))

    def __call__(self, inputs, label=None, local=None, **kwargs):
        # Not in `call`, before which Keras converts the arguments.
        self.check_conditions(label, local)
        inputs = checked_codes(inputs, self.num_embeddings, ("batch", "time"))
        batch, time = tuple(inputs.shape) if len(inputs.shape) else (None, None)
        if label is not None and self.num_classes is not None:
            label = checked_label(label, self.num_classes, batch)
        if local is not None:
            frames = None if time is None else self.frames_of(time)
            per_frame = f": a frame for every {self.upsampling} of {time} steps"
            local = checked_condition(
                "local", local, (batch, frames, self.local_channels), per_frame
            )
        return super().__call__(inputs, label=label, local=local, **kwargs)

    def call(self, inputs, label=None, local=None):
        return self.from_embedded(self.embed(ops.cast(inputs, "int32")), label, local)

    def embed(self, codes: Any) -> Any:
        """Maps codes `[batch, time]` to `[batch, time, channels]`."""
        return backend.lookup(ops.cast(self.embedding, self.compute_dtype), codes)

    def from_embedded(self, embedded: Any, label: Any = None, local: Any = None) -> Any:
        """Outputs `[batch, time, output_channels]` from embedded codes."""
        if label is not None and self.num_classes is not None:
            label = one_hot(label, self.num_classes, self.compute_dtype)[:, None]
        if local is not None:
            local = self.frames(local)
        # Delayed once: after this every layer may see its own step.
        h, gates = delay(embedded, 1), []
        for layer in self.dilated:
            h, g = layer(h, label=label, local=local)
            gates.append(g)
        x = ops.relu(self.skip(ops.concatenate(gates, axis=-1)))
        return self.outputs(ops.relu(self.hidden(x)))

    def sample(
        self,
        count: int,
        length: int,
        seed: int = 0,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        prefix: Any = None,
        label: Any = None,
        local: Any = None,
        first_sample: int = 0,
        block: int = 64,
        jit_compile: bool = False,
    ) -> Any:
        """Draws codes by the cached sampler (TensorFlow backend only).

        The noise depends on (seed, number of the sample, step): sample 3 of a seed is the same
        whether 4 or 400 are drawn, at once or in blocks, eagerly or compiled. The computation is
        float32 under every dtype policy.

        Args:
            count: number of samples.
            length: time steps of each.
            seed: 0 to 2^64 - 1.
            temperature: multiplies the noise; 0 takes the most likely code at each step (for a
                mixture, the mean of its likeliest component).
            top_k: draw from the k most likely codes; categorical head only.
            top_p: draw from the most likely codes that together have this probability; categorical
                head only.
            prefix: int32 `[count or 1, up to length]`: codes that are given, -1 where free.
            label: one label, or int32 `[count]`; -1 means no label.
            local: `[count or 1, ceil(length / upsampling), local_channels]`.
            first_sample: number of the first sample: 4 samples from number 4 continue the first 4.
            block: largest number of samples drawn together, to limit memory.
            jit_compile: whether to compile by XLA: slower to start, many times faster for few
                samples.

        Returns:
            int32 tensor `[count, length]`.

        Raises:
            UserError: for an argument out of range.

        >>> network = WaveNet(num_embeddings=16, channels=8, skip_channels=8, dilations=(1, 2))
        >>> codes = network.sample(count=2, length=5, seed=1)
        >>> again = network.sample(count=1, length=5, seed=1, first_sample=1)
        >>> bool(ops.all(codes[1:] == again))
        True
        """
        return self._made_sampler().sample(
            count,
            length,
            seed,
            block=block,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            prefix=prefix,
            label=label,
            local=local,
            first_sample=first_sample,
            jit_compile=jit_compile,
        )

    def stream(
        self,
        count: int,
        length: int,
        seed: int = 0,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        prefix: Any = None,
        label: Any = None,
        local: Any = None,
        first_sample: int = 0,
        steps: int = 1024,
        jit_compile: bool = False,
    ) -> Iterator[Any]:
        """Yields the samples of `sample`, bit for bit the same, in blocks of `steps`.

        Only the receptive field is kept between blocks, so memory does not grow with the length.
        `steps` is rounded up to whole frames of the local condition. The other arguments are those
        of `sample`; all samples are drawn together.

        Yields:
            int32 tensors `[count, steps]`; the last one may be shorter.

        >>> network = WaveNet(num_embeddings=16, channels=8, skip_channels=8, dilations=(1, 2))
        >>> [block.shape[1] for block in network.stream(count=1, length=10, steps=4)]
        [4, 4, 2]
        """
        return self._made_sampler().stream(
            count,
            length,
            seed,
            steps=steps,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            prefix=prefix,
            label=label,
            local=local,
            first_sample=first_sample,
            jit_compile=jit_compile,
        )

    def _made_sampler(self):
        if self._sampler is None:
            if keras.backend.backend() != "tensorflow":
                raise UserError(
                    f"sampling needs the TensorFlow backend; KERAS_BACKEND is "
                    f'"{keras.backend.backend()}"'
                )
            from vqvae_tf.networks.wavenet import sampler

            self._sampler = sampler.Sampler(self)
        return self._sampler

    def check_conditions(self, label: Any, local: Any) -> None:
        """Raises UserError for a condition that the network was not built for."""
        if label is not None and self.num_classes is None:
            raise UserError("a label needs a network with num_classes; this one has none")
        if local is not None and self.local_channels is None:
            raise UserError(
                "a local condition needs a network with local_channels; this one has none"
            )

    def frames_of(self, time: int) -> int:
        """Number of frames of the local condition for `time` steps."""
        return -(-time // self.upsampling)

    def compute_output_shape(self, inputs_shape):
        return (*inputs_shape, self.output_channels)

    def compute_output_spec(self, inputs, *args, **kwargs):
        shape = self.compute_output_shape(inputs.shape)
        return keras.KerasTensor(shape, dtype=self.outputs.compute_dtype)

    def get_config(self):
        return super().get_config() | {
            "num_embeddings": self.num_embeddings,
            "channels": self.channels,
            "skip_channels": self.skip_channels,
            "dilations": list(self.dilations),
            "kernel_size": self.kernel_size,
            "head_width": self.head_width,
            "num_classes": self.num_classes,
            "local_channels": self.local_channels,
            "upsampling": self.upsampling,
            "head": self.head,
            "mixture_components": self.mixture_components,
            "ordered": self.ordered,
        }


def _waves(shape, dtype=None):
    """Embeddings `[codes, channels]` of ordered values, each channel of unit variance.

    The first channel is the value itself; the others are cosines of it, of up to three periods,
    whose phases are spread by the golden ratio.
    """
    codes, channels = shape
    value = np.linspace(-1.0, 1.0, codes)[:, None]
    channel = np.arange(channels)
    frequency = _FASTEST_WAVE * channel / max(channels - 1, 1)
    waves = math.sqrt(2.0) * np.cos(np.pi * (frequency * value + 2.0 * (channel * _GOLDEN % 1.0)))
    waves[:, :1] = math.sqrt(3.0) * value
    return ops.convert_to_tensor(waves, dtype)
