"""Metrics over several uneven batches against NumPy over all examples at once."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from vqvae_tf import layers, metrics
from vqvae_tf.errors import UserError

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
    assert list(again.num_embeddings) == [6, 4]


def test_functions_of_counts_are_numpy_s_and_compile_by_xla():
    counted = tf.function(metrics.count_codes, jit_compile=True)(codes(), NUM_EMBEDDINGS)
    counts = np.bincount(codes().ravel(), minlength=NUM_EMBEDDINGS)
    np.testing.assert_array_equal(counted, counts)
    share = counts[counts > 0] / counts.sum()
    entropy = -(share * np.log(share)).sum()
    assert float(metrics.entropy_of(counts)) == pytest.approx(entropy, rel=1e-6)  # float32
    assert float(metrics.perplexity_of(counts)) == pytest.approx(np.exp(entropy), rel=1e-6)
    assert float(metrics.usage_of(counts)) == np.mean(counts > 0)
    two = metrics.perplexity_of([[5, 5, 0, 0], [1, 1, 1, 1]])
    assert float(two) == pytest.approx(8**0.5, rel=1e-6)  # geometric mean
    assert float(metrics.perplexity_of(np.zeros(4))) == 1.0
    weighted = metrics.count_codes([0, 2, 2, -1], 4, weights=[1, 0, 0.5, 9])
    assert weighted.numpy().tolist() == [1.0, 0.0, 0.5, 0.0]


@pytest.mark.parametrize("as_dictionary", [True, False])
def test_codes_of_a_functional_model_are_counted_by_compile(as_dictionary):
    inputs = keras.Input((6, 4))
    masked = keras.layers.Masking()(inputs)
    quantizer = layers.GroupedQuantizer(
        [layers.VectorQuantizerEMA(5), layers.VectorQuantizerEMA(3)], return_codes=True
    )
    vectors, codes = quantizer(masked)
    x = np.random.default_rng(0).normal(size=(20, 6, 4)).astype("float32")
    x[3:, 4:] = 0.0
    own = [metrics.Perplexity(quantizer.code_sizes), metrics.DeadCodes(quantizer.code_sizes)]
    unused = np.zeros(20)  # every output of Keras needs a target
    if as_dictionary:
        model = keras.Model(inputs, {"vectors": vectors, "codes": codes})
        model.compile("sgd", loss={"vectors": "mse"}, metrics={"codes": own})
        y = {"vectors": x, "codes": unused}
    else:
        model = keras.Model(inputs, [vectors, codes])
        model.compile("sgd", loss=["mse", None], metrics=[None, own])
        y = [x, unused]
    model.fit(x, y, batch_size=8, verbose=0)
    found = model.evaluate(x, y, batch_size=8, verbose=0, return_dict=True)
    seen = quantizer.encode(x).numpy()[(x != 0).any(-1)]
    expected = metrics.Perplexity((5, 3))
    expected.update_state(seen)
    (name,) = (name for name in found if "perplexity" in name)
    assert found[name] == pytest.approx(float(expected.result()), rel=1e-6)


def test_weights_may_be_those_of_whole_examples():
    metric = metrics.DeadCodes(np.int64(8))
    metric.update_state(np.arange(8).reshape(2, 2, 2), sample_weight=[0, 1])
    assert float(metric.result()) == 4.0
    metric.update_state(np.zeros(2), np.array([0, -1]), sample_weight=np.array([True, True]))
    assert float(metric.result()) == 3.0
    assert keras.saving.serialize_keras_object(metric)["config"]["num_embeddings"] == 8


@pytest.mark.parametrize("floatx", ["float16", "bfloat16", "float64"])
def test_counts_are_float32_whatever_keras_s_default_is(floatx):
    keras.config.set_floatx(floatx)
    try:
        metric = metrics.Perplexity(4)
        for _ in range(3):
            metric.update_state(np.arange(4).repeat(3000))  # float16 ends at 2048 + 1 = 2048
        psnr = metrics.PSNR()
        psnr.update_state(*pictures())
    finally:
        keras.config.set_floatx("float32")
    assert float(metric.result()) == 4.0 and metric.counts.numpy().tolist() == [9000.0] * 4
    assert metric.counts.dtype == psnr.squared_error.dtype == "float32"
    assert np.isfinite(float(psnr.result()))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.Usage(4).update_state([0.0, 1.7]), "integers; received float"),
        (lambda: metrics.Usage(4).update_state([0, 1], np.array([1.0, 0.0])), "sample_weight"),
        (lambda: metrics.Usage(4).update_state([0, 4]), "the codes 0 to 3; received 4"),
        (lambda: metrics.Usage((4, 2)).update_state([[0, 2]]), "the codes 0 to 1; received 2"),
        (lambda: metrics.Usage((4, 2)).update_state([0, 1, 1]), "2 codes per position"),
        (lambda: metrics.Usage(4).update_state([0, 1], sample_weight=[1, 1, 1]), r"shape .*\(2,\)"),
        (lambda: metrics.Usage(2.5), "num_embeddings must be a whole number; received 2.5"),
        (lambda: metrics.Usage(()), "num_embeddings must name one number or more"),
        (lambda: metrics.PSNR(max_value=0), "max_value must be above 0; received 0"),
        (lambda: metrics.SSIM().update_state(*pictures(size=10)), "at least 11x11 .* 10x10"),
    ],
)
def test_mistakes_end_in_one_clear_line(call, message):
    with pytest.raises(UserError, match=message) as error:
        call()
    assert "\n" not in str(error.value)


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


@pytest.mark.parametrize("name", ["Perplexity", "BitsPerVector", "Usage", "DeadCodes"])
def test_a_second_metric_of_a_process_has_the_same_name(name):
    first, second = (getattr(metrics, name)(8) for _ in range(2))
    assert first.name == second.name == re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()
    assert getattr(metrics, name)(8, name="mine").name == "mine"


def test_logs_of_a_second_model_have_the_same_keys():
    def keys():
        inputs = keras.Input((4,))
        vectors, codes = layers.VectorQuantizerEMA(8, return_codes=True)(inputs)
        model = keras.Model(inputs, {"output": vectors, "codes": codes})
        model.compile(loss={"output": "mse"}, metrics={"codes": [metrics.Perplexity(8)]})
        x = np.random.default_rng(0).normal(size=(16, 4)).astype("float32")
        history = model.fit(x, {"output": x, "codes": np.zeros(16)}, verbose=0).history
        return set(history)

    assert keys() == keys() >= {"codes_perplexity"}


def test_metrics_of_pictures_have_fixed_names():
    assert [(metrics.PSNR().name, metrics.SSIM().name) for _ in range(2)] == [("psnr", "ssim")] * 2
    assert [metrics.BitsPerDimension().name for _ in range(2)] == ["bits_per_dimension"] * 2
