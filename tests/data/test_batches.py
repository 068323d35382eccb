"""Batches and splits: every row once, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from gradwork.data import batches, permutation, split
from gradwork.errors import GradworkError


def test_an_epoch_has_every_row_once_and_a_short_last_batch() -> None:
    parts = list(batches(10, 4, seed=3, epoch=0))
    assert [len(p) for p in parts] == [4, 4, 2]
    assert sorted(np.concatenate(parts)) == list(range(10))
    assert np.concatenate(list(batches(10, 4, 3, 0, shuffle=False))).tolist() == list(range(10))


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    first = permutation(50, 1, 7)
    assert np.array_equal(first, permutation(50, 1, 7))
    assert not np.array_equal(first, permutation(50, 1, 8))
    assert not np.array_equal(first, permutation(50, 2, 7))
    # A frozen value: a change here would change what every --seed repeats.
    assert permutation(6, 0, 0).tolist() == [3, 2, 5, 4, 0, 1]


def test_one_row_at_a_time_and_all_at_once() -> None:
    assert [len(p) for p in batches(3, 1, 0, 0)] == [1, 1, 1]
    assert [len(p) for p in batches(3, 3, 0, 0)] == [3]


def test_bad_batches() -> None:
    with pytest.raises(GradworkError, match=r"a batch of 11 rows is larger than the data \(10 rows\)"):
        batches(10, 11, 0, 0)
    for size in (0, -1, 2.5, True):
        with pytest.raises(GradworkError, match="a batch has 1, 2, … rows"):
            batches(10, size, 0, 0)  # type: ignore[arg-type]
    with pytest.raises(GradworkError, match="a seed is a whole number"):
        permutation(10, -1, 0)


def test_a_split_shares_the_rows() -> None:
    training, held = split(101, 0.2, seed=5)
    assert len(held) == 20
    assert sorted([*training, *held]) == list(range(101))
    assert np.array_equal(held, split(101, 0.2, seed=5)[1])
    assert not np.array_equal(held, split(101, 0.2, seed=6)[1])
    assert [len(part) for part in split(2, 0.01)] == [1, 1]
    assert [len(part) for part in split(2, 0.99)] == [1, 1]


def test_a_stratified_split_keeps_the_shares() -> None:
    labels = np.array(["a"] * 70 + ["b"] * 25 + ["c"] * 4 + ["d"])
    training, held = split(100, 0.2, seed=1, stratify=labels)
    assert len(held) == 20
    assert {c: int((labels[held] == c).sum()) for c in "abcd"} == {"a": 14, "b": 5, "c": 1, "d": 0}
    assert set(labels[training]) == set("abcd")


def test_bad_splits() -> None:
    for share in (0, 1, -0.1, 1.5):
        with pytest.raises(GradworkError, match="lies between 0 and 1"):
            split(10, share)
    with pytest.raises(GradworkError, match="1 row cannot be split"):
        split(1, 0.5)
    with pytest.raises(GradworkError, match="no class has a row to spare"):
        split(3, 0.5, stratify=["a", "b", "c"])
    with pytest.raises(GradworkError, match="one class per row"):
        split(3, 0.5, stratify=["a", "b"])
