"""Sound files that a table lists: who speaks, which split, what is said and when."""

import csv
import functools
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from absl import logging

from vqvae_tf.data import disk, sound_files
from vqvae_tf.data.sounds import Phone, Sound, SoundSource
from vqvae_tf.data.source import UnreadableError
from vqvae_tf.errors import UserError, listed, nearest, shown
from vqvae_tf.files import is_local

COLUMNS = ("file", "speaker", "split", "phones", "text")
DEFAULT_SPLIT = "train"
_TOO_LONG = "field larger than field limit"  # how an error of the module csv begins
TOLERANCE = 0.01  # seconds by which phones may end after their sound: aligners count frames
_LONGEST = 1e9  # seconds
_FORM = re.compile(r"(.+\.(?:csv|jsonl))(?:/(.+))?", re.DOTALL | re.IGNORECASE)


class _Row(NamedTuple):
    """A line of the manifest; `phones` may be the path of a file of their own."""

    name: str
    file: str
    speaker: str
    split: str
    phones: tuple[Phone, ...] | str | None
    text: str | None


class SoundManifest(SoundSource):
    """`manifest:PATH[/SPLIT]`: the sound files that a CSV or JSONL file lists, in its order.

    The columns are `file` and, each of them optional, `speaker`, `split`, `phones` and `text`.
    Files are relative to the folder of PATH, unless their paths are absolute. If the manifest names
    splits, "train" is taken unless another is asked for. The speakers are those of this split.

    Phones are the path of a CSV file with the columns `phone`, `start` and `end`, in seconds, or,
    in a JSONL file, a list of such rows (`[["hh", 0.0, 0.07], ["ay", 0.07, 0.3]]`).

    Blanks around a value do not count. A line that cannot be used is named in the log, skipped and
    counted, and so is a sound that is absent, unreadable, or shorter than its phones say. Lines
    without a speaker, where others have one, are counted in one line of the log.
    """

    def __init__(self, uri: str, name: str):
        super().__init__(uri)
        form = _FORM.fullmatch(name)
        if not form:
            raise UserError(
                f"{uri}: a manifest must be a file ending in .csv or .jsonl; give "
                "manifest:PATH or manifest:PATH/SPLIT"
            )
        path, split = form.groups()
        self._folder = os.path.dirname(path)
        rows = _of_split(uri, self._rows(path), split, self.skip)
        self.class_names = tuple(sorted({row.speaker for row in rows if row.speaker}))
        self._numbers = {speaker: number for number, speaker in enumerate(self.class_names)}
        self._chosen = rows
        nobody = [row.name for row in rows if not row.speaker]
        if self.class_names and nobody:
            logging.warning(
                "%s: %d of %d sounds have no speaker: %s",
                uri,
                len(nobody),
                len(rows),
                listed(nobody),
            )
        self.files = tuple(self._beside(row.file) for row in rows)

    def __len__(self) -> int:
        return len(self._chosen)

    def entries(self, sample_rate: int) -> Iterator[tuple[str, Callable[[], Sound]]]:
        for row in self._chosen:
            yield row.name, functools.partial(self._read, row, sample_rate)

    def _read(self, row: _Row, sample_rate: int) -> Sound:
        phones = row.phones
        if isinstance(phones, str):
            phones = _phones_of_file(self._beside(phones))
        audio = sound_files.read(self._beside(row.file), sample_rate)
        if phones:
            phones = _within(phones, len(audio) / sample_rate, row.name)
        return Sound(
            name=row.name,
            audio=audio,
            speaker=self._numbers.get(row.speaker),
            phones=phones,
            text=row.text,
        )

    def _beside(self, file: str) -> str:
        return os.path.join(self._folder, file) if is_local(file) else file

    def _rows(self, path: str) -> list[_Row]:
        """All lines that can be used; the others are skipped."""
        where = disk.printable(path)
        rows, seen = [], set()
        try:
            with disk.reading(path) as (file, _):
                lines = _csv_lines if path.lower().endswith(".csv") else _json_lines
                for number, fields in lines(_texts(file, where), where):
                    at = f"{where}, line {number:,}"
                    try:
                        row = _row(fields, at)
                        place = _place(self._beside(row.file))
                        if place in seen:
                            raise UnreadableError(f"{at}: {row.name} is listed a second time")
                        seen.add(place)
                        rows.append(row)
                    except UnreadableError as error:
                        self.skip(at, error)
        except UnreadableError as error:  # of the manifest itself
            raise UserError(f"{self.uri}: {error}") from error
        if not rows:
            more = f" that can be used ({self.skipped:,} cannot)" if self.skipped else ""
            raise UserError(f"{self.uri}: the manifest lists no sound{more}")
        return rows


