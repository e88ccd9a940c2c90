"""Words that an off-the-shelf recogniser hears in real, reconstructed and converted speech.

The recogniser is PocketSphinx with the English model of its package (`pip install pocketsphinx`),
which nothing here was trained with.

Usage: python results/audio/words.py MODEL [--utterances=20] [--output=FILE]
"""

import argparse
import json

import numpy as np

from vqvae_tf import data, workflows

RATE = 16_000


def words_right(said, heard):
    """Words of `said` less the edits that turn it into `heard`, at least 0; and how many it has."""
    row = np.arange(len(heard) + 1)
    for number, word in enumerate(said, 1):
        before, row = row, np.empty_like(row)
        row[0] = number
        for place, other in enumerate(heard, 1):
            row[place] = min(
                row[place - 1] + 1, before[place] + 1, before[place - 1] + (word != other)
            )
    return max(len(said) - int(row[-1]), 0), len(said)


class Recogniser:
    """PocketSphinx with the English model of its package."""

    def __init__(self):
        from pocketsphinx import Decoder

        self._decoder = Decoder(samprate=RATE, loglevel="FATAL")

    def heard(self, audio):
        """The words that are heard in a waveform, in lower case."""
        self._decoder.start_utt()
        pcm = np.rint(np.clip(audio, -1, 1) * 32_767).astype("<i2")
        self._decoder.process_raw(pcm.tobytes(), full_utt=True)
        self._decoder.end_utt()
        found = self._decoder.hyp()
        return [] if found is None else found.hypstr.lower().split()


def main():
    """Counts words over held-out sentences."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--split", default="test")
    parser.add_argument("--utterances", type=int, default=20)
    parser.add_argument("--temperature", type=float, default=1.0, help="of models that draw")
    parser.add_argument("--output")
    given = parser.parse_args()
    recogniser = Recogniser()
    model = workflows.load_autoencoder(given.model)
    source = data.open_sounds(f"embedded:speech/{given.split}")
    known = model.config.speakers
    drawn = {"temperature": given.temperature} if model.draws else {}
    sounds = list(source.sounds(RATE))
    draws = np.random.default_rng(0)
    counts = {"real": [], "own": [], "converted": []}
    for number in sorted(draws.permutation(len(sounds))[: given.utterances]):
        sound = sounds[number]
        said = "".join(c for c in sound["text"].lower() if c.isalpha() or c in " '").split()
        own = known.index(source.class_names[sound["speaker"]])
        told = {"speaker": own} if model.encoder_conditions else {}
        codes = model.encode(sound["audio"][None], **told)
        target = (own + 1 + draws.integers(len(known) - 1)) % len(known)
        waves = {"real": sound["audio"]}
        for name, speaker in (("own", own), ("converted", int(target))):
            decoded = model.decode(codes, speaker, **drawn)
            waves[name] = decoded[0, : len(sound["audio"])].numpy()
        for name, wave in waves.items():
            counts[name].append(words_right(said, recogniser.heard(wave)))
    shares = {
        name: sum(right for right, _ in each) / sum(count for _, count in each)
        for name, each in counts.items()
    }
    print(json.dumps(shares, indent=1))
    if given.output:
        with open(given.output, "w") as file:
            json.dump(shares | {"utterances": given.utterances}, file, indent=1)


if __name__ == "__main__":
    main()
