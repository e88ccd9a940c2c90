# TensorFlow ships no types. Here all of it is Any, but for the class that Keras's layers and models
# derive from: a class with Any among its bases has every attribute and fits every Protocol.

from typing import Any

from tensorflow import __internal__ as __internal__

def __getattr__(name: str) -> Any: ...
