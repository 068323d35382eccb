"""Solvers: each by name, and the choice between them with its reason."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from gradwork.errors import DerivativeError, GradworkError
from gradwork.expr.node import CONSTANT
from gradwork.learn.checked import check_start
from gradwork.learn.history import History
from gradwork.learn.objective import Objective
from gradwork.learn.recognise import Squares, hold_none, kinks, squares
from gradwork.learn.solvers.closed import solve_linear, solve_quadratic
from gradwork.learn.solvers.descent import gradient_descent, lbfgs
from gradwork.learn.solvers.driver import Run, drive
from gradwork.learn.solvers.lm import levenberg_marquardt
from gradwork.learn.solvers.newton import newton
from gradwork.learn.solvers.sampled import MANY, sampled_newton, sizes
from gradwork.learn.solvers.smoothed import smoothed_newton
from gradwork.learn.stopping import Stop, Stopping
from gradwork.rows.blocks import Blocks
from gradwork.rows.proof import NotRows
from gradwork.stats.least_squares import LeastSquares
from gradwork.words.notes import Line
from gradwork.words.say import say

SOLVERS: dict[str, str] = {
    "closed": "closed form: linear least squares and ridge by QR or SVD, other quadratics by Cholesky",
    "gd": "gradient descent with a backtracking line search",
    "lbfgs": "L-BFGS with a strong Wolfe line search",
    "newton": "Newton with the exact Hessian; sampled first where rows are very many",
    "lm": "Levenberg-Marquardt, for sums of squares",
}

MOST_FOR_HESSIAN = 1_500  # parameters: a Hessian of 18 MB, factored in a tenth of a second
MOST_FOR_JACOBIAN = 50_000_000  # numbers
STEPS = {"gd": 10_000, "lbfgs": 5_000, "newton": 500, "lm": 5_000}


@dataclass
class Analysis:
    """What the formula proves about an objective, found when it is asked for."""

    objective: Objective

    @cached_property
    def squares(self) -> Squares | None:
        """The loss as a sum of squares, if it is one: no weight is negative."""
        o = self.objective
        found = squares(o.loss, o.symbols)
        if found is None:
            return None
        weights = [b.weight for b in found.blocks]
        open_ = any(w.op is not CONSTANT for w in weights)
        values = (
            o.evaluate(("weights", found), weights, o.start_vector)
            if open_
            else [w.params[0] for w in weights]
        )
        return found if all(np.all(np.asarray(w, float) >= 0) for w in values) else None

    @cached_property
    def linear(self) -> bool:
        """Whether it is a sum of squares of residuals that are linear in the parameters."""
        return self.squares is not None and self._linear

    @cached_property
    def _linear(self) -> bool:
        assert self.squares is not None
        try:
            return self.squares.linear
        except DerivativeError:
            return False

    @cached_property
    def quadratic(self) -> bool:
        """Whether the loss is quadratic: the Hessian holds no parameter, and no kink hides from it."""
        o = self.objective
        if o.size > MOST_FOR_HESSIAN or self.kinks:
            return False
        try:
            return hold_none(o.hessians.values(), o.symbols)
        except DerivativeError:
            return False

    @cached_property
    def kinks(self) -> tuple[str, ...]:
        """The operations of parameters that have no derivative somewhere."""
        return kinks(self.objective.loss, self.objective.symbols)

    @cached_property
    def residuals(self) -> int:
        """How many residuals a sum of squares has."""
        if self.squares is None:
            return 0
        known = self.objective.sizes
        return sum(
            int(np.prod([d.evaluate(known) for d in b.r.shape], dtype=int)) for b in self.squares.blocks
        )

    @cached_property
    def blocks(self) -> Blocks | None:
        """The objective by blocks of rows, if it is a sum over very many."""
        try:
            made = Blocks(self.objective)
        except NotRows:
            return None
        return made if made.n >= MANY and made.n >= 200 * self.objective.size else None


@dataclass(frozen=True)
class Choice:
    """A solver and why it was chosen."""

    solver: str
    reason: Line


def choose(analysis: Analysis) -> Choice:
    """Return the solver for an objective, and the reason."""
    o = analysis.objective
    facts: dict[str, Any] = {"what": list(o.parameters), "size": o.size}
    if analysis.linear and o.size <= 20_000:
        return Choice("closed", Line("auto closed linear", **facts))
    if analysis.squares is None and analysis.quadratic:
        return Choice("closed", Line("auto closed quadratic", **facts))
    if analysis.squares is not None and not analysis.kinks:
        entries = analysis.residuals * o.size
        if entries <= MOST_FOR_JACOBIAN and o.size <= MOST_FOR_HESSIAN:
            return Choice("lm", Line("auto lm", **facts))
    if analysis.kinks == ("abs",) and o.size <= MOST_FOR_HESSIAN:
        return Choice("newton", Line("auto smoothed"))
    if analysis.kinks:
        return Choice("lbfgs", Line("auto lbfgs kinks", ops=analysis.kinks))
    if o.size > MOST_FOR_HESSIAN:
        return Choice("lbfgs", Line("auto lbfgs size", **facts))
    if analysis.blocks is not None:
        return Choice("newton", Line("auto newton sampled", rows=analysis.blocks.n, **facts))
    return Choice("newton", Line("auto newton", **facts))


@dataclass(frozen=True)
class Solved:
    """What a solver reached, by which way: the run, the plan in words, and what a closed form knows besides."""

    run: Run
    solver: str
    reason: Line
    plan: str
    least_squares: LeastSquares | None = None
    notes: tuple[Any, ...] = field(default=())


def solve(
    objective: Objective,
    solver: str = "auto",
    *,
    stopping: Stopping | None = None,
    steps: int | None = None,
    callbacks: Any = None,
) -> Solved:
    """Minimise an objective by a solver, or by the one that suits it.

    stopping: by default a solver goes on until its own test says that nothing more can be gained; L-BFGS and
    gradient descent until the gradient's norm is 1e-8, or 1e-8 of that at the start if this is smaller.
    """
    if solver != "auto" and solver not in SOLVERS:
        raise GradworkError("unknown solver", solvers=SOLVERS, solver=solver)
    if objective.dtype != np.float64 and solver in ("auto", "closed", "lm", "newton"):
        # These factor matrices, which float32 is too coarse for; data are converted once.
        objective = objective.with_dtype("float64")
    checked = check_start(objective)
    found = _solved(objective, solver, stopping, steps, callbacks)
    return replace(found, plan="\n".join(filter(None, [found.plan, checked])))


def _solved(
    objective: Objective, solver: str, stopping: Stopping | None, steps: int | None, callbacks: Any
) -> Solved:
    analysis = Analysis(objective)
    choice = choose(analysis) if solver == "auto" else Choice(solver, Line("asked"))
    if choice.solver == "closed":
        return _closed(analysis, choice)
    start = objective.start_vector
    problem = analysis.blocks or objective
    if problem is not objective and choice.solver == "newton" and not analysis.kinks:
        # It begins with some of the rows, and looks at the start by itself if they lead nowhere.
        return _iterated(analysis, choice, start, stopping or _default("newton", 1.0), steps, callbacks)
    value, gradient = problem.value_and_gradient(start)
    if not np.isfinite(value) or not np.isfinite(gradient).all():
        called = _called(value, gradient)
        raise _outside(objective, called) or GradworkError("loss not finite at start", called=called)
    norm = float(np.linalg.norm(gradient))
    if norm == 0 and choice.solver != "newton" and not analysis.kinks:
        return Solved(_at_start(objective, value), choice.solver, choice.reason, _plan(choice, ""))
    return _iterated(analysis, choice, start, stopping or _default(choice.solver, norm), steps, callbacks)


def _iterated(
    analysis: Analysis, choice: Choice, start: Any, stopping: Stopping, steps: int | None, callbacks: Any
) -> Solved:
    most = STEPS[choice.solver] if steps is None else steps
    made, plan = _made(analysis, choice, start, stopping)
    run = drive(
        analysis.objective, made, stopping=stopping, steps=most, asked=steps is not None, callbacks=callbacks
    )
    return Solved(run, choice.solver, choice.reason, _plan(choice, plan))


def _default(solver: str, norm: float) -> Stopping:
    if solver in ("lm", "newton"):
        return Stopping(gradient_norm=None, growth=None)
    return Stopping(gradient_norm=1e-8 * min(1.0, norm), growth=None)


def _made(analysis: Analysis, choice: Choice, start: Any, stopping: Stopping) -> tuple[Any, str]:
    o = analysis.objective
    if choice.solver == "gd":
        return gradient_descent(o, start), say("plan gd")
    if choice.solver == "lbfgs":
        return lbfgs(analysis.blocks or o, start), say("plan lbfgs", memory=10)
    if choice.solver == "lm":
        if analysis.squares is None:
            raise GradworkError("solver lm' needs sum or mean")
        plan = say("plan lm", rows=analysis.residuals, columns=o.size)
        return levenberg_marquardt(o, analysis.squares, start), plan
    if analysis.kinks == ("abs",):
        return smoothed_newton(o, start), say("plan smoothed")
    if analysis.blocks is not None and not analysis.kinks:
        first, second = sizes(analysis.blocks.n, o.size)
        plan = say(
            "plan sampled", first=first, second=second, rows=analysis.blocks.n, block=analysis.blocks.block,
            target="NumPy",
        )  # fmt: skip
        return sampled_newton(analysis.blocks, start, o.seed), plan
    lines = [say("plan newton", shape=f"{o.size}×{o.size}")]
    if all(s.ndim < 2 for s in o.symbols) and len(o.symbols) == 1:
        lines.append(say("plan newton structure", expression=str(o.hessians[0, 0])))
    return newton(o, start, limit=stopping.gradient_norm), "\n".join(lines)


def _closed(analysis: Analysis, choice: Choice) -> Solved:
    o, answer = analysis.objective, None
    if analysis.linear:
        assert analysis.squares is not None
        try:
            vector, answer = solve_linear(o, analysis.squares)
        except GradworkError as error:
            # Least squares sees residuals and columns; the formula knows which function left its domain.
            if (outside := _outside(o)) is not None:
                raise outside from error
            raise
        how = "closed svd" if answer.collinear else "closed qr"
        plan = say("plan closed", rows=len(answer.fitted), columns=o.size)
    elif analysis.quadratic:
        vector, how, plan = solve_quadratic(o), "closed cholesky", say("plan quadratic", size=o.size)
    else:
        what = _names(list(o.parameters))
        raise GradworkError(
            "this loss has no closed form",
            what=what,
            lm_analysis_squares="lm" if analysis.squares is not None else "newton",
        )
    value, gradient = o.value_and_gradient(vector)
    norm = float(np.linalg.norm(gradient))
    sign = -1.0 if o.maximize else 1.0
    history = History()
    start = o.start_vector
    history.add(
        epoch=0, step=0, loss=sign * o.value(start), gradient_norm=float(np.linalg.norm(o.gradient(start)))
    )
    history.add(epoch=1, step=1, loss=sign * value, gradient_norm=norm)
    stop = Stop("closed", 1, 1, True, {"how": Line(how)})
    run = Run(vector, value, stop.reason, stop, 1, 0.0, history)
    notes = answer.notes if answer is not None else ()
    return Solved(run, "closed", choice.reason, _plan(choice, plan), answer, tuple(notes))


def _at_start(objective: Objective, value: float) -> Run:
    history = History()
    history.add(epoch=0, step=0, loss=-value if objective.maximize else value, gradient_norm=0.0)
    start = objective.start_vector
    lowest = objective.size <= MOST_FOR_HESSIAN and np.linalg.eigvalsh(objective.hessian(start))[0] > 0
    stop = Stop("start is minimum" if lowest else "flat start", 0, 0, converged=bool(lowest))
    return Run(start, value, stop.reason, stop, 0, 0.0, history)


def _outside(objective: Objective, called: Line | None = None) -> GradworkError | None:
    """Return the error that says where the loss at the start leaves the numbers; None where it does not."""
    from gradwork.learn.diagnosis.nonfinite import explain_nonfinite

    found = explain_nonfinite(objective, objective.start_vector)
    if found is None:
        return None
    if called is None:
        return GradworkError("value left its domain", why=found.sentence)
    return GradworkError("loss not finite at start, where", called=called, why=found.sentence)


def _plan(choice: Choice, text: str) -> str:
    return "\n".join(filter(None, [say("plan solver", solver=choice.solver, why=choice.reason), text]))


def _called(value: float, gradient: Any) -> Line:
    if np.isnan(value):
        return Line("is nan")
    return Line("gradient is infinite" if np.isfinite(value) else "is infinite")


def _names(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


__all__ = ["SOLVERS", "Analysis", "Choice", "Solved", "choose", "solve"]
