"""Compares the outputs of an export, run in another process, with those of the models."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from vqvae_tf.export import other_process


class Case(NamedTuple):
    """A call of an export, and the outputs of the models for the same inputs.

    Attributes:
        signature: its name.
        inputs, expected: arrays by name.
        drawn: name of the output whose values the decoder draws, or "".
    """

    signature: str
    inputs: Mapping[str, Any]
    expected: Mapping[str, Any]
    drawn: str = ""


def compare(path: str, cases: Iterable[Case]) -> dict[str, Any]:
    """Makes all calls in a process that cannot import vqvae_tf, and compares the outputs.

    Args:
        path: of the export.
        cases: the calls.

    Returns:
        What `check_saved_model` returns.

    Raises:
        UserError: if a call fails, or the process does.
    """
    cases = list(cases)
    calls = [(case.signature, case.inputs) for case in cases]
    results, times = other_process.outputs(path, calls)
    figures: dict[str, Any] = {"codes": 0, "codes_differing": 0, "largest_difference": 0.0}
    for case, found in zip(cases, results, strict=True):
        for name, value in case.expected.items():
            expected = np.asarray(value)
            gap = np.abs(expected.astype(np.float64) - found[name])
            if name == "codes":
                kind = "sampled_codes" if case.signature in ("sample", "rollout") else "codes"
                _add(figures, kind, expected.size)
                _add(figures, f"{kind}_differing", int(np.count_nonzero(gap)))
            elif name == "log_prob":  # of each grid, or of each value
                values = np.size(case.inputs["codes"]) if expected.ndim == 1 else expected.size
                per_value = float(gap.max()) * expected.size / values
                _raise(figures, "largest_log_prob_difference", per_value)
            elif name == case.drawn:
                _add(figures, "drawn_values", expected.size)
                _add(figures, "drawn_values_differing", int(np.count_nonzero(gap)))
            else:
                _raise(figures, "largest_difference", float(gap.max()))
    return figures | times


def _add(figures, name, number):
    figures[name] = figures.get(name, 0) + number


def _raise(figures, name, number):
    figures[name] = max(figures.get(name, 0.0), number)
