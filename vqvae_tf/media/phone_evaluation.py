"""How much the codes of a model of speech say about phones, beside what needs no training.

The maps are fitted on one source of sounds with phones and scored on another; voices that only the
second has are scored apart. docs/phones.md says what each figure means.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np

from vqvae_tf import models
from vqvae_tf.errors import UserError
from vqvae_tf.media import frame_clusters, phone_codes
from vqvae_tf.media.audio import AudioMedium
from vqvae_tf.media.phone_codes import Frames

# The rows of the table of figures, and what is written for each of the coders.
FIGURES = (
    "accuracy",
    "accuracy_low",
    "accuracy_high",
    "accuracy_without_silence",
    "accuracy_of_context",
    "accuracy_from_other_voices",
    "accuracy_of_permuted_codes",
    "accuracy_on_the_same_data",
    "voice_from_code",
    "normalised_mutual_information",
    "mutual_information",
    "perplexity",
    "codes_in_use",
)
GROUPS = ("held_out", "new_voices")
_NOT_SHARES = ("mutual_information", "perplexity", "codes_in_use")
_MOST_DRAWN = 256  # rows of the picture


class _Speech(NamedTuple):
    """The codes of a source, and what they are compared with; arrays of one length."""

    frames: Frames
    overlap: np.ndarray  # phones by overlap
    cepstra: np.ndarray


def evaluate(
    model: models.AudioVQVAE, training: Any, held_out: Any, seed: int = 0
) -> dict[str, Any]:
    """Figures of a model's codes, of k-means on frames and of a model that was not trained.

    In addition to the sounds themselves, one at a time, 100 bytes per code are held in memory.

    Args:
        model: the trained model.
        training: a source of sounds with phones: the maps and the clusters are fitted on it.
        held_out: another one, that they are scored on.
        seed: of the model without training, the clusters, permutations and the bootstrap.

    Returns:
        `data`, `training_data`, `codes_per_second`, `codes` (how many there are), `phones` (their
        names), `table` (counts of codes and phones on the training data, `[codes, phones]`), and
        for `held_out` and `new_voices`, where there are such utterances, a mapping with

        - `utterances`, `voices`, `frames` (codes with a phone);
        - `commonest_phone`, `commonest_phone_share`, `silence_share`;
        - `codes`, `codes_by_overlap` (labels by overlap instead of at the centre), `k_means`,
          `k_means_of_utterance`, `k_means_of_voice` (frames without the mean and deviation of the
          utterance or the voice), `untrained`, and of an encoder that is told the speaker
          `codes_speaker_unknown`: each the figures of `phone_codes.figures`;
        - `gain_over_k_means`, with `_low` and `_high`: the accuracy of the codes
          less that of the best k-means, and its 95 % interval by paired bootstrap.

    Raises:
        UserError: if the sources share an utterance, one has no phones or none at the centre of a
            code, or a step has too many codes.
    """
    if training.uri == held_out.uri:
        raise UserError(
            f"the map must be fitted on other data than it is scored on; received {training.uri} "
            "for both"
        )
    size = phone_codes.count_of_joint_codes(model.code_sizes)
    medium = AudioMedium()
    sources = (training, held_out)
    sounds = [list(_with_phones(medium, model, source)) for source in sources]
    _refuse_shared(training.uri, held_out.uri, *sounds)
    everything = [sound for each in sounds for sound in each]
    phones = _numbered(phone for sound in everything for phone, *_ in sound["phones"])
    voices = _numbered(sound["voice"] for sound in everything if sound["voice"] is not None)
    seconds = model.config.stride / model.config.sample_rate
    fitted, scored = (_joined(each, phones, voices, seconds) for each in sounds)
    for source, each in zip(sources, (fitted, scored), strict=True):
        if (each.frames.phones < 0).all():
            raise UserError(
                f"{source.uri}: no phone is at the centre of a code, of which there are "
                f"{1 / seconds:g} a second; give the times of phones in seconds"
            )
    shape = size, len(phones)
    silences = [number for name, number in phones.items() if name in phone_codes.SILENCES]
    coded = {
        "codes": (fitted.frames, scored.frames),
        "codes_by_overlap": tuple(
            each.frames._replace(phones=each.overlap) for each in (fitted, scored)
        ),
        **_clustered(fitted, scored, size, seed),
        "untrained": _recoded(medium, _untrained(model, seed), sources, (fitted, scored)),
    }
    if model.encoder_conditions:
        coded["codes_speaker_unknown"] = _recoded(
            medium, model, sources, (fitted, scored), told_speaker=False
        )
    known = np.isin(scored.frames.voices, [-1, *fitted.frames.voices])
    names = list(phones)
    return {
        "data": held_out.uri,
        "training_data": training.uri,
        "codes_per_second": 1 / seconds,
        "codes": size,
        "phones": names,
        **{
            group: _of_group(coded, kept, shape, names, silences, seed)
            for group, kept in zip(GROUPS, (known, ~known), strict=True)
            if (kept & (scored.frames.phones >= 0)).any()
        },
        "table": phone_codes.count_pairs(fitted.frames.codes, fitted.frames.phones, shape).tolist(),
    }


def table(results: Mapping[str, Any]) -> str:
    """The figures of `evaluate` as text: a table for each group, a column for each coder.

    Shares are in percent.
    """
    parts = [
        f"maps fitted on {results['training_data']}, scored on {results['data']}: "
        f"{results['codes']:,} codes, {results['codes_per_second']:g} a second"
    ]
    for group in GROUPS:
        if group not in results:
            continue
        found = results[group]
        coders = [name for name, value in found.items() if isinstance(value, Mapping)]
        rows = [("percent", *coders)] + [
            (
                name + (" (bits)" if name == "mutual_information" else ""),
                *(_text(name, found[coder][name]) for coder in coders),
            )
            for name in FIGURES
        ]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        parts += [
            "",
            f"{group}: {found['utterances']:,} utterances, {found['voices']:,} voices, "
            f"{found['frames']:,} codes; commonest phone {found['commonest_phone']} "
            f"{100 * found['commonest_phone_share']:.1f}, silence "
            f"{100 * found['silence_share']:.1f}",
            *(
                "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])])
                for row in rows
            ),
            f"codes less the best k-means: {100 * found['gain_over_k_means']:+.1f} "
            f"[{100 * found['gain_over_k_means_low']:+.1f}, "
            f"{100 * found['gain_over_k_means_high']:+.1f}]",
        ]
    return "\n".join(parts)


def _text(name, value):
    if value is None:
        return "-"
    if name in _NOT_SHARES:
        return f"{value:,.4g}"
    return f"{100 * value:.1f}"


def shares_of_phones(results: Mapping[str, Any]) -> tuple[np.ndarray, list[str], list[str]]:
    """What to draw of the table of codes and phones: p(phone | code), codes sorted by their phone.

    Codes that the training data do not hold are left out; of many codes the 256 most frequent are
    taken.

    Returns:
        Shares `[codes, phones]`, the codes' numbers and the phones' names, as text.
    """
    counts = np.array(results["table"])
    frequent = np.argsort(-counts.sum(axis=1), kind="stable")[:_MOST_DRAWN]
    frequent = frequent[counts[frequent].any(axis=1)]
    shares = counts[frequent] / counts[frequent].sum(axis=1, keepdims=True)
    order = np.lexsort([-shares.max(axis=1), shares.argmax(axis=1)])
    return shares[order], [str(code) for code in frequent[order]], list(results["phones"])


def _with_phones(medium, model, source):
    """Joint codes, phones, voice and cepstra of each sound whose phones are known."""
    heard = 0
    for sound, codes in medium.coded_sounds(model, source):
        if not sound.get("phones"):
            continue
        heard += 1
        yield {
            "name": sound["name"],
            "digest": hashlib.sha256(sound["audio"].tobytes()).digest(),
            "codes": phone_codes.joint_codes(codes, model.code_sizes),
            "phones": sound["phones"],
            "voice": None if sound["speaker"] is None else source.class_names[sound["speaker"]],
            "cepstra": frame_clusters.cepstra_of_codes(
                sound["audio"], model.config.sample_rate, model.config.stride
            ),
        }
    if not heard:
        raise UserError(
            f"{source.uri}: none of its sounds has phones; give a manifest with a column phones"
        )


def _refuse_shared(training_uri, held_out_uri, training, held_out):
    """Refuses utterances whose samples are in both sources."""
    known = {sound["digest"] for sound in training}
    shared = [sound["name"] for sound in held_out if sound["digest"] in known]
    if shared:
        raise UserError(
            f"the map must be fitted on other data than it is scored on; {len(shared)} of the "
            f"{len(held_out)} utterances of {held_out_uri} are also in {training_uri}, such as "
            f"{shared[0]}: leave them out of one"
        )


def _numbered(names) -> dict[str, int]:
    return {name: number for number, name in enumerate(sorted(set(names)))}


def _joined(sounds: Sequence[dict], phones, voices, seconds) -> _Speech:
    def labels(by):
        return np.concatenate(
            [by(sound["phones"], phones, len(sound["codes"]), seconds) for sound in sounds]
        )

    counts = [len(sound["codes"]) for sound in sounds]
    voice = [-1 if sound["voice"] is None else voices[sound["voice"]] for sound in sounds]
    return _Speech(
        Frames(
            np.concatenate([sound["codes"] for sound in sounds]),
            labels(phone_codes.labels_at_centres),
            np.repeat(voice, counts),
            np.repeat(np.arange(len(sounds)), counts),
        ),
        labels(phone_codes.labels_by_overlap),
        np.concatenate([sound["cepstra"] for sound in sounds]),
    )


def _clustered(fitted, scored, size, seed):
    """Frames whose codes are clusters of cepstra, normalised in three ways."""
    count = len(fitted.cepstra)
    cepstra = np.concatenate([fitted.cepstra, scored.cepstra])
    first = np.array([-1, 1]).repeat([count, len(scored.cepstra)])  # sounds of which source
    groups = {
        "k_means": np.zeros_like(first),
        "k_means_of_utterance": first
        * (1 + np.concatenate([fitted.frames.utterances, scored.frames.utterances])),
        "k_means_of_voice": np.concatenate([fitted.frames.voices, scored.frames.voices]),
    }
    found = {}
    for name, group in groups.items():
        vectors = frame_clusters.normalised(cepstra, group)
        codes = frame_clusters.cluster(vectors[:count], [vectors[count:]], size, seed)
        found[name] = tuple(
            speech.frames._replace(codes=own)
            for speech, own in zip((fitted, scored), codes, strict=True)
        )
    return found


def _untrained(model, seed):
    """A model of this configuration as training would find it."""
    keras.utils.set_random_seed(seed)
    return models.build(models.family_of(model.config), model.config)


def _recoded(medium, model, sources, speech, told_speaker=True):
    """The same frames with the codes of another model, or of one that is not told who speaks."""
    found = []
    for source, each in zip(sources, speech, strict=True):
        codes = [
            phone_codes.joint_codes(codes, model.code_sizes)
            for sound, codes in medium.coded_sounds(model, source, told_speaker)
            if sound.get("phones")
        ]
        found.append(each.frames._replace(codes=np.concatenate(codes)))
    return tuple(found)


def _of_group(coded, kept, shape, names, silences, seed):
    """Figures of the held-out frames for which `kept` is true."""
    frames = coded["codes"][1].where(kept)
    labels = frames.phones[frames.phones >= 0]
    counts = np.bincount(labels, minlength=len(names))
    by_coder = {
        name: phone_codes.figures(fitted, scored.where(kept), shape, silences, seed)
        for name, (fitted, scored) in coded.items()
    }
    best = max(
        (name for name in by_coder if name.startswith("k_means")),
        key=lambda name: by_coder[name]["accuracy"],
    )
    more = _right(coded["codes"], kept, shape) - _right(coded[best], kept, shape)
    low, high = phone_codes.bootstrap(more, frames.utterances[frames.phones >= 0], seed=seed)
    return {
        "utterances": len(np.unique(frames.utterances)),
        "voices": len(np.unique(frames.voices[frames.voices >= 0])),
        "frames": len(labels),
        "commonest_phone": names[counts.argmax()],
        "commonest_phone_share": float(counts.max() / len(labels)),
        "silence_share": float(np.isin(labels, silences).mean()),
        **by_coder,
        "gain_over_k_means": float(more.mean()),
        "gain_over_k_means_low": low,
        "gain_over_k_means_high": high,
    }


def _right(coder, kept, shape):
    """1 for each of those frames whose phone the map finds, 0 for the others."""
    fitted, scored = coder
    scored = scored.where(kept & (scored.phones >= 0))
    mapped = phone_codes.likeliest(phone_codes.count_pairs(fitted.codes, fitted.phones, shape))
    return (mapped[scored.codes] == scored.phones).astype(np.float64)
