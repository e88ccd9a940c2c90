"""Mu-law companding of waveforms (ITU-T G.711)."""

import math
from typing import Any

import numpy as np
from keras import ops

from vqvae_tf import arguments
from vqvae_tf.config import limits
from vqvae_tf.errors import UserError
from vqvae_tf.networks.inputs import checked_range


def mu_law_compand(waveform: Any, levels: int = 256) -> Any:
    """Compresses float samples in [-1, 1] to float32 in [-1, 1]; values outside are clipped.

    With mu = levels - 1, `f(x) = sign(x) ln(1 + mu |x|) / ln(1 + mu)`.

    >>> [round(float(x), 3) for x in mu_law_compand([-1.0, 0.0, 0.1])]
    [-1.0, 0.0, 0.591]
    """
    mu = arguments.whole("levels", levels, 2, limits.LARGEST_CODEBOOK) - 1
    x = ops.clip(ops.cast(waveform, "float32"), -1.0, 1.0)
    return ops.sign(x) * ops.log1p(mu * ops.absolute(x)) / math.log1p(mu)


def mu_law_encode(waveform: Any, levels: int = 256) -> Any:
    """Maps float samples in [-1, 1] to int32 codes `0 .. levels - 1`; values outside are clipped.

    `mu_law_compand` of them is rounded to the nearest of `levels` even steps.

    Raises:
        UserError: if the samples are not floats.

    >>> mu_law_encode([-1.0, -0.01, 0.0, 0.01, 1.0]).numpy().tolist()
    [0, 98, 128, 157, 255]
    """
    waveform = arguments.dense("a waveform", waveform)
    dtype = arguments.dtype_of(waveform)
    if "float" not in dtype:
        raise UserError(
            f"a waveform must be floats in [-1, 1]; received {dtype}: divide 16-bit ones by 32768"
        )
    mu = arguments.whole("levels", levels, 2, limits.LARGEST_CODEBOOK) - 1
    return ops.cast(ops.floor((mu_law_compand(waveform, levels) + 1.0) * (mu / 2.0) + 0.5), "int32")


def mu_law_decode(codes: Any, levels: int = 256) -> Any:
    """Maps codes to float32 samples in [-1, 1]; encoding these gives the same codes.

    The samples are looked up, and therefore the same to the last bit in eager mode, in graphs,
    under XLA and in exports.

    Raises:
        UserError: if the codes are not integers, or are known and out of range.

    >>> mu_law_decode([0, 255]).numpy().tolist()
    [-1.0, 1.0]
    """
    mu = arguments.whole("levels", levels, 2, limits.LARGEST_CODEBOOK) - 1
    codes = checked_range("codes", codes, 0, mu)
    companded = np.arange(mu + 1) * (2.0 / mu) - 1.0
    samples = np.sign(companded) * np.expm1(np.abs(companded) * math.log1p(mu)) / mu
    return ops.take(np.clip(samples, -1.0, 1.0).astype(np.float32), codes, axis=0)
