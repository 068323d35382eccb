"""Going over rows by blocks gives what all rows at once give, in any cut, and the same every time."""

from __future__ import annotations

import numpy as np
import pytest

import gradwork as gw
from gradwork.families import FAMILIES
from gradwork.learn.objective import Objective
from gradwork.models import linear, poisson, softmax
from gradwork.rows.blocks import Blocks
from gradwork.rows.sums import OverRows, each_row, pieces, taken

RNG = np.random.default_rng(6)
X, y = RNG.normal(size=(1003, 3)), RNG.normal(size=1003)


@pytest.mark.parametrize("block", [1, 7, 256, 1003, 5000])
@pytest.mark.parametrize("chosen", [None, np.arange(0, 1003, 3)])
def test_means_of_blocks_are_the_mean(block: int, chosen: np.ndarray | None) -> None:
    over = OverRows(
        lambda A, b, v: [((A.T @ v - b) ** 2).mean(), A @ b / len(b)], (("A", 1), ("y", 0), ("v", None))
    )
    columns = {"A": X.T.copy(), "y": y, "v": np.array([1.0, 2, 3])}
    count = len(y) if chosen is None else len(chosen)
    A, b = (X, y) if chosen is None else (X[chosen], y[chosen])
    found = over.total(columns, pieces(count, block, chosen), count)
    assert found[0] == pytest.approx(((A @ [1, 2, 3] - b) ** 2).mean(), rel=1e-12)
    assert found[1] == pytest.approx(A.T @ b / count, rel=1e-10)
    again = over.total(columns, pieces(count, block, chosen), count)
    assert again[0] == found[0] and np.array_equal(again[1], found[1])


def test_blocks_computed_apart_merge_to_the_same() -> None:
    """The contract of blocks: what any machine gives for its rows, merged in order, is the whole."""
    over = OverRows(lambda A, b: [(b @ A) / len(b)], (("A", 0), ("y", 0)))
    parts = []
    for rows in pieces(len(y), 100):
        away = {"A": taken(X, 0, rows).copy(), "y": taken(y, 0, rows).copy()}
        here = slice(0, len(away["y"]))
        parts.append(over.block(away, here, len(y)))
    assert over.merge(parts)[0] == pytest.approx(y @ X / len(y), rel=1e-12)


@pytest.mark.parametrize("block", [1, 64, 5000])
def test_rows_stand_in_their_order(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gradwork.rows.sums.size_of_block", lambda *_: block)
    found = each_row(lambda A, v: A @ v, [("A", 0), ("v", None)], {"A": X, "v": np.ones(3)}, len(X))
    assert found == pytest.approx(X.sum(axis=1))


@pytest.mark.parametrize("model", [linear(), poisson(), softmax(), linear("huber", delta=1.0)])
def test_losses_and_predictions_by_row_add_up_to_the_loss(model: gw.models.Model) -> None:
    names = [s.params[0] for s in model.parameters]
    values = [RNG.normal(size=(3, 4)), RNG.normal(size=4)] if model.classes else [RNG.normal(size=3), 0.3]
    target = np.eye(4)[RNG.integers(0, 4, len(y))] if model.classes else np.abs(np.round(y))
    given = {"X": X, model.y.params[0]: target, **dict(zip(names, values, strict=True)), **model.constants}
    rows = model.by_row(model.rows, given)
    data = {"X": X, model.y.params[0]: target, **model.constants}
    o = Objective(model.loss, dict(zip(names, values, strict=True)), data)
    assert rows.shape == (len(y),) and rows.mean() == pytest.approx(o.value(o.start_vector), rel=1e-12)
    blocks = Blocks(o)
    blocks.block = 100
    assert blocks.value(o.start_vector) == pytest.approx(rows.mean(), rel=1e-12)
    assert model.by_row(model.prediction, given).shape == ((len(y), 4) if model.classes else (len(y),))
    assert model.block is None or model.block.name in FAMILIES
