"""Actions in files beside a video or a folder of frames (docs/formats.md)."""

import collections
import csv
import io
import json
import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from vqvae_tf.data import disk
from vqvae_tf.data.episodes import UNKNOWN, ActionSpace
from vqvae_tf.data.source import UnreadableError
from vqvae_tf.errors import UserError, listed, nearest, reason, shown
from vqvae_tf.text_numbers import whole_number

ENDINGS = (".csv", ".jsonl", ".npy")
NAMES_FILE = "actions.txt"  # next to episodes: names of the discrete actions, one per line
COLUMN = "action"  # of a CSV file of discrete actions
MOST_ACTIONS = 1_024  # without names: a stray number would make as many classes
_MOST_BYTES = 2**30
_LARGEST = float(np.finfo(np.float32).max)
_MOST_NUMBER = np.iinfo(np.int64).max
_NONE, _DISCRETE = -1, 0  # kinds of actions, next to the numbers of a continuous one


def read(path: str, names: Sequence[str] = ()) -> np.ndarray:
    """The actions in a file, one for each frame.

    - CSV: a first line `action` and on each further line a number or a name; or, for continuous
      actions, a first line of other names and numbers in as many columns;
    - JSONL: on each line a number or a name in quotes; or a list of numbers, for continuous ones;
    - NPY: integers `[time]`, or floats `[time]` or `[time, dims]`.

    Args:
        path: any `tf.io.gfile` path that ends in one of `ENDINGS`.
        names: of discrete actions, by their number.

    Returns:
        int32 `[time]`, -1 where an action is not known, or float32 `[time, dims]`.

    Raises:
        UnreadableError: it holds anything else.
    """
    where = disk.printable(path)
    with disk.reading(path) as (file, size):
        if size > _MOST_BYTES:
            raise UnreadableError(f"{where}: {size:,} bytes are too many for actions")
        data = file.read(size)
    if path.lower().endswith(".npy"):
        return checked(_array(data, where), where, names)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableError(f"{where}: not UTF-8; save it as such") from None
    rows = _csv(text, where) if path.lower().endswith(".csv") else _json_lines(text, where)
    if not rows:
        raise UnreadableError(f"{where}: holds no action")
    if isinstance(rows[0][1], list):
        return _continuous(rows, where)
    numbers = [_number(value, f"{where}, line {line:,}", names) for line, value in rows]
    return checked(np.array(numbers, np.int64), where, names)


def names_in(uri: str, folder: str) -> tuple[str, ...]:
    """The names of discrete actions in a folder's `actions.txt`; none if there is no such file.

    Raises:
        UserError: it is not text, names no action, or one twice.
    """
    path = os.path.join(folder, NAMES_FILE)
    if not tf.io.gfile.exists(path):
        return ()
    with disk.reading(path) as (file, _):
        try:
            lines = file.read().decode("utf-8-sig").splitlines()
        except UnicodeDecodeError:
            raise UserError(f"{uri}: {NAMES_FILE} is not UTF-8; save it as such") from None
    names = tuple(disk.printable(line.strip()) for line in lines if line.strip())
    twice = [name for name, count in collections.Counter(names).items() if count > 1]
    if not names or twice:
        raise UserError(
            f"{uri}: {NAMES_FILE} must name an action on each line, each once; received "
            f"{listed(twice) + ' twice' if twice else 'none'}"
        )
    return names


def space_of(found: Iterable[np.ndarray | None], names: tuple[str, ...] = ()) -> ActionSpace:
    """The space of the actions of all episodes, of the kind that most of them have.

    Args:
        found: the actions of each episode; None if it has none.
        names: of discrete actions; without names they are the numbers up to the largest, 0 if
            none is known.
    """
    known = list(found)
    counts = collections.Counter(map(_kind, known))
    # Of kinds that are equally frequent one with actions, and of these the first.
    kind = max(counts, key=lambda kind: (counts[kind], kind != _NONE), default=_NONE)
    if kind == _NONE:
        return ActionSpace()
    if kind != _DISCRETE:
        return ActionSpace(dims=kind)
    discrete = [each for each in known if each is not None and each.ndim == 1]
    number = len(names) or max(int(each.max(initial=0)) for each in discrete) + 1
    return ActionSpace(number=number, names=names or tuple(map(str, range(number))))


def say_none(uri: str, others: Iterable[str]) -> None:
    """Logs that no episode has actions, and what else they hold, such as a misspelt `actions`."""
    if found := sorted(set(others) - {"frames", "name"}):
        logging.warning(
            "%s: the episodes have no actions, and what they hold beside their frames is not used: "
            '%s; actions must be named "actions"',
            uri,
            disk.printable(listed(found)),
        )
    else:
        logging.info("%s: the episodes have no actions", uri)


def check_kind(actions: np.ndarray | None, space: ActionSpace, name: str) -> None:
    """Refuses the actions of an episode that are of another kind than those of its source.

    Raises:
        UnreadableError: they are.
    """
    mine, wanted = _kind(actions), space.dims or (_DISCRETE if space.number else _NONE)
    if mine != wanted:
        raise UnreadableError(
            f"{name}: {_described(mine)}, where most episodes have {_described(wanted)}"
        )


