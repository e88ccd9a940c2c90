"""Pictures and tables as one self-contained HTML page."""

from vqvae_tf.reporting.charts import bars, curves, rate_distortion, usage
from vqvae_tf.reporting.codecs import CodecResult, at_most, codec_curve, compress, pooled_psnr
from vqvae_tf.reporting.heat_map import heat_map
from vqvae_tf.reporting.page import (
    Bullets,
    Commands,
    Comparison,
    Drawing,
    Film,
    Films,
    Gallery,
    Links,
    Note,
    Page,
    Picture,
    Section,
    Sound,
    Table,
    render,
    write,
)
from vqvae_tf.reporting.pictures import beside, code_map, encode_png, encode_webp, enlarge, sheet
from vqvae_tf.reporting.videos import encode_mp4, strip

__all__ = [
    "Bullets",
    "CodecResult",
    "Commands",
    "Comparison",
    "Drawing",
    "Film",
    "Films",
    "Gallery",
    "Links",
    "Note",
    "Page",
    "Picture",
    "Section",
    "Sound",
    "Table",
    "at_most",
    "bars",
    "beside",
    "code_map",
    "codec_curve",
    "compress",
    "curves",
    "encode_mp4",
    "encode_png",
    "encode_webp",
    "enlarge",
    "heat_map",
    "pooled_psnr",
    "rate_distortion",
    "render",
    "sheet",
    "strip",
    "usage",
    "write",
]
