"""What a synthesiser says, in one form for all of them: one set of phones, one level, one rate."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from vqvae_tf.data.sounds import Phone

RATE = 16_000  # Hz
SILENCE = 0.06  # seconds of it that are left before and after what is said
LEVEL = 0.07  # root of the mean square; 23 dB below full scale
PHONES = (
    *("pau", "aa", "ae", "ah", "ao", "aw", "ax", "ay", "b", "ch", "d", "dh", "eh", "er", "ey"),
    *("f", "g", "hh", "ih", "iy", "jh", "k", "l", "m", "n", "ng", "ow", "oy", "p", "r", "s"),
    *("sh", "t", "th", "uh", "uw", "v", "w", "y", "z", "zh"),
)
_OTHER_NAMES = {"#": "pau", "h#": "pau", "brth": "pau", "axr": "er", "dx": "t", "hv": "hh"}
_OTHER_NAMES |= {"nx": "n", "el": "l", "em": "m", "en": "n"}


class Spoken(NamedTuple):
    """What a synthesiser gives.

    Attributes:
        audio: float32 `[time]` at `RATE`.
        ends: each phone and the second at which it ends.
    """

    audio: np.ndarray
    ends: Sequence[tuple[str, float]]


class Utterance(NamedTuple):
    """A spoken sentence as the data set holds it.

    Attributes:
        samples: int16 `[time]` at `RATE`.
        phones: names of `PHONES`; the first begins at 0, each of the others where one ends.
    """

    samples: np.ndarray
    phones: tuple[Phone, ...]


def finished(spoken: Spoken) -> Utterance:
    """Cuts outer silence to `SILENCE` seconds and sets the level.

    Without that, silence and loudness would be the easiest thing that a model can learn.

    >>> spoken = Spoken(np.full(16_000, 0.5, np.float32), [("pau", 0.5), ("aa", 0.9), ("#", 1.0)])
    >>> utterance = finished(spoken)
    >>> [(phone, round(end, 2)) for phone, _, end in utterance.phones]
    [('pau', 0.06), ('aa', 0.46), ('pau', 0.52)]
    >>> utterance.samples.shape, round(float(utterance.samples[0] / 32768), 3)
    ((8320,), 0.07)
    """
    phones: list[Phone] = []
    start, last = 0.0, len(spoken.audio) / RATE
    for name, end in spoken.ends:
        name, end = _OTHER_NAMES.get(name, name), min(end, last)
        if name not in PHONES:
            raise ValueError(f"phones must be of {PHONES}; received {name!r}")
        if end <= start:
            continue
        if phones and name == phones[-1].phone == "pau":
            phones[-1] = phones[-1]._replace(end=end)
        else:
            phones.append(Phone(name, start, end))
        start = end
    first, final = phones[0], phones[-1]
    begin = max(0.0, first.end - SILENCE) if first.phone == "pau" else 0.0
    end = min(final.end, final.start + SILENCE) if final.phone == "pau" else final.end
    audio = spoken.audio[round(begin * RATE) : round(end * RATE)]
    level = np.sqrt(np.mean(np.square(audio, dtype=np.float64)))
    samples = np.rint(audio * (LEVEL / max(level, 1e-4) * 32_768))
    return Utterance(
        np.clip(samples, -32_768, 32_767).astype(np.int16),
        tuple(
            Phone(name, max(start, begin) - begin, min(stop, end) - begin)
            for name, start, stop in phones
        ),
    )
