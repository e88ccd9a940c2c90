import io
import os
import random
import struct
import tracemalloc

import numpy as np
import pytest

from vqvae_tf.data import sound_files, sound_headers
from vqvae_tf.data.source import UnreadableError

soundfile = pytest.importorskip("soundfile")
soxr = pytest.importorskip("soxr")
RATE = 16_000
TONE = (0.5 * np.sin(2 * np.pi * 200 * np.arange(8_000) / RATE)).astype(np.float32)
NOISE = np.random.default_rng(0).normal(0, 0.1, 40_000).astype(np.float32)


def encoded(audio, ending="WAV", subtype=None, rate=RATE, **options):
    file = io.BytesIO()
    soundfile.write(file, audio, rate, subtype, format=ending, **options)
    return file.getvalue()


def decoded(tmp_path, content, rate=RATE):
    path = tmp_path / "sound"
    path.write_bytes(content)
    return sound_files.read(str(path), rate)


def refusal(tmp_path, content, rate=RATE):
    with pytest.raises(UnreadableError) as error:
        decoded(tmp_path, content, rate)
    message = str(error.value)
    assert "\n" not in message and " at 0x" not in message
    return message.removeprefix(f"{tmp_path}/sound: ")


def with_fields(content, offset, form, *values):
    return content[:offset] + struct.pack(form, *values) + content[offset + struct.calcsize(form) :]


def without_xing(mp3):
    """The file without its first frame, which says how many there are."""
    return mp3[mp3.index(mp3[:2], 4) :]


@pytest.mark.parametrize(
    ("ending", "subtype", "tolerance"),
    [  # half a step of the quantization, or what the codec loses of a tone
        ("WAV", "PCM_U8", 2**-7),
        ("WAV", "PCM_16", 2**-15),
        ("WAV", "PCM_24", 2**-23),
        ("WAV", "PCM_32", 2**-24),
        ("WAV", "FLOAT", 0),
        ("WAV", "DOUBLE", 0),
        ("WAV", "ULAW", 2**-6),
        ("WAVEX", "PCM_16", 2**-15),
        ("RF64", "PCM_16", 2**-15),
        ("NIST", "PCM_16", 2**-15),
        ("NIST", "ULAW", 2**-6),
        ("NIST", "ALAW", 2**-6),
        ("AIFF", "PCM_S8", 2**-7),
        ("AIFF", "FLOAT", 0),
        ("FLAC", "PCM_24", 2**-23),
        ("OGG", "VORBIS", 0.05),
        ("OGG", "OPUS", 0.1),
        ("MP3", "MPEG_LAYER_III", 0.05),
    ],
)
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_each_format_comes_out_as_it_went_in(tmp_path, ending, subtype, tolerance, channels):
    if ending == "MP3" and channels > 2:
        pytest.skip("MP3 has two channels")
    weights = np.arange(1, channels + 1) / channels
    sound = TONE[:, None] * weights
    audio = decoded(tmp_path, encoded(sound, ending, subtype))
    assert audio.dtype == np.float32 and audio.shape == TONE.shape
    inside = slice(400, -400) if tolerance > 0.04 else slice(None)  # of a codec's windows
    np.testing.assert_allclose(audio[inside], sound.mean(1)[inside], rtol=0, atol=tolerance + 1e-7)


