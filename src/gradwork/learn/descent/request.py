"""What a descent is asked for: its numbers checked, its batches proved, its step written as expressions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from gradwork.data import check_batch_size
from gradwork.errors import GradworkError
from gradwork.expr.node import Expr
from gradwork.learn.descent.loops import Batching, Setup
from gradwork.learn.descent.run_state import digest
from gradwork.learn.descent.step import training_step
from gradwork.learn.optimizers.named import Optimizer, as_optimizer
from gradwork.learn.optimizers.schedules import read_schedule
from gradwork.learn.stopping import Stopping
from gradwork.rows.proof import RowSum, row_sum

if TYPE_CHECKING:
    from gradwork.learn.objective import Objective
    from gradwork.learn.settings import Settings


class Request:
    """A checked request: objective, optimizer, limits, batches and the setup that a loop runs."""

    def __init__(self, objective: Objective, optimizer: Optimizer | str, asked: Settings):
        self.objective, self.settings = objective, asked
        made = as_optimizer(optimizer)
        schedule, stopping, patience = asked.schedule, asked.stopping, asked.patience
        self.optimizer: Optimizer = made if schedule is None else made.with_rate(read_schedule(schedule))
        stopping = Stopping() if stopping is None else stopping
        self.stopping: Stopping = stopping if patience is None else replace(stopping, patience=patience)
        self.seed: int = asked.seed if "seed" in asked.given else objective.seed
        batch_size = asked.batch_size
        self.sign = -1.0 if objective.maximize else 1.0
        self.by_step = asked.record == "step" and batch_size is not None
        self.units = self._count(asked.epochs, asked.steps, batch_size)
        self.proof: RowSum | None = None
        self.batching: Batching | None = None
        data: dict[str, Any] = dict(objective.data)
        loss: Expr = objective.loss
        if batch_size is not None:
            self.proof = row_sum(loss, list(objective.data_symbols.values()), objective.symbols)
            rows = objective.sizes[self.proof.rows]
            check_batch_size(rows, batch_size)
            self.batching = Batching(int(batch_size), rows, self.proof.axes, bool(asked.shuffle), self.seed)
            loss = self.proof.batch
            if self.proof.whole is not None:
                data[self.proof.whole.params[0]] = np.asarray(rows, objective.dtype)
        per_epoch = self.batching.steps if self.batching else 1
        self.step = training_step(
            loss,
            objective.symbols,
            self.optimizer,
            per_epoch,
            gradients=objective.gradients if self.batching is None else None,
            taken=[*objective.sizes, *objective.formula.symbols],
        )
        held = _held_out(objective, asked.validation)
        self.setup = Setup(
            self.step, objective.loss, tuple(objective.gradients), data, objective.sizes, objective.dtype,
            self.optimizer.learning_rate.initial, self.batching, held,
            self.stopping.step is not None and self.batching is None, self.by_step,
        )  # fmt: skip

    def _count(self, epochs: Any, steps: Any, batch_size: Any) -> int:
        if steps is not None and (epochs is not None or batch_size is not None):
            raise GradworkError("steps counts steps over all rows")
        usual = 1000 if batch_size is None else 100
        value = steps if steps is not None else usual if epochs is None else epochs
        what = "steps" if steps is not None else "epochs"
        self.counted = what
        self.asked = not (epochs is None and steps is None)
        return int(value)

    @cached_property
    def fingerprint(self) -> dict[str, Any]:
        """What makes this run the same run as another, for checkpoints."""
        shapes = {n: list(np.shape(a)) for n, a in self.objective.data.items()}
        batching = self.batching
        return {
            "loss": self.objective.loss.text(),
            "optimizer": [repr(p) for p in self.optimizer.parts],
            "numbers": self.optimizer.numbers,
            "rate": repr(self.optimizer.learning_rate),
            "shapes": shapes,
            "data": {n: digest(a) for n, a in self.objective.data.items()}
            | {f"{n} (validation)": digest(a) for n, a in (self.setup.validation or {}).items()},
            "dtype": self.setup.dtype.name,
            "batches": None if batching is None else [batching.size, batching.shuffle, batching.seed],
        }


def _held_out(objective: Objective, validation: Mapping[Any, Any] | None) -> dict[str, Any] | None:
    if validation is None:
        return None
    return dict(objective.with_data(validation).data)
