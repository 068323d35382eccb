"""Recurrent networks that learn: the adding problem, digits read row by row, sequences of unequal lengths."""

from __future__ import annotations

import numpy as np
import pytest

import gradwork as gw
from gradwork.models.networks.recurrent import Recurrent, padded


def adding(n, T, seed):
    """Sequences of T pairs (value, mark), and the sum of the two marked values: Hochreiter and Schmidhuber (1997)."""
    rng = np.random.default_rng(seed)
    values, marks = rng.random((n, T)), np.zeros((n, T))
    for row in marks:
        row[rng.choice(T, 2, replace=False)] = 1
    return np.stack([values, marks], axis=2), (values * marks).sum(axis=1)


@pytest.mark.slow
def test_adding_problem():
    """Predicting the mean gives 0.167; the mark to hit is 0.02 in 1,500 steps."""
    X, y = adding(3000, 10, 0)
    model = Recurrent(
        "rnn",
        32,
        batch_size=100,
        epochs=50,
        validation=None,
        patience=None,
        learning_rate=0.003,
        task="numbers",
    ).fit(X, y)
    fresh, expected = adding(2000, 10, 99)
    assert model.result.steps == 1500
    assert np.mean((model.predict(fresh) - expected) ** 2) < 0.02


@pytest.mark.slow
def test_digits_row_by_row():
    """The mean accuracy over five splits is at least 0.95."""
    datasets = pytest.importorskip("sklearn.datasets")
    from sklearn.model_selection import train_test_split

    digits = datasets.load_digits()
    found = []
    for seed in range(5):
        X, X_test, y, y_test = train_test_split(
            digits.images, digits.target, test_size=0.25, random_state=seed, stratify=digits.target
        )
        found.append(Recurrent("rnn", 64, seed=seed).fit(X, y).score(X_test, y_test))
    assert np.mean(found) >= 0.95, found


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_unequal_lengths(cell):
    """The sign of the first entry, in sequences whose ends are filled up; what is filled in must not matter."""
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(int(T), 1)) for T in rng.integers(1, 7, 300)]
    y = np.array([x[0, 0] > 0 for x in X])
    # In float32 the order of a sum decides where so large a rate leads; in float64 it does not.
    options = {"learning_rate": 0.02, "validation": None, "patience": None, "dtype": "float64"}
    model = Recurrent(cell, 8, epochs=60, seed=1, **options).fit(X, y)
    assert model.score(X, y) > 0.95
    short = model.outputs([X[0], np.zeros((9, 1))])[0]
    longer = model.outputs([X[0], np.zeros((30, 1))])[0]
    np.testing.assert_allclose(short, longer, rtol=1e-6)


def test_a_network_of_equal_lengths_reads_unequal_ones():
    """Learned without a mask, it takes the sequences of each length together, in any order."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 5, 2))
    model = Recurrent("gru", 3, epochs=2).fit(X, X[:, 0, 0] > 0)
    mixed = [rng.normal(size=(T, 2)) for T in (4, 2, 4, 7, 2)]
    alone = np.concatenate([model.outputs(x[None]) for x in mixed])
    np.testing.assert_allclose(model.outputs(mixed), alone, rtol=1e-5)


def test_a_loss_of_sequences_is_a_sum_over_rows():
    from gradwork.rows.proof import NotRows, row_sum

    n, T = gw.dims("n", "T")
    X, y = gw.tensor("X", n, T, 2), gw.matrix("Y", n, 3)
    U, W = gw.matrix("U", 2, 3), gw.matrix("W", 3, 3)
    step = lambda h, x: gw.tanh(x @ U + h @ W)
    time_first = gw.transpose(X, (1, 0, 2))
    f = gw.mean((gw.scan(step, gw.zeros(n, 3), time_first).last - y) ** 2)
    assert row_sum(f, [X, y], [U, W]).axes == {"X": 0, "Y": 0}
    states = gw.scan(step, gw.zeros(n, 3), time_first).states
    assert row_sum(gw.sum(states**2), [X], [U, W]).axes == {"X": 0}
    # A step that mixes the rows, and a recurrence along the rows, are none.
    mixing = gw.scan(lambda h, x: gw.tanh(x @ U + h @ W) - gw.mean(h), gw.zeros(n, 3), time_first).last
    along = gw.scan(lambda h, x: gw.tanh(x @ U + h @ W), gw.zeros(3), gw.matrix("Z", n, 2)).last
    for loss, data in ((gw.sum(mixing**2), X), (gw.sum(along**2), gw.matrix("Z", n, 2))):
        with pytest.raises(NotRows):
            row_sum(loss, [data], [U, W])


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Recurrent("elman"), "a cell is one of rnn, gru, lstm"),
        (lambda: Recurrent(hidden=()), "at least one layer"),
        (lambda: Recurrent().fit(np.zeros((4, 0, 2)), [0, 1, 0, 1]), "length 0"),
        (lambda: Recurrent().fit([[[1.0]], []], [0, 1]), "sequence 2 has length 0"),
        (lambda: Recurrent().fit(np.zeros((4, 2, 2, 2)), [0, 1, 0, 1]), "sequences are"),
        (lambda: padded([np.zeros((2, 3)), np.zeros((1, 2))]), "sequence 2 has shape"),
    ],
)
def test_what_does_not_fit_is_said(make, message):
    with pytest.raises(gw.GradworkError, match=message):
        make()


def test_stacked_layers_are_told_apart():
    """Each layer is a row of the summary, with its own number in the names of its parameters."""
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(T, 2)) for T in (3, 5, 4, 3, 2, 6)]
    model = gw.models.Recurrent("gru", (4, 3), epochs=1, validation=None).fit(X, [0, 1, 0, 1, 0, 1])
    assert sorted(model.parameters) == ["U_1", "U_2", "W_1", "W_2", "W_3", "b_1", "b_2", "b_3", "c_1", "c_2"]
    rows = model.summary().splitlines()
    assert rows[1].split(maxsplit=2) == ["input", "n×T×3", "the last feature is 1 where there is a step"]
    assert [row.split("(")[0] for row in rows[2:5]] == ["GRU", "GRU", "Dense"]