@pytest.mark.parametrize("ending", ["WAV", "AIFF", "FLAC", "OGG", "MP3"])
@pytest.mark.parametrize("rate", [RATE, 44_100, 8_000])
def test_blocks_are_decoded_as_the_whole_is(tmp_path, monkeypatch, ending, rate):
    content = encoded(np.stack([NOISE, NOISE[::-1]], 1), ending, rate=rate)
    whole, _ = soundfile.read(io.BytesIO(content), dtype="float32")
    monkeypatch.setattr(sound_files, "_BLOCK", 3_001)
    expected = soxr.resample(whole.mean(1), rate, RATE)
    audio = decoded(tmp_path, content)
    # libmpg123 rounds differently after a seek to the beginning, which soundfile's read does.
    np.testing.assert_allclose(audio, expected, rtol=0, atol=1e-6 if ending == "MP3" else 0)
    monkeypatch.setattr(sound_files, "_BLOCK", 1 << 20)
    np.testing.assert_array_equal(decoded(tmp_path, content), audio)


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_samples_are_converted_as_files_are(channels):
    sound = np.stack([np.roll(NOISE, n) for n in range(channels)], axis=1)
    integers = np.round(sound * 2**15).astype(np.int16)
    for rate in (RATE, 44_100):
        content = encoded(integers, rate=rate)
        expected = sound_files.decode(content, "x", RATE)
        for samples in (integers, integers.astype(np.int64), integers / np.float32(2**15)):
            converted = sound_files.convert(samples, rate, "x", RATE)
            np.testing.assert_array_equal(converted, expected)


def test_memory_is_that_of_the_result_and_of_a_block(tmp_path, monkeypatch):
    content = encoded(np.zeros([1_000_000, 4]), "FLAC")
    (tmp_path / "sound").write_bytes(content)
    monkeypatch.setattr(sound_files, "_BLOCK", 40_000)
    sound_files.read(str(tmp_path / "sound"), RATE)  # imports
    tracemalloc.start()
    audio = sound_files.read(str(tmp_path / "sound"), RATE)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.25 * audio.nbytes + 1_000_000


CUTTABLE = {
    "wav": encoded(NOISE),
    "wav of 24 bits": encoded(np.stack([NOISE] * 3, 1), subtype="PCM_24"),
    "wav, big-endian": encoded(NOISE, endian="BIG"),
    "rf64": encoded(NOISE, "RF64"),
    "nist": encoded(NOISE, "NIST"),
    "aiff": encoded(NOISE, "AIFF"),
    "aifc": encoded(NOISE, "AIFF", "FLOAT"),
    "flac": encoded(NOISE, "FLAC"),
    "ogg": encoded(NOISE, "OGG"),
    "opus": encoded(NOISE, "OGG", "OPUS"),
    "mp3": encoded(NOISE, "MP3"),
    "mp3 of a constant rate": encoded(NOISE, "MP3", bitrate_mode="CONSTANT", compression_level=0.3),
    "mp3, stereo": encoded(np.stack([NOISE] * 2, 1), "MP3", rate=44_100),
}


@pytest.mark.parametrize("name", CUTTABLE)
def test_sounds_that_are_cut_off_are_refused(tmp_path, capfd, name):
    whole = CUTTABLE[name]
    assert len(decoded(tmp_path, whole)) > 10_000
    for left in (1.0, 0.99, 0.75, 0.5, 0.25, 0.1, 0.01):
        message = refusal(tmp_path, whole[: int(left * len(whole)) - 1])
        assert "copy or write it again" in message or "not a readable sound" in message
    assert "Traceback" not in capfd.readouterr().err


def test_what_lies_around_the_samples_does_not_matter(tmp_path):
    wav, mp3 = CUTTABLE["wav"], CUTTABLE["mp3 of a constant rate"]
    later = wav + b"LIST" + struct.pack("<I", 1_000) + b"INFO"  # cut off, but nothing of the sound
    expected = decoded(tmp_path, wav)
    np.testing.assert_array_equal(decoded(tmp_path, later), expected)
    for size in (0x7FFFF000, 0xFFFFFFFF):  # as programs that write to a pipe say
        np.testing.assert_array_equal(decoded(tmp_path, with_fields(wav, 40, "<I", size)), expected)
    id3 = b"ID3\x03\0\0" + bytes([0, 0, 2, 0]) + bytes(256)
    expected = decoded(tmp_path, mp3)
    for content in (mp3 + b"TAG" + bytes(125), id3 + mp3, id3 + id3 + mp3, mp3 + bytes(5_000)):
        np.testing.assert_array_equal(decoded(tmp_path, content), expected)


