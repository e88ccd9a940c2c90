import itertools
import math

import numpy as np
import pytest
import tensorflow as tf

from vqvae_tf.errors import UserError
from vqvae_tf.models import VideoPrior, VideoPriorConfig
from vqvae_tf.networks.video import Carried, CodeCorruption

GRID = (2, 3)
FIELDS = {
    "code_sizes": (5,),
    "num_classes": 3,
    "code_dim": 2,
    "grid": GRID,
    "context": 2,
    "frames": 5,
    "channels": 6,
    "layers": 2,
    "head_width": 6,
    "condition_channels": 6,
    "condition_dilations": (1,),
    "flow_channels": 6,
    "flow_dilations": (1,),
}


def build(**changes):
    """A prior whose networks are far from their initial state, at which they would copy."""
    prior = VideoPrior(VideoPriorConfig(**FIELDS | changes))
    draws = np.random.default_rng(2)
    for variable in prior.trainable_variables:
        variable.assign(variable + draws.normal(0, 0.7, variable.shape))
    shape = prior.flow.table.offsets.shape
    offsets = draws.integers(-1, 2, shape) * (draws.random(shape) < 0.3)
    prior.flow.table.load(offsets, np.ones(len(offsets)))
    return prior


def codes_of(prior, count, time, seed=0):
    shape = (count, time, *GRID) + ((prior.slots,) if prior.slots > 1 else ())
    return np.random.default_rng(seed).integers(0, prior.config.code_sizes[0], shape, np.int32)


def actions_of(prior, count, time, seed=0):
    draws = np.random.default_rng(seed)
    if prior.config.action_dims:
        shape = (count, time, prior.config.action_dims)
        return {"actions": draws.normal(size=shape).astype(np.float32)}
    if prior.config.num_classes:
        return {"actions": draws.integers(-1, prior.config.num_classes, (count, time), np.int32)}
    return {}


KINDS = {
    "discrete": {},
    "continuous": {"num_classes": 0, "action_dims": 2},
    "none": {"num_classes": 0},
    "two_slots": {"code_sizes": (5, 5)},
}


@pytest.fixture(params=KINDS, scope="module")
def prior(request):
    return build(**KINDS[request.param])


def test_logits_of_a_frame_depend_on_earlier_frames_and_actions_only(prior):
    time = 5
    codes, told = codes_of(prior, 1, time), actions_of(prior, 1, time)
    call = tf.function(lambda codes, told: prior(codes, told), autograph=False)
    before = call(codes, told).numpy()
    for t in range(time):
        changed = codes.copy()
        changed[:, t] = (changed[:, t] + 1) % 5
        moved = np.abs(call(changed, told).numpy() - before).max(axis=tuple(range(2, before.ndim)))
        assert (moved[0, :t] == 0).all()
        if t < 2:  # of the context; later ones are looked at where the memory is out of view
            assert (moved[0, t + 1 : t + 3] > 1e-4).all()
        for name, values in told.items():
            other = values.copy()
            other[:, t] = (other[:, t] + 1) % 3 if values.ndim == 2 else other[:, t] + 1
            moved = np.abs(call(codes, {name: other}).numpy() - before)
            moved = moved.max(axis=tuple(range(2, before.ndim)))
            assert (moved[0, : t + 1] == 0).all()
            assert t + 1 >= time or moved[0, t + 1] > 1e-4
    if prior.slots == 1:  # within a frame, the codes before a place
        changed = codes.copy()
        changed[0, 3, 1, 0] = (changed[0, 3, 1, 0] + 1) % 5
        moved = np.abs(call(changed, told).numpy() - before).max(-1)[0, 3] > 0
        assert moved.tolist() == [[False] * 3, [False, True, True]]


def test_the_memory_is_the_last_frame_of_the_context():
    """A code of an older frame is out of sight, one of frame `context - 1` never is."""
    prior = build()
    codes, told = codes_of(prior, 1, 8), actions_of(prior, 1, 8)
    before = prior(codes, told).numpy()
    moved = []
    for t in range(2):
        changed = codes.copy()
        changed[:, t] = (changed[:, t] + 1) % 5
        moved.append(np.abs(prior(changed, told).numpy() - before).max((0, 2, 3, 4)) > 1e-5)
    assert moved[0].tolist() == [True] * 3 + [False] * 5
    assert moved[1].tolist() == [False] + [True] * 7


def test_sampled_codes_are_the_likeliest_of_what_scores_them(prior):
    """Cached is full: at temperature 0 each code is the argmax given all codes before it."""
    told = actions_of(prior, 2, 6)
    codes = prior.sample(count=2, grid=(6, *GRID), temperature=0, **told)
    assert codes.shape == (2, 6, *GRID) + ((2,) if prior.slots > 1 else ())
    np.testing.assert_array_equal(tf.argmax(prior(codes, told), -1), codes)


