"""Exports of sounds, whose decoder draws sample by sample, against the models themselves."""

import dataclasses
import os
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from tests.export.test_wrong_inputs import EMPTY, SHAPE, TYPE, answered, codes, request, shown
from tests.models.test_sound_forms import build, vowels
from tests.small import TRAINING
from vqvae_tf import export, models
from vqvae_tf.errors import UserError
from vqvae_tf.export import other_process, signature_runner

GRID, SIZE = (5,), (20,)
CONFIG = models.AudioConfig(
    widths=(4, 8),
    strides=(2, 4),
    residual_width=4,
    embedding_dim=4,
    quantizer=models.QuantizerConfig(num_embeddings=(16,)),
    channels=8,
    skip_channels=8,
    dilations=(1, 2, 4),
    levels=32,
    speakers=("anna", "bert"),
    window=64,
    training=TRAINING,
)
PRIOR = models.WaveNetPriorConfig(
    code_sizes=(16,),
    channels=8,
    skip_channels=8,
    dilations=(1, 2),
    length=6,
    num_classes=2,
    condition="speaker",
    training=TRAINING,
)
TWO_CODES = {  # changes of CONFIG: two codes per step, of six samples
    "quantizer": models.QuantizerConfig(num_embeddings=(16,), groups=2, shared_codebook=True),
    "strides": (3, 2),
    "window": 60,
}


def sharpened(network):
    """The WaveNet with logits spread wide: of flat ones any two samplers of one noise agree."""
    draws = np.random.default_rng(0)
    for variable in network.trainable_variables:
        variable.assign(variable + draws.normal(0, 0.3, variable.shape))
    return network


def audio_model(**changes):
    model = models.AudioVQVAE(dataclasses.replace(CONFIG, **changes))
    sharpened(model.decoder)
    return model


def wavenet_prior(**changes):
    prior = models.WaveNetPrior(dataclasses.replace(PRIOR, **changes))
    sharpened(prior.network)
    return prior


def sounds(*lengths, seed=0):
    draws = np.random.default_rng(seed)
    return [draws.uniform(-0.9, 0.9, length).astype(np.float32) for length in lengths]


@pytest.fixture(scope="module")
def saved_model(tmp_path_factory):
    """An autoencoder with speakers, its prior, and the folder that both were exported to."""
    model, prior = audio_model(), wavenet_prior()
    path = str(tmp_path_factory.mktemp("export") / "served")
    export.export_saved_model(model, path, prior=prior, grid=GRID)
    return model, prior, path


@pytest.fixture(scope="module")
def signatures(saved_model):
    return tf.saved_model.load(saved_model[2]).signatures


@pytest.fixture(scope="module")
def tflite_file(tmp_path_factory):
    """An autoencoder with speakers, its prior, and the file that both were exported to."""
    model, prior = audio_model(), wavenet_prior()
    path = str(tmp_path_factory.mktemp("export") / "model.tflite")
    export.export_tflite(model, path, SIZE, prior=prior, grid=GRID)
    return model, prior, path


def test_another_process_without_the_library_gives_the_same(saved_model):
    model, prior, path = saved_model
    check = export.check_saved_model(model, path, sounds(300, 17, 1), prior=prior, grid=GRID)
    assert check["codes"] == 38 + 3 + 1 and check["codes_differing"] == 0
    # Decoded whole, and at the sounds' own lengths; and twice five codes of two and three samples.
    assert check["drawn_values"] == 8 * 42 + 318 + 8 * 5 * 5
    assert check["drawn_values_differing"] == check["largest_difference"] == 0
    assert check["sampled_codes"] == (2 + 3) * 5 and check["sampled_codes_differing"] == 0
    assert check["largest_log_prob_difference"] < 1e-4


def test_another_decoder_is_found_out(saved_model):
    model, _, path = saved_model
    other = audio_model()
    for mine, its in zip(other.variables, model.variables, strict=True):
        mine.assign(its)
    kernel = other.decoder.outputs.kernel
    kernel.assign(kernel * 1.5)
    check = export.check_saved_model(other, path, sounds(100))
    assert check["codes_differing"] == 0 and check["drawn_values_differing"] > 0


