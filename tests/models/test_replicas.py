"""One replica equals two under plain `fit`: weights, codebooks and the losses that are shown."""

import subprocess
import sys

import numpy as np


def test_two_replicas_train_as_one(tmp_path):
    results = {}
    for replicas in (1, 2):
        path = tmp_path / f"{replicas}.npz"
        command = [sys.executable, "-m", "tests.models.replicas_program", str(replicas), str(path)]
        subprocess.run(command, check=True)
        results[replicas] = dict(np.load(path))
    assert results[1].keys() == results[2].keys()
    for name, expected in results[1].items():
        found = results[2][name]
        if "/variables/" in name:
            np.testing.assert_array_equal(found[0], found[1], err_msg=name)
            # Gradients are float32 sums in another order: 1e-7 of a gradient of size 1 a step,
            # over 18 steps whose momentum multiplies it by up to 10.
            np.testing.assert_allclose(found[0], expected[0], atol=2e-5, err_msg=name)
        elif not name.endswith("/perplexity"):  # of a replica's own codes, which are fewer
            np.testing.assert_allclose(found, expected, rtol=1e-5, err_msg=name)
    for case in ("ema", "loss", "sound"):
        losses = results[1][f"{case}/reconstruction"]
        assert losses[-1] < losses[0]
