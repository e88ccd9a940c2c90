"""vqvae-demo-speech: trains codes of speech, converts voices, and writes a report with players.

  vqvae-demo-speech --output=demo_speech

After some minutes `demo_speech/report.html` plays sentences, what was decoded from their codes,
and new speech, and shows what the codes have to do with phones. The speech is synthesised first;
nothing is downloaded. The same command resumes an interrupted run.
"""

from absl import flags

from vqvae_tf.programs import command, output_flags

FLAGS = flags.FlagValues()
_OUTPUT = flags.DEFINE_string("output", "demo_speech", "Folder for everything.", flag_values=FLAGS)


def main() -> None:
    """Runs the demo, and prints the path of the report."""
    output_flags.check_folder(_OUTPUT)

    from vqvae_tf import demo

    print(f"open {demo.run_speech(_OUTPUT.value)} in a browser")


def run() -> None:
    """The console script."""
    command.run(main, FLAGS, __doc__)


if __name__ == "__main__":
    run()
