"""A layer that looks up the vectors of codes, for functional models whose input is codes."""

import keras


@keras.saving.register_keras_serializable("vqvae_tf")
class CodeLookup(keras.layers.Layer):
    """Maps codes to a quantizer's vectors; `quantizer.decode` of a symbolic input creates one.

    Args:
        quantizer: a built quantizer.

    Call arguments:
        codes: integers, as the quantizer's `decode` takes them.

    >>> from vqvae_tf.layers import VectorQuantizer
    >>> quantizer = VectorQuantizer(16)
    >>> quantizer.build((None, 4))
    >>> codes = keras.Input((8, 8), dtype="int32")
    >>> keras.Model(codes, quantizer.decode(codes)).output_shape
    (None, 8, 8, 4)
    """

    def __init__(self, quantizer, **kwargs):
        if isinstance(quantizer, dict):
            quantizer = keras.saving.deserialize_keras_object(quantizer)
        super().__init__(**{"dtype": quantizer.dtype_policy, **kwargs})
        self.quantizer = quantizer
        self.built = True

    def call(self, codes):
        return self.quantizer.decode(codes)

    def compute_output_spec(self, codes):
        shape = self.quantizer._vectors_shape(codes.shape)
        return keras.KerasTensor(shape, dtype=self.quantizer.compute_dtype)

    def get_config(self):
        return {
            **super().get_config(),
            "quantizer": keras.saving.serialize_keras_object(self.quantizer),
        }