@pytest.mark.parametrize(
    ("name", "inputs", "output", "kind"),
    [
        ("encode", {"audio"}, "codes", tf.int32),
        ("decode", {"codes", "speaker", "seed", "temperature"}, "audio", tf.float32),
        ("convert", {"audio", "speaker", "seed", "temperature"}, "audio", tf.float32),
        ("log_prob", {"codes", "speaker"}, "log_prob", tf.float32),
        ("sample", {"seed", "count", "temperature", "speaker"}, "audio", tf.float32),
    ],
)
def test_signatures_have_names_types_and_open_sizes(signatures, name, inputs, output, kind):
    assert set(signatures) == {
        *("encode", "decode", "convert", "sample", "log_prob", "serving_default")
    }
    _, taken = signatures[name].structured_input_signature
    assert set(taken) == inputs
    for each in inputs & {"audio", "codes"}:
        assert taken[each].shape.as_list() == [None, None]
    outputs = signatures[name].structured_outputs
    assert set(outputs) == {output} | ({"codes"} if name == "sample" else set())
    assert outputs[output].dtype == kind


@pytest.mark.parametrize(
    ("seed", "temperature", "speaker"),
    [(0, 1.0, -1), (3, 1.0, 1), (2**40 + 1, 0.5, [0]), (-1, 1.0, [1, -1]), (5, 0.0, [0, 1])],
)
def test_a_seed_gives_the_sounds_of_the_model(saved_model, signatures, seed, temperature, speaker):
    model = saved_model[0]
    audio = np.stack(sounds(301, 301))
    given = {
        "seed": tf.constant(seed, tf.int64),
        "temperature": tf.constant(temperature),
        "speaker": tf.constant(speaker),
    }
    told = {"seed": seed % 2**64, "temperature": temperature, "jit_compile": False}
    told["speaker"] = np.broadcast_to(speaker, 2)
    found = signatures["encode"](audio=tf.constant(audio))["codes"]
    np.testing.assert_array_equal(found, model.encode(audio))
    decoded = signatures["decode"](codes=found, **given)["audio"]
    assert decoded.shape == (2, 304)
    np.testing.assert_array_equal(decoded, model.decode(found, **told))
    converted = signatures["convert"](audio=tf.constant(audio), **given)["audio"]
    np.testing.assert_array_equal(converted, decoded[:, :301])


def test_samples_are_spoken_by_their_class(saved_model, signatures):
    model, prior, _ = saved_model
    drawn = signatures["sample"](
        seed=tf.constant(3, tf.int64),
        count=tf.constant(3),
        temperature=tf.constant(0.9),
        speaker=tf.constant([-1, 0, 1]),
    )
    speaker = np.array([-1, 0, 1])
    expected = prior.sample(3, grid=GRID, seed=3, temperature=0.9, speaker=speaker)
    np.testing.assert_array_equal(drawn["codes"], expected)
    spoken = model.decode(expected, speaker, seed=3, jit_compile=False)
    np.testing.assert_array_equal(drawn["audio"], spoken)
    log_prob = signatures["log_prob"](codes=drawn["codes"], speaker=tf.constant(speaker, tf.int32))
    np.testing.assert_allclose(
        log_prob["log_prob"], prior.log_prob(expected, speaker=speaker), atol=1e-4
    )


def test_classes_of_the_prior_are_speakers_by_name(saved_model, tmp_path):
    model, path = saved_model[0], str(tmp_path / "served")
    prior, names = wavenet_prior(num_classes=3), ("carl", "bert", "anna")
    with pytest.raises(UserError, match="the prior has 3 classes of speaker and the model 2; give"):
        export.export_saved_model(model, path, prior=prior)
    with pytest.raises(UserError, match="class_names must hold the names of 3 classes; received 2"):
        export.export_saved_model(model, path, prior=prior, class_names=names[:2])
    with pytest.raises(UserError, match="the prior has no classes; received class_names=\\('ann"):
        export.export_saved_model(
            model, path, prior=wavenet_prior(num_classes=0), class_names=("anna",)
        )
    export.export_saved_model(model, path, prior=prior, class_names=names)
    drawn = tf.saved_model.load(path).signatures["sample"](
        seed=tf.constant(1, tf.int64),
        count=tf.constant(3),
        temperature=tf.constant(1.0),
        speaker=tf.constant([0, 1, 2]),
    )
    spoken = model.decode(drawn["codes"], [-1, 1, 0], seed=1, jit_compile=False)
    np.testing.assert_array_equal(drawn["audio"], spoken)


