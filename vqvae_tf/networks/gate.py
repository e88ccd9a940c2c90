"""The gate of PixelCNN (arXiv:1606.05328) and WaveNet (arXiv:1609.03499)."""

from keras import ops


def gate(x):
    """`tanh(a) * sigmoid(b)` of the halves of the last axis."""
    a, b = ops.split(x, 2, axis=-1)
    return ops.tanh(a) * ops.sigmoid(b)
