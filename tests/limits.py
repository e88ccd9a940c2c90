"""What a test may use at most."""

import contextlib
import resource
from collections.abc import Iterator


@contextlib.contextmanager
def memory(more: int) -> Iterator[None]:
    """In the block the process gets no more than so many bytes on top of what it has reserved."""
    with open("/proc/self/statm") as file:
        reserved = int(file.read().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (reserved + more, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
