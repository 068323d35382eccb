"""Seeing inside: every intermediate quantity and every adjoint of a loss at given values, and its graph as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gradwork.diff.api import grad
from gradwork.diff.fading import state_adjoints
from gradwork.errors import GradworkError
from gradwork.expr.node import NAME, SYMBOL, Expr, constant, make, plain
from gradwork.ops.sequence import ALL, LAST, SCAN
from gradwork.run import function
from gradwork.show.graph import Box, Pill, draw

Array = NDArray[Any]


@dataclass(frozen=True)
class Quantity:
    """One quantity of a trace.

    name:  as the derivation writes it;  kind: "value", "adjoint" or "gradient" (by a parameter).
    of:    the letter that an adjoint or gradient belongs to;  text: its formula.
    value: its numbers;  timed: whether their first axis is the time of a recurrence (T×…).
    operation: the operation that gives it, such as "relu".

    >>> q = Quantity("Z", "value", "Z", "XW", np.array([[3.0, 4.0]]))
    >>> q.shape, q.norm
    ((1, 2), 5.0)
    """

    name: str
    kind: str
    of: str
    text: str
    value: Array
    timed: bool = False
    operation: str = ""

    @property
    def norm(self) -> float:
        """The Euclidean norm of all components."""
        return float(np.linalg.norm(self.value))

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the values."""
        return self.value.shape


