"""Descriptions of the inputs of models, and checks that raise one-line errors."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from vqvae_tf import arguments
from vqvae_tf.config import limits
from vqvae_tf.errors import UserError, nearest, shown

_DTYPES = {"uint8": tf.uint8, "floats": tf.float32, "integers": tf.int32}


@dataclasses.dataclass(frozen=True)
class Input:
    """A tensor that a model takes: data, codes or a condition.

    Attributes:
        name: its key in a batch.
        noun: its name in messages.
        axes: axes of its shape: a name for an axis of any size, else the size.
        values: "uint8", "floats" or "integers".
        low: smallest allowed value.
        highs: largest allowed value, or one for each slot of the last axis; empty for no limit.
        hints: ways out, by what was received: "floats", "integers", "fewer axes", "out of range".
        names: names of the integers, if they have any.
        one_for_all: whether a single value may be given for the whole batch.
        per_frame: whether there is one for each frame of the data, along their first two axes. A
            batch of one is then one for all.
        slot_axis: whether an axis for a single slot, which `axes` omits, is added by `check`.
    """

    name: str
    noun: str
    axes: tuple[str | int, ...]
    values: str
    low: int = 0
    highs: tuple[int, ...] = ()
    hints: Mapping[str, str] = dataclasses.field(default_factory=dict)
    names: tuple[str, ...] = ()
    one_for_all: bool = False
    per_frame: bool = False
    slot_axis: bool = False

    @property
    def spec(self) -> tf.TensorSpec:
        """The spec of the public input, with any size along the axes that have a name."""
        shape = [axis if isinstance(axis, int) else None for axis in self.axes]
        return tf.TensorSpec(shape, _DTYPES[self.values], name=self.name)

    def check(self, value: Any) -> Any:
        """`value` as a tensor of the type that networks take.

        For tensors in a graph the type and the shape are checked, for all others the values too. A
        symbolic input of a functional model is returned as it is.

        Raises:
            UserError: if the model cannot take it.

        >>> try:
        ...     pictures(channels=3).check(np.zeros((2, 8, 8, 3), "int32"))
        ... except UserError as error:
        ...     print(error)
        pictures must be uint8 of the shape [batch, height, width, 3]; received int32 of shape \
