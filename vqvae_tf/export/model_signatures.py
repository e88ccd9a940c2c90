"""The signatures of an export, which clients call by name."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from vqvae_tf import arguments
from vqvae_tf.config.limits import LARGEST_TABLE
from vqvae_tf.errors import UserError, shown
from vqvae_tf.export.signature import Input, Signature
from vqvae_tf.models import Autoencoder, Prior

MOST_SAMPLES = 256  # per request, as memory grows with them
MOST_PLACES = 2**16  # per sample, as samples are drawn place by place


def model_signatures(
    model: Autoencoder, batch: int | None = None, size: tuple[int, ...] | None = None
) -> dict[str, Signature]:
    """`encode`, `decode`, and both in one; data are named by the model's `data_key`, e.g. `image`.

    `encode(image)` returns `codes`, `decode(codes)` returns `image`, `reconstruct(image)` returns
    `reconstruction`; pixels are uint8, codes int32. If the decoder has conditions (`speaker`),
    `decode` takes them, and so does `convert(audio)`, which returns `audio`, in place of
    `reconstruct`. If the decoder draws, these also take a `seed` and a `temperature`. `encode`
    takes the conditions of the encoder; `convert`, whose sounds may be of anybody, tells it none.

    Args:
        model: the trained model.
        batch: number of examples; None for any. Conditions have one number for each, or for any
            number of examples also one for all.
        size: sides of the data, one for each axis of the grid; None for any.

    Raises:
        UserError: if `size` has other axes.
    """
    key = model.data_key
    data, codes = _data(model, batch, size), _codes_of(model, batch, size)
    numbers = None if batch is None else [batch]
    told, of_encoder = _told(model.conditions, numbers), _told(model.encoder_conditions, numbers)
    further = told | ({"seed": _SEED, "temperature": _TEMPERATURE} if model.draws else {})

    def arguments(given, examples):
        count = tf.shape(examples)[0] if batch is None else batch
        conditions = {name: _one_for_each(name, given[name], count) for name in told.keys() & given}
        return given | conditions

    def encode(**given):
        examples = given.pop(key)
        return {"codes": model.encode(examples, **arguments(given, examples))}

    def decode(codes, **given):
        return {key: model.decode(codes, **arguments(given, codes))}

    def both(**given):
        examples = given.pop(key)
        return {output: model.reconstruct(examples, **arguments(given, examples))}

    name, output = both_in_one(model)
    return {
        "encode": Signature(encode, data | of_encoder),
        "decode": Signature(decode, codes | further),
        name: Signature(both, data | further),
    }


def both_in_one(model: Autoencoder) -> tuple[str, str]:
    """The name of the signature that encodes and decodes, and that of its output."""
    return ("convert", model.data_key) if model.conditions else ("reconstruct", "reconstruction")


def decode_from_noise_signature(model: Any, size: tuple[int, ...]) -> dict[str, Signature]:
    """`decode` of one example of a model that draws, from Gumbel noise that the caller provides.

    `decode(codes, noise)` returns the data, and `log_prob`, the natural logarithm of the
    probability of each of their values given those before it. It takes the conditions of the
    decoder, each `[1]`. The names of the noise inputs are those of `model.noise_shapes`.

    Args:
        model: the trained model.
        size: sides of the data.

    Raises:
        UserError: if `size` has other axes, or the noise would be larger than memory allows.
    """
    codes = _codes_of(model, 1, size)
    shapes = model.noise_shapes(grid_of(model, size))
    most = max(map(math.prod, shapes.values()))
    if most > LARGEST_TABLE:
        raise UserError(
            f"decode of an example of size {size} would take {most:,} numbers of noise, more than "
            f"{LARGEST_TABLE:,}; give a smaller size"
        )

    def decode(codes, **given):
        noise = {name: _row_of(given.pop(name)) for name in shapes}
        data, log_prob = model.draw(codes, noise, **given)
        return {model.data_key: data, "log_prob": log_prob}

    return {"decode": Signature(decode, codes | _noise(shapes) | _told(model.conditions, [1]))}


def prior_signatures(
    model: Autoencoder,
    prior: Prior,
    grid: tuple[int, ...],
    class_names: Sequence[str] | None = None,
) -> dict[str, Signature]:
    """`sample` from a seed and `log_prob`, for any number of grids at once.

    `sample(seed, count, temperature)` returns `codes` `[count, *grid]`, those of `prior.sample`,
    and the decoded data. `log_prob(codes)`, for grids of any size, returns `log_prob` `[batch]`, a
    natural logarithm. If the prior has classes, both also take the class, by the name of the
    prior's condition (`label`): one for all or one for each grid. If the decoder has this
    condition, it is told the class too; if it draws, it does so by the same seed, at temperature 1.

    A prior of videos has `rollout(codes, seed, count, temperature)` in place of `sample`: `codes`
    are its `given_frames` first frames, of one video for all or one for each. Both signatures take
    its condition (`actions`) for each frame, of one video for all or one for each.

    Args:
        model: the autoencoder, which decodes the codes.
        prior: a prior over its codes.
        grid: (height, width) in codes.
        class_names: names of the prior's classes, as in `numbers_for_decoder`.
    """
    numbers = numbers_for_decoder(model, prior, class_names)
    conditions = prior.conditions

    def each(told, count, time):
        return {
            name: _one_for_each_frame(name, value, count, time)
            if conditions[name].per_frame
            else _one_for_each(name, value, count)
            for name, value in told.items()
        }

    def sample(seed, count, temperature, codes=None, **told):
        key = tf.bitcast(seed, tf.uint64)  # -1 for 2^64 - 1
        told, given = each(told, count, grid[0]), {}
        if codes is not None:
            given["given"] = tf.broadcast_to(codes, [count, *codes.shape[1:]])
        codes, _ = prior.draw(
            prior.seeded_noise(key, count, grid),
            grid,
            count,
            temperature=temperature,
            conditions=told,
            **given,
        )
        controls = {"seed": seed} if model.draws else {}
        data = model.decode(codes, **_of_decoder(numbers, told), **controls)
        return {"codes": codes, model.data_key: data}

    def log_prob(codes, **told):
        return {"log_prob": prior.log_prob(codes, **each(told, *tf.unstack(tf.shape(codes)[:2])))}

    count = Input(tf.TensorSpec([], tf.int32), 1, MOST_SAMPLES)
    controls = {"seed": _SEED, "count": count, "temperature": _TEMPERATURE}
    codes = {"codes": _codes(prior.codes_spec.shape, prior.config.code_sizes)}
    told = _told(conditions, None)  # of any rank: a scalar or a vector
    scored = {"log_prob": Signature(log_prob, codes | told)}
    if not prior.given_frames:
        return {"sample": Signature(sample, controls | told)} | scored
    shape = [None, prior.given_frames, *prior.codes_spec.shape[2:]]
    given = {"codes": _codes(shape, prior.config.code_sizes)}
    told = {
        name: each._replace(
            spec=_of_time(each.spec, grid[0]) if conditions[name].per_frame else each.spec
        )
        for name, each in told.items()
    }
    return {"rollout": Signature(sample, given | controls | told)} | scored


def numbers_for_decoder(
    model: Autoencoder, prior: Prior, class_names: Sequence[str] | None
) -> dict[str, np.ndarray]:
    """Which number the decoder is told for each class of the prior, by condition.

    Args:
        model: the autoencoder.
        prior: a prior over its codes.
        class_names: names of the prior's classes; None if the prior's numbers are the decoder's.

    Returns:
        For a condition that both have, int32 `[num_classes + 1]`: -1 for no class, then the number
        for each class, -1 for one that the decoder does not know. Else nothing.

    Raises:
        UserError: if the classes differ, if `class_names` has another number of them, or is given
            for a prior that has none.
    """
    found = {}
    if class_names and not prior.conditions:
        raise UserError(
            f"the prior has no classes; received class_names={shown(class_names)}: leave "
            "class_names out"
        )
    for name in model.conditions.keys() & prior.conditions.keys():
        known, classes = model.conditions[name], prior.conditions[name].num_classes
        if class_names is None and classes != known.num_classes:
            raise UserError(
                f"the prior has {classes} classes of {name} and the model {known.num_classes}; "
                "give class_names, the names of the prior's"
            )
        if class_names is not None and len(class_names) != classes:
            raise UserError(
                f"class_names must hold the names of {classes} classes; received {len(class_names)}"
            )
        names = known.names if class_names is None else class_names
        places = {each: number for number, each in enumerate(known.names)}
        found[name] = np.array([-1, *(places.get(each, -1) for each in names)], np.int32)
    return found


def grid_of(model: Autoencoder, size: tuple[int, ...]) -> tuple[int, ...]:
    """The sides in codes of data of this size.

    Raises:
        UserError: if `size` has other axes.
    """
    _check_size(model, size)
    return tuple(-(-side // s) for side, s in zip(size, model.strides, strict=True))


def sample_from_noise_signature(
    model: Autoencoder,
    prior: Prior,
    grid: tuple[int, ...],
    class_names: Sequence[str] | None = None,
    decodes: bool = True,
) -> dict[str, Signature]:
    """`sample` of one grid from Gumbel noise that the caller provides.

    `sample(noise)`, for float32 `[*grid, slots, size]`, returns `codes` `[1, *grid]`, their
    `image`, and `log_prob`, the natural logarithm of the probability of each code given those
    before it, in the shape of the codes. If the prior has classes, it also takes `label` `[1]`.
    The names of the noise inputs are those of `prior.noise_shapes`. Of a model that draws, whose
    `decode` needs noise too, `sample` returns codes only.

    Args:
        model, prior, grid, class_names: as in `prior_signatures`.
        decodes: whether to return the decoded data.
    """
    numbers = numbers_for_decoder(model, prior, class_names)
    shapes = prior.noise_shapes(grid)

    def sample(**given):
        noise = {name: _row_of(given.pop(name)) for name in shapes}
        codes, log_prob = prior.draw(noise, grid, 1, conditions=given, with_log_prob=True)
        drawn = {"codes": codes, "log_prob": log_prob}
        if model.draws or not decodes:
            return drawn
        data = model.decode(codes, **_of_decoder(numbers, given))
        return drawn | {model.data_key: data}

    return {"sample": Signature(sample, _noise(shapes) | _told(prior.conditions, [1]))}


_SEED = Input(tf.TensorSpec([], tf.int64))
_TEMPERATURE = Input(tf.TensorSpec([], tf.float32), 0.0)


def _data(model, batch, size):
    """The input for data, by its name."""
    taken, rank = model.data_taken, model.grid_rank
    _check_size(model, size)
    shape = [batch, *([None] * rank if size is None else size), *taken.spec.shape[1 + rank :]]
    bounds = (taken.low, taken.highs[0]) if taken.highs else ()
    return {model.data_key: Input(tf.TensorSpec(shape, taken.spec.dtype), *bounds)}


def _codes_of(model, batch, size):
    """The input for the codes of data of this size, by its name."""
    rank = model.grid_rank
    grid = [None] * rank if size is None else grid_of(model, size)
    shape = [batch, *grid, *model.codes_spec.shape[1 + rank :]]
    return {"codes": _codes(shape, model.code_sizes)}


def _check_size(model, size):
    if size is not None:
        sides("size", size, model.grid_rank)


def sides(name: str, value: Any, rank: int) -> tuple[int, ...]:
    """The sides of an example or of a grid; a `UserError` for anything else."""
    try:
        found = arguments.wholes(name, value, least=1)
    except UserError:
        found = ()
    if len(found) != rank:
        raise UserError(f"{name} must hold {rank} sides of at least 1; received {shown(value)}")
    return found


def check_models(model: Any, prior: Any) -> None:
    """Raises UserError if one is something else, such as a prior in the place of the model."""
    for name, value, wanted in (("model", model, Autoencoder), ("prior", prior, Prior)):
        if not isinstance(value, wanted) and not (name == "prior" and value is None):
            raise UserError(
                f"{name} must be one of the library's, of the class {wanted.__name__}; received "
                f"{shown(value)}"
            )


def _noise(shapes):
    """The inputs for noise, by their names."""
    return {name: Input(tf.TensorSpec(shape, tf.float32)) for name, shape in shapes.items()}


def _row_of(noise) -> Callable:
    """The function from a row's number to its noise, as samplers take it: one sample of given."""
    return lambda i: noise[i][:, None]  # [places, 1, slots, size]


