"""The record of a run, and the watch that reads the end of a run from it."""

from __future__ import annotations

import numpy as np
import pytest

import gradwork as gw
from gradwork.learn.descent.run import descend
from gradwork.learn.history import COLUMNS, History
from gradwork.learn.stopping import Stopping, Watch

from .problems import linear


def filled() -> History:
    history = History()
    history.extend(epoch=[0, 1], step=[0, 3], loss=[4.0, 2.0], learning_rate=[0.1, 0.1])
    history.add(epoch=2, step=6, loss=1.0, seconds=0.5)
    return history


def test_rows_and_columns():
    history = filled()
    assert len(history) == 3 and history.loss.tolist() == [4, 2, 1] and history.step.dtype == np.int64
    assert np.isnan(history.seconds).tolist() == [True, True, False]
    assert set(history.last) == set(COLUMNS) and history.last["step"] == 6
    history.truncate(2)
    assert (
        len(history) == 2 and history.loss.tolist() == [4, 2] and repr(history).startswith("<History: 2 rows")
    )
    with pytest.raises(gw.GradworkError, match="no column 'los'"):
        history["los"]
    with pytest.raises(gw.GradworkError, match="no column 'x'"):
        history.add(x=1)
    with pytest.raises(gw.GradworkError, match="one length"):
        history.extend(loss=[1, 2], seconds=[1])
    assert repr(History()) == "<History: empty>" and History().loss.size == 0 and History().last == {}


def test_round_trips(tmp_path):
    history = filled()
    for again in (
        History.from_dict(history.to_dict()),
        History.from_parquet(history.to_parquet(tmp_path / "h.parquet")),
    ):
        for column in COLUMNS:
            np.testing.assert_array_equal(again[column], history[column])
    assert "validation_loss" not in history.to_dict()
    frame = history.to_frame()
    names = (
        list(frame.columns)
        if hasattr(frame, "columns") and not hasattr(frame, "column_names")
        else frame.column_names
    )
    assert list(names) == ["epoch", "step", "loss", "learning_rate", "seconds"]
    assert [p.name for p in tmp_path.iterdir()] == ["h.parquet"]


def test_frames_without_pandas(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "pandas", None)
    assert filled().to_frame().num_rows == 3


def test_plot_draws_the_curves():
    axes = filled().plot()
    assert [line.get_label() for line in axes.lines] == ["training"] and axes.get_yscale() == "linear"
    objective = linear()
    fit = descend(objective, gw.SGD(0.2), epochs=80, validation=objective.data)
    axes = fit.history.plot()
    assert [line.get_label() for line in axes.lines] == [
        "training",
        "validation",
    ] and axes.get_yscale() == "log"
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), fit.history.loss)
    assert fit.history.plot(ax=axes) is axes and axes.get_xlabel() == "epoch"


# --- the watch --------------------------------------------------------------------------------------------


def stops(losses, stopping, cut, **options):
    watch, start = Watch(stopping, **options), 0
    for length in cut:
        found = watch.read(start, np.array(losses[start : start + length], float))
        if found:
            return found
        start += length
    return None


@pytest.mark.parametrize("cut", [[20], [1] * 20, [3, 1, 9, 7], [7, 7, 6]])
def test_growth_is_seen_however_the_record_is_cut(cut):
    losses = [9, 8, 8.5, 8.6, 8.7, 8.8, 8.1, 8.2, 8.3, 8.4, 8.5, 8.6, 8.7, 7, 6, 5, 4, 3, 2, 1]
    found = stops(losses, Stopping(growth=5), cut)
    assert (
        found is not None and found.index == 11 and found.facts["first"] == 8.1 and found.facts["last"] == 8.6
    )
    assert stops(losses, Stopping(growth=7), cut) is None
    assert stops(losses, Stopping(growth=None), cut) is None
    assert stops(losses, Stopping(growth=5), cut, memory=True) is None


def test_rounding_is_no_growth_and_momentum_must_run_far():
    assert stops([1 + i * 1e-16 * 3 for i in range(20)], Stopping(), [20]) is None
    assert stops([1.0, *(2.0**i for i in range(12))], Stopping(), [13], memory=True).kind == "growth"
    assert stops([5, 1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6], Stopping(), [8], memory=True) is None


@pytest.mark.parametrize("cut", [[9], [1] * 9, [4, 5]])
def test_the_first_reason_counts(cut):
    found = stops([3, 2, np.nan, 1, 0, 0, 0, 0, 0], Stopping(loss=1e-3), cut)
    assert found.kind == "non-finite" and (found.index, found.keep) == (2, 1)
    found = stops([3, 2, 2, np.inf, 0, 0, 0, 0, 0], Stopping(loss=1e-3), cut)
    assert found.kind == "loss" and found.index == 2 and found.converged


@pytest.mark.parametrize("cut", [[10], [1] * 10, [6, 4]])
def test_patience_counts_from_the_best(cut):
    losses = [5, 4, 3, 3.5, 2.9, 3, 3, 3, 3, 3]
    found = stops(losses, Stopping(patience=3), cut)
    assert (found.index, found.keep) == (7, 4)
    found = stops(losses, Stopping(patience=3, min_delta=0.5), cut)
    assert (found.index, found.keep) == (5, 2)
    found = stops(losses, Stopping(patience=3, restore_best=False), cut)
    assert (found.index, found.keep) == (7, 7) and "epoch 4" in str(found.reason)


@pytest.mark.parametrize(
    "options", [{"patience": 0}, {"growth": 2.5}, {"seconds": -1}, {"gradient_norm": "small"}, {"step": True}]
)
def test_wrong_limits_are_refused(options):
    with pytest.raises(gw.GradworkError, match=f"stopping: {next(iter(options))}"):
        Stopping(**options)
