"""Any sound file -> float samples of one channel at one rate, by soundfile and soxr."""

import io
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from vqvae_tf.data import disk, sound_headers
from vqvae_tf.data.source import UnreadableError
from vqvae_tf.errors import reason
from vqvae_tf.optional_packages import require

EXTENSIONS = (".aif", ".aifc", ".aiff", ".flac", ".mp3", ".oga", ".ogg", ".opus", ".wav")
MAX_SECONDS = 4 * 3_600  # of one sound
RATES = (1_000, 1_000_000)  # Hz: from heart sounds to ultrasound
MAX_PEAK = 2.0  # floats and lossy codecs go beyond 1 by up to 6 dB; further is another scale
_BLOCK = 1 << 20  # samples decoded at once, over all channels
_TOO_LONG = f"lasts more than {MAX_SECONDS // 3_600} hours; cut it into shorter ones"
_UNKNOWN = 1 << 62  # frames; from here on libsndfile says that it does not know how many


def read(path: str | os.PathLike, sample_rate: int) -> np.ndarray:
    """Decodes the sound file at any `tf.io.gfile` path: float32 `[time]`, mono at `sample_rate`.

    The format is told by the content: WAV, AIFF, FLAC, Ogg (Vorbis, Opus), MP3 or NIST SPHERE.
    Channels are averaged; another rate is resampled. What exceeds [-1, 1] by at most 6 dB is
    clipped. The file is decoded block by block: beyond the result this takes a few megabytes.

    Args:
        path: the file.
        sample_rate: in Hz.

    Raises:
        UnreadableError: the file is damaged, cut off, empty or no sound, lasts too long, or holds
            samples that are not finite or of another scale.
        UserError: the packages that decode sound are not installed.
    """
    path = os.fspath(path)
    packages()
    with disk.reading(path) as (file, size):
        return _decoded(file, size, disk.printable(path), sample_rate)


def decode(content: bytes, name: str, sample_rate: int) -> np.ndarray:
    """`read` of a sound file's content.

    Args:
        content: the whole file.
        name: what messages call it.
        sample_rate: in Hz.

    Raises:
        UnreadableError, UserError: as `read` does.
    """
    return _decoded(io.BytesIO(content), len(content), name, sample_rate)


def convert(samples: np.ndarray, rate: int, name: str, sample_rate: int) -> np.ndarray:
    """The same of a sound that is decoded already.

    Args:
        samples: `[time]` or `[time, channels]`, integers of 16 bits of any dtype, or floats in
            [-1, 1].
        rate: of the samples, in Hz.
        name: what messages call it.
        sample_rate: of the result, in Hz.

    Raises:
        UnreadableError: it is empty, or holds samples that are not finite or of another scale.

    >>> convert(np.array([[16384, 0], [-32768, 0]]), 16_000, "x", 16_000).tolist()
    [0.25, -0.5]
    """
    scale = np.float32(1 / 32_768 if np.issubdtype(samples.dtype, np.integer) else 1)
    channels = samples if samples.ndim == 2 else samples[:, None]
    mono = _mono(channels.astype(np.float32) * scale, name)
    audio = np.clip(resample(mono, rate, sample_rate), -1.0, 1.0)
    if not len(audio):
        raise UnreadableError(f"{name}: too short, it holds no sample at {sample_rate} Hz")
    return audio


def is_sound(header: bytes) -> bool:
    """Whether a file that begins with these 32 bytes is one that `read` can be tried on.

    >>> is_sound(b"OggS" + 28 * b"."), is_sound(b"# Notes")
    (True, False)
    """
    return sound_headers.kind_of(header) is not None


def resample(audio: np.ndarray, rate: int, new_rate: int) -> np.ndarray:
    """The sound at another rate, which may go a little beyond [-1, 1].

    Args:
        audio: float32 `[time]`.
        rate, new_rate: in Hz.

    >>> resample(np.zeros(300, np.float32), 24_000, 16_000).shape
    (200,)
    """
    _, soxr = packages()
    return audio if rate == new_rate else soxr.resample(audio, rate, new_rate)