@pytest.mark.parametrize(("frames", "kind"), [(1, "discrete"), (4, "continuous")])
def test_a_prefix_of_frames_is_kept_and_continued(frames, kind):
    prior = build(**KINDS[kind])
    told, given = actions_of(prior, 2, 6), codes_of(prior, 2, frames, seed=5)
    codes = prior.sample(count=2, grid=(6, *GRID), temperature=0, prefix=given, **told).numpy()
    np.testing.assert_array_equal(codes[:, :frames], given)
    np.testing.assert_array_equal(tf.argmax(prior(codes, told), -1)[:, frames:], codes[:, frames:])


def test_a_place_of_a_frame_may_be_given():
    prior = build()
    prefix = np.full((1, 4, *GRID), -1)
    prefix[0, 0], prefix[0, 2, 1, 1] = 3, 4
    codes = prior.sample(count=3, grid=(4, *GRID), seed=2, prefix=prefix, actions=[[0, 1, 2, 0]])
    assert (codes[:, 0].numpy() == 3).all() and (codes[:, 2, 1, 1].numpy() == 4).all()


def test_samples_depend_on_seed_number_and_frame():
    prior = build()
    call = {"grid": (4, *GRID), "seed": 5, "actions": np.array([[0, 1, 1, 2]]), "temperature": 20}
    four = prior.sample(count=4, **call).numpy()
    # Two blocks of two, which is also the size of the last two alone.
    np.testing.assert_array_equal(four, prior.sample(count=4, block=2, **call))
    np.testing.assert_array_equal(four[2:], prior.sample(count=2, first_sample=2, **call))
    longer = call | {"grid": (5, *GRID), "actions": np.array([[0, 1, 1, 2, 2]])}
    np.testing.assert_array_equal(four, prior.sample(count=4, **longer)[:, :4])
    assert (four[0] != four[1]).any() and (four[:, 0] != four[:, 1]).any()


def test_the_drawn_log_probability_is_that_of_log_prob():
    prior = build(code_sizes=(5, 5))
    told = {name: tf.constant(value) for name, value in actions_of(prior, 2, 4).items()}
    noise = prior.seeded_noise(tf.constant(3, tf.uint64), 2, (4, *GRID))
    codes, nats = prior.draw(noise, (4, *GRID), 2, conditions=told, with_log_prob=True)
    np.testing.assert_array_equal(codes, prior.sample(count=2, grid=(4, *GRID), seed=3, **told))
    total = tf.reduce_sum(nats, axis=list(range(1, nats.shape.rank)))
    # 24 to 48 terms, of float32 logits of size 40, which two orders of sums round to 4e-6.
    np.testing.assert_allclose(total, prior.log_prob(codes, **told), atol=2e-4)


@pytest.mark.parametrize("time", [1, 3])
def test_the_probabilities_of_all_videos_sum_to_one(time):
    prior = build(code_sizes=(2,), grid=(1, 2), context=1)
    grids = np.array(list(itertools.product(range(2), repeat=2 * time)), np.int32)
    actions = np.full((len(grids), time), 1)
    log_probs = prior.log_prob(grids.reshape(-1, time, 1, 2), actions=actions).numpy()
    # Each sums at most 6 float32 terms of size 1, right to 1e-7 each.
    assert math.fsum(np.exp(log_probs.astype(float))) == pytest.approx(1.0, abs=3e-6)


def test_at_initialization_the_memory_is_an_exact_copy_at_the_table_s_offsets():
    prior = VideoPrior(VideoPriorConfig(**FIELDS))
    offsets = np.zeros_like(prior.flow.table.offsets)
    offsets[1, ..., 1] = 1  # action 1 shifts by a column
    prior.flow.table.load(offsets, np.ones(4))
    codes, action = codes_of(prior, 1, 6)[..., None], tf.constant([[0, 0, 1, 0, 0, 0]])
    chain = prior.chain(tf.constant(codes), *prior.told({"actions": action}, 1, 6))
    kept = prior.vectors(codes[:, 1]).numpy()
    shifted = kept[:, :, [1, 2, 2]]
    for frame, expected in ((0, kept), (1, shifted), (2, shifted), (3, shifted)):
        np.testing.assert_array_equal(chain.vectors[frame], expected)
    assert chain.seen[3, 0, ..., 0].numpy().tolist() == [[1, 1, 0], [1, 1, 0]]
    assert chain.source[3, 0, 0, :, 1].numpy().tolist() == [1, 2, 2]


