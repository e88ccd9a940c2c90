"""Names of arguments in other libraries, with the equivalent in this one."""

_NUM_EMBEDDINGS = "write num_embeddings="
_NO_DIM = "leave it out, the dimension is taken from the input"
_COMMITMENT = "write commitment_cost="
_DECAY = "write decay="
_REVIVAL = "write revival_threshold=, in multiples of the mean count"
_LIST = "give a list of quantizers, one for each"
ANSWERS = {
    **dict.fromkeys(
        ("n_embed", "n_e", "n_embeddings", "num_codes", "n_codes", "codebook_size", "num_tokens"),
        _NUM_EMBEDDINGS,
    ),
    **dict.fromkeys(
        ("K", "k", "vocab_size", "embedding_num", "num_embedding", "codes"), _NUM_EMBEDDINGS
    ),
    **dict.fromkeys(("embedding_dim", "embed_dim", "e_dim", "dim", "code_size", "D"), _NO_DIM),
    **dict.fromkeys(
        ("beta", "commitment", "commitment_weight", "commitment_loss_weight", "commitment_beta"),
        _COMMITMENT,
    ),
    **dict.fromkeys(("gamma", "decay_rate", "ema_decay", "momentum"), _DECAY),
    **dict.fromkeys(("threshold_ema_dead_code", "dead_code_threshold", "threshold"), _REVIVAL),
    **dict.fromkeys(("eps", "epsilon"), "leave it out, a code without vectors keeps its value"),
    **dict.fromkeys(("num_quantizers", "n_q", "num_stages"), _LIST),
    **dict.fromkeys(("groups", "heads", "n_heads", "num_heads"), "wrap it in a GroupedQuantizer"),
    "codebook_dim": "wrap it in ProjectedQuantizer(quantizer, code_dim=...)",
    "code_dim": "wrap it in ProjectedQuantizer(quantizer, code_dim=...)",
    "use_cosine_sim": 'write distance="cosine"',
    "rotation_trick": 'write estimator="rotation"',
    "kmeans_init": "call the layer's initialize(dataset) before training",
    "quantize_dropout": "write dropout=",
    "orthogonal_reg_weight": "write orthogonality_cost=",
    "codebook_diversity_loss_weight": "write diversity_cost=",
    "entropy_loss_weight": "write entropy_cost= and diversity_cost=",
    "ema": "use VectorQuantizerEMA",
    "use_ema": "use VectorQuantizerEMA",
}
