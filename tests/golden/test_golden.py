import shutil

import numpy as np
import pytest
import tensorflow as tf

from tests.golden import regenerate
from vqvae_tf import models, training
from vqvae_tf.training import workdir

NAMES = sorted(path.parent.name for path in regenerate.FOLDER.glob("*/config.json"))


def test_every_family_has_one():
    families = {workdir.read(str(regenerate.FOLDER / name))["family"] for name in NAMES}
    assert families == models.FAMILIES.keys()


@pytest.mark.parametrize("name", NAMES)
def test_it_loads_and_says_what_it_said(name):
    folder = regenerate.FOLDER / name
    expected = dict(np.load(folder / "expected.npz"))
    batch = {
        key.removeprefix("batch_"): expected.pop(key) for key in list(expected) if "batch_" in key
    }
    found = regenerate.measured(models.load(str(folder)), batch)
    assert found.keys() == expected.keys()
    # float32 sums of a few thousand terms, in an order that the processor chooses
    np.testing.assert_allclose(found["bits"], expected["bits"], rtol=1e-4)
    if "codes" in expected:
        np.testing.assert_array_equal(found["codes"], expected["codes"])


@pytest.mark.parametrize("name", NAMES)
def test_its_training_resumes(name, tmp_path):
    """The optimizer's values and the averages are found again as well."""
    folder = tmp_path / name
    shutil.copytree(regenerate.FOLDER / name, folder)
    model = models.load(str(folder))
    data = tf.data.Dataset.from_tensors({"none": 0}).repeat()  # no step is left to do
    results = training.train(model, lambda step: data, model.config.training, str(folder))
    assert results["step"] == 30 and np.isfinite(list(results["losses"].values())).all()
