import pytest

from tests.small import runs
from vqvae_tf import export, workflows

__all__ = ["runs"]

GRID, SIZE = (3, 5), (21, 30)


def sharpened(prior):
    """The prior with logits spread wide: of flat ones any two samplers that see one noise agree."""
    for layer in prior.network.logits:
        layer.kernel.assign(layer.kernel * 10.0)
    return prior


@pytest.fixture(scope="package")
def pair(runs):
    """An autoencoder and its prior."""
    prior, model = workflows.load_pair(runs.prior)
    return model, sharpened(prior)


@pytest.fixture(scope="package")
def saved_model(pair, tmp_path_factory):
    """An autoencoder, its prior, and the folder that both were exported to."""
    model, prior = pair
    path = str(tmp_path_factory.mktemp("export") / "served")
    export.export_saved_model(model, path, prior=prior, grid=GRID)
    return model, prior, path


@pytest.fixture(scope="package")
def tflite_file(pair, tmp_path_factory):
    """An autoencoder, its prior, and the file that both were exported to."""
    model, prior = pair
    path = str(tmp_path_factory.mktemp("export") / "new" / "model.tflite")
    export.export_tflite(model, path, SIZE, prior=prior, grid=GRID)
    return model, prior, path