def test_mp3_without_a_number_of_frames_counts_them(tmp_path):
    constant = without_xing(CUTTABLE["mp3 of a constant rate"])
    whole = decoded(tmp_path, constant)
    assert len(whole) % 576 == 0 and 40_000 <= len(whole) < 43_000
    tagged = b"ID3\x03\0\0" + bytes([0, 0, 2, 0]) + bytes(256) + constant
    np.testing.assert_array_equal(decoded(tmp_path, tagged), whole)
    assert "ends within its frame" in refusal(tmp_path, constant[:-1])
    # Of a variable rate the decoder takes the length from the first frame's rate, and stops there.
    variable = encoded(NOISE, "MP3", bitrate_mode="VARIABLE", compression_level=0.3)
    assert "samples can be decoded" in refusal(tmp_path, without_xing(variable))


def test_frames_lost_inside_an_mp3_are_missed(tmp_path):
    mp3 = bytearray(CUTTABLE["mp3 of a constant rate"])
    for place in (10_000, 20_000):
        mp3[mp3.index(mp3[:3], place)] ^= 255  # the beginning of a frame
    assert "cut off, 71 of 72 frames are there" in refusal(tmp_path, bytes(mp3))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            with_fields(CUTTABLE["wav"], 24, "<I", 1),
            "a rate of 1 Hz; it must lie between 1,000",
        ),
        (with_fields(CUTTABLE["wav"], 24, "<I", 2**31 - 1), "rate of 2,147,483,647 Hz"),
        (with_fields(CUTTABLE["wav"], 24, "<I", 0), "not a readable sound"),
        (with_fields(CUTTABLE["wav"], 24, "<I", 2**32 - 1), "not a readable sound"),
        (with_fields(CUTTABLE["wav"], 22, "<H", 0), "not a readable sound"),
        (with_fields(CUTTABLE["wav"], 22, "<H", 60_000), "not a readable sound"),
        (with_fields(CUTTABLE["wav"], 34, "<H", 0), "not a readable sound"),
        (with_fields(CUTTABLE["wav"], 40, "<I", 0), "holds no samples"),
        (with_fields(CUTTABLE["wav"], 40, "<I", 2**30), "cut off, 80,000 of 1,073,741,824 bytes"),
        (
            with_fields(CUTTABLE["flac"], 21, ">BI", CUTTABLE["flac"][21] | 15, 2**32 - 1),
            r"lasts more than 4 hours; cut it into shorter ones \(it says 1,193.0 hours\)",
        ),
        (
            with_fields(CUTTABLE["mp3"], CUTTABLE["mp3"].index(b"Xing") + 8, ">I", 2**32 - 1),
            "73 of 4,294,967,295 frames are there",
        ),
        (b"", "of no known format"),
        (b"no sound at all " * 100, "of no known format"),
        (np.random.default_rng(0).bytes(5_000), "of no known format"),
        (b"RIFF\x10\0\0\0WAVE", "not a readable sound"),
        (b"\x00\x00\x9c@\x00\x00\x02q\x00\x02\x00\x00" + bytes(80_000), "of no known format"),
        (encoded(np.zeros(0)), "holds no samples"),
        (encoded(np.zeros(1), rate=48_000), "too short, it holds no sample at 16000 Hz"),
    ],
)
def test_lying_headers_and_no_sounds_are_refused_at_once(tmp_path, content, message):
    refusal(tmp_path, content)
    tracemalloc.start()
    pytest.raises(UnreadableError, decoded, tmp_path, content).match(message)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000_000


def test_compressed_sphere_files_are_not_called_cut_off(tmp_path):
    header = (
        b"NIST_1A\n   1024\nsample_count -i 5000\nsample_coding -s26 pcm,embedded-shorten-v2.00"
    )
    content = (header + b"\nend_head\n").ljust(1_024) + bytes(3_000)
    assert "not a readable sound (" in refusal(tmp_path, content)


def test_a_file_filled_with_zeros_is_given_up_soon():
    class Counting(io.BytesIO):
        reads = 0

        def read(self, *arguments):
            self.reads += 1
            return super().read(*arguments)

    file = Counting(b"RIFF\0\0\0\0WAVE" + bytes(1_000_000))  # a chunk every 8 bytes
    assert sound_headers.ending_of(file, 1_000_012).missing is None
    assert file.reads < 20_000


