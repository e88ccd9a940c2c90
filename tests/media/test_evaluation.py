import math

import numpy as np
import pytest

from vqvae_tf import metrics
from vqvae_tf.media import evaluation

NUM_EMBEDDINGS = 8


class Fake:
    """Codes are the red channel of every second pixel, decoded to grey squares of 2x2 pixels."""

    def __init__(self):
        self.batches = []

    def encode(self, images):
        self.batches.append(len(images))
        return images[:, ::2, ::2, 0].astype("int32") % NUM_EMBEDDINGS

    def decode(self, codes):
        squares = codes.repeat(2, axis=1).repeat(2, axis=2)
        return (30 * squares[..., None].repeat(3, axis=3)).astype("uint8")

    def reconstruct(self, images):
        decoded = self.decode(self.encode(images))
        self.batches.pop()
        return decoded[:, : images.shape[1], : images.shape[2]]

    def bits(self, batch, codes):
        return {"reconstruction": batch["image"].astype(float).mean((1, 2, 3))}


def pictures():
    rng = np.random.default_rng(0)
    sizes = [(16, 13), (16, 13), (16, 13), (8, 20), (16, 13)]
    return [
        {"name": f"p{i}", "image": rng.integers(0, 256, [*size, 3]).astype("uint8"), "label": i}
        for i, size in enumerate(sizes)
    ]


def test_figures_are_pooled_over_the_set():
    model = Fake()
    results = evaluation.evaluate(model, pictures(), code_sizes=(NUM_EMBEDDINGS,))
    assert model.batches == [3, 1, 1]  # neighbours of one size together
    images = [picture["image"][None] for picture in pictures()]
    dimensions = sum(image.size for image in images)
    error = sum(((image - 1.0 * model.reconstruct(image)) ** 2).sum() for image in images)
    mse = error / 255**2 / dimensions
    assert results["pictures"] == 5
    assert results["mse"] == pytest.approx(mse, rel=1e-12)  # float64 throughout
    assert results["psnr"] == pytest.approx(-10 * math.log10(mse), rel=1e-12)
    bits = [model.bits({"image": image}, model.encode(image)) for image in images]
    reconstruction = sum(b["reconstruction"][0] for b in bits) / dimensions
    latent = sum(3.0 * model.encode(image)[0].size for image in images) / dimensions
    assert results["reconstruction_bits_per_dimension"] == pytest.approx(reconstruction)
    assert results["latent_bits_per_dimension"] == pytest.approx(latent)
    assert results["bits_per_dimension"] == pytest.approx(reconstruction + latent)
    perplexity = metrics.Perplexity(NUM_EMBEDDINGS)
    for image in images:
        perplexity.update_state(model.encode(image))
    assert results["perplexity"] == pytest.approx(float(perplexity.result()), rel=1e-5)
    assert results["codes_in_use"] == NUM_EMBEDDINGS and results["usage"] == 1.0
    # SSIM leaves out the picture that is lower than its window.
    ssim = metrics.SSIM()
    for image in images:
        if image.shape[1] > 11:
            ssim.update_state(image, model.reconstruct(image))
    # Near zero, where float32 has little to say.
    assert results["ssim"] == pytest.approx(float(ssim.result()), abs=1e-5)


def test_every_picture_has_its_row():
    results = evaluation.evaluate(Fake(), pictures(), code_sizes=(NUM_EMBEDDINGS,))
    rows = results["per_picture"]
    assert [row["name"] for row in rows] == ["p0", "p1", "p2", "p3", "p4"]
    alone = evaluation.evaluate(Fake(), pictures()[1:2], code_sizes=(NUM_EMBEDDINGS,))
    for name in ("mse", "psnr", "ssim", "bits_per_dimension"):
        assert rows[1][name] == pytest.approx(alone[name])
    assert (rows[3]["height"], rows[3]["width"]) == (8, 20)
    assert rows[3]["ssim"] is None
    assert rows[3]["ssim_note"] == (
        "without 1 of 1 pictures, smaller than its window of 11 x 11 pixels"
    )
    assert "ssim_note" not in rows[1]


