"""The flags in results/quantizers: those of `vqvae-train`, for nine bits per vector."""

import importlib.util
import math
import pathlib

import pytest
from absl import flags

from vqvae_tf import presets
from vqvae_tf.programs import config_flags

ROOT = pathlib.Path(__file__).parents[2]
_SPEC = importlib.util.spec_from_file_location(
    "comparison", ROOT / "results/quantizers/comparison.py"
)
comparison = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(comparison)


@pytest.mark.parametrize(
    "fields", [*comparison.CASES.values(), *comparison.SETTINGS.values()], ids=str
)
def test_every_case_is_a_configuration_of_nine_bits(fields):
    arguments = [*comparison.TRAIN[1:], *comparison.flags(fields)]
    arguments = [each for each in arguments if each.startswith("--config.")]
    preset, flag_values = presets.preset("photos"), flags.FlagValues()
    config_flags.define(flag_values, preset, arguments)
    flag_values(["vqvae-train", *arguments])
    quantizer = config_flags.frozen(flag_values, preset).quantizer
    assert math.prod(quantizer.code_sizes) == 2**9
    assert quantizer.decay is None  # not the preset's, which is for `ema`
