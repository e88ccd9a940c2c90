"""One replica equals two and four under plain `fit`: codebooks, weights and the reported loss."""

import subprocess
import sys

import numpy as np
import pytest

from tests.layers import replicas_program


@pytest.fixture(scope="session")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("replicas")
    outcome = {}
    for replicas in (1, 2, 4):
        path = folder / f"{replicas}.npz"
        subprocess.run(
            [sys.executable, "-m", "tests.layers.replicas_program", str(replicas), str(path)],
            check=True,
        )
        outcome[replicas] = dict(np.load(path))
    return outcome


@pytest.mark.parametrize("replicas", [2, 4])
def test_every_variable_has_the_same_bits_on_every_replica(results, replicas):
    for name, copies in results[replicas].items():
        if not name.endswith("/loss"):
            assert len(copies) == replicas
            for copy in copies[1:]:
                np.testing.assert_array_equal(copy, copies[0], err_msg=name)


@pytest.mark.parametrize("replicas", [2, 4])
def test_weights_codebooks_and_reported_loss_are_one_replica_s(results, replicas):
    for name, expected in results[1].items():
        mine = results[replicas][name]
        if name.endswith(("/step", "/counts", "/skipped_steps")):
            np.testing.assert_array_equal(mine[0], expected[0], err_msg=name)
        elif name.endswith(("/errors", "/gathered")):  # squares: 2e-6 in a vector is more in them
            np.testing.assert_allclose(mine[0], expected[0], rtol=2e-5, atol=1e-5, err_msg=name)
        elif name.endswith("/sums"):  # of some ten vectors each
            np.testing.assert_allclose(mine[0], expected[0], atol=2e-5, err_msg=name)
        elif name.endswith("/loss"):
            np.testing.assert_allclose(mine, expected, rtol=1e-6, err_msg=name)
        else:  # gradients are sums of float32 in another order: 1e-7 each over 24 steps
            np.testing.assert_allclose(mine[0], expected[0], atol=2e-6, err_msg=name)


def test_something_was_trained(results):
    for case in replicas_program.CASES:
        losses = results[1][f"{case}/loss"]
        assert losses[-1] < losses[0]
        steps = [v for name, v in results[1].items() if name.startswith(case) and "counts" in name]
        assert all(np.ptp(counts) > 0 for counts in steps)
