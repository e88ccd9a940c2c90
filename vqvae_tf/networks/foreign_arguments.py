"""Names of networks' arguments in other libraries, with the equivalent in this one."""

_WIDTHS = "write widths=, one number per level"
_RESIDUAL_BLOCKS = "write residual_blocks="
_RESIDUAL_WIDTH = "write residual_width="
_NUM_EMBEDDINGS = "write num_embeddings="
_CHANNELS = "write channels="
_LAYERS = "write layers="
_CLASSES = "write num_classes="
_INPUT = "leave it out, the channels are taken from the input"

CONVOLUTIONAL = {
    **dict.fromkeys(("hidden_dim", "hidden_channels", "num_hiddens", "channel", "ch"), _WIDTHS),
    **dict.fromkeys(("num_residual_layers", "n_res_block", "num_res_blocks"), _RESIDUAL_BLOCKS),
    **dict.fromkeys(("num_residual_hiddens", "n_res_channel"), _RESIDUAL_WIDTH),
    **dict.fromkeys(("in_channel", "in_channels", "input_dim"), _INPUT),
    **dict.fromkeys(
        ("out_channel", "out_channels", "output_channels"),
        "write embedding_dim= of an Encoder, channels= of a Decoder",
    ),
    **dict.fromkeys(("z_channels", "latent_dim", "code_dim", "dim"), "write embedding_dim="),
    **dict.fromkeys(("stride", "downsampling"), "write strides="),
    "data_format": "leave it out, channels are always last",
}
_OF_CODES = {
    **dict.fromkeys(
        ("n_embed", "codebook_size", "num_codes", "vocab_size", "n_class", "input_channels"),
        _NUM_EMBEDDINGS,
    ),
    **dict.fromkeys(
        ("num_filters", "filters", "n_channel", "hidden_dim", "residual_channels", "dim"), _CHANNELS
    ),
    **dict.fromkeys(("n_classes", "num_labels", "num_speakers"), _CLASSES),
    **dict.fromkeys(("dropout_p", "dropout_rate"), "write dropout="),
}
PIXELCNN = {
    **_OF_CODES,
    **dict.fromkeys(("n_layers", "num_layers", "n_block", "num_resnet"), _LAYERS),
    "kernel": "write kernel_size=(rows, columns)",
}
WAVENET = {
    **_OF_CODES,
    **dict.fromkeys(("dilation", "dilation_rates", "dilation_channels"), "write dilations="),
    **dict.fromkeys(("n_layers", "num_layers", "layers", "blocks"), "write dilations=, one each"),
    **dict.fromkeys(("quantization_channels", "classes"), _NUM_EMBEDDINGS),
    **dict.fromkeys(("cond_channels", "local_condition_channels"), "write local_channels="),
    **dict.fromkeys(("hop_size", "upsample_factor"), "write upsampling="),
    "filter_width": "write kernel_size=",
}
