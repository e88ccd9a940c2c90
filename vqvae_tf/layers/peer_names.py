"""Arguments as other libraries name them, answered with the name that they have here."""

import inspect

from vqvae_tf.errors import UserError

_NUM_EMBEDDINGS = "write num_embeddings="
_NO_DIM = "leave it out, the dimension is taken from the input"
_COMMITMENT = "write commitment_cost="
_DECAY = "write decay="
_REVIVAL = "write revival_threshold=, in multiples of the mean count"
_LIST = "give a list of quantizers, one for each"
_ANSWERS = {
    **dict.fromkeys(
        ("n_embed", "n_e", "n_embeddings", "num_codes", "n_codes", "codebook_size", "num_tokens"),
        _NUM_EMBEDDINGS,
    ),
    **dict.fromkeys(("K", "k", "vocab_size", "embedding_num", "codes"), _NUM_EMBEDDINGS),
    **dict.fromkeys(("embedding_dim", "embed_dim", "e_dim", "dim", "code_size", "D"), _NO_DIM),
    **dict.fromkeys(
        ("beta", "commitment", "commitment_weight", "commitment_loss_weight", "commitment_beta"),
        _COMMITMENT,
    ),
    **dict.fromkeys(("gamma", "decay_rate", "ema_decay", "momentum"), _DECAY),
    **dict.fromkeys(("threshold_ema_dead_code", "dead_code_threshold", "threshold"), _REVIVAL),
    **dict.fromkeys(("eps", "epsilon"), "leave it out, a code without vectors keeps its value"),
    **dict.fromkeys(("num_quantizers", "n_q", "num_stages"), _LIST),
    **dict.fromkeys(("groups", "heads", "n_heads", "num_heads"), "put a GroupedQuantizer around"),
    "codebook_dim": "put ProjectedQuantizer(quantizer, code_dim=...) around",
    "code_dim": "put ProjectedQuantizer(quantizer, code_dim=...) around",
    "use_cosine_sim": 'write distance="cosine"',
    "rotation_trick": 'write estimator="rotation"',
    "kmeans_init": "call the layer's initialize(dataset) before training",
    "quantize_dropout": "write dropout=",
    "orthogonal_reg_weight": "write orthogonality_cost=",
    "codebook_diversity_loss_weight": "write diversity_cost=",
    "entropy_loss_weight": "write entropy_cost= and diversity_cost=",
    "ema": "take VectorQuantizerEMA",
    "use_ema": "take VectorQuantizerEMA",
}


def refuse(cls: type, names) -> None:
    """Raises UserError for a name that the constructor of `cls` has not, but a peer's has.

    >>> from vqvae_tf.layers import VectorQuantizer
    >>> VectorQuantizer(512, beta=0.25)
    Traceback (most recent call last):
    vqvae_tf.errors.UserError: VectorQuantizer has no argument beta: write commitment_cost=
    """
    suspects = [name for name in names if name in _ANSWERS]
    if not suspects:
        return
    constructors = [vars(base)["__init__"] for base in cls.__mro__ if "__init__" in vars(base)]
    own = {name for each in constructors for name in inspect.signature(each).parameters}
    for name in suspects:
        if name not in own:
            raise UserError(f"{cls.__name__} has no argument {name}: {_ANSWERS[name]}")
