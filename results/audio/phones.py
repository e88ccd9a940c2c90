"""Scores the codes of models as phones, on every split of the synthetic speech.

Usage: python results/audio/phones.py RUNS MODEL... [--splits=test,unseen_test]

It is `vqvae-evaluate --phones` of RUNS/MODEL on each split, in one process, which makes the speech
once. Figures are written to RUNS/MODEL-SPLIT.json; those that are there are kept.
"""

import argparse
import os

from vqvae_tf import workflows
from vqvae_tf.files import write_json

SPLITS = "validation,test,unseen_validation,unseen_test"


def main():
    """Evaluates what was not evaluated yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs")
    parser.add_argument("models", nargs="+")
    parser.add_argument("--splits", default=SPLITS)
    given = parser.parse_args()
    for model in given.models:
        for split in given.splits.split(","):
            output = os.path.join(given.runs, f"{model}-{split}.json")
            if os.path.exists(output):
                continue
            results = workflows.evaluate_phones(
                os.path.join(given.runs, model), f"embedded:speech/{split}", "embedded:speech"
            )
            write_json(output, results)


if __name__ == "__main__":
    main()
