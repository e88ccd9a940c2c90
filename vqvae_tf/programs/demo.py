"""vqvae-demo: trains both stages on photographs of installed packages, and writes a report.

  vqvae-demo --output=demo

After some minutes `demo/report.html` shows reconstructions and samples. The exported model, which
has been served by another process, is next to it. The same command resumes an interrupted run.
"""

from absl import flags

from vqvae_tf.programs import command, output_flags

FLAGS = flags.FlagValues()
_OUTPUT = flags.DEFINE_string("output", "demo", "Folder for everything.", flag_values=FLAGS)


def main() -> None:
    """Runs the demo, and prints the path of the report."""
    output_flags.check_folder(_OUTPUT)

    from vqvae_tf import demo

    print(f"open {demo.run(_OUTPUT.value)} in a browser")


def run() -> None:
    """The console script."""
    command.run(main, FLAGS, __doc__)


if __name__ == "__main__":
    run()
