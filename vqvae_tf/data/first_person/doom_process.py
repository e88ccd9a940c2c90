"""The process that runs ViZDoom, started by its path: it imports nothing of the package.

The engine writes files into its working directory and may crash, so it gets a process and a
temporary directory of its own.

A line of JSON on standard input is a command; a line of JSON on standard output, followed by the
bytes of a frame if one was asked for, is the answer. The end of the input ends the process; so does
an error, whose line says `failed`.
"""

import json
import os
import shutil
import tempfile

WIDTH, HEIGHT = 160, 120
TICS = 4  # of 1/35 second, in a step
THRUST = 25.0  # the game's walking thrust in a tic
NEAR = 4  # of the depth in the middle of the picture
HIDDEN = (
    "hud",
    "minimal_hud",
    "weapon",
    "crosshair",
    "decals",
    "particles",
    "effects_sprites",
    "messages",
    "corpses",
    "screen_flashes",
)


def game_of(setting, folder):
    """The game of a setting, not started."""
    import vizdoom

    game = vizdoom.DoomGame()
    game.set_doom_game_path(os.path.join(os.path.dirname(vizdoom.__file__), "freedoom2.wad"))
    if setting["scenario"]:
        scenario = setting["scenario"] + ".wad"
        game.set_doom_scenario_path(os.path.join(vizdoom.scenarios_path, scenario))
    game.set_doom_map(setting["map"])
    game.set_screen_resolution(vizdoom.ScreenResolution.RES_160X120)
    game.set_screen_format(vizdoom.ScreenFormat.RGB24)
    for part in HIDDEN:
        getattr(game, "set_render_" + part)(False)
    game.set_depth_buffer_enabled(True)
    game.set_window_visible(False)
    game.set_sound_enabled(False)
    game.set_available_buttons(
        [vizdoom.Button.TURN_LEFT_RIGHT_DELTA, vizdoom.Button.MOVE_FORWARD_BACKWARD_DELTA]
    )
    variables = vizdoom.GameVariable
    game.set_available_game_variables([variables.POSITION_X, variables.POSITION_Y, variables.ANGLE])
    game.set_episode_start_time(14)
    game.set_episode_timeout(0)
    game.set_doom_skill(1)
    game.set_mode(vizdoom.Mode.PLAYER)
    game.set_doom_config_path(os.path.join(folder, "vizdoom.ini"))
    return game


def main() -> None:
    """Answers commands, and says why if it cannot."""
    # The engine would inherit the pipes, and keep them open after this process was killed.
    commands, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    for standard, flags in ((0, os.O_RDONLY), (1, os.O_WRONLY)):
        os.dup2(os.open(os.devnull, flags), standard)

    def say(found, frame=b""):
        answers.write(json.dumps(found).encode() + b"\n" + frame)
        answers.flush()

    try:
        play(commands, say)
    except Exception as error:
        lines = str(error).strip().splitlines()
        say({"failed": lines[0] if lines else type(error).__name__})


def play(commands, say):
    """Answers commands: `seed` starts an episode, `turn` (degrees) and `forward` are a step."""
    setting = json.loads(commands.readline())
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    try:
        game = game_of(setting, folder)
        game.init()
        try:
            for line in commands:
                say(*answer(game, json.loads(line)))
        finally:
            game.close()
    finally:
        os.chdir(os.path.dirname(folder))
        shutil.rmtree(folder, ignore_errors=True)


def answer(game, command):
    """Carries out a command; what is seen then, and the bytes of the frame."""
    if "seed" in command:
        game.set_seed(command["seed"])
        game.new_episode()
    else:
        thrust = THRUST if command["forward"] else 0.0
        game.make_action([command["turn"] / TICS, thrust], TICS)
    state = game.get_state()  # None once the episode has ended
    frame = b""
    if state is None:
        found: dict[str, object] = {"ended": True}
    else:
        if command["drawn"]:
            frame = state.screen_buffer.tobytes()
        found = {
            "ended": False,
            "pose": [float(number) for number in state.game_variables],
            "blocked": bool(state.depth_buffer[50:70, 60:100].min() < NEAR),
            "bytes": len(frame),
        }
    return found, frame


if __name__ == "__main__":
    main()
