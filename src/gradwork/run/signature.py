"""What a function takes: its arguments, where each size comes from, and kind answers to what does not fit."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gradwork.errors import GradworkError, ShapeError
from gradwork.expr.dims import Dim, shape_text
from gradwork.expr.node import Expr
from gradwork.ops.indexing import check_positions


@dataclass(frozen=True)
class Argument:
    """One input: the symbol's name, its name in the source, its shape, and whether it holds integers.

    axis: the size of the axis in which it gives positions, if it does.
    """

    label: str
    name: str
    shape: tuple[Dim, ...]
    integer: bool = False
    axis: Dim | None = None


@dataclass(frozen=True)
class SizeSource:
    """Where a size is read: `dim` of an argument's axis is coefficient · size + rest, with `rest` known."""

    size: str
    argument: Argument
    axis: int
    coefficient: int
    rest: Dim

    def solve(self, length: int, known: Mapping[str, int]) -> int | None:
        """Return the size, given the length of the axis; None where it would not be whole."""
        value, remainder = divmod(length - self.rest.evaluate(known), self.coefficient)
        return None if remainder or value < 0 else value


def _linear(dim: Dim, known: set[str]) -> tuple[str, int, Dim] | None:
    # dim = coefficient · name + rest, for the one name in it that is not known yet.
    unknown = dim.names - known
    if len(unknown) != 1:
        return None
    (name,) = unknown
    coefficient, rest = 0, Dim.of(0)
    for monomial, number in dim.terms:
        if monomial == ((name, 1),):
            coefficient = number
        elif any(
            atom == name or (not isinstance(atom, str) and name in Dim((((((atom, 1),)), 1),)).names)
            for atom, _ in monomial
        ):
            return None
        else:
            rest = rest + Dim(((monomial, number),))
    return (name, coefficient, rest) if coefficient else None


def size_sources(arguments: Sequence[Argument]) -> list[SizeSource]:
    """Return where each size can be read, sizes that stand alone on an axis first."""
    found: list[SizeSource] = []
    known: set[str] = set()
    for argument in arguments:
        for axis, dim in enumerate(argument.shape):
            if len(dim.terms) == 1 and dim.terms[0][1] == 1 and len(dim.terms[0][0]) == 1:
                atom, power = dim.terms[0][0][0]
                if isinstance(atom, str) and power == 1 and atom not in known:
                    known.add(atom)
                    found.append(SizeSource(atom, argument, axis, 1, Dim.of(0)))
    again = True
    while again:
        again = False
        for argument in arguments:
            for axis, dim in enumerate(argument.shape):
                parts = _linear(dim, known)
                if parts is not None:
                    known.add(parts[0])
                    found.append(SizeSource(parts[0], argument, axis, parts[1], parts[2]))
                    again = True
    return found


