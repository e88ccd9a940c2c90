"""The flags of every program that trains: data, workdir, devices."""

import os
from typing import NamedTuple

from absl import flags

from vqvae_tf.errors import UserError
from vqvae_tf.programs import input_flags, output_flags


class RunFlags(NamedTuple):
    """The flags, after `define`."""

    data: flags.FlagHolder
    validation: flags.FlagHolder
    workdir: flags.FlagHolder
    strategy: flags.FlagHolder


def define(flag_values: flags.FlagValues, data: str) -> RunFlags:
    """Defines the flags of a training run; `data` is the help of `--data`."""

    def text(name, default, words, **options):
        return flags.DEFINE_string(name, default, words, flag_values=flag_values, **options)

    return RunFlags(
        data=text("data", None, data, required=True),
        validation=text(
            "validation", None, "URI of the data to evaluate on; the training data by default."
        ),
        workdir=text("workdir", None, "Folder of the run.", required=True),
        strategy=text("strategy", "default", "default, mirrored, mirrored:N, multi_worker or tpu."),
    )


def check(run: RunFlags) -> None:
    """Refuses data that do not exist, and a workdir that holds something else than a run."""
    output_flags.check_folder(run.workdir)
    workdir = run.workdir.value
    if os.path.isdir(workdir):
        names = sorted(name for name in os.listdir(workdir) if not name.startswith("."))
        if names and "config.json" not in names:
            raise UserError(
                f"workdir {workdir} holds {names[0]} but no config.json, so it is not a workdir; "
                "give an empty or absent folder"
            )
    input_flags.check_data(run.data)
    input_flags.check_data(run.validation)