def _decoded(file: Any, size: int, name: str, sample_rate: int) -> np.ndarray:
    soundfile, soxr = packages()
    audio = bytearray()
    if sound_headers.kind_of(file.read(disk.HEADER_BYTES)) is None:
        raise UnreadableError(
            f"{name}: not a readable sound (of no known format: give WAV, AIFF, FLAC, Ogg, MP3 or "
            "NIST SPHERE)"
        )
    ending = sound_headers.ending_of(file, size)
    if ending.missing:
        raise UnreadableError(f"{name}: cut off, {ending.missing}; copy or write it again")
    stream = _Stream(file, size)
    try:
        with _decoder(soundfile, stream) as decoder:
            _check_header(decoder, name)
            blocks = _mono_blocks(decoder, name, ending.least_samples)
            if decoder.samplerate != sample_rate:
                resampler = soxr.ResampleStream(decoder.samplerate, sample_rate, 1, "float32")
                blocks = _resampled(blocks, resampler)
            for block in blocks:
                audio += np.clip(block, -1.0, 1.0).data
                if len(audio) > 4 * MAX_SECONDS * sample_rate:
                    raise UnreadableError(f"{name}: {_TOO_LONG}")
    except RuntimeError as error:  # what both packages raise
        stream.check()
        text = getattr(error, "error_string", None) or reason(error)
        raise UnreadableError(f"{name}: not a readable sound ({text.strip()})") from error
    stream.check()
    if not audio:
        raise UnreadableError(f"{name}: too short, it holds no sample at {sample_rate} Hz")
    return np.frombuffer(audio, np.float32)


def packages() -> tuple[Any, Any]:
    """The modules soundfile and soxr; a `UserError` if one cannot be imported."""
    return require("soundfile", "audio", "sounds"), require("soxr", "audio", "sounds")


def _decoder(soundfile: Any, stream: Any) -> Any:
    """The sound file, to be read from its beginning to its end."""

    class Decoder(soundfile.SoundFile):
        def seekable(self):
            # Else it seeks after each block, which shifts MP3 and FLAC without a length refuses.
            return False

    return Decoder(stream)


def _check_header(decoder: Any, name: str) -> None:
    """Refuses what the header says before anything is decoded."""
    rate, frames = decoder.samplerate, decoder.frames
    if not RATES[0] <= rate <= RATES[1]:
        raise UnreadableError(
            f"{name}: its header says a rate of {rate:,} Hz; it must lie between {RATES[0]:,} and "
            f"{RATES[1]:,}"
        )
    if MAX_SECONDS * rate < frames < _UNKNOWN:
        raise UnreadableError(f"{name}: {_TOO_LONG} (it says {frames / rate / 3_600:,.1f} hours)")


def _mono_blocks(decoder: Any, name: str, least_samples: int | None) -> Iterator[np.ndarray]:
    """The sound as it is stored, block by block: float32 `[time]`."""
    block = np.empty([max(_BLOCK // decoder.channels, 1), decoder.channels], np.float32)
    samples = 0
    while count := len(decoder.read(out=block)):
        samples += count
        yield _mono(block[:count], name)
    if least_samples is None:
        least_samples = decoder.frames if decoder.frames < _UNKNOWN else 0
    if samples < least_samples:
        raise UnreadableError(
            f"{name}: only {samples:,} of its {least_samples:,} samples can be decoded; copy or "
            "write it again"
        )
    if not samples:
        raise UnreadableError(f"{name}: holds no samples")


def _mono(samples: np.ndarray, name: str) -> np.ndarray:
    """The mean of float channels `[time, channels]`, after a look at their values."""
    peak = np.abs(samples).max(initial=0)
    if not np.isfinite(peak):
        raise UnreadableError(f"{name}: holds samples that are not finite (NaN or infinite)")
    if peak > MAX_PEAK:
        raise UnreadableError(
            f"{name}: samples must lie in [-1, 1], these reach {peak:g}; scale them (those of "
            "16 bits by 1/32768)"
        )
    return samples.mean(axis=1)


def _resampled(blocks: Iterator[np.ndarray], resampler: Any) -> Iterator[np.ndarray]:
    """The same at another rate."""
    for block in blocks:
        yield resampler.resample_chunk(block)
    yield resampler.resample_chunk(np.empty(0, np.float32), last=True)


class _Stream:
    """A file as libsndfile reads it: by calls from C, which lose whatever is raised in them."""

    def __init__(self, file: Any, size: int):
        self._file, self._size = file, size
        self._place = 0
        self._error: Exception | None = None

    def check(self) -> None:
        """Raises the error that a call from C has lost."""
        if self._error is not None:
            raise self._error

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        self._place = max(start + offset, 0)
        return self._place

    def read(self, count: int) -> bytes:
        try:
            self._file.seek(self._place)
            data = self._file.read(count)
        except (OSError, tf.errors.OpError) as error:
            self._error = error
            return b""
        self._place += len(data)
        return data
