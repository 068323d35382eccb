"""A second way to compute: node by node, with numbers of any kind in arrays of objects.

What programs run is rewritten first and written as text; this is neither, so it is a second opinion of both. The
numbers come from a `Field`: high precision (`precise`), or residues that carry a derivative (`exact`).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gradwork.expr.node import Expr, walk

Array = Any


class Untold(Exception):
    """An operation that this kind of number cannot compute."""


class Field:
    """A kind of number: how it is made, and the functions that it has by the name of the operation."""

    functions: Mapping[str, Callable[..., Any]] = {}

    def number(self, value: Any) -> Any:
        """Return a number of this kind."""
        raise NotImplementedError

    def power(self, x: Any, p: Any) -> Any:
        """Return xᵖ."""
        raise NotImplementedError

    def order(self, x: Any) -> Any:
        """Return a number that can be compared with others."""
        return x

    def whole(self, node: Expr, args: list[Array]) -> Array:
        """Return the value of an operation on whole arrays that is not structural; Untold where there is none."""
        raise Untold(node.op.name)

    def array(self, values: Any) -> Array:
        """Return an array of numbers of this kind."""
        given = np.asarray(values)
        out = np.empty(given.shape, dtype=object)
        for i in np.ndindex(given.shape):
            out[i] = self.number(given[i].item() if hasattr(given[i], "item") else given[i])
        return out


class Evaluator:
    """Computes expressions for given values of their symbols, over a field."""

    def __init__(self, field: Field, values: Mapping[str, Any], sizes: Mapping[str, int]):
        self.field, self.sizes = field, dict(sizes)
        self.values = values
        self.zero, self.one = field.number(0), field.number(1)

    def __call__(self, *roots: Expr) -> list[Array]:
        """Return the values of expressions: arrays of the field's numbers."""
        return self._run(roots, {})

    def _run(self, roots: Sequence[Expr], known: Mapping[Expr, Array]) -> list[Array]:
        done: dict[Expr, Array] = dict(known)
        for node in walk(*roots):
            if node not in done:
                shape = tuple(d.evaluate(self.sizes) for d in node.shape)
                value = self._value(node, [done[a] for a in node.args], shape)
                done[node] = np.broadcast_to(np.asarray(value, dtype=object), shape)
        return [done[r] for r in roots]

    def _filled(self, shape: tuple[int, ...], value: Any) -> Array:
        out = np.empty(shape, dtype=object)
        out[...] = value
        return out

    def _value(self, node: Expr, args: list[Array], shape: tuple[int, ...]) -> Array:
        name, params = node.op.name, node.params
        special = _STRUCTURE.get(name)
        if special is not None:
            return special(self, node, args, shape)
        if name == "power":
            return _mapped(self.field.power, args, shape)
        if name in self.field.functions:
            return _mapped(self.field.functions[name], args, shape)
        if name in _INDICATORS:
            one, zero = self.one, self.zero
            order = self.field.order
            return _mapped(lambda *xs: one if _INDICATORS[name](*map(order, xs)) else zero, args, shape)
        if name == "scan":
            return self._scan(node, args)
        if name in ("max", "min"):
            return self._extremum(args[0], params[0], name)
        return self.field.whole(node, args)

    def _extremum(self, x: Array, axes: tuple[int, ...], name: str) -> Array:
        return (np.max if name == "max" else np.min)(x, axis=axes)

    def index(self, spec: tuple) -> tuple:
        """Return an index of an `index` or `place` node as NumPy takes it."""
        parts = []
        for s in spec:
            if s[0] == "at":
                parts.append(s[1].evaluate(self.sizes))
                continue
            start, count = s[1].evaluate(self.sizes), s[4].evaluate(self.sizes)
            parts.append(start + s[3] * np.arange(count))
        return _open(parts)

    def positions(self, x: Array, size: int) -> np.ndarray:
        """Return positions as whole numbers counted from the front."""
        found = np.empty(x.shape, dtype=int)
        for i in np.ndindex(x.shape):
            found[i] = int(x[i]) % size
        return found

    def _scan(self, node: Expr, args: list[Array]) -> Array:
        recurrence, kind, what = node.params
        k, p = len(recurrence.carries), len(recurrence.steps)
        state, sequences, fixed = args[:k], args[k : k + p], args[k + p :]
        length = recurrence.length.evaluate(self.sizes)
        asked = () if kind == "last" else (what,)
        found: dict[int, Array] = {}
        for t in range(length)[:: -1 if recurrence.reverse else 1]:
            bound = [*state, *(np.asarray(s[t], dtype=object) for s in sequences), *fixed]
            known = dict(zip(recurrence.bound, bound, strict=True))
            given = self._run((*recurrence.after, *asked), known)
            state = given[:k]
            if asked:
                found[t] = given[k]
        if kind == "last":
            return state[what]
        every = [found[t] for t in range(length)]
        return np.stack(every) if kind == "all" else sum(every[1:], every[0])


