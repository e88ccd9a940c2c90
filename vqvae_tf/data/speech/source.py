"""Which voices say which sentences in which split."""

import concurrent.futures
import functools
import os
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import tqdm
from absl import logging

from vqvae_tf.data import sound_files
from vqvae_tf.data.sounds import Sound, SoundSource
from vqvae_tf.data.speech import espeak, festival, flite
from vqvae_tf.data.speech.sentences import sentences
from vqvae_tf.data.speech.utterance import RATE, Utterance, finished
from vqvae_tf.errors import UserError, nearest

SPLITS = ("train", "validation", "test", "unseen_validation", "unseen_test")
ENGINES = {"espeak": espeak, "flite": flite, "festival": festival}


class Size(NamedTuple):
    """How much is said.

    Attributes:
        train, validation, test: sentences per voice.
        voices: how many are heard in training.
        unseen: how many are not.
        espeak_only: whether other synthesisers are left out even where they are installed.
    """

    train: int
    validation: int
    test: int
    voices: int
    unseen: int
    espeak_only: bool


SIZES = {
    "speech": Size(120, 20, 30, voices=10, unseen=2, espeak_only=False),
    "speech_small": Size(12, 3, 4, voices=4, unseen=1, espeak_only=True),
}
MOST = SIZES["speech"]


class EmbeddedSpeech(SoundSource):
    """`embedded:speech[/SPLIT]`: synthetic speech with the times of its phones, 16 kHz.

    About 80 minutes in ten voices and two more that are never heard in training:

    - `train` (the default): every voice says sentences of its own;
    - `validation`, `test`: the same sentences in every voice, none of them in `train`;
    - `unseen_validation`, `unseen_test`: these sentences in the two other voices.

    The speaker is the voice. All are voices of espeak-ng, from the package espeakng-loader, unless
    the programs flite and festival are installed: theirs, which are made of recordings, take the
    place of five. The log says which are used. The same packages give the same speech.

    `embedded:speech_small` has four voices of espeak-ng and one more, and a tenth of the
    sentences: a part of the same, wherever all voices are espeak-ng's.
    """

    def __init__(self, uri: str, split: str, size: str = "speech"):
        if split not in SPLITS:
            raise UserError(f'{uri}: unknown split "{split}"; {nearest(split, SPLITS)}')
        sound_files.packages()
        super().__init__(uri, _voices(SIZES[size])[split.startswith("unseen")])
        self._split = split
        self._texts = _texts(split.removeprefix("unseen_"), SIZES[size])
        _name_voices(uri, self.class_names)

    def __len__(self) -> int:
        return sum(len(self._texts(speaker)) for speaker in range(len(self.class_names)))

    def entries(self, sample_rate: int) -> Iterator[tuple[str, Callable[[], Sound]]]:
        jobs = [(voice, self._texts(speaker)) for speaker, voice in enumerate(self.class_names)]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            spoken = pool.map(_speak, *zip(*jobs, strict=True))
            bar = tqdm.tqdm(spoken, "speaking", len(jobs), unit="voice", disable=None, leave=False)
            voices = list(bar)
        for speaker, ((voice, texts), utterances) in enumerate(zip(jobs, voices, strict=True)):
            for number, (text, utterance) in enumerate(zip(texts, utterances, strict=True)):
                name = f"{voice}/{self._split}_{number:03}"
                yield name, functools.partial(_sound, name, speaker, text, utterance, sample_rate)


@functools.cache  # a job opens the same sentences several times
def _name_voices(uri: str, voices: tuple[str, ...]) -> None:
    """Says once in the log which voices speak."""
    logging.info("%s: spoken by %s", uri, ", ".join(voices))


def _sound(name: str, speaker: int, text: str, utterance: Utterance, sample_rate: int) -> Sound:
    audio = utterance.samples.astype(np.float32) / 32_768
    audio = np.clip(sound_files.resample(audio, RATE, sample_rate), -1.0, 1.0)
    return Sound(name=name, audio=audio, speaker=speaker, phones=utterance.phones, text=text)


@functools.lru_cache(maxsize=64)  # training, evaluating and encoding ask for the same
def _speak(voice: str, texts: tuple[str, ...]) -> list[Utterance]:
    engine, _, name = voice.partition("_")
    return [finished(spoken) for spoken in ENGINES[engine].speak(name, texts)]


def _voices(size: Size) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The voices that are heard in training, and those that are not."""
    formant = [f"espeak_{name}" for name in espeak.voices()]
    last = formant[-size.unseen :]
    seen = formant[: -MOST.unseen]
    if not size.espeak_only:
        seen = [f"flite_{name}" for name in flite.voices()] + seen
        last = [*(f"festival_{name}" for name in festival.voices()), *reversed(last)]
    return tuple(seen[: size.voices]), tuple(last[: size.unseen])


def _texts(split: str, size: Size) -> Callable[[int], tuple[str, ...]]:
    """Gives the sentences that a voice says, by its number."""
    held_out = MOST.test + MOST.validation
    written = _sentences()
    match split:
        case "test":
            return lambda speaker: written[: size.test]
        case "validation":
            return lambda speaker: written[MOST.test : MOST.test + size.validation]
        case _:
            first = [held_out + speaker * MOST.train for speaker in range(MOST.voices)]
            return lambda speaker: written[first[speaker] : first[speaker] + size.train]


@functools.cache
def _sentences() -> tuple[str, ...]:
    return sentences(MOST.test + MOST.validation + MOST.voices * MOST.train)
