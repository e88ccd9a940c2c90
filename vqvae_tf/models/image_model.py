"""The base class of all models of pictures."""

from vqvae_tf.models import checks, pixel_model


class ImageModel(pixel_model.PixelModel):
    """A model that encodes pictures as codes and decodes codes to pictures.

    Pictures are uint8 `[batch, height, width, channels]` of any size. Sizes that the strides don't
    divide are padded by reflection at the bottom and the right; `reconstruct` crops the result.
    Codes are int32 `[batch, ceil(height / stride), ceil(width / stride)]`, with one more axis
    if there are several per place.

    The abstract methods of a family define its networks and its quantization.
    """

    data_key = "image"
    grid_rank = 2

    @property
    def data_taken(self):
        return checks.pictures(self.config.data.channels)

    @property
    def unused(self):
        return ("label",)

    def _shown(self, data):
        return data
