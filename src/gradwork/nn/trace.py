"""Seeing inside: every intermediate quantity and every adjoint of a loss at given values, and its graph as SVG."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gradwork.diff.api import grad
from gradwork.errors import GradworkError
from gradwork.expr.node import NAME, SYMBOL, Expr, constant, plain
from gradwork.run import function

Array = NDArray[Any]


@dataclass(frozen=True)
class Quantity:
    """One quantity of a trace.

    name:  as the derivation writes it;  kind: "value", "adjoint" or "gradient" (by a parameter).
    of:    the letter that an adjoint or gradient belongs to;  text: its formula.
    """

    name: str
    kind: str
    of: str
    text: str
    value: Array

    @property
    def norm(self) -> float:
        """The Euclidean norm of all components."""
        return float(np.linalg.norm(self.value))

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the values."""
        return self.value.shape


@dataclass(frozen=True)
class Trace:
    """What a loss computes on the way, forward and backward, at given values.

    >>> import gradwork as gw
    >>> X, W = gw.matrix("X", "n", 2), gw.matrix("W", 2, 3)
    >>> t = trace(gw.mean(gw.tanh(X @ W) ** 2), [W], {X: [[1.0, 2.0]], W: np.full((2, 3), 0.1)})
    >>> [(q.name, q.kind, q.shape) for q in t.quantities]
    [('Z', 'value', (1, 3)), ('f', 'value', ()), ('∂f/∂Z', 'adjoint', (1, 3)), ('∂f/∂W', 'gradient', (2, 3))]
    """

    quantities: tuple[Quantity, ...]
    edges: tuple[tuple[str, str], ...]
    leaves: tuple[tuple[str, bool], ...]  # (letter, whether it is learned)

    def __getitem__(self, name: str) -> Array:
        """Return the values of a quantity: "H₁" (or "H_1"), "∂f/∂Z₁", "∂f/∂W₁"."""
        for q in self.quantities:
            if name in (q.name, plain_letter(q.name)):
                return q.value
        raise GradworkError(
            f"there is no {name!r} in this trace; it holds {', '.join(q.name for q in self.quantities)}"
        )

    @property
    def gradient_norms(self) -> dict[str, float]:
        """‖∂f/∂θ‖ by parameter, in the order of the layers."""
        return {q.of: q.norm for q in self.quantities if q.kind == "gradient"}

    @property
    def adjoint_norms(self) -> dict[str, float]:
        """‖∂f/∂z‖ of each intermediate quantity, in the order of the forward pass: where gradients fade or grow."""
        found = {q.of: q.norm for q in self.quantities if q.kind == "adjoint"}
        order = [q.name for q in self.quantities if q.kind == "value"]
        return {name: found[name] for name in order if name in found}

    @property
    def dead(self) -> dict[str, int]:
        """How many units (of the last axis) of each relu are 0 for every sample and place."""
        found = {}
        for q in self.quantities:
            if q.kind == "value" and q.text.startswith("relu(") and q.value.ndim > 1:
                found[q.name] = int((q.value.reshape(-1, q.value.shape[-1]) == 0).all(axis=0).sum())
        return found

    def check_finite(self) -> None:
        """Raise GradworkError for the first value that is not finite, with its quantity, sample and unit."""
        for q in self.quantities:
            bad = np.argwhere(~np.isfinite(np.atleast_1d(q.value)))
            if len(bad):
                at = bad[0]
                unit = f", unit {at[-1] + 1}" if len(at) > 1 else ""
                value = np.atleast_1d(q.value)[tuple(at)]
                raise GradworkError(f"{q.name} is {value} for sample {at[0] + 1}{unit}: {q.name} = {q.text}")

    def __str__(self) -> str:
        rows = [("", "shape", "norm", "smallest", "largest")]
        for q in self.quantities:
            shape = "×".join(map(str, q.shape)) or "scalar"
            low, high = (f"{v:.3g}" for v in (q.value.min(), q.value.max()))
            rows.append((q.name, shape, f"{q.norm:.3g}", low, high))
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
        """Draw the norms of adjoints and gradients along the network; save the picture where a path is given."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(7, 3.2), layout="constrained")
        axes = figure.subplots(1, 2)
        for ax, norms, title in (
            (axes[0], self.adjoint_norms, "‖∂f/∂z‖"),
            (axes[1], self.gradient_norms, "‖∂f/∂θ‖"),
        ):
            ax.bar(list(norms), list(norms.values()), color="#4878a8")
            if norms and min(norms.values()) > 0:
                ax.set_yscale("log")
            ax.set_title(title)
        if path is not None:
            figure.savefig(path)
        return figure

    def svg(self) -> str:
        """Return the graph of the computation, from the data and parameters at the top to f."""
        values = [q for q in self.quantities if q.kind == "value"]
        rank: dict[str, int] = {name: 0 for name, _ in self.leaves}
        for q in values:
            below = [rank[a] for a, b in self.edges if b == q.name and a in rank]
            rank[q.name] = max(below, default=0) + 1
        for name, _ in self.leaves:  # just above what first uses it
            users = [rank[b] for a, b in self.edges if a == name and b in rank]
            rank[name] = min(users, default=1) - 1
        rows: dict[int, list[str]] = {}
        for name in [*(n for n, _ in self.leaves), *(q.name for q in values)]:
            rows.setdefault(rank[name], []).append(name)
        text = {q.name: (q.text if len(q.text) <= 42 else q.text[:41] + "…") for q in values}
        shapes = {q.name: "×".join(map(str, q.shape)) or "scalar" for q in values}
        learned = {name for name, is_learned in self.leaves if is_learned}
        width, high = 300, 46
        place: dict[str, tuple[float, float]] = {}
        widest = max(len(r) for r in rows.values())
        for row, names in rows.items():
            for k, name in enumerate(names):
                place[name] = ((k + 0.5 + (widest - len(names)) / 2) * (width + 24), 40 + row * 84)
        size = (widest * (width + 24), 80 + max(rows) * 84)
        out = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]:g} {size[1]:g}" '
            'font-family="sans-serif" font-size="13">',
            '<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
            '<path d="M0 0L8 4L0 8z" fill="#777"/></marker></defs>',
        ]
        for a, b in self.edges:
            if a in place and b in place:
                (x, y), (u, v) = place[a], place[b]
                line = f"M{x:g} {y + high / 2:g}L{u:g} {v - high / 2:g}"
                out.append(f'<path d="{line}" stroke="#777" fill="none" marker-end="url(#a)"/>')
        for name, (x, y) in place.items():
            leaf = name in rank and name not in text
            fill = "#fdf0d5" if name in learned else "#e8eef4" if leaf else "#ffffff"
            wide = 90 if leaf else width
            out.append(
                f'<rect x="{x - wide / 2:g}" y="{y - high / 2:g}" width="{wide}" height="{high}" rx="6" '
                f'fill="{fill}" stroke="#999"/>'
            )
            label = name if leaf else f"{name} = {text[name]}"
            out.append(
                f'<text x="{x:g}" y="{y + (4 if leaf else -3):g}" text-anchor="middle">{html.escape(label)}</text>'
            )
            if not leaf:
                shape = html.escape(shapes[name])
                out.append(f'<text x="{x:g}" y="{y + 15:g}" text-anchor="middle" fill="#777">{shape}</text>')
        return "\n".join([*out, "</svg>"])


def plain_letter(name: str) -> str:
    """Return a name as it is typed: H₁ is H_1."""
    digits = {c: str(i) for i, c in enumerate("₀₁₂₃₄₅₆₇₈₉")}
    out = ""
    for i, c in enumerate(name):
        out += ("" if i and name[i - 1] in digits else "_") + digits[c] if c in digits else c
    return out


def trace(loss: Expr, parameters: Sequence[Expr], values: Mapping[Any, ArrayLike]) -> Trace:
    """Return every intermediate quantity and adjoint of a loss, as its derivation names them, at given values.

    values: {symbol or name: array} for every symbol of the loss.
    """
    loss = constant(loss)
    derivation = grad(loss, list(parameters))[0].derivation
    entries: list[tuple[str, str, str, str, Expr]] = []
    edges: list[tuple[str, str]] = []
    seen: set[Expr] = set()
    for line in derivation.lines:
        if line.folded:
            continue
        if line.kind == "forward":
            named = line.left.op is NAME
            body = line.left.args[0] if named else line.result
            label = line.left.unicode() if named else "f"
            entries.append(
                (label, "value", label, plain(body).unicode(mean=False), line.left if named else body)
            )
            edges += [(x.unicode(), label) for x in _used(body)]
            seen |= {x for x in _used(body) if x.op is SYMBOL}
        elif line.kind == "backward":
            target = line.target.unicode()
            kind = "adjoint" if line.target.op is NAME else "gradient"
            entries.append((f"∂f/∂{target}", kind, target, line.result.unicode(), line.result))
    given = {plain(k).params[0] if isinstance(k, Expr) else str(k): np.asarray(v) for k, v in values.items()}
    program = function([e[4] for e in entries])
    missing = [s for s in program.symbols if s not in given]
    if missing:
        raise GradworkError(f"a trace needs a value for {missing[0]}")
    found = program(**{s: given[s] for s in program.symbols})
    quantities = tuple(Quantity(*e[:4], np.asarray(v)) for e, v in zip(entries, found, strict=True))
    learned = set(map(plain, parameters))
    leaves = tuple((s.unicode(), s in learned) for s in loss.symbols.values() if s in seen)
    return Trace(quantities, tuple(dict.fromkeys(edges)), leaves)


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


__all__ = ["Quantity", "Trace", "trace"]
