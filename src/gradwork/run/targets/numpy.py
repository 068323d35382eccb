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
from gradwork.expr.node import CONSTANT, Expr
from gradwork.run.library.helpers import HELPERS
from gradwork.run.products.common import Products
from gradwork.run.products.scale import literal
from gradwork.run.targets.arrays import ArrayWriter
from gradwork.run.targets.value import ATOM, COMPARE, POWER, SUM, Value, star

_SLOT = re.compile(r"\{(\d)\}")
_SINGLE = re.compile(r"[\w.]+(\(.*\)(\[\d+\])?)?")  # a template that is one call or one name


class Writer(ArrayWriter):
    """Writes NumPy. One writer writes one function.

    sizes:  the name that each size has in the source.
    hint:   the sizes to plan products for, where they are known.
    """

    target = "numpy"
    title = "NumPy"
    imports: tuple[tuple[str, str], ...] = (
        ("itertools.", "import itertools"),
        ("np.", "import numpy as np"),
        ("scipy.linalg.", "import scipy.linalg"),
        ("special.", "from scipy import special"),
    )
    COMPARE = COMPARE
    # Intermediate arrays of this rank and more are summed over blocks of rows. For matrices that is 1.3 times
    # faster in NumPy too, but X.T @ (w[:, None] * X) is what people want to read.
    blocks_from_rank = 3
    # Whether Xᵀv is written v @ X: a compiler may form the transpose of X for X.T @ v.
    vector_first = False

    def __init__(
        self, sizes: Mapping[str, str], hint: Mapping[str, int] | None = None, dtype: str = "float64"
    ):
        self.sizes, self.hint, self.dtype = dict(sizes), dict(hint or {}), dtype
        self.like = ""  # an argument that holds real numbers
        self.used: set[str] = set()  # the helpers that the text calls
        self.steps: list[tuple[str, float]] = []  # the products, as they were planned
        self.symmetric: frozenset[str] = frozenset()  # the names of symmetric matrices
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
            raise GradworkError("operation has no code", name=op.name, title=self.title)
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
        self.helper_name(name)
        parts = [self.array(v).signed().text for v in values] + [self.translate(str(x)) for x in literals]
        return Value(f"{name}({', '.join(parts)})")

    def helper_name(self, name: str) -> str:
        """Return the name of a helper that another helper is to call."""
        self.used.add(name)
        self.used.update(HELPERS[name].called(self.target))
        return name

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
        if base.python and exponent.python and not exponent.text.isdigit() and base.level != ATOM:
            base = self.array(base)  # Python's own (-1)**1.5 is complex; an array's is nan
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
        test = replace(self.truth(test) if condition.python else test, python=False)
        return self.call("np.where", test, self.real(then), self.real(otherwise))

    def truth(self, value: Value) -> Value:
        """Return a Python truth value as the condition of a choice."""
        return value

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
