"""Wrong arguments of every job's function: refused in one line, and nothing is written."""

import os

import pytest

from tests.small import AUTOENCODER, PRIOR
from vqvae_tf import data, demo, export, models, workflows
from vqvae_tf.errors import UserError

NO_PATHS = ("", "a\0b", "a\ud800", 7, None, b"a")
NO_COUNTS = (0, -1, 1.5, "2", True)


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield
    assert not os.listdir(tmp_path)


def refused(message, function, *arguments, **options):
    with pytest.raises(UserError, match=message) as error:
        function(*arguments, **options)
    assert str(error.value).isprintable()


@pytest.mark.parametrize("path", NO_PATHS, ids=ascii)
def test_what_is_no_path(runs, path):
    model, prior, uri = runs.model, runs.prior, runs.uri
    message = "must be a path in UTF-8, and not empty; received"
    refused(message, workflows.train, AUTOENCODER, uri, path)
    refused(message, workflows.train_prior, PRIOR, path, uri, "p")
    refused(message, workflows.train_prior, PRIOR, model, uri, path)
    refused(message, workflows.sample, path, "o")
    refused(message, workflows.sample, prior, path)
    refused(message, workflows.reconstruct, path, uri, "o")
    refused(message, workflows.reconstruct, model, uri, path)
    refused(message, workflows.convert, path, "anna", uri, "o")
    refused(message, workflows.convert, model, "anna", uri, path)
    refused(message, workflows.evaluate, path, uri)
    refused(message, workflows.evaluate_phones, path, uri, uri)
    refused(message, demo.run, path)
    refused(message, models.load, path)
    refused(message, data.write_images, path, [])
    refused(message, data.write_codes, path, [])
    if path is not None:
        refused(message, workflows.sample, prior, "o", prefix=path)
        refused(message, workflows.evaluate, model, uri, path)
        refused(message, workflows.evaluate_phones, model, uri, uri, path)
    loaded = models.load(model)
    refused(message, export.export_saved_model, loaded, path)
    refused(message, export.export_tflite, loaded, path, (8, 8))


@pytest.mark.parametrize("uri", ["", 7, None, "folder:\ud800", "folder:a\0", "tfrecord:\ud800"])
def test_what_is_no_data(runs, uri):
    model = runs.model
    message = "data must be text|there is no folder|no file matches|cannot look for files"
    refused(message, workflows.train, AUTOENCODER, uri, "w")
    refused(message, workflows.train_prior, PRIOR, model, uri, "w")
    refused(message, workflows.reconstruct, model, uri, "o")
    refused(message, workflows.evaluate, model, uri)
    refused(message, data.open_source, uri)
    if uri is not None:
        refused(message, workflows.train, AUTOENCODER, runs.uri, "w", validation_uri=uri)
        refused(message, workflows.train_prior, PRIOR, model, runs.uri, "w", validation_uri=uri)


@pytest.mark.parametrize("count", NO_COUNTS)
def test_what_is_no_count(runs, count):
    message = f"must be (a whole number|at least 1); received {count!r}"
    for function, *arguments in (
        (workflows.reconstruct, runs.model, runs.uri, "o"),
        (workflows.convert, runs.model, "anna", runs.uri, "o"),
        (workflows.sample, runs.prior, "o"),
    ):
        refused(message, function, *arguments, count=count)
    refused(message, workflows.sample, runs.prior, "o", best_of=count)
    refused(message, workflows.sample, runs.prior, "o", grid=(4, count))


def test_other_arguments(runs):
    model, prior, uri = runs.model, runs.prior, runs.uri
    for speaker in (0, None, "", b"anna"):
        refused("speaker must be text", workflows.convert, model, speaker, uri, "o")
    for label in (0, "", b"dunes"):
        refused("label must be text", workflows.sample, prior, "o", label=label)
    for seed in (0.5, "1", None, True):
        refused("seed must be", workflows.sample, prior, "o", seed=seed)
    for temperature in (-1, "hot", float("nan"), None):
        refused("temperature must", workflows.sample, prior, "o", temperature=temperature)
    for top_p in (0, 2, "all", float("nan")):
        refused("top_p must", workflows.sample, prior, "o", top_p=top_p)
    for top_k in (0, 17, 1.5, "all"):
        refused("top_k must", workflows.sample, prior, "o", top_k=top_k)
    for grid in (4, "44", ()):
        refused("grid must", workflows.sample, prior, "o", grid=grid)
    for passes in (-1, 0.5, "1", None):
        refused("search_passes must", workflows.reconstruct, model, uri, "o", search_passes=passes)
        refused("search_passes must", workflows.evaluate, model, uri, search_passes=passes)
    for weight in (-1, float("inf"), "1", None):
        refused("rate_weight must", workflows.evaluate, model, uri, rate_weight=weight)
    for strategy in (None, "", 3):
        refused("strategy must", workflows.train, AUTOENCODER, uri, "w", strategy=strategy)
    for config in (None, {}, "photos"):
        refused("no family has the configuration", workflows.train, config, uri, "w")
        refused("no family has the configuration", workflows.train_prior, config, model, uri, "w")
    message = "takes the configuration of"
    refused(message, workflows.train, PRIOR, uri, "w")
    refused(message, workflows.train_prior, AUTOENCODER, model, uri, "w")
