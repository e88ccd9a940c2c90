"""Formant synthesis by espeak-ng, whose library PyPI's espeakng-loader carries."""

import json
import os
import sys

import numpy as np

from vqvae_tf.data import sound_files
from vqvae_tf.data.speech import espeak_process, voice_process
from vqvae_tf.data.speech.utterance import RATE, Spoken
from vqvae_tf.optional_packages import require

VOICES = ("m1", "f1", "m2", "f2", "m3", "f4", "m4", "f5", "m5", "m8", "m7", "f3")
_PHONES = {
    **{name: name for name in "b d f g k l m n p r s t v w z".split()},
    **{"h": "hh", "j": "y", "N": "ng", "T": "th", "D": "dh", "S": "sh", "Z": "zh"},
    **{"tS": "ch", "dZ": "jh", "t#": "t", "t2": "t", "?": "t", "r-": "r", "n-": "n"},
    **{"i": "iy", "i:": "iy", "I": "ih", "I#": "ih", "I2": "ih", "E": "eh", "a": "ae", "V": "ah"},
    **{"A:": "aa", "0": "aa", "aa": "aa", "O:": "ao", "O2": "ao", "U": "uh", "u:": "uw", "u": "uw"},
    **{"@": "ax", "@2": "ax", "@-": "ax", "a#": "ax", "3": "er", "3:": "er", "eI": "ey"},
    **{"aI": "ay", "aU": "aw", "OI": "oy", "oU": "ow", "A@": "aa r", "O@": "ao r", "o@": "ao r"},
    **{"e@": "eh r", "i@": "ih r", "i@3": "ih r", "U@": "uh r", "@L": "ax l", "aI@": "ay ax"},
    **{"aI3": "ay er", "aU@": "aw ax", "_": "pau", "_:": "pau", "_!": "pau"},
}


def voices() -> tuple[str, ...]:
    """Variants of its American voice, men (m) and women (f).

    Raises:
        UserError: the package cannot be imported.
    """
    require("espeakng_loader", "audio", "embedded:speech")
    return VOICES


def speak(voice: str, texts: tuple[str, ...]) -> list[Spoken]:
    """Speaks all texts in one process: what is said depends on what was said before.

    Raises:
        UserError: if that process fails.
    """
    import espeakng_loader

    request = {
        "library": espeakng_loader.get_library_path(),
        "data": espeakng_loader.get_data_path(),
        "voice": f"en-us+{voice}",
        "texts": texts,
    }
    # Not forked, and without TensorFlow, which would take seconds to import.
    answer = voice_process.run(
        "espeak-ng",
        [sys.executable, "-I", os.path.abspath(espeak_process.__file__)],
        "install espeakng-loader again",
        given=json.dumps(request).encode(),
    )
    spoken, place = [], 0
    while place < len(answer):
        begin = answer.index(b"\n", place) + 1
        header = json.loads(answer[place:begin])
        place = begin + 2 * header["samples"]
        samples = np.frombuffer(answer[begin:place], np.int16)
        audio = sound_files.resample(samples.astype(np.float32) / 32_768, header["rate"], RATE)
        spoken.append(Spoken(audio, _ends(header["phonemes"], len(samples), header["rate"])))
    return spoken


def _ends(phonemes: list[tuple[str, int]], samples: int, rate: int) -> list[tuple[str, float]]:
    """Phones and the seconds at which they end, of phonemes and the samples where they begin."""
    ends: list[tuple[str, float]] = []
    last, begun = ["pau"], 0
    for mnemonic, start in [*phonemes, ("_", samples)]:
        for part, name in enumerate(last, 1):
            ends.append((name, (begun + (start - begun) * part / len(last)) / rate))
        begun = start
        if mnemonic == ";":  # a mark: the phone before goes on
            last = last[-1:]
        else:
            last = _PHONES[mnemonic.lstrip("',")].split()
    return ends