def test_without_speakers_with_two_codes_a_step_and_in_mixed_precision(tmp_path):
    mixed = dataclasses.replace(TRAINING, precision="mixed_bfloat16")
    model = audio_model(**TWO_CODES, speakers=(), training=mixed)
    prior = wavenet_prior(code_sizes=model.code_sizes, num_classes=0)
    path = str(tmp_path / "served")
    export.export_saved_model(model, path, prior=prior, grid=(3,))
    check = export.check_saved_model(model, path, sounds(30), prior=prior, grid=(3,))
    for name in ("codes", "drawn_values", "sampled_codes"):
        assert check[name] > 0 and check[f"{name}_differing"] == 0
    signatures = tf.saved_model.load(path).signatures
    assert set(signatures) == {
        *("encode", "decode", "reconstruct", "sample", "log_prob", "serving_default")
    }
    _, taken = signatures["reconstruct"].structured_input_signature
    assert set(taken) == {"audio", "seed", "temperature"}
    assert set(signatures["reconstruct"].structured_outputs) == {"reconstruction"}


def waveform(*shape, value=0.5):
    return {"audio": np.full(shape, value, np.float32)}


def controls(seed=0, temperature=1.0, speaker=0):
    return {
        "seed": np.int64(seed),
        "temperature": np.float32(temperature),
        "speaker": np.asarray(speaker, np.int32),
    }


LEVEL = "audio must be at least -1 and at most 1 and finite; received"
SPEAKER = "speaker must be at least -1 and at most 1; received"
SOUNDS = [
    *((waveform(*shape), SHAPE) for shape in ((), (8,), (1, 8, 1))),
    *((waveform(*shape), EMPTY) for shape in ((0, 8), (1, 0))),
    *((waveform(1, 8, value=value), LEVEL) for value in (1.5, -1.5, np.nan, np.inf)),
    ({"audio": np.zeros((1, 8), np.int16)}, TYPE),
    ({"audio": np.zeros((1, 8), np.float64)}, TYPE),
]
CODES = [
    *((codes(*shape), SHAPE) for shape in ((), (4,), (1, 4, 1))),
    *((codes(*shape), EMPTY) for shape in ((0, 4), (1, 0))),
    *(
        (codes(1, 4, value=value), "codes must be at least 0 and at most 15; received")
        for value in (-1, 16, 2**31 - 1)
    ),
    ({"codes": np.zeros((1, 4), np.int64)}, TYPE),
]
CONTROLS = [
    *((controls(speaker=value), SPEAKER) for value in (2, -2, 2**31 - 1, [0, 2])),
    (controls(speaker=[0, 1, 0]), "speaker must be one number for all examples or one for each"),
    (controls(speaker=[[0, 1]]), "speaker must be one number for all examples or one for each"),
    (controls(speaker=[]), EMPTY),
    *(
        (controls(temperature=value), "temperature must be at least 0")
        for value in (-0.5, np.inf, np.nan)
    ),
    (controls(seed=[0]), SHAPE),
    (controls() | {"seed": np.int32(0)}, TYPE),
    (controls() | {"speaker": np.int64(0)}, TYPE),
]
WRONG = [
    *(("encode", given, wanted) for given, wanted in SOUNDS),
    *(("convert", given | controls(), wanted) for given, wanted in SOUNDS),
    *(("decode", given | controls(), wanted) for given, wanted in CODES),
    *(("log_prob", given | {"speaker": np.int32(0)}, wanted) for given, wanted in CODES),
    *(("decode", codes(2, 4) | given, wanted) for given, wanted in CONTROLS),
    *(("convert", waveform(2, 9) | given, wanted) for given, wanted in CONTROLS),
    ("sample", request(1) | {"speaker": np.int32(2)}, SPEAKER),
    ("sample", request(0) | {"speaker": np.int32(0)}, "count must be at least 1 and at most 256"),
]
RIGHT = [
    ("encode", waveform(2, 9, value=-1.0)),
    ("decode", codes(2, 3, value=15) | controls(speaker=[1, -1])),
    ("convert", waveform(1, 1, value=1.0) | controls(-1, 0.0, -1)),
    ("sample", request(2) | {"speaker": np.int32([0, 1])}),
    ("serving_default", waveform(1, 8)),
]


