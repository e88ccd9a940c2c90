"""The programs on sounds that cannot be used: each is named, skipped and counted, or refused."""

import io
import json
import logging
import struct

import numpy as np
import pytest

from tests.programs.harness import TINY_PHONEMES, TINY_VOICES, assert_refused
from tests.small import results_in

soundfile = pytest.importorskip("soundfile")
RATE = 16_000
NOISE = np.random.default_rng(0).normal(0, 0.1, 3_000)


def encoded(audio, ending="WAV", subtype=None, rate=RATE):
    file = io.BytesIO()
    soundfile.write(file, audio, rate, subtype, format=ending)
    return file.getvalue()


def cut(content):
    return content[: len(content) // 2]


GOOD = {
    "a.wav": encoded(NOISE),
    "clipped.wav": encoded(np.sign(NOISE)),
    "float.wav": encoded(1.5 * np.sign(NOISE), subtype="FLOAT"),
    "eight_bits.wav": encoded(NOISE, subtype="PCM_U8"),
    "twenty_four_bits.wav": encoded(NOISE, subtype="PCM_24"),
    "one_sample.wav": encoded(NOISE[:1]),
    "stereo.flac": encoded(np.stack([NOISE, -NOISE], 1), "FLAC"),
    "other_rate.mp3": encoded(NOISE, "MP3", rate=44_100),
}
BAD = {
    "empty.wav": (b"", "of no known format"),
    "no_samples.wav": (encoded(NOISE[:0]), "holds no samples"),
    "nothing_left.wav": (encoded(NOISE[:1], rate=96_000), "holds no sample at 16000 Hz"),
    "not_finite.wav": (encoded(NOISE * np.nan, subtype="FLOAT"), "not finite"),
    "beyond.wav": (encoded(32_768 * NOISE, subtype="FLOAT"), "scale them"),
    "lying.wav": (encoded(NOISE)[:40] + struct.pack("<I", 2**30) + bytes(99), "cut off"),
    "too_long.flac": (
        (lambda flac: flac[:21] + struct.pack(">BI", flac[21] | 15, 2**32 - 1) + flac[26:])(
            encoded(NOISE, "FLAC")
        ),
        "lasts more than 4 hours",
    ),
    "cut.wav": (cut(encoded(NOISE)), "cut off"),
    "cut.flac": (cut(encoded(NOISE, "FLAC")), "not a readable sound|cut off"),
    "cut.mp3": (cut(encoded(NOISE, "MP3")), "cut off"),
    "slow.wav": (encoded(NOISE, rate=999), "a rate of 999 Hz"),
}


@pytest.fixture
def train(call, tmp_path):
    """Trains a tiny model on a URI; returns its flag for the other programs."""

    def train_on(data):
        tiny = (*TINY_PHONEMES, *TINY_VOICES)  # decodes at once, without Griffin-Lim
        trained = call("train", "--preset=voices", data, f"--workdir={tmp_path}/model", *tiny)
        assert trained.code == 0
        return f"--model={tmp_path}/model"

    return train_on


def test_bad_sounds_are_skipped_in_a_folder_and_refused_alone(call, train, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    voices = tmp_path / "voices"
    for name, files in (("anna", GOOD), ("bert", {"a.wav": GOOD["a.wav"]})):
        (voices / name).mkdir(parents=True)
        for file, content in files.items():
            (voices / name / file).write_bytes(content)
    for file, (content, _) in BAD.items():
        (voices / "anna" / file).write_bytes(content)
    data, count = f"--data=folder:{voices}", len(GOOD) + 1
    model = train(data)
    for file, (_, message) in BAD.items():
        (line,) = {each for each in caplog.messages if f"{file}:" in each}
        assert any(part in line for part in message.split("|")), line
    evaluated = call("evaluate", model, data)
    figures = dict(line.split() for line in evaluated.out.splitlines() if line.startswith("s"))
    assert figures["skipped_sounds"] == str(len(BAD)) and figures["sounds"] == str(count)
    done = call("convert", "--speaker=bert", model, data, f"--output={tmp_path}/converted")
    assert done.out == f"{count} conversions in {tmp_path}/converted\n"
    assert len(results_in(tmp_path / "converted")) == count

    (tmp_path / "alone" / "anna").mkdir(parents=True)
    for file in ("empty.wav", "cut.mp3", "not_finite.wav"):
        content, message = BAD[file]
        path = tmp_path / "alone" / "anna" / "file.wav"
        path.write_bytes(content)
        refused = call("evaluate", model, f"--data=folder:{tmp_path}/alone")
        assert_refused(refused, f"none of its 1 sounds can be read: {path}: ", message)


def test_lines_of_a_manifest_that_cannot_be_used(call, train, tmp_path, caplog):
    (tmp_path / "a.wav").write_bytes(GOOD["a.wav"])
    (tmp_path / "b.wav").write_bytes(GOOD["a.wav"])
    rows = [
        {"file": "a.wav", "speaker": "anna", "phones": [["aa", 0, 0.1], ["s", 0.1, 0.18]]},
        {"file": "absent.wav", "speaker": "anna"},
        {"file": "b.wav", "speaker": "bert", "phones": [["aa", 0, 0.1], ["s", 0.1, 0.3]]},
    ]
    path = tmp_path / "voices.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    data = f"--data=manifest:{path}"
    model = train(data)
    assert any("absent.wav: cannot be read" in line for line in caplog.messages)
    outside = 'its phone "s" lasts from 0.1 to 0.3 s, the sound only 0.1875 s'
    assert any(outside in line for line in caplog.messages), caplog.messages
    rows[0]["speaker"] = "carl"  # whom the model does not know
    path.write_text(json.dumps(rows[0]))
    evaluated = call("evaluate", model, data)
    assert evaluated.code == 0
    assert any("is not told who speaks: carl" in line for line in caplog.messages)
    assert_refused(
        call("convert", model, data, "--speaker=carl", f"--output={tmp_path}/converted"),
        'unknown speaker "carl"',
        "anna, bert",
    )