@dataclass(frozen=True)
class Leaf:
    """What a computation starts from: data, a parameter ("learned"), or the state before a step ("state")."""

    name: str
    kind: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Trace:
    """What a loss computes on the way, forward and backward, at given values.

    quantities: in the order of the derivation: values, then adjoints, then gradients.
    edges:      (what is used, what uses it), by name.
    leaves:     the symbols of the loss, and the states before a step.
    loss, given: what was traced, and at which values.

    >>> import gradwork as gw
    >>> X, W = gw.matrix("X", "n", 2), gw.matrix("W", 2, 3)
    >>> t = trace(gw.mean(gw.tanh(X @ W) ** 2), [W], {X: [[1.0, 2.0]], W: np.full((2, 3), 0.1)})
    >>> [(q.name, q.kind, q.shape) for q in t.quantities]
    [('Z', 'value', (1, 3)), ('f', 'value', ()), ('∂f/∂Z', 'adjoint', (1, 3)), ('∂f/∂W', 'gradient', (2, 3))]
    >>> print(t)
           shape     norm  smallest  largest
    Z      1×3       0.52       0.3      0.3
    f      scalar  0.0849    0.0849   0.0849
    ∂f/∂Z  1×3      0.308     0.178    0.178
    ∂f/∂W  2×3      0.688     0.178    0.355

    A recurrence shows its steps, with time as the first axis, and the adjoint of its state at every step:

    >>> x, w = gw.vector("x", "T"), gw.scalar("w")
    >>> f = gw.scan(lambda h, x: w * h + x, 0, x).last ** 2
    >>> t = trace(f, [w], {x: [1.0, 1.0, 1.0], w: 0.5})
    >>> t["hₜ"], t.step_norms["h"]
    (array([1.  , 1.5 , 1.75]), array([0.875, 1.75 , 3.5  ]))
    """

    quantities: tuple[Quantity, ...]
    edges: tuple[tuple[str, str], ...]
    leaves: tuple[Leaf, ...]
    loss: Expr = field(repr=False)
    given: Mapping[str, Array] = field(repr=False)

    def __getitem__(self, name: str) -> Array:
        """Return the values of a quantity: "H₁" (or "H_1"), "∂f/∂Z₁", "∂f/∂W₁"."""
        for q in self.quantities:
            if name in (q.name, plain_letter(q.name)):
                return q.value
        raise GradworkError("there is no in this trace", name=name, q_name=[q.name for q in self.quantities])

    @property
    def gradient_norms(self) -> dict[str, float]:
        """‖∂f/∂θ‖ by parameter, in the order of the layers."""
        return {q.of: q.norm for q in self.quantities if q.kind == "gradient"}

    @property
    def adjoint_norms(self) -> dict[str, float]:
        """‖∂f/∂z‖ of each intermediate quantity, in the order of the forward pass: where gradients fade or grow."""
        found = {q.of: q.norm for q in self.quantities if q.kind == "adjoint" and not q.timed}
        order = [q.name for q in self.quantities if q.kind == "value"]
        return {name: found[name] for name in order if name in found}

    @property
    def step_norms(self) -> dict[str, Array]:
        """‖∂f/∂hₜ‖ for t = 1 … T by the letter of each state: falling towards t = 1, gradients vanish.

        The norm is over the samples and units of a step, of the adjoint of the state that leaves the step: what an
        LSTM's cₜ does through hₜ of the same step is in ∂f/∂hₜ. Without a recurrence there is none.
        """
        found = {}
        for q in self.quantities:
            if q.kind == "adjoint" and q.timed:
                found[q.of] = np.linalg.norm(q.value.reshape(len(q.value), -1), axis=1)
        return found

    @property
    def dead(self) -> dict[str, int]:
        """How many units (of the last axis) of each relu are 0 for every sample and place.

        >>> import gradwork as gw
        >>> X, W, v = gw.matrix("X", "n", 2), gw.matrix("W", 2, 2), gw.vector("v", 2)
        >>> values = {X: [[1.0, 1.0], [2.0, 1.0]], W: [[1.0, -1.0], [1.0, -1.0]], v: [1.0, 1.0]}
        >>> trace(gw.mean((gw.relu(X @ W) @ v) ** 2), [W, v], values).dead
        {'H': 1}
        """
        found = {}
        for q in self.quantities:
            if q.kind == "value" and q.operation == "relu" and q.value.ndim > 1:
                found[q.name] = int((q.value.reshape(-1, q.value.shape[-1]) == 0).all(axis=0).sum())
        return found

    def check_finite(self) -> None:
        """Raise GradworkError for the first value that is not finite, with its quantity, sample and unit."""
        for q in self.quantities:
            bad = np.argwhere(~np.isfinite(np.atleast_1d(q.value)))
            if len(bad):
                at = bad[0].tolist()
                value = np.atleast_1d(q.value)[tuple(at)]
                timed = q.timed and len(at) > 1
                step, rest = f"step {at[0] + 1}, " if timed else "", at[timed:]
                unit = f", unit {rest[-1] + 1}" if len(rest) > 1 else ""
                raise GradworkError(
                    "traced value not finite",
                    name=q.name,
                    value=value,
                    step=step,
                    rest=rest[0] + 1,
                    unit=unit,
                    given=q.text,
                )

    def check(self, directions: int = 2, seed: int = 0) -> dict[str, float]:
        """Return how far each gradient is from differences of the loss, by parameter, relative to its norm.

            |(f(θ + hu) − f(θ − hu))/2h − ⟨∂f/∂θ, u⟩| / ‖∂f/∂θ‖

        along normal random directions u; the largest is returned, nan where the loss is not finite. Of four steps
        h the two that agree best are believed: kinks spoil the wide ones, rounding the narrow ones.

        >>> import gradwork as gw
        >>> X, w = gw.matrix("X", "n", 2), gw.vector("w", 2)
        >>> t = trace(gw.mean(gw.tanh(X @ w) ** 2), [w], {X: [[1.0, 2.0]], w: [0.3, -0.2]})
        >>> t.check()["w"] < 1e-8
        True
        """
        program, rng = function(self.loss), np.random.default_rng(seed)
        known = {name: self.given[name] for name in program.symbols}
        top, found = abs(float(program(**known))), {}
        symbols = {x.unicode(): x.params[0] for x in self.loss.symbols.values()}
        for q in self.quantities:
            if q.kind != "gradient":
                continue
            name, errors = symbols[q.of], []
            theta = np.asarray(self.given[name], dtype=float)
            for _ in range(directions):
                u = rng.normal(size=theta.shape)

                def slope(h: float, name: str = name, theta: Array = theta, u: Array = u) -> float:
                    ahead, behind = (float(program(**known | {name: theta + k * u})) for k in (h, -h))
                    return (ahead - behind) / (2 * h)

                slopes = [slope(h) for h in (1e-4, 1e-5, 1e-6, 1e-7)]
                best = 1 + int(np.argmin(np.abs(np.diff(slopes))))
                error = abs(slopes[best] - float(np.sum(q.value * u)))
                errors.append(error / max(q.norm, 1e-8 * top, 1e-300))
            found[q.of] = float(np.max(errors))
        return found

    def __str__(self) -> str:
        rows = [("", "shape", "norm", "smallest", "largest")]
        for q in self.quantities:
            low, high = (f"{v:.3g}" for v in (q.value.min(), q.value.max()))
            rows.append((q.name, _shape(q.shape), f"{q.norm:.3g}", low, high))
        widths = [max(len(r[k]) for r in rows) for k in range(5)]
        lines = [
            "  ".join(f"{c:<{w}}" if k < 2 else f"{c:>{w}}" for k, (c, w) in enumerate(zip(r, widths)))
            for r in rows
        ]
        dead = [
            f"{n}: {count} of {self[n].shape[-1]} units are 0 for every sample"
            for n, count in self.dead.items()
            if count
        ]
        return "\n".join([*(x.rstrip() for x in lines), *dead])

    def plot(self, path: Any = None) -> Any:
        """Draw the norms of adjoints, of gradients, and of the states' adjoints at every step of a recurrence.

        The picture is saved where a path is given; the Matplotlib figure is returned.

        >>> import gradwork as gw
        >>> X, W = gw.matrix("X", "n", 2), gw.matrix("W", 2, 3)
        >>> t = trace(gw.mean(gw.tanh(X @ W) ** 2), [W], {X: [[1.0, 2.0]], W: np.full((2, 3), 0.1)})
        >>> [ax.get_title("left") for ax in t.plot().axes]
        ['adjoints', 'gradients']
        """
        from matplotlib.figure import Figure

        from gradwork.report import plots, style
        from gradwork.report.time import norms_by_step

        shown = [("adjoints", self.adjoint_norms, "‖∂f/∂z‖"), ("gradients", self.gradient_norms, "‖∂f/∂θ‖")]
        steps = {q.of: q.value for q in self.quantities if q.kind == "adjoint" and q.timed}
        shown = [part for part in shown if part[1]]
        with style.look(style.LIGHT) as colours:
            count = len(shown) + bool(steps)
            figure = Figure(figsize=(3.9 * count, 3.1), layout="constrained", facecolor="white")
            axes = figure.subplots(1, count, squeeze=False)[0]
            for ax, (title, norms, label) in zip(axes, shown):
                plots.norms(ax, norms, colours, label)
                ax.set_title(title)
            if steps:
                norms_by_step(axes[-1], steps, colours)
                axes[-1].set_title("adjoints by step")
            if path is not None:
                figure.savefig(path)
        return figure

    def svg(self) -> str:
        """Return the graph of the computation as SVG: one row a quantity, from the data at the top to f.

        Each row has the formula, the shape, the norm of the adjoint, and to its left what comes in: parameters,
        data, the state before a step. It is readable by day and by night, in a page and as a file.

        >>> import gradwork as gw
        >>> X, W = gw.matrix("X", "n", 2), gw.matrix("W", 2, 3)
        >>> t = trace(gw.mean(gw.tanh(X @ W) ** 2), [W], {X: [[1.0, 2.0]], W: np.full((2, 3), 0.1)})
        >>> t.svg()[:4], "tanh" in t.svg()
        ('<svg', True)
        """
        values = {q.name: q for q in self.quantities if q.kind == "value"}
        leaves = {leaf.name: leaf for leaf in self.leaves}
        adjoints = self.adjoint_norms | {
            q.name.removeprefix("∂f/∂"): q.norm for q in self.quantities if q.kind == "adjoint" and q.timed
        }
        dead = self.dead
        boxes = []
        for name, q in values.items():
            into = [a for a, b in self.edges if b == name]
            pills = tuple(
                Pill(a, _shape(leaves[a].shape), leaves[a].kind)
                for a in into
                if a in leaves and a not in values
            )
            note = _shape(q.shape) if q.shape else f"{float(q.value):.4g}"
            lost = bool(dead.get(name))
            aside = f"‖∂f/∂{name}‖ = {adjoints[name]:.3g}" if name in adjoints else ""
            aside = f"{dead[name]} of {q.shape[-1]} units dead" if lost else aside
            takes = tuple(a for a in into if a in values)
            boxes.append(Box(name, q.text, note, takes, pills, aside, lost))
        return draw(boxes, f"the computation of f in {len(boxes)} steps")


