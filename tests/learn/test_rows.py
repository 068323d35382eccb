"""The proof that a loss is a sum over rows, and the loss of a batch that follows from it."""

from __future__ import annotations

import numpy as np
import pytest

import gradwork as gw
from gradwork.rows.proof import NotRows, row_sum

n, m, d, k, h = gw.dims("n", "m", "d", "k", "h")
X, y, b, c = gw.matrix("X", n, d), gw.vector("y", n), gw.vector("b", d), gw.scalar("c")
Y, W, V = gw.matrix("Y", n, k), gw.matrix("W", d, h), gw.matrix("V", h, k)
i, E, Z = gw.vector("i", n, integer=True), gw.matrix("E", m, k), gw.matrix("Z", d, n)
DATA, LEARNED = [X, y, Y, i, Z], [b, c, W, V, E]

SUMS = {
    "mean of squares": gw.mean((y - X @ b - c) ** 2),
    "sum and ridge": gw.sum((y - X @ b) ** 2) + 0.3 * (b @ b),
    "logistic": gw.mean(gw.log(1 + gw.exp(-y * (X @ b)))),
    "cross-entropy of a network": -gw.mean(gw.sum(Y * gw.log(gw.softmax(gw.tanh(X @ W) @ V)), axis=1)),
    "mean over both axes": gw.mean((Y - X @ W @ V) ** 2),
    "two means": gw.mean((y - X @ b) ** 2) + 2 * gw.mean(abs(X @ b)) + gw.norm(W) ** 2,
    "degrees of freedom": gw.sum((y - X @ b) ** 2) / gw.size(n - d),
    "squared norm": gw.norm(y - X @ b) ** 2,
    "quadratic form": b @ (X.T @ X) @ b / gw.size(n) - 2 * b @ (X.T @ y) / gw.size(n),
    "rows on the last axis": gw.mean((y - b @ Z) ** 2),
    "times a free factor": gw.mean((y - X @ b) ** 2) * gw.exp(c) + c,
    "guarded": gw.mean(gw.where(y > 0, gw.log1p((X @ b) ** 2), X @ b)),
    "maximum of a row": gw.sum(gw.max(X * b, axis=1)),
    "embedding": gw.mean((Y - E[i]) ** 2),
    "columns": gw.mean((X[:, 0] - c) ** 2),
    "joined columns": gw.mean(gw.concatenate([X @ W, Y], axis=1) ** 2),
    "reshaped rows": gw.mean(gw.sum(gw.reshape(X @ W, n, h, 1), axis=(1, 2)) ** 2),
}


def values(rows: int = 7):
    rng = np.random.default_rng(3)
    sizes = {"n": rows, "m": 4, "d": 3, "k": 2, "h": 2}
    found = {s.params[0]: rng.normal(size=[x.evaluate(sizes) for x in s.shape]) for s in (*DATA, *LEARNED)}
    found["i"] = rng.integers(0, 4, rows)
    return found


@pytest.mark.parametrize("name", list(SUMS))
def test_batches_of_one_epoch_add_up_to_the_loss(name):
    # Σ over batches of (rows of the batch / all rows) · batch loss is the loss, whatever the batches.
    loss, v = SUMS[name], values()
    proof = row_sum(loss, DATA, LEARNED)
    whole, batch = gw.function(loss), gw.function(proof.batch)
    expected = whole(**{s: v[s] for s in whole.symbols})
    total = 0.0
    for rows in ([0, 3, 5], [1], [6, 2, 4]):
        taken = {
            s: v[s].take(rows, axis=proof.axes[s]) if s in proof.axes else v.get(s, 7.0)
            for s in batch.symbols
        }
        total += len(rows) / 7 * batch(**taken)
    np.testing.assert_allclose(total, expected, rtol=1e-12)
    assert set(proof.axes) <= {"X", "y", "Y", "i", "Z"} and proof.rows == "n"


def test_a_mean_is_its_own_batch_loss():
    loss = gw.mean((y - X @ b) ** 2) + c**2
    proof = row_sum(loss, DATA, LEARNED)
    assert proof.whole is None
    assert proof.batch is gw.simplify(loss)
    assert proof.free is gw.simplify(c**2)
    assert "sum over the n rows of" in proof.text


def test_recurrences_take_each_row_by_itself():
    T = gw.dims("T")[0]
    x = gw.tensor("x", n, T, d)
    U = gw.matrix("U", h, h)
    steps = gw.transpose(x, (1, 0, 2))
    found = gw.scan(lambda s, e: gw.tanh(s @ U + e @ W), gw.zeros(n, h), steps)
    loss = gw.mean((gw.sum(found.last, axis=1) - y) ** 2) + gw.mean(found.states**2)
    proof = row_sum(loss, [x, y], [U, W])
    assert proof.axes == {"x": 0, "y": 0}
    rng = np.random.default_rng(0)
    v = {
        "x": rng.normal(size=(6, 4, 3)),
        "y": rng.normal(size=6),
        "U": rng.normal(size=(2, 2)),
        "W": rng.normal(size=(3, 2)),
    }
    batch = gw.function(proof.batch)
    parts = [batch(**{**v, "x": v["x"][r], "y": v["y"][r]}) * len(r) / 6 for r in ([0, 4], [1, 2, 3, 5])]
    np.testing.assert_allclose(sum(parts), gw.function(loss)(**v), rtol=1e-12)
    over = gw.scan(lambda s, e: 0.5 * s + e, 0, y).last
    with pytest.raises(NotRows, match="scan runs over the rows"):
        row_sum((over - c) ** 2, [y], [c])


REFUSED = {
    "std(y − Xb) is not a sum over the rows n: each row's term needs all rows (through mean(y − Xb))": gw.std(
        y - X @ b
    ),
    "sqrt is applied to a sum over rows": gw.sqrt(gw.mean((y - X @ b) ** 2)),
    "each row's term needs all rows": gw.mean((y - X @ b - gw.mean(X @ b)) ** 2),
    "max runs over the rows": gw.max(y - X @ b),
    "index runs over the rows": gw.sum((y[1:] - b[0] * y[:-1]) ** 2),
    "cumsum runs over the rows": gw.sum(gw.cumsum(y - X @ b) ** 2),
    "logdet is applied to a sum over rows": gw.logdet(X.T @ X + gw.diag(gw.exp(b))),
    "multiplies sums over rows": gw.mean((y - X @ b) ** 2) * gw.mean(y * c),
    "the power 2 is applied to a sum over rows": gw.mean(y * c) ** 2,
    "softmax runs over the rows": gw.sum(gw.softmax(X @ b) * y),
    "pairs rows with rows": gw.sum(gw.exp((X @ W) @ (X @ W).T)),
    "no data with rows": gw.sum(b**2),
}


@pytest.mark.parametrize("reason", list(REFUSED))
def test_what_is_no_sum_over_rows_is_refused_with_the_reason(reason):
    with pytest.raises(NotRows) as error:
        row_sum(REFUSED[reason], DATA, LEARNED)
    assert reason in str(error.value) and "\n" not in str(error.value)


def test_rows_of_a_fixed_number_ask_for_a_name():
    x = gw.vector("x", 5)
    with pytest.raises(NotRows, match="declare the number of rows by a name"):
        row_sum(gw.mean((x - c) ** 2), [x], [c])