def _codes(shape, code_sizes):
    """The input for codes; slots of different sizes have different bounds."""
    most = tuple(size - 1 for size in code_sizes)
    return Input(tf.TensorSpec(shape, tf.int32), 0, most if len(set(most)) > 1 else most[0])


def _told(conditions, shape):
    """The inputs for conditions, by name; -1 means no class. `shape` is that of classes."""
    found = {}
    for name, condition in conditions.items():
        taken = condition.input(name)
        spec = taken.spec if condition.per_frame else tf.TensorSpec(shape, tf.int32)
        found[name] = Input(spec, taken.low, taken.highs[0])
    return found


def _of_time(spec, time):
    """`spec` `[batch, time, ...]` for a known number of frames."""
    return tf.TensorSpec([spec.shape[0], time, *spec.shape[2:]], spec.dtype)


def _of_decoder(numbers, told):
    """The conditions of the decoder for those of the prior, by `numbers_for_decoder`."""
    return {name: tf.gather(table, told[name] + 1) for name, table in numbers.items()}


def _one_for_each(name, classes, count):
    """The class of each of `count` examples, from one for all or one for each."""
    if classes.shape.rank == 1 and classes.shape[0] == count:
        return classes
    right = (tf.rank(classes) <= 1) & ((tf.size(classes) == 1) | (tf.size(classes) == count))
    words = f"{name} must be one number for all examples or one for each; received shape"
    with tf.control_dependencies([tf.Assert(right, [words, tf.shape(classes), "for", count])]):
        classes = tf.reshape(classes, [-1])
    return tf.broadcast_to(classes, [count])