def _shape(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "scalar"


def plain_letter(name: str) -> str:
    """Return a name as it is typed: H₁ is H_1.

    >>> plain_letter("∂f/∂W₁₂")
    '∂f/∂W_12'
    """
    digits = {c: str(i) for i, c in enumerate("₀₁₂₃₄₅₆₇₈₉")}
    out = ""
    for i, c in enumerate(name):
        out += ("" if i and name[i - 1] in digits else "_") + digits[c] if c in digits else c
    return out


@dataclass(frozen=True)
class _Entry:
    # A quantity before it has numbers: its expression in their place.
    name: str
    kind: str
    of: str
    text: str
    expr: Expr
    timed: bool = False
    operation: str = ""


def trace(loss: Expr, parameters: Sequence[Expr], values: Mapping[Any, ArrayLike]) -> Trace:
    """Return every intermediate quantity and adjoint of a loss, as its derivation names them, at given values.

    values: {symbol or name: array} for every symbol of the loss.

    Raises GradworkError where a value is missing.

    >>> import gradwork as gw
    >>> x, w = gw.vector("x", 2), gw.vector("w", 2)
    >>> t = trace(gw.sigmoid(x.T @ w) ** 2, [w], {x: [1.0, 2.0], w: [0.0, 0.0]})
    >>> t["∂f/∂w"]
    array([0.25, 0.5 ])
    """
    loss = constant(loss)
    derivation = grad(loss, list(parameters))[0].derivation
    entries, edges, used = _read(derivation)
    if any(e.timed for e in entries):
        for label, adjoint in state_adjoints(loss).items():
            letter, _, number = label.partition("_")
            name = f"∂f/∂{_numbered(letter + 'ₜ', number)}"
            entries.append(_Entry(name, "adjoint", label, name, adjoint, True))
    entries.sort(key=lambda e: ("value", "adjoint", "gradient").index(e.kind))
    given = {plain(k).params[0] if isinstance(k, Expr) else str(k): np.asarray(v) for k, v in values.items()}
    program = function([e.expr for e in entries])
    missing = [s for s in program.symbols if s not in given]
    if missing:
        raise GradworkError("trace needs value", missing=missing[0])
    found = program(**{s: given[s] for s in program.symbols})
    quantities = tuple(
        Quantity(e.name, e.kind, e.of, e.text, np.asarray(v), e.timed, e.operation)
        for e, v in zip(entries, found, strict=True)
    )
    learned = set(map(plain, parameters))
    leaves = {}
    for x, of in used.items():
        kind = "learned" if x in learned else "data" if x.params[0] in given else "state"
        shape = given[x.params[0]].shape if kind != "state" else next(
            (q.shape[1:] for q in quantities if q.name == of), ()
        )  # fmt: skip
        leaves[x.unicode()] = Leaf(x.unicode(), kind, shape)
    return Trace(quantities, tuple(dict.fromkeys(edges)), tuple(leaves.values()), loss, given)


def _read(derivation: Any) -> tuple[list[_Entry], list[tuple[str, str]], dict[Expr, str]]:
    """Return the quantities of a derivation, what uses what, and the symbols that are used.

    A symbol that stands for a state before a step comes with the name of that state after a step.
    """
    entries: list[_Entry] = []
    edges: list[tuple[str, str]] = []
    used: dict[Expr, str] = {}
    names: dict[Expr, str] = {}
    steps: list[Expr] = []  # the quantities of a step, until the recurrence that takes it
    recurrences = 0

    def take(into: str, xs: Sequence[Expr], state: Mapping[Expr, str] | None = None) -> None:
        edges.extend((names.get(x, x.unicode()), into) for x in xs)
        used.update((x, (state or {}).get(x, "")) for x in xs if x.op is SYMBOL)

    for line in derivation.lines:
        if line.kind == "step":
            steps.append(line.left)
        elif line.kind == "forward":
            named = line.left.op is NAME
            body = line.left.args[0] if named else line.result
            label = names[line.left] = line.left.unicode() if named else "f"
            text, below = plain(body).unicode(mean=False), _used(body)
            if body.op is SCAN and steps:
                recurrence, kind, what = body.params
                recurrences += 1
                taken = set(names.values())
                for q in steps:
                    again = str(recurrences) if q.unicode() in taken else ""
                    names[q] = _numbered(q.unicode(), again)
                state = {c: names[_step_of(a, steps)] for c, a in zip(recurrence.carries, recurrence.after)}
                sources = dict(zip(recurrence.bound, body.args, strict=True))
                for q in steps:
                    inside = q.args[0]
                    take(names[q], [x for s in _used(inside) for x in _outside(s, sources, state)], state)
                    value = make(SCAN, body.args, (recurrence, ALL, q))
                    text = inside.unicode(mean=False)
                    entries.append(_Entry(names[q], "value", names[q], text, value, True, inside.op.name))
                end = "1" if recurrence.reverse else recurrence.length
                last = _step_of(recurrence.after[what] if kind == LAST else what, steps)
                text = f"{names[last]}{f' at t = {end}' if kind == LAST else ''}"
                below, steps = [last], []
            entries.append(
                _Entry(label, "value", label, text, line.left if named else body, False, body.op.name)
            )
            take(label, below)
        elif line.kind == "backward" and not line.folded:
            target = line.target.unicode()
            kind = "adjoint" if line.target.op is NAME else "gradient"
            entries.append(_Entry(f"∂f/∂{target}", kind, target, line.result.unicode(), line.result))
    return entries, edges, used


def _numbered(name: str, number: str) -> str:
    # The same letter in a second recurrence: hₜ⁽²⁾.
    return f"{name}⁽{number.translate(str.maketrans('0123456789', '⁰¹²³⁴⁵⁶⁷⁸⁹'))}⁾" if number else name


def _step_of(x: Expr, steps: Sequence[Expr]) -> Expr:
    # The quantity of a step that an expression of it is: the last where none is named so.
    return next((q for q in steps if q is x or q.args[0] is plain(x) or q.args[0] is _unnamed(x)), steps[-1])


def _outside(x: Expr, sources: Mapping[Expr, Expr], state: Mapping[Expr, str]) -> list[Expr]:
    # What a symbol of a step stands for outside it: the state before the step stands for itself.
    if x.op is NAME or x in state or x not in sources:
        return [x]
    return _used(sources[x])


def _unnamed(x: Expr) -> Expr:
    return x.args[0] if x.op is NAME else x


def _used(body: Expr) -> list[Expr]:
    # The names and symbols that a definition is made of.
    found, stack, met = [], [body], set()
    while stack:
        node = stack.pop()
        if node in met:
            continue
        met.add(node)
        if node is not body and node.op is NAME or node.op is SYMBOL:
            found.append(node)
        else:
            stack.extend(reversed(node.args))
    return found


__all__ = ["Leaf", "Quantity", "Trace", "trace"]
