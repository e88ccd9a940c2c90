import io
import sys

import numpy as np
import pytest

from vqvae_tf import data
from vqvae_tf.errors import UserError

tfds = pytest.importorskip("tensorflow_datasets")
soundfile = pytest.importorskip("soundfile")
RATE = 8_000


def tone(number):
    return np.round(16_000 * np.sin(np.arange(RATE // 4) / (5 + number))).astype(np.int16)


@pytest.fixture(name="prepare")
def fixture_prepare(tmp_path, monkeypatch):
    """Prepares a data set of these features, of examples that `example` gives by their number."""
    monkeypatch.setattr(tfds, "list_builders", lambda: ["tiny"])

    def prepare(features, example):
        with tfds.core.registered.skip_registration():

            class Tiny(tfds.core.GeneratorBasedBuilder):
                VERSION = tfds.core.Version("1.0.0")

                def _info(self):
                    return tfds.core.DatasetInfo(
                        builder=self, features=tfds.features.FeaturesDict(features)
                    )

                def _split_generators(self, dl_manager):
                    return {"train": self._generate_examples(6), "dev": self._generate_examples(2)}

                def _generate_examples(self, count):
                    for number in range(count):
                        yield number, example(number)

            builder = Tiny(data_dir=tmp_path)
        monkeypatch.setattr(tfds, "builder", lambda name: builder)
        return builder

    return prepare


@pytest.fixture(name="vctk")
def fixture_vctk(prepare):
    """With the features of VCTK."""
    return prepare(
        {
            "id": np.str_,
            "text": tfds.features.Text(),
            "speech": tfds.features.Audio(sample_rate=RATE, dtype=np.int16),
            "speaker": tfds.features.ClassLabel(names=["p225", "p226", "s5"]),
            "accent": tfds.features.ClassLabel(names=["English", "Irish"]),
        },
        lambda number: {
            "id": f"p{number}",
            "text": f"Call {number}." if number else "",
            "speech": tone(number),
            "speaker": 2 * (number % 2),
            "accent": 0,
        },
    )


@pytest.mark.usefixtures("vctk")
def test_sounds_speakers_and_text():
    for uri, count in (("tfds:tiny", 6), ("tfds:tiny/dev", 2), ("tfds:tiny/train[:3]", 3)):
        source = data.open_sounds(uri)
        sounds = list(source.sounds(RATE))
        assert len(source) == len(sounds) == count
        assert source.class_names == ("p225", "p226", "s5")
        for sound in sounds:
            number = int(sound["text"][5:-1]) if sound["text"] else 0
            np.testing.assert_array_equal(sound["audio"], tone(number) / np.float32(32_768))
            assert sound["speaker"] == 2 * (number % 2) and sound["phones"] is None
    assert len(next(source.sounds(2 * RATE))["audio"]) == RATE // 2
    (batch,) = data.sound_batches(source, RATE, 100, 8, seed=0).take(1)
    assert set(batch["speaker"].numpy()) <= {0, 2}


@pytest.mark.parametrize("lazy", [False, True])
def test_speakers_without_names_are_those_of_the_split(prepare, lazy):
    """As those of LibriSpeech, in both of its configurations: samples, or FLAC files."""

    def example(number):
        file = io.BytesIO()
        soundfile.write(file, tone(number), RATE, format="FLAC")
        file.seek(0)
        return {"speech": file if lazy else tone(number), "speaker_id": 1000 - number % 4}

    audio = tfds.features.Audio(
        sample_rate=RATE, dtype=np.int16, lazy_decode=lazy, file_format="flac"
    )
    prepare({"speech": audio, "speaker_id": np.int64}, example)
    source = data.open_sounds("tfds:tiny")
    assert source.class_names == ("997", "998", "999", "1000")
    found = sorted((sound["audio"].tobytes(), sound["speaker"]) for sound in source.sounds(RATE))
    expected = [(tone(n) / np.float32(32_768), 3 - n % 4) for n in range(6)]
    assert found == sorted((sound.tobytes(), label) for sound, label in expected)
    assert data.open_sounds("tfds:tiny/dev").class_names == ("999", "1000")


def test_sounds_that_cannot_be_used_are_named_and_skipped(prepare, caplog):
    bad = [np.zeros(0), np.full(9, np.nan), np.full(9, 3.0), np.ones(1), np.zeros(9), np.zeros(0)]
    audio = tfds.features.Audio(sample_rate=RATE, dtype=np.float32)
    prepare({"audio": audio}, lambda number: {"audio": bad[number].astype(np.float32)})
    source = data.open_sounds("tfds:tiny")
    for _ in range(2):
        assert sorted(len(sound["audio"]) for sound in source.sounds(RATE)) == [1, 9]
    assert source.class_names == () and source.skipped == 4
    for words in ("too short, it holds no sample", "not finite", "must lie in [-1, 1]"):
        assert words in caplog.text


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({"x": np.int64}, r"must have one feature of audio, it has 0; its features are x "),
        ({"a": 1, "b": 1}, "must have one feature of audio, it has 2"),
        ({"a": None}, 'its feature "a" does not say the sample rate'),
    ],
)
def test_data_sets_without_sounds_are_refused(prepare, features, message):
    features = {
        name: value
        if value is np.int64
        else tfds.features.Audio(sample_rate=value and RATE, dtype=np.int16)
        for name, value in features.items()
    }
    prepare(features, lambda number: {name: 0 if name == "x" else tone(0) for name in features})
    with pytest.raises(UserError, match=f"tfds:tiny: .*{message}"):
        data.open_sounds("tfds:tiny")


def test_what_tfds_cannot_read_is_said_in_one_line(vctk):
    source = data.open_sounds("tfds:tiny")
    (path,) = vctk.data_path.glob("*train*")
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(UserError, match=r"tfds:tiny: TFDS cannot read its files \(.*\)"):
        list(source.sounds(RATE))
    with pytest.raises(UserError, match='tfds:tiny/tests: unknown split "tests"'):
        data.open_sounds("tfds:tiny/tests")


def test_the_real_data_sets_have_what_is_needed():
    """Nothing is downloaded: a builder's features are known before its data are."""
    for name in ("vctk", "librispeech"):
        features = tfds.builder(name).info.features
        (audio,) = [each for each in features.values() if isinstance(each, tfds.features.Audio)]
        assert audio.sample_rate in (16_000, 48_000) and {"speaker", "speaker_id"} & set(features)


def test_a_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(UserError, match=r'pip install "vqvae_tf\[data\]"'):
        data.open_sounds("tfds:vctk")
