"""A derivation spelled out in scalars, for small sizes: which δ goes to which weight, and why.

∂f/∂x₃ = δ₁w₃ + δ₂w₂ + δ₃w₁        o₁ used x₃ through w₃, o₂ through w₂, o₃ through w₁
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from gradwork.diff.api import grad
from gradwork.diff.derivation import Derivation, Line, inline
from gradwork.errors import GradworkError
from gradwork.expr.dims import Dim
from gradwork.expr.node import (
    ARRAY,
    CONSTANT,
    EYE,
    NAME,
    ONES,
    SIZE,
    SYMBOL,
    ZEROS,
    Derived,
    Expr,
    constant,
    make,
    walk,
)
from gradwork.ops.arithmetic import ADD, add
from gradwork.ops.contraction import CONTRACT, multiply
from gradwork.ops.indexing import CONCATENATE, INDEX, PLACE, RESHAPE
from gradwork.ops.sequence import SCAN, written_out
from gradwork.ops.windows import FLIP, FOLD, PAD, WINDOW
from gradwork.rewrite import normalise
from gradwork.show import pretty
from gradwork.show.letters import lower
from gradwork.words.say import say

MOST = 64  # components of one line, beyond which nobody reads them
USES = 4  # terms of a component whose way is said
Index = tuple[int, ...]


def unroll(
    derivation: Any, sizes: Mapping[str, int] | None = None, language: str = "en", most: int = MOST
) -> str:
    """Return a derivation with every component of its lines written out, and recurrences step by step.

    derivation: what `grad` returned, or its `.derivation`.
    sizes:      integers for the sizes that it leaves open.
    most:       lines of more components than this are left out.

    >>> import gradwork as gw
    >>> x, w = gw.vector("x", 3), gw.vector("w", 2)
    >>> print(unroll(gw.grad(gw.sum(gw.tanh(gw.conv1d(x, w))), x)))
    forward       o₁ = x₁w₁ + x₂w₂
                  o₂ = x₂w₁ + x₃w₂
                  f = tanh(o₁) + tanh(o₂)
    <BLANKLINE>
    backward      ∂f/∂o₁ = 1 − tanh(o₁)²
                  ∂f/∂o₂ = 1 − tanh(o₂)²
                  ∂f/∂x₁ = ∂f/∂o₁ w₁                  o₁ used x₁ through w₁
                  ∂f/∂x₂ = ∂f/∂o₁ w₂ + ∂f/∂o₂ w₁      o₁ used x₂ through w₂, o₂ through w₁
                  ∂f/∂x₃ = ∂f/∂o₂ w₂                  o₂ used x₃ through w₂
    """
    if isinstance(derivation, Derived):
        derivation = derivation.derivation
    if not isinstance(derivation, Derivation):
        raise GradworkError("unroll takes what gw grad returned")
    return _Unrolled(_stepwise(derivation), dict(sizes or {}), language, most).text()


def _stepwise(derivation: Derivation) -> Derivation:
    """Return the derivation with the steps of recurrences one by one: h₁, h₂, …"""
    if derivation.title != "gradient" or not any(n.op is SCAN for n in walk(derivation.checks[0][0])):
        return derivation
    f = written_out(derivation.checks[0][0])
    return grad(f, [v for _, v, _ in derivation.checks])[0].derivation


class _Components:
    """The components of expressions as expressions of scalar symbols."""

    def __init__(self, sizes: Mapping[str, int]):
        self.sizes = sizes
        self.done: dict[tuple[Expr, Index], Expr | None] = {}

    def number(self, dim: Dim) -> int:
        missing = sorted(dim.names - set(self.sizes))
        if missing:
            raise GradworkError("open size in unroll", missing=missing[0])
        return dim.evaluate(self.sizes)

    def shape(self, x: Expr) -> Index:
        return tuple(self.number(d) for d in x.shape)

    def of(self, x: Expr, at: Index) -> Expr | None:
        """Return one component, or None where the expression cannot be taken apart."""
        key = (x, at)
        if key not in self.done:
            self.done[key] = self._of(x, at)
        return self.done[key]

    def letter(self, x: Expr, at: Index) -> Expr:
        """Return the scalar symbol for a component of a symbol or a name."""
        if x.op is NAME and x.params[1] == "adjoint":
            own = self.letter(make(SYMBOL, (), (x.params[0], frozenset()), x.shape), at)
            return make(SYMBOL, (), (f"∂f/∂{pretty(own)}", frozenset()), ())
        label = pretty(x)
        if at:
            digits = "".join(str(i + 1) for i in at)
            plain = all(i < 9 for i in at) and not lower_end(label)
            label += str(lower(digits)) if plain else f"[{','.join(str(i + 1) for i in at)}]"
        return make(SYMBOL, (), (label, frozenset()), ())

    def _of(self, x: Expr, at: Index) -> Expr | None:
        op = x.op
        if op in (SYMBOL, NAME):
            return self.letter(x, at)
        if op is CONSTANT:
            return x
        if op is SIZE:
            return constant(self.number(x.params[0]))
        if op is ONES:
            return constant(1)
        if op is ZEROS:
            return constant(0)
        if op is EYE:
            return constant(int(at[0] == at[1]))
        if op is ARRAY:
            return constant(x.params[0].array[at].item())
        if op is CONTRACT:
            return self._product(x, at)
        if op.elementwise:
            parts = [self.of(a, at if a.ndim else ()) for a in x.args]
            if any(p is None for p in parts):
                return None
            return add(*parts) if op is ADD else make(op, tuple(parts), x.params)  # type: ignore[arg-type]
        if op in (WINDOW, FOLD, PAD, FLIP):
            return self._moved(x, at)
        if op is INDEX:
            return self._part(x, at)
        if op is PLACE:
            return self._placed(x, at)
        if op is CONCATENATE:
            return self._joined(x, at)
        if op is RESHAPE:
            place = np.ravel_multi_index(at, self.shape(x)) if at else 0
            return self.of(x.args[0], tuple(map(int, np.unravel_index(place, self.shape(x.args[0])))))
        return None

    def _placed(self, x: Expr, at: Index) -> Expr | None:
        spec, found = x.params[0], []
        for item, i in zip(spec, at):
            if item[0] == "at":
                if i != self.number(item[1]):
                    return constant(0)
                continue
            place, rest = divmod(i - self.number(item[1]), item[3])
            if rest or not 0 <= place < self.number(item[4]):
                return constant(0)
            found.append(place)
        return self.of(x.args[0], (*found, *at[len(spec) :]))

    def _joined(self, x: Expr, at: Index) -> Expr | None:
        axis = x.params[0]
        place = at[axis]
        for part in x.args:
            length = self.number(part.shape[axis])
            if place < length:
                return self.of(part, (*at[:axis], place, *at[axis + 1 :]))
            place -= length
        return None

    def _part(self, x: Expr, at: Index) -> Expr | None:
        rest, found = list(at), []
        for item in x.params[0]:
            if item[0] == "at":
                found.append(self.number(item[1]))
            else:
                found.append(self.number(item[1]) + item[3] * rest.pop(0))
        return self.of(x.args[0], (*found, *rest))

    def _product(self, x: Expr, at: Index) -> Expr | None:
        labels, out = x.params
        chosen = dict(zip(out, at, strict=True))
        if any(chosen[label] != i for label, i in zip(out, at, strict=True)):
            return constant(0)
        ranges = {
            label: self.number(d)
            for a, own in zip(x.args, labels, strict=True)
            for label, d in zip(own, a.shape, strict=True)
        }
        summed = [label for label in ranges if label not in chosen]
        terms = []
        for places in itertools.product(*(range(ranges[label]) for label in summed)):
            where = {**chosen, **dict(zip(summed, places, strict=True))}
            parts = [self.of(a, tuple(where[l] for l in own)) for a, own in zip(x.args, labels, strict=True)]
            if any(p is None for p in parts):
                return None
            if not any(p is not None and p.op is CONSTANT and p.params[0] == 0 for p in parts):
                terms.append(multiply(*parts))
        return add(*terms) if terms else constant(0)

    def _moved(self, x: Expr, at: Index) -> Expr | None:
        (inner,) = x.args
        if x.op is FLIP:
            shape = self.shape(x)
            return self.of(
                inner, tuple(n - 1 - i if a in x.params[0] else i for a, (i, n) in enumerate(zip(at, shape)))
            )
        axis = x.params[0]
        if x.op is PAD:
            found = list(at)
            for a, (low, _, gap) in enumerate(x.params[1], axis):
                place, rest = divmod(at[a] - self.number(low), gap + 1)
                if rest or not 0 <= place < self.number(inner.shape[a]):
                    return constant(0)
                found[a] = place
            return self.of(inner, tuple(found))
        _, sizes, strides, dilations = x.params
        k = len(sizes)
        if x.op is WINDOW:
            moved = (at[axis + a] * strides[a] + at[axis + k + a] * dilations[a] for a in range(k))
            return self.of(inner, (*at[:axis], *moved, *at[axis + 2 * k :]))
        shape = self.shape(inner)
        terms = []
        for offset in itertools.product(*(range(n) for n in shape[axis + k : axis + 2 * k])):
            steps = [divmod(at[axis + a] - offset[a] * dilations[a], strides[a]) for a in range(k)]
            if all(not rest and 0 <= place < shape[axis + a] for a, (place, rest) in enumerate(steps)):
                part = self.of(inner, (*at[:axis], *(p for p, _ in steps), *offset, *at[axis + k :]))
                if part is None:
                    return None
                terms.append(part)
        return add(*terms) if terms else constant(0)


def lower_end(label: str) -> bool:
    """Tell whether a label ends in a subscript already."""
    return label[-1] in "₀₁₂₃₄₅₆₇₈₉" or label[-1].isdigit()


class _Unrolled:
    def __init__(self, derivation: Derivation, sizes: dict[str, int], language: str, most: int):
        self.derivation, self.language, self.most = derivation, language, most
        self.components = _Components(sizes)
        self.came: dict[str, tuple[Expr, Index]] = {}  # the adjoint's component by letter → what it is of
        # Adjoints without a line of their own stand in the others' as what they are.
        self.folded = tuple(x.left for x in derivation.lines if x.folded and x.left.op is NAME)

    def text(self) -> str:
        rows: list[tuple[str, str, str]] = []
        for line in self.derivation.lines:
            if line.kind in ("forward", "backward") and not line.folded:
                rows += self._line(line)
        width = max((len(text) for _, text, note in rows if note), default=0)
        out, section = [], ""
        for head, text, note in rows:
            if section and head != section:
                out.append("")
            label = say(head, self.language) if head != section else ""
            section = head
            out.append(f"{label:<14}{f'{text:<{width}}      {note}' if note else text}".rstrip())
        return "\n".join(out)

    def _line(self, line: Line) -> list[tuple[str, str, str]]:
        target, result = line.target, line.result
        if line.kind == "forward":
            result = result.args[0] if result.op is NAME else result
        else:  # with the adjoints under their names, as they were before they were filled in
            result = inline([p for p in line.phases if p.kind != "substitute"][-1].after, self.folded)
        shape = self.components.shape(target)
        count = 1
        for n in shape:
            count *= n
        if count > self.most:
            return []
        found = []
        for at in itertools.product(*map(range, shape)):
            value = self.components.of(result, at)
            if value is None:  # it cannot be taken apart
                named = "f" if line.kind == "forward" else f"∂f/∂{pretty(target)}"
                named = pretty(line.left) if line.left.op is NAME else named
                return [(line.kind, f"{named} = {pretty(result)}", "")]
            left = self._left(line, target, at)
            value = normalise(value)
            found.append((line.kind, f"{left} = {pretty(value)}", self._note(line, at, value)))
        return found

    def _left(self, line: Line, target: Expr, at: Index) -> str:
        if line.kind == "forward":
            return pretty(self.components.letter(target, at)) if line.left.op is NAME else "f"
        letter = pretty(self.components.letter(target, at))
        if line.left.op is NAME:
            own = self.components.letter(line.left, at)
            self.came[own.params[0]] = (target, at)
            return f"{pretty(own)} = ∂f/∂{letter}" if line.left.params[1] == "delta" else pretty(own)
        return f"∂f/∂{letter}"

    def _note(self, line: Line, at: Index, value: Expr) -> str:
        # Each term is an adjoint times what its quantity used this component through.
        if line.kind != "backward" or line.target.op is NAME:
            return ""
        uses = []
        for term in value.args if value.op is ADD else (value,):
            factors = [f for f in (term.args if term.op is CONTRACT else (term,)) if f.op is SYMBOL]
            adjoints = [f for f in factors if f.params[0] in self.came]
            others = [f for f in factors if f not in adjoints]
            if len(adjoints) != 1 or len(others) != 1:
                return ""
            user, place = self.came[adjoints[0].params[0]]
            uses.append((pretty(self.components.letter(user, place)), pretty(others[0])))
        if len(uses) > USES:
            return ""
        own = pretty(self.components.letter(line.target, at))
        first = [say("used through", self.language, y=y, x=own, w=w) for y, w in uses[:1]]
        return ", ".join([*first, *(say("used again", self.language, y=y, w=w) for y, w in uses[1:])])


__all__ = ["unroll"]
