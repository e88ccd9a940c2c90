"""The page of the video demo: valid as a whole, and every statement follows the facts."""

import copy
import dataclasses
import re

import numpy as np
import pytest

from tests.demo import check_video_report
from vqvae_tf.demo import video_report
from vqvae_tf.demo.run_facts import Run, Stage
from vqvae_tf.demo.video_facts import Imagination, Start, VideoFacts
from vqvae_tf.errors import UserError
from vqvae_tf.reporting import page

SIZE, STEPS, CONTEXT = 16, 10, 6
DRAWS = np.random.default_rng(0)


def frames(count):
    return DRAWS.integers(0, 256, [count, 16, 16, 3], np.uint8)


def codes(count):
    return DRAWS.integers(0, SIZE, [count, 4, 4])


def row(psnr, edges=1.0, sign=1.0, error=0.25):
    """Figures of a row: the PSNR falls by a decibel a step."""
    return {
        "psnr": [psnr - step for step in range(STEPS)],
        "ssim": [0.5] * STEPS,
        "gradient": [edges] * STEPS,
        "edges": [edges] * STEPS,
        "sign": [sign] * STEPS,
        "shift_error": [error] * STEPS,
    }


ROWS = {
    "imagined": row(27.0, edges=0.9, sign=0.98),
    "copy": row(22.0, sign=0.0, error=4.0),
    "blurred_copy": row(23.0, edges=0.3),
    "uniform": row(15.0, edges=0.0),
    "zoom": row(22.5),
    "slide": row(24.0),
    "reconstruction": row(36.0),
}
GROUPS = {
    name: {"clips": 16, "rows": ROWS} for name in ("forward", "turn_left", "turn_right", "recorded")
}
GROUPS["recorded"] = GROUPS["recorded"] | {
    "bits_per_code": {"right": 2.1, "none": 2.2, "shuffled": 2.7, "swapped": 3.3}
}


def start():
    return Start(
        frames(CONTEXT),
        codes(CONTEXT),
        [
            Imagination(command, frames(STEPS), frames(STEPS), codes(STEPS))
            for command in ("walk forward", "turn left", "turn right")
        ],
    )


def stage(title):
    rows = [{"step": str(step), "loss": str(1 / step)} for step in range(1, 9)]
    return Stage(title, 8, 2, 1000, 65.0, rows, {"loss": "loss"}, "loss")


FACTS = VideoFacts(
    episodes=100,
    frames=25_600,
    codebook=DRAWS.normal(size=(SIZE, 8)).astype(np.float32),
    code_counts=np.arange(SIZE),
    starts=[start(), start()],
    figures={"psnr": 30.25, "latent_bits_per_frame": 2_304.0},
    rollouts={"frames": STEPS, "context": CONTEXT, "groups": GROUPS},
    prior_bits_per_code=2.5,
    stages=[stage(title) for title in ("The autoencoder", "The prior")],
    run=Run(
        [("training", 130.0)], 7, "two cores", {"TensorFlow": "2"}, [("Imagine", "vqvae-rollout")]
    ),
)


def text_of(facts):
    checked = check_video_report.check(page.render(video_report.video_report(facts)))
    return re.sub(r"\s+", " ", " ".join(checked.texts))


@pytest.fixture(scope="module")
def text():
    return text_of(FACTS)


def with_forward(**rows):
    """The facts with other rows of the group `forward`."""
    groups = copy.deepcopy(GROUPS)
    groups["forward"]["rows"] = ROWS | rows
    return dataclasses.replace(FACTS, rollouts=FACTS.rollouts | {"groups": groups})


def test_figures_follow_the_facts(text):
    assert "watched 25,600 frames" in text and "Given 6 frames" in text and "the 10 frames" in text
    assert "98 %" in text and "+5.0 dB" in text and "2,304 bits" in text and "30.2 dB" in text
    assert "15 of 16" in text and "Seed 7" in text and "100 walks" in text
    assert "given, 1 of 6" in text and "step 10 of 10" in text


def test_what_was_imagined_is_praised_only_where_it_is_nearer(text):
    assert "Walking forward, at the last step: against the last frame, unchanged by +5.0 dB" in text
    assert "is nearer to the truth than every one of these guesses" in text
    assert "90 % of the real edges: they are as sharp" in text
    worse = text_of(with_forward(imagined=row(20.0, edges=0.5)))
    assert "farther from the truth than the best of these guesses" in worse
    assert "50 % of the real edges: they are blurred" in worse
    same = text_of(with_forward(imagined=row(24.1, edges=1.4)))
    assert "about as near to the truth as the best" in same and "busier than the real ones" in same


def test_what_never_moves_has_a_dash(text):
    other = text_of(with_forward(imagined=row(27.0, sign=float("nan"), error=float("nan"))))
    assert "–" in other


def test_facts_without_futures_are_refused():
    for starts in ([], [Start(frames(CONTEXT), codes(CONTEXT), [])]):
        with pytest.raises(UserError, match="at least one start with a future"):
            dataclasses.replace(FACTS, starts=starts)
