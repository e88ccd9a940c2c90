"""The data from which the report of the speech demo is made."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vqvae_tf.demo.run_facts import Run, Stage
from vqvae_tf.errors import UserError


@dataclasses.dataclass(frozen=True)
class Sentence:
    """A held-out sentence in two voices, and what was decoded from its codes.

    Attributes:
        text: what is said.
        voice: who says it.
        original: the sentence in that voice, float `[time]` in [-1, 1], as all sounds here.
        codes: its codes, whole numbers `[frames]`.
        reconstruction: decoded from the codes in the same voice.
        other_voice: another voice.
        converted: decoded from the same codes in the other voice.
        other_original: the sentence as the other voice itself says it.
    """

    text: str
    voice: str
    original: np.ndarray
    codes: np.ndarray
    reconstruction: np.ndarray
    other_voice: str
    converted: np.ndarray
    other_original: np.ndarray


@dataclasses.dataclass(frozen=True)
class SpeechSample:
    """New speech.

    Attributes:
        voice: who speaks.
        audio: float `[time]` in [-1, 1].
        codes: the drawn codes, whole numbers `[frames]`.
    """

    voice: str
    audio: np.ndarray
    codes: np.ndarray


@dataclasses.dataclass(frozen=True)
class SpeechFacts:
    """The data of the speech demo's page; all statements on it are computed from these.

    Attributes:
        voices: names of the voices, with their synthesiser: "espeak_m1".
        training_seconds: length of the training sentences in all voices.
        sample_rate: of all sounds, in Hz.
        codes_per_second: codes of a second of sound.
        codebook: `[num_embeddings, dimension]`.
        code_counts: uses of every code in the training sentences, `[num_embeddings]`.
        sentences: held-out sentences.
        phones: what `workflows.evaluate_phones` found on the held-out sentences.
        griffin_lim_distance: mean mel distance of held-out sentences, in dB, from the decoder that
            was trained with the codes, whose frames the Griffin-Lim algorithm turns into sound.
        network_distance: the same from the decoder of waveforms, which is heard on the page.
        prior_bits_per_code: mean over held-out sentences, under the prior.
        samples: new speech, by voice.
        independent: sound of codes drawn independently by their frequencies, float `[time]`, in the
            voice of the first sample.
        stages: the trainings, in order.
        run: times, versions and machine of the run.
    """

    voices: Sequence[str]
    training_seconds: float
    sample_rate: int
    codes_per_second: float
    codebook: np.ndarray
    code_counts: np.ndarray
    sentences: Sequence[Sentence]
    phones: Mapping[str, Any]
    griffin_lim_distance: float
    network_distance: float
    prior_bits_per_code: float
    samples: Sequence[SpeechSample]
    independent: np.ndarray
    stages: Sequence[Stage]
    run: Run

    def __post_init__(self):
        for name in ("sentences", "samples"):
            if not len(getattr(self, name)):
                raise UserError(f"the demo's page needs at least one of {name}; received none")
