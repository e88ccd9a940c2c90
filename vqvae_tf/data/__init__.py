"""Data sources: a URI -> pictures or code maps, whole or as endless training batches."""

from vqvae_tf.data.tiles import batches
from vqvae_tf.data.codes import CodeRecords
from vqvae_tf.data.codes import code_batches
from vqvae_tf.data.images import decode
from vqvae_tf.data.images import read
from vqvae_tf.data.records import write_codes
from vqvae_tf.data.records import write_images
from vqvae_tf.data.source import IndexedSource
from vqvae_tf.data.source import Picture
from vqvae_tf.data.source import Source
from vqvae_tf.data.source import UnreadableError
from vqvae_tf.data.uri import open_source

__all__ = [
    "CodeRecords",
    "IndexedSource",
    "Picture",
    "Source",
    "UnreadableError",
    "batches",
    "code_batches",
    "decode",
    "open_source",
    "read",
    "write_codes",
    "write_images",
]
