"""Models need TensorFlow, and say so in one line."""

import pytest

from vqvae_tf import models
from vqvae_tf.errors import UserError


@pytest.mark.parametrize("family", models.FAMILIES)
def test_models_refuse_another_backend_in_words(family):
    config = models.FAMILIES[family].config_class()
    with pytest.raises(UserError, match='needs? the TensorFlow backend.* KERAS_BACKEND is "jax"'):
        models.build(family, config)
