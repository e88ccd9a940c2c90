import numpy as np
import pytest

from tests.small import picture
from vqvae_tf import data, models, workflows
from vqvae_tf.errors import UserError
from vqvae_tf.media.compiled_image_model import CompiledImageModel


def test_evaluation_measures_the_pictures_that_it_is_given(runs):
    results = workflows.evaluate(runs.model, runs.uri)
    model = models.load(runs.model)
    source = data.open_source(runs.uri)
    errors, pixels, names = 0.0, 0, []
    for item in source.pictures():
        image = item["image"].astype(float)
        difference = image - model.reconstruct(item["image"][None])[0].numpy()
        errors += (difference**2).sum() / 255**2
        pixels += image.size
        names.append(item["name"])
    # Traced and eager sums may round otherwise, which tips a pixel here and there by 1 of 255.
    assert results["mse"] == pytest.approx(errors / pixels, rel=1e-4)
    assert results["psnr"] == pytest.approx(-10 * np.log10(results["mse"]))
    assert [row["name"] for row in results["per_picture"]] == names
    assert results["bits_per_dimension"] == pytest.approx(
        results["reconstruction_bits_per_dimension"] + results["latent_bits_per_dimension"]
    )
    assert "prior_bits_per_code" not in results


def test_a_prior_s_workdir_is_no_autoencoder_s(runs, tmp_path):
    with pytest.raises(UserError, match="holds a prior; --model takes the autoencoder's workdir"):
        workflows.evaluate(runs.prior, runs.uri)


def test_one_trace_does_for_pictures_of_every_size(runs):
    compiled = CompiledImageModel(models.load(runs.model))
    for height, width in ((8, 8), (9, 30)):
        image = picture(height, width)[None]
        codes = compiled.encode(image)
        assert compiled.decode(codes).shape[1] >= height
        assert compiled.bits({"image": image}, codes)["reconstruction"].shape == (1,)
    assert compiled._decode.experimental_get_tracing_count() == 1


def test_searched_codes_are_measured_and_written(runs, tmp_path):
    nearest = workflows.evaluate(runs.model, runs.uri, runs.prior)
    searched = workflows.evaluate(runs.model, runs.uri, runs.prior, search_passes=1)
    cheap = workflows.evaluate(runs.model, runs.uri, runs.prior, search_passes=1, rate_weight=1e5)
    assert searched["mse"] < nearest["mse"]
    assert cheap["prior_bits_per_code"] < searched["prior_bits_per_code"]
    assert workflows.reconstruct(runs.model, runs.uri, str(tmp_path), 1, search_passes=1) == 1
    written = np.load(next(tmp_path.glob("*.npz")))["codes"]
    model = models.load(runs.model)
    original = next(data.open_source(runs.uri).pictures())
    codes = models.CodeSearch(model, passes=1).encode(original["image"][None])
    np.testing.assert_array_equal(codes[0], written)
