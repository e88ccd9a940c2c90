"""Speech of tones: every phone is a frequency, every voice shifts all of them a little."""

import numpy as np

RATE = 4_000
FREQUENCIES = {"pau": 0.0, "a": 300.0, "b": 700.0, "c": 1_300.0}


class Tones:
    """A source of sounds with phones.

    Attributes:
        uri: its name.
        class_names: the voices.
    """

    skipped, files = 0, ()

    def __init__(self, uri, voices, utterances=3, seed=0, with_phones=True):
        self.uri, self.class_names = uri, tuple(voices)
        self._utterances, self._seed, self._with_phones = utterances, seed, with_phones

    def __len__(self):
        return self._utterances * len(self.class_names)

    def sounds(self, sample_rate):
        draws = np.random.default_rng(self._seed)
        for number in range(len(self)):
            speaker = number % len(self.class_names)
            phones, parts, time = [], [], 0.0
            for phone in draws.permuted(list(FREQUENCIES) * 4):
                seconds = draws.uniform(0.1, 0.2)
                steps = np.arange(round((time + seconds) * sample_rate) - round(time * sample_rate))
                hertz = FREQUENCIES[phone] * (1 + 0.05 * len(self.class_names[speaker]))
                parts.append(0.5 * np.sin(2 * np.pi * hertz * steps / sample_rate))
                phones.append((str(phone), time, time + seconds))
                time += seconds
            yield {
                "name": f"{number}.wav",
                "audio": np.concatenate(parts).astype(np.float32),
                "speaker": speaker,
                "phones": tuple(phones) if self._with_phones else None,
            }