def test_decoding_ends_where_a_sound_would_be_too_long(tmp_path, monkeypatch):
    monkeypatch.setattr(sound_files, "MAX_SECONDS", 1)
    assert len(decoded(tmp_path, encoded(NOISE[:16_000], "FLAC"))) == 16_000
    assert "(it says 0.0 hours)" in refusal(tmp_path, encoded(NOISE[:16_001], "FLAC"))
    # A header that says 0 means that it does not know.
    content = encoded(NOISE, "FLAC")
    unknown = with_fields(content, 21, ">BI", content[21] & 0xF0, 0)
    assert "lasts more than" in refusal(tmp_path, unknown)
    monkeypatch.setattr(sound_files, "MAX_SECONDS", 3)
    np.testing.assert_array_equal(decoded(tmp_path, unknown), decoded(tmp_path, content))


def test_one_sample_is_a_sound(tmp_path):
    assert decoded(tmp_path, encoded([0.25], subtype="FLOAT")).tolist() == [0.25]
    assert len(decoded(tmp_path, encoded([0.25], rate=8_000))) == 2


def test_what_goes_a_little_beyond_one_is_clipped_and_the_rest_is_refused(tmp_path):
    loud = np.array([0.5, 1.0, 1.25, -1.0, -2.0], np.float32)
    clipped = [0.5, 1.0, 1.0, -1.0, -1.0]
    assert decoded(tmp_path, encoded(loud, subtype="FLOAT")).tolist() == clipped
    assert decoded(tmp_path, encoded(loud, "AIFF", "DOUBLE")).tolist() == clipped
    square = np.sign(TONE).astype(np.float32)  # rings over 1 where it is resampled
    assert np.abs(soxr.resample(square, 44_100, RATE)).max() > 1
    assert np.abs(decoded(tmp_path, encoded(square, rate=44_100, subtype="FLOAT"))).max() == 1
    for value in (2.01, -3.0, 32767.0):
        sound = encoded(np.array([0.0, value]), subtype="FLOAT")
        assert f"these reach {abs(value):g}; scale them" in refusal(tmp_path, sound)
    for value in (np.nan, np.inf, -np.inf, 1e300):
        sound = encoded(np.append(NOISE, value), subtype="DOUBLE")
        assert refusal(tmp_path, sound) == "holds samples that are not finite (NaN or infinite)"


def test_what_is_no_regular_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    for path in (tmp_path / "absent.wav", tmp_path, tmp_path / "pipe.wav", "/tmp/\0.wav"):
        with pytest.raises(UnreadableError, match=r"cannot be read|no regular file"):
            sound_files.read(path, RATE)


def test_mutated_files_are_sounds_or_one_line(tmp_path, capfd):
    draws = random.Random(0)
    short = {name: content for name, content in CUTTABLE.items() if "24 bits" not in name}
    for content in short.values():
        for _ in range(25):
            mutated = bytearray(content)
            for _ in range(draws.randint(1, 4)):
                # Headers more often than samples.
                place = draws.randrange(draws.choice((64, len(mutated))))
                match draws.randrange(4):
                    case 0:
                        mutated[place] ^= 1 << draws.randrange(8)
                    case 1:
                        mutated[place : place + 4] = draws.choice(
                            (bytes(4), b"\xff" * 4, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f")
                        )
                    case 2:
                        del mutated[place : place + draws.randint(1, 100)]
                    case 3:
                        mutated[place:place] = draws.randbytes(draws.randint(1, 100))
            try:
                audio = decoded(tmp_path, bytes(mutated))
            except UnreadableError as error:
                assert "\n" not in str(error) and " at 0x" not in str(error)
            else:
                assert audio.dtype == np.float32 and audio.ndim == 1 and len(audio)
                assert np.abs(audio).max() <= 1
    assert "Traceback" not in capfd.readouterr().err
