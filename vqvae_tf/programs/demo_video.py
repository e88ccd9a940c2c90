"""vqvae-demo-video: imagines walks through mazes, and writes a report with films.

  vqvae-demo-video --output=demo_video

After some minutes `demo_video/report.html` shows what the prior imagines under three commands, next
to what is really seen then. The walks are recorded first; nothing is downloaded. The same command
resumes an interrupted run.
"""

from absl import flags

from vqvae_tf.programs import command, output_flags

FLAGS = flags.FlagValues()
_OUTPUT = flags.DEFINE_string("output", "demo_video", "Folder for everything.", flag_values=FLAGS)


def main() -> None:
    """Runs the demo, and prints the path of the report."""
    output_flags.check_folder(_OUTPUT)

    from vqvae_tf import demo

    print(f"open {demo.run_video(_OUTPUT.value)} in a browser")


def run() -> None:
    """The console script."""
    command.run(main, FLAGS, __doc__)


if __name__ == "__main__":
    run()
