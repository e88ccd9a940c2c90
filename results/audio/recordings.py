"""Recorded human voices through models of synthetic ones: reconstruction and conversion.

The recordings are the prompts of Debian's packages asterisk-core-sounds-{en,fr,it}-g722: two women
and a man, who speak English, French and Italian (CC-BY-SA-3.0). No model has heard them.

Usage: python results/audio/recordings.py FOLDER MODEL... [--judges=FOLDER] [--output=FILE]

FOLDER gets the recordings as WAV files, a sub-folder for each voice.
"""

import argparse
import json
import os
from pathlib import Path

import av
import numpy as np
import soundfile
from judges import Judges
from words import Recogniser, words_right

from vqvae_tf import data, workflows
from vqvae_tf.media.audio import AudioMedium
from vqvae_tf.networks import sound_distances

SOUNDS = Path("/usr/share/asterisk/sounds")
VOICES = ("en_US_f_Allison", "fr_CA_f_June", "it_IT_m_Carlo")
RATE = 16_000
SECONDS = (2.0, 8.0)  # the shortest and the longest prompt that is taken
PROMPTS = 20  # of each voice


def unpack(folder):
    """Writes the first prompts of each voice that are long enough, in the order of their names."""
    for voice in VOICES:
        os.makedirs(os.path.join(folder, voice), exist_ok=True)
        taken = 0
        for path in sorted((SOUNDS / voice).glob("*.g722")):
            with av.open(str(path), format="g722") as file:
                frames = [frame.to_ndarray()[0] for frame in file.decode(audio=0)]
            audio = np.concatenate(frames)
            if SECONDS[0] <= len(audio) / RATE <= SECONDS[1]:
                soundfile.write(os.path.join(folder, voice, path.stem + ".wav"), audio, RATE)
                taken += 1
            if taken == PROMPTS:
                break


def measure(model, source, judges, recogniser):
    """Figures of each voice: of reconstructions told no speaker, and of conversions to all."""
    found: dict = {}
    known = model.config.speakers
    draws = np.random.default_rng(0)
    for sound, codes in AudioMedium().coded_sounds(model, source):
        voice = source.class_names[sound["speaker"]]
        of_voice = found.setdefault(voice, {})

        def add(of_voice=of_voice, **values):
            for name, value in values.items():
                of_voice.setdefault(name, []).append(float(value))

        audio, batch = sound["audio"], codes[None]
        decoded = model.decode(batch)[:, : len(audio)].numpy()
        add(
            seconds=len(audio) / RATE,
            mel_distance_db=sound_distances.mel_distance(audio[None], decoded, RATE)[0],
            stft_distance=sound_distances.stft_distance(audio[None], decoded)[0],
        )
        targets = list(range(len(known)))
        converted = model.decode(np.repeat(batch, len(known), axis=0), targets).numpy()
        told = {"speaker": targets} if model.encoder_conditions else {}
        again = model.encode(converted, **told).numpy()
        for target, wave, recoded in zip(targets, converted[:, : len(audio)], again, strict=True):
            add(
                heard_as_target=judges.speaker(wave) == target,
                codes_agree=(recoded == codes).mean(),
                codes_agree_by_chance=(draws.permutation(codes) == codes).mean(),
            )
        if voice.startswith("en"):
            said = recogniser.heard(audio)
            for name, wave in (
                ("own", decoded[0]),
                ("converted", converted[draws.choice(targets)]),
            ):
                right, count = words_right(said, recogniser.heard(wave[: len(audio)]))
                add(**{f"words_{name}": right, f"words_of_{name}": count})
    return {voice: _summary(values) for voice, values in found.items()}


def _summary(values):
    """Means, sums of seconds, and shares of words."""
    summary = {name: float(np.mean(each)) for name, each in values.items() if "words" not in name}
    summary["seconds"] = float(np.sum(values["seconds"]))
    summary["prompts"] = len(values["seconds"])
    for name in ("own", "converted"):
        if f"words_{name}" in values:
            share = np.sum(values[f"words_{name}"]) / np.sum(values[f"words_of_{name}"])
            summary[f"words_{name}"] = float(share)
    return summary


def main():
    """Measures each model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("models", nargs="+")
    parser.add_argument("--judges")
    parser.add_argument("--output")
    given = parser.parse_args()
    if not os.path.isdir(given.folder):
        unpack(given.folder)
    judges = Judges(data.open_sounds("embedded:speech"), given.judges)
    recogniser = Recogniser()
    found = {}
    for path in given.models:
        model = workflows.load_autoencoder(path)
        source = data.open_sounds(f"folder:{given.folder}")
        name = os.path.basename(os.path.normpath(path))
        found[name] = measure(model, source, judges, recogniser)
        print(name, json.dumps(found[name], indent=1))
    if given.output:
        with open(given.output, "w") as file:
            json.dump(found, file, indent=1)


if __name__ == "__main__":
    main()
