"""One worker of a cluster: trains both stages by the programs, then again until a peer is killed.

Usage: TF_CONFIG=... python -m tests.programs.workers_program PICTURES FOLDER
"""

import importlib
import json
import os
import signal
import sys

from tests.programs.harness import TINY, TINY_PRIOR
from vqvae_tf.training import loop

INDEX = json.loads(os.environ["TF_CONFIG"])["task"]["index"]


def call(program, *flags):
    sys.argv = [f"vqvae-{program.replace('_', '-')}", *flags, "--strategy=multi_worker:300"]
    module = importlib.import_module(f"vqvae_tf.programs.{program}")
    importlib.reload(module).run()


def main():
    pictures, folder = sys.argv[1:]
    train = ("train", "--preset=photos", f"--data=folder:{pictures}", *TINY)
    call(*train, f"--workdir={folder}/model")
    prior = (f"--model={folder}/model", f"--data=folder:{pictures}", *TINY_PRIOR)
    call("train_prior", *prior, "--config.training.batch_size=2", f"--workdir={folder}/prior")
    print("trained", flush=True)

    advance = loop.Logs.advance

    def killed(logs):
        advance(logs)
        if INDEX == 1:
            os.kill(os.getpid(), signal.SIGKILL)

    loop.Logs.advance = killed
    call(*train, f"--workdir={folder}/again", "--config.training.steps=1000000")


if __name__ == "__main__":
    main()
