"""Videos: opened, cut into windows, measured, encoded, and written with their reconstructions."""

import math
import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
import tqdm

from vqvae_tf import data, models, reporting
from vqvae_tf.errors import UserError
from vqvae_tf.media import evaluation, medium, picture_figures, rollouts
from vqvae_tf.media.output_files import new_name, write_codes, write_mp4, write_png
from vqvae_tf.reporting.videos import spread

PIECE_FRAMES = 256  # what is measured or encoded at once: memory grows with it
RATE = 10  # frames per second of the videos that are written
STRIP = 12  # frames of a strip
_ORDER_SEED = 0  # of the order of shuffled actions


class VideoMedium(medium.Medium):
    """Videos, for models whose batches have the key `frames`."""

    condition = "actions"

    def open_source(self, uri: str) -> data.EpisodeSource:
        """`data.open_episodes`."""
        return data.open_episodes(uri)

    def fitted(self, config: models.VideoConfig, source: data.EpisodeSource) -> models.VideoConfig:
        """The configuration, unchanged."""
        return config

    def condition_dims(self, config: models.VideoConfig, source: data.EpisodeSource) -> int:
        """Numbers of an action, for all frames from one that is kept to the next."""
        return source.action_space.dims * config.data.frame_stride

    def batches(
        self, source: data.EpisodeSource, config: models.VideoConfig, start_step: int = 0
    ) -> tf.data.Dataset:
        """Training batches, as in `data.episode_batches`.

        Raises:
            UserError: also for a model of the form "space_time" and windows of one frame.
        """
        settings = config.training
        if config.form == "space_time" and config.window == 1 and config.residual_blocks:
            raise UserError(
                "window is 1, and a model of the form space_time would learn nothing of the frames "
                f"before; a pixel depends on {4 * config.residual_blocks}: set window to "
                f"{4 * config.residual_blocks + 1}"
            )
        return data.episode_batches(
            source,
            config.window,
            settings.batch_size,
            settings.seed,
            start_step,
            config.data,
        )

    def measure(
        self,
        model: models.VideoVQVAE,
        source: data.EpisodeSource,
        prior_bits: medium.Bits | None = None,
        search: medium.Encode | None = None,
    ) -> dict[str, Any]:
        """What a model is worth over all episodes of a source, pooled.

        Long episodes are measured in pieces of 256 frames, each as an episode of its own.

        Args:
            model: the autoencoder.
            source: the episodes.
            prior_bits: gives the bits `[batch]` of codes `[batch, time, height, width]` and their
                conditions: `actions` `[batch, time]` or `[batch, time, dims]`, or none.
            search: None; videos have none.

        Returns:
            `episodes`, `frames`, `mse` and `psnr` (pooled over all pixels), `ssim`, `gradient` and
            `edges` (what is kept of them, `picture_figures`), `latent_bits_per_frame`,
            `reconstruction_bits_per_dimension`, `perplexity`, `usage`, `codes_in_use`. With a prior
            the bits per code given the actions, `prior_bits_per_code`; given none,
            `prior_bits_per_code_without_actions`; given those of other moments of the episode,
            `prior_bits_per_code_with_shuffled_actions`; and, if there are actions `turn_left` and
            `turn_right`, with these two exchanged, `prior_bits_per_code_with_swapped_turns`.
        """
        encode, decode, bits_of = _compiled(model)
        sums: dict[str, list[float]] = {}
        counts = [np.zeros(size, np.int64) for size in model.code_sizes]
        names = set()
        for episode in _pieces(source, model, "evaluating"):
            names.add(episode["name"])
            frames = episode["frames"]
            codes = encode(frames[None])
            decoded = decode(codes)[0, :, : frames.shape[1], : frames.shape[2]]
            bits = bits_of(frames[None], codes)
            row = {"frames": len(frames), "dimensions": frames.size, "codes": codes.size}
            row["squared_error"] = evaluation.squared_error(frames, decoded).sum()
            row["ssim"] = picture_figures.ssim(frames, decoded).sum()
            row["reconstruction"] = float(bits[0])
            for name, figure in picture_figures.SHARPNESS.items():
                row[name], row[f"real_{name}"] = figure(decoded).sum(), figure(frames).sum()
            if prior_bits is not None:
                for name, told in _tellings(episode, source).items():
                    row[name] = float(prior_bits(codes, told)[0])
            for name, value in row.items():
                sums.setdefault(name, []).append(value)
            evaluation.count_slots(counts, codes)
        total = {name: math.fsum(values) for name, values in sums.items()}
        dimensions = total["dimensions"]
        mse = total["squared_error"] / dimensions
        places = total["codes"] / len(model.code_sizes)
        latent = places * model.bits_per_place
        figures = {
            "data": source.uri,
            "skipped_episodes": source.skipped,
            "episodes": len(names),
            "frames": int(total["frames"]),
            "mse": mse,
            "psnr": -10 * math.log10(mse) if mse else math.inf,
            "ssim": total["ssim"] / total["frames"],
            **{
                name: _kept(total[name], total[f"real_{name}"])
                for name in picture_figures.SHARPNESS
            },
            "latent_bits_per_frame": latent / total["frames"],
            "reconstruction_bits_per_dimension": total["reconstruction"] / dimensions,
            "latent_bits_per_dimension": latent / dimensions,
            "bits_per_dimension": (total["reconstruction"] + latent) / dimensions,
            **evaluation.code_statistics(counts),
        }
        told = {name: value for name, value in total.items() if name.startswith("prior_")}
        return figures | {name: value / total["codes"] for name, value in told.items()}

    def code_maps(
        self,
        model: models.VideoVQVAE,
        source: data.EpisodeSource,
        variation: Any = None,
        seed: int = 0,
    ) -> Iterator[dict[str, Any]]:
        """Codes of all episodes, each as one map, or as several where it is long.

        Args:
            model: the trained model.
            source: the episodes.
            variation, seed: not used; videos are not varied.

        Yields:
            Mappings with `name`, `codes` (int32 `[time, height, width]`), `rank` (3) and `actions`
            (as in `data.Episode`).
        """
        encode, _, _ = _compiled(model)
        for episode in _pieces(source, model, "encoding"):
            yield {
                "name": episode["name"],
                "codes": encode(episode["frames"][None])[0],
                "rank": 3,
                "actions": episode["actions"],
            }

    def reconstruct(
        self,
        model: models.VideoVQVAE,
        source: data.EpisodeSource,
        output: str,
        count: int | None = None,
        search: medium.Encode | None = None,
    ) -> int:
        """Writes `NAME.mp4`, the episode and its reconstruction side by side, `NAME.png`, twelve
        frames of both, and the codes."""
        encode, decode, _ = _compiled(model)
        total = len(source) if count is None else min(count, len(source))
        names: set[str] = set()
        episodes = source.prepared(model.config.data)
        for episode in tqdm.tqdm(episodes, total=total, unit="episode", disable=None):
            if len(names) == total:
                break
            codes: list[np.ndarray] = []
            strip: list[np.ndarray] = []
            path = os.path.join(output, new_name(episode["name"], names))
            write_mp4(path + ".mp4", _beside(episode, encode, decode, codes, strip), RATE)
            real, decoded = np.split(np.stack(strip), 2, axis=2)
            write_png(path + ".png", reporting.strip(real, decoded, columns=STRIP))
            write_codes(path + ".npz", np.concatenate(codes))
        return len(names)

    def write_samples(
        self,
        model: models.VideoVQVAE,
        codes: np.ndarray,
        output: str,
        conditions: Mapping[str, str],
    ) -> list[str]:
        """Writes the videos of `codes` as `sample_000.mp4`, ..., and frames of all, `sheet.png`."""
        _, decode, _ = _compiled(model)
        videos = [decode(each[None])[0] for each in codes]
        written = [os.path.join(output, f"sample_{number:03}.mp4") for number in range(len(codes))]
        for path, video in zip(written, videos, strict=True):
            write_mp4(path, video, RATE)
        sheet = os.path.join(output, "sheet.png")
        write_png(sheet, reporting.strip(*videos, columns=STRIP))
        return [sheet, *written]

    def write_rollouts(
        self,
        context: np.ndarray,
        real: np.ndarray | None,
        imagined: rollouts.Imagined,
        actions: np.ndarray | None,
        output: str,
    ) -> list[str]:
        """Writes imagined futures as `strip.png`, `future_000.mp4`, ... and `codes.npz`.

        Args:
            context: uint8 `[time, height, width, channels]`, what was seen.
            real: uint8 `[frames, ...]`, what really followed, for the strip and `real.mp4`; None
                where it is not known.
            imagined: the futures.
            actions: what the prior was told; None if it takes no actions.
            output: the folder.

        Returns:
            The paths, the strip first.
        """
        futures = list(imagined.frames) if real is None else [real, *imagined.frames]
        whole = [np.concatenate([context, future]) for future in futures]
        names = [f"future_{number:03}.mp4" for number in range(len(imagined.frames))]
        written = [os.path.join(output, "strip.png")]
        write_png(written[0], reporting.strip(*whole, columns=len(whole[0])))
        if real is not None:
            names = ["real.mp4", *names]
        for name, video in zip(names, whole, strict=True):
            written.append(os.path.join(output, name))
            write_mp4(written[-1], video, RATE)
        written.append(os.path.join(output, "codes.npz"))
        told = {} if actions is None else {"actions": actions}
        write_codes(written[-1], imagined.codes, **told)
        return written

    def examples(self, model, size=None):
        """Videos of uniform noise, of sizes that the strides divide and of others."""
        draws, channels = np.random.default_rng(0), model.config.data.channels
        sizes = [(3, 32, 32), (2, 21, 30), (1, 7, 64)] if size is None else [size, size]
        return [draws.integers(0, 256, (*each, channels), np.uint8) for each in sizes]


