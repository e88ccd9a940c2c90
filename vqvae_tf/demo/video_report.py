"""The report of the video demo; every statement in it is computed from the given facts."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vqvae_tf.demo import diagram, run_page
from vqvae_tf.demo.video_facts import Start, VideoFacts
from vqvae_tf.media import evaluation
from vqvae_tf.media.rollout_evaluation import IMAGINED
from vqvae_tf.reporting import charts, formatting, page, pictures

_EQUAL = 0.3  # dB: two PSNRs that differ by less count as equal
_SHARP = 0.85  # of the real edges: pictures with less are called blurred
_TITLES = {
    "forward": "Walking forward",
    "turn_left": "Turning left",
    "turn_right": "Turning right",
    "recorded": "The recorded actions",
}
# The rows of the charts and tables, and what they are called.
_ROWS = {
    IMAGINED: "imagined",
    "copy": "the last frame, unchanged",
    "blurred_copy": "the last frame, blurred",
    "zoom": "the last frame, best zoom",
    "slide": "the last frame, best shift",
    "uniform": "one colour",
    "reconstruction": "the real frames, encoded and decoded",
}
_DRAWN = (IMAGINED, "reconstruction", "copy", "blurred_copy")
_READING = (
    (
        "Neural Discrete Representation Learning (van den Oord, Vinyals, Kavukcuoglu, 2017): "
        "the VQ-VAE, with videos in section 4.4",
        "https://arxiv.org/abs/1711.00937",
    ),
    (
        "DeepMind Lab (Beattie and others, 2016), whose mazes and textures these are",
        "https://arxiv.org/abs/1612.03801",
    ),
)
_DIAGRAM = diagram.Words(
    "frame",
    "codes",
    "from codes",
    "cell",
    (
        "A second network, the prior, is given the codes of some frames",
        "and actions, and draws the codes of the frames that follow.",
    ),
)


def video_report(facts: VideoFacts) -> page.Page:
    """Composes the demo's page, which `page.write` writes to a file.

    Args:
        facts: the data and the results of the demo.

    Returns:
        The page.

    Raises:
        UserError: if matplotlib is not installed.
    """
    first = facts.starts[0]
    given, imagined = len(first.context), len(first.futures[0].imagined)
    return page.Page(
        title="A VQ-VAE imagines walks through mazes",
        lead=(
            f"Two networks watched {formatting.count(facts.frames)} frames of walks through mazes, "
            f"and what was done at each, on {facts.run.machine}. Given {given} frames of a maze "
            f"that they have never seen, and a command, they imagine the {imagined} frames that "
            "follow. No frame is drawn until all of them have been imagined, as whole numbers."
        ),
        key_figures=_key_figures(facts),
        sections=[
            _explanation(facts),
            *(_start(each, number, facts) for number, each in enumerate(facts.starts)),
            _figures(facts),
            _cost(facts),
            run_page.trainings(
                facts.stages,
                facts.code_counts,
                "walks",
                "sky and floor are common",
                facts.run,
            ),
            _weaknesses(facts),
            _origin(facts),
            run_page.next_steps(facts.run, _READING),
        ],
        footer=run_page.footer(facts.run, "pictures"),
    )


def _key_figures(facts: VideoFacts) -> list[tuple[str, str]]:
    turns = [facts.rollouts["groups"][name] for name in ("turn_left", "turn_right")]
    sign = float(np.nanmean([group["rows"][IMAGINED]["sign"] for group in turns]))
    forward = facts.rollouts["groups"]["forward"]["rows"]
    gain = forward[IMAGINED]["psnr"][-1] - forward["copy"]["psnr"][-1]
    steps = facts.rollouts["frames"]
    size = len(facts.codebook)
    used = evaluation.code_statistics([facts.code_counts])["codes_in_use"]
    return [
        (_percent(sign), "of the imagined turns go the right way, per step"),
        (
            f"{gain:+.1f} dB",
            f"after {steps} steps forward, against showing the last frame again",
        ),
        (
            f"{facts.figures['latent_bits_per_frame']:,.0f} bits",
            f"a frame of {_sides(facts)} pixels ({facts.figures['psnr']:.1f} dB when decoded)",
        ),
        (f"{used} of {size}", "codes are in use"),
        run_page.time_taken(facts.run),
    ]


def _sides(facts: VideoFacts) -> str:
    height, width = facts.starts[0].context.shape[1:3]
    return f"{width} x {height}"


def _explanation(facts: VideoFacts) -> page.Section:
    size, dimension = facts.codebook.shape
    start = facts.starts[0]
    future = start.futures[0]
    rows, columns = future.codes.shape[1:]
    code_map = pictures.code_map(start.context_codes[-1], facts.codebook)
    return page.Section(
        "What am I looking at?",
        [
            "A VQ-VAE is a network that encodes data as whole numbers. Its first half, the "
            f"encoder, divides a frame into {rows} x {columns} cells and maps each to {dimension} "
            f"numbers. These are replaced by the nearest entry of a learned list of {size}, the "
            "codebook, and only the index of this entry is kept: the code. The second half, the "
            "decoder, computes the frame from the codes only.",
            "A second network, the prior, is trained afterwards, on codes and actions. It learns "
            "how codes move when someone walks or turns, and which codes are likely where "
            "something new comes into view. Then it draws the codes of frame after frame, each "
            "given those before it and the command. The decoder is called once, at the end.",
            page.Drawing(
                diagram.overview(start.context[-1], code_map, future.imagined[0], size, _DIAGRAM),
                alt=(
                    "Diagram: a frame goes through the encoder; each cell gets the number of the "
                    "nearest codebook vector; the decoder turns codes into a frame. The prior "
                    "draws the codes of the frames that follow."
                ),
                caption=(
                    f"The last frame that was given, its {rows * columns} codes as colours, and "
                    f"the first imagined frame of “{future.command}”. The codes begin "
                    f"{', '.join(str(code) for code in start.context_codes[-1].ravel()[:5])}."
                ),
                wide=True,
            ),
        ],
    )


def _start(start: Start, number: int, facts: VideoFacts) -> page.Section:
    given, steps = len(start.context), len(start.futures[0].imagined)
    marks = [f"given, {step + 1} of {given}" for step in range(given)]
    marks += [f"step {step + 1} of {steps}" for step in range(steps)]
    blocks: list[page.Block] = []
    if number == 0:
        blocks.append(
            "All three begin with the same frames of a maze that nobody showed the networks. On "
            "the left is what is really seen then, in the middle what was imagined, on the right "
            "its codes. Drag the slider, or stop the films."
        )
    for future in start.futures:
        codes = np.concatenate([start.context_codes, future.codes])
        maps = np.stack([pictures.code_map(each, facts.codebook) for each in codes])
        times = start.context.shape[1] // maps.shape[1]
        maps = maps.repeat(times, axis=1).repeat(times, axis=2)
        films = [
            page.Film(
                np.concatenate([start.context, future.real]),
                f"What is really seen under “{future.command}”",
                "real",
            ),
            page.Film(
                np.concatenate([start.context, future.imagined]),
                f"What was imagined under “{future.command}”",
                "imagined",
            ),
            page.Film(maps, f"The codes under “{future.command}”", "its codes"),
        ]
        blocks.append(page.Films(films, marks, f"Command: {future.command}.", cell=190))
    titles = ("One start, three commands", "Another start")
    title = titles[number] if number < len(titles) else f"Start {number + 1}"
    return page.Section(title, blocks)


def _figures(facts: VideoFacts) -> page.Section:
    groups = facts.rollouts["groups"]
    blocks: list[page.Block] = [
        "How near is it? PSNR, in decibels, tells how little two pictures differ; more is better. "
        "A future that nobody can know is hard to hit, so the imagined frames are compared with "
        "simple guesses from the last given frame, and with the real frames after encoding and "
        "decoding, which nothing imagined can surpass by much. A blurred picture gets a higher "
        "PSNR than a sharp one with the same mistakes: see the sharpness too.",
    ]
    for name, group in groups.items():
        rows = group["rows"]
        drawn = {row: _ROWS[row] for row in _DRAWN if row in rows}
        points = [
            {"step": step + 1, **{row: rows[row]["psnr"][step] for row in drawn}}
            for step in range(facts.rollouts["frames"])
        ]
        last = {_ROWS[row]: rows[row]["psnr"][-1] for row in drawn}
        blocks.append(
            page.Drawing(
                charts.curves(points, drawn, y_label="PSNR (dB)"),
                alt=f"Chart of PSNR by step, {_TITLES[name].lower()}. At the last step: "
                + "; ".join(f"{words}: {value:.1f} dB" for words, value in last.items()),
                caption=f"{_TITLES[name]}: PSNR by step, mean of {group['clips']} held-out starts.",
            )
        )
    blocks += [_table(_TITLES[name], group) for name, group in groups.items()]
    blocks += [_verdict(_TITLES[name], group["rows"]) for name, group in groups.items()]
    return page.Section("Does it come true?", blocks)


def _table(title: str, group: Mapping[str, Any]) -> page.Table:
    rows = []
    for row, words in _ROWS.items():
        found = group["rows"].get(row)
        if found is None:
            continue
        middle = (len(found["psnr"]) - 1) // 2
        rows.append(
            (
                words,
                *(f"{found['psnr'][step]:.1f}" for step in (0, middle, -1)),
                *(f"{found['edges'][step]:.2f}" for step in (0, -1)),
                _mean(found["sign"], percent=True),
                _mean(found["shift_error"]),
            )
        )
    steps = len(group["rows"][IMAGINED]["psnr"])
    return page.Table(
        (
            title,
            *(f"PSNR at step {step}" for step in (1, (steps + 1) // 2, steps)),
            "edges at step 1",
            f"edges at step {steps}",
            "moves the right way",
            "shift wrong by (pixels)",
        ),
        rows,
        caption=f"{title}: {group['clips']} held-out starts. Edges: sharpness, of the real frames' "
        "(1 is as sharp). The zoom and the shift were fitted on the real futures.",
    )


def _verdict(title: str, rows: Mapping[str, Any]) -> str:
    """What the figures of the last step say, in words."""
    imagined, last = rows[IMAGINED], {row: rows[row]["psnr"][-1] for row in rows}
    better = {
        _ROWS[row]: last[IMAGINED] - last[row]
        for row in ("copy", "blurred_copy", "zoom", "slide")
        if row in last
    }
    parts = [f"{words} by {gain:+.1f} dB" for words, gain in better.items()]
    worst = min(better.values())
    if worst > _EQUAL:
        outcome = "nearer to the truth than every one of these guesses"
    elif worst < -_EQUAL:
        outcome = "farther from the truth than the best of these guesses"
    else:
        outcome = "about as near to the truth as the best of these guesses"
    edges = imagined["edges"][-1]
    sharp = (
        "as sharp as the real ones"
        if abs(edges - 1) <= 1 - _SHARP
        else ("blurred" if edges < _SHARP else "busier than the real ones")
    )
    return (
        f"{title}, at the last step: against {', '.join(parts)}. What was imagined is {outcome}. "
        f"Its frames have {_percent(edges)} of the real edges: they are {sharp}."
    )


def _cost(facts: VideoFacts) -> page.Section:
    size = len(facts.codebook)
    bits = math.log2(size)
    bars = {
        "all codes equally likely": bits,
        "given the past and the actions": facts.prior_bits_per_code,
    }
    of_next = facts.rollouts["groups"]["recorded"].get("bits_per_code", {})
    names = {
        "right": "next frame, right actions",
        "none": "next frame, no actions",
        "shuffled": "next frame, others' actions",
        "swapped": "next frame, turns exchanged",
    }
    bars |= {names[way]: value for way, value in of_next.items() if way in names}
    return page.Section(
        "Does it heed the actions?",
        [
            f"A code is one of {size}: it takes {bits:.3g} bits if all are equally likely. The "
            "better the prior foresees the codes of the real frames, the fewer bits they take. "
            "Wrong actions should make them more expensive than none, and none more than the right "
            "ones.",
            page.Drawing(
                charts.bars(bars, x_label="bits per code (fewer is better)", digits=2),
                alt="Bars of bits per code. "
                + "; ".join(f"{name}: {value:.2f}" for name, value in bars.items()),
                caption="Bits per code on held-out walks. The second bar counts whole pieces of "
                "walks, of which the first frame is given nothing; the others the frame that "
                "follows the given ones.",
                wide=True,
            ),
        ],
    )


def _weaknesses(facts: VideoFacts) -> page.Section:
    frames = facts.rollouts["frames"]
    edges = [
        np.mean(group["rows"][IMAGINED]["edges"]) for group in facts.rollouts["groups"].values()
    ]
    items = [
        "The mazes are drawn from flat textures and nothing in them moves by itself. Films of the "
        "real world are far harder.",
        "What comes into view from behind a corner cannot be known. There the network makes up "
        "something likely, and is counted wrong.",
        f"Averaged over all {frames} steps and commands the imagined frames have "
        f"{_percent(float(np.mean(edges)))} of the real edges.",
        "What stays in view is drawn closer to what it was than the network thinks right. That "
        "keeps pictures calm, and loses some detail.",
        f"The decoder alone costs something: real frames come back at {facts.figures['psnr']:.1f} "
        "dB.",
        run_page.one_run(facts.stages),
    ]
    return page.Section("What to be wary of", [page.Bullets(items)])


def _origin(facts: VideoFacts) -> page.Section:
    return page.Section(
        "Where the walks come from",
        [
            f"All {facts.episodes} walks were recorded on this machine when the demo began; "
            "nothing was downloaded. The package labmaze makes the mazes and has the textures of "
            "walls, floors and skies, which are those of DeepMind Lab (Apache License 2.0); a "
            "small program draws what is seen. The walks that are shown and measured lead through "
            "other mazes than those of training.",
        ],
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _mean(values: Sequence[float], percent: bool = False) -> str:
    known = [value for value in values if not math.isnan(value)]
    if not known:
        return "–"
    mean = math.fsum(known) / len(known)
    return _percent(mean) if percent else f"{mean:.2f}"
