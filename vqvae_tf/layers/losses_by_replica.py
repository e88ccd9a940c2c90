"""The losses that a layer adds, apart for each replica of a `tf.distribute` strategy."""

from vqvae_tf.backend import active as backend


class LossesByReplica:
    """Replaces a layer's list of losses with one list per replica.

    Replicas are threads of one process that take turns at every exchange between them. With
    Keras's single list, a loss added before the exchange is cleared by the next replica, and one
    added after it is counted by all (`tests/layers/test_replicas.py` shows both). Keras uses the
    list only through the three methods below.
    """

    def __init__(self):
        self._lists = {}

    def _own(self) -> list:
        return self._lists.setdefault(backend.replica_key(), [])

    def extend(self, losses):
        self._own().extend(losses)

    def __getitem__(self, index):
        return self._own()[index]

    def clear(self):
        self._own().clear()

    def __deepcopy__(self, memo):
        return LossesByReplica()

    def __reduce__(self):
        return (LossesByReplica, ())