(2, 8, 8, 3): convert values in [0, 255] by pictures.astype("uint8")
        """
        value = arguments.dense(self.noun, value)
        if not isinstance(value, (keras.KerasTensor, tf.Tensor, tf.Variable)):
            value = self._array(value)
        self._check_form(value)
        if isinstance(value, keras.KerasTensor):
            return value
        value = tf.convert_to_tensor(value)
        if tf.is_symbolic_tensor(value):
            return self._with_slots(self._in_graph(value))
        for part, where, most in self._bounded(np.asarray(value)) if self.highs else ():
            low, high = part.min(), part.max()
            if not (low >= self.low and high <= most):  # so that NaN is refused as well
                raise UserError(self._range_words(where, most, low, high))
        return self._with_slots(tf.cast(value, _DTYPES[self.values]))

    def check_in_pipeline(self, value: Any) -> Any:
        """`check` inside `tf.data.Dataset.map`, where an assertion checks the values.

        `refusal_in` extracts the message from the assertion's error.
        """
        value = self.check(value)
        assertions = []
        for part, where, most in self._bounded(value) if self.highs else ():
            low, high = tf.reduce_min(part), tf.reduce_max(part)
            words = f"UserError: {self._range_words(where, most, '{}', '{}')}\n"
            good = (low >= tf.cast(self.low, low.dtype)) & (high <= tf.cast(most, high.dtype))
            assertions.append(tf.debugging.Assert(good, [tf.strings.format(words, [low, high])]))
        with tf.control_dependencies(assertions):
            return tf.identity(value)

    def nan_where_wrong(self, value: Any, of: Any) -> Any:
        """Floats `of` `[batch, ...]`, but NaN for examples whose `value` is out of range.

        For graphs, in which `check` cannot check values: a wrong class then gives a NaN loss, even
        if XLA removes assertions. `value` is `[batch, ...]` of any rank.
        """
        right = (value >= self.low) & (value <= self.highs[0])  # so that NaN is wrong as well
        right = tf.reduce_all(right, axis=list(range(1, value.shape.rank)))
        right = tf.reshape(right, [-1] + [1] * (of.shape.rank - 1))
        return tf.where(right, of, tf.constant(np.nan, of.dtype))

    def _bounded(self, value):
        """Yields `(part of value, its place in words, largest allowed value)`."""
        if len(set(self.highs)) == 1:
            yield value, "", self.highs[0]
        else:
            for slot, most in enumerate(self.highs):
                yield value[..., slot], f" in slot {slot}", most

    def _with_slots(self, value):
        if self.slot_axis and value.shape.rank == len(self.axes):
            return value[..., None]
        return value

    def _array(self, value):
        value = np.asarray(value)
        if self.names and value.dtype.kind == "U":
            numbers = [self._number(name) for name in value.ravel().tolist()]
            value = np.reshape(np.array(numbers, np.int32), value.shape)
        return value

    def _number(self, name):
        if name not in self.names:
            raise UserError(f'unknown {self.name} "{name}"; {nearest(name, self.names)}')
        return self.names.index(name)

    def _check_form(self, value):
        """Checks the type, the rank and the sizes, as far as they are known."""
        kind, received = _kind(value.dtype)
        shape = tf.TensorShape(value.shape)
        hint = ""
        if kind != self.values and (kind, self.values) != ("uint8", "integers"):
            hint = self.hints.get(kind, "")
        elif shape.is_compatible_with(self._shape(shape.rank)):
            if shape.rank is not None and 0 in shape:
                raise UserError(
                    f"{self.noun} must not be empty; received shape {tuple(shape)} for "
                    f"[{self._axes()}]"
                )
            return
        elif shape.rank < len(self.axes):
            for_all = "a batch of one is for all examples" if self.per_frame else ""
            hint = self.hints.get("fewer axes", for_all)
        sizes = "unknown shape" if shape.rank is None else f"shape {tuple(shape)}"
        raise UserError(f"{self._form()}; received {received} of {sizes}{hint and ': '}{hint}")

    def _shape(self, rank):
        """The shape that a value of this rank must have."""
        if self.one_for_all and rank == 0:
            return tf.TensorShape([])
        if self.slot_axis and rank == len(self.axes) + 1:
            return self.spec.shape + [1]
        return self.spec.shape

    def _in_graph(self, value):
        shape = self._shape(value.shape.rank)
        if not value.shape.is_subtype_of(shape):
            value = tf.ensure_shape(value, shape)
        if value.dtype.is_integer and value.dtype.size > 4:
            # Keeps values out of range, which a cast could wrap to a valid code.
            value = tf.clip_by_value(tf.cast(value, tf.int64), -2, 2**31 - 1)
        return tf.cast(value, _DTYPES[self.values])

    def _form(self):
        alone = "an integer for all, or " if self.one_for_all else ""
        return f"{self.noun} must be {alone}{self.values} of the shape [{self._axes()}]"

    def _axes(self):
        return ", ".join(map(str, self.axes))

    def _range_words(self, where, most, low, high):
        bounds = f"{self.low} and {most}{where}"
        if self.low == -1 and self.values == "integers":
            bounds = f"0 and {most}, or be -1 for none"
        hint = self.hints.get("out of range", "")
        return (
            f"{self.noun} must lie between {bounds}; received {low} to {high}{hint and ': '}{hint}"
        )


def pictures(channels: int) -> Input:
    """Pictures of `channels` channels, of any size."""
    return Input(
        "image",
        "pictures",
        ("batch", "height", "width", channels),
        "uint8",
        hints={
            "floats": 'convert values in [0, 1] by np.round(255 * pictures).astype("uint8")',
            "integers": 'convert values in [0, 255] by pictures.astype("uint8")',
            "fewer axes": "pictures[None] is a batch of one; dataset.batch(16) makes batches",
        },
    )


def videos(channels: int) -> Input:
    """Videos of frames of `channels` channels, of any length and size."""
    return Input(
        "frames",
        "videos",
        ("batch", "time", "height", "width", channels),
        "uint8",
        hints={
            "floats": 'convert values in [0, 1] by np.round(255 * frames).astype("uint8")',
            "integers": 'convert values in [0, 255] by frames.astype("uint8")',
            "fewer axes": "frames[None] is a batch of one; dataset.batch(16) makes batches",
        },
    )


def waveforms() -> Input:
    """Waveforms of any length."""
    return Input(
        "audio",
        "waveforms",
        ("batch", "time"),
        "floats",
        low=-1,
        highs=(1,),
        hints={
            "uint8": "convert 8-bit samples by (audio - 128.0) / 128",
            "integers": "divide 16-bit samples by 32768",
            "fewer axes": "audio[None] is a batch of one; dataset.batch(16) makes batches",
            "out of range": "divide 16-bit samples by 32768, clip overshoots of resampling",
        },
    )


def codes(rank: int, code_sizes: tuple[int, ...], frame: tuple[int, ...] = ()) -> Input:
    """Codes, with an axis of slots if there is more than one.

    Args:
        rank: rank of the grid: 1 for sequences, 2 for pictures, 3 for videos.
        code_sizes: number of values of each slot.
        frame: the last sides of the grid, if they are always the same.
    """
    slots = len(code_sizes)
    named = ("time", "height", "width")[0 if rank != 2 else 1 :][: rank - len(frame)]
    axes: tuple[str | int, ...] = ("batch", *named, *frame)
    return Input(
        "codes",
        "codes",
        axes if slots == 1 else (*axes, slots),
        "integers",
        highs=tuple(size - 1 for size in code_sizes),
        hints={"fewer axes": "codes[None] is a batch of one; dataset.batch(16) makes batches"},
        slot_axis=slots == 1,
    )


def classes(name: str, number: int, names: tuple[str, ...] = (), per_frame: bool = False) -> Input:
    """One of `number` classes for each example, or one for all; -1 for none.

    Args:
        name: its key in a batch.
        number: number of classes.
        names: names of the classes, if they have any.
        per_frame: whether there is one for each frame.
    """
    return Input(
        name,
        name,
        ("batch", "time") if per_frame else ("batch",),
        "integers",
        low=-1,
        highs=(number - 1,),
        hints={"out of range": "classes count from 0"},
        names=names,
        one_for_all=not per_frame,
        per_frame=per_frame,
    )


def numbers(name: str, dims: int, per_frame: bool) -> Input:
    """`dims` numbers for each example, or for each of its frames.

    Args:
        name: its key in a batch.
        dims: how many.
        per_frame: whether there are so many for each frame.
    """
    largest = int(limits.LARGEST_NUMBER)
    return Input(
        name,
        name,
        ("batch", "time", dims) if per_frame else ("batch", dims),
        "floats",
        low=-largest,
        highs=(largest,),
        hints={"out of range": "scale them to about 1"},
        per_frame=per_frame,
    )


def check_batch(
    inputs: Mapping[str, Input],
    batch: Any,
    unused: tuple[str, ...] = (),
    in_pipeline: bool = False,
    symbolic: bool = False,
) -> dict[str, Any]:
    """A batch as a dictionary of tensors, in the order of `inputs`.

    Args:
        inputs: inputs of the model, by name, the data first.
        batch: a dictionary, or the data alone.
        unused: keys that a batch may have and that the model ignores.
        in_pipeline: whether this is inside `tf.data.Dataset.map`.
        symbolic: whether symbolic inputs of functional models are taken.

    Raises:
        UserError: if the model cannot take it.
    """
    main, *_ = inputs
    known = [*inputs, *unused]
    if isinstance(batch, (tuple, list)):
        if not batch or any(each is not None for each in batch[1:]):
            raise UserError(
                f"a batch is a dictionary with the keys {', '.join(known)}, or {main} alone; "
                f"received a tuple of {len(batch)}: models compute their losses themselves and "
                "take no targets or weights"
            )
        batch = batch[0]
    if not isinstance(batch, Mapping):
        batch = {main: batch}
    for key in batch:
        if key not in inputs and key not in unused:
            raise UserError(f'unknown key "{key}" in a batch; {nearest(str(key), known)}')
    if batch.get(main) is None:
        held = [key for key, value in batch.items() if value is not None]
        raise UserError(f'a batch must hold "{main}"; received {", ".join(held) or "nothing"}')
    found: dict[str, Any] = {}
    for name, each in inputs.items():
        value = batch.get(name)
        if value is not None:
            if not symbolic:
                refuse_symbolic(each.noun, value)
            found[name] = one_for_each(each, value, found.get(main), in_pipeline)
    return found


def refuse_symbolic(noun: str, value: Any) -> None:
    """Refuses a symbolic input of a functional model where values are needed.

    Raises:
        UserError: naming the way out.
    """
    if isinstance(value, keras.KerasTensor):
        raise UserError(
            f"{noun} must have values here; received a symbolic input of a functional model: call "
            "the model itself with it, or its encode, decode or reconstruct"
        )


def check_file_name(what: str, path: Any, endings: tuple[str, ...], anything: bool = False) -> None:
    """Refuses the name of a file that Keras would write in another format than the wanted one.

    Args:
        what: what is saved, for the message.
        path: the name.
        endings: how it may end.
        anything: whether any name will do.

    Raises:
        UserError: naming the endings.
    """
    name = arguments.path("filepath", path)
    if not (anything or name.startswith("hf://") or name.endswith(endings)):
        raise UserError(
            f"{what} must be saved to a name that ends in {' or '.join(endings)}, which can be "
            f"loaded again; received {shown(name)}"
        )


def check_grid(codes: Any, data: Any, strides: tuple[int, ...]) -> None:
    """Refuses codes whose grid does not have one place for each stride of the data on every axis.

    Args:
        codes: `[batch, *grid, ...]`.
        data: `[batch, *sizes, ...]`.
        strides: stride of the grid along each of its axes.
    """
    sizes = data.shape[1 : 1 + len(strides)]
    grid = [None if size is None else -(-size // s) for size, s in zip(sizes, strides, strict=True)]
    wanted = tf.TensorShape([data.shape[0], *grid])
    if not codes.shape[: 1 + len(strides)].is_compatible_with(wanted):
        raise UserError(
            f"codes must be on the grid of this batch, {tuple(wanted)}; received shape "
            f"{tuple(codes.shape)}"
        )


def refusal_in(error: BaseException) -> str | None:
    """The message of a `UserError` inside an error of TensorFlow, or None."""
    found = re.search(r"UserError: (.*?)(\n|\\n|$)", str(error))  # assertions escape strings
    return None if found is None else found[1]


def one_for_each(taken: Input, value: Any, data: Any, in_pipeline: bool = False) -> Any:
    """`value`, checked and repeated for each example of the checked tensor `data`; None for None.

    Raises:
        UserError: if the model cannot take it, or the number of values or of frames differs.
    """
    value = taken.check_in_pipeline(value) if in_pipeline else taken.check(value)
    if data is None or isinstance(value, keras.KerasTensor) or isinstance(data, keras.KerasTensor):
        return value
    if value.shape.rank == 0:
        return tf.fill(tf.shape(data)[:1], value)
    if taken.per_frame:
        if not value.shape[1:2].is_compatible_with(data.shape[1:2]):
            raise UserError(
                f"{taken.noun} must be one for each of the {data.shape[1]} frames; received "
                f"{value.shape[1]}"
            )
        if value.shape[0] == 1:
            return tf.repeat(value, tf.shape(data)[0], axis=0)
    if not value.shape[:1].is_compatible_with(data.shape[:1]):
        raise UserError(
            f"{taken.noun} must be one for each of the {data.shape[0]} examples; received "
            f"{value.shape[0]}"
        )
    return value


def _kind(dtype):
    """`(kind, name)` of a dtype of TensorFlow, NumPy or Keras."""
    try:
        known = tf.as_dtype(dtype)
    except TypeError:
        return "another", str(dtype)
    name = str(dtype) if isinstance(dtype, np.dtype) else known.name  # object, not string
    if known == tf.uint8:
        return "uint8", name
    if known.is_floating:
        return "floats", name
    return ("integers" if known.is_integer else "another"), name
