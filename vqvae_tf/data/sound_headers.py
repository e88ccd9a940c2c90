"""What the header of a sound file promises, against what the file holds.

Decoders take a file that was cut off for a shorter sound and say nothing. Each format tells in its
own way where the sound should end; that is looked up here, without decoding anything.
"""

import re
import struct
from typing import Any, NamedTuple

# What programs that cannot go back write as the size of the samples.
_UNKNOWN_SIZES = (range(1), range(0x7FFF_0000, 0x8000_0001), range(0xFFFF_0000, 0x1_0000_0000))
_MOST_CHUNKS = 10_000  # that are looked at: in a file filled with zeros every 8 bytes are one
_OGG_PAGE = 65_307  # bytes of the largest
_OGG_END = 4  # flag of a stream's last page
# Of MPEG frames of layer III, in kbit/s: MPEG-1, then MPEG-2 and 2.5.
_BIT_RATES = (
    (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
)
_SAMPLE_RATES = {
    3: (44_100, 48_000, 32_000),  # MPEG-1
    2: (22_050, 24_000, 16_000),  # MPEG-2
    0: (11_025, 12_000, 8_000),  # MPEG-2.5
}
_FRAME = re.compile(rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb][\x10-\xef]")  # how one may begin
_WINDOW = 1 << 16  # bytes looked through at once for the next frame


def kind_of(header: bytes) -> str | None:
    """The format of a file that begins with these 12 bytes or more; None if it is none of ours.

    >>> kind_of(b"RIFF....WAVEfmt "), kind_of(b"no sound at all")
    ('wav', None)
    """
    if header[:4] in (b"RIFF", b"RIFX", b"RF64") and header[8:12] == b"WAVE":
        return "wav"
    if header[:4] == b"FORM" and header[8:12] in (b"AIFF", b"AIFC"):
        return "aiff"
    for magic, kind in ((b"fLaC", "flac"), (b"OggS", "ogg"), (b"NIST_1A", "nist"), (b"ID3", "mp3")):
        if header.startswith(magic):
            return kind
    return "mp3" if _frame_of(header[:4]) else None


class Ending(NamedTuple):
    """How a sound file ends.

    Attributes:
        missing: what it lacks, as the end of an error message; None where nothing is known to be.
        least_samples: how many it holds per channel at least; None where its decoder knows.
    """

    missing: str | None
    least_samples: int | None = None


def ending_of(file: Any, size: int) -> Ending:
    """Looks whether a sound file holds what its header promises.

    Args:
        file: the file, open for reading in binary, of a format that `kind_of` knows.
        size: its bytes.
    """
    header = _at(file, 0, 12)
    match kind_of(header):
        case "wav":
            number = ">I" if header.startswith(b"RIFX") else "<I"
            return Ending(_missing_in_chunks(file, size, b"data", number))
        case "aiff":
            return Ending(_missing_in_chunks(file, size, b"SSND", ">I"))
        case "ogg":
            return Ending(_missing_in_ogg(file, size))
        case "nist":
            return Ending(_missing_in_nist(file, size))
        case "mp3":
            return _ending_of_mp3(file, size)
    return Ending(None)  # a FLAC decoder notices by itself


def _missing_in_chunks(file, size, wanted, number):
    place, long_size = 12, None
    for _ in range(_MOST_CHUNKS):
        if len(head := _at(file, place, 8)) < 8:
            break
        (length,) = struct.unpack(number, head[4:])
        if head[:4] == b"ds64":  # of a RF64 file: sizes of more than 32 bits
            long_size = struct.unpack("<Q", _at(file, place + 16, 8).ljust(8, b"\0"))[0]
        if head[:4] == wanted:
            if length == 0xFFFFFFFF and long_size is not None:
                length = long_size
            there = size - place - 8
            if length <= there or any(length in sizes for sizes in _UNKNOWN_SIZES):
                return None
            return f"{there:,} of {length:,} bytes of samples are there"
        place += 8 + length + length % 2
    return None  # without samples nothing can be decoded


def _missing_in_ogg(file, size):
    tail = _at(file, max(size - _OGG_PAGE, 0), _OGG_PAGE)
    start = tail.rfind(b"OggS")
    page = tail[start:] if start >= 0 else b""
    whole = len(page) > 26 and len(page) >= 27 + page[26] + sum(page[27 : 27 + page[26]])
    return None if whole and page[5] & _OGG_END else "the last page is not there"


def _missing_in_nist(file, size):
    header = _at(file, 0, 1024)

    def field(name, default):
        found = re.search(rb"\n%s -i (\d{1,12})\n" % name, header)
        return int(found[1]) if found else default

    found = re.search(rb"\nsample_coding -s\d+ (\S+)\n", header)
    coding = found[1] if found else b"pcm"
    if b"," in coding:  # compressed, such as pcm,embedded-shorten-v2.00
        return None
    width = 1 if coding in (b"ulaw", b"mu-law", b"alaw") else 2
    start = re.match(rb"NIST_1A\n *(\d{1,9})\n", header)
    frame = field(b"channel_count", 1) * field(b"sample_n_bytes", width)
    length = field(b"sample_count", 0) * frame
    there = size - (int(start[1]) if start else 1024)
    return f"{there:,} of {length:,} bytes of samples are there" if length > there else None


def _ending_of_mp3(file, size):
    place = 0
    while len(tag := _at(file, place, 10)) == 10 and tag[:3] == b"ID3":
        sizes = zip(tag[6:], (21, 14, 7, 0), strict=True)
        place += 10 + sum((byte & 127) << shift for byte, shift in sizes) + (tag[5] & 16 and 10)
    head = _at(file, place, 4)
    if _frame_of(head) is None:
        return Ending(None)  # of another layer, or nothing that decodes
    samples = 1_152 if head[1] & 8 else 576  # of each frame
    promised = _frames_promised(_at(file, place, 64))
    frames = 0
    while place is not None and place < size:
        length = _frame_of(_at(file, place, 4))
        if length is None:  # tags, or damage
            place = _next_frame(file, place + 1)
            continue
        frames += 1
        place += length
        if place > size:
            return Ending(f"the file ends within its frame {frames:,}")
    if promised is None:
        # The decoder guesses the length from the bit rate, and rounds.
        return Ending(None, max(frames - 2, 0) * samples)
    # Some programs count the frame that holds the promise, too.
    if promised > frames:
        return Ending(f"{frames:,} of {promised:,} frames are there")
    return Ending(None, 0)


def _frames_promised(header):
    """The number of frames in a Xing or Info header, None where there is none."""
    found = re.search(rb"(?:Xing|Info)\0\0\0[\1\3\5\7\x09\x0b\x0d\x0f](....)", header, re.DOTALL)
    return struct.unpack(">I", found[1])[0] if found else None


def _next_frame(file, place):
    """Where the next two frames in a row begin, None where none do."""
    while len(window := _at(file, place, _WINDOW)) > 3:
        for found in _FRAME.finditer(window):
            start = found.start()
            length = _frame_of(_at(file, place + start, 4))
            if length and _frame_of(_at(file, place + start + length, 4)):
                return place + start
        place += len(window) - 3
    return None


def _frame_of(head):
    """Bytes of the MPEG frame of layer III with this head of four bytes, None if it is none."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return None
    version, bit_rate, sample_rate = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    if version not in _SAMPLE_RATES or not 1 <= bit_rate <= 14 or sample_rate == 3:
        return None
    first = version == 3
    bits = 1000 * _BIT_RATES[0 if first else 1][bit_rate - 1]
    return (144 if first else 72) * bits // _SAMPLE_RATES[version][sample_rate] + (head[2] >> 1 & 1)


def _at(file, place, count):
    file.seek(place)
    return file.read(count)
