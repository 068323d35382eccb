"""An objective: a scalar formula, which of its symbols are learned, and the data for the others."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from gradwork.diff.api import grad, hessian, hvp
from gradwork.errors import GradworkError, ShapeError
from gradwork.expr.node import Expr, constant, plain, substitute, symbol, walk
from gradwork.learn.binding import as_array, bind_sizes, by_name, check_facts, check_finite, shape_of
from gradwork.learn.starts import start_value
from gradwork.learn.transforms import Transform, transform
from gradwork.ops.indexing import check_positions, positions_in

Array = NDArray[Any]
Values = dict[str, Array]


class Objective:
    """A loss f(θ; data) to be made as small as possible, as an expression and as numbers.

    loss:        a scalar expression.
    parameters:  what is learned, by symbol or name, each with its start: None (the middle: 0, or 1 for a
                 positive one), a number, an array, "zeros", "ones", "glorot", "he", "normal", "uniform", or a
                 function of (generator, shape).
    data:        the arrays of all other symbols. Their shapes give the sizes.
    maximize:    learn the largest value instead: `loss` is then the negated formula.
    bounds:      (low, high) by parameter; None stands for no bound. A symbol declared positive has (0, None).
    sizes:       integers of sizes that no array tells.
    checked:     the arrays are known to be finite and as their symbols declare.

    Parameters with bounds are replaced by free symbols (see `transforms`); `symbols`, `start`, `loss` and all
    vectors are about these. `external` leads back to the scale of the formula.

    >>> import gradwork as gw
    >>> n, d = gw.dims("n", "d")
    >>> X, y, b = gw.matrix("X", n, d), gw.vector("y", n), gw.vector("b", d)
    >>> o = Objective(gw.mean((y - X @ b) ** 2), {b: None}, {X: [[1.0, 0], [0, 2]], y: [1.0, 2]})
    >>> o.value(np.zeros(2)), o.gradient(np.zeros(2)).tolist()
    (2.5, [-1.0, -4.0])
    """

    def __init__(
        self,
        loss: Expr,
        parameters: Mapping[Any, Any] | Sequence[Any],
        data: Mapping[Any, Any] | None = None,
        dtype: DTypeLike = "float64",
        maximize: bool = False,
        seed: int = 0,
        *,
        bounds: Mapping[Any, Any] | None = None,
        sizes: Mapping[Any, int] | None = None,
        checked: bool = False,
    ):
        self.formula: Expr = constant(loss)
        if self.formula.ndim:
            raise ShapeError("loss is one number", shape=self.formula.shape)
        self.maximize, self.seed = bool(maximize), _seed(seed)
        self.dtype = _floating(dtype)
        held = self.formula.symbols
        starts = by_name(_with_starts(parameters), held, "the parameter")
        if not starts:
            raise GradworkError("name at least one parameter")
        given = by_name(data, held, "data")
        limits = by_name(bounds, held, "the bound of")
        self.bounds: dict[str, Any] = dict(limits)
        _check_roles(held, starts, given, limits)
        self.parameters: dict[str, Expr] = {name: held[name] for name in starts}
        self.data_symbols: dict[str, Expr] = {name: held[name] for name in given}
        self.data: Values = {}
        for name, value in given.items():
            array = as_array(held[name], value, self.dtype)
            if array.ndim and not len(array):
                raise GradworkError("data without rows", name=name)
            if not checked:  # arrays of another objective were looked through there
                check_finite(name, array)
                check_facts(held[name], array)
            self.data[name] = array
        self.sizes: dict[str, int] = self._sizes(starts, sizes)
        for held_at, size in positions_in(walk(self.formula)).items():
            name = held_at.params[0]
            if name in self.data and not checked:
                check_positions(name, self.data[name], size.evaluate(self.sizes))
        taken = set(held) | set(self.sizes)
        self.transforms: tuple[Transform, ...] = tuple(
            transform(s, limits.get(name), taken) for name, s in self.parameters.items()
        )
        self.symbols: tuple[Expr, ...] = tuple(t.free for t in self.transforms)
        self.loss: Expr = self._free_loss()
        self.shapes: dict[str, tuple[int, ...]] = {s.params[0]: shape_of(s, self.sizes) for s in self.symbols}
        self.start: Values = {}
        # Whether the seed says where the parameters start.
        self.draws = any(
            isinstance(r, str) and r not in ("zeros", "ones") or callable(r) for r in starts.values()
        )
        for i, (t, (name, rule)) in enumerate(zip(self.transforms, starts.items(), strict=True)):
            shape = shape_of(t.parameter, self.sizes)
            free = self.shapes[t.free.params[0]]
            if rule is None:
                value = np.zeros(free)
            else:
                value = np.asarray(t.backward(start_value(name, rule, shape, self.seed, i)))
            self.start[t.free.params[0]] = value.astype(self.dtype)
        self._programs: dict[Any, Any] = {}
        self.evaluations = 0

    # --- made from the formula ---

    def _sizes(self, starts: dict[str, Any], sizes: Mapping[Any, int] | None) -> dict[str, int]:
        known = [(self.data_symbols[name], array.shape) for name, array in self.data.items()]
        for name, rule in starts.items():
            s = self.parameters[name]
            if rule is None or isinstance(rule, str) or callable(rule):
                continue
            shape = np.shape(rule)
            if len(shape) == s.ndim:
                known.append((s, shape))
            elif shape:
                raise ShapeError("start of another shape", name=name, shape=shape, s_shape=s.shape)
        return bind_sizes(known, {str(k): v for k, v in (sizes or {}).items()})

    def _free_loss(self) -> Expr:
        loss = -self.formula if self.maximize else self.formula
        moved = {t.parameter: t.expression for t in self.transforms if not t.identity}
        return substitute(loss, moved) if moved else plain(loss)

    @cached_property
    def gradients(self) -> tuple[Expr, ...]:
        """The gradient by each of `symbols`, as expressions that carry their derivation."""
        return grad(self.loss, list(self.symbols))

    @cached_property
    def hessians(self) -> dict[tuple[int, int], Expr]:
        """The blocks ∂²f/∂θᵢ∂θⱼ on and above the diagonal, by the places of their symbols."""
        blocks = hessian(self.loss, list(self.symbols))
        return {(i, j): blocks[i][j] for i in range(len(blocks)) for j in range(i, len(blocks))}

    @cached_property
    def directions(self) -> tuple[Expr, ...]:
        """A symbol for each parameter that stands for a direction, the v of ∇²f v."""
        taken = set(self.loss.symbols) | set(self.sizes)
        made = []
        for s in self.symbols:
            name = f"v_{s.params[0]}"
            while name in taken:
                name += "_"
            taken.add(name)
            made.append(symbol(name, s.shape))
        return tuple(made)

    @cached_property
    def hvps(self) -> tuple[Expr, ...]:
        """The Hessian-vector product by each of `symbols`, along `directions`."""
        return hvp(self.loss, list(self.symbols), list(self.directions))

    # --- vectors ---

    @cached_property
    def size(self) -> int:
        """How many numbers are learned."""
        return sum(int(np.prod(shape, dtype=int)) for shape in self.shapes.values())

    @property
    def start_vector(self) -> Array:
        """The start as one vector."""
        return self.pack(self.start)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """A name for each component of the vector: `a`, `b[1]`, `W[2,1]`, counted from 1."""
        found = []
        for name, shape in self.shapes.items():
            if not shape:
                found.append(name)
            else:
                found += [f"{name}[{','.join(str(i + 1) for i in at)}]" for at in np.ndindex(*shape)]
        return tuple(found)

    def pack(self, values: Mapping[str, ArrayLike]) -> Array:
        """Return the free parameters as one vector, in the order of `symbols`, each in C order."""
        return np.concatenate([np.asarray(values[name], dtype=self.dtype).ravel() for name in self.shapes])

    def unpack(self, vector: ArrayLike) -> Values:
        """Return the parts of a vector by name, in their shapes."""
        flat, at, found = np.asarray(vector, dtype=self.dtype), 0, {}
        if flat.shape != (self.size,):
            raise ShapeError("parameters make vector of size", size=self.size, shape=flat.shape)
        for name, shape in self.shapes.items():
            count = int(np.prod(shape, dtype=int))
            found[name] = flat[at : at + count].reshape(shape)
            at += count
        return found

    def external(self, values: Mapping[str, ArrayLike] | Array) -> Values:
        """Return free parameters (a vector, or by name) as the parameters of the formula."""
        free = values if isinstance(values, Mapping) else self.unpack(values)
        with np.errstate(all="ignore"):
            return {
                t.parameter.params[0]: np.asarray(t.forward(np.asarray(free[t.free.params[0]])))
                for t in self.transforms
            }

    def internal(self, parameters: Mapping[str, ArrayLike]) -> Values:
        """Return parameters of the formula as free parameters: the inverse of `external`."""
        return {
            t.free.params[0]: np.asarray(
                t.backward(np.asarray(parameters[t.parameter.params[0]], dtype=float))
            )
            for t in self.transforms
        }

    # --- numbers ---

    def program(
        self, key: Any, expressions: Sequence[Expr], more: Sequence[Expr] = (), target: str = "numpy"
    ) -> Any:
        """Return the program of some expressions, made once per key.

        Its arguments are the data, the free parameters and then `more`, in order and whether used or not, so
        that every size is known and all programs are called alike.
        """
        if (key, target) not in self._programs:
            from gradwork.run import function

            self._programs[key, target] = function(
                list(expressions),
                target=target,
                dtype=self.dtype.name,
                arguments=[*self.data_symbols.values(), *self.symbols, *more],
                sizes=self.sizes,
            )
        return self._programs[key, target]

    def evaluate(
        self, key: Any, expressions: Sequence[Expr], vector: ArrayLike, more: Mapping[Expr, Any] | None = None
    ) -> list[Array]:
        """Return the values of expressions over data, parameters and `more` symbols, at a vector.

        Values outside a domain are nan or inf, without a warning.
        """
        more = more or {}
        program = self.program(key, expressions, tuple(more))
        found = program(*self.data.values(), *self.unpack(vector).values(), *more.values())
        return [np.asarray(v) for v in found]

    def value(self, vector: ArrayLike) -> float:
        """Return f at a vector."""
        return float(self.evaluate("value", [self.loss], vector)[0])

    def gradient(self, vector: ArrayLike) -> Array:
        """Return ∇f at a vector, of the same size."""
        return self._flat(self.evaluate("gradient", self.gradients, vector))

    def value_and_gradient(self, vector: ArrayLike) -> tuple[float, Array]:
        """Return f and ∇f at a vector."""
        first, *rest = self.evaluate("both", [self.loss, *self.gradients], vector)
        self.evaluations += 1
        return float(first), self._flat(rest)

    def hessian(self, vector: ArrayLike) -> Array:
        """Return ∇²f at a vector, p×p and symmetric.

        From the structured blocks where parameters are scalars and vectors; for matrices column by column
        from Hessian-vector products, which need no array of rank four.
        """
        if any(s.ndim > 1 for s in self.symbols):
            H = np.column_stack([self.hvp(vector, e) for e in np.eye(self.size, dtype=self.dtype)])
            return (H + H.T) / 2
        return self.assembled(self.evaluate("hessian", list(self.hessians.values()), vector))

    def assembled(self, blocks: Sequence[Array]) -> Array:
        """Return the p×p Hessian made of the values of its `hessians`, in their order."""
        edges = np.cumsum([0, *(int(np.prod(shape, dtype=int)) for shape in self.shapes.values())])
        H = np.zeros((self.size, self.size), dtype=self.dtype)
        for (i, j), block in zip(self.hessians, blocks, strict=True):
            rows, columns = slice(edges[i], edges[i + 1]), slice(edges[j], edges[j + 1])
            part = np.reshape(block, (edges[i + 1] - edges[i], edges[j + 1] - edges[j]))
            H[rows, columns] = part
            if i != j:
                H[columns, rows] = part.T
        return (H + H.T) / 2

    def hvp(self, vector: ArrayLike, direction: ArrayLike) -> Array:
        """Return ∇²f v at a vector, without the Hessian."""
        parts = self.unpack(direction)
        more = dict(zip(self.directions, parts.values(), strict=True))
        return self._flat(self.evaluate("hvp", self.hvps, vector, more))

    def _flat(self, parts: Sequence[Array]) -> Array:
        return np.concatenate([np.asarray(part, dtype=self.dtype).ravel() for part in parts])

    def with_data(self, data: Mapping[Any, Any]) -> Objective:
        """Return the same objective over other data (a validation set, some of the rows).

        Symbols that are not named keep their arrays; the starts are those of this objective.
        """
        named = by_name(data, self.formula.symbols, "data")
        return Objective(
            self.formula,
            self.external(self.start),
            {**self.data, **named},
            self.dtype,
            self.maximize,
            self.seed,
            bounds=self.bounds,
            sizes={k: v for k, v in self.sizes.items() if not self._in_data(k)},
        )

    @property
    def free(self) -> Objective:
        """A copy that shares arrays, programs and derivatives, so that its data can be exchanged (`restricted`)."""
        return copy.copy(self)

    def with_dtype(self, dtype: DTypeLike) -> Objective:
        """Return the same objective in another precision."""
        return Objective(
            self.formula, self.external(self.start), self.data, dtype, self.maximize, self.seed,
            bounds=self.bounds, sizes=self.sizes,
        )  # fmt: skip

    def under(self, loss: Expr, starts: Mapping[Any, Any], data: Mapping[Any, Any]) -> Objective:
        """Return an objective of another loss of the same free parameters, over arrays that were checked here."""
        return Objective(loss, starts, data, self.dtype, sizes=self.sizes, checked=True)

    def restricted(self, data: Mapping[str, Array]) -> Objective:
        """Return the same objective over other arrays of the right kind, unchecked; programs are shared.

        It is what a solver uses for some of the rows, thousands of times.
        """
        other = copy.copy(self)
        other.data = {**self.data, **data}
        other.sizes = {
            **self.sizes,
            **bind_sizes((s, other.data[n].shape) for n, s in self.data_symbols.items()),
        }
        return other

    def _in_data(self, size: str) -> bool:
        return any(size in d.names for s in self.data_symbols.values() for d in s.shape)

    def __repr__(self) -> str:
        sense = "maximize" if self.maximize else "minimize"
        names = ", ".join(self.parameters)
        return f"<Objective: {sense} {self.formula} over {names} ({self.size} numbers)>"


def _with_starts(parameters: Any) -> Mapping[Any, Any]:
    if isinstance(parameters, Mapping):
        return parameters
    if isinstance(parameters, (Expr, str)):
        return {plain(parameters): None}
    return {plain(p): None for p in parameters}


def _check_roles(
    held: Mapping[str, Expr], starts: Mapping[str, Any], data: Mapping[str, Any], bounds: Mapping[str, Any]
) -> None:
    both = [name for name in starts if name in data]
    if both:
        raise GradworkError("parameter given as data", both=both[0])
    missing = [name for name in held if name not in starts and name not in data]
    if missing:
        names = " and ".join(filter(None, [", ".join(missing[:-1]), missing[-1]]))
        what = "is neither a parameter nor" if len(missing) == 1 else "are neither parameters nor"
        raise GradworkError("data names unknown symbols", names=names, what=what)
    for name in bounds:
        if name not in starts:
            raise GradworkError("bounds of what is not learned", name=name)


def _seed(seed: Any) -> int:
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise GradworkError("seed not a whole number", seed=seed)
    return int(seed)


def _floating(dtype: DTypeLike) -> np.dtype[Any]:
    try:
        chosen = np.dtype(dtype)
    except TypeError as error:
        raise GradworkError("unknown dtype of objective", dtype=dtype) from error
    if chosen not in (np.dtype("float64"), np.dtype("float32")):
        raise GradworkError("unknown dtype", chosen=chosen)
    return chosen
