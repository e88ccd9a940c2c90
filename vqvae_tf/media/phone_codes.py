"""How much the codes of speech say about its phones and its voices; pure functions of arrays.

The protocol is that of van den Oord et al. (2017), section 4.3, with what it leaves open decided:
every code is mapped to the phone that is most likely given the code. The map is fitted on one set
of utterances and scored on another. A code that the first set does not hold is mapped to the most
frequent phone.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from vqvae_tf.errors import UserError

MOST_CODES = 2**16  # values of a joint code: a table of codes and phones has a row for each
CONTEXT = 5  # codes that `context_predictions` looks at
SILENCES = frozenset({"pau", "sil", "sp", "spn", "h#", "#"})  # names of silence in sets of phones
_SCORES_AT_ONCE = 2**22


class Frames(NamedTuple):
    """Codes of several utterances, one after the other; arrays of one length.

    Attributes:
        codes: int, one per time step.
        phones: int, the number of the phone that is heard; -1 where it is not known.
        voices: int, the number of the voice that is heard; -1 where it is not known.
        utterances: int, rising: the number of the utterance.
    """

    codes: np.ndarray
    phones: np.ndarray
    voices: np.ndarray
    utterances: np.ndarray

    def where(self, kept: np.ndarray) -> "Frames":
        """Those frames for which `kept` is true."""
        return Frames(*(each[kept] for each in self))


def labels_at_centres(
    phones: Sequence[tuple[str, float, float]],
    numbers: Mapping[str, int],
    count: int,
    seconds: float,
) -> np.ndarray:
    """The phone at the centre of each code's time span.

    Args:
        phones: rows of a phone, its start and its end in seconds, in order, without overlaps.
        numbers: the number of each phone.
        count: codes of the utterance.
        seconds: time span of a code.

    Returns:
        int64 `[count]`; -1 where there is no phone, or one that `numbers` does not hold.

    >>> phones = [("a", 0.0, 0.25), ("b", 0.25, 0.5)]
    >>> labels_at_centres(phones, {"a": 0, "b": 1}, count=3, seconds=0.2).tolist()
    [0, 1, -1]
    """
    return _phones_at(phones, numbers, (np.arange(count) + 0.5) * seconds)


def labels_by_overlap(
    phones: Sequence[tuple[str, float, float]],
    numbers: Mapping[str, int],
    count: int,
    seconds: float,
) -> np.ndarray:
    """The phone that fills the largest part of each code's time span.

    Arguments and result are those of `labels_at_centres`.

    >>> phones = [("a", 0.0, 0.08), ("b", 0.08, 0.12), ("a", 0.12, 0.2)]
    >>> labels_by_overlap(phones, {"a": 0, "b": 1}, count=2, seconds=0.2).tolist()
    [0, -1]
    """
    if not phones:
        return np.full(count, -1)
    borders = [np.arange(count + 1) * seconds, *np.array([row[1:] for row in phones]).T]
    edges = np.unique(np.concatenate(borders))
    middles = (edges[1:] + edges[:-1]) / 2
    found = _phones_at(phones, numbers, middles)
    codes = np.floor(middles / seconds).astype(np.int64)
    known = (found >= 0) & (codes >= 0) & (codes < count)
    pairs, places = np.unique(
        np.stack([codes[known], found[known]], axis=1), axis=0, return_inverse=True
    )
    lengths = np.bincount(places.ravel(), np.diff(edges)[known], minlength=len(pairs))
    labels = np.full(count, -1)
    for place in np.argsort(lengths, kind="stable"):  # the longest is written last
        labels[pairs[place, 0]] = pairs[place, 1]
    return labels


def _phones_at(phones, numbers, times):
    """Number of the phone at each time; -1 where there is none."""
    if not phones:
        return np.full(len(times), -1)
    starts, ends = np.array([row[1:] for row in phones], np.float64).T
    own = np.array([numbers.get(row[0], -1) for row in phones])
    place = np.searchsorted(starts, times, side="right") - 1
    return np.where((place >= 0) & (times < ends[place]), own[place], -1)


def joint_codes(codes: np.ndarray, code_sizes: Sequence[int]) -> np.ndarray:
    """All codes of a time step as one number.

    Args:
        codes: int `[time]`, or `[time, slots]` where there are several per step.
        code_sizes: how many values each of them can take.

    Returns:
        int64 `[time]`, below the product of `code_sizes`.

    Raises:
        UserError: if that product is above `MOST_CODES`.

    >>> joint_codes(np.array([[1, 2], [0, 3]]), (2, 4)).tolist()
    [6, 3]
    """
    count_of_joint_codes(code_sizes)
    columns = np.reshape(codes, (-1, len(code_sizes))).T.astype(np.int64)
    return np.ravel_multi_index(tuple(columns), tuple(code_sizes))


def count_of_joint_codes(code_sizes: Sequence[int]) -> int:
    """The product of `code_sizes`.

    Raises:
        UserError: if it is above `MOST_CODES`.
    """
    size = 1
    for each in code_sizes:
        size *= int(each)
    if size > MOST_CODES:
        raise UserError(
            f"a table of codes and phones needs at most {MOST_CODES:,} different codes per time "
            f"step; received {size:,} of code_sizes {tuple(code_sizes)}: take a model with fewer"
        )
    return size


def count_pairs(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """How often each row meets each column: int64 of that shape; pairs with a -1 are left out.

    >>> count_pairs(np.array([0, 0, 1]), np.array([1, 1, -1]), (2, 2)).tolist()
    [[0, 2], [0, 0]]
    """
    known = (rows >= 0) & (columns >= 0)
    places = rows[known] * shape[1] + columns[known]
    return np.bincount(places, minlength=shape[0] * shape[1]).reshape(shape)


def likeliest(table: np.ndarray) -> np.ndarray:
    """The most frequent column of each row; of a row without counts, that of the whole table.

    Args:
        table: counts, `[codes, phones]`.

    >>> likeliest(np.array([[2, 1, 0], [0, 0, 0], [0, 1, 3]])).tolist()
    [0, 2, 2]
    """
    return np.where(table.any(axis=1), table.argmax(axis=1), table.sum(axis=0).argmax())


def accuracy(predicted: np.ndarray, labels: np.ndarray) -> float | None:
    """Share of the labels that are predicted; those of -1 are left out. None if there are none.

    >>> accuracy(np.array([1, 2, 0]), np.array([1, 1, -1]))
    0.5
    """
    known = labels >= 0
    return float(np.mean(predicted[known] == labels[known])) if known.any() else None


def mutual_information(table: np.ndarray) -> float:
    """Mutual information of rows and columns in bits, from their counts.

    >>> mutual_information(np.array([[2, 0], [0, 2]])), mutual_information(np.array([[1, 1]]))
    (1.0, 0.0)
    """
    return _entropy(table.sum(0)) + _entropy(table.sum(1)) - _entropy(table.ravel())


def normalised_mutual_information(table: np.ndarray) -> float:
    """Mutual information over the mean entropy of rows and columns: 0 to 1.

    >>> normalised_mutual_information(np.array([[2, 0], [0, 2]]))
    1.0
    """
    mean = (_entropy(table.sum(0)) + _entropy(table.sum(1))) / 2
    return mutual_information(table) / mean if mean else 0.0


def purity(table: np.ndarray) -> float:
    """Share of the counts that are in the largest column of their row.

    The accuracy of a map that is fitted on the very data that it is scored on.

    >>> purity(np.array([[3, 1], [0, 4]]))
    0.875
    """
    return float(table.max(axis=1).sum() / table.sum())


def _entropy(counts):
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log2(shares)).sum())


def permuted(frames: Frames, seed: int = 0) -> Frames:
    """The same frames, the codes of each utterance in another order."""
    draws = np.random.default_rng(seed).random(len(frames.codes))
    return frames._replace(codes=frames.codes[np.lexsort([draws, frames.utterances])])


def accuracy_from_other_voices(
    training: Frames, held_out: Frames, shape: tuple[int, int]
) -> float | None:
    """Accuracy of maps that never saw the voice that is heard.

    Codes that stand for a phone in one voice are of no use here. The map of each voice is fitted
    on the training frames of all others. None with fewer than two voices in the training frames.

    Args:
        training, held_out: codes, phones and voices.
        shape: number of codes, number of phones.
    """
    if len(np.unique(training.voices)) < 2:
        return None
    whole = count_pairs(training.codes, training.phones, shape)
    predicted = np.full(len(held_out.codes), -1)
    for voice in np.unique(held_out.voices):
        own = training.where(training.voices == voice)
        others = whole - count_pairs(own.codes, own.phones, shape)
        heard = held_out.voices == voice
        predicted[heard] = likeliest(others)[held_out.codes[heard]]
    return accuracy(predicted, held_out.phones)


def context_predictions(
    training: Frames, held_out: Frames, shape: tuple[int, int], width: int = CONTEXT
) -> np.ndarray:
    """Phones by naive Bayes from the codes around each time step.

    p(phone | codes) ~ p(phone) prod_j p(code at t + j | phone, j); 1 is added to each count of a
    code. Codes beyond the ends of the utterance are left out.

    Args:
        training, held_out: codes and phones.
        shape: number of codes, number of phones.
        width: codes that are looked at, an odd number: the one of the time step is in the middle.

    Returns:
        int64, one for each frame of `held_out`.
    """
    phones = shape[1]
    prior = np.bincount(training.phones[training.phones >= 0], minlength=phones)
    with np.errstate(divide="ignore"):
        log_prior = np.log(prior)  # a phone that was never heard is never predicted
    tables = []
    offsets = range(-(width // 2), width // 2 + 1)
    for offset in offsets:
        table = count_pairs(_shifted(training, offset), training.phones, shape) + 1.0
        # One more row: of a code beyond the ends, which says nothing.
        tables.append(np.pad(np.log(table / table.sum(axis=0)), ((0, 1), (0, 0))))
    around = [_shifted(held_out, offset) for offset in offsets]
    predicted = np.empty(len(held_out.codes), np.int64)
    size = max(1, _SCORES_AT_ONCE // phones)
    for start in range(0, len(predicted), size):
        part = slice(start, start + size)
        scores = log_prior + sum(
            table[codes_there[part]] for table, codes_there in zip(tables, around, strict=True)
        )
        predicted[part] = scores.argmax(axis=1)
    return predicted


def _shifted(frames, offset):
    """The code `offset` steps later in the same utterance; -1 where there is none."""
    places = np.arange(len(frames.codes)) + offset
    inside = (places >= 0) & (places < len(places))
    places = np.where(inside, places, 0)
    inside &= frames.utterances[places] == frames.utterances
    return np.where(inside, frames.codes[places], -1)


def bootstrap(
    right: np.ndarray, utterances: np.ndarray, draws: int = 1_000, seed: int = 0
) -> tuple[float, float]:
    """95 % interval of the mean of `right`, by resampling whole utterances.

    Frames of one utterance are not independent; utterances nearly are. For the difference of two
    predictions of the same frames give the difference of their `right`.

    Args:
        right: numbers, one for each frame.
        utterances: the utterance of each.
        draws: how often they are resampled.
        seed: of the draws.

    >>> bootstrap(np.ones(6), np.array([0, 0, 0, 1, 1, 2]))
    (1.0, 1.0)
    """
    _, own = np.unique(utterances, return_inverse=True)
    sums, sizes = np.bincount(own, right), np.bincount(own)
    generator = np.random.default_rng(seed)
    means = np.empty(draws)
    for number in range(draws):
        drawn = generator.integers(len(sums), size=len(sums))
        means[number] = sums[drawn].sum() / sizes[drawn].sum()
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def figures(
    training: Frames,
    held_out: Frames,
    shape: tuple[int, int],
    silences: Sequence[int] = (),
    seed: int = 0,
) -> dict[str, Any]:
    """What the codes of `held_out` say, by maps fitted on `training`.

    Args:
        training, held_out: codes, phones and voices.
        shape: number of codes, number of phones.
        silences: numbers of those phones that are silence.
        seed: of permutations and of the bootstrap.

    Returns:
        Shares, 0 to 1, and None where a figure does not exist:

        - `accuracy`, with its 95 % interval `accuracy_low`, `accuracy_high`;
        - `accuracy_without_silence`: silence left out of training and held-out frames;
        - `accuracy_of_context`: by `context_predictions`;
        - `accuracy_from_other_voices`: by maps that never saw the voice, frames of voices that are
          in the training frames;
        - `accuracy_of_permuted_codes`: the codes of each utterance in another order;
        - `accuracy_on_the_same_data`: of a map fitted on the held-out frames themselves (the
          purity);
        - `voice_from_code`: as `accuracy`, of voices; frames of voices in the training frames;
        - `normalised_mutual_information`, and `mutual_information` in bits, of the held-out
          frames;
        - `perplexity` and `codes_in_use` of the held-out frames.
    """
    scored = held_out.where(held_out.phones >= 0)
    mapped = likeliest(count_pairs(training.codes, training.phones, shape))
    right = mapped[scored.codes] == scored.phones
    low, high = bootstrap(right, scored.utterances, seed=seed)
    table = count_pairs(scored.codes, scored.phones, shape)
    shuffled = permuted(held_out, seed)
    known = scored.where(np.isin(scored.voices, training.voices[training.voices >= 0]))
    used = np.bincount(held_out.codes)
    return {
        "accuracy": float(right.mean()),
        "accuracy_low": low,
        "accuracy_high": high,
        "accuracy_without_silence": _without(training, scored, shape, silences),
        "accuracy_of_context": accuracy(
            context_predictions(training, held_out, shape), held_out.phones
        ),
        "accuracy_from_other_voices": accuracy_from_other_voices(training, known, shape),
        "accuracy_of_permuted_codes": accuracy(mapped[shuffled.codes], shuffled.phones),
        "accuracy_on_the_same_data": purity(table),
        "voice_from_code": voice_from_code(training, known, shape[0]),
        "normalised_mutual_information": normalised_mutual_information(table),
        "mutual_information": mutual_information(table),
        "perplexity": float(2 ** _entropy(used)),
        "codes_in_use": int((used > 0).sum()),
    }


def voice_from_code(training: Frames, held_out: Frames, codes: int) -> float | None:
    """How often the voice that is most likely given the code is the one that is heard.

    Args:
        training: the frames that the map of codes to voices is fitted on.
        held_out: those that it is scored on.
        codes: number of codes.
    """
    voices = int(max(training.voices.max(initial=-1), held_out.voices.max(initial=-1))) + 1
    if voices < 2 or not (training.voices >= 0).any():
        return None
    table = count_pairs(training.codes, training.voices, (codes, voices))
    return accuracy(likeliest(table)[held_out.codes], held_out.voices)


def voice_from_code_by_halves(frames: Frames, codes: int) -> float | None:
    """`voice_from_code` of one set of utterances: fitted on one half, scored on the other half.

    Every second utterance of each voice is in one half. None with fewer than two voices, or with
    one utterance of each.

    Args:
        frames: codes, voices and utterances; phones do not matter.
        codes: number of codes.
    """
    halves = np.zeros(len(frames.codes), bool)
    for voice in np.unique(frames.voices):
        own = frames.voices == voice
        _, rank = np.unique(frames.utterances[own], return_inverse=True)
        halves[own] = rank % 2
    right = total = 0.0
    for half in (halves, ~halves):
        training, held_out = frames.where(half), frames.where(~half)
        held_out = held_out.where(np.isin(held_out.voices, training.voices[training.voices >= 0]))
        found = voice_from_code(training, held_out, codes)
        if found is not None:
            right += found * len(held_out.codes)
            total += len(held_out.codes)
    return right / total if total else None


def _without(training, scored, shape, silences):
    training, scored = (each.where(~np.isin(each.phones, silences)) for each in (training, scored))
    mapped = likeliest(count_pairs(training.codes, training.phones, shape))
    return accuracy(mapped[scored.codes], scored.phones)
