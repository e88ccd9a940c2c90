"""Peak memory of programs that read one long sound, each in a process of its own.

Usage: python benchmarks/speech_memory.py [--minutes=15,60]

The models are those of the presets with fresh weights. A figure is the peak of the resident memory
while the program's work is done, less what the process held before it read the sound.
"""

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import tempfile

import _timing  # first: it sets TensorFlow's threads
import numpy as np
import soundfile

from vqvae_tf import data, models
from vqvae_tf.media import AudioMedium
from vqvae_tf.presets import preset

MIB = 2**20
RATE = 16_000
PRESETS = ("phonemes", "voices")
WORK = ("encode", "convert", "reconstruct", "evaluate")


def peak_mib():
    """The highest resident memory since the last reset, and the reset."""
    with open("/proc/self/status") as file:
        peak = next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 1024
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    return peak


def resident_mib():
    """The resident memory now."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1024


def run(work, model, uri):
    """Does the work on all sounds of a URI."""
    medium, source = AudioMedium(), data.open_sounds(uri)
    if work == "encode":
        for _ in medium.code_maps(model, source):
            pass
    elif work in ("convert", "reconstruct"):
        with tempfile.TemporaryDirectory() as output:
            if work == "convert":
                medium.convert(model, source, output, model.config.speakers[0])
            else:
                medium.reconstruct(model, source, output)
    else:
        medium.measure(model, source)


def child(work, name, folder, short):
    """Prints the MiB that the work adds on the long sound; the short one compiles everything."""
    config = dataclasses.replace(preset(name), speakers=("anna", "bert"))
    model = models.build(models.family_of(config), config)
    run(work, model, f"folder:{short}")
    peak_mib()
    before = resident_mib()
    run(work, model, f"folder:{folder}")
    print(json.dumps(peak_mib() - before))


def write_sound(folder, minutes):
    """A sound of noise whose level changes, written a minute at a time."""
    draws = np.random.default_rng(0)
    path = os.path.join(folder, "sound.wav")
    with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16") as file:
        for _ in range(minutes):
            file.write(draws.normal(0, 0.1, 60 * RATE).clip(-1, 1))


def main(minutes):
    """The table."""
    print(_timing.machine())
    header = [f"{length} minutes" for length in minutes]
    print("| work | " + " | ".join(header) + " | the sound itself |")
    print("| --- " * (len(minutes) + 2) + "|")
    sizes = " / ".join(f"{length * 60 * RATE * 4 / MIB:.0f}" for length in minutes)
    with tempfile.TemporaryDirectory() as root:
        folders = {}
        for length in (1, *minutes):
            folders[length] = os.path.join(root, str(length))
            os.makedirs(folders[length])
            write_sound(folders[length], length)
        for name in PRESETS:
            for work in WORK:
                found = []
                for length in minutes:
                    command = [sys.executable, __file__, "--child", work, name]
                    command += [folders[length], folders[1]]
                    output = subprocess.run(
                        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True
                    ).stdout
                    found.append(json.loads(output.decode().splitlines()[-1]))
                shown = " | ".join(f"{each:.0f}" for each in found)
                print(f"| `{name}`: {work}, MiB | {shown} | {sizes} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", default="15,60")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        child(*options.child)
    else:
        main([int(each) for each in options.minutes.split(",")])