def _kind(actions: np.ndarray | None) -> int:
    """The numbers of a continuous action, `_DISCRETE` or `_NONE`."""
    if actions is None:
        return _NONE
    return actions.shape[1] if actions.ndim > 1 else _DISCRETE


def _described(kind: int) -> str:
    known = {_NONE: "no actions", _DISCRETE: "discrete actions"}
    return known.get(kind) or f"continuous actions of {kind} numbers"


def check_length(actions: np.ndarray | None, frames: int, name: str) -> None:
    """Refuses the actions of an episode of so many frames that are more or fewer.

    Raises:
        UnreadableError: they are.
    """
    if actions is not None and len(actions) != frames:
        raise UnreadableError(
            f"{name}: {frames} frames and {len(actions)} actions; give one action for each frame"
        )


def checked(actions: Any, where: str, names: Sequence[str] = ()) -> np.ndarray:
    """Actions of an array, as int32 `[time]` or float32 `[time, dims]`.

    Raises:
        UnreadableError: the array has another form, a number that is out of range or not finite.
    """
    if actions.dtype.kind in "iu" and actions.ndim == 1:
        most = len(names) or MOST_ACTIONS
        wrong = (actions < UNKNOWN) | (actions >= most)
        if wrong.any():
            place = int(wrong.argmax())
            more = "" if names else f", and {NAMES_FILE} names more than {MOST_ACTIONS:,} of them"
            raise UnreadableError(
                f"{where}: action {int(actions[place])} of frame {place} is none of 0 to "
                f"{most - 1}; -1 is one that is not known{more}"
            )
        return actions.astype(np.int32)
    if actions.dtype.kind == "f" and actions.ndim == 1:
        actions = actions[:, None]
    if actions.dtype.kind == "f" and actions.ndim == 2 and actions.shape[1]:
        with np.errstate(over="ignore"):
            actions = actions.astype(np.float32)
        if not np.isfinite(actions).all():
            raise UnreadableError(f"{where}: actions must be finite numbers of float32")
        return actions
    raise UnreadableError(
        f"{where}: actions must be integers [time] or floats [time, dims]; received "
        f"{actions.dtype} {list(actions.shape)}"
    )


def _array(data: bytes, where: str) -> np.ndarray:
    try:
        return np.load(io.BytesIO(data), allow_pickle=False)
    except Exception as error:  # a damaged file may raise any error
        raise UnreadableError(f"{where}: not an NPY file ({reason(error)})") from error


def _csv(text: str, where: str) -> list[tuple[int, Any]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        rows = [(reader.line_num, [each.strip() for each in row]) for row in reader if row]
    except csv.Error as error:
        raise UnreadableError(f"{where}, line {reader.line_num:,}: not CSV ({error})") from error
    if not header or not all(isinstance(_number_or_text(name), str) for name in header):
        raise UnreadableError(
            f'{where}: its first line must be "{COLUMN}", or name the columns of continuous '
            f"actions; received {shown(','.join(header))}"
        )
    for line, row in rows:
        if len(row) != len(header):
            raise UnreadableError(
                f"{where}, line {line:,}: must have {len(header)} fields; received {len(row)}"
            )
    if header == [COLUMN]:
        return [(line, row[0]) for line, row in rows]
    return [(line, [_number_or_text(each) for each in row]) for line, row in rows]


def _json_lines(text: str, where: str) -> list[tuple[int, Any]]:
    rows = []
    for line, content in enumerate(text.split("\n"), 1):
        if not content.strip():
            continue
        try:
            rows.append((line, json.loads(content)))
        except (ValueError, RecursionError):
            raise UnreadableError(
                f"{where}, line {line:,}: must be JSON; received {shown(content)}"
            ) from None
    return rows


def _continuous(rows: list[tuple[int, Any]], where: str) -> np.ndarray:
    dims = len(rows[0][1])
    for line, row in rows:
        if not isinstance(row, list) or len(row) != dims or not all(map(_is_number, row)):
            raise UnreadableError(
                f"{where}, line {line:,}: must hold {dims} finite numbers, as many as the first "
                f"one; received {shown(row)}"
            )
    return checked(np.array([row for _, row in rows], np.float64), where)


def _number(value: Any, at: str, names: Sequence[str]) -> int:
    """The number of a discrete action, given by its name or its number."""
    if isinstance(value, str) and value in names:
        return list(names).index(value)
    number = whole_number(value) if isinstance(value, str) else value
    if value in ("-1", -1):
        return UNKNOWN
    if isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= _MOST_NUMBER:
        return number
    known = nearest(str(value), names) if names and isinstance(value, str) else "give its number"
    raise UnreadableError(f"{at}: unknown action {shown(value)}; {known}")


def _number_or_text(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _is_number(value: Any) -> bool:
    """Whether it is a number that is finite in float32; an int may be too large for a float."""
    return type(value) in (int, float) and abs(value) <= _LARGEST