def _mapped(function: Callable[..., Any], args: list[Array], shape: tuple[int, ...]) -> Array:
    wide = [np.broadcast_to(a, shape) for a in args]
    out = np.empty(shape, dtype=object)
    for i in np.ndindex(shape):
        out[i] = function(*(w[i] for w in wide))
    return out


def _open(parts: list) -> tuple:
    # Index arrays that NumPy combines as an outer product; integers drop their axis, as in a slice.
    arrays = [p for p in parts if isinstance(p, np.ndarray)]
    rank, place, out = len(arrays), 0, []
    for p in parts:
        if isinstance(p, np.ndarray):
            out.append(p.reshape((1,) * place + (-1,) + (1,) * (rank - place - 1)))
            place += 1
        else:
            out.append(p)
    return tuple(out)


# --- what every kind of number computes alike -----------------------------------------------------------------


def _contract(ev: Evaluator, node: Expr, args: list[Array], shape: tuple[int, ...]) -> Array:
    labels, out = node.params
    if not args:
        return ev._filled(shape, ev.one)
    sizes: dict = {}
    for a, own in zip(args, labels, strict=True):
        sizes.update(zip(own, a.shape, strict=True))
    summed = [label for label in sizes if label not in out]
    result = None
    left = list(zip(args, labels, strict=True))
    # One operand after the other; a label is summed as soon as no later operand carries it.
    have: tuple = ()
    while left:
        a, own = left.pop(0)
        a, own = _diagonal(a, own)
        new = (*have, *(label for label in own if label not in have))
        wide = _spread(a, own, new)
        result = wide if result is None else _spread(result, have, new) * wide
        later = {label for _, others in left for label in others}
        gone = [label for label in new if label in summed and label not in later]
        if gone:
            result = np.sum(result, axis=tuple(new.index(label) for label in gone))
            result = np.asarray(result, dtype=object)
        have = tuple(label for label in new if label not in gone)
    unique = tuple(dict.fromkeys(out))
    result = np.broadcast_to(
        _spread(np.asarray(result, dtype=object), have, unique), tuple(sizes[label] for label in unique)
    )
    if len(unique) == len(out):
        return result
    whole = ev._filled(shape, ev.zero)  # a repeated label of the result: only its diagonal is filled
    for i in np.ndindex(*(sizes[label] for label in unique)):
        at = dict(zip(unique, i))
        whole[tuple(at[label] for label in out)] = result[i]
    return whole


def _add(ev: Evaluator, node: Expr, args: list[Array], shape: tuple[int, ...]) -> Array:
    wide = [np.broadcast_to(a, shape) for a in args]
    return sum(wide[1:], wide[0])


def _diagonal(a: Array, own: tuple) -> tuple[Array, tuple]:
    while len(set(own)) != len(own):
        label = next(x for x in own if own.count(x) > 1)
        first = own.index(label)
        second = own.index(label, first + 1)
        a = np.diagonal(a, axis1=first, axis2=second)
        own = (*(x for k, x in enumerate(own) if k not in (first, second)), label)
    return a, own


def _spread(a: Array, own: tuple, wanted: tuple) -> Array:
    order = [own.index(label) for label in wanted if label in own]
    moved = np.transpose(a, order)
    shape = iter(moved.shape)
    return moved.reshape(tuple(next(shape) if label in own else 1 for label in wanted))


def _place(ev: Evaluator, node: Expr, args: list[Array], shape: tuple[int, ...]) -> Array:
    out = ev._filled(shape, ev.zero)
    if args[0].size:
        out[ev.index(node.params[0])] = args[0]
    return out


def _scatter(ev: Evaluator, node: Expr, args: list[Array], shape: tuple[int, ...]) -> Array:
    out = ev._filled(shape, ev.zero)
    axis = node.params[0]
    positions = ev.positions(args[1], shape[axis])
    for i in np.ndindex(positions.shape):
        front = (slice(None),) * axis
        out[(*front, positions[i])] = out[(*front, positions[i])] + args[0][(*front, *i)]
    return out


