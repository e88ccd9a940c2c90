"""Nearest codes against float64, where the usual expansion goes wrong and where chunks begin."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from tests.layers import oracle
from vqvae_tf.layers import codebook_search, nearest_codes


def normal(rows, dim, seed, mean=0.0, spread=1.0):
    values = np.random.default_rng(seed).normal(size=(rows, dim))
    return (mean + spread * values).astype("float32")


@pytest.mark.parametrize(
    "mean, spread", [(0, 1), (1, 0.1), (10, 0.1), (100, 0.1), (1000, 0.1), (-1000, 0.1)]
)
def test_no_code_is_wrong_however_far_the_data_is_from_the_origin(mean, spread):
    x, codebook = normal(2048, 64, 1, mean, spread), normal(512, 64, 2, mean, spread)
    np.testing.assert_array_equal(nearest_codes(x, codebook), oracle.nearest(x, codebook))


@given(
    rows=st.integers(0, 70),
    codes=st.integers(1, 400),
    dim=st.integers(1, 9),
    seed=st.integers(0, 9),
)
def test_any_number_of_rows_and_codes(rows, codes, dim, seed):
    x, codebook = normal(rows, dim, seed), normal(codes, dim, seed + 100)
    np.testing.assert_array_equal(nearest_codes(x, codebook), oracle.nearest(x, codebook))


@pytest.mark.parametrize("rows, codes", [(1, 300), (333, 300), (500, 1), (64, 129)])
@pytest.mark.parametrize("jit", [False, True])
def test_chunks_and_tiles_change_nothing(monkeypatch, rows, codes, jit):
    monkeypatch.setattr(codebook_search, "MAX_SCORES", 4096)
    monkeypatch.setattr(codebook_search, "CODE_TILE", 128)
    x, codebook = normal(rows, 8, 3), normal(codes, 8, 4)
    expected = oracle.nearest(x, codebook)
    known = tf.function(nearest_codes, jit_compile=jit)
    np.testing.assert_array_equal(known(x, codebook), expected)
    dynamic = tf.function(
        nearest_codes,
        input_signature=[tf.TensorSpec([None, 8]), tf.TensorSpec([codes, 8])],
        jit_compile=jit,
    )
    np.testing.assert_array_equal(dynamic(x, codebook), expected)


def test_the_lowest_index_wins_ties():
    codebook = np.repeat(normal(100, 4, 5), 3, axis=0)  # every code three times, across blocks
    codes = np.array(nearest_codes(normal(500, 4, 6), codebook))
    assert (codes % 3 == 0).all()


def test_many_codes():
    x, codebook = normal(40, 8, 7), normal(20_000, 8, 8)
    np.testing.assert_array_equal(nearest_codes(x, codebook), oracle.nearest(x, codebook))
