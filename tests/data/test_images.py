"""Images in tables and arrays in .npz files: shapes, and every kind of file that holds none."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from gradwork.data import Table
from gradwork.data.images import image_shape, image_table, read_samples
from gradwork.errors import GradworkError, TableError


@pytest.mark.parametrize("text", ["8", "8x", "axb", "8x8x1x1", "-8x8", "0x8", "8x8x0", "1000000x1", "٨x٨"])
def test_shapes_that_are_none(text: str):
    with pytest.raises(GradworkError, match="image"):
        image_shape(text)


def test_pixels_may_be_constant_and_must_fill_the_image():
    table = Table.from_any({"a": [0, 0], "b": [1, 2], "c": [3, 4], "d": [5, 6], "y": ["p", "q"]}, "t.csv")
    made = image_table(table, "y", (2, 2, 1))
    assert made.X.tolist() == [[0, 1, 3, 5], [0, 2, 4, 6]] and made.names == ("a", "b", "c", "d")
    assert image_table(table, "y", (1, 2, 1), ["c", "a"]).X.tolist() == [[3, 0], [4, 0]]
    with pytest.raises(TableError, match=r"t.csv: 4 columns do not fill an image of 3×3×1 \(9 pixels\)"):
        image_table(table, "y", (3, 3, 1))


def test_pixels_that_are_no_numbers_or_are_missing():
    with pytest.raises(TableError, match="t.csv row 1, column 'b' holds text"):
        image_table(Table.from_any({"a": [0, 1], "b": ["u", "v"], "y": [0, 1]}, "t.csv"), "y", (1, 2, 1))
    holes = Table.from_any({"a": [0, None, 2, 3], "b": [1, 2, 3, 4], "y": [0, 1, 0, 1]}, "t.csv")
    with pytest.raises(TableError, match=r"1 value is missing: 'a' \(row 2\)"):
        image_table(holes, "y", (1, 2, 1))
    assert image_table(holes, "y", (1, 2, 1), missing="drop").rows.tolist() == [0, 2, 3]


def test_samples_in_a_file(tmp_path: Path):
    np.savez_compressed(
        tmp_path / "a.npz", X=np.zeros((3, 4, 4), np.uint8), y=np.array(["u", "v", "u"]), z=[1.5, 2, 3]
    )
    found = read_samples(tmp_path / "a.npz")
    assert found.X.shape == (3, 4, 4) and found.y is not None and found.y.tolist() == ["u", "v", "u"]
    other = read_samples(tmp_path / "a.npz", "z").y
    assert (
        other is not None
        and other.tolist() == [1.5, 2, 3]
        and read_samples(tmp_path / "a.npz", "w").y is None
    )


X = np.zeros((3, 2, 2))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": X}, "has no array X, the samples; it holds images"),
        ({"X": np.array(["a", "b"])}, "X holds str"),
        ({"X": X.astype(complex)}, "X holds complex128, not numbers"),
        ({"X": np.zeros(3)}, "X holds samples along its first axis, n×…; its shape is 3"),
        ({"X": np.zeros((0, 2, 2))}, "its shape is 0×2×2"),
        ({"X": np.where(np.arange(12).reshape(3, 2, 2) == 5, np.nan, 0)}, "not finite in sample 2"),
        ({"X": X, "y": [1, 2]}, "one label or number for each of the 3 samples; its shape is 2"),
        ({"X": X, "y": [1, np.nan, 2]}, "y is nan for sample 2"),
        ({"X": X, "y": np.array([1j, 2, 3])}, "y holds complex128"),
        ({"X": X, "y": np.array([{}, 1, 2], dtype=object)}, "it holds Python objects, which are not read"),
    ],
)
def test_files_that_hold_no_samples(tmp_path: Path, arrays: dict, message: str):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(TableError) as error:
        read_samples(tmp_path / "a.npz")
    assert message in str(error.value) and "\n" not in str(error.value)


def test_files_that_are_damaged_or_something_else(tmp_path: Path):
    path = tmp_path / "a.npz"
    np.savez(path, X=np.random.default_rng(0).normal(size=(50, 8, 8)), y=np.arange(50))
    whole = path.read_bytes()
    for content, message in (
        (whole[: len(whole) // 2], "damaged or truncated"),
        (whole[:2000] + b"\0" * 500 + whole[2500:], "damaged or truncated"),
        (b"", "is not an .npz file"),
        (b"a,b\n1,2\n", "is not an .npz file"),
        (pickle.dumps([1]), "is not an .npz file"),
    ):
        path.write_bytes(content)
        with pytest.raises(TableError, match=message):
            read_samples(path)
    with pytest.raises(TableError, match="there is no file"):
        read_samples(tmp_path / "b.npz")
