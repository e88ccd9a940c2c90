import logging
import os
import sys

import numpy as np
import pytest

from vqvae_tf import data
from vqvae_tf.data.speech import PHONES, espeak, festival, flite, source, utterance
from vqvae_tf.errors import UserError

pytest.importorskip("soundfile")
pytest.importorskip("soxr")
pytest.importorskip("espeakng_loader")
SPLITS = ("train", "validation", "test", "unseen_validation", "unseen_test")


@pytest.fixture(name="splits", scope="module")
def fixture_splits():
    """All sounds of the small set by their split, and the speakers of each split."""
    sources = {split: data.open_sounds(f"embedded:speech_small/{split}") for split in SPLITS}
    sounds = {split: list(opened.sounds(16_000)) for split, opened in sources.items()}
    assert {split: len(opened) for split, opened in sources.items()} == {
        split: len(each) for split, each in sounds.items()
    }
    return sounds, {split: opened.class_names for split, opened in sources.items()}


def test_no_sentence_of_training_is_in_another_split(splits):
    sounds, voices = splits
    texts = {split: [sound["text"] for sound in each] for split, each in sounds.items()}
    assert [len(texts[split]) for split in SPLITS] == [48, 12, 16, 3, 4]
    assert len(set(texts["train"])) == 48  # each voice says its own
    parts = [set(texts[split]) for split in ("train", "validation", "test")]
    assert not (parts[0] & parts[1] or parts[0] & parts[2] or parts[1] & parts[2])
    for split in ("validation", "test"):  # the same in all voices, in the same order
        assert texts[split] == 4 * texts[f"unseen_{split}"]
    assert voices["train"] == voices["validation"] == voices["test"]
    assert voices["unseen_validation"] == voices["unseen_test"]
    assert not set(voices["train"]) & set(voices["unseen_test"])
    names = [sound["name"] for each in sounds.values() for sound in each]
    assert len(set(names)) == len(names)


def test_phones_fill_the_sound(splits):
    heard = set()
    for sound in (sound for each in splits[0].values() for sound in each):
        phones = sound["phones"]
        heard.update(phone for phone, _, _ in phones)
        assert phones[0].start == 0 and abs(phones[-1].end - len(sound["audio"]) / 16_000) < 1e-4
        for phone, following in zip(phones, phones[1:], strict=False):
            assert phone.start < phone.end == following.start
        for edge in (phones[0], phones[-1]):
            assert edge.phone != "pau" or edge.end - edge.start < utterance.SILENCE + 1e-9
        level = np.sqrt(np.mean(sound["audio"] ** 2))
        assert level == pytest.approx(utterance.LEVEL, rel=1e-3)  # 16 bits
    assert heard == set(PHONES)


