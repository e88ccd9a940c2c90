"""Writes the tables of results/audio.md from the figures of results/audio/run.sh.

Usage: python results/audio/page.py RUNS
"""

import glob
import json
import math
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import runs

HERE = os.path.dirname(os.path.abspath(__file__))
FORMS = {
    "codes25": "`phonemes`, 25 Hz",
    "codes50": "`phonemes`, 50 Hz",
    "raw25": "`phonemes_from_waveforms`, 25 Hz",
}
SEEDS = 3
EVALUATED = ("reconstruction_bits_per_sample", "shuffled_codes_gap_bits_per_sample")
ROWS = {
    "accuracy": "accuracy",
    "accuracy_without_silence": "without silence",
    "accuracy_of_context": "context of five codes",
    "accuracy_from_other_voices": "map from other voices",
    "accuracy_of_permuted_codes": "permuted codes",
    "voice_from_code": "voice from code",
}


def read(folder, name):
    """The figures in a file; None if it was not measured."""
    path = os.path.join(folder, name + ".json")
    if not os.path.exists(path):
        return None
    with open(path) as file:
        return json.load(file)


def gather(folder, kept):
    """Adds the figures of the runs in a folder to those kept, in place of older ones."""
    for form in FORMS:
        for seed in range(SEEDS):
            for split in ("validation", "test", "unseen_validation", "unseen_test"):
                found = read(folder, f"{form}-{seed}-{split}")
                if found is not None:
                    found.pop("table")
                    kept[f"{form}-{seed}-{split}"] = found
    for judged in ("conversion", "wavenet"):
        for key, figures in (read(folder, judged) or {}).items():
            path, split = key.rsplit(" ", 1)
            kept.setdefault(f"{os.path.basename(path)}-conversion", {})[split] = figures
    for name in ("words", "words_wavenet", "prior", "recordings"):
        found = read(folder, name)
        if found is not None:
            kept[name] = found
    for path in sorted(glob.glob(os.path.join(folder, "wavenet@*", "evaluation.json"))):
        with open(path) as file:
            found = json.load(file)
        name = os.path.basename(os.path.dirname(path))
        kept[f"{name}-evaluation"] = {each: found[each] for each in EVALUATED}
    return kept


def percent(values):
    """The mean of shares in percent, and their range if there are several."""
    values = [100 * value for value in values if value is not None and not math.isnan(value)]
    if not values:
        return "-"
    mean = f"{sum(values) / len(values):.1f}"
    return mean if len(values) == 1 else f"{mean} ({min(values):.1f} to {max(values):.1f})"


def phones(kept, split, group):
    """A table of codes against phones: a row for each coder."""
    header = ["codes", "seeds", *ROWS.values(), "less the best k-means"]
    lines = []
    for form, name in FORMS.items():
        found = [kept.get(f"{form}-{seed}-{split}") for seed in range(SEEDS)]
        found = [each[group] for each in found if each is not None]
        if not found:
            continue
        best = max(
            (coder for coder in found[0] if coder.startswith("k_means")),
            key=lambda coder: found[0][coder]["accuracy"],
        )
        coders = {"codes": name, "codes_speaker_unknown": "the same, the speaker not told"}
        coders |= {best: f"k-means ({best})", "untrained": "untrained"}
        for coder, words in coders.items():
            if coder not in found[0]:
                continue
            gains = [each[coder]["accuracy"] - each[best]["accuracy"] for each in found]
            known = coder.startswith("codes")
            lines.append(
                [
                    words,
                    len(found),
                    *(percent(each[coder][row] for each in found) for row in ROWS),
                    percent(gains) if known else "",
                ]
            )
    return runs.table(header, lines) if lines else None


def conversions(kept, split):
    """A table of conversion: a row for each model."""
    names = {
        "phones_real": "phones: real",
        "phones_own": "own id",
        "phones_other": "another id",
        "phones_kept": "kept",
        "heard_as_target": "heard as the target",
        "heard_as_source": "as the source",
        "codes_agree": "codes agree",
        "codes_agree_by_chance": "by chance",
    }
    lines = []
    groups = {"`phonemes`, frames by Griffin-Lim": "codes25", "`voices`": "voices"}
    for words, prefix in groups.items():
        found = [
            figures[split]
            for name, figures in kept.items()
            if name.startswith(prefix) and name.endswith("conversion") and split in figures
        ]
        if found:
            shares = [percent(each.get(name) for each in found) for name in names]
            lines.append([words, len(found), *shares])
    return runs.table(["model", "seeds", *names.values()], lines) if lines else None


