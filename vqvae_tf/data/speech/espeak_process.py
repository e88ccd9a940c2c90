"""The process that calls espeak-ng's library, run by its path: it imports nothing of the package.

A library that keeps its state between calls, and may crash, is better off in a process of its own.
"""

import ctypes
import json
import sys

PHONEME = 7  # type of an event
SEED = 1


class _Id(ctypes.Union):
    _fields_ = [
        ("number", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("string", ctypes.c_char * 8),
    ]


class _Event(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int) for name in ("type", "uid", "text", "length", "ms", "sample")),
        ("user", ctypes.c_void_p),
        ("id", _Id),
    ]


def main() -> None:
    """Reads what to speak from standard input as JSON; writes a line of JSON and samples of each.

    The line holds `rate`, the number of `samples` (int16, behind it) and `phonemes`: the mnemonic
    of each and the sample where it begins.
    """
    request = json.load(sys.stdin)
    library = ctypes.CDLL(request["library"])
    samples, phonemes = bytearray(), []

    def receive(wave, count, events):
        if wave and count > 0:
            samples.extend(ctypes.string_at(wave, 2 * count))
        place = 0
        while events[place].type:
            if events[place].type == PHONEME:
                phonemes.append([events[place].id.string.decode(), events[place].sample])
            place += 1
        return 0

    callback = ctypes.CFUNCTYPE(
        ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(_Event)
    )(receive)
    # Synchronous, with events of phonemes.
    rate = library.espeak_Initialize(2, 0, request["data"].encode(), 1)
    library.espeak_SetSynthCallback(callback)
    if rate <= 0 or library.espeak_SetVoiceByName(request["voice"].encode()):
        sys.exit(f"no voice {request['voice']} in {request['data']}")
    for text in request["texts"]:
        samples.clear()
        phonemes.clear()
        library.espeak_ng_SetRandSeed(ctypes.c_long(SEED))  # of breath and flutter
        encoded = text.encode()
        library.espeak_Synth(encoded, len(encoded) + 1, 0, 1, 0, 1, None, None)
        header = {"rate": rate, "samples": len(samples) // 2, "phonemes": phonemes}
        sys.stdout.buffer.write(json.dumps(header).encode() + b"\n" + samples)


if __name__ == "__main__":
    main()
