"""Descent on a standardised target, and the run told on the scale of the table.

A learning rate that suits columns of mean 0 and deviation 1 suits a target of that kind too: a target of mean 150
would be reached by Adam's steps of 0.001 after 150 000 of them. With t = (y − m)/s, and the parameters b, w for t,

    ŷ = m + s t̂,    w₀ = s w,    b₀ = s b + m,    f₀ = sᵏ f

for a loss of degree k in the residuals, so the descent is exactly the same one, seen in other units.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradwork.families.model import Model
from gradwork.learn.callbacks import Callback, Progress, as_callbacks
from gradwork.learn.fit import Fit
from gradwork.learn.history import History
from gradwork.learn.objective import Objective
from gradwork.words.notes import Line

Array = NDArray[Any]


@dataclass(frozen=True)
class TargetScale:
    """A target moved to mean 0 and deviation 1; without an intercept it is scaled, but not moved.

    power: the degree of the loss;  constant: the name of the intercept, "" where there is none.

    >>> from gradwork.models.tables.named import linear
    >>> scale = TargetScale.of(linear(), np.array([1.0, 3.0]))
    >>> scale.transform(np.array([1.0, 3.0])).tolist(), scale.power
    ([-1.0, 1.0], 2)
    """

    mean: float
    deviation: float
    power: int
    constant: str = "b"

    @classmethod
    def of(cls, model: Model, y: Array) -> TargetScale | None:
        """Return the scale for a model and its target; None where the loss is not known to allow one.

        A loss of degree k in y − z is the same one in other units; of a loss of one's own that is not known.
        """
        degree = model.degree_in_units
        if degree is None:
            return None
        mean = float(y.mean()) if model.intercept else 0.0
        deviation = float(np.sqrt(((y - mean) ** 2).mean()))
        return cls(mean, deviation or 1.0, degree, model.parameters[-1].params[0] if model.intercept else "")

    def transform(self, y: Array) -> Array:
        """Return (y − m)/s."""
        return (y - self.mean) / self.deviation

    def constants(self, model: Model) -> dict[str, float]:
        """Return the numbers in the loss for the moved target: δ is a distance in its units."""
        lengths = {name for name, c in (model.block.constants if model.block else {}).items() if c.length}
        return {name: v / self.deviation if name in lengths else v for name, v in model.constants.items()}

    def parameters(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters of the moved target as those of the target."""
        found: dict[str, Any] = {name: np.asarray(v) * self.deviation for name, v in values.items()}
        if self.constant:
            found[self.constant] = float(values[self.constant]) * self.deviation + self.mean
        return found

    def history(self, history: History) -> History:
        """Return the record with losses and gradients in the units of the target."""
        columns = history.to_dict() if len(history) else {}
        factors = {
            "loss": self.power, "validation_loss": self.power, "gradient_norm": self.power - 1
        }  # fmt: skip
        scaled = {n: np.asarray(c) * self.deviation ** factors.get(n, 0) for n, c in columns.items()}
        return History.from_dict(scaled)

    def fit(self, run: Fit, objective: Objective) -> Fit:
        """Return a run on the moved target as one of `objective`, over the target itself."""
        factor, parameters = self.deviation**self.power, self.parameters(run.parameters)
        stop, reason = run.stop, run.reason
        if stop is not None:
            told = {
                name: value * factor
                if name in ("first", "last", "value") and isinstance(value, float)
                else value
                for name, value in stop.facts.items()
            }
            if stop.kind == "gradient":
                told |= {n: told[n] * factor / self.deviation for n in ("norm", "limit") if n in told}
            stop = replace(stop, facts=told)
            reason = stop.reason.plus(*reason.also)
        return replace(
            run, parameters=parameters, loss=run.loss * factor, reason=reason, history=self.history(run.history),
            stop=stop, free=objective.internal(parameters), objective=objective,
            gradient_norm=run.gradient_norm * factor / self.deviation,
            validation_loss=run.validation_loss * factor,
            details={**run.details, "descended": run, "target_scale": self},
        )  # fmt: skip

    def callbacks(self, given: Any, objective: Objective) -> list[Callback]:
        """Return callbacks that are told of the target itself."""
        return [_Rescaled(callback, self, objective) for callback in as_callbacks(given)]


class _Rescaled(Callback):
    def __init__(self, inner: Callback, scale: TargetScale, objective: Objective):
        self.inner, self.scale, self.objective, self.every = inner, scale, objective, inner.every

    def _told(self, p: Progress) -> Progress:
        factor = self.scale.deviation**self.scale.power
        return replace(
            p, loss=p.loss * factor, validation_loss=p.validation_loss * factor,
            gradient_norm=p.gradient_norm * factor / self.scale.deviation, history=self.scale.history(p.history),
            parameters=lambda: self.scale.parameters(p.parameters()),
        )  # fmt: skip

    def begin(self, progress: Progress) -> None:
        self.inner.begin(self._told(progress))

    def after(self, progress: Progress) -> str | Line | None:
        return self.inner.after(self._told(progress))

    def end(self, fit: Any) -> None:
        self.inner.end(self.scale.fit(fit, self.objective))
