import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from vqvae_tf.data.numpy_call import numpy_call

ENDS_WHILE_THE_PIPELINE_WORKS = """
import time
import numpy as np
import tensorflow as tf
from vqvae_tf.data.numpy_call import numpy_call

def slow(number):
    time.sleep(0.05)
    return [np.float32(number)]

dataset = tf.data.Dataset.counter().map(
    lambda number: numpy_call(slow, [number], [np.float32(0)])[0], num_parallel_calls=4
).batch(100).prefetch(2)
iterator = iter(dataset)  # kept until the interpreter is taken down
print(next(iterator).shape, flush=True)
"""


def test_results_and_dtypes():
    first, second = numpy_call(
        lambda x: (x + 1, np.float32(x)), [tf.constant(3)], [np.int32(0), np.float32(0)]
    )
    assert (first.dtype, second.dtype) == (tf.int32, tf.float32)
    assert (int(first), float(second)) == (4, 3.0)


def test_errors_reach_the_caller():
    def fail(x):
        raise ValueError("no such picture")

    with pytest.raises(ValueError, match="no such picture"):
        numpy_call(fail, [tf.constant(3)], [np.int32(0)])


def test_the_interpreter_ends_while_a_pipeline_works_ahead():
    # With tf.numpy_function itself most such processes abort or never end.
    ended = subprocess.run(
        [sys.executable, "-c", ENDS_WHILE_THE_PIPELINE_WORKS],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (ended.returncode, ended.stdout) == (0, "(100,)\n")
