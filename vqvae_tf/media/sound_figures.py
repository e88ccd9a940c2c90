"""Figures of a model of sound beside its bits: distances, and what shows its known failures."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from vqvae_tf import models
from vqvae_tf.media import phone_codes
from vqvae_tf.networks import sound_distances

GAP_SECONDS = 60  # of sound whose codes are shuffled; each costs the decoder twice more
DRAWN_SECONDS = 10  # that are decoded where samples are drawn one by one, one of each piece


class SoundFigures:
    """Collects figures over the pieces of a source's sounds.

    Args:
        model: the trained model.
    """

    def __init__(self, model: models.AudioVQVAE):
        self._model = model
        self._sums: dict[str, list[float]] = {}
        self._codes: list[np.ndarray] = []
        self._voices: list[int] = []
        self._names: list[str] = []

    def add(
        self,
        name: str,
        audio: np.ndarray,
        codes: np.ndarray,
        *,
        voice: int | None,
        speaker: int | None,
        bits: Callable[[np.ndarray], float] | None,
    ) -> None:
        """Adds a piece of a sound.

        Args:
            name: of the sound.
            audio: float32 `[1, time]`.
            codes: its codes, int32 `[1, frames]`, or `[1, frames, slots]`.
            voice: who is heard, a number of the source's; None where it is not known.
            speaker: the same, as a number of the model's; None where it does not know the voice.
            bits: of the samples given codes like these; None of a model that counts none.
        """
        self._codes.append(codes[0])
        self._voices.append(-1 if voice is None else voice)
        self._names.append(name)
        order = np.random.default_rng(0).permutation(codes.shape[1])
        limit = GAP_SECONDS * self._model.config.sample_rate
        if bits is not None and self._total("samples_of_bits") < limit:
            self._add(bits=bits(codes[:, order]) - bits(codes), samples_of_bits=audio.size)
        if self._model.draws:  # sample by sample: a second of each piece
            if self._total("decoded") >= DRAWN_SECONDS * self._model.config.sample_rate:
                return
            frames = math.ceil(self._model.config.sample_rate / self._model.config.stride)
            audio, codes = audio[:, : frames * self._model.config.stride], codes[:, :frames]
        found = self._distances(audio, codes, speaker)
        self._add(decoded=audio.size, **found)
        if bits is None and self._total("samples_of_mel") < limit:
            shuffled = self._distances(audio, codes[:, order], speaker)
            self._add(more_mel=shuffled["mel"] - found["mel"], samples_of_mel=audio.size)

    def figures(self) -> dict[str, Any]:
        """What was found so far.

        Returns:
            Means over samples: `mel_distance_db`, `stft_distance` and `si_sdr_db`, over
            `decoded_seconds`; `shuffled_codes_gap_bits_per_sample`, what the samples cost more with
            the codes of a piece in another order, or `shuffled_codes_gap_db`, how far the mel
            distance grows; with several voices `voice_from_code` and `commonest_voice_share`.
        """
        means = {
            "mel_distance_db": ("mel", "decoded"),
            "stft_distance": ("stft", "decoded"),
            "si_sdr_db": ("si_sdr", "decoded"),
            "shuffled_codes_gap_bits_per_sample": ("bits", "samples_of_bits"),
            "shuffled_codes_gap_db": ("more_mel", "samples_of_mel"),
        }
        return {
            "decoded_seconds": self._total("decoded") / self._model.config.sample_rate,
            **{
                name: self._total(value) / self._total(count)
                for name, (value, count) in means.items()
                if self._total(count)
            },
            **self._of_voices(),
        }

    def _of_voices(self):
        """How much the codes tell of the voice; nothing where there is one, or too many codes."""
        sizes = self._model.code_sizes
        if len(set(self._voices) - {-1}) < 2 or math.prod(sizes) > phone_codes.MOST_CODES:
            return {}
        lengths = [len(codes) for codes in self._codes]
        codes = phone_codes.joint_codes(np.concatenate(self._codes), sizes)
        _, utterances = np.unique(self._names, return_inverse=True)
        voices = np.repeat(self._voices, lengths)
        frames = phone_codes.Frames(codes, voices, voices, np.repeat(utterances, lengths))
        found = phone_codes.voice_from_code_by_halves(frames, math.prod(sizes))
        if found is None:
            return {}
        counts = np.bincount(voices[voices >= 0])
        share = float(counts.max() / counts.sum())
        return {"voice_from_code": found, "commonest_voice_share": share}

    def _distances(self, audio, codes, speaker):
        """Each distance of the piece, times its samples."""
        decoded = self._model.decode(codes, speaker)[:, : audio.shape[1]]
        rate = self._model.config.sample_rate
        found = {
            "mel": sound_distances.mel_distance(audio, decoded, rate),
            "stft": sound_distances.stft_distance(audio, decoded),
            "si_sdr": sound_distances.si_sdr(audio, decoded),
        }
        return {name: float(value[0]) * audio.size for name, value in found.items()}

    def _add(self, **values):
        for name, value in values.items():
            self._sums.setdefault(name, []).append(value)

    def _total(self, name):
        return math.fsum(self._sums.get(name, ()))