def _compiled(model):
    """`(encode, decode, bits_of)` of videos of any length and size, as NumPy arrays."""
    frames = tf.TensorSpec([None, None, None, None, model.config.data.channels], tf.uint8)

    def traced(function, *arguments):
        compiled = tf.function(function, input_signature=arguments, autograph=False)
        return lambda *given: np.asarray(compiled(*given))

    def bits_of(frames, codes):
        return model.bits({"frames": frames}, codes)["reconstruction"]

    return (
        traced(model.encode, frames),
        traced(model.decode, model.codes_spec),
        traced(bits_of, frames, model.codes_spec),
    )


def _kept(share, whole):
    """What is kept of the sharpness of real frames; NaN of frames of one colour."""
    return share / whole if whole else math.nan


def _tellings(episode, source):
    """What a prior is told of the actions of an episode, by the name of the figure."""
    actions = episode["actions"]
    figures: dict[str, dict[str, np.ndarray]] = {"prior_bits_per_code": {}}
    if actions is None:
        return figures
    order = np.random.default_rng(_ORDER_SEED).permutation(len(actions))
    figures = {
        "prior_bits_per_code": {"actions": actions[None]},
        "prior_bits_per_code_without_actions": {},
        "prior_bits_per_code_with_shuffled_actions": {"actions": actions[order][None]},
    }
    turns = ("turn_left", "turn_right")
    if set(turns) <= set(source.class_names):
        left, right = (source.class_names.index(name) for name in turns)
        swapped = actions.copy()
        swapped[actions == left], swapped[actions == right] = right, left
        figures["prior_bits_per_code_with_swapped_turns"] = {"actions": swapped[None]}
    return figures


