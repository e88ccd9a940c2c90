"""Forms of `AudioVQVAE` beside the paper's: frames in and out, whole waveforms, frozen codes."""

import dataclasses
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.small import TRAINING
from vqvae_tf.config.audio import FramesConfig, GuideConfig, WaveformConfig
from vqvae_tf.errors import UserError
from vqvae_tf.models import AudioConfig, AudioVQVAE, QuantizerConfig

HOP = 16
# 64 samples a code, from either end.
_WAVES = {"widths": (6, 6), "strides": (8, 8)}
_FRAMES = {"widths": (8,), "strides": (4,), "input": "frames"}
CONFIG = AudioConfig(
    residual_blocks=1,
    residual_width=4,
    embedding_dim=4,
    quantizer=QuantizerConfig(num_embeddings=(16,)),
    frames=FramesConfig(hop=HOP, bands=12, coefficients=6, width=8, blocks=1),
    waveform=WaveformConfig(strides=(8, 8), widths=(8, 6, 4)),
    channels=4,
    skip_channels=4,
    dilations=(1, 2),
    speakers=("low", "high"),
    sample_rate=4_000,
    window=512,
    training=TRAINING,
    **_WAVES,
)
FORMS = {
    "frames to frames": _FRAMES
    | {"output": "frames", "warp": 0.3, "jitter": 0.2, "speaker_adversary": 0.02},
    "waveforms to frames": {"output": "frames", "warp": 0.25, "layer_norm": True},
    "frames to waveforms": _FRAMES | {"output": "waveform", "speaker_adversary": 0.02},
    "waveforms to waveforms": {"output": "waveform", "auxiliary": 0.5},
    "mu-law to samples": {"input": "mu_law", "jitter": 0.5},
    "frames to samples": _FRAMES | {"output": "logistic_mixture"},
    "bands to samples": _FRAMES
    | {"frames": dataclasses.replace(CONFIG.frames, coefficients=None, by_speaker=False)},
    "guided": {"guide": GuideConfig(weight=0.5, width=8, blocks=1), "emphasis": 0.85},
    "frozen and guided": _FRAMES
    | {
        "guide": GuideConfig(weight=1.0, width=8, blocks=0),
        "output": "logistic_mixture",
        "frozen_codes": True,
    },
    "frozen": _FRAMES | {"output": "waveform", "frozen_codes": True, "jitter": 0.1},
}