def over_time(kept):
    """A table of the WaveNet's samples: a row for each number of steps."""
    steps = sorted(
        int(name.split("@")[1].removesuffix("-conversion"))
        for name in kept
        if name.startswith("wavenet@") and name.endswith("-conversion")
    )
    names = {
        "phones_real": "phones: real",
        "phones_own": "own id",
        "phones_other": "another id",
        "own_heard_as_itself": "own id heard as itself",
        "heard_as_target": "another id heard as the target",
        "codes_agree": "codes agree",
        "codes_agree_by_chance": "by chance",
    }
    lines = []
    for each in steps:
        (figures,) = [
            found
            for split, found in kept[f"wavenet@{each}-conversion"].items()
            if not split.startswith("unseen")
        ]
        bits = kept.get(f"wavenet@{each}-evaluation", {})
        shown = [f"{bits[name]:.2f}" if name in bits else "-" for name in EVALUATED]
        lines.append([each, *shown, *(percent([figures.get(name)]) for name in names)])
    header = ["steps", "bits per sample", "more with codes in another order", *names.values()]
    return runs.table(header, lines) if lines else None


def recordings(kept):
    """A table of recorded voices: a row for each model and voice."""
    names = {
        "prompts": ("prompts", "{:.0f}"),
        "seconds": ("seconds", "{:.0f}"),
        "mel_distance_db": ("mel distance, dB", "{:.2f}"),
        "stft_distance": ("STFT distance", "{:.2f}"),
    }
    shares = {
        "heard_as_target": "heard as the target",
        "codes_agree": "codes agree",
        "codes_agree_by_chance": "by chance",
        "words_own": "words kept, no id",
        "words_converted": "converted",
    }
    lines = [
        [
            f"`{model}`",
            voice,
            *(form.format(figures[name]) for name, (_, form) in names.items()),
            *(percent([figures.get(name)]) for name in shares),
        ]
        for model, voices in kept.get("recordings", {}).items()
        for voice, figures in voices.items()
    ]
    header = ["model", "voice", *(words for words, _ in names.values()), *shares.values()]
    return runs.table(header, lines) if lines else None


def words_heard(kept, name):
    """A sentence of figures of the recogniser of words."""
    found = {each: percent([kept[name][each]]) for each in ("real", "own", "converted")}
    return (
        f"{found['real']} % in the real ones, {found['own']} % in those decoded with their own "
        f"speaker, and {found['converted']} % in those converted to another"
    )


def main(folder):
    """Writes figures.json and the page."""
    kept = gather(folder, runs.figures_in(HERE))
    runs.keep_figures(HERE, kept)
    parts = [
        "# Speech",
        "`results/audio/run.sh` trains and measures what this page shows. The speech is "
        "`embedded:speech`: synthetic, ten voices (four of them made from recordings, with flite "
        "installed) and two that no model was trained on. All shares are in percent, over the "
        "held-out sentences. Settings were chosen on the validation split.",
        "## Codes and phones",
        "Each code is mapped to its commonest phone of the training split "
        "([docs/phones.md](../docs/phones.md)). K = 128.",
    ]
    for split, words in (("validation", "Validation sentences"), ("test", "Test sentences")):
        for group, prefix, voices in (
            ("held_out", "", "voices of the training"),
            ("new_voices", "unseen_", "voices never heard"),
        ):
            table = phones(kept, prefix + split, group)
            parts += [f"### {words}, {voices}", table] if table else []
    parts += ["## Conversion"]
    for split, words in (("test", "Voices of the training"), ("unseen_test", "Voices never heard")):
        table = conversions(kept, split)
        parts += [f"### {words}", table] if table else []
    table = over_time(kept)
    if table:
        parts += [
            "### Samples of a WaveNet over its training",
            "The codes of `phonemes_from_waveforms`; bits per sample of the sentences of "
            "`embedded:speech_small/validation`, all else of samples that were drawn.",
            table,
        ]
    if "words" in kept:
        parts += [
            "## Words",
            f"Of the words of {kept['words']['utterances']} test sentences, PocketSphinx's English "
            f"model hears {words_heard(kept, 'words')} (`phonemes`, seed 0, frames by Griffin-Lim; "
            "words right are the words less the edits).",
        ]
        if "words_wavenet" in kept:
            parts += [f"Of samples of the WaveNet: {words_heard(kept, 'words_wavenet')}."]
    if "prior" in kept:
        figures = {name: f"{value:.3f}" for name, value in kept["prior"].items() if name != "codes"}
        parts += [
            "## The prior",
            f"Bits per code of {kept['prior']['codes']:,} codes of the test sentences.",
            runs.table(list(figures), [list(figures.values())]),
        ]
    table = recordings(kept)
    if table:
        parts += [
            "## Recorded human voices",
            "Prompts of telephone exchanges, of voices and a channel that no model was trained on. "
            "Words kept are those that PocketSphinx hears in the recording and again in what was "
            "decoded; it knows English alone.",
            table,
        ]
    runs.write_page(os.path.join(HERE, "..", "audio.md"), "\n\n".join(parts))


if __name__ == "__main__":
    main(sys.argv[1])
