"""Voices of the program flite (Debian: flite): recorded diphones and statistical models."""

import functools
import os
import shutil
import subprocess

from vqvae_tf import files
from vqvae_tf.data import sound_files
from vqvae_tf.data.speech import voice_process
from vqvae_tf.data.speech.utterance import RATE, Spoken

VOICES = ("kal16", "awb", "rms", "slt")
_WAY_OUT = "install flite again"


@functools.cache
def voices() -> tuple[str, ...]:
    """Those that are installed, of the ones used here; none without the program."""
    if shutil.which("flite") is None:
        return ()
    listed = subprocess.run(["flite", "-lv"], capture_output=True, text=True).stdout.split()
    return tuple(voice for voice in VOICES if voice in listed)


def speak(voice: str, texts: tuple[str, ...]) -> list[Spoken]:
    """Speaks each text by a process of its own."""
    spoken = []
    with files.temporary_folder() as folder:
        path = os.path.join(folder, "spoken.wav")
        for text in texts:
            command = ["flite", "-voice", voice, "-psdur", "-t", text, "-o", path]
            printed = voice_process.run("flite", command, _WAY_OUT).decode()
            phones = [phone.rsplit(":", 1) for phone in printed.split()]
            ends = [(name, float(end)) for name, end in phones]
            spoken.append(Spoken(sound_files.read(path, RATE), ends))
    return spoken
