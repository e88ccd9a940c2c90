"""What an export answers: its signatures, as compiled functions by their names."""

import functools
from typing import Any

import tensorflow as tf

from vqvae_tf.errors import UserError
from vqvae_tf.models import ImageModel, Prior


def of_pictures(
    model: ImageModel,
    batch: int | None = None,
    size: tuple[int | None, int | None] = (None, None),
) -> dict[str, Any]:
    """`encode`, `decode` and `reconstruct`; None leaves a dimension open.

    `encode(image)` gives `codes`, `decode(codes)` gives `image`, `reconstruct(image)` gives
    `reconstruction`; pixels are uint8, codes int32.

    Args:
        model: the trained model.
        batch: number of pictures.
        size: (height, width) of the pictures.
    """
    grid = tuple(None if side is None else -(-side // model.config.stride) for side in size)
    picture = tf.TensorSpec([batch, *size, model.config.data.channels], tf.uint8, name="image")
    codes = tf.TensorSpec([batch, *grid, *model.codes_spec.shape[3:]], tf.int32, name="codes")

    @tf.function(input_signature=[picture])
    def encode(image):
        return {"codes": model.encode(image)}

    @tf.function(input_signature=[codes])
    def decode(codes):
        return {"image": model.decode(codes)}

    @tf.function(input_signature=[picture])
    def reconstruct(image):
        return {"reconstruction": model.reconstruct(image)}

    return {"encode": encode, "decode": decode, "reconstruct": reconstruct}


def of_prior(model: ImageModel, prior: Prior, grid: tuple[int, int]) -> dict[str, Any]:
    """`sample` from a seed and `log_prob`, of any number of grids at once.

    `sample(seed, count, temperature)` gives `codes` `[count, *grid]`, those of `prior.sample`, and
    the `image` of each; `log_prob(codes)`, of grids of any size, gives `log_prob` `[batch]`, a
    natural logarithm. Where the prior has classes both take a `label` as well, one for all or one
    for each grid.

    Args:
        model: the autoencoder, which makes pictures of the codes.
        prior: a prior over its codes.
        grid: (height, width) in codes.
    """

    def sample(seed, count, temperature, label=None):
        key = tf.bitcast(seed, tf.uint64)  # the seed modulo 2^64, as in `prior.sample`
        codes, _ = prior.draw(
            prior.seeded_noise(key, count, grid),
            grid,
            count,
            temperature=temperature,
            classes=None if label is None else tf.broadcast_to(label, [count]),
        )
        return {"codes": codes, "image": model.decode(codes)}

    def log_prob(codes, label=None):
        told = {}
        if label is not None:
            told[prior.config.condition] = tf.broadcast_to(label, tf.shape(codes)[:1])
        return {"log_prob": prior.log_prob(codes, **told)}

    arguments = [
        tf.TensorSpec([], tf.int64, name="seed"),
        tf.TensorSpec([], tf.int32, name="count"),
        tf.TensorSpec([], tf.float32, name="temperature"),
    ]
    codes = tf.TensorSpec(prior.codes_spec.shape, tf.int32, name="codes")
    # Of any rank: a scalar or a vector.
    label = [tf.TensorSpec(None, tf.int32, name="label")] if prior.config.num_classes else []
    return {
        "sample": tf.function(sample, input_signature=arguments + label, autograph=False),
        "log_prob": tf.function(log_prob, input_signature=[codes, *label], autograph=False),
    }


def of_noise(model: ImageModel, prior: Prior, grid: tuple[int, int]) -> dict[str, Any]:
    """`sample` of one grid from Gumbel noise that the caller brings.

    `sample(noise)`, of float32 `[*grid, slots, num_embeddings]`, gives `codes` `[1, *grid]`, their
    `image`, and `log_prob`, the natural logarithm of the probability of each code given those
    before it, shaped as the codes. Where the prior has classes it takes `label` `[1]` as well.
    Here the noise comes as a dictionary, by the names of `prior.noise_shapes`, which are the names
    of the exported inputs.

    Args:
        model, prior, grid: as in `of_prior`.
    """
    shapes = prior.noise_shapes(grid)

    def sample(noise, label=None):
        codes, log_prob = prior.draw(
            {name: functools.partial(_row, noise[name]) for name in shapes},
            grid,
            1,
            classes=label,
            with_log_prob=True,
        )
        return {"codes": codes, "image": model.decode(codes), "log_prob": log_prob}

    arguments: list[Any] = [
        {name: tf.TensorSpec(shape, tf.float32, name=name) for name, shape in shapes.items()}
    ]
    if prior.config.num_classes:
        arguments.append(tf.TensorSpec([1], tf.int32, name="label"))
    return {"sample": tf.function(sample, input_signature=arguments, autograph=False)}


def save(path: str, signatures: dict[str, Any], *trained: Any) -> None:
    """Writes a SavedModel of `signatures`, which hold variables of the models `trained`."""
    # Not by Keras's ExportArchive, which writes every weight twice.
    module = tf.Module()
    module.weights = [variable.value for model in trained for variable in model.variables]
    for name, function in signatures.items():
        setattr(module, name, function)
    tf.saved_model.save(module, path, signatures=signatures)


def sampled_grid(
    model: ImageModel, prior: Prior | None, grid: tuple[int, int] | None
) -> tuple[int, int] | None:
    """The grid that `sample` draws: the one given, or else that which the prior was trained on.

    Raises:
        UserError: for a prior over other codes than the model's, or a grid that cannot be.
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
    if len(grid) != 2 or min(grid) < 1:
        raise UserError(f"grid must be (height, width), both at least 1; received {grid}")
    return grid[0], grid[1]


def _row(noise, i):
    """Row i of the noise of one sample, `[height, width, slots, num_embeddings]`."""
    return noise[i][:, None]