def _one_for_each_frame(name, value, count, time):
    """The values of each frame of `count` videos, from those of one for all or of one for each."""
    words = f"{name} must be one for each frame; received shape"
    right = tf.Assert(tf.shape(value)[1] == time, [words, tf.shape(value), "for", time, "frames"])
    with tf.control_dependencies([right]):
        return tf.broadcast_to(value, tf.concat([[count, time], tf.shape(value)[2:]], 0))


def save(path: str, signatures: dict[str, Any], *trained: Any) -> None:
    """Writes compiled `signatures` of the models `trained` as a SavedModel."""
    # Not by Keras's ExportArchive, which writes every weight twice. Functions are not attributes
    # of the module: called as attributes they would cast NumPy's floats to black pixels.
    module = tf.Module()
    module.weights = [variable.value for model in trained for variable in model.variables]
    tf.saved_model.save(module, path, signatures=signatures)


def described(signatures: Mapping[str, Signature], functions: Mapping[str, Any]) -> dict[str, Any]:
    """Inputs and outputs of signatures as JSON: types, shapes (null for any size) and bounds."""

    def typed(spec):
        shape = None if spec.shape.rank is None else spec.shape.as_list()
        return {"dtype": spec.dtype.name, "shape": shape}

    def described_input(wanted):
        bounds = {"least": wanted.least, "most": wanted.most}
        given = {name: bound for name, bound in bounds.items() if bound is not None}
        return typed(wanted.spec) | given

    def described_signature(name, signature):
        outputs = functions[name].get_concrete_function().structured_outputs
        return {
            "inputs": {key: described_input(wanted) for key, wanted in signature.inputs.items()},
            "outputs": {key: typed(output) for key, output in outputs.items()},
        }

    return {name: described_signature(name, each) for name, each in signatures.items()}