def test_phones_are_where_they_sound(splits):
    """Hisses lie above 3 kHz, vowels and nasals below."""
    shares = {"s": [], "sh": [], "aa": [], "m": [], "n": [], "uw": [], "ow": []}
    for sound in splits[0]["train"]:
        for phone, start, end in sound["phones"]:
            if phone in shares:
                piece = sound["audio"][round(start * 16_000) : round(end * 16_000)]
                power = np.abs(np.fft.rfft(piece)) ** 2
                high = power[len(power) * 3 // 8 :].sum()
                shares[phone].append(high / power.sum())
    for phone, share in shares.items():
        right = np.array(share) > 0.5 if phone in ("s", "sh") else np.array(share) < 0.5
        assert len(share) > 5 and right.mean() > 0.9, phone


def test_it_is_the_same_each_time(splits):
    source._speak.cache_clear()
    again = list(data.open_sounds("embedded:speech_small/test").sounds(16_000))
    for one, other in zip(splits[0]["test"], again, strict=True):
        np.testing.assert_array_equal(one["audio"], other["audio"])
        assert one["phones"] == other["phones"]


def test_other_rates_are_resampled(splits):
    (sound,) = [
        sound
        for sound in data.open_sounds("embedded:speech_small/unseen_test").sounds(8_000)
        if sound["name"] == splits[0]["unseen_test"][0]["name"]
    ]
    whole = splits[0]["unseen_test"][0]["audio"]
    assert abs(len(sound["audio"]) - len(whole) / 2) <= 1


def test_batches_come_with_speakers():
    opened = data.open_sounds("embedded:speech_small/validation")
    (batch,) = data.sound_batches(opened, 16_000, 2_000, 16, seed=0).take(1)
    assert set(batch["speaker"].numpy()) <= set(range(4))


def voices(monkeypatch, size, flite_voices=(), festival_voices=()):
    monkeypatch.setattr(flite, "voices", lambda: flite_voices)
    monkeypatch.setattr(festival, "voices", lambda: festival_voices)
    return source._voices(source.SIZES[size])


def test_recorded_voices_take_the_place_of_others(monkeypatch):
    alone = voices(monkeypatch, "speech")
    assert [len(each) for each in alone] == [10, 2]
    assert not set(alone[0]) & set(alone[1])
    more = voices(monkeypatch, "speech", flite.VOICES, festival.VOICES)
    assert [len(each) for each in more] == [10, 2]
    assert more[0][:4] == ("flite_kal16", "flite_awb", "flite_rms", "flite_slt")
    assert more[0][4:] == alone[0][:6] and more[1] == ("festival_ked", alone[1][0])
    # The small set is the same everywhere, and a part of the large one of espeak-ng alone.
    small = voices(monkeypatch, "speech_small", flite.VOICES, festival.VOICES)
    assert small == (alone[0][:4], alone[1][:1])
    for split in ("train", "validation", "test"):
        few, many = (
            source._texts(split, source.SIZES[size]) for size in ("speech_small", "speech")
        )
        for label in range(4):
            assert few(label) == many(label)[: len(few(label))]


@pytest.mark.parametrize("engine", [flite, festival])
def test_recorded_voices_where_they_are(engine):
    if not engine.voices():
        pytest.skip("not installed")
    for voice in engine.voices():
        texts = ("Did Ruth measure the boat?", "The boy was in the garage.")
        first, second = (utterance.finished(spoken) for spoken in engine.speak(voice, texts))
        said = [phone for phone, _, _ in first.phones if phone != "pau"]
        assert said[0] == "d" and "zh" in said and said[-1] == "t"
        assert 0.5 < len(first.samples) / utterance.RATE < 4 and len(second.phones) > 10


def test_the_log_says_once_who_speaks(caplog):
    caplog.set_level(logging.INFO)
    source._name_voices.cache_clear()  # other tests opened it too
    for _ in range(2):
        data.open_sounds("embedded:speech_small/unseen_test")
    assert caplog.text.count("embedded:speech_small/unseen_test: spoken by espeak_f3") == 1


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("embedded:speach", 'unknown name "speach"; nearest: speech'),
        ("embedded:photos", r'unknown name "photos"; .*all: speech, speech_small'),
        ("embedded:speech/tests", 'unknown split "tests"; nearest: test'),
        ("embedded:speech_small/unseen", 'unknown split "unseen"; nearest: unseen_test'),
    ],
)
def test_unknown_names_show_the_nearest(uri, message):
    with pytest.raises(UserError, match=message):
        data.open_sounds(uri)


@pytest.mark.parametrize("package", ["espeakng_loader", "soxr"])
def test_a_missing_package_names_the_extra(monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=r'install it with: pip install "vqvae_tf\[audio\]"'):
        data.open_sounds("embedded:speech_small")


def test_a_synthesiser_that_fails_is_told_in_one_line(monkeypatch):
    for name, message in (("get_library_path", "cannot open"), ("get_data_path", "No such file")):
        with monkeypatch.context() as patch:
            patch.setattr(f"espeakng_loader.{name}", lambda: "/absent")
            with pytest.raises(UserError, match=f"espeak-ng cannot speak .*{message}") as error:
                espeak.speak("m1", ("Hello.",))
            assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["flite", "festival"])
def test_a_program_that_fails_is_told_in_one_line(monkeypatch, tmp_path, name):
    program = tmp_path / name
    program.write_text("#!/bin/sh\necho first >&2\necho no such voice >&2\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(UserError) as error:
        {"flite": flite, "festival": festival}[name].speak("slt", ("Hello.",))
    assert str(error.value).startswith(f"{name} cannot speak (no such voice); install {name}")
