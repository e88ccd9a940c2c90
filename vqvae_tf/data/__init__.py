"""Data sources by URI: pictures, sounds, episodes, code maps; whole or as training batches."""

from vqvae_tf.data.codes import CodeRecords, code_batches, grid_of
from vqvae_tf.data.episode_records import write_episodes
from vqvae_tf.data.episodes import ActionSpace, Episode, EpisodeSource, Future, episode_batches
from vqvae_tf.data.images import decode, read
from vqvae_tf.data.record_files import CLASSES_FILE
from vqvae_tf.data.records import write_codes, write_images
from vqvae_tf.data.sounds import Phone, Sound, SoundSource, sound_batches
from vqvae_tf.data.source import IndexedSource, Picture, Source, UnreadableError
from vqvae_tf.data.tiles import batches
from vqvae_tf.data.uri import open_episodes, open_sounds, open_source

__all__ = [
    "ActionSpace",
    "CLASSES_FILE",
    "CodeRecords",
    "Episode",
    "EpisodeSource",
    "Future",
    "IndexedSource",
    "Phone",
    "Picture",
    "Sound",
    "SoundSource",
    "Source",
    "UnreadableError",
    "batches",
    "code_batches",
    "decode",
    "episode_batches",
    "grid_of",
    "open_episodes",
    "open_sounds",
    "open_source",
    "read",
    "sound_batches",
    "write_codes",
    "write_episodes",
    "write_images",
]
