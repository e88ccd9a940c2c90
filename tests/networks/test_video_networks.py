"""The warp, the table of motions and the flow against oracles."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from vqvae_tf.networks import Encoder
from vqvae_tf.networks.video import (
    CodeFlow,
    CodeReader,
    FrameCondition,
    FrameWise,
    MotionTable,
    best_offsets,
)
from vqvae_tf.networks.video.warp import gaussian_warp, inside, nearest, places


def test_the_warp_is_the_weighted_mean_of_all_places():
    draws = np.random.default_rng(0)
    values, grid = draws.normal(size=(2, 3, 4, 5)).astype("float32"), (3, 4)
    source = draws.uniform(-1, 4, (2, *grid, 2)).astype("float32")
    width = draws.uniform(0.3, 2, (2, *grid)).astype("float32")
    expected = np.zeros((2, *grid, 5))
    for b, y, x in np.ndindex(2, *grid):
        weights = np.zeros(grid)
        for i, j in np.ndindex(grid):
            point = np.clip(source[b, y, x].astype(float), 0, [2, 3])
            weights[i, j] = np.exp(-(((point - (i, j)) / width[b, y, x]) ** 2).sum() / 2)
        expected[b, y, x] = np.tensordot(weights / weights.sum(), values[b].astype(float), 2)
    # float32 sums of 12 products of size 1
    np.testing.assert_allclose(gaussian_warp(values, source, width), expected, atol=3e-6)


def test_the_nearest_place_is_read_and_the_border_continues():
    values = np.arange(12).reshape(1, 3, 4, 1)
    source = places((3, 4))[None] + np.array([0.4, 2.6], "float32")
    assert nearest(values, source).numpy()[0, ..., 0].tolist() == [[3] * 4, [7] * 4, [11] * 4]
    assert inside(source, (3, 4)).numpy()[0, ..., 0].tolist() == [[1, 0, 0, 0]] * 3


def brute_force(codes, actions, distances, action, place, reach):
    """The mean error of every offset of one action at one place."""
    found = {}
    for rows in range(-reach[0], reach[0] + 1):
        for columns in range(-reach[1], reach[1] + 1):
            errors = []
            for episode, done in zip(codes, actions, strict=True):
                for t in np.flatnonzero(done[:-1] == action):
                    y = min(max(place[0] + rows, 0), episode.shape[1] - 1)
                    x = min(max(place[1] + columns, 0), episode.shape[2] - 1)
                    slots = zip(episode[t, y, x], episode[t + 1][place], strict=True)
                    errors.append(sum(distances[one, other] for one, other in slots))
            found[rows, columns] = np.mean(errors)
    return found


def test_the_table_holds_the_best_offset_of_each_place():
    draws = np.random.default_rng(0)
    codes = [draws.integers(0, 6, (9, 3, 4, 2)) for _ in range(3)]
    actions = [draws.integers(-1, 2, 9) for _ in codes]
    vectors = draws.normal(size=(6, 3))
    distances = ((vectors[:, None] - vectors) ** 2).sum(-1)
    offsets, _ = best_offsets(codes, actions, distances, number=2, reach=(1, 2))
    assert offsets.shape == (3, 3, 4, 2)
    for action, *place in np.ndindex(2, 3, 4):
        errors = brute_force(codes, actions, distances, action, tuple(place), (1, 2))
        chosen = errors[tuple(offsets[(action, *place)].astype(int))]
        assert chosen == pytest.approx(min(errors.values()), rel=1e-4)  # the tie's tolerance


def scrolling(shifts, seed=0):
    """Codes of a wide random picture whose window moves by a column for every 1 of `shifts`."""
    picture = np.random.default_rng(seed).integers(0, 50, (4, 40 + len(shifts)))
    starts = 20 + np.cumsum([0, *shifts[:-1]])
    return np.stack([picture[:, start : start + 8] for start in starts])[..., None]


def test_a_turn_is_found_exactly_and_known_to_be_rigid():
    draws = np.random.default_rng(1)
    actions = [draws.integers(0, 3, 30) for _ in range(4)]
    codes = [scrolling(done - 1, seed) for seed, done in enumerate(actions)]
    distances = 1.0 - np.eye(50)
    offsets, free = best_offsets(codes, actions, distances, number=3, reach=(1, 2))
    for action in range(3):  # what comes into view at the border was nowhere before
        assert (offsets[action, :, 1:-1] == (0, action - 1)).all()
    assert free.tolist() == [0, 0, 0, 1]


def test_what_comes_into_view_is_taken_from_beyond_the_border():
    """Where the outermost code continues, offsets of 0 and 1 are equally good: 1 moves the rest."""
    codes = [np.tile(np.arange(8) + shift, (4, 1)) for shift in range(9)]
    codes = np.minimum(codes, 9)[..., None]  # 9 without end
    distances = np.abs(np.subtract.outer(np.arange(20), np.arange(20))).astype(float)
    offsets, _ = best_offsets([codes], [np.zeros(9, int)], distances, number=1, reach=(1, 2))
    assert (offsets[0] == (0, 1)).all()


def test_an_action_whose_motion_depends_on_the_episode_is_free():
    actions = [np.zeros(20, int) for _ in range(8)]
    codes = [scrolling(np.full(20, (-1) ** seed), seed) for seed in range(8)]
    _, free = best_offsets(codes, actions, 1.0 - np.eye(50), number=1, reach=(1, 2))
    assert free.tolist() == [1, 1]


@pytest.mark.parametrize(("speeds", "offset"), [([1, 1, 1, 0, 0, -1, -1, 2], 0), ([1, 1, 1, 0], 1)])
def test_an_action_has_offsets_only_where_they_explain_much(speeds, offset):
    codes = [scrolling(np.full(10, speed), seed) for seed, speed in enumerate(speeds)]
    actions = [np.zeros(10, int) for _ in codes]
    offsets, free = best_offsets(codes, actions, 1.0 - np.eye(50), number=1, reach=(1, 2))
    assert (offsets[0, :, 2:-2] == (0, offset)).all()
    assert free[0] == 1


def test_an_action_out_of_range_is_an_unknown_one():
    table = MotionTable(2, (1, 2))
    table.load(np.arange(12).reshape(3, 1, 2, 2), [0, 0, 1])
    assert table(tf.constant([0, 1, -1, 2, 99])).numpy()[:, 0, 0, 0].tolist() == [0, 4, 8, 8, 8]
    assert table.freedom(tf.constant([1, -1])).numpy().tolist() == [0, 1]


def test_a_rigid_action_moves_by_the_table_alone_whatever_the_network_says():
    flow = CodeFlow(2, (3, 4), actions=2, told=2, width=4, dilations=(1,))
    flow.build()
    draws = np.random.default_rng(0)
    for variable in flow.trainable_variables:
        variable.assign(draws.normal(size=variable.shape))
    offsets = np.zeros((3, 3, 4, 2))
    offsets[..., 0] = 1
    flow.table.load(offsets, [0, 1, 1])
    vectors = draws.normal(size=(1, 3, 4, 2)).astype("float32")
    moved = {
        action: flow(flow.start(vectors), vectors, tf.constant([action]), tf.ones([1, 2]))
        for action in (0, 1)
    }
    np.testing.assert_array_equal(moved[0].vectors, vectors[:, [1, 2, 2]])
    assert moved[0].seen[0, ..., 0].numpy().tolist() == [[1] * 4, [1] * 4, [0] * 4]
    assert np.abs(moved[1].vectors - vectors[:, [1, 2, 2]]).max() > 0.01


def test_what_is_moved_twice_is_read_once():
    """Half a place and half a place make a whole one: no mixture of neighbours is left."""
    flow = CodeFlow(2, (3, 8), actions=1, told=1, width=4, dilations=(1,))
    flow.build()
    half = np.arctanh(0.5)
    flow.field.bias.assign([0.0, 0.0, half, -4.0, 1.0])  # to the right, narrow, without copies
    seen = np.random.default_rng(0).normal(size=(1, 3, 8, 2)).astype("float32")
    moved = flow.start(seen)
    for _ in range(2):
        moved = flow(moved, seen, tf.constant([0]), tf.ones([1, 1]))
    inner = moved.vectors[:, :, :6], seen[:, :, 1:7]
    np.testing.assert_allclose(*inner, atol=1e-3)
    np.testing.assert_allclose(moved.source[0, 0, :6, 1], np.arange(1, 7), atol=1e-3)


def test_a_reader_learns_what_lies_between_two_places():
    """Patches of a wave by its value and its square: a Gaussian gets the square wrong."""
    phase = np.random.default_rng(0).uniform(0, 6, (64, 1, 1)).astype("float32")

    def wave(columns):
        value = np.sin(phase + columns[None, None])
        return np.stack([np.broadcast_to(value, (64, 3, 6)), value**2 + np.zeros((64, 3, 6))], -1)

    columns = np.arange(6, dtype="float32")
    vectors, between = wave(columns).astype("float32"), wave(columns + 0.5).astype("float32")
    reader = CodeReader(2, (3, 6), width=32)
    point = tf.broadcast_to(places((3, 6)) + [0.0, 0.5], [64, 3, 6, 2])
    deviation = tf.fill([64, 3, 6], 0.5)
    reader.build()
    optimizer = keras.optimizers.Adam(1e-2)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            error = tf.reduce_mean((reader(vectors, point, deviation) - between)[:, :, :5] ** 2)
        variables = reader.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(error, variables), variables, strict=True))
        return error

    errors = [float(step()) for _ in range(100)]
    assert errors[-1] < 0.1 * errors[0]


def test_a_sampled_frame_is_seen_where_the_memory_is_out_of_view():
    """The right column has come into view: there the last frame tells what it holds."""
    flow = CodeFlow(2, (3, 4), actions=1, told=1, width=4, dilations=(1,))
    flow.build()
    offsets = np.zeros((2, 3, 4, 2), np.float32)
    offsets[0, ..., 1] = 1.0
    flow.table.load(offsets, np.ones(2))
    condition = FrameCondition(flow, context=2, width=64, dilations=())  # place by place
    condition.build()
    vectors = np.random.default_rng(0).normal(size=(2, 1, 3, 4, 2)).astype(np.float32)
    told = np.ones((1, 1), np.float32)
    memory = flow(flow.start(vectors[0]), vectors[0], np.array([0]), told)
    before = [np.stack([each, each], axis=1) for each in vectors]

    def made(last, later):
        moved = flow(flow.start(last[:, -1]), last[:, -1], np.array([0]), told)
        known = tf.ones([1, 2])
        rest = (tf.zeros([1, 2], tf.int32), told, moved, memory, vectors[0])
        return condition(last, known, later * known, *rest)[0].numpy()

    for later in (0.0, 1.0):
        changed = (made(before[0], later) != made(before[1], later)).any(-1)[0]
        assert changed.tolist() == [[not later] * 3 + [True]] * 3


def test_a_network_of_pictures_sees_each_frame_by_itself():
    encoder = Encoder(widths=(4,), residual_width=4, residual_blocks=1, embedding_dim=3)
    videos = np.random.default_rng(0).normal(size=(2, 3, 4, 6, 3)).astype("float32")
    found = FrameWise(encoder)(videos)
    assert found.shape == (2, 3, 2, 3, 3)
    for t in range(3):  # sums of other sizes of batches
        np.testing.assert_allclose(found[:, t], encoder(videos[:, t]), atol=1e-6)
