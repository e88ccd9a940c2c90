"""Every quantizer that the conformance suite runs; a new one joins by one line."""

from vqvae_tf import layers

QUANTIZERS = {
    "VectorQuantizer": lambda **kwargs: layers.VectorQuantizer(16, **kwargs),
    "VectorQuantizer-bare": lambda **kwargs: layers.VectorQuantizer(
        16, revival_threshold=0, **kwargs
    ),
    "VectorQuantizerEMA": lambda **kwargs: layers.VectorQuantizerEMA(16, **kwargs),
    "VectorQuantizerEMA-bare": lambda **kwargs: layers.VectorQuantizerEMA(
        16, revival_threshold=0, decay=0.99, **kwargs
    ),
}