def _offsets(node: Expr, places: tuple[int, ...], sizes: tuple[int, ...]):
    axis, _, strides, dilations = node.params
    for offset in itertools.product(*map(range, sizes)):
        spots = [o * d + s * np.arange(n) for o, d, s, n in zip(offset, dilations, strides, places)]
        yield offset, (slice(None),) * axis, spots


def _window(ev: Evaluator, node: Expr, args: list[Array], shape: tuple[int, ...]) -> Array:
    axis, sizes = node.params[0], tuple(d.evaluate(ev.sizes) for d in node.params[1])
    k, out = len(sizes), ev._filled(shape, ev.zero)
    for offset, front, spots in _offsets(node, shape[axis : axis + k], sizes):
        out[(*(slice(None),) * (axis + k), *offset)] = args[0][(*front, *np.ix_(*spots))]
    return out


def _fold(ev: Evaluator, node: Expr, args: list[Array], shape: tuple[int, ...]) -> Array:
    axis, k = node.params[0], len(node.params[1])
    x, out = args[0], ev._filled(shape, ev.zero)
    for offset, front, spots in _offsets(node, x.shape[axis : axis + k], x.shape[axis + k : axis + 2 * k]):
        at = (*front, *np.ix_(*spots))
        out[at] = out[at] + x[(*(slice(None),) * (axis + k), *offset)]
    return out


def _pad(ev: Evaluator, node: Expr, args: list[Array], shape: tuple[int, ...]) -> Array:
    axis, widths = node.params
    x, out = args[0], ev._filled(shape, ev.zero)
    spots = [w[0].evaluate(ev.sizes) + (w[2] + 1) * np.arange(n) for w, n in zip(widths, x.shape[axis:])]
    out[(*(slice(None),) * axis, *np.ix_(*spots))] = x
    return out


def _cumsum(ev: Evaluator, node: Expr, args: list[Array], shape: tuple[int, ...]) -> Array:
    axis, backwards = node.params
    x = np.flip(args[0], axis) if backwards else args[0]
    summed = np.add.accumulate(x, axis=axis, dtype=object)
    return np.flip(summed, axis) if backwards else summed


def _batchmean(ev: Evaluator, node: Expr, args: list[Array], shape: tuple[int, ...]) -> Array:
    axes = node.params[0]
    count = int(np.prod([shape[a] for a in axes]))
    return np.sum(args[0], axis=axes, keepdims=True) * ev.field.power(
        ev.field.number(count), ev.field.number(-1)
    )


def _avgpool(ev: Evaluator, node: Expr, args: list[Array], shape: tuple[int, ...]) -> Array:
    axis, sizes, strides = node.params
    k, lengths = len(sizes), tuple(d.evaluate(ev.sizes) for d in sizes)
    whole, count = None, int(np.prod(lengths))
    for offset in itertools.product(*map(range, lengths)):
        spots = [o + s * np.arange(n) for o, s, n in zip(offset, strides, shape[axis : axis + k])]
        part = args[0][(*(slice(None),) * axis, *np.ix_(*spots))]
        whole = part if whole is None else whole + part
    return whole * ev.field.power(ev.field.number(count), ev.field.number(-1))


def _prod(ev: Evaluator, node: Expr, args: list[Array], shape: tuple[int, ...]) -> Array:
    x, places = args[0], node.params[0]
    out, m = ev._filled(shape, ev.zero), args[0].shape[-1]
    for i in np.ndindex(shape):
        row, left_out = i[: len(i) - places], i[len(i) - places :]
        if len(set(left_out)) == places:
            value = ev.one
            for j in range(m):
                value = value if j in left_out else value * x[(*row, j)]
            out[i] = value
    return out


def _eye(ev: Evaluator, size: int) -> Array:
    out = ev._filled((size, size), ev.zero)
    for i in range(size):
        out[i, i] = ev.one
    return out


def _tril(ev: Evaluator, node: Expr, args: list[Array], shape: tuple[int, ...]) -> Array:
    half = ev.field.power(ev.field.number(2), ev.field.number(-1))
    out = _eye(ev, shape[0])
    for i, j in np.ndindex(*shape):
        out[i, j] = half if i == j else ev.one if i > j else ev.zero
    return out


