"""Proof, from the formula, that a loss is a sum or mean over the rows of the data.

    f = c Σᵢ ℓ(rowᵢ, θ) + R(θ)

Each subexpression is one of three kinds. *Free*: it holds no data with rows. *By rows*: it has the rows on one
axis, and its component i needs row i alone. *Sum*: a sum over rows of such things, plus something free. The kinds
follow from the labels of products and from the axes of the other operations; what fits none of them is refused
with the subexpression at fault.

For a batch B of m of the N rows the loss is  c N/m Σ_{i∈B} ℓ(rowᵢ, θ) + R(θ): for a mean (c = 1/N) the batch's
own mean, whatever its size; for a sum an estimate without bias; R is never scaled.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

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
    TRIL,
    ZEROS,
    Expr,
    constant,
    plain,
    rebuild,
    scalar,
    size,
    substitute,
    walk,
)
from gradwork.ops.arithmetic import ADD, add, power, total
from gradwork.ops.contraction import CONTRACT, contract, multiply, split
from gradwork.ops.norms import norm
from gradwork.ops.reduction import std, var
from gradwork.ops.sequence import SCAN
from gradwork.rewrite import STABILISE, Engine, normalise
from gradwork.rows.rowwise import FREE, ROWWISE, SUM
from gradwork.words.notes import Line


class NotRows(GradworkError):
    """The loss is not a sum over rows; the message says which part of it is not."""


@dataclass(frozen=True)
class RowSum:
    """A loss proved to be a sum over rows.

    rows:  the name of the number of rows.
    axes:  for each data symbol with rows, by name, the axis on which it has them.
    batch: the loss of a batch, in which the size `rows` is that of the batch.
    whole: the scalar symbol in `batch` for the number of all rows, where `batch` needs it.
    terms: the part summed over rows, with all its coefficients.
    free:  the part without data.
    """

    rows: str
    axes: dict[str, int]
    batch: Expr
    whole: Expr | None
    terms: Expr
    free: Expr

    @property
    def text(self) -> str:
        """The proof in one line."""
        of = ", ".join(self.axes)
        rest = "" if self.free.op is CONSTANT and self.free.params[0] == 0 else f" plus {self.free} (no data)"
        return f"a sum over the {self.rows} rows of {of}{rest}"


def row_sum(loss: Expr, data: Iterable[Expr], parameters: Iterable[Expr]) -> RowSum:
    """Return the proof that `loss` is a sum over the rows of the data; raise NotRows with the reason if not.

    >>> import gradwork as gw
    >>> n, d = gw.dims("n", "d")
    >>> X, y, b = gw.matrix("X", n, d), gw.vector("y", n), gw.vector("b", d)
    >>> row_sum(gw.mean((y - X @ b) ** 2) + 0.1 * b @ b, [X, y], [b]).axes
    {'X': 0, 'y': 0}
    >>> row_sum(gw.std(y - X @ b), [X, y], [b])
    Traceback (most recent call last):
        ...
    gradwork.rows.proof.NotRows: std(y − Xb) is not a sum over the rows n: each row's term needs all rows (...)
    """
    given, learned = tuple(plain(s) for s in data), tuple(plain(s) for s in parameters)
    try:
        return _proved(plain(loss), given, learned)
    except NotRows as refusal:
        # ‖r‖² is a sum over rows only once it is written as one; the reason is told of the formula as it was given.
        try:
            return _proved(normalise(Engine(STABILISE).normalise(plain(loss))), given, learned)
        except NotRows:
            raise refusal from None


@lru_cache(maxsize=128)
def _proved(loss: Expr, data: tuple[Expr, ...], parameters: tuple[Expr, ...]) -> RowSum:
    held = set(loss.symbols.values())
    symbols = [s for s in data if s in held]
    candidates = _candidates(symbols, [s for s in parameters if s in held])
    if not candidates:
        raise NotRows("no row axis", detail=_no_axis(symbols))
    first: NotRows | None = None
    for name in candidates:
        try:
            return _Proof(loss, symbols, name).result()
        except NotRows as refusal:
            first = first or refusal
    assert first is not None
    raise first


def _candidates(data: Sequence[Expr], parameters: Sequence[Expr]) -> list[str]:
    # Sizes that stand alone on an axis of the data and that no parameter has; the one that leads most comes first.
    learned = {name for s in parameters for dim in s.shape for name in dim.names}
    score: dict[str, int] = {}
    for s in data:
        for axis, dim in enumerate(s.shape):
            name = _alone(dim)
            if name is not None and name not in learned:
                score[name] = score.get(name, 0) + (10 if axis == 0 else 1)
    return sorted(score, key=lambda name: -score[name])


def _alone(dim: Dim) -> str | None:
    return next(iter(dim.names)) if len(dim.names) == 1 and dim == Dim.of(next(iter(dim.names))) else None


def _no_axis(data: Sequence[Expr]) -> Line:
    if any(dim.value is not None for s in data for dim in s.shape):
        return Line("fixed size")
    return Line("no rows")


class _Proof:
    def __init__(self, loss: Expr, data: Sequence[Expr], rows: str):
        self.loss, self.rows, self.dim = loss, rows, Dim.of(rows)
        self.kinds: dict[Expr, int] = {}
        self.axes: dict[str, int] = {}
        for s in data:
            axes = [a for a, dim in enumerate(s.shape) if rows in dim.names]
            if len(axes) > 1:
                self._refuse(s, Line("both axes", name=s.params[0]))
            if axes and s.shape[axes[0]] != self.dim:
                self._refuse(s, Line("unknown", op=s.params[0]))
            if axes:
                self.axes[s.params[0]] = axes[0]

    def _refuse(self, node: Expr, why: Line) -> None:
        what = self._called()
        if len(what) > 80:
            what = Line("the loss")
        raise NotRows("not rows", what=what, rows=self.rows, why=why)

    def _called(self) -> str:
        # std, var and norm are written out by the functions of these names: the formula that was typed says more.
        for node in walk(self.loss):
            for function in (std, var, norm):
                if node.ndim and function(node) is self.loss:
                    return f"{function.__name__}({node})"
        return str(self.loss)

    def _inner_sum(self, *among: Expr) -> str:
        found = next(n for n in walk(*among) if self.kinds.get(n) == SUM)
        if found.op is CONTRACT:
            found = contract([(a, own) for a, own in split(found) if a.op is not ONES or a.ndim > 1], ())
        return str(found)

    def result(self) -> RowSum:
        for node in walk(self.loss):
            self.kinds[node] = self._kind(node)
        kind = self.kinds[self.loss]
        if kind == FREE:
            self._refuse(self.loss, Line("no rows"))
        if kind >= 0:
            self._refuse(self.loss, Line("open rows"))
        summed, free = self._parts(self.loss)
        assert summed is not None
        taken = set(self.loss.symbols) | {n for x in walk(self.loss) for dim in x.shape for n in dim.names}
        label = "N"
        while label in taken:
            label += "_"
        whole = scalar(label, positive=True)
        share = multiply(whole, power(size(self.dim), -1))
        # Term by term, so that the number of all rows goes where a term is a mean.
        scaled = [normalise(multiply(share, self._counted(t, whole))) for t in terms_of(normalise(summed))]
        parts = [*scaled, *([] if free is None else [self._counted(free, whole)])]
        batch = normalise(add(*parts) if len(parts) > 1 else parts[0])
        held = batch.symbols
        return RowSum(
            self.rows,
            dict(self.axes),
            batch,
            held.get(label),
            normalise(summed),
            constant(0) if free is None else normalise(free),
        )

    def _counted(self, x: Expr, whole: Expr) -> Expr:
        # The number of rows as a number (the n of 1/n) is that of all rows, also in a batch.
        found = {
            node: _polynomial(node.params[0], self.rows, whole)
            for node in walk(x)
            if node.op is SIZE and self.rows in node.params[0].names
        }
        return substitute(x, found) if found else x

    # --- kinds ------------------------------------------------------------------------------------------

    def _kind(self, node: Expr) -> int:
        if node.op is SYMBOL:
            return self.axes.get(node.params[0], FREE)
        if node.op in (CONSTANT, SIZE):
            return FREE
        if node.op in (ARRAY, ONES, EYE, TRIL, ZEROS):
            axes = [a for a, dim in enumerate(node.shape) if self.rows in dim.names]
            if not axes:
                return FREE
            if node.op in (ONES, ZEROS) and len(axes) == 1 and node.shape[axes[0]] == self.dim:
                return axes[0]
            return FREE if node.op is EYE else self._stop(node, Line("pairs"))
        kinds = [self.kinds[a] for a in node.args]
        if node.op is NAME:
            return kinds[0]
        if node.op is CONTRACT:
            return self._product(node, kinds)
        if node.op.name == "scan":
            return self._scan(node, kinds)
        if node.op is SCAN:
            return self._recurrence(node, kinds)
        if any(k == FREE and self._has_rows(a) for k, a in zip(kinds, node.args, strict=True)):
            self._stop(node, Line("pairs"))  # an identity matrix of the rows outside a product
        if all(k == FREE for k in kinds):
            return FREE if not self._has_rows(node) else self._stop(node, Line("unknown", op=node.op.name))
        rows = [k for k in kinds if k >= 0]
        if SUM in kinds:
            if node.op is ADD and not rows:
                return SUM
            if rows:
                self._stop(node, Line("mixes", part=self._inner_sum(node.args[kinds.index(SUM)])))
            if node.op.linear and len(node.args) == 1:
                return SUM
            self._stop(node, Line("nonlinear", op=_called(node)))
        if node.op.elementwise:
            return rows[0] if len(set(rows)) == 1 else self._stop(node, Line("pairs"))
        rule = ROWWISE.get(node.op.name)
        if rule is None:
            self._stop(node, Line("unknown", op=node.op.name))
            raise AssertionError
        axis = rule(node, kinds)
        if axis is None or node.shape[axis] != self.dim:
            self._stop(node, Line("over rows", op=node.op.name))
            raise AssertionError
        return axis

    def _recurrence(self, node: Expr, kinds: Sequence[int]) -> int:
        # A step is a formula like any other: it keeps rows apart if every state has them on the axis of its start.
        recurrence, given, what = node.params
        states, entries = len(recurrence.carries), len(recurrence.steps)
        if SUM in kinds or 0 in kinds[states : states + entries]:
            self._stop(node, Line("over rows", op=node.op.name))  # time is not an axis of rows
        inner = copy.copy(self)
        inner.kinds = {
            s: k - 1 if states <= i < states + entries and k > 0 else k
            for i, (s, k) in enumerate(zip(recurrence.bound, kinds, strict=True))
        }
        asked = () if given == "last" else (what,)
        for x in walk(*recurrence.after, *asked):
            if x not in inner.kinds:
                inner.kinds[x] = inner._kind(x)
        if any(
            inner.kinds[new] != inner.kinds[old] for old, new in zip(recurrence.carries, recurrence.after)
        ):
            self._stop(node, Line("over rows", op=node.op.name))
        found = inner.kinds[what if asked else recurrence.carries[what]]
        return found + 1 if given == "all" and found >= 0 else found

    def _has_rows(self, node: Expr) -> bool:
        return any(self.rows in dim.names for dim in node.shape)

    def _stop(self, node: Expr, why: Line) -> int:
        self._refuse(node, why)
        raise AssertionError

    def _product(self, node: Expr, kinds: Sequence[int]) -> int:
        labels, out = node.params
        joined: dict[int, int] = {}

        def root(label: int) -> int:
            while label in joined:
                label = joined[label]
            return label

        for a, own in zip(node.args, labels, strict=True):
            if a.op is EYE and self._has_rows(a) and root(own[0]) != root(own[1]):
                joined[root(own[0])] = root(own[1])  # δᵢⱼ makes i and j one label
        rows = {root(own[k]) for own, k in zip(labels, kinds, strict=True) if k >= 0}
        sums = [a for a, k in zip(node.args, kinds, strict=True) if k == SUM]
        if not rows:
            if any(self._has_rows(a) for a in node.args):
                self._stop(node, Line("pairs"))
            if len(sums) > 1:
                self._stop(node, Line("product of sums"))
            return SUM if sums else FREE
        if len(rows) > 1:
            free = [label for label in rows if any(root(x) == label for x in out)]
            why = "product of sums" if not free else "pairs" if len(free) > 1 else "mixes rows"
            self._stop(node, Line(why))
        if sums:
            self._stop(node, Line("mixes", part=self._inner_sum(sums[0])))
        (label,) = rows
        open_ = [i for i, x in enumerate(out) if root(x) == label]
        if len(open_) > 1:
            self._stop(node, Line("pairs"))
        if open_:
            return open_[0]
        return SUM

    def _scan(self, node: Expr, kinds: Sequence[int]) -> int:
        # The body is looked at as an expression of its bound symbols; a state that starts free may come to have
        # the rows, so this is repeated until the states' kinds stay.
        recurrence, gives, what = node.params
        carries, steps = len(recurrence.carries), len(recurrence.steps)
        bound: dict[Expr, int] = {}
        for i, (s, own) in enumerate(zip(recurrence.bound, kinds, strict=True)):
            timed = carries <= i < carries + steps
            if own == SUM:
                self._stop(node, Line("mixes", part=self._inner_sum(node.args[i])))
            if timed and own == 0:
                self._stop(node, Line("over rows", op="scan"))
            bound[s] = own - 1 if timed and own > 0 else own
        for _ in range(carries + 1):
            after = [self._inside(x, bound, node) for x in recurrence.after]
            changed = [
                (s, own) for s, own in zip(recurrence.carries, after) if own != FREE and bound[s] != own
            ]
            if not changed:
                break
            if any(bound[s] != FREE for s, _ in changed):
                self._stop(node, Line("pairs"))
            bound.update(changed)
        if gives == "last":
            return bound[recurrence.carries[what]]
        own = self._inside(what, bound, node)
        return own + 1 if gives == "all" and own >= 0 else own

    def _inside(self, x: Expr, bound: dict[Expr, int], node: Expr) -> int:
        outer, self.kinds = self.kinds, dict(bound)
        try:
            for part in walk(x):
                if part not in self.kinds:
                    self.kinds[part] = self._kind(part)
            if self.kinds[x] == SUM:
                self._stop(node, Line("mixes rows"))
            return self.kinds[x]
        finally:
            self.kinds = outer

    # --- the two parts ----------------------------------------------------------------------------------

    def _parts(self, node: Expr) -> tuple[Expr | None, Expr | None]:
        """Return the sum over rows and the free rest that a node of kind SUM or FREE is made of."""
        if self.kinds[node] == FREE:
            return None, node
        if node.op is ADD:
            pairs = [self._parts(a) for a in node.args]
            wide = [(self._like(s, node), self._like(f, node)) for s, f in pairs]
            sums, frees = [s for s, _ in wide if s is not None], [f for _, f in wide if f is not None]
            return (total(sums, node.shape) if sums else None), (total(frees, node.shape) if frees else None)
        if node.op is CONTRACT:
            at = [i for i, a in enumerate(node.args) if self.kinds[a] == SUM]
            if not at:
                return node, None
            operands = split(node)
            found = []
            for part in self._parts(node.args[at[0]]):
                if part is None:
                    found.append(None)
                    continue
                changed = list(operands)
                changed[at[0]] = (part, operands[at[0]][1])
                found.append(contract(changed, node.params[1]))
            return found[0], found[1]
        summed, free = self._parts(node.args[0])
        if node.op is NAME:
            return summed, free
        return (
            None if summed is None else rebuild(node, (summed,)),
            None if free is None else rebuild(node, (free,)),
        )

    def _like(self, x: Expr | None, node: Expr) -> Expr | None:
        if x is None or x.shape == node.shape:
            return x
        from gradwork.ops.contraction import broadcast

        return broadcast(x, node.shape)


def terms_of(x: Expr) -> list[Expr]:
    """Return the terms of a scalar sum, with a common factor given back to each."""
    if x.op is NAME:
        return terms_of(x.args[0])
    if x.op is ADD and not x.ndim:
        return [t for a in x.args for t in terms_of(a)]
    if x.op is CONTRACT and not x.ndim:
        operands = split(x)
        for i, (a, own) in enumerate(operands):
            if a.op is ADD and not a.ndim and all(not o for _, o in operands):
                rest = [o for j, o in enumerate(operands) if j != i]
                return [t for term in a.args for t in terms_of(contract([*rest, (term, own)], ()))]
    return [x]


def _called(node: Expr) -> str:
    if node.op.name == "power":
        return f"the power {node.args[1]}" if node.args[1].op is CONSTANT else "a power"
    return node.op.name


def _polynomial(dim: Dim, rows: str, whole: Expr) -> Expr:
    # A size as a number, with the number of all rows for `rows`.
    terms = []
    for monomial, number in dim.terms:
        exponent, rest = 0, []
        for atom, k in monomial:
            if atom == rows:
                exponent = k
            elif not isinstance(atom, str) and rows in (atom[1].names | atom[2].names):
                raise NotRows("unknown", op=f"the size {dim}")
            else:
                rest.append((atom, k))
        factors = [constant(number)] if number != 1 or not monomial else []
        factors += [power(whole, exponent) if exponent != 1 else whole] if exponent else []
        factors += [size(Dim(((tuple(rest), 1),)))] if rest else []
        terms.append(multiply(*factors) if len(factors) > 1 else factors[0])
    return add(*terms) if len(terms) > 1 else terms[0]