def sampled_grid(
    model: Autoencoder, prior: Prior | None, grid: tuple[int, ...] | None
) -> tuple[int, ...] | None:
    """The grid that `sample` draws: the given one, or the prior's training grid.

    Raises:
        UserError: for a prior over other codes than the model's, or an invalid grid.
    """
    if prior is None:
        if grid is not None:
            raise UserError(
                f"grid is the size of a prior's samples; received {grid} and no prior: give the "
                "prior, or leave grid out"
            )
        return None
    if (prior.grid_rank, prior.config.code_sizes) != (model.grid_rank, model.code_sizes):
        raise UserError(
            f"the prior is over grids of rank {prior.grid_rank} with code_sizes "
            f"{prior.config.code_sizes}, and the model has rank {model.grid_rank} and "
            f"{model.code_sizes}; give a prior that was trained on this model"
        )
    grid = sides("grid", prior.config.crop if grid is None else grid, prior.grid_rank)
    if prior.given_frames and (grid[0] <= prior.given_frames or grid[1:] != prior.frame):
        height, width = prior.frame
        raise UserError(
            f"grid must hold more than the {prior.given_frames} frames that are given, of "
            f"{height} x {width} codes; received {tuple(grid)}"
        )
    if math.prod(grid) > MOST_PLACES:
        raise UserError(f"a grid has at most {MOST_PLACES:,} places; received {grid}")
    return tuple(grid)
