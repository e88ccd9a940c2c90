"""Messages as records hold them, good and odd ones."""

import tensorflow as tf


def example(**features):
    """A serialised message of features given as lists of integers, of bytes or of floats."""
    message = tf.train.Example()
    for name, values in features.items():
        feature = message.features.feature[name]
        kind = {int: feature.int64_list, bytes: feature.bytes_list, float: feature.float_list}
        for value in values:
            kind[type(value)].value.append(value)
    return message.SerializeToString()
