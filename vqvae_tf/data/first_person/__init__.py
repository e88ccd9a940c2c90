"""First-person episodes, recorded on the spot: walks through Doom and through mazes."""

from vqvae_tf.data.first_person.source import NAMES, EmbeddedEpisodes

__all__ = ["NAMES", "EmbeddedEpisodes"]
