"""The signatures of an export, which clients call by name."""

import math
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from vqvae_tf.errors import UserError
from vqvae_tf.export.signature import Input, Signature
from vqvae_tf.models import Autoencoder, Prior

MOST_SAMPLES = 256  # per request, as memory grows with them
MOST_PLACES = 2**16  # per sample, as samples are drawn place by place


def model_signatures(
    model: Autoencoder, batch: int | None = None, size: tuple[int, ...] | None = None
) -> dict[str, Signature]:
    """`encode`, `decode` and `reconstruct`; data are named by the model's `data_key`, e.g. `image`.

    `encode(image)` returns `codes`, `decode(codes)` returns `image`, `reconstruct(image)` returns
    `reconstruction`; pixels are uint8, codes int32.

    Args:
        model: the trained model.
        batch: number of examples; None for any.
        size: sides of the data, one for each axis of the grid; None for any.

    Raises:
        UserError: if the model's decoder cannot be a graph, or `size` has other axes.
    """
    if not model.decodes_in_graph:
        raise UserError(
            f"a {type(model).__name__} draws sample by sample, outside of a graph; so far only "
            "models whose decoder is a graph can be exported"
        )
    key, rank, spec = model.data_key, model.grid_rank, model.data_taken.spec
    if size is not None and (len(size) != rank or min(size) < 1):
        raise UserError(f"size must hold {rank} sides of at least 1; received {tuple(size)}")
    sides = [None] * rank if size is None else list(size)
    grid = [None] * rank if size is None else [-(-side // model.config.stride) for side in size]
    data = {key: Input(tf.TensorSpec([batch, *sides, *spec.shape[1 + rank :]], spec.dtype))}
    codes = {"codes": _codes([batch, *grid, *model.codes_spec.shape[1 + rank :]], model.code_sizes)}
    return {
        "encode": Signature(lambda **given: {"codes": model.encode(given[key])}, data),
        "decode": Signature(lambda codes: {key: model.decode(codes)}, codes),
        "reconstruct": Signature(
            lambda **given: {"reconstruction": model.reconstruct(given[key])}, data
        ),
    }


def prior_signatures(
    model: Autoencoder, prior: Prior, grid: tuple[int, ...]
) -> dict[str, Signature]:
    """`sample` from a seed and `log_prob`, for any number of grids at once.

    `sample(seed, count, temperature)` returns `codes` `[count, *grid]`, those of `prior.sample`,
    and the decoded data. `log_prob(codes)`, for grids of any size, returns `log_prob` `[batch]`, a
    natural logarithm. If the prior has classes, both also take the class, by the name of the
    prior's condition (`label`): one for all or one for each grid.

    Args:
        model: the autoencoder, which decodes the codes.
        prior: a prior over its codes.
        grid: (height, width) in codes.
    """
    condition = prior.config.condition

    def sample(seed, count, temperature, **told):
        key = tf.bitcast(seed, tf.uint64)  # -1 for 2^64 - 1
        codes, _ = prior.draw(
            prior.seeded_noise(key, count, grid),
            grid,
            count,
            temperature=temperature,
            classes=_one_for_each(condition, told[condition], count) if told else None,
        )
        return {"codes": codes, model.data_key: model.decode(codes)}

    def log_prob(codes, **told):
        count = tf.shape(codes)[0]
        told = {name: _one_for_each(name, value, count) for name, value in told.items()}
        return {"log_prob": prior.log_prob(codes, **told)}

    controls = {
        "seed": Input(tf.TensorSpec([], tf.int64)),
        "count": Input(tf.TensorSpec([], tf.int32), 1, MOST_SAMPLES),
        "temperature": Input(tf.TensorSpec([], tf.float32), 0.0),
    }
    codes = {"codes": _codes(prior.codes_spec.shape, prior.config.code_sizes)}
    told = _told(prior, None)  # of any rank: a scalar or a vector
    return {
        "sample": Signature(sample, controls | told),
        "log_prob": Signature(log_prob, codes | told),
    }


def sample_from_noise_signature(
    model: Autoencoder, prior: Prior, grid: tuple[int, ...]
) -> dict[str, Signature]:
    """`sample` of one grid from Gumbel noise that the caller provides.

    `sample(noise)`, for float32 `[*grid, slots, size]`, returns `codes` `[1, *grid]`, their
    `image`, and `log_prob`, the natural logarithm of the probability of each code given those
    before it, in the shape of the codes. If the prior has classes, it also takes `label` `[1]`.
    The names of the noise inputs are those of `prior.noise_shapes`.

    Args:
        model, prior, grid: as in `prior_signatures`.
    """

    def row_of(noise):
        return lambda i: noise[i][:, None]  # [width, 1, slots, size]

    shapes = prior.noise_shapes(grid)

    def sample(**given):
        codes, log_prob = prior.draw(
            {name: row_of(given[name]) for name in shapes},
            grid,
            1,
            classes=given.get(prior.config.condition),
            with_log_prob=True,
        )
        return {"codes": codes, model.data_key: model.decode(codes), "log_prob": log_prob}

    noise = {name: Input(tf.TensorSpec(shape, tf.float32)) for name, shape in shapes.items()}
    return {"sample": Signature(sample, noise | _told(prior, [1]))}


def _codes(shape, code_sizes):
    """The input for codes; slots of different sizes have different bounds."""
    most = tuple(size - 1 for size in code_sizes)
    return Input(tf.TensorSpec(shape, tf.int32), 0, most if len(set(most)) > 1 else most[0])


def _told(prior, shape):
    """The input for the class, by its name, if the prior has classes; -1 means no class."""
    spec = tf.TensorSpec(shape, tf.int32)
    return {
        name: Input(spec, -1, condition.num_classes - 1)
        for name, condition in prior.conditions.items()
    }


def _one_for_each(name, classes, count):
    """The class of each of `count` grids, from one for all or one for each."""
    right = (tf.rank(classes) <= 1) & ((tf.size(classes) == 1) | (tf.size(classes) == count))
    words = f"{name} must be one number for all grids or one for each; received shape"
    with tf.control_dependencies([tf.Assert(right, [words, tf.shape(classes), "for", count])]):
        classes = tf.reshape(classes, [-1])
    return tf.broadcast_to(classes, [count])


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
    if grid is None:
        return prior.config.crop
    if len(grid) != prior.grid_rank or min(grid) < 1:
        raise UserError(
            f"grid must hold {prior.grid_rank} sides of at least 1; received {tuple(grid)}"
        )
    if math.prod(grid) > MOST_PLACES:
        raise UserError(f"a grid has at most {MOST_PLACES:,} places; received {grid}")
    return tuple(grid)
