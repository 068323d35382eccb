"""Formulas as books print them are read as they are meant: shapes and values, without anything declared."""

from __future__ import annotations

import numpy as np
import pytest

from gradwork.errors import FormulaError
from gradwork.formula import Reading, read
from tests.formula.corpus import CORPUS

SIZES = {"n": 5, "d": 2, "k": 3, "m": 4, "p": 6, "h": 7}


def meant(shapes: str) -> dict[str, str]:
    return {name: axes for name, _, axes in (word.partition(":") for word in shapes.split())}


def drawn(shapes: str, seed: int) -> dict[str, np.ndarray]:
    """Return values for the symbols; those of matrices are small, so that b − A x stays positive."""
    rng = np.random.default_rng(seed)
    found = {}
    for name, axes in meant(shapes).items():
        dims = [int(c) if c.isdigit() else SIZES[c] for c in axes if c != "+"]
        low, high = ((0.2, 0.9), (0.6, 0.9), (0.05, 0.3))[len(dims)]
        value = rng.uniform(low, high, dims)
        if "+" in axes:
            value = value @ value.T + np.eye(dims[0])
        elif len(dims) == 2 and dims[0] == dims[1]:
            value = value + np.diag(rng.uniform(0.5, 1, dims[0]))
        found[name] = np.asarray(value)
    return found


def point(shapes, function):
    """Return values at which the formula is defined, and its value there."""
    for seed in range(30):
        given = drawn(shapes, seed)
        with np.errstate(all="ignore"):
            wanted = np.asarray(function(**given))
        if np.isfinite(wanted).all():
            return given, wanted
    raise AssertionError("no point was found")


def as_meant(reading: Reading, shapes: str, given: dict, wanted: np.ndarray) -> bool:
    if {name: e.ndim for name, e in reading.symbols.items()} != {
        n: len(a.strip("+")) for n, a in meant(shapes).items()
    }:
        return False
    value = np.asarray(reading.expr.evaluate(**given))
    return value.shape == wanted.shape and np.allclose(value, wanted, rtol=1e-9)


def announced(reading: Reading, shapes: str) -> bool:
    """Tell whether every name that is read otherwise than it is meant has its other reading named beside it."""
    wrong = [n for n, axes in meant(shapes).items() if reading.symbols[n].ndim != len(axes.strip("+"))]
    return bool(wrong) and all(
        any(line.startswith(f"{n} is taken") and "fits too: declare" in line for line in reading.assumptions)
        for n in wrong
    )


def verdict(formula, shapes, function) -> str:
    given, wanted = point(shapes, function)
    try:
        reading = read(formula, scalar=wanted.ndim == 0)
    except FormulaError:
        return "refused"
    if as_meant(reading, shapes, given, wanted):
        return "meant"
    return "announced" if announced(reading, shapes) else "silent"


@pytest.fixture(scope="module")
def verdicts() -> dict[str, str]:
    return {row[0]: verdict(*row) for row in CORPUS}


def test_the_corpus_is_large_and_has_no_row_twice():
    assert len({row[0] for row in CORPUS}) == len(CORPUS) >= 200


def test_nothing_is_read_otherwise_in_silence(verdicts):
    assert [formula for formula, found in verdicts.items() if found == "silent"] == []


def test_nearly_all_is_read_as_it_is_meant(verdicts):
    others = {formula: found for formula, found in verdicts.items() if found != "meant"}
    assert len(others) <= 0.05 * len(CORPUS), others


def test_a_wrong_reading_would_be_seen():
    given, wanted = point("y:n X:nd b:d", lambda y, X, b: np.mean((y - X @ b) ** 2))
    assert not as_meant(read("sum((y - X b)^2)"), "y:n X:nd b:d", given, wanted)
    assert not as_meant(read("mean((y - X b)^2)"), "y:n X:nd b:", given, wanted)