def test_a_prior_adds_its_bits():
    seen = []

    def prior_bits(codes, conditions):
        seen.append(conditions["label"])
        return 2.0 * codes.reshape(len(codes), -1).shape[1] * np.ones(len(codes))

    results = evaluation.evaluate(
        Fake(), pictures(), code_sizes=(NUM_EMBEDDINGS,), prior_bits=prior_bits
    )
    assert results["prior_bits_per_code"] == 2.0
    latent = results["latent_bits_per_dimension"] * 2 / 3
    assert results["prior_bits_per_dimension"] == pytest.approx(latent)
    expected = results["reconstruction_bits_per_dimension"] + latent
    assert results["bits_per_dimension_with_prior"] == pytest.approx(expected)
    np.testing.assert_array_equal(np.concatenate(seen), np.arange(5))


def test_pictures_without_labels_reach_the_prior_without():
    unlabelled = [{**picture, "label": None} for picture in pictures()[:2]]
    seen = []
    evaluation.evaluate(
        Fake(),
        unlabelled,
        code_sizes=(NUM_EMBEDDINGS,),
        prior_bits=lambda codes, conditions: seen.append(conditions) or np.ones(len(codes)),
    )
    assert seen == [{}]


def test_a_perfect_reconstruction_has_no_finite_psnr():
    model = Fake()
    image = model.decode(np.arange(48).reshape(1, 8, 6) % NUM_EMBEDDINGS)[0]
    model.encode = lambda images: (images[:, ::2, ::2, 0] // 30).astype("int32")
    results = evaluation.evaluate(
        model, [{"name": "p", "image": image}], code_sizes=(NUM_EMBEDDINGS,)
    )
    assert results["psnr"] == math.inf and results["mse"] == 0.0


def test_small_pictures_are_said_to_be_without_ssim():
    small = [picture | {"image": picture["image"][:10]} for picture in pictures()]
    mixed = evaluation.evaluate(Fake(), pictures(), code_sizes=(NUM_EMBEDDINGS,))
    none = evaluation.evaluate(Fake(), small, code_sizes=(NUM_EMBEDDINGS,))
    assert mixed["ssim_note"].startswith("without 1 of 5 pictures")
    assert none["ssim"] is None
    lines = evaluation.table(none).splitlines()
    assert any(line.startswith("ssim_note") and "5 of 5 pictures" in line for line in lines)
    assert not any(line.startswith("ssim ") for line in lines)


def test_large_pictures_are_measured_in_pieces(monkeypatch):
    whole = evaluation.evaluate(Fake(), pictures(), code_sizes=(NUM_EMBEDDINGS,))
    monkeypatch.setattr(evaluation, "BATCH_PIXELS", 20)
    parts = evaluation.evaluate(Fake(), pictures(), code_sizes=(NUM_EMBEDDINGS,))
    assert parts["mse"] == whole["mse"]
    # SSIM is computed in float32, near zero here.
    assert parts["ssim"] == pytest.approx(whole["ssim"], abs=1e-5)
    for first, second in zip(parts["per_picture"], whole["per_picture"], strict=True):
        assert first["ssim"] == pytest.approx(second["ssim"], abs=1e-5)


def test_codes_may_come_from_elsewhere():
    seen = []

    def encode(images, conditions):
        seen.append(conditions["label"])
        return np.zeros([len(images), -(-images.shape[1] // 2), -(-images.shape[2] // 2)], int)

    results = evaluation.evaluate(Fake(), pictures(), code_sizes=(NUM_EMBEDDINGS,), encode=encode)
    assert results["codes_in_use"] == 1
    np.testing.assert_array_equal(np.concatenate(seen), np.arange(5))


def test_no_pictures_is_an_error():
    with pytest.raises(ValueError, match="no pictures"):
        evaluation.evaluate(Fake(), [], code_sizes=(NUM_EMBEDDINGS,))
