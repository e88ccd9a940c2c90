"""Trains a WaveNet on the codes of another model and keeps a copy of it at several steps.

Usage: python results/audio/over_time.py CODES_FROM WORKDIR [--steps=1000,2000,...]

The copies are workdirs, `WORKDIR@STEPS`. A run that was interrupted resumes.
"""

import argparse
import dataclasses
import os
import shutil

from vqvae_tf import workflows
from vqvae_tf.presets import preset


def main():
    """Trains from one number of steps to the next."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("codes_from")
    parser.add_argument("workdir")
    parser.add_argument("--steps", default="1000,2000,4000,8000")
    parser.add_argument("--data", default="embedded:speech")
    parser.add_argument("--validation", default="embedded:speech_small/validation")
    given = parser.parse_args()
    for steps in map(int, given.steps.split(",")):
        kept = f"{given.workdir}@{steps}"
        if os.path.exists(kept):
            continue
        config = preset("wavenet_voices")
        training = dataclasses.replace(config.training, steps=steps)
        workflows.train(
            dataclasses.replace(config, training=training),
            given.data,
            given.workdir,
            validation_uri=given.validation,
            codes_from=given.codes_from,
        )
        shutil.copytree(given.workdir, kept + ".part")
        os.replace(kept + ".part", kept)


if __name__ == "__main__":
    main()
