from typing import Any

from tensorflow.__internal__ import tracking as tracking

def __getattr__(name: str) -> Any: ...