@pytest.mark.parametrize("runner", [None, "session_runner.py"])
def test_wrong_inputs_of_a_saved_model(saved_model, monkeypatch, runner):
    if runner is not None:
        program = str(pathlib.Path(__file__).with_name(runner))
        monkeypatch.setattr(signature_runner, "__file__", program)
    for (name, inputs, wanted), answer in zip(
        WRONG, answered(saved_model[2], RIGHT, WRONG), strict=True
    ):
        wanted = wanted if isinstance(wanted, tuple) else (wanted,)
        assert any(words in answer.error for words in wanted), (name, shown(inputs), answer.error)


def test_a_tflite_file_in_another_process_gives_the_same(tflite_file):
    model, prior, path = tflite_file
    check = export.check_tflite(
        model, path, [*sounds(*SIZE * 3), np.zeros(SIZE, np.float32)], prior=prior, grid=GRID
    )
    assert check["codes"] == 4 * 3 and check["codes_differing"] == 0
    assert check["drawn_values"] == 4 * 24 and check["drawn_values_differing"] == 0
    assert check["sampled_codes"] == 2 * 5 and check["sampled_codes_differing"] == 0
    # The logits' own, of both loops.
    assert check["largest_log_prob_difference"] < 1e-4


def test_another_decoder_in_a_tflite_file_is_found_out(tflite_file):
    model, _, path = tflite_file
    other = audio_model()
    for mine, its in zip(other.variables, model.variables, strict=True):
        mine.assign(its)
    other.decoder.outputs.bias.assign_add(np.linspace(0, 1, CONFIG.levels))
    check = export.check_tflite(other, path, sounds(*SIZE))
    assert check["codes_differing"] == 0 and check["largest_log_prob_difference"] > 0.01


@pytest.mark.parametrize("temperature", [1.0, 0.5, 0.0])
def test_noise_of_a_seed_gives_the_sounds_of_the_model(tflite_file, temperature):
    model, _, path = tflite_file
    found = np.asarray(model.encode(np.stack(sounds(*SIZE * 3))))
    speaker = np.array([1, -1, 0], np.int32)
    calls = [
        (
            "decode",
            {
                "codes": found[number][None],
                "speaker": speaker[number][None],
                "noise": export.noise_of(model, (3,), seed=3, sample=number)["noise"]
                * np.float32(temperature),
            },
        )
        for number in range(3)
    ]
    served, _ = other_process.outputs(path, calls)
    expected = model.decode(found, speaker, seed=3, temperature=temperature, jit_compile=False)
    np.testing.assert_array_equal(np.concatenate([each["audio"] for each in served]), expected)
    assert served[0]["log_prob"].shape == (1, 24)


def test_all_operations_are_the_formats_own(tflite_file):
    interpreter = tf.lite.Interpreter(tflite_file[2])
    assert set(interpreter.get_signature_list()) == {"decode", "encode", "sample"}
    names = {operation["op_name"] for operation in interpreter._get_ops_details()}
    assert "WHILE" in names and not {name for name in names if "Flex" in name or name == "CUSTOM"}


@pytest.mark.parametrize(
    "changes",
    [{"speakers": ()}, TWO_CODES | {"kernel_size": 3}],
)
def test_other_models_as_tflite_files(tmp_path, changes):
    model = audio_model(**changes)
    prior = wavenet_prior(code_sizes=model.code_sizes, num_classes=0)
    path = str(tmp_path / "model.tflite")
    export.export_tflite(model, path, (13,), prior=prior, grid=(3,))
    check = export.check_tflite(model, path, sounds(13, 13), prior=prior, grid=(3,))
    for name in ("codes", "drawn_values", "sampled_codes"):
        assert check[name] > 0 and check[f"{name}_differing"] == 0
    assert check["largest_log_prob_difference"] < 1e-4


def test_frames_at_both_ends_as_a_saved_model(tmp_path):
    """An encoder that is told the speaker, and a decoder that draws nothing."""
    model, batch = build("frames to frames"), vowels(2, 200)
    model.compute_losses(batch, training=True)  # statistics of the speakers
    path = str(tmp_path / "served")
    export.export_saved_model(model, path)
    check = export.check_saved_model(model, path, [batch["audio"][0], batch["audio"][1, :64]])
    assert check["codes_differing"] == 0 and "drawn_values" not in check
    assert check["largest_difference"] < 1e-4  # sums in another order, then Griffin-Lim
    signatures = tf.saved_model.load(path).signatures
    taken = {
        name: set(signatures[name].structured_input_signature[1])
        for name in ("encode", "decode", "convert")
    }
    assert taken == {
        "encode": {"audio", "speaker"},
        "decode": {"codes", "speaker"},
        "convert": {"audio", "speaker"},
    }


