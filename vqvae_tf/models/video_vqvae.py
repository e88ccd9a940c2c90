"""The VQ-VAE of videos: a grid of codes for each frame."""

import keras
import tensorflow as tf

from vqvae_tf import networks
from vqvae_tf.config.video import VideoConfig
from vqvae_tf.errors import UserError, shown
from vqvae_tf.models import autoencoder, checks, one_grid_model
from vqvae_tf.models.code_shape import without_slots
from vqvae_tf.models.pixels import pixels_of, to_uint8
from vqvae_tf.networks.video import FrameWise, SpaceTime


@keras.saving.register_keras_serializable("vqvae_tf")
class VideoVQVAE(one_grid_model.OneGridModel):
    """Encodes videos as codes `[time, height, width]` (van den Oord et al. 2017, section 4.4).

    Each frame has its own grid of codes, so that a future is imagined as codes and drawn only at
    the end. In the form "frames" each is encoded and decoded by itself, as in the paper. In the
    form "space_time" codes also depend on the frames before, and pixels on the codes before, never
    on later ones: `encode_next` and `decode_next` take a video piece by piece. Actions belong to
    the prior: the autoencoder takes none.

    Videos are uint8 `[batch, time, height, width, channels]` of any size. Sizes that the strides
    don't divide are padded by reflection at the bottom and the right; `reconstruct` crops the
    result. Codes are int32 `[batch, time, ceil(height / stride), ceil(width / stride)]`, with one
    more axis if `config.quantizer` has several codes per place.

    Args:
        config: a `VideoConfig`, or a dictionary of one.

    >>> import tensorflow as tf
    >>> quantizer = {"num_embeddings": [16]}
    >>> model = VideoVQVAE({"widths": [4, 8], "residual_width": 4, "quantizer": quantizer})
    >>> videos = tf.zeros([2, 5, 21, 30, 3], tf.uint8)
    >>> codes = model.encode(videos)
    >>> codes.shape, model.decode(codes).shape, model.reconstruct(videos).shape
    (TensorShape([2, 5, 6, 8]), TensorShape([2, 5, 24, 32, 3]), TensorShape([2, 5, 21, 30, 3]))
    """

    config_class = VideoConfig
    data_key = "frames"
    grid_rank = 3

    def _make_encoder(self):
        config, whole = self.config, self.config.form == "frames"
        network = networks.Encoder(
            widths=config.widths,
            embedding_dim=config.embedding_dim if whole else None,
            final_convolution=config.final_convolution,
            name="of_frame",
            **self._body() | ({} if whole else {"residual_blocks": 0}),
        )
        if whole:
            return FrameWise(network, name="encoder")
        return self._space_time(network, self._dense(config.embedding_dim), "encoder")

    def _make_decoder(self, channels):
        whole = self.config.form == "frames"
        network = networks.Decoder(
            widths=self.config.widths[::-1],
            channels=channels,
            name="of_frame",
            **self._body() | ({} if whole else {"residual_blocks": 0}),
        )
        if whole:
            return FrameWise(network, name="decoder")
        return self._space_time(self._dense(self.config.widths[-1]), network, "decoder")

    def _dense(self, units):
        return keras.layers.Dense(units, name="dense", dtype=self.config.training.precision)

    def _space_time(self, first, last, name):
        config = self.config
        return SpaceTime(
            first,
            last,
            config.widths[-1],
            config.residual_blocks,
            config.residual_width,
            name=name,
            dtype=config.training.precision,
        )

    @property
    def strides(self):
        return (1, self.config.stride, self.config.stride)

    @property
    def data_taken(self):
        return checks.videos(self.config.data.channels)

    @property
    def unused(self):
        return ("actions",)

    def encode_next(self, frames, memory=None):
        """Codes of the next frames of a video that comes in pieces.

        Args:
            frames: uint8 `[batch, time, height, width, channels]`, from one frame on.
            memory: what the call for the frames before returned; None at the start.

        Returns:
            `(codes, memory)`: as `encode` gives them for the whole video, and for the next call.
        """
        checks.refuse_symbolic("videos", frames)
        pixels = pixels_of(self._pad(self.data_taken.check(frames)))
        height, width = (side // self.config.stride for side in pixels.shape[2:4])
        self._check_memory(memory, (pixels.shape[0], 2, height, width))
        latents, memory = self.encoder.stream(pixels, memory)
        return without_slots(autoencoder.encode_places(self.quantizer, latents)), memory

    def decode_next(self, codes, memory=None):
        """Frames of the next codes of a video that comes in pieces.

        Args:
            codes: int32 `[batch, time, *grid]`, as `decode` takes them, from one frame on.
            memory: what the call for the codes before returned; None at the start.

        Returns:
            `(frames, memory)`: as `decode` gives them for the whole video, and for the next call.
        """
        checks.refuse_symbolic("codes", codes)
        vectors = autoencoder.decode_places(self.quantizer, self.codes_taken.check(codes))
        self._check_memory(memory, (vectors.shape[0], 2, *vectors.shape[2:4]))
        outputs, memory = self.decoder.stream(vectors, memory)
        return to_uint8(self.likelihood.mean(outputs)), memory

    def _check_memory(self, memory, sides):
        """Refuses the memory of other videos than those of this batch and size."""
        if memory is None or self.config.form == "frames":
            return
        wanted = tf.TensorShape([*sides, self.config.widths[-1]])
        found = [getattr(each, "shape", ()) for each in memory] if isinstance(memory, list) else []
        fits = all(wanted.is_compatible_with(shape) for shape in found)
        if not fits or len(found) != self.config.residual_blocks:
            raise UserError(
                f"memory must be what the call for the frames before returned, "
                f"{self.config.residual_blocks} maps of {tuple(wanted)}, or None at the start; "
                f"received {[tuple(shape) for shape in found] or shown(memory)}"
            )

    def _shown(self, data):
        return data[:, -1]
