"""How the NumPy target spells things. The other targets override only what they spell differently.

An operation's `code` is a template such as `np.tanh({0})`, or a function of (writer, node, values) that uses the
methods below. Both say what NumPy says; `translate` gives the module names of the target.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from gradwork.errors import GradworkError
from gradwork.expr.dims import Dim
from gradwork.expr.node import CONSTANT, Expr, definition
from gradwork.run.common import Products
from gradwork.run.helpers import HELPERS
from gradwork.run.scale import literal
from gradwork.run.value import ATOM, COMPARE, POWER, SUM, Value, star

_SLOT = re.compile(r"\{(\d)\}")
_SINGLE = re.compile(r"[\w.]+(\(.*\)(\[\d+\])?)?")  # a template that is one call or one name


class Writer:
    """Writes NumPy. One writer writes one function.

    sizes:  the name that each size has in the source.
    hint:   the sizes to plan products for, where they are known.
    """

    target = "numpy"
    title = "NumPy"
    imports: tuple[tuple[str, str], ...] = (
        ("np.", "import numpy as np"),
        ("special.", "from scipy import special"),
    )
    COMPARE = COMPARE
    # Intermediate arrays of this rank and more are summed over blocks of rows. For matrices that is 1.3 times
    # faster in NumPy too, but X.T @ (w[:, None] * X) is what people want to read.
    blocks_from_rank = 3

    def __init__(
        self, sizes: Mapping[str, str], hint: Mapping[str, int] | None = None, dtype: str = "float64"
    ):
        self.sizes, self.hint, self.dtype = dict(sizes), dict(hint or {}), dtype
        self.used: set[str] = set()  # the helpers that the text calls
        self.steps: list[tuple[str, float]] = []  # the products, as they were planned
        self.products: Products | None = None
        self.local: Callable[[str], str] = lambda label: label
        self.function: Callable[[tuple[str, ...], str], str] = lambda names, body: f"lambda {names}: {body}"
        self.variable: Callable[[Value, tuple[Dim, ...]], Value] = lambda value, shape: value
        self.solving: Callable[[Expr], Value | None] = lambda node: None

    def planned(self, text: str, cost: float) -> None:
        """Note a planned product, for `Program.plan`."""
        self.steps.append((text, cost))

    def solved(self, node: Expr) -> Value | None:
        """Return the matrix A if `node` is A⁻¹ and is to be applied by solving."""
        return self.solving(node)

    def translate(self, text: str) -> str:
        """Return NumPy's spelling in the words of this target."""
        return text

    # --- operations -------------------------------------------------------------------------------------

    def write(self, node: Expr, values: list[Value]) -> Value:
        """Return an operation as text, given its arguments as text (fully shaped, or all aligned)."""
        op = node.op
        code = op.targets.get(self.target, op.code)
        if not code:
            raise GradworkError(f"the operation {op.name} has no code for {self.title}")
        if isinstance(code, str):
            return self.template(code, values)
        result = code(self, node, [self.number(v).signed() if op.name != "where" else v for v in values])
        return result if isinstance(result, Value) else Value(result)

    def template(self, template: str, values: Sequence[Value]) -> Value:
        """Return a template with its slots filled; a value is bracketed unless the slot stands alone."""

        def fill(match: re.Match) -> str:
            value = self.operand(self.number(values[int(match[1])]).signed())
            before, after = template[: match.start()].rstrip(), template[match.end() :].lstrip()
            alone = before[-1:] in ("(", ",", "=") and after[:1] in (")", ",")
            return value.text if alone else value.atom

        text = _SLOT.sub(fill, self.translate(template))
        return Value(text, ATOM if _SINGLE.fullmatch(template) else SUM, python=not values)

    def operand(self, value: Value) -> Value:
        """Return a value as the argument of a function of this target."""
        return value

    def call(self, function: str, *args: Any, **options: Any) -> Value:
        """Return a call; options are keywords in NumPy's words."""
        parts = [self.operand(a).signed().text if isinstance(a, Value) else str(a) for a in args]
        parts += [f"{self.keyword(k)}={v}" for k, v in options.items()]
        return Value(f"{self.translate(function)}({', '.join(parts)})")

    def keyword(self, name: str) -> str:
        """Return the name of an option in this target."""
        return name

    def infix(self, sign: str, values: Sequence[Value], level: int) -> Value:
        """Return an infix operator between two values."""
        left, right = (f"({v})" if v.level <= level else v.text for v in (x.signed() for x in values))
        return Value(
            f"{left} {sign} {right}", level, boolean=level == COMPARE, python=all(v.python for v in values)
        )

    def helper(self, name: str, values: Sequence[Value], *literals: Any) -> Value:
        """Return a call of a helper function, whose definition goes above the function."""
        self.used.add(name)
        self.used.update(HELPERS[name].needs)
        parts = [self.array(v).signed().text for v in values] + [self.translate(str(x)) for x in literals]
        return Value(f"{name}({', '.join(parts)})")

    def method(self, value: Value, name: str, *args: Any) -> Value:
        """Return a method of an array."""
        return Value(f"{self.array(value).atom}.{name}({', '.join(map(str, args))})")

    def power(self, node: Expr, values: Sequence[Value]) -> Value:
        """Return x**p as a person would write it: np.sqrt for 1/2, a quotient for −1."""
        base, exponent = values
        p = node.args[1].params[0] if node.args[1].op is CONSTANT else None
        if p is None:
            return self._raised(base, exponent)
        if p == 0:
            return Value("1", python=True)
        if p < 0:
            below = self._plain_power(base, -p)
            return replace(star(Value("1", python=True), below, sign="/"), divisor=below)
        return self._plain_power(base, p)

    def _plain_power(self, base: Value, p: Fraction | float) -> Value:
        if p == 1:
            return base
        if p == Fraction(1, 2) and not base.python:
            return self.call("np.sqrt", base)
        return self._raised(base, literal(p))

    def _raised(self, base: Value, exponent: Value) -> Value:
        low = exponent.signed()
        right = low.text if low.level in (ATOM, POWER) else f"({low.text})"
        python = base.python and exponent.python
        if base.python and base.text.isdigit() and not exponent.text.isdigit():
            base = replace(base, text=base.text + ".0")  # an integer to a negative integer power is an error
        return Value(f"{base.beside('**', True)}**{right}", POWER, python=python)

    def where(self, node: Expr, values: Sequence[Value]) -> Value:
        """Return the choice between two values."""
        condition, then, otherwise = values
        test = condition.signed()
        if not condition.boolean:
            test = Value(
                f"{test.beside('*', True) if test.level > SUM else test.bracket()} != 0",
                COMPARE,
                boolean=True,
            )
        return self.call("np.where", replace(test, python=False), self.real(then), self.real(otherwise))

    def real(self, value: Value) -> Value:
        """Return a value that is certainly not of an integer type."""
        value = self.number(value).signed()
        if value.python and re.fullmatch(r"-?\d+", value.text):
            return replace(value, text=value.text + ".0")
        return value

    def number(self, value: Value) -> Value:
        """Return truth values as 0 and 1; anything else is itself."""
        if not value.boolean:
            return value
        if value.python:
            return replace(value, text=f"float({value.text})", level=ATOM, boolean=False)
        return replace(value, text=self._as_number(value.bracket()), level=ATOM, boolean=False)

    def _as_number(self, text: str) -> str:
        return f"{text}.astype({'float' if self.dtype == 'float64' else self.translate('np.' + self.dtype)})"

    # --- reductions -------------------------------------------------------------------------------------

    def axis(self, axes: Sequence[int], rank: int) -> dict[str, Any]:
        """Return the option that names axes: nothing for all of them."""
        if len(axes) == rank:
            return {}
        return {"axis": axes[0] if len(axes) == 1 else tuple(axes)}

    def reduce(self, name: str, node: Expr, value: Value) -> Value:
        """Return np.max, np.min and the like over the axes of `node`."""
        return self.call(self.reducer(name), value, **self.axis(node.params[0], node.args[0].ndim))

    def reducer(self, name: str) -> str:
        """Return the function that takes the extremum over axes."""
        return f"np.{name}"

    def axis_call(self, function: str, node: Expr, value: Value) -> Value:
        """Return a function of one or more axes, such as softmax."""
        return self.call(function, value, **self.axis(node.params[0], node.args[0].ndim))

    def norm(self, node: Expr, value: Value) -> Value:
        """Return the Euclidean norm over the axes of `node`."""
        axes, rank = node.params[0], node.args[0].ndim
        if 2 < len(axes) < rank:
            squares = Value(f"{value.beside('**', True)}**2", POWER)
            return self.call("np.sqrt", self.call("np.sum", squares, **self.axis(axes, rank)))
        return self.call("np.linalg.norm", value, **self.axis(axes, rank))

    def cumsum(self, node: Expr, value: Value) -> Value:
        """Return running sums, from the other end if `node` says so."""
        axis, reverse = node.params
        if not reverse:
            return self.call("np.cumsum", value, axis=axis)
        return self.flip(self.call("np.cumsum", self.flip(value, (axis,)), axis=axis), (axis,))

    def flip(self, value: Value, axes: tuple[int, ...]) -> Value:
        """Return an array with axes reversed."""
        return self.call("np.flip", value, axis=axes[0] if len(axes) == 1 else axes)

    def total(self, name: str, value: Value, positions: tuple[int, ...], rank: int) -> Value:
        """Return the sum (or mean) over some axes."""
        inner = replace(value, negative=False)
        return replace(self.call(f"np.{name}", inner, **self.axis(positions, rank)), negative=value.negative)

    # --- indexing ---------------------------------------------------------------------------------------

    def size(self, dim: Dim) -> Value:
        """Return a size as text."""
        text = dim.render(times="*", power="**")
        text = re.sub(r"[A-Za-z_]\w*", lambda m: self.sizes.get(m[0], m[0]), text)
        text = text.replace("*", " * ").replace(" *  * ", "**").replace("//", " // ")
        if len(dim.terms) > 1:
            return Value(text, SUM, python=True)
        simple = text.isidentifier() or text.isdigit()
        return Value(text, ATOM if simple else 2, python=True)

    def shape(self, dims: Sequence[Dim]) -> str:
        """Return a shape as a tuple."""
        inner = ", ".join(self.size(d).text for d in dims)
        return f"({inner},)" if len(dims) == 1 else f"({inner})"

    def index_tuple(self, spec: tuple) -> str:
        """Return an index as a tuple of integers and slices."""
        parts = []
        for item in spec:
            if item[0] == "at":
                parts.append(self.size(item[1]).text)
            else:
                _, start, stop, step, _ = item
                ends = [None if stop is None and step < 0 and start.value is None else start, stop]
                spelled = [("None" if e is None else self.size(e).text) for e in ends]
                if step == 1 and start == 0 and stop is None:
                    parts.append("slice(None)")
                else:
                    parts.append(f"slice({', '.join(spelled)}{'' if step == 1 else f', {step}'})")
        return f"({', '.join(parts)},)" if len(parts) == 1 else f"({', '.join(parts)})"

    def index(self, value: Value, spec: tuple) -> Value:
        """Return a part of an array: x[1:3, 0]."""
        parts = []
        for item in spec:
            if item[0] == "at":
                parts.append(self.size(item[1]).text)
                continue
            _, start, stop, step, _ = item
            first = (
                ""
                if (start == 0 and step > 0) or (step < 0 and start.value is None)
                else self.size(start).text
            )
            last = "" if stop is None else self.size(stop).text
            parts.append(f"{first}:{last}" + ("" if step == 1 else f":{step}"))
        while len(parts) > 1 and parts[-1] == ":":
            parts.pop()
        return Value(f"{value.atom}[{', '.join(parts)}]")

    def integers(self, value: Value, node: Expr) -> Value:
        """Return positions as integers."""
        core = definition(node)
        whole = (core.op.name == "symbol" and "integer" in core.params[1]) or (
            core.op.name == "array" and core.params[0].array.dtype.kind in "iu"
        )
        return value if whole else Value(self._as_integer(value))

    def _as_integer(self, value: Value) -> str:
        return f"{self.array(value).atom}.astype(int)"

    def concatenate(self, values: Sequence[Value], axis: int) -> Value:
        """Return arrays one after the other."""
        return self.call(
            "np.concatenate", f"({', '.join(v.text for v in values)})", **({"axis": axis} if axis else {})
        )

    # --- arrays -----------------------------------------------------------------------------------------

    def dtype_option(self) -> dict[str, str]:
        """Return the option that gives new arrays the right type."""
        return {} if self.dtype == "float64" else {"dtype": self.translate(f"np.{self.dtype}")}

    def array(self, value: Value) -> Value:
        """Return a Python number as an array of rank 0; anything else is itself."""
        value = self.number(value).signed()
        return self.call("np.asarray", self.real(value), **self.dtype_option()) if value.python else value

    def result(self, value: Value) -> str:
        """Return what the function returns."""
        return self.real(value).signed().text

    def literal_array(self, array: Any) -> str:
        """Return an array written out."""
        option = (
            f", dtype={self.translate('np.' + self.dtype)}"
            if self.dtype_option() and array.dtype.kind == "f"
            else ""
        )
        return f"{self.translate('np.array')}({array.tolist()}{option})"

    def fill(self, value: Value, dims: Sequence[Dim]) -> Value:
        """Return an array of the given shape, filled with a value that carries only some of its axes."""
        stretched = self.stretched(self.number(value), tuple(range(len(dims)))).signed()
        axes = tuple(range(len(dims)))
        if not dims:
            return self.real(stretched)
        if stretched.python and stretched.text in ("0", "1"):
            name = "np.zeros" if stretched.text == "0" else "np.ones"
            size = self.size(dims[0]).text if len(dims) == 1 else self.shape(dims)
            return replace(self.call(name, size, **self.dtype_option()), axes=axes)
        return replace(self._filled(stretched, self.shape(dims)), axes=axes)

    def _filled(self, value: Value, shape: str) -> Value:
        return self.call("np.full", shape, self.real(value), **(self.dtype_option() if value.python else {}))

    def stretched(self, value: Value, axes: tuple[int, ...]) -> Value:
        """Return a value so that NumPy broadcasts it over `axes`, of which it carries some: `b`, `w[:, None]`."""
        carried = value.axes
        first = next((k for k, a in enumerate(axes) if a in carried), len(axes))
        if all(a in carried for a in axes[first:]):
            return value
        index = ", ".join(":" if a in carried else "None" for a in axes[first:])
        text = f"{value.bracket()}[{index}]"
        return replace(value, text=text, level=ATOM, divisor=None)

    def transposed(self, value: Value, order: tuple[int, ...]) -> Value:
        """Return an array with its axes in another order."""
        if order == tuple(range(len(order))):
            return value
        if len(order) == 2:
            return replace(value, text=f"{value.bracket()}.T", level=ATOM, divisor=None)
        plain = replace(value, negative=False)
        return replace(
            self.call("np.transpose", plain, order), negative=value.negative, boolean=value.boolean
        )

    def diagonal(self, value: Value, first: int, second: int, rank: int) -> Value:
        """Return the diagonal of two axes, as the last axis."""
        plain = replace(value, negative=False)
        options = {} if rank == 2 else {"axis1": first, "axis2": second}
        return replace(
            self.call("np.diag" if rank == 2 else "np.diagonal", plain, **options), negative=value.negative
        )

    def trace(self, value: Value) -> Value:
        """Return the sum of the diagonal of a matrix."""
        plain = replace(value, negative=False)
        return replace(self.call("np.trace", plain), negative=value.negative)

    def diag(self, value: Value) -> Value:
        """Return the diagonal matrix of a vector."""
        plain = replace(value, negative=False)
        return replace(self.call("np.diag", plain), negative=value.negative)

    def outer(self, a: Value, b: Value) -> Value:
        """Return the outer product of two vectors."""
        negative = a.negative != b.negative
        return replace(
            self.call("np.outer", replace(a, negative=False), replace(b, negative=False)), negative=negative
        )

    def solve(self, matrix: Value, right: Value) -> Value:
        """Return the solution of a linear system."""
        solution = self.call("np.linalg.solve", matrix, replace(right, negative=False))
        return replace(solution, negative=right.negative)

    def eye(self, dim: Dim) -> Value:
        """Return the identity matrix."""
        return self.call("np.eye", self.size(dim), **self.dtype_option())

    def tril(self, dim: Dim) -> Value:
        """Return ones below the diagonal and one half on it."""
        eye = self.eye(dim).text
        return Value(f"{self.call('np.tri', self.size(dim), **self.dtype_option()).text} - {eye} / 2", SUM)

    def tensordot(self, a: Value, b: Value, left: list[int], right: list[int]) -> Value:
        """Return the product summed over pairs of axes."""
        axes = f"({left}, {right})"
        return self.call("np.tensordot", a, b, axes=axes)

    def einsum(self, operands: Sequence[tuple[Value, tuple]], out: tuple) -> Value:
        """Return the product of operands in index notation."""
        letters: dict = {}
        spelled = [
            "".join(letters.setdefault(x, "ijklmnopqrstuvwabcdefgh"[len(letters)]) for x in labels)
            for _, labels in operands
        ]
        pattern = f'"{",".join(spelled)}->{"".join(letters[x] for x in out)}"'
        return self.call("np.einsum", pattern, *(v for v, _ in operands))

    def sums_of_products(self, a: Value, b: Value, one: tuple, other: tuple, out: tuple) -> Value:
        """Return Σ a ∘ b over some of the axes that both have."""
        # einsum makes no temporary array: 4 times faster than np.sum(a * b, axis=1) at 20,000×50.
        return self.einsum([(a, one), (b, other)], out)

    def zero_like(self, value: Value) -> Value:
        """Return zeros of the shape of a value."""
        return self.call("np.zeros_like", value)
