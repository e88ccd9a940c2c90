"""Judges speaker conversion: who is heard, what is heard, and whether the codes stay the same.

Usage: python results/audio/conversion.py MODEL [--split=validation] [--utterances=40]

A model that draws its samples draws them once, at temperature 1 or as `--temperature` says. What
the output file of an earlier call has is not measured again.
"""

import argparse
import itertools
import json
import math
import os

import numpy as np
from judges import Judges

from vqvae_tf import data, workflows
from vqvae_tf.media.audio import AudioMedium


def measure(model, source, judges, utterances, seed=0, temperature=1.0):
    """Shares, from 0 to 1, over utterances of a source and all targets but their own speaker."""
    known = model.config.speakers
    drawn = {"temperature": temperature} if model.draws else {}
    draws = np.random.default_rng(seed)
    sounds = [sound for sound, _ in AudioMedium().coded_sounds(model, source)]
    picked = draws.permutation(len(sounds))[:utterances]
    counts: dict = {name: [] for name in ("real", "own", "other")}
    heard_real, heard_own, heard_target, heard_source = [], [], [], []
    agree, chance = [], []
    for number in sorted(picked):
        sound = sounds[number]
        name = source.class_names[sound["speaker"]]
        own = known.index(name) if name in known else None
        audio, phones = sound["audio"], sound["phones"]
        told = {"speaker": own} if model.encoder_conditions else {}
        codes = model.encode(audio[None], **told).numpy()
        counts["real"].append(judges.phones_right(audio, phones))
        targets = [speaker for speaker in range(len(known)) if speaker != own]
        if own is not None:
            decoded = model.decode(codes, own, **drawn)[0, : len(audio)].numpy()
            counts["own"].append(judges.phones_right(decoded, phones))
            heard_real.append(judges.speaker(audio) == own)
            heard_own.append(judges.speaker(decoded) == own)
        batch = model.decode(np.repeat(codes, len(targets), axis=0), targets, **drawn).numpy()
        again = model.encode(batch, **({"speaker": targets} if told else {})).numpy()
        for target, converted, recoded in zip(targets, batch[:, : len(audio)], again, strict=True):
            counts["other"].append(judges.phones_right(converted, phones))
            heard = judges.speaker(converted)
            heard_target.append(heard == target)
            heard_source.append(heard == own)
            agree.append((recoded == codes[0]).mean())
            chance.append((draws.permutation(codes[0]) == codes[0]).mean())
    shares = {
        f"phones_{name}": sum(right for right, _ in each) / sum(count for _, count in each)
        for name, each in counts.items()
        if each
    }
    figures = {
        "utterances": len(picked),
        "conversions": len(heard_target),
        **shares,
        "heard_as_target": float(np.mean(heard_target)),
        "heard_as_source": float(np.mean(heard_source)),
        "codes_agree": float(np.mean(agree)),
        "codes_agree_by_chance": float(np.mean(chance)),
    }
    if heard_own:
        figures["real_heard_as_itself"] = float(np.mean(heard_real))
        figures["own_heard_as_itself"] = float(np.mean(heard_own))
    # Of the frames that are right before conversion; the reconstruction is the ceiling.
    ceiling = shares.get("phones_own", math.nan)
    figures["phones_kept"] = shares["phones_other"] / ceiling
    return figures


def main():
    """Trains the judges and judges each model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--split", default="validation")
    parser.add_argument("--utterances", type=int, default=40)
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--judges", help="folder that keeps the judges once trained")
    parser.add_argument("--output")
    given = parser.parse_args()
    judges = Judges(data.open_sounds("embedded:speech"), given.judges)
    found = {}
    if given.output and os.path.exists(given.output):
        with open(given.output) as file:
            found = json.load(file)
    for path, prefix in itertools.product(given.models, ("", "unseen_")):
        split = prefix + given.split
        if f"{path} {split}" in found:
            continue
        model = workflows.load_autoencoder(path)
        source = data.open_sounds(f"embedded:speech/{split}")
        figures = measure(model, source, judges, given.utterances, temperature=given.temperature)
        found[f"{path} {split}"] = figures
        print(path, split, json.dumps(figures, indent=1), flush=True)
        if given.output:
            with open(given.output, "w") as file:
                json.dump(found, file, indent=1)


if __name__ == "__main__":
    main()
