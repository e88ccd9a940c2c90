"""Roll-outs of a prior of videos: a frame's codes against forward passes, and whole futures."""

import dataclasses

import _timing  # first: it sets TensorFlow's threads
import numpy as np
import tensorflow as tf

from vqvae_tf import models
from vqvae_tf.presets import preset

FUTURES, GIVEN, DRAWN = 16, 6, 10
MOST_PASSES, MOST_SECONDS = 1.5, 5.0
NOTES = """\
Untrained priors, whose sampling takes as long as that of trained ones. The forward pass of a frame
is its share of the logits of a video, in a plain graph at the same batch: its flow, its condition
and its PixelCNN. It and a frame of a roll-out are differences between 11 and 1 frames that follow
the given ones, over 10. The small prior is that of the presets `labmaze_prior` and `doom_prior`,
the one of 21x21 codes has its settings."""


def measure(repeats: int) -> list[_timing.Comparison]:
    """Lines of the table."""
    small = dataclasses.replace(preset("labmaze_prior"), num_classes=4)
    large = dataclasses.replace(small, grid=(21, 21))
    return a_frame(large, repeats) + ten_frames(small, repeats)


def a_frame(config, repeats) -> list[_timing.Comparison]:
    """The time of a frame of codes in forward passes."""
    prior = models.VideoPrior(config)
    most = GIVEN + DRAWN + 1
    codes = tf.zeros([FUTURES, most, *config.grid], tf.int32)
    actions = np.ones([1, most], np.int32)
    told = tf.ones([FUTURES, most], tf.int32)

    forward = tf.function(lambda codes, told: prior(codes, {"actions": told}), autograph=False)

    def logits_of(frames):
        return lambda: forward(codes[:, :frames], told[:, :frames])

    seconds = _timing.interleaved(
        {
            "scored one": logits_of(GIVEN + 1),
            "scored": logits_of(most),
            "drawn one": roll_out(prior, codes, actions[:, : GIVEN + 1]),
            "drawn": roll_out(prior, codes, actions),
        },
        repeats,
        warm_up=1,
    )
    frame = (seconds["drawn"] - seconds["drawn one"]) / DRAWN
    per_pass = (seconds["scored"] - seconds["scored one"]) / DRAWN
    return [_timing.cost("frame of 21x21 codes", frame, "forward pass", per_pass, MOST_PASSES)]


def ten_frames(config, repeats) -> list[_timing.Comparison]:
    """The time of sixteen futures of ten frames of 16x16 codes, in units of the bound."""
    prior = models.VideoPrior(config)
    codes = tf.zeros([FUTURES, GIVEN, *config.grid], tf.int32)
    actions = np.ones([1, GIVEN + DRAWN], np.int32)
    seconds = _timing.interleaved({"all": roll_out(prior, codes, actions)}, repeats, warm_up=1)
    return [_timing.cost("16 futures of 10 frames", seconds["all"], "5 seconds", MOST_SECONDS, 1.0)]


def roll_out(prior, codes, actions):
    """A function that continues the given frames up to the last action."""
    grid = (actions.shape[1], *prior.config.grid)
    given = np.asarray(codes[:, :GIVEN])
    return lambda: prior.sample(FUTURES, grid=grid, prefix=given, actions=actions)


if __name__ == "__main__":
    _timing.run(measure, repeats=3, notes=NOTES)