def test_the_flow_is_told_the_last_actions_up_to_each_frame():
    prior = build(context=3)
    kernel, bias = prior.flow.field.kernel, prior.flow.field.bias
    kernel.assign(kernel * np.float32([1, 1, 1, 1, 0]))  # half of the warp, half of the copy
    bias.assign(np.float32([0, 0, 0, 0, 0.5]))
    codes = tf.constant(codes_of(prior, 1, 5)[..., None])
    one_hot = np.eye(3)[np.array([2, 0, 1, 1, 0])]
    _, told = prior.told({"actions": tf.constant([[2, 0, 1, 1, 0]])}, 1, 5)
    assert told.shape == (1, 5, 9)
    np.testing.assert_array_equal(told[0, 3], np.concatenate(one_hot[1:4]))
    np.testing.assert_array_equal(told[0, 0], np.concatenate([np.zeros(6), one_hot[0]]))

    def moved(actions):
        given = prior.told({"actions": tf.constant([actions])}, 1, 5)
        return prior.chain(codes, *given).source[0].numpy()

    same = moved([2, 0, 1, 1, 0])
    assert (moved([0, 0, 1, 1, 0]) != same).any()  # what was done before the last given frame
    np.testing.assert_array_equal(moved([2, 0, 1, 2, 2]), same)


@pytest.mark.parametrize("slots", [1, 2])
def test_codes_near_to_the_moved_vectors_are_likelier_by_the_trust_in_them(slots):
    """Against the logarithm of a Gaussian around either moved frame, place by place."""
    prior = build(code_sizes=(5,) * slots)
    draws, trust = np.random.default_rng(1), np.log1p(np.exp([0.5, 1.5]))
    prior.condition.trust.kernel.assign(np.zeros((6, 2)))
    prior.condition.trust.bias.assign([0.5, 1.5])
    codes = tf.reshape(codes_of(prior, 1, 2), [1, 2, *GRID, slots])
    actions = tf.nest.map_structure(tf.constant, actions_of(prior, 1, 2))
    action, told = prior.told(actions, 1, 2)
    past = prior.past(codes, action, told, tf.constant([[2]]))
    shape = (1, *GRID, 2 * slots)
    rest = np.zeros((1, *GRID, 2), np.float32), np.ones((1, *GRID, 1), np.float32)
    moved, memory = (Carried(draws.normal(size=shape).astype(np.float32), *rest) for _ in "12")
    found = prior.expected(past, moved, memory, prior.vectors(past.codes[:, -1])).logits.numpy()
    vectors = prior.network.code_vectors.numpy()
    assert found.shape == (1, *GRID, slots, 5)
    for row, column, slot in np.ndindex(*GRID, slots):
        logarithm = np.zeros(5)
        for weight, frame in zip(trust, (moved, memory), strict=True):
            vector = frame.vectors[0, row, column, 2 * slot : 2 * slot + 2]
            logarithm -= weight / 2 * np.square(vectors - vector).sum(1)
        differences = found[0, row, column, slot] - logarithm
        np.testing.assert_allclose(differences, differences.mean(), atol=1e-4)


@pytest.mark.parametrize("slots", [1, 2])
def test_guidance_keeps_what_was_seen_and_leaves_the_rest_to_the_distribution(slots):
    """Action 1 shifts by a column, so that the last one is new; the flow copies."""
    prior = build(code_sizes=(5,) * slots, guidance=1e7)
    for variable in (prior.flow.field.kernel, prior.flow.field.bias):
        variable.assign(np.zeros(variable.shape))
    offsets = np.zeros(prior.flow.table.offsets.shape)
    offsets[1, ..., 1] = 1
    prior.flow.table.load(offsets, np.ones(len(offsets)))
    prior.condition.trust.bias.assign([-30.0, 1.0])  # the memory is trusted, the last frame not
    prior.condition.trust.kernel.assign(np.zeros((6, 2)))
    given = codes_of(prior, 1, 2, seed=3)
    told = {"actions": np.array([[0, 0, 1, 0, 2, 0]])}
    codes = prior.sample(count=1, grid=(6, *GRID), prefix=given, temperature=0, **told).numpy()[0]
    last = given[0, 1]
    np.testing.assert_array_equal(codes[:3], np.stack([given[0, 0], last, last]))
    for frame in (3, 4, 5):
        np.testing.assert_array_equal(codes[frame, :, :2], last[:, 1:])
    drawn = tf.argmax(prior(codes[None], told), -1).numpy()[0]
    np.testing.assert_array_equal(codes[3:, :, 2], drawn[3:, :, 2])


