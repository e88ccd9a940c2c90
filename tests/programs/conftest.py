from tests.programs.harness import call
from tests.small import runs

__all__ = ["call", "runs"]
