"""vqvae-demo: trains both stages on photographs that are already here, and reports.

  vqvae-demo --output=demo

Minutes later `demo/report.html` shows reconstructions and samples, with an exported model beside
it that another process has served. The same command resumes an interrupted run.
"""

from absl import flags

from vqvae_tf.programs import command, output_flags

FLAGS = flags.FlagValues()
_OUTPUT = flags.DEFINE_string("output", "demo", "Folder for everything.", flag_values=FLAGS)


def main() -> None:
    """Runs the demo, and prints where the report is."""
    output_flags.check_folder(_OUTPUT)

    from vqvae_tf import demo

    print(f"open {demo.run(_OUTPUT.value)} in a browser")


def run() -> None:
    """The console script."""
    command.run(main, FLAGS, __doc__)


if __name__ == "__main__":
    run()
