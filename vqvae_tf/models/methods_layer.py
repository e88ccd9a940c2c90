"""Methods of models as layers, for functional models of Keras."""

from typing import Any

import keras


@keras.saving.register_keras_serializable("vqvae_tf")
class MethodsLayer(keras.layers.Layer):
    """The methods of a model that take one tensor, as a layer with the model's weights.

    Args:
        model: the model.

    Call arguments:
        inputs: the argument of the method.
        method: name of the method.
    """

    def __init__(self, model: keras.Model, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.model = model
        self.built = True

    def call(self, inputs, method):
        return getattr(self.model, method)(inputs)

    def get_config(self):
        return {**super().get_config(), "model": keras.saving.serialize_keras_object(self.model)}

    @classmethod
    def from_config(cls, config):
        model = keras.saving.deserialize_keras_object(config["model"])
        return cls(**{**config, "model": model})


def is_symbolic(value: Any) -> bool:
    """Whether `value` is an input of a functional model, or computed from one."""
    return isinstance(value, keras.KerasTensor)


def call(model: keras.Model, method: str, value: keras.KerasTensor) -> keras.KerasTensor:
    """The result of a model's method for a symbolic input."""
    # One layer for all methods: two would be two models once they are saved and loaded. It is not
    # part of the model, so it bypasses Keras's tracking of attributes.
    layer = model.__dict__.setdefault("_methods_layer", MethodsLayer(model))
    return layer(value, method=method)