@dataclass(frozen=True)
class Signature:
    """The inputs of a program. `free` are the sizes that no input fixes: they are keywords.

    `ignored` are inputs that may be given and do not matter, but for the sizes that they fix: a derivative
    may be evaluated for all the symbols of its function.
    """

    arguments: tuple[Argument, ...]
    sources: tuple[SizeSource, ...]
    free: tuple[str, ...]
    ignored: tuple[Argument, ...] = ()

    def given(self, args: tuple, values: Mapping[str, Any]) -> Signature:
        """Return the signature with those of the ignored inputs that are given as further arguments."""
        if not self.ignored:
            return self
        count = max(0, len(args) - len(self.arguments))
        # By position they follow the arguments.
        more = [a for i, a in enumerate(self.ignored) if i < count or a.label in values]
        if not more or count > len(self.ignored):
            return self
        labels = tuple(a.label for a in more)
        if labels not in self._given:
            self._given[labels] = self._with(more)
        return self._given[labels]

    @cached_property
    def _given(self) -> dict[tuple[str, ...], Signature]:
        return {}

    def _with(self, more: Sequence[Argument]) -> Signature:
        arguments = (*self.arguments, *more)
        sources = size_sources(arguments)
        read = {s.size for s in sources}
        unread = {n for a in arguments for d in a.shape for n in d.names} - read
        free = dict.fromkeys([*(s for s in self.free if s not in read), *sorted(unread)])
        return Signature(arguments, tuple(sources), tuple(free))

    @cached_property
    def _places(self) -> dict[str, int]:
        # By the name in the source too, where that is not another symbol's own.
        plain = {a.name: i for i, a in enumerate(self.arguments)}
        return plain | {a.label: i for i, a in enumerate(self.arguments)}

    @cached_property
    def _sizes(self) -> set[str]:
        return {d for a in self.arguments for dim in a.shape for d in dim.names} | set(self.free)

    @cached_property
    def _axes(self) -> tuple[tuple[int | str, ...], ...] | None:
        # Each axis as an integer or a name; None where some axis is arithmetic, such as n + 1.
        spelled = []
        for a in self.arguments:
            axes = tuple(d.value if d.value is not None else str(d) for d in a.shape)
            if any(isinstance(x, str) and not x.isidentifier() for x in axes):
                return None
            spelled.append(axes)
        return tuple(spelled)

    def bind(self, args: tuple, values: Mapping[str, Any]) -> tuple[list, dict[str, int]]:
        """Return the inputs in order, and the sizes given as keywords; say what is missing or unknown."""
        if not values and len(args) == len(self.arguments) and not self.free:
            return list(args), {}
        given: list = [None] * len(self.arguments)
        if len(args) > len(given):
            raise GradworkError(
                "too many arguments", count=len(args), given=len(given), listed=self._listed()
            )
        given[: len(args)] = args
        places = self._places
        sizes: dict[str, int] = {}
        for key, value in values.items():
            at = places.get(key)
            if at is None and key in self._sizes:
                sizes[key] = _whole(key, value)
            elif at is None:
                near = difflib.get_close_matches(key, [*places, *self.free], 1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise GradworkError("no such argument", key=key, hint=hint, listed=self._listed())
            elif at < len(args):
                raise GradworkError("argument given twice", key=key)
            else:
                given[at] = value
        missing = [a.label for a, v in zip(self.arguments, given) if v is None]
        if missing:
            raise GradworkError("argument missing", missing=missing, listed=self._listed())
        absent = [s for s in self.free if s not in sizes]
        if absent:
            raise GradworkError("size unknown", absent=absent, value=[f"{s}=…" for s in absent])
        return given, sizes

    def _listed(self) -> str:
        return (
            ", ".join(f"{a.label} ({shape_text(a.shape)})" if a.shape else a.label for a in self.arguments)
            or "none"
        )

    def _quick_check(self, arrays: Sequence[Any], sizes: Mapping[str, int]) -> dict[str, int] | None:
        # The sizes if everything fits and every axis is plain; None if the whole story is needed.
        if self._axes is None:
            return None
        known: dict[str, int] = dict(sizes)
        for array, axes in zip(arrays, self._axes):
            shape = array.shape
            if len(shape) != len(axes):
                return None
            for length, axis in zip(shape, axes):
                if (known.setdefault(axis, length) if type(axis) is str else axis) != length:
                    return None
        return known

    def check(self, arrays: Sequence[Any], sizes: Mapping[str, int]) -> dict[str, int]:
        """Return the sizes, read from the inputs; raise where the shapes do not meet, or a position is outside."""
        known = self._quick_check(arrays, sizes)
        if known is None:
            known = self._check_shapes(arrays, sizes)
        for k in self._positions:
            argument = self.arguments[k]
            check_positions(argument.label, arrays[k], argument.axis.evaluate(known))  # type: ignore[union-attr]
        return known

    @cached_property
    def _positions(self) -> tuple[int, ...]:
        return tuple(k for k, a in enumerate(self.arguments) if a.integer and a.axis is not None)

    def _check_shapes(self, arrays: Sequence[Any], sizes: Mapping[str, int]) -> dict[str, int]:
        for argument, array in zip(self.arguments, arrays):
            if np.ndim(array) != len(argument.shape):
                wanted = "a scalar" if not argument.shape else f"shape {shape_text(argument.shape)}"
                raise ShapeError(
                    "input of another shape", label=argument.label, has=_has(np.shape(array)), wanted=wanted
                )
        known: dict[str, int] = dict(sizes)
        origin: dict[str, tuple[str, str]] = {}
        for name in sizes:
            origin[name] = ("", "the keyword")
        by_name = {a.name: array for a, array in zip(self.arguments, arrays)}
        for source in self.sources:
            if source.size in known:
                continue
            length = by_name[source.argument.name].shape[source.axis]
            value = source.solve(length, known)
            if value is None:
                dim = source.argument.shape[source.axis]
                raise ShapeError(
                    "axis does not give a whole size",
                    axis=source.axis,
                    label=source.argument.label,
                    length=length,
                    dim=dim,
                    size=source.size,
                    where=_where(dim, known, origin),
                )
            known[source.size] = value
            origin[source.size] = (source.argument.label, f"axis {source.axis}")
        for argument, array in zip(self.arguments, arrays):
            for dim, length in zip(argument.shape, array.shape):
                if (dim.value if dim.value is not None else dim.evaluate(known)) != length:
                    raise ShapeError(
                        "input of unexpected shape",
                        label=argument.label,
                        has=_has(array.shape),
                        shape=argument.shape,
                        where=_where(dim, known, origin, argument.label),
                    )
        return known


def _whole(name: str, value: Any) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__") or value.__index__() < 0:
        raise GradworkError("size not a whole number", name=name, value=value)
    return value.__index__()


def _has(shape: tuple[int, ...]) -> str:
    if not shape:
        return "no axes"
    spelled = "×".join(map(str, shape))
    return f"shape {spelled}" if len(shape) > 1 else f"size {spelled}"


def _where(dim: Dim, known: Mapping[str, int], origin: Mapping[str, tuple[str, str]], own: str = "") -> str:
    # " with d = 4 (from b)": the sizes in `dim`, and which argument (or which axis of this one) fixed them.
    parts = []
    for name in sorted(dim.names & known.keys()):
        argument, place = origin[name]
        parts.append(f"{name} = {known[name]} (from {argument if argument not in ('', own) else place})")
    return f" with {' and '.join(parts)}" if parts else ""


def convert(argument: Argument, value: Any, dtype: np.dtype) -> np.ndarray:
    """Return an input as an array of floats (or integers, where the symbol is declared so)."""
    if type(value) is np.ndarray and value.dtype == dtype and not argument.integer:
        return value
    if isinstance(value, Expr):
        raise GradworkError("needs numbers not expression", label=argument.label)
    try:
        array = np.asarray(value)
    except ValueError:
        raise GradworkError("rows differ in length", label=argument.label) from None
    if array.dtype.kind == "O" or (array.dtype.kind not in "biuf" and dtype.kind != "c"):
        try:
            array = array.astype(np.float64) if array.dtype.kind == "O" else _refuse(argument, array)
        except (TypeError, ValueError):
            _refuse(argument, array)
    if argument.integer:
        if array.dtype.kind in "biu":
            return array if array.dtype.kind != "b" else array.astype(np.int64)
        whole = np.real(array).astype(np.int64)
        if not np.array_equal(array, whole):
            raise GradworkError("not the integers declared", label=argument.label)
        return whole
    return np.asarray(array, dtype=dtype)


def _refuse(argument: Argument, array: np.ndarray) -> Any:
    raise GradworkError("values are not numbers", label=argument.label, dtype=array.dtype)


def as_labels(arguments: Iterable[Any]) -> list[tuple[str, Expr | None]]:
    """Return given arguments (symbols or their names) as names with their symbols."""
    return [(a.params[0], a) if isinstance(a, Expr) else (str(a), None) for a in arguments]
