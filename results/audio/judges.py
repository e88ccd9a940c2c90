"""Judges of decoded speech, trained on real utterances alone: who speaks, and which phones.

Neither knows anything of the models that they judge. Both are small convolutional networks on
log-mel frames, 10 ms apart, without the mean of their utterance.
"""

import os

import keras
import numpy as np

from vqvae_tf.data.sounds import SoundSource
from vqvae_tf.networks import Spectra

RATE = 16_000
SPECTRA = Spectra(sample_rate=RATE, hop=160)
CROP = 96  # frames of a training example
STEPS, BATCH = 1_500, 32


def frames_of(audio):
    """Log-mel frames `[time, 80]` of a waveform, without their mean."""
    padded = np.pad(audio, (0, -len(audio) % SPECTRA.hop)).astype(np.float32)
    frames = np.asarray(SPECTRA.frames(padded[None]))[0]
    return (frames - frames.mean(axis=0)) / 3.0


def phones_at_frames(phones, count, names):
    """The number of the phone at the centre of each frame; -1 where there is none."""
    labels = np.full(count, -1)
    centres = (np.arange(count) + 0.5) * SPECTRA.hop / RATE
    for phone, start, end in phones:
        if phone in names:
            labels[(centres >= start) & (centres < end)] = names[phone]
    return labels


class Judges:
    """A phone recogniser and a classifier of speakers.

    Args:
        source: real utterances with phones and speakers.
        folder: where they are kept once trained, and taken from; None keeps them nowhere.
        seed: of weights and crops.
    """

    def __init__(self, source: SoundSource, folder: str | None = None, seed: int = 0):
        sounds = [sound for sound in source.sounds(RATE) if sound["phones"]]
        self.phones = {
            name: number
            for number, name in enumerate(
                sorted({each.phone for sound in sounds for each in sound["phones"]})
            )
        }
        self.speakers = source.class_names
        keras.utils.set_random_seed(seed)
        self._of_phones = _network(len(self.phones), pooled=False)
        self._of_speakers = _network(len(self.speakers), pooled=True)
        if folder is None:
            self._train(sounds, seed)
            return
        kept = {
            os.path.join(folder, f"judge_of_{name}.weights.h5"): model
            for name, model in (("phones", self._of_phones), ("speakers", self._of_speakers))
        }
        if all(map(os.path.exists, kept)):
            for path, model in kept.items():
                model.load_weights(path)
            return
        self._train(sounds, seed)
        for path, model in kept.items():
            model.save_weights(path)

    def _train(self, sounds, seed):
        frames = [frames_of(sound["audio"]) for sound in sounds]
        labels = [
            phones_at_frames(sound["phones"], len(each), self.phones)
            for sound, each in zip(sounds, frames, strict=True)
        ]
        speakers = np.array([sound["speaker"] for sound in sounds])
        draws = np.random.default_rng(seed)
        for model in (self._of_phones, self._of_speakers):
            model.compile(
                keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-3, STEPS)),
                keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
                if model is self._of_phones
                else keras.losses.SparseCategoricalCrossentropy(from_logits=True),
                jit_compile=False,
            )
        long = [number for number, each in enumerate(frames) if len(each) > CROP]
        for _ in range(STEPS):
            rows = draws.choice(long, BATCH)
            starts = [draws.integers(len(frames[row]) - CROP) for row in rows]
            crops = [slice(start, start + CROP) for start in starts]
            x = np.stack([frames[row][crop] for row, crop in zip(rows, crops, strict=True)])
            y = np.stack([labels[row][crop] for row, crop in zip(rows, crops, strict=True)])
            self._of_phones.train_on_batch(x, y)
            self._of_speakers.train_on_batch(x, speakers[rows])

    def phones_right(self, audio, phones):
        """`(frames right, frames that have a phone)` of a waveform said to hold these phones."""
        frames = frames_of(audio)
        labels = phones_at_frames(phones, len(frames), self.phones)
        heard = np.asarray(self._of_phones(frames[None]))[0].argmax(-1)
        return int((heard == labels)[labels >= 0].sum()), int((labels >= 0).sum())

    def speaker(self, audio):
        """Number of the speaker who is heard in a waveform."""
        return int(np.asarray(self._of_speakers(frames_of(audio)[None]))[0].argmax())


def _network(classes, pooled):
    layers = [keras.Input((None, SPECTRA.bands))]
    for dilation in (1, 1, 2):
        layers += [
            keras.layers.Conv1D(128, 5, padding="same", dilation_rate=dilation, use_bias=False),
            keras.layers.LayerNormalization(),
            keras.layers.ReLU(),
            keras.layers.Dropout(0.1),
        ]
    if pooled:
        layers.append(keras.layers.GlobalAveragePooling1D())
    return keras.Sequential([*layers, keras.layers.Dense(classes)])