def _place(path: str) -> str:
    """The same for all paths of a file."""
    if not is_local(path):
        scheme, _, rest = path.partition("://")
        return f"{scheme}://{os.path.normpath(rest)}"
    return path if "\0" in path else os.path.realpath(path)


def _of_split(
    uri: str, rows: list[_Row], split: str | None, skip: Callable[[str, UnreadableError], None]
) -> list[_Row]:
    """The rows of that split; all where neither the URI nor the manifest names one."""
    splits = {row.split for row in rows if row.split}
    if not splits and split is None:
        return rows
    wanted = DEFAULT_SPLIT if split is None else disk.printable(split)
    if not splits:
        raise UserError(f'{uri}: the manifest names no splits; leave "/{wanted}" out')
    if wanted not in splits:
        raise UserError(f'{uri}: unknown split "{wanted}"; {nearest(wanted, splits)}')
    for row in rows:
        if not row.split:
            skip(row.name, UnreadableError(f"{row.name}: of no split, though others are of one"))
    return [row for row in rows if row.split == wanted]


def _texts(file: Iterable[bytes], where: str) -> Iterator[str]:
    # Some spreadsheets end lines by a carriage return alone.
    lines = (line for part in file for line in part.splitlines(keepends=True))
    for number, line in enumerate(lines, 1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise UnreadableError(
                f"{where}, line {number:,}: not UTF-8; save it as such"
            ) from error


def _csv_lines(lines: Iterable[str], where: str) -> Iterator[tuple[int, Any]]:
    """Each line's number and its fields by column; a line of another length gives its fields.

    A line with a longer field than `csv` reads gives an error.
    """
    reader = csv.reader(lines, strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        for name in header:
            _check_column(name, where)
            if header.count(name) > 1:
                raise UnreadableError(f'{where}: the column "{name}" is there twice')
        if "file" not in header:
            raise UnreadableError(
                f'{where}: its first line must name the columns, "file" among them; received '
                f"{shown(','.join(header))}"
            )
        while True:
            read = reader.line_num
            try:
                fields = next(reader, None)
            except csv.Error as error:
                # Further lines are read on only if this one is not within quotes.
                if reader.line_num > read + 1 or not str(error).startswith(_TOO_LONG):
                    raise
                at = f"{where}, line {reader.line_num:,}"
                yield reader.line_num, UnreadableError(f"{at}: {error}; give a JSONL file")
                continue
            if fields is None:
                return
            if fields:
                same = len(fields) == len(header)
                yield reader.line_num, dict(zip(header, fields, strict=True)) if same else fields
    except csv.Error as error:
        raise UnreadableError(f"{where}, line {reader.line_num:,}: not CSV ({error})") from error


def _json_lines(lines: Iterable[str], where: str) -> Iterator[tuple[int, Any]]:
    """Each line's number and its fields by column; a line that is no such JSON gives its text."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            fields = json.loads(line, object_pairs_hook=_named_once)
        except (ValueError, RecursionError):
            yield number, line
            continue
        if isinstance(fields, dict):
            for name in fields:
                _check_column(name, f"{where}, line {number:,}")
        yield number, fields


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a column is there twice")
    return fields


def _check_column(name: str, where: str) -> None:
    if name not in COLUMNS:
        given = disk.printable(name)[:100]
        raise UnreadableError(f'{where}: unknown column "{given}"; {nearest(given, COLUMNS)}')


def _row(fields: Any, at: str) -> _Row:
    if isinstance(fields, UnreadableError):
        raise fields
    if not isinstance(fields, dict):
        raise UnreadableError(
            f"{at}: must be a field for each column, or a JSON object; received {shown(fields)}"
        )
    texts = {}
    for name in ("file", "speaker", "split", "text"):
        value = fields.get(name)
        if value is not None and not isinstance(value, str):
            raise UnreadableError(f"{at}: {name} must be text; received {shown(value)}")
        texts[name] = (value or "").strip()
    if not texts["file"]:
        raise UnreadableError(f"{at}: names no file")
    try:
        os.fsencode(texts["file"])
    except UnicodeError as error:
        raise UnreadableError(f"{at}: no path of a file: {shown(texts['file'])}") from error
    phones = fields.get("phones")
    phones = phones.strip() if isinstance(phones, str) else phones
    if phones is not None and not isinstance(phones, str):
        phones = _checked(phones, at)
    return _Row(
        name=disk.printable(texts["file"]),
        file=texts["file"],
        speaker=disk.printable(texts["speaker"]),
        split=disk.printable(texts["split"]),
        phones=phones or None,
        text=texts["text"] or None,
    )


def _phones_of_file(path: str) -> tuple[Phone, ...]:
    where = disk.printable(path)
    with disk.reading(path) as (file, _):
        reader = csv.reader(_texts(file, where), strict=True)
        try:
            header, *rows = [[field.strip() for field in row] for row in reader if row] or [[]]
        except csv.Error as error:
            at = f"{where}, line {reader.line_num:,}"
            raise UnreadableError(f"{at}: not CSV ({error})") from error
    if header != ["phone", "start", "end"]:
        raise UnreadableError(
            f'{where}: its first line must be "phone,start,end"; received {shown(",".join(header))}'
        )
    return _checked([[*row[:1], *map(_number, row[1:])] for row in rows], where)


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _checked(rows: Any, at: str) -> tuple[Phone, ...]:
    """Rows of a phone, its start and its end, after a look at them."""
    if not isinstance(rows, list):
        raise UnreadableError(f"{at}: phones must be a list; received {shown(rows)}")
    phones: list[Phone] = []
    for row in rows:
        if not _is_phone(row):
            raise UnreadableError(
                f"{at}: a phone must be a name, its start and its end in seconds; received "
                f"{shown(row)}"
            )
        name, start, end = row
        earliest = phones[-1].end if phones else 0.0
        if not earliest <= start < end < _LONGEST:
            raise UnreadableError(
                f"{at}: each phone must begin where the one before ends, or later, and end after "
                f"that; received {shown(row)} after {earliest:g} s"
            )
        phones.append(Phone(disk.printable(name.strip()), float(start), float(end)))
    return tuple(phones)


def _is_phone(row: Any) -> bool:
    if not isinstance(row, list) or len(row) != 3 or not isinstance(row[0], str):
        return False
    return row[0].strip() != "" and all(type(time) in (int, float) for time in row[1:])


def _within(phones: tuple[Phone, ...], seconds: float, name: str) -> tuple[Phone, ...]:
    """The phones, the last one ending where the sound does at the latest."""
    last = phones[-1]
    if last.end > seconds + TOLERANCE or last.start >= seconds:
        raise UnreadableError(
            f'{name}: its phone "{last.phone}" lasts from {last.start:g} to {last.end:g} s, the '
            f"sound only {seconds:g} s"
        )
    return (*phones[:-1], last._replace(end=min(last.end, seconds)))
