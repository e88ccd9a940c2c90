"""A voice of the program festival, of recorded diphones (Debian: festival, festvox-kdlpc16k)."""

import functools
import os
import shutil
import subprocess

from vqvae_tf import files
from vqvae_tf.data import sound_files
from vqvae_tf.data.speech import voice_process
from vqvae_tf.data.speech.utterance import RATE, Spoken

VOICES = ("ked",)
_WAY_OUT = "install festival and festvox-kdlpc16k again"


@functools.cache
def voices() -> tuple[str, ...]:
    """The voice, if it is installed."""
    if shutil.which("festival") is None:
        return ()
    command = ["festival", "-b", "(voice_ked_diphone)"]
    return VOICES if subprocess.run(command, capture_output=True).returncode == 0 else ()


def speak(voice: str, texts: tuple[str, ...]) -> list[Spoken]:
    """Speaks all texts in one process; they hold no quotes."""
    spoken = []
    with files.temporary_folder() as folder:
        program = [f"(voice_{voice}_diphone)"]
        for number, text in enumerate(texts):
            path = os.path.join(folder, str(number))
            program += [
                f'(set! spoken (utt.synth (Utterance Text "{text}")))',
                f'(utt.save.wave spoken "{path}.wav" \'riff)',
                f'(utt.save.segs spoken "{path}.txt")',
            ]
        with open(os.path.join(folder, "program.scm"), "w") as file:
            file.write("\n".join(program))
        voice_process.run("festival", ["festival", "-b", file.name], _WAY_OUT)
        for number in range(len(texts)):
            path = os.path.join(folder, str(number))
            with open(path + ".txt") as file:
                rows = [line.split() for line in file]
            ends = [(row[2], float(row[0])) for row in rows if len(row) == 3]
            spoken.append(Spoken(sound_files.read(path + ".wav", RATE), ends))
    return spoken