def vowels(count: int = 4, time: int = 512, seed: int = 0) -> dict[str, np.ndarray]:
    """Noise through two resonances that change every 128 samples, higher for the second speaker."""
    draws = np.random.default_rng(seed)
    speaker = draws.integers(0, 2, count).astype(np.int32)
    vowel = draws.integers(0, 4, (count, -(-time // 128))).repeat(128, axis=1)[:, :time]
    pitch = np.array([0.15, 0.4, 0.8, 1.4])[vowel] * np.array([1.0, 1.3])[speaker, None]
    audio = 0.3 * np.sin(np.cumsum(pitch, axis=1)) + draws.normal(0, 0.01, pitch.shape)
    return {"audio": audio.astype(np.float32), "speaker": speaker}


@pytest.fixture(params=FORMS)
def form(request):
    return request.param


def build(form, **changes):
    return AudioVQVAE(dataclasses.replace(CONFIG, **FORMS[form] | changes))


def test_every_form_trains_and_decodes(form):
    """By plain `fit`, some of them under XLA; each loss has its name, and they sum up."""
    model, batch = build(form), vowels()
    compiled = form in ("frames to frames", "waveforms to frames", "frozen")
    model.compile(keras.optimizers.SGD(1e-3), jit_compile=compiled)
    before = [variable.numpy() for variable in model.trainable_variables]
    history = model.fit(tf.data.Dataset.from_tensors(batch).repeat(2), verbose=0).history
    assert np.isfinite(list(history.values())).all()
    after = [variable.numpy() for variable in model.trainable_variables]
    assert any((a != b).any() for a, b in zip(before, after, strict=True))
    losses = {name: float(value) for name, value in model.compute_losses(batch).items()}
    assert history.keys() == losses.keys()
    terms = sum(value for name, value in losses.items() if name not in ("loss", "perplexity"))
    assert losses["loss"] == pytest.approx(terms, rel=1e-5)
    assert ("speaker_adversary" in losses) == ("speaker_adversary" in FORMS[form])
    assert ("auxiliary" in losses) == ("auxiliary" in FORMS[form])
    assert ("guide" in losses) == ("guide" in FORMS[form])

    codes = model.encode(batch["audio"][:, :450], **model.of_encoder(batch))
    assert codes.shape == (4, 8) and codes.dtype == tf.int32
    audio = model.decode(codes[:2, :2], "high", seed=1)
    assert audio.shape == (2, 128) and np.abs(audio).max() <= 1.0
    if model.counts_bits:
        assert (model.bits(batch)["reconstruction"].numpy() > 0).all()
    else:
        with pytest.raises(UserError, match="gives no distribution of its data.*config.output"):
            model.bits(batch)
    assert len(model.summaries(batch).audio) == 2


def test_every_form_comes_back_from_a_file(form, tmp_path):
    model, batch = build(form), vowels()
    model.compute_losses(batch, training=True)  # statistics
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    for name, value in model.compute_losses(batch).items():
        assert float(again.compute_losses(batch)[name]) == float(value), name
    assert [each.path for each in again.variables] == [each.path for each in model.variables]


def test_sounds_of_any_length_and_decoding_as_graphs(form):
    model, batch = build(form), vowels()
    model.compute_losses(batch, training=True)
    short = batch["audio"][:, :70]
    assert np.isfinite(float(model.compute_losses({**batch, "audio": short})["loss"]))
    codes = model.encode(short)
    graph = tf.function(model.encode, input_signature=[model.data_taken.spec], autograph=False)
    np.testing.assert_array_equal(graph(short), codes)
    if not model.draws:
        decode = tf.function(model.decode, input_signature=[model.codes_spec], autograph=False)
        # Convolutions of another shape.
        np.testing.assert_allclose(decode(codes), model.decode(codes), atol=1e-4)


def test_guided_samples_with_emphasis_stream_as_they_are_drawn():
    """And noise of the samples' own is what falls with frequency."""
    model, batch = build("guided"), vowels()
    codes = model.encode(batch["audio"])
    whole = model.decode(codes, "low", seed=3).numpy()
    parts = [block.numpy() for block in model.stream(codes, "low", seed=3, steps=100)]
    assert len(parts) > 1
    np.testing.assert_allclose(np.concatenate(parts, 1), whole, atol=1e-6)  # sums in another order
    graph = tf.function(lambda codes: model.decode(codes, 0, seed=tf.constant(3, tf.int64)))
    np.testing.assert_allclose(graph(codes), whole, atol=1e-6)
    plain = build("guided", emphasis=0.0).decode(codes, "low", seed=3).numpy()
    rough, smooth = (np.abs(np.diff(each)).mean() / np.abs(each).mean() for each in (plain, whole))
    assert smooth < 0.7 * rough


@pytest.fixture(scope="module")
def learned():
    """`frames to frames` after some hundred steps."""
    keras.utils.set_random_seed(0)
    model = build("frames to frames", warp=0.1)
    model.compile(keras.optimizers.Adam(0.01), jit_compile=False)
    arrays = vowels(256)
    data = tf.data.Dataset.from_tensor_slices(arrays).batch(16).repeat()
    history = model.fit(data, steps_per_epoch=50, epochs=5, verbose=0).history
    model.first, *_, model.last = history["reconstruction"]
    return model


def test_frames_are_learned_and_codes_matter(learned):
    assert learned.last < 0.6 * learned.first
    batch = vowels(32, seed=1)
    codes = learned.encode(batch["audio"], speaker=batch["speaker"])
    target = learned.spectra.frames(batch["audio"])

    def error(codes, speaker):
        vectors = learned.quantizer.decode(codes)
        return float(tf.reduce_mean(tf.square(learned._output.frames(vectors, speaker) - target)))

    right = error(codes, batch["speaker"])
    assert error(codes.numpy()[:, ::-1], batch["speaker"]) > 1.3 * right
    assert error(codes, 1 - batch["speaker"]) > 1.3 * right


def test_the_encoder_is_told_the_speaker_or_takes_the_sound_s_own_statistics(learned):
    batch = vowels(8, seed=2)
    told = learned.encode(batch["audio"], speaker=batch["speaker"]).numpy()
    np.testing.assert_array_equal(
        told[:1], learned.encode(batch["audio"][:1], speaker=batch["speaker"][:1])
    )
    unknown = learned.encode(batch["audio"]).numpy()
    np.testing.assert_array_equal(unknown, learned.encode(batch["audio"], speaker=[-1] * 8))
    louder = learned.encode(2.0 * batch["audio"]).numpy()
    assert np.mean(louder == unknown) > 0.9  # loudness is the mean of the first cepstrum
    assert np.mean(learned.encode(batch["audio"], speaker="low").numpy() == told) < 1.0
    with pytest.raises(UserError, match="not conditioned on label"):
        learned.encode(batch["audio"], label=1)
    with pytest.raises(UserError, match="not conditioned on speaker"):
        build("waveforms to frames").encode(batch["audio"], speaker=1)


def test_warping_changes_what_is_heard_and_not_what_is_asked(learned):
    """Only in training, by draws that a run repeats."""
    batch = vowels(8)
    first, again = (build("waveforms to frames") for _ in range(2))
    losses = [float(model.compute_losses(batch, training=True)["loss"]) for model in (first, again)]
    assert losses[0] == losses[1]
    following = float(first.compute_losses(batch, training=True)["loss"])
    assert following != losses[0]  # other draws, and other statistics
    calm = [float(first.compute_losses(batch)["loss"]) for _ in range(2)]
    assert calm[0] == calm[1]


def test_jitter_takes_neighbours():
    model = build("mu-law to samples", jitter=1.0)
    vectors = np.arange(40.0, dtype=np.float32).reshape(2, 20, 1)
    moved = model.regularizer.jittered(vectors).numpy() - vectors
    assert set(np.unique(np.abs(moved[:, 1:-1]))) == {1.0}
    many = np.tile(vectors, (50, 1, 1))
    still = build("mu-law to samples", jitter=0.2).regularizer.jittered(many).numpy()
    share = np.mean(still[:, 1:-1] != many[:, 1:-1])
    assert abs(share - 0.2) < 0.05  # 1,800 draws: five standard deviations


def test_the_adversary_learns_while_the_encoder_forgets():
    model = build("frames to frames", speaker_adversary=0.5, warp=0.0, jitter=0.0)
    batch = vowels(16)
    with tf.GradientTape(persistent=True) as tape:
        losses = model.compute_losses(batch, training=True)
        straight = losses["speaker_adversary"]
    classifier = model.regularizer.speakers.kernel
    latent = model.encoder.trainable_variables[0]
    assert float(tf.norm(tape.gradient(straight, classifier))) > 0
    plain = build("frames to frames", speaker_adversary=1.0, warp=0.0, jitter=0.0)
    with tf.GradientTape() as other:
        twice = plain.compute_losses(batch, training=True)["speaker_adversary"]
    ours = tape.gradient(straight, latent.value)
    theirs = other.gradient(twice, plain.encoder.trainable_variables[0].value)
    np.testing.assert_allclose(2.0 * ours, theirs, rtol=1e-4, atol=1e-7)  # float32 sums
    nobody = model.compute_losses({"audio": batch["audio"]})["speaker_adversary"]
    assert float(nobody) == 0.0


def test_frozen_codes_stay_and_the_decoder_learns(learned):
    config = dataclasses.replace(CONFIG, output="waveform").with_codes_of(learned.config)
    assert config.frozen_codes and config.input == "frames" and config.window == 512
    model = AudioVQVAE(config)
    model.take_codes_of(learned)
    batch = vowels(8)
    codes = learned.encode(batch["audio"], speaker=batch["speaker"]).numpy()
    model.compile(keras.optimizers.Adam(0.01), jit_compile=False)
    history = model.fit(tf.data.Dataset.from_tensors(batch).repeat(20), epochs=2, verbose=0).history
    assert history["loss"][1] < history["loss"][0]
    assert history.keys() == {"loss", "reconstruction", "perplexity"}
    np.testing.assert_array_equal(model.encode(batch["audio"], speaker=batch["speaker"]), codes)
    np.testing.assert_array_equal(model.quantizer.codebook, learned.quantizer.codebook)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"input": "mel"}, 'unknown input "mel"; .*frames'),
        ({"output": "samples"}, 'unknown output "samples"; .*mu_law'),
        ({"output": "frames", "strides": (5, 4)}, "codes of 20 samples; frames.hop must divide"),
        ({"output": "waveform", "strides": (4, 8)}, "product of waveform.strides must be the 32"),
        ({"warp": 0.1}, "warp must be 0 where neither input nor output are frames"),
        ({"warp": -0.1}, "warp must be at least 0"),
        ({"jitter": 1.1}, "jitter must be at most 1"),
        ({"output": "frames", "auxiliary": 1.0}, "auxiliary must be 0 where the output is frames"),
        (
            {"output": "waveform", "guide": GuideConfig(weight=1.0)},
            "guide.weight must be 0 where the output is not a WaveNet's; received 1.0 with output "
            "waveform",
        ),
        ({"output": "frames", "emphasis": 0.5}, "emphasis must be 0 where the output is not"),
        ({"emphasis": 1.0}, "emphasis must be at most 0.99"),
        ({"output": "logistic_mixture", "levels": 32}, "levels must be 256"),
        ({"frozen_codes": True, "speaker_adversary": 1.0}, "must be 0 where codes are frozen"),
    ],
)
def test_wrong_fields(changes, words):
    with pytest.raises(UserError, match=words) as caught:
        dataclasses.replace(CONFIG, **changes)
    assert not re.search(r"\n", str(caught.value))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: FramesConfig(coefficients=81), "between 1 and frames.bands, 80.*received 81"),
        (lambda: FramesConfig(hop=0), "frames.hop must be at least 1"),
        (lambda: WaveformConfig((2, 2), (4, 4)), "one number more than the 2"),
        (lambda: CONFIG.with_codes_of(CONFIG.training), "received one of TrainingConfig"),
    ],
)
def test_wrong_parts(wrong, words):
    with pytest.raises(UserError, match=words):
        wrong()
