"""Gradients through the choice of a code, which has none of its own."""

from keras import ops


def straight_through(vectors, quantized):
    """`quantized` forward, bit for bit; backward its gradient goes to `vectors` unchanged.

    Section 3.2 of van den Oord et al. 2017. The usual expression x + sg(q - x) differs from q
    in the last bit of a third of its elements.

    Args:
        vectors, quantized: `[n, dim]`, the quantizer's input and its codes' vectors.
    """

    @ops.custom_gradient
    def estimate(vectors):
        def gradient(*args, upstream=None):
            return args[0] if upstream is None else upstream

        return ops.stop_gradient(quantized), gradient

    return estimate(vectors)
