"""The record of a run: losses, gradient norm, learning rate and time, epoch by epoch or step by step."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gradwork.errors import GradworkError

COLUMNS = ("epoch", "step", "loss", "validation_loss", "gradient_norm", "learning_rate", "seconds")
_WHOLE = frozenset({"epoch", "step"})


class History:
    """What a run recorded: one row for the start and one for each epoch (or step, on request).

    A row of a full-batch run holds the loss and the gradient's norm at the parameters after `step` steps; row 0
    is the start. A row of a minibatch run holds the mean over the epoch of the batches' losses, each taken
    before its update, and the norm of the epoch's mean gradient; its row 0 is computed on all rows. What was not
    measured is NaN. `seconds` counts from the start of the run.

    >>> h = History()
    >>> h.add(epoch=0, step=0, loss=4.0, gradient_norm=4.0)
    >>> h.add(epoch=1, step=1, loss=1.0, gradient_norm=2.0)
    >>> len(h), h.loss.tolist(), h.last["loss"]
    (2, [4.0, 1.0], 1.0)
    """

    def __init__(self) -> None:
        self._parts: dict[str, list[NDArray[Any]]] = {name: [] for name in COLUMNS}
        self._length = 0

    def add(self, **row: float) -> None:
        """Append one row; columns that are not given are NaN (epoch and step: those of the row before)."""
        self.extend(**{name: [value] for name, value in row.items()})

    def extend(self, **columns: ArrayLike) -> None:
        """Append rows given by column."""
        unknown = set(columns) - set(COLUMNS)
        if unknown:
            raise GradworkError("history has no column", unknown=sorted(unknown)[0], columns=COLUMNS)
        arrays = {
            n: np.atleast_1d(np.asarray(c, np.int64 if n in _WHOLE else np.float64))
            for n, c in columns.items()
        }
        lengths = {len(a) for a in arrays.values()}
        if len(lengths) != 1:
            raise GradworkError("columns of history have one length")
        count = lengths.pop()
        for name in COLUMNS:
            if name not in arrays:
                last = int(self[name][-1]) if name in _WHOLE and self._length else 0
                arrays[name] = np.full(count, last, np.int64) if name in _WHOLE else np.full(count, np.nan)
        for name, array in arrays.items():
            self._parts[name].append(array)
        self._length += count

    def truncate(self, count: int) -> None:
        """Keep the first `count` rows."""
        for name in COLUMNS:
            self._parts[name] = [self[name][:count]]
        self._length = min(count, self._length)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, column: str) -> NDArray[Any]:
        parts = self._parts.get(column)
        if parts is None:
            raise GradworkError("no such column of history", column=column, columns=COLUMNS)
        if len(parts) > 1:
            parts[:] = [np.concatenate(parts)]
        return parts[0] if parts else np.empty(0, np.int64 if column in _WHOLE else np.float64)

    @property
    def epoch(self) -> NDArray[np.int64]:
        """Epochs taken."""
        return self["epoch"]

    @property
    def step(self) -> NDArray[np.int64]:
        """Steps taken."""
        return self["step"]

    @property
    def loss(self) -> NDArray[np.float64]:
        """The training loss (for a maximisation: the objective itself)."""
        return self["loss"]

    @property
    def validation_loss(self) -> NDArray[np.float64]:
        """The validation loss; NaN without validation data."""
        return self["validation_loss"]

    @property
    def gradient_norm(self) -> NDArray[np.float64]:
        """The Euclidean norm of the gradient over all parameters."""
        return self["gradient_norm"]

    @property
    def learning_rate(self) -> NDArray[np.float64]:
        """The learning rate of the step that comes next."""
        return self["learning_rate"]

    @property
    def seconds(self) -> NDArray[np.float64]:
        """Wall-clock seconds since the start of the run."""
        return self["seconds"]

    @property
    def last(self) -> dict[str, float]:
        """The last row."""
        return {name: self[name][-1].item() for name in COLUMNS} if self._length else {}

    def __repr__(self) -> str:
        if not self._length:
            return "<History: empty>"
        return f"<History: {self._length} rows, loss {self.loss[0]:.6g} → {self.loss[-1]:.6g}>"

    def to_dict(self) -> dict[str, list[float]]:
        """Return the columns as lists; columns that were never measured are left out."""
        return {name: self[name].tolist() for name in self._measured()}

    @classmethod
    def from_dict(cls, columns: Mapping[str, ArrayLike]) -> History:
        """Return the history with these columns."""
        history = cls()
        if any(len(np.atleast_1d(np.asarray(c))) for c in columns.values()):
            history.extend(**columns)
        return history

    def _measured(self) -> list[str]:
        return [n for n in COLUMNS if n in _WHOLE or n == "loss" or not np.all(np.isnan(self[n]))]

    def to_frame(self) -> Any:
        """Return a pandas DataFrame, or a PyArrow table where pandas is not installed."""
        columns = {name: self[name] for name in self._measured()}
        try:
            import pandas  # pyright: ignore[reportMissingImports]
        except ImportError:
            import pyarrow

            return pyarrow.table(columns)
        return pandas.DataFrame(columns)

    def to_parquet(self, path: str | os.PathLike[str]) -> Path:
        """Write the columns to a Parquet file, whole or not at all; return its path."""
        import pyarrow
        import pyarrow.parquet

        from gradwork.learn.descent.checkpoint import replaced

        table = pyarrow.table({name: self[name] for name in self._measured()})
        with replaced(path) as temporary:
            pyarrow.parquet.write_table(table, temporary)
        return Path(path)

    @classmethod
    def from_parquet(cls, path: str | os.PathLike[str]) -> History:
        """Return the history in a Parquet file."""
        import pyarrow.parquet

        table = pyarrow.parquet.read_table(path)
        return cls.from_dict({n: table[n].to_numpy() for n in table.column_names if n in COLUMNS})

    def plot(self, ax: Any = None, log: bool | None = None) -> Any:
        """Draw the learning curves into a Matplotlib axes (a new one by default) and return it.

        log: whether the loss has a logarithmic axis; by default where it is positive and spans a factor of 100.
        """
        if ax is None:
            from matplotlib.figure import Figure

            # A figure of its own: pyplot would keep it alive and choose a window system.
            ax = Figure(figsize=(7, 4), layout="constrained").add_subplot()
        x = self.epoch if len(np.unique(self.epoch)) == self._length else self.step
        many = self._length > 60
        ax.plot(x, self.loss, label="training", marker="" if many else ".")
        seen = np.isfinite(self.validation_loss)
        if seen.any():
            ax.plot(x[seen], self.validation_loss[seen], label="validation", marker="" if many else ".")
            ax.legend(frameon=False)
        finite = self.loss[np.isfinite(self.loss)]
        if log is None:
            log = bool(finite.size and finite.min() > 0 and finite.max() > 100 * finite.min())
        if log:
            ax.set_yscale("log")
        ax.set_xlabel("epoch" if x is self.epoch else "step")
        ax.set_ylabel("loss")
        return ax