def inverse(a: Array, field: Field) -> Array:
    """Return A⁻¹ by elimination with pivots; Untold for a matrix that is singular to this kind of number."""
    size = a.shape[0]
    work, out = a.copy(), np.empty(a.shape, dtype=object)
    for i, j in np.ndindex(*a.shape):
        out[i, j] = field.number(int(i == j))
    for c in range(size):
        pivot = max(range(c, size), key=lambda r: abs(work[r, c]))
        if work[pivot, c] == 0:
            raise Untold("a singular matrix")
        for m in (work, out):
            m[[c, pivot]] = m[[pivot, c]]
        factor = field.power(work[c, c], field.number(-1))
        work[c], out[c] = work[c] * factor, out[c] * factor
        for r in range(size):
            if r != c:
                times = work[r, c]
                work[r], out[r] = work[r] - times * work[c], out[r] - times * out[c]
    return out


def determinant(a: Array, field: Field) -> Any:
    """Return det(A) by elimination with pivots; 0 for a singular matrix."""
    work, value = a.copy(), field.number(1)
    for c in range(a.shape[0]):
        pivot = max(range(c, a.shape[0]), key=lambda r: abs(work[r, c]))
        if work[pivot, c] == 0:
            return _small_determinant(a, field)
        if pivot != c:
            work[[c, pivot]] = work[[pivot, c]]
            value = -value
        value = value * work[c, c]
        factor = field.power(work[c, c], field.number(-1))
        for r in range(c + 1, a.shape[0]):
            work[r] = work[r] - work[r, c] * factor * work[c]
    return value


def _small_determinant(a: Array, field: Field) -> Any:
    # Without a division: what elimination cannot do where a pivot is 0 and its derivative is not.
    size = a.shape[0]
    if size > 7:
        raise Untold("a singular matrix")
    if size == 0:
        return field.number(1)
    total = field.number(0)
    for j in range(size):
        minor = np.delete(a[1:], j, axis=1)
        term = a[0, j] * _small_determinant(minor, field)
        total = total + term if j % 2 == 0 else total - term
    return total


def cofactors(a: Array, field: Field) -> Array:
    """Return the cofactor matrix, from the determinants of its minors."""
    out = np.empty(a.shape, dtype=object)
    for i, j in np.ndindex(*a.shape):
        minor = determinant(np.delete(np.delete(a, i, axis=0), j, axis=1), field)
        out[i, j] = minor if (i + j) % 2 == 0 else -minor
    return out


_INDICATORS: dict[str, Callable[..., bool]] = {
    "step": lambda x: x > 0,
    "greater": lambda a, b: a > b,
    "greater_equal": lambda a, b: a >= b,
    "less": lambda a, b: a < b,
    "less_equal": lambda a, b: a <= b,
    "equal": lambda a, b: a == b,
    "not_equal": lambda a, b: a != b,
}

_STRUCTURE: dict[str, Callable[[Evaluator, Expr, list[Array], tuple[int, ...]], Array]] = {
    "symbol": lambda ev, node, args, shape: ev.field.array(ev.values[node.params[0]]),
    "constant": lambda ev, node, args, shape: ev.field.number(node.params[0]),
    "array": lambda ev, node, args, shape: ev.field.array(node.params[0].array),
    "size": lambda ev, node, args, shape: ev.field.number(node.params[0].evaluate(ev.sizes)),
    "ones": lambda ev, node, args, shape: ev._filled(shape, ev.one),
    "zeros": lambda ev, node, args, shape: ev._filled(shape, ev.zero),
    "eye": lambda ev, node, args, shape: _eye(ev, shape[0]),
    "tril": _tril,
    "name": lambda ev, node, args, shape: args[0],
    "stop": lambda ev, node, args, shape: args[0],
    "contract": _contract,
    "add": _add,
    "index": lambda ev, node, args, shape: args[0][ev.index(node.params[0])],
    "place": _place,
    "gather": lambda ev, node, args, shape: np.take(
        args[0], ev.positions(args[1], args[0].shape[node.params[0]]), axis=node.params[0]
    ),
    "scatter": _scatter,
    "reshape": lambda ev, node, args, shape: np.reshape(args[0], shape),
    "concatenate": lambda ev, node, args, shape: np.concatenate(args, axis=node.params[0]),
    "window": _window,
    "fold": _fold,
    "pad": _pad,
    "flip": lambda ev, node, args, shape: np.flip(args[0], node.params[0]),
    "cumsum": _cumsum,
    "batchmean": _batchmean,
    "avgpool": _avgpool,
    "prod": _prod,
    "inv": lambda ev, node, args, shape: inverse(args[0], ev.field),
    "det": lambda ev, node, args, shape: determinant(args[0], ev.field),
    "cofactor": lambda ev, node, args, shape: cofactors(args[0], ev.field),
}  # fmt: skip
