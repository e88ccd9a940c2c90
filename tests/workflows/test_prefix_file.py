import io
import os
import random
import tracemalloc
import zipfile

import numpy as np
import pytest

from vqvae_tf.errors import UserError
from vqvae_tf.workflows.prefix_file import read_prefix

GIVEN = np.arange(24).reshape(2, 3, 4) - 1


def archive(codes, **others):
    file = io.BytesIO()
    np.savez(file, codes=codes, **others)
    return file.getvalue()


def read(tmp_path, content, count=2, grid_rank=2, code_sizes=(32,)):
    path = tmp_path / "given.npz"
    path.write_bytes(content)
    return read_prefix(str(path), count, grid_rank, code_sizes)


def refusal(tmp_path, content, **options):
    with pytest.raises(UserError) as error:
        read(tmp_path, content, **options)
    message = str(error.value)
    assert "\n" not in message and "given.npz" in message
    return message


@pytest.mark.parametrize("dtype", ["int8", "int32", ">i8", "uint16", "<i4"])
def test_integers_of_any_kind_are_codes(tmp_path, dtype):
    given = np.maximum(GIVEN, 0).astype(dtype)
    found = read(tmp_path, archive(given, more=np.zeros(3)))
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, given)
    np.testing.assert_array_equal(read(tmp_path, archive(np.asfortranarray(given))), given)


def test_sequences_slots_and_one_for_all(tmp_path):
    assert read(tmp_path, archive(GIVEN[0]), count=3, grid_rank=1).shape == (3, 4)
    assert read(tmp_path, archive(GIVEN[:1]), count=9).shape == (1, 3, 4)
    slots = np.stack([GIVEN % 3, GIVEN], -1)
    assert read(tmp_path, archive(slots), code_sizes=(3, 23)).shape == (2, 3, 4, 2)
    message = refusal(tmp_path, archive(slots), code_sizes=(2, 23))
    assert "holds codes from -1 to 22; they must lie between 0 and 22" in message


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (GIVEN.astype(float), r"holds float64 of shape (2, 3, 4); give integers [count, height, w"),
        (np.full([2, 3, 4], np.nan), "holds float64"),
        (GIVEN > 3, "holds bool"),
        (GIVEN.astype(str), "holds <U"),
        (np.array(GIVEN, object), "holds object"),
        (np.zeros([1, 2], [("a", "i4")]), "holds [('a', '<i4')]"),
        (np.int64(3), "holds int64 of shape ()"),
        (np.arange(2), "holds int64 of shape (2,)"),
        (GIVEN[0], "holds int64 of shape (3, 4)"),
        (GIVEN[..., None], "holds int64 of shape (2, 3, 4, 1)"),
        (GIVEN[:, :0], "holds int64 of shape (2, 0, 4)"),
        (GIVEN[:0], "holds int64 of shape (0, 3, 4)"),
        (
            np.concatenate([GIVEN, GIVEN]),
            "holds 4 grids of given codes for 2 samples; give one",
        ),
        (GIVEN - 1, "holds codes from -2 to 21; they must lie between 0 and 31, or be -1"),
        (GIVEN + 10, "holds codes from 9 to 32"),
        (np.full([1, 2, 2], 2**40), "holds codes from 1099511627776 to"),
        (np.full([1, 2, 2], 2**64 - 1, np.uint64), "holds codes from 18446744073709551615 to"),
        (np.zeros([1, 1_100, 1_000], np.int8), "holds grids of 1,100,000 codes; give at most 1,04"),
    ],
)
def test_arrays_that_are_no_codes_of_the_prior_are_refused(tmp_path, codes, message):
    assert message in refusal(tmp_path, archive(codes))


def test_what_the_header_says_is_not_allocated(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<i8", "fortran_order": False, "shape": (1, 10**6, 10**6)}
    )
    short = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        short, {"descr": "<i8", "fortran_order": False, "shape": (1, 10**3, 10**3)}
    )
    for content, message in (
        (header.getvalue(), "holds grids of 1,000,000,000,000 codes"),
        (short.getvalue() + bytes(100), "cannot read codes from"),
    ):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as packed:
            packed.writestr("codes.npy", content)
        tracemalloc.start()
        assert message in refusal(tmp_path, file.getvalue())
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 20_000_000


def test_files_that_hold_no_codes_are_refused(tmp_path):
    array = io.BytesIO()
    np.save(array, GIVEN)
    other = io.BytesIO()
    np.savez(other, other=GIVEN)
    whole = archive(GIVEN)
    for content in (b"", b"codes", array.getvalue(), other.getvalue(), whole[:-30], whole[30:]):
        message = refusal(tmp_path, content)
        assert "cannot read codes from" in message and "give an .npz file" in message
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "absent", tmp_path, tmp_path / "pipe", "nul\0"):
        with pytest.raises(UserError, match="cannot read codes from"):
            read_prefix(str(path), 2, 2, (32,))


def test_mutated_archives_are_codes_or_one_line(tmp_path):
    draws = random.Random(0)
    packed = io.BytesIO()
    np.savez_compressed(packed, codes=GIVEN)
    read_at_all = 0
    for content in (archive(GIVEN), packed.getvalue()):
        for _ in range(400):
            mutated = bytearray(content)
            for _ in range(draws.randint(1, 3)):
                place = draws.randrange(len(mutated))
                match draws.randrange(3):
                    case 0:
                        mutated[place] ^= 1 << draws.randrange(8)
                    case 1:
                        del mutated[place : place + draws.randint(1, 20)]
                    case 2:
                        mutated[place:place] = draws.randbytes(draws.randint(1, 20))
            try:
                found = read(tmp_path, bytes(mutated))
            except UserError as error:
                assert "\n" not in str(error)
            else:
                read_at_all += 1
                assert found.dtype == np.int32 and found.ndim == 3
                assert -1 <= found.min() and found.max() < 32
    assert read_at_all > 10