def _pieces(source, model, words):
    """All prepared episodes, with a progress bar; long ones are cut."""
    episodes = source.prepared(model.config.data)
    for episode in tqdm.tqdm(
        episodes, words, total=len(source), unit="episode", disable=None, leave=False
    ):
        yield from _cut(episode)


def _beside(episode, encode, decode, codes, strip):
    """The frames of an episode beside their reconstructions; long ones are coded in pieces.

    Their codes are added to the list `codes`, and some of what is yielded to the list `strip`.
    """
    chosen = set(spread(len(episode["frames"]), STRIP))
    number = 0
    for piece in _cut(episode):
        frames = piece["frames"]
        codes.append(encode(frames[None])[0])
        decoded = decode(codes[-1][None])[0, :, : frames.shape[1], : frames.shape[2]]
        for pair in np.concatenate([frames, decoded], axis=2):
            if number in chosen:
                strip.append(pair)
            number += 1
            yield pair


def _cut(episode):
    """Pieces of an episode."""
    frames, actions = episode["frames"], episode["actions"]
    for start in range(0, len(frames), PIECE_FRAMES):
        some = slice(start, start + PIECE_FRAMES)
        done = None if actions is None else actions[some]
        yield data.Episode(name=episode["name"], frames=frames[some], actions=done)
