"""MATLAB files of the figshare collection are read as MATLAB would show them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from made_matlab import mat_folds, mat_slice

from braintumor.catalog.fetch.matlab import MatlabError, read_folds, read_mat_slice

pytest.importorskip("h5py", reason="SKIPPED FOR WANT OF the extra [data]")

IMAGE = np.arange(6 * 4, dtype=np.int16).reshape(6, 4) * 100
MASK = IMAGE > 1500


@pytest.mark.parametrize("cell", [False, True], ids=["characters", "cell"])
@pytest.mark.parametrize(("label", "name"), [(1, "meningioma"), (2, "glioma"), (3, "pituitary")])
def test_a_slice_is_read_the_right_way_up(label: int, name: str, cell: bool) -> None:
    one = read_mat_slice(mat_slice(label, "MR040240B", IMAGE, MASK, cell=cell), "1.mat")
    assert (one.label, one.patient) == (name, "MR040240B")
    assert one.image.dtype == np.uint16
    np.testing.assert_array_equal(one.image, IMAGE)
    np.testing.assert_array_equal(one.mask, MASK)


def test_the_lowest_value_becomes_0_where_one_is_negative() -> None:
    one = read_mat_slice(mat_slice(1, "1", IMAGE - 5, MASK), "1.mat")
    np.testing.assert_array_equal(one.image, IMAGE)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"MATLAB 5.0 MAT-file",
        mat_folds([1, 2]),
        mat_slice(4, "1", IMAGE, MASK),
        mat_slice(1, " ", IMAGE, MASK),
        mat_slice(1, "1", IMAGE, MASK[:2]),
        mat_slice(1, "1", IMAGE.astype(np.int32) * 100, MASK),
        mat_slice(1, "1", np.zeros((4097, 4096), np.uint8), MASK),
    ],
    ids=["empty", "older", "folds", "label", "patient", "shapes", "values", "giant"],
)
def test_anything_else_is_one_sentence_with_the_name(data: bytes) -> None:
    with pytest.raises(MatlabError, match=r"^archive/7\.mat "):
        read_mat_slice(data, "archive/7.mat")


def test_folds_count_from_0_whatever_the_format() -> None:
    from scipy.io import savemat

    older = io.BytesIO()
    savemat(older, {"cvind": np.array([[1], [5], [2]])})
    for data in (mat_folds([1, 5, 2]), older.getvalue()):
        assert read_folds(data, "cvind.mat") == [0, 4, 1]
    for data in (b"", mat_folds([0, 1]), mat_slice(1, "1", IMAGE, MASK)):
        with pytest.raises(MatlabError, match=r"cvind\.mat"):
            read_folds(data, "cvind.mat")
