"""k-means on frames: as good as scikit-learn's, aligned with the codes."""

import numpy as np
import pytest

from vqvae_tf.media import frame_clusters


def test_clusters_are_as_tight_as_those_of_scikit_learn():
    theirs = pytest.importorskip("sklearn.cluster")
    draws = np.random.default_rng(0)
    centres = draws.normal(size=(12, 6))
    vectors = centres[draws.integers(12, size=2_000)] + 0.3 * draws.normal(size=(2_000, 6))
    vectors = vectors.astype(np.float32)
    expected = theirs.KMeans(16, init="random", n_init=3, random_state=0).fit(vectors).inertia_
    codes, same = frame_clusters.cluster(vectors, [vectors[:50]], 16)
    np.testing.assert_array_equal(codes[:50], same)
    error = sum(
        np.square(vectors[codes == code] - vectors[codes == code].mean(0)).sum()
        for code in np.unique(codes)
    )
    # Both are local optima of the best of three random starts.
    assert error < 1.1 * expected


@pytest.mark.parametrize("stride", [64, 640])  # a frame sees 200 samples
def test_cepstra_of_a_long_sound_are_made_in_pieces_and_the_same(monkeypatch, stride):
    audio = np.random.default_rng(0).normal(0, 0.1, 30_000).astype(np.float32)
    whole = frame_clusters.cepstra_of_codes(audio, 8_000, stride)
    assert whole.shape == (-(-len(audio) // stride), frame_clusters.COEFFICIENTS)
    lengths = []
    frames = frame_clusters.Spectra.frames

    def counted(self, piece):
        lengths.append(piece.shape[1])
        return frames(self, piece)

    monkeypatch.setattr(frame_clusters.Spectra, "frames", counted)
    monkeypatch.setattr(frame_clusters, "PIECE_SECONDS", 1)
    pieces = frame_clusters.cepstra_of_codes(audio, 8_000, stride)
    # Sums of 80 products, in an order that depends on the number of frames.
    np.testing.assert_allclose(pieces, whole, rtol=0, atol=1e-4)
    assert len(lengths) >= 4 and max(lengths) <= 8_000 + 2 * max(stride, 256)


def test_there_are_never_more_clusters_than_vectors():
    (codes,) = frame_clusters.cluster(np.arange(6, dtype=np.float32).reshape(3, 2), [], 8)
    assert sorted(codes) == [0, 1, 2]


def test_groups_lose_their_mean_and_deviation():
    draws = np.random.default_rng(0)
    groups = draws.integers(3, size=900)
    vectors = draws.normal(size=(900, 4)) * (1 + groups[:, None]) + 5 * groups[:, None]
    found = frame_clusters.normalised(vectors, groups)
    for group in range(3):
        np.testing.assert_allclose(found[groups == group].mean(0), 0, atol=1e-5)
        np.testing.assert_allclose(found[groups == group].std(0), 1, atol=1e-5)


@pytest.mark.parametrize("stride", [64, 160, 320, 441])
def test_there_is_a_vector_for_each_code(stride):
    time = np.arange(5 * stride + 1)
    # A tone that begins with the third code.
    audio = np.where(time < 2 * stride, 0.0, 0.5 * np.sin(0.3 * time)).astype(np.float32)
    found = frame_clusters.cepstra_of_codes(audio, 16_000, stride)
    assert found.shape == (6, frame_clusters.COEFFICIENTS)
    assert found[0, 0] < found[4, 0] - 1
