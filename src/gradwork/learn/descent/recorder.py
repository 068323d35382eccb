"""From what a loop recorded to the rows of a history."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradwork.learn.descent.loops import Batching, Record
from gradwork.learn.history import History
from gradwork.learn.optimizers.update import Optimizer


class Recorder:
    """Writes the history of one run: of full-batch steps, of epochs, or of each batch."""

    def __init__(self, batching: Batching | None, sign: float, optimizer: Optimizer):
        self.batching, self.sign, self.optimizer = batching, sign, optimizer
        self.history = History()

    def write(
        self, units: Any, loss: Any, norm: Any, validation: Any, seconds: Any, found: Record | None = None
    ) -> None:
        """Append the rows of some units, or of each of their steps where `found` holds these."""
        per_epoch = self.batching.steps if self.batching else 1
        taken = units * per_epoch
        columns = {
            "epoch": units,
            "step": taken,
            "loss": self.sign * loss,
            "gradient_norm": norm,
            "seconds": seconds,
        }
        if validation is not None:
            columns["validation_loss"] = self.sign * validation
        if found is not None and found.step_loss is not None and found.step_norm is not None:
            columns = self._by_step(units, validation, seconds, found, per_epoch)
            taken = columns["step"]
        rates = self.optimizer.learning_rate.values(taken, per_epoch)
        self.history.extend(**columns, learning_rate=rates)

    def _by_step(
        self, units: Any, validation: Any, seconds: Any, found: Record, per_epoch: int
    ) -> dict[str, Any]:
        # Each batch by itself, its loss before its update; the epoch's validation stands at its last batch.
        assert found.step_loss is not None and found.step_norm is not None
        held = np.full((len(units), per_epoch), np.nan)
        if validation is not None:
            held[:, -1] = self.sign * validation
        first = seconds[0] - (seconds[-1] - seconds[0]) / max(len(units) - 1, 1)
        count = len(units) * per_epoch
        return {
            "epoch": np.repeat(units, per_epoch),
            "step": (units[0] - 1) * per_epoch + np.arange(1, count + 1),
            "loss": self.sign * found.step_loss.ravel(),
            "gradient_norm": found.step_norm.ravel(),
            "validation_loss": held.ravel(),
            "seconds": np.linspace(max(first, 0.0), seconds[-1], count),
        }

    def cut(self, unit: int) -> None:
        """Keep the rows up to this unit."""
        self.history.truncate(int(np.searchsorted(self.history.epoch, unit, side="right")))

    def rows_before(self, unit: int) -> int:
        """Return how many rows there are when the loop stands at a unit.

        Full batches record the parameters before each step: the row of the unit comes with the next call.
        """
        side = "left" if self.batching is None else "right"
        return int(np.searchsorted(self.history.epoch, unit, side=side))
