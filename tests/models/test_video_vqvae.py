"""The VQ-VAE of videos in both forms: what its codes and frames depend on, and streaming."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tests.models import cases
from vqvae_tf import models
from vqvae_tf.config.video import FORMS
from vqvae_tf.errors import UserError

TIME = 7


def build(form, **changes):
    """A model whose codes tell frames apart."""
    model = cases.build("video", form=form, residual_blocks=2, **changes)
    draws = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(variable + draws.normal(0, 0.3, variable.shape))
    latents = model.encoder(tf.cast(videos(), tf.float32) / 255.0 - 0.5)
    vectors = tf.reshape(latents, [-1, latents.shape[-1]]).numpy()
    model.quantizer.load_codebook(vectors[draws.permutation(len(vectors))[:16]])
    return model


def videos():
    return cases.videos(2, TIME, 8, 12)["frames"]


@pytest.fixture(params=FORMS, scope="module")
def model(request):
    return build(request.param)


def test_the_memory_of_another_video_is_refused():
    model = build("space_time")
    frames = videos()
    codes, memory = model.encode_next(frames)
    _, decoded = model.decode_next(codes)
    for call, given, kept in (
        (model.encode_next, frames[:1], memory),
        (model.encode_next, frames[:, :, :4], memory),
        (model.encode_next, frames, memory[:1]),
        (model.encode_next, frames, 3),
        (model.decode_next, codes[:1], decoded),
    ):
        with pytest.raises(UserError, match="memory must be what the call for the frames before"):
            call(given, kept)


def test_each_frame_has_a_grid(model):
    codes = model.encode(videos())
    assert codes.shape == (2, TIME, 4, 6) and model.decode(codes).shape == videos().shape
    assert len(np.unique(codes)) > 4
    # One frame of another size: padded at the bottom and the right.
    assert model.reconstruct(videos()[:, :1, :7, :9]).shape == (2, 1, 7, 9, 3)


def test_codes_and_frames_depend_on_nothing_later(model):
    """And in the space-time form on what was before."""
    frames, codes = videos(), model.encode(videos()).numpy()
    latents = model.encoder(tf.cast(frames, tf.float32) / 255.0 - 0.5).numpy()
    outputs = model.decoder(latents).numpy()
    for t in (0, 3, TIME - 1):
        changed = frames.copy()
        changed[:, t] = 255 - changed[:, t]
        moved = np.abs(model.encoder(tf.cast(changed, tf.float32) / 255.0 - 0.5) - latents)
        moved = moved.max((0, 2, 3, 4))
        of_vectors = latents.copy()
        of_vectors[:, t] += 1.0
        drawn = np.abs(model.decoder(of_vectors) - outputs).max((0, 2, 3, 4))
        last = min(t + (4 if model.config.form == "space_time" else 0), TIME - 1)
        for found in (moved, drawn):
            assert (found[:t] == 0).all() and (found[last + 1 :] == 0).all()
            assert (found[t : last + 1] > 1e-3).all()
        np.testing.assert_array_equal(model.encode(changed)[:, :t], codes[:, :t])


@pytest.mark.parametrize("pieces", [(1,) * TIME, (3, 1, 3)])
def test_streamed_it_is_what_it_is_as_a_whole(model, pieces):
    frames = videos()
    codes = model.encode(frames).numpy()
    whole, ends = model.decode(codes).numpy(), np.cumsum(pieces)
    encoding = decoding = None
    for start, end in zip(ends - pieces, ends, strict=True):
        some, encoding = model.encode_next(frames[:, start:end], encoding)
        np.testing.assert_array_equal(some, codes[:, start:end])
        drawn, decoding = model.decode_next(some, decoding)
        # Sums of batches of another size may round a value of .5 the other way.
        assert np.abs(drawn - whole[:, start:end].astype(int)).max() <= 1


def test_the_space_time_form_trains_and_is_saved(tmp_path):
    model = build("space_time", window=3)
    model.compile("adam", run_eagerly=True)
    data = tf.data.Dataset.from_tensors(cases.videos(4, 3)).repeat()
    history = model.fit(data, steps_per_epoch=4, epochs=3, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    paths = [variable.path for variable in model.variables]
    assert len(set(paths)) == len(paths) and not any("space_time" in path for path in paths)
    model.save(tmp_path / "model.keras")
    again = tf.keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.encode(videos()), model.encode(videos()))


def test_wrong_configurations_are_refused():
    config = cases.FAMILIES["video"].config
    for changes, words in (
        ({"form": "frame"}, 'unknown form "frame"; nearest: frames'),
        ({"window": 0}, "window must be at least 1"),
        ({"window": 2**20, "training": dataclasses.replace(config.training, batch_size=2**12)},
         "a batch must hold at most"),
    ):  # fmt: skip
        with pytest.raises(UserError, match=words):
            dataclasses.replace(config, **changes)
    with pytest.raises(UserError, match=r"videos must be uint8 of the shape \[batch, time, h"):
        models.VideoVQVAE(config).encode(np.zeros([2, 8, 8, 3], np.uint8))
