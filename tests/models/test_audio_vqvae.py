import dataclasses
import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.small import TRAINING
from vqvae_tf import networks, training
from vqvae_tf.errors import UserError
from vqvae_tf.models import AudioConfig, AudioVQVAE, QuantizerConfig
from vqvae_tf.models.spectrograms import spectrograms

CONFIG = AudioConfig(
    widths=(8, 8),
    strides=(2, 4),
    residual_width=4,
    embedding_dim=4,
    quantizer=QuantizerConfig(num_embeddings=(16,)),
    channels=8,
    skip_channels=8,
    dilations=(1, 2, 4),
    levels=32,
    speakers=("quiet", "loud"),
    window=64,
    training=TRAINING,
)


def tones(count: int, time: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Notes that change every 16 samples; a speaker is a loudness."""
    draws = np.random.default_rng(seed)
    speaker = draws.integers(0, 2, count).astype(np.int32)
    notes = draws.choice([0.1, 0.2, 0.4, 0.8], (count, -(-time // 16))).repeat(16, axis=1)
    phase = np.cumsum(notes[:, :time], axis=1)
    return {
        "audio": (np.array([0.2, 0.7])[speaker, None] * np.sin(phase)).astype(np.float32),
        "speaker": speaker,
    }


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    model = AudioVQVAE(CONFIG)
    model.compile(keras.optimizers.Adam(0.01), jit_compile=False)
    data = tf.data.Dataset.from_tensor_slices(tones(64, 128)).batch(16).repeat()
    history = model.fit(data, steps_per_epoch=60, epochs=4, verbose=0).history
    model.first, *_, model.last = history["loss"]
    return model


@pytest.mark.parametrize("time", [1, 8, 30, 64])
def test_silence_fills_the_last_code_and_is_cut_off_again(model, time):
    audio = tones(2, time)["audio"]
    codes = model.encode(audio)
    assert codes.shape == (2, -(-time // 8)) and codes.dtype == tf.int32
    filled = np.pad(audio, [(0, 0), (0, -time % 8)])
    np.testing.assert_array_equal(codes, model.encode(filled))
    reconstruction = model.reconstruct(audio, speaker=1, seed=3)
    assert reconstruction.shape == audio.shape and reconstruction.dtype == tf.float32
    whole = model.decode(codes, speaker=1, seed=3)
    np.testing.assert_array_equal(reconstruction, whole[:, :time])


def test_the_terms_sum_to_the_loss_and_training_lowers_it(model):
    losses = model.compute_losses(tones(4, 64))
    terms = float(losses["reconstruction"]) + float(losses["commitment"])
    assert float(losses["loss"]) == pytest.approx(terms, rel=1e-6)
    assert 1.0 <= float(losses["perplexity"]) <= 16.0
    assert model.last < 0.6 * model.first


def test_the_decoder_listens_to_the_codes_and_to_the_speaker(model):
    batch = tones(32, 128, seed=1)
    codes = model.encode(batch["audio"]).numpy()
    right = model.bits(batch, codes)["reconstruction"].numpy().mean()
    permuted = np.random.default_rng(0).permuted(codes, axis=1)
    assert model.bits(batch, permuted)["reconstruction"].numpy().mean() > 1.1 * right
    other = {**batch, "speaker": 1 - batch["speaker"]}
    assert model.bits(other, codes)["reconstruction"].numpy().mean() > 1.02 * right


def test_the_likeliest_samples_are_those_of_the_whole_network(model):
    codes = model.encode(tones(2, 64)["audio"])
    audio = model.decode(codes, speaker=[0, 1], temperature=0)
    samples = networks.mu_law_encode(audio, CONFIG.levels).numpy()
    logits = model.decoder(samples, label=np.array([0, 1]), local=model.quantizer.decode(codes))
    np.testing.assert_array_equal(tf.argmax(logits, -1), samples)
    # The encoder is not in the way: it is its codes that are decoded.
    own = model(audio, {"speaker": np.array([0, 1])})
    assert own.shape == (2, 64, CONFIG.levels)


def test_samples_hang_on_the_seed_and_not_on_the_batch(model):
    codes = model.encode(tones(3, 32)["audio"])
    both = model.decode(codes, seed=5)
    np.testing.assert_array_equal(both, model.decode(codes, seed=5))
    assert np.any(both != model.decode(codes, seed=6))
    np.testing.assert_array_equal(both[:1], model.decode(codes[:1], seed=5))


def test_a_graph_decodes_the_same(model):
    audio = tones(2, 301)["audio"]
    codes = model.encode(audio)

    @tf.function(autograph=False, reduce_retracing=True)
    def decode(codes, speaker, seed, temperature):
        return model.decode(codes, speaker, seed=seed, temperature=temperature)

    for seed, speaker, temperature in ((7, 1, 1.0), (2**40, [0, -1], 0.5)):
        expected = model.decode(
            codes, speaker, seed=seed, temperature=temperature, jit_compile=False
        )
        found = decode(codes, tf.constant(speaker), tf.constant(seed, tf.int64), temperature)
        np.testing.assert_array_equal(found, expected)

    @tf.function(autograph=False)
    def reconstruct(audio):
        return model.reconstruct(audio, "loud", seed=3)

    expected = model.reconstruct(audio, "loud", seed=3, jit_compile=False)
    np.testing.assert_array_equal(reconstruct(audio), expected)


def test_the_decoder_is_no_layer_of_a_functional_model(model):
    with pytest.raises(UserError, match="draws sample by sample and is no layer"):
        model.decode(keras.Input((4,), dtype="int32"))


def test_blocks_are_the_samples_of_the_whole(model):
    codes = model.encode(tones(3, 64)["audio"])
    whole = model.decode(codes, [0, 1, -1], seed=5)
    blocks = list(model.stream(codes, [0, 1, -1], seed=5, steps=24))
    assert [block.shape[1] for block in blocks] == [24, 24, 16]
    np.testing.assert_array_equal(tf.concat(blocks, 1), whole)
    (last,) = model.stream(codes[2:], seed=5, first_sample=2)
    np.testing.assert_array_equal(last, whole[2:])


@pytest.mark.parametrize("time", [64, 61])
def test_bits_are_the_cross_entropy_of_the_samples_that_are_there(model, time):
    batch = tones(2, time)
    bits = model.bits(batch)
    filled = np.pad(batch["audio"], [(0, 0), (0, -time % 8)])
    logits = model(filled, {"speaker": batch["speaker"]}).numpy().astype(float)
    samples = networks.mu_law_encode(filled, CONFIG.levels).numpy()
    log_probs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    chosen = np.take_along_axis(log_probs, samples[..., None], -1)[:, :time, 0]
    # Sums of 64 float32 terms.
    np.testing.assert_allclose(bits["reconstruction"], -chosen.sum(1) / math.log(2), rtol=1e-5)
    np.testing.assert_allclose(bits["latent"], 8 * 4)  # 16 codes
    np.testing.assert_allclose(bits["total"], bits["reconstruction"] + bits["latent"])
    assert int(bits["dimensions"]) == time


def test_it_comes_back_from_a_file(model, tmp_path):
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    audio = tones(2, 40)["audio"]
    assert again.config == CONFIG
    np.testing.assert_array_equal(again.encode(audio), model.encode(audio))
    codes = model.encode(audio)
    np.testing.assert_array_equal(again.decode(codes, "loud"), model.decode(codes, 1))


def test_the_librarys_loop_trains_it_in_bfloat16(tmp_path):
    settings = dataclasses.replace(TRAINING, steps=4, precision="mixed_bfloat16")
    config = dataclasses.replace(CONFIG, training=settings)
    model = AudioVQVAE(config)
    data = tf.data.Dataset.from_tensor_slices(tones(16, 64)).batch(4).repeat()

    def evaluate(model):
        return {"nats": float(model.compute_losses(tones(4, 64))["reconstruction"])}

    results = training.train(
        model, lambda step: data.skip(step), settings, str(tmp_path), evaluate=evaluate
    )
    assert math.isfinite(results["nats"])


@pytest.mark.parametrize(
    ("audio", "told"),
    [
        (np.zeros([8], np.float32), r"\[batch, time\].*received float32 of shape \(8,\)"),
        (np.zeros([2, 8], np.int32), "must be floats.*received int32"),
        (np.zeros([2, 0], np.float32), "must not be empty"),
    ],
)
def test_what_is_no_waveform_is_refused(model, audio, told):
    with pytest.raises(UserError, match=told):
        model.encode(audio)


@pytest.mark.parametrize(
    ("codes", "told"),
    [
        (np.full([1, 2], 16), "between 0 and 15; received 16 to 16"),
        (np.full([1, 2], -1), "between 0 and 15; received -1 to -1"),
        (np.zeros([2, 2]), "must be integers.*received float64"),
        (np.zeros([3], int), r"the shape \[batch, time\]; received"),
    ],
)
def test_codes_that_are_none_are_refused(model, codes, told):
    with pytest.raises(UserError, match=told):
        model.decode(codes)


def test_an_unknown_speaker_is_told_the_nearest(model):
    with pytest.raises(UserError, match='unknown speaker "lout"; nearest: loud'):
        model.reconstruct(tones(1, 16)["audio"], speaker="lout")


def test_a_speaker_needs_a_model_with_speakers():
    model = AudioVQVAE(dataclasses.replace(CONFIG, speakers=()))
    with pytest.raises(UserError, match='unknown key "speaker" in a batch'):
        model.compute_losses(tones(2, 16))
    with pytest.raises(UserError, match="not conditioned on speaker; it takes none"):
        model.decode(np.zeros([1, 2], int), speaker=0)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"strides": (2,)}, r"each of the 2 widths; received \(2,\)"),
        ({"strides": (2, 0)}, "a positive number"),
        ({"levels": 1}, "levels must be at least 2"),
        ({"speakers": ("a", "a")}, "must be different names"),
        ({"window": 65}, "a multiple of 8; received 65, the nearest are 64 and 72"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(changes, told):
    with pytest.raises(UserError, match=told):
        dataclasses.replace(CONFIG, **changes)


def test_summaries_let_hear_and_see_originals_and_reconstructions(model):
    batch = tones(12, 61)
    found = model.summaries(batch)
    np.testing.assert_array_equal(found.histograms["codes"], model.encode(batch["audio"][:8]))
    (originals, rate), (reconstructions, same_rate) = found.audio.values()
    assert rate == same_rate == CONFIG.sample_rate
    np.testing.assert_array_equal(originals, batch["audio"][:2])
    expected = model.reconstruct(batch["audio"][:2], batch["speaker"][:2])
    np.testing.assert_array_equal(reconstructions, expected)
    pictures = found.images["spectrograms"]
    assert pictures.dtype == tf.uint8 and pictures.shape == (2, 160, 1, 1)
    # The loud voice is lighter than the quiet one.
    loud, quiet = (np.flatnonzero(tones(64, 160)["speaker"] == number)[:2] for number in (1, 0))
    light, dark = (spectrograms(tones(64, 160)["audio"][own], 16_000) for own in (loud, quiet))
    assert np.mean(light) > np.mean(dark) + 5
