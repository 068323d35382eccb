"""`gradwork predict` and `gradwork show`: what a saved model says."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

import numpy as np

from gradwork.cli.output import is_terminal, out, visible
from gradwork.errors import GradworkError
from gradwork.store.folder import load, load_folder
from gradwork.words.say import say


def run_show(folder: Path) -> None:
    """Print the summary of a saved model."""
    saved = load_folder(folder)
    out(saved.summary.rstrip("\n") if saved.summary else load(folder).summary())


def run_predict(folder: Path, table: Path, probabilities: bool, intervals: bool, level: float | None) -> None:
    """Write the predictions for a table as CSV."""
    from gradwork.data import read_table

    if level is not None and not 0 < level < 1:
        raise GradworkError("level bounds", level=f"{level:g}")
    if level is not None and not intervals:
        raise GradworkError("level without intervals")
    model = load(folder)
    if hasattr(model, "network"):  # saved from Python, without a table
        from gradwork.models.networks.fitted import FittedNetwork

        model = FittedNetwork.of_arrays(model)
    if hasattr(model, "read"):
        rows = model.read(table)
    else:
        encoding = getattr(model, "encoding", None)
        rows = read_table(table, text_columns=encoding.text_columns if encoding is not None else ())
    write(columns(model, rows, probabilities, intervals, level))


def columns(
    model: Any, rows: Any, probabilities: bool, intervals: bool, level: float | None
) -> dict[str, Any]:
    """Return what is predicted, by the name of the column; `prediction` comes first."""
    levels = getattr(model, "levels", ())
    if probabilities and not levels:
        raise GradworkError("no probabilities", target=model.target or say("formula word"))
    if intervals and not hasattr(model, "predict_interval"):
        raise GradworkError("no intervals")
    found: dict[str, Any] = {"prediction": model.predict(rows)}
    if hasattr(model, "names_of"):
        found |= {
            name if name not in found else f"{name} (id)": ids for name, ids in model.names_of(rows).items()
        }
    if probabilities:
        P = model.probabilities(rows)
        found |= {f"probability {label}": P[:, j] for j, label in enumerate(levels)}
    if intervals:
        middle, low, high = model.predict_interval(rows, level=level)
        if levels:
            found.setdefault(f"probability {levels[1]}", middle)
        found |= {"lower": low, "upper": high}
    return found


def write(found: dict[str, Any]) -> None:
    """Write columns as CSV to standard output, numbers with all their digits; to a terminal, only what is visible."""
    shown = visible if is_terminal() else str
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(map(shown, found))
    lists = [np.asarray(values).tolist() for values in found.values()]
    columns = [[shown(v) if isinstance(v, str) else _cell(v) for v in values] for values in lists]
    writer.writerows(zip(*columns, strict=True))
    sys.stdout.flush()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value)
    return value
