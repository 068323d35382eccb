"""One training step as expressions: loss, gradients, the optimizer's update, and what is recorded.

    (θ, kept arrays, t, η; data)  →  (θ′, kept arrays′, f(θ), ‖∇f(θ)‖, …)

The same expressions become the NumPy text, the compiled loop and the exported script.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gradwork.diff.api import grad
from gradwork.expr.node import NAME, Expr, name, plain, rebuild, scalar, substitute, symbol, walk
from gradwork.learn.optimizers.named import Optimizer
from gradwork.learn.optimizers.schedules import is_constant_rate
from gradwork.ops.arithmetic import add, divide, subtract
from gradwork.ops.contraction import contract
from gradwork.ops.elementwise import floor, maximum, sqrt
from gradwork.rewrite.likeness import unified

# A scalar of this name in a loss stands for the number of the step, from 1 in training; elsewhere it is data (0).
COUNTER = "step_number"


@dataclass(frozen=True)
class Kept:
    """An array that an optimizer keeps for one parameter."""

    symbol: Expr
    parameter: str
    slot: str
    start: float


@dataclass(frozen=True)
class Step:
    """The expressions of a training step.

    symbols:   the parameters.        kept: the optimizer's arrays.
    t, eta:    scalar symbols: the number of the step from 1, and the learning rate (used if it is constant).
    after:     the new parameters, then the new kept arrays.
    loss:      the loss before the step, by the same named quantities as the gradients.
    gradients: by each of `symbols`.
    squares:   ‖∇f‖² over all parameters: the loops record it and take the root at the end.
    moved:     ‖Δθ‖ / max(1, ‖θ‖).
    """

    symbols: tuple[Expr, ...]
    kept: tuple[Kept, ...]
    t: Expr
    eta: Expr
    after: tuple[Expr, ...]
    loss: Expr
    gradients: tuple[Expr, ...]
    squares: Expr
    moved: Expr
    optimizer: Optimizer

    @property
    def state(self) -> tuple[Expr, ...]:
        """The symbols that a step changes: parameters, then kept arrays."""
        return (*self.symbols, *(k.symbol for k in self.kept))

    @property
    def inner(self) -> tuple[Expr, ...]:
        """The arguments besides the data: state, t, eta."""
        return (*self.state, self.t, self.eta)


def training_step(
    loss: Expr,
    symbols: Sequence[Expr],
    optimizer: Optimizer,
    steps_per_epoch: int = 1,
    gradients: Sequence[Expr] | None = None,
    taken: Sequence[str] = (),
) -> Step:
    """Return the step that lowers `loss` by its `symbols`.

    steps_per_epoch: what a schedule that counts epochs divides by.
    gradients:       the gradients if they are known already.
    taken:           names that no new symbol may have, such as those of sizes.
    """
    symbols = tuple(plain(s) for s in symbols)
    found = tuple(gradients) if gradients is not None else grad(loss, list(symbols))
    body, *slopes = unified([_body(found[0], loss), *(plain(g) for g in found)])
    counter = loss.symbols.get(COUNTER)
    used = {*loss.symbols, *taken, *(s.params[0] for s in symbols)}
    used |= {n for x in (loss, *symbols) for node in walk(x) for dim in node.shape for n in dim.names}

    def fresh(label: str) -> str:
        while label in used:
            label += "_"
        used.add(label)
        return label

    kept = tuple(
        Kept(symbol(fresh(f"{slot}_{s.params[0]}"), s.shape), s.params[0], slot, start)
        for s in symbols
        for slot, start in optimizer.slots.items()
    )
    t, eta = scalar(fresh("t")), scalar(fresh("eta"))
    if counter is not None:
        body, *slopes = (substitute(x, {counter: t}) for x in (body, *slopes))
    slopes = [
        g if g.op is NAME else name(s.params[0], g, "adjoint") for s, g in zip(symbols, slopes, strict=True)
    ]
    squares = _squares(slopes)
    norm = sqrt(squares)
    rate: Expr = eta
    schedule = optimizer.learning_rate
    if not is_constant_rate(schedule):
        counted = subtract(t, 1)
        if schedule.unit == "epoch" and steps_per_epoch != 1:
            counted = floor(divide(counted, steps_per_epoch))
        rate = name("eta", schedule.rate(counted))
    parameters, arrays = [], []
    for s, g in zip(symbols, slopes, strict=True):
        own = {k.slot: k.symbol for k in kept if k.parameter == s.params[0]}
        update = optimizer.update(s, g, own, t, rate, norm)
        labels = {k.slot: k.symbol.params[0] for k in kept if k.parameter == s.params[0]}
        parameters.append(_relabelled(update.parameter, labels))
        arrays += [_relabelled(update.slots[slot], labels) for slot in own]
    change = [subtract(new, old) for new, old in zip(parameters, symbols, strict=True)]
    moved = divide(sqrt(_squares(change)), maximum(sqrt(_squares(symbols)), 1))
    return Step(symbols, kept, t, eta, (*parameters, *arrays), body, tuple(slopes), squares, moved, optimizer)


def _squares(parts: Sequence[Expr]) -> Expr:
    terms = [contract([(x, tuple(range(x.ndim)))] * 2, ()) for x in parts]
    return terms[0] if len(terms) == 1 else add(*terms)


def _body(first: Expr, loss: Expr) -> Expr:
    # The function by the names that its gradients use.
    derivation = getattr(first, "derivation", None)
    for line in getattr(derivation, "lines", ()):
        if line.kind == "forward" and line.target.op is not NAME:
            return line.target
    return plain(loss)


def _relabelled(x: Expr, labels: dict[str, str]) -> Expr:
    # The new m of parameter W is called m_W.
    found = {
        node: name(labels[node.params[0]], node.args[0], node.params[1])
        for node in walk(x)
        if node.op is NAME and node.params[1] == "value" and node.params[0] in labels
    }
    done: dict[Expr, Expr] = {}
    for node in walk(x):
        new = rebuild(node, tuple(done[a] for a in node.args))
        done[node] = name(labels[node.params[0]], new.args[0], "value") if node in found else new
    return done[x]


__all__ = ["Kept", "Step", "training_step"]
