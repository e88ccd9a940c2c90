"""Evaluates imagined futures: against what truly follows, and next to simple guesses."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tqdm

from vqvae_tf import data, models
from vqvae_tf.media import rollout_clips, rollout_figures, rollouts
from vqvae_tf.media.rollout_clips import COMMANDS, RECORDED, Group

Numbers = Callable[[np.ndarray], np.ndarray]

IMAGINED = "imagined"
SHOWN = ("psnr", "ssim", "gradient", "edges")  # columns of the table, at the first and last step


def evaluate(
    model: models.VideoVQVAE,
    prior: models.Prior,
    source: data.EpisodeSource,
    *,
    numbers: Numbers,
    names: Sequence[str],
    frames: int = 10,
    clips: int = 16,
    seed: int = 0,
    wrong: bool = False,
    **controls: Any,
) -> dict[str, Any]:
    """Figures of imagined futures of held-out episodes.

    Args:
        model: the autoencoder.
        prior: the prior over its codes.
        source: the episodes.
        numbers: gives the prior's numbers of actions of the source.
        names: of the prior's actions; empty without discrete ones.
        frames: how many are imagined.
        clips: starts for each command, at most.
        seed: of the starts and of the draws.
        wrong: whether futures are also imagined without actions and with left and right exchanged.
        **controls: of `prior.sample`.

    Returns:
        For each group of clips (the commands `forward`, `turn_left` and `turn_right`, where the
        source knows the futures of all actions, and `recorded`): `clips`, and in `rows` the
        figures of `rollout_figures.row` of what was imagined (`imagined`) and of simple guesses.
        For `recorded` also `bits_per_code` of the first frame that follows, given the actions
        (`right`), none, those of another clip (`shuffled`), and those with turns exchanged
        (`swapped`).
    """
    context = prior.config.context
    commands = COMMANDS if source.has_futures else ()
    results: dict[str, Any] = {
        "data": source.uri,
        "context": context,
        "frames": frames,
        "seed": seed,
        **{name: value for name, value in controls.items() if value is not None},
        "groups": {},
    }
    shown = tqdm.tqdm([*commands, RECORDED], unit="group", disable=None, leave=False)
    for name in shown:
        shown.set_description(name)
        sought = {"context": context, "frames": frames, "count": clips, "seed": seed}
        if name == RECORDED:
            group = rollout_clips.recorded(source, model.config, **sought)
        else:
            group = rollout_clips.commanded(source, model.config, name, **sought)
        told = _told(prior, group, numbers)
        ways: dict[str, np.ndarray | None] = {IMAGINED: told}
        if wrong and told is not None:
            ways[f"{IMAGINED}_without_actions"] = None
            if name.startswith("turn_"):
                ways[f"{IMAGINED}_swapped"] = rollout_clips.exchanged(told, names)
        known = rollout_figures.Clips(
            group.context[:, -1:], group.true, _reconstructed(model, group)
        )
        futures = {
            way: rollouts.imagine(
                model,
                prior,
                group.context,
                actions,
                frames,
                count=len(group.context),
                seed=seed,
                **controls,
            ).frames
            for way, actions in ways.items()
        } | rollout_figures.guesses(known)
        results["groups"][name] = {
            "clips": len(group.context),
            "rows": {way: rollout_figures.row(each, known) for way, each in futures.items()},
        }
        if name == RECORDED:
            results["groups"][name]["bits_per_code"] = _bits(model, prior, group, told, names)
    return results


def table(results: Mapping[str, Any]) -> str:
    """The figures of `evaluate` as text: a table for each group.

    PSNR (dB), SSIM, gradient and edges (of real frames: 1) at the first, the middle and the last
    step; the share of steps with the right sign of the shift and its median error in pixels.
    """
    steps = sorted({0, (results["frames"] - 1) // 2, results["frames"] - 1})
    parts = []
    for name, group in results["groups"].items():
        header = [f"{name}, {group['clips']} clips"]
        header += [f"{figure} {step + 1}" for figure in SHOWN for step in steps]
        rows = [[*header, "sign", "shift error"]]
        for way, figures in group["rows"].items():
            cells = [
                f"{figures[figure][step]:.{1 if figure == 'psnr' else 2}f}"
                for figure in SHOWN
                for step in steps
            ]
            cells += [_mean(figures[figure]) for figure in ("sign", "shift_error")]
            rows.append([way, *cells])
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        parts += [
            "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])])
            for row in rows
        ]
        if "bits_per_code" in group:
            bits = ", ".join(f"{way} {value:.3f}" for way, value in group["bits_per_code"].items())
            parts.append(f"bits per code of the next frame, given the actions: {bits}")
        parts.append("")
    return "\n".join(parts[:-1])


def _mean(values):
    known = [value for value in values if not math.isnan(value)]
    return f"{math.fsum(known) / len(known):.2f}" if known else ""


def _told(prior, group: Group, numbers):
    if not prior.conditions or group.actions is None:
        return None
    return np.stack([numbers(each) for each in group.actions])


def _reconstructed(model, group: Group):
    """The true futures, encoded and decoded, behind their contexts."""
    whole = np.concatenate([group.context, group.true], axis=1)
    decoded = [model.reconstruct(each[None]).numpy()[0] for each in whole]
    return np.stack(decoded)[:, group.context.shape[1] :]


def _bits(model, prior, group: Group, told, names):
    """Bits per code of the first frame behind the context, by what the prior is told."""
    context = group.context.shape[1]
    frames, _ = rollout_clips.bit_windows(group, context)
    codes = np.concatenate([model.encode(each[None]).numpy() for each in frames])
    ways: dict[str, np.ndarray | None] = {"none": None}
    if told is not None:
        seen = told[:, : context + 1]
        ways = {"right": seen, "none": None, "shuffled": np.roll(seen, 1, axis=0)}
        if {"turn_left", "turn_right"} <= set(names):
            ways["swapped"] = rollout_clips.exchanged(seen, names)
    found = {}
    for way, actions in ways.items():
        nats = 0.0
        for clip in range(len(codes)):
            one = slice(clip, clip + 1)
            now = {} if actions is None else {"actions": actions[one]}
            before = {} if actions is None else {"actions": actions[one, :context]}
            nats -= float(prior.log_prob(codes[one], **now)[0])
            nats += float(prior.log_prob(codes[one, :context], **before)[0])
        found[way] = nats / math.log(2) / codes[:, context].size
    return found
