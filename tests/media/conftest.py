from tests.small import runs

__all__ = ["runs"]
