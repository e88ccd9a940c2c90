"""The signature runner with a session in C++, as TensorFlow Serving runs a SavedModel.

Usage: as of vqvae_tf/export/signature_runner.py.
"""

import functools
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "vqvae_tf" / "export"))

import signature_runner
import tensorflow as tf
from tensorflow.core.protobuf.config_pb2 import CallableOptions


def by_session():
    """A loader of SavedModels by tag, whose signatures are names of tensors to feed and fetch."""

    def load(path):
        session = tf.compat.v1.Session(graph=tf.Graph())
        with session.graph.as_default():
            definition = tf.compat.v1.saved_model.load(session, ["serve"], path).signature_def

        @functools.cache
        def signature(name, keys):
            inputs, outputs = definition[name].inputs, definition[name].outputs
            options = CallableOptions(
                feed=[inputs[key].name for key in keys],
                fetch=[output.name for output in outputs.values()],
            )
            # Not `session.run`, which compares the shapes in Python.
            return list(outputs), session._make_callable_from_options(options)

        def call(name, inputs):
            names, function = signature(name, tuple(inputs))
            return dict(zip(names, function(*inputs.values()), strict=True))

        return call

    return load


signature_runner.saved_model = by_session

if __name__ == "__main__":
    signature_runner.main(*sys.argv[1:])