@pytest.mark.parametrize(
    ("form", "decodes"),
    [("frames to waveforms", True), ("frames to samples", True), ("waveforms to frames", False)],
)
def test_other_decoders_in_a_tflite_file(tmp_path, caplog, form, decodes):
    """Griffin-Lim needs complex numbers, which TFLite lacks: `decode` is left out in words."""
    model, batch = build(form), vowels(2, 150)
    model.compute_losses(batch, training=True)
    prior = wavenet_prior()
    path = str(tmp_path / "model.tflite")
    export.export_tflite(model, path, (150,), prior=prior, grid=(3,))
    assert ("TFLite lacks operations of the decoder (" in caplog.text) != decodes
    signatures = tf.lite.Interpreter(path).get_signature_list()
    assert set(signatures) == {"encode", "sample"} | ({"decode"} if decodes else set())
    assert ("audio" in signatures["sample"]["outputs"]) == (form == "frames to waveforms")
    check = export.check_tflite(model, path, list(batch["audio"]), prior=prior, grid=(3,))
    assert check["codes_differing"] == check["sampled_codes_differing"] == 0
    assert check.get("drawn_values_differing", 0) == 0
    assert check["largest_difference"] < 1e-5 and check["largest_log_prob_difference"] < 1e-4


def test_wrong_inputs_of_a_tflite_file(tflite_file):
    def noise(*shape, value=0.0):
        return {"noise": np.full(shape or (1, 24, 1, 32), value, np.float32)}

    def speaker(*shape, value=0):
        return {"speaker": np.full(shape, value, np.int32)}

    right = [
        ("encode", waveform(1, 20)),
        ("decode", codes(1, 3, value=15) | noise() | speaker(1)),
        ("decode", codes(1, 3) | noise(value=1e9) | speaker(1, value=-1)),
    ]
    wrong = [
        *(("encode", waveform(*shape)) for shape in ((20,), (2, 20), (1, 21), (1, 0), (1, 20, 1))),
        *(("encode", waveform(1, 20, value=value)) for value in (1.5, -1.5, np.nan)),
        ("encode", {"audio": np.zeros((1, 20), np.int16)}),
        *(("decode", codes(*shape) | noise() | speaker(1)) for shape in ((3,), (2, 3), (1, 4))),
        *(("decode", codes(1, 3, value=value) | noise() | speaker(1)) for value in (-1, 16)),
        *(
            ("decode", codes(1, 3) | noise(*shape) | speaker(1))
            for shape in ((24, 32), (1, 23, 1, 32), (1, 24, 1, 31), (2, 24, 1, 32))
        ),
        *(("decode", codes(1, 3) | noise(value=value) | speaker(1)) for value in (np.nan, np.inf)),
        *(("decode", codes(1, 3) | noise() | speaker(1, value=value)) for value in (2, -2)),
        *(("decode", codes(1, 3) | noise() | speaker(*shape)) for shape in ((2,), (0,), ())),
    ]
    wrong = [(*each, "") for each in wrong]
    for (name, inputs, _), answer in zip(
        wrong, answered(tflite_file[2], right, wrong), strict=True
    ):
        assert answer.error, (name, shown(inputs))


def test_what_cannot_be_exported_is_refused(tmp_path):
    model = audio_model()
    path = str(tmp_path / "model.tflite")
    with pytest.raises(UserError, match="size must hold 1 sides of at least 1; received"):
        export.export_tflite(model, path, (8, 8))
    with pytest.raises(UserError, match="numbers of noise, more than 268,435,456; give a smaller"):
        export.export_tflite(model, path, (2**23 + 1,))
    with pytest.raises(UserError, match="grid must hold 1 sides of at least 1; received"):
        export.export_saved_model(model, str(tmp_path), prior=wavenet_prior(), grid=(2, 4))
    assert not os.listdir(tmp_path)