def test_the_flow_learns_from_its_own_loss_only():
    prior = build(corruption=0.0)
    batch = {"codes": codes_of(prior, 4, 5), **actions_of(prior, 4, 5)}
    with tf.GradientTape(persistent=True) as tape:
        losses = prior.compute_losses(batch)
    assert set(losses) == {"loss", "codes", "parallel", "flow", "bits_per_code"}
    of_flow = prior.flow.trainable_variables
    others = [each for each in prior.trainable_variables if "flow" not in each.path]
    assert len(of_flow) + len(others) == len(prior.trainable_variables)
    for loss, moving, still in (("flow", of_flow, others), ("codes", others, of_flow)):
        assert all(each is None for each in tape.gradient(losses[loss], still))
        moved = [each is not None for each in tape.gradient(losses[loss], moving)]
        assert all(moved) or loss == "codes" and sum(moved) == len(moved) - 2  # not the other head
    parts = [losses[name] for name in ("codes", "parallel", "flow")]
    assert float(losses["loss"]) == pytest.approx(float(tf.add_n(parts)), rel=1e-6)


def test_in_training_a_step_scores_some_frames_of_corrupted_input():
    batch = {"codes": codes_of(build(), 8, 5), **actions_of(build(), 8, 5)}
    still = build(corruption=0.0, targets=5, condition_dropout=0.0)
    whole = float(still.compute_losses(batch)["codes"])
    assert float(still.compute_losses(batch, training=True)["codes"]) == pytest.approx(whole)
    some = build(corruption=0.0, targets=2, condition_dropout=0.0)
    drawn = [float(some.compute_losses(batch, training=True)["codes"]) for _ in range(9)]
    # The mean over 9 draws: its deviation is a third of theirs.
    assert len(set(drawn)) > 5 and np.mean(drawn) == pytest.approx(whole, abs=np.std(drawn))


def test_frames_after_the_context_are_corrupted_at_random():
    codes = tf.constant(codes_of(build(), 8, 5)[..., None])
    changed = CodeCorruption(5, 0.9, seed=0)(codes, first=2).numpy() != codes.numpy()
    assert not changed[:, :2].any() and changed[:, 2:].any(axis=(1, 2, 3, 4)).mean() > 0.5


def test_hidden_actions_are_those_of_no_action():
    prior = build(condition_dropout=1.0, corruption=0.0, targets=5)
    codes = codes_of(prior, 3, 5)
    told = float(prior.compute_losses({"codes": codes, **actions_of(prior, 3, 5)}, True)["codes"])
    assert told == pytest.approx(float(prior.compute_losses({"codes": codes})["codes"]), rel=1e-6)
    unknown = {"codes": codes, "actions": np.full((3, 5), -1)}
    assert told == pytest.approx(float(prior.compute_losses(unknown)["codes"]), rel=1e-6)
    prior = build(**KINDS["continuous"], condition_dropout=1.0, corruption=0.0, targets=5)
    told = float(prior.compute_losses({"codes": codes, **actions_of(prior, 3, 5)}, True)["codes"])
    assert told == pytest.approx(float(prior.compute_losses({"codes": codes})["codes"]), rel=1e-6)


def test_fit_takes_arrays_whose_last_batch_is_short():
    prior = build()
    batch = {"codes": codes_of(prior, 3, 4)} | actions_of(prior, 3, 4)
    prior.compile("adam")
    history = prior.fit(batch, batch_size=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    with pytest.raises(UserError, match="call compile again before training on another number"):
        prior.fit({name: each[:, :3] for name, each in batch.items()}, verbose=0)


def test_what_does_not_fit_is_refused():
    prior, codes = build(), codes_of(build(), 2, 5)
    right = actions_of(prior, 2, 5)["actions"]
    for wrong, words in (
        (right[:, :4], "actions must be one for each of the 5 frames; received 4"),
        (right + 3, "actions must lie between 0 and 2, or be -1 for none; received .* 5"),
        (right[0], r"integers of the shape \[batch, time\].*: a batch of one is for all"),
        (right / 2.0, "received float64"),
    ):
        with pytest.raises(UserError, match=words):
            prior.log_prob(codes, actions=wrong)
    with pytest.raises(UserError, match="one for each of 6 frames, of 3 samples or of one for all"):
        prior.sample(count=3, grid=(6, *GRID), actions=right)
    with pytest.raises(UserError, match="must have 2 x 3 codes, as in training; received 3 x 3"):
        prior.sample(count=3, grid=(6, 3, 3))
    with pytest.raises(UserError, match=r"of the shape \[batch, time, 2, 3\]; received .* 2, 2\)"):
        prior.log_prob(codes[..., :2])
    with pytest.raises(UserError, match=r"grid must be \(time, height, width\)"):
        prior.sample(count=1, grid=GRID)
    with pytest.raises(UserError, match="set one of them to 0"):
        VideoPriorConfig(num_classes=2, action_dims=1)
    with pytest.raises(UserError, match="the model's quantizer has no codebook"):
        VideoPriorConfig().for_codes((8, 5), None, "actions", 4)
