"""What a run returns: the parameters, why it ended, and the record of how it went."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gradwork.errors import GradworkError
from gradwork.expr.node import Expr, plain
from gradwork.learn.history import History
from gradwork.words.notes import Line, Reason
from gradwork.words.say import known

if TYPE_CHECKING:
    from gradwork.learn.objective import Objective


@dataclass
class Fit:
    """A finished run.

    parameters: the learned values by name, on the formula's own scale (a positive parameter is positive); numbers
                are floats, everything else arrays.
    loss:       the formula at these parameters on all rows (for a maximisation: the largest value found).
    reason:     why the run ended: `str` tells it, `reason.key` and `reason.facts` say which reason it is.
    converged:  whether a tolerance was met, rather than an end of time or epochs.
    steps:      steps taken;  epochs: passes over the data.
    history:    what was recorded.
    solver:     the optimizer's or solver's name;  target: "numpy" or "xla".
    plan:       how the run was computed, and why so, as text.
    seconds:    wall-clock time.
    """

    parameters: dict[str, Any]
    loss: float
    reason: Reason
    converged: bool
    steps: int
    epochs: int
    history: History
    solver: str
    target: str
    plan: str
    seconds: float
    objective: Objective
    stop: Any = None
    free: dict[str, NDArray[Any]] = field(default_factory=dict)
    gradient_norm: float = float("nan")
    validation_loss: float = float("nan")
    details: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.parameters = {
            name: value if np.ndim(value) else float(value) for name, value in self.parameters.items()
        }

    def __getitem__(self, parameter: Expr | str) -> Any:
        """Return one learned value by symbol or name."""
        key = plain(parameter)
        name = key.params[0] if isinstance(key, Expr) else key
        if name not in self.parameters:
            raise GradworkError("was not learned", name=name, parameters=self.parameters)
        return self.parameters[name]

    @property
    def vector(self) -> NDArray[Any]:
        """The free parameters as one vector, as the objective packs them."""
        return (
            self.objective.pack(self.free)
            if self.free
            else self.objective.pack(self.objective.internal(self.parameters))
        )

    @property
    def how(self) -> Line:
        """What it was learned by, as a heading says it."""
        if self.solver == "closed":
            return Line("closed form", how=self.reason.facts["how"])
        key = f"solver {self.solver}"
        return Line(key) if known(key) else Line("told", text=self.solver)

    @property
    def diagnosis(self) -> Any:
        """What the run's curvature and record say, in words; computed when it is first asked for."""
        if "diagnosis" not in self.details:
            from gradwork.learn.diagnosis.why import diagnose

            self.details["diagnosis"] = diagnose(self)
        return self.details["diagnosis"]

    def script(self, target: str = "numpy") -> str:
        """Return the training run as one standalone script, which repeats it without Gradwork."""
        from gradwork.learn.descent.script import script

        return script(self, target)

    def __str__(self) -> str:
        lines = [f"{self.solver}, {self.target}: {self.reason}"]
        lines.append(f"loss {self.loss:.6g} after {self.steps:,} steps in {self.seconds:.2g} s")
        for name, value in self.parameters.items():
            array = np.asarray(value)
            text = (
                f"{array.item():.6g}" if array.ndim == 0 else np.array2string(array, precision=5, threshold=8)
            )
            lines.append(f"{name} = {text}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<Fit by {self.solver}: loss {self.loss:.6g}, {self.reason}>"
