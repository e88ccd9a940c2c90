"""Metrics over several uneven batches against NumPy over all examples at once."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from vqvae_tf import metrics

NUM_EMBEDDINGS = 16


def uneven(array):
    return np.split(array, [3, 4, 9])


def codes():
    return np.random.default_rng(0).geometric(0.3, [12, 4, 5]).clip(max=12).astype("int32")


def pictures(size=12):
    rng = np.random.default_rng(1)
    true = rng.integers(0, 256, [12, size, size, 3]).astype("uint8")
    noise = rng.normal(0, np.linspace(1, 60, 12)[:, None, None, None], true.shape)
    return true, (true + noise).clip(0, 255).astype("uint8")


def test_perplexity_is_that_of_all_codes():
    metric = metrics.Perplexity(NUM_EMBEDDINGS)
    for batch in uneven(codes()):
        metric.update_state(batch)
    share = np.bincount(codes().ravel(), minlength=NUM_EMBEDDINGS) / codes().size
    share = share[share > 0]
    # A float32 sum of 16 terms.
    assert float(metric.result()) == pytest.approx(np.exp(-(share * np.log(share)).sum()), rel=1e-5)


def test_usage_is_that_of_all_codes():
    metric = metrics.Usage(NUM_EMBEDDINGS)
    for batch in uneven(codes()):
        metric.update_state(batch)
    assert float(metric.result()) == len(np.unique(codes())) / NUM_EMBEDDINGS


def test_dead_codes_and_bits_are_those_of_all_codes():
    dead, bits = metrics.DeadCodes(NUM_EMBEDDINGS), metrics.BitsPerVector(NUM_EMBEDDINGS)
    for batch in uneven(codes()):
        dead.update_state(batch), bits.update_state(batch)
    assert float(dead.result()) == NUM_EMBEDDINGS - len(np.unique(codes()))
    share = np.bincount(codes().ravel()) / codes().size
    share = share[share > 0]
    assert float(bits.result()) == pytest.approx(-(share * np.log2(share)).sum(), rel=1e-5)


def test_composite_codes_have_a_histogram_each():
    draws = np.random.default_rng(3)
    first, second = draws.integers(0, 5, 40), draws.integers(0, 3, 40)
    both, mask = np.stack([first, second], 1), draws.random(40) < 0.6
    metric, alone = metrics.BitsPerVector((6, 4)), [metrics.BitsPerVector(n) for n in (6, 4)]
    metric.update_state(both, sample_weight=mask)
    alone[0].update_state(first[mask]), alone[1].update_state(second[mask])
    assert float(metric.result()) == pytest.approx(sum(float(m.result()) for m in alone), rel=1e-6)
    dead = metrics.DeadCodes((6, 4))
    dead.update_state(both)
    assert float(dead.result()) == 10 - len(np.unique(first)) - len(np.unique(second))
    again = metrics.DeadCodes.from_config(dead.get_config())
    assert again.num_embeddings == [6, 4]


@pytest.mark.parametrize("make", [metrics.Perplexity, metrics.Usage, metrics.DeadCodes])
def test_masked_codes_do_not_count(make):
    masked, plain = make(4), make(4)
    masked.update_state([[0, 1, 3], [2, 3, 3]], sample_weight=[[1, 1, 0], [1, 0, 0]])
    plain.update_state([0, 1, 2])
    assert float(masked.result()) == float(plain.result())


def test_nothing_seen_yet_is_no_error():
    assert float(metrics.Perplexity(4).result()) == 1.0
    assert float(metrics.Usage(4).result()) == 0.0
    assert float(metrics.BitsPerDimension().result()) == 0.0


def test_psnr_pools_the_squared_error():
    metric = metrics.PSNR()
    true, other = pictures()
    for batch in zip(uneven(true), uneven(other), strict=True):
        metric.update_state(*batch)
    squared_error = np.mean((true.astype(float) - other) ** 2)
    expected = 10 * np.log10(255**2 / squared_error)
    assert float(metric.result()) == pytest.approx(expected, rel=1e-5)  # float32 sums
    scaled = metrics.PSNR(max_value=1.0)
    scaled.update_state(true / 255 - 0.5, other / 255 - 0.5)
    assert float(scaled.result()) == pytest.approx(expected, rel=1e-5)


def test_psnr_leaves_out_what_has_no_weight():
    true, other = pictures()
    metric, first = metrics.PSNR(), metrics.PSNR()
    metric.update_state(true, other, sample_weight=(np.arange(12) < 5)[:, None, None, None])
    first.update_state(true[:5], other[:5])
    assert float(metric.result()) == pytest.approx(float(first.result()), rel=1e-6)


def test_ssim_is_the_mean_over_pictures():
    from skimage.metrics import structural_similarity

    metric = metrics.SSIM()
    true, other = pictures(size=24)
    for batch in zip(uneven(true), uneven(other), strict=True):
        metric.update_state(*batch)
    expected = [
        structural_similarity(
            a,
            b,
            channel_axis=-1,
            data_range=255,
            gaussian_weights=True,
            sigma=1.5,
            win_size=11,
            use_sample_covariance=False,
        )
        for a, b in zip(true, other, strict=True)
    ]
    # The same windows; the other library leaves out a border that differs by one place.
    assert float(metric.result()) == pytest.approx(np.mean(expected), abs=1e-3)


def test_bits_per_dimension_is_a_ratio_of_sums():
    metric = metrics.BitsPerDimension()
    metric.update_state([100.0, 200.0], dimensions=[10, 40])
    metric.update_state([50.0], dimensions=5)
    metric.update_state([1e6], dimensions=1, sample_weight=[0.0])
    assert float(metric.result()) == pytest.approx(350 / 55, rel=1e-6)


def all_metrics():
    return [
        (metrics.Perplexity(NUM_EMBEDDINGS), (codes(),)),
        (metrics.Usage(NUM_EMBEDDINGS), (codes(),)),
        (metrics.PSNR(), pictures()),
        (metrics.SSIM(), pictures()),
        (metrics.BitsPerDimension(), (np.ones(3), 4)),
    ]


@pytest.mark.parametrize(("metric", "arguments"), all_metrics(), ids=lambda x: type(x).__name__)
def test_reset_compilation_and_configuration(metric, arguments):
    metric.update_state(*arguments)
    expected = float(metric.result())
    if keras.backend.backend() == "tensorflow":
        metric.reset_state()
        tf.function(metric.update_state)(*(tf.constant(argument) for argument in arguments))
        assert float(metric.result()) == pytest.approx(expected, rel=1e-6)  # fused kernels
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert again.get_config() == metric.get_config()
    again.update_state(*arguments)
    assert float(again.result()) == pytest.approx(expected, rel=1e-6)


def test_wrong_num_embeddings_is_named():
    with pytest.raises(ValueError, match="received 0"):
        metrics.Usage(0)
