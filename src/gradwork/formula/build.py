"""From a formula with all its shapes known to the expression."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Mapping
from math import inf, isinf
from typing import Any

from gradwork.errors import FormulaError, GradworkError
from gradwork.expr.dims import Dim
from gradwork.expr.node import CONSTANT, Expr, constant, eye, size
from gradwork.formula.infer import Trial
from gradwork.formula.lexer import fail
from gradwork.formula.operators import whole
from gradwork.formula.prepare import Prepared
from gradwork.formula.sizes import Sizes
from gradwork.formula.tree import Binary, Call, Index, Literal, Name, Negative, Node, Number, Ones, Transpose

_LARGEST = 1e300  # beyond, the operations of float64 decide

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "∘": operator.mul,
    "beside": operator.mul,
    "·": operator.mul,
    "@": operator.matmul,
    "/": operator.truediv,
    "./": operator.truediv,
    "^": operator.pow,
    ".^": operator.pow,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_NAMED = {"==": "equal", "!=": "not_equal"}


def build(
    prepared: Prepared, trial: Trial, symbols: Mapping[str, Expr], functions: Mapping[str, Callable]
) -> Expr:
    """Return the expression of a formula. `symbols` holds an expression for each of its names."""
    done: dict[Node, Expr] = {}
    builder = _Builder(prepared, trial, symbols, functions, done)
    for node in prepared.nodes:
        try:
            done[node] = constant(builder.one(node))
        except FormulaError:
            raise
        except (GradworkError, ArithmeticError) as error:
            # The shapes were checked before, so this is what only the operation itself can know.
            message = str(error).splitlines()[0]
            raise fail(prepared.formula.text, message, (node.start, node.end, "^")) from None
    return done[prepared.formula.root]


class _Builder:
    def __init__(
        self,
        prepared: Prepared,
        trial: Trial,
        symbols: Mapping[str, Expr],
        functions: Mapping[str, Callable],
        done: dict[Node, Expr],
    ):
        self.prepared, self.trial, self.done = prepared, trial, done
        self.symbols, self.functions = symbols, functions
        # The values of the parts that are numbers, where float64 holds them.
        self.values: dict[Node, float] = {}

    @property
    def sizes(self) -> Sizes:
        return self.trial.functions.sizes

    def one(self, node: Node) -> Any:
        done = self.done
        if isinstance(node, Number):
            return constant(node.value)
        if isinstance(node, Name):
            return self.name(node)
        if isinstance(node, Ones):
            kind = self.trial.types[node]
            assert kind is not None
            return self.functions["ones"](self.sizes.resolve(kind.shape[0]))
        if isinstance(node, Literal):
            rows = [node.value] if not isinstance(node.value[0], tuple) else list(node.value)
            value = [[float(v) for v in row] for row in rows]
            return constant(value if isinstance(node.value[0], tuple) else value[0])
        if isinstance(node, Negative):
            operand = done[node.operand]
            # −1/2 is a number, as it is in Python, and not an operation on numbers.
            return constant(-operand.params[0]) if operand.op is CONSTANT else -operand
        if isinstance(node, Transpose):
            operand = done[node.operand]
            return operand.T if operand.ndim > 1 else operand
        if isinstance(node, Binary):
            return self.binary(node)
        if isinstance(node, Index):
            items = [done[i] if isinstance(i, Node) else _item(i) for i in self.prepared.indices[node]]
            return done[node.operand][tuple(items) if len(items) > 1 else items[0]]
        assert isinstance(node, Call)
        return self.call(node)

    def name(self, node: Name) -> Expr:
        definitions = self.prepared.formula.definitions
        if node.name in definitions:
            return self.done[definitions[node.name]]
        if node.name in self.symbols:
            return self.symbols[node.name]
        if node.name in self.prepared.sizes:
            return size(self.prepared.counts.get(node.name, Dim.of(node.name)))
        kind = self.trial.types[node]
        assert node.name == "I" and kind is not None
        return eye(self.sizes.resolve(kind.shape[0]))

    def binary(self, node: Binary) -> Any:
        left, right = self.done[node.left], self.done[node.right]
        plan = self.trial.functions.plan.get(node)
        if plan == "matmul":
            return left @ right
        if plan == "outer":
            return self.functions["outer"](left, right)
        if plan == "inverse":
            return self.functions["inv"](left)
        if plan == "power":
            return self.functions["matrix_power"](left, whole(node.right))
        if plan in ("root", "inverse root"):
            root = self.functions["sqrtm"](left)
            return root if plan == "root" else self.functions["inv"](root)
        self.evaluate(node)
        if node.op in _NAMED:
            return self.functions[_NAMED[node.op]](left, right)
        if left.op is CONSTANT and right.op is CONSTANT and node.op in ("+", "-", "*", "beside"):
            number = _OPERATORS[node.op](left.params[0], right.params[0])
            if abs(number) < _LARGEST:
                return constant(number)
        return _OPERATORS[node.op](left, right)

    def evaluate(self, node: Binary) -> None:
        """Keep the value of an operation on numbers; refuse a power that float64 cannot hold."""
        a, b = self.value(node.left), self.value(node.right)
        if a is None or b is None:
            return
        try:
            value = _OPERATORS[node.op](a, b) if node.op in ("+", "-", "*", "beside", "/", "^") else None
        except OverflowError:
            value = inf
        except ArithmeticError:
            return
        if not isinstance(value, float):
            return
        # Operations compute with exact numbers, so the size of a power is looked at before.
        if node.op == "^" and (isinf(value) or (value == 0 and a != 0)):
            word = "large" if isinf(value) else "small"
            raise fail(
                self.prepared.formula.text,
                f"this number is too {word} for float64",
                (node.start, node.end, "^"),
            )
        self.values[node] = value

    def value(self, node: Node) -> float | None:
        if isinstance(node, Negative):
            inner = self.value(node.operand)
            return None if inner is None else -inner
        return float(node.value) if isinstance(node, Number) else self.values.get(node)

    def logarithm(self, node: Call) -> Any:
        """Return log Γ(x), log Φ(x) and log |S| as one function; None for any other call."""
        inner = next(iter(self.prepared.calls[node].values.values()), None) if node.name == "log" else None
        if not isinstance(inner, Call):
            return None
        below = next(iter(self.prepared.calls[inner].values.values()), None)
        if not isinstance(below, Node) or below not in self.done:
            return None
        if inner.name in _LOGARITHMS:
            return self.functions[_LOGARITHMS[inner.name]](self.done[below])
        written = inner.name == "det" and node.arrangement == "applied"
        if written or self.trial.functions.plan.get(inner) == "det":
            return self.functions["logdet"](self.done[below])
        return None

    def call(self, node: Call) -> Any:
        arguments = self.prepared.calls[node]
        done = self.done
        plan = self.trial.functions.plan.get(node)
        if plan == "identity":
            return done[next(iter(arguments.values.values()))]
        if plan == "det":
            return self.functions["det"](done[next(iter(arguments.values.values()))])
        joint = self.logarithm(node)
        if joint is not None:
            return joint
        given: dict[str, Any] = dict(arguments.options)
        for key, value in arguments.values.items():
            given[key] = [done[v] for v in value] if isinstance(value, list) else done[value]
        function = self.functions[_norm(node, given)]
        order = list(_parameters(function))
        if order and order[-1] in given and _is_variadic(function, order[-1]):
            # f(x, *sizes): positional up to the star.
            listed = [given.pop(key) for key in order[:-1] if key in given]
            return function(*listed, *given.pop(order[-1]))
        more = given.pop("more", [])
        if more:
            first = given.pop("parts")
            given["parts"] = [*(first if isinstance(first, list) else [first]), *more]
        if "positions" in given and isinstance(given["positions"], tuple):
            given["positions"] = list(given["positions"])
        return function(**given)


# The logarithm of these has a function of its own, which neither overflows nor underflows.
_LOGARITHMS = {"gamma": "lgamma", "gamma_function": "lgamma", "normal_cdf": "log_normal_cdf"}


def _norm(node: Call, options: dict[str, Any]) -> str:
    # ‖A‖₁ is Σ|a| and ‖A‖_∞ the largest |a|, of a matrix too; norm(A, 1) is what NumPy means by it.
    entries = node.name == "norm" and node.arrangement == "bars" and options.get("ord") in (1, "inf")
    return "vector_norm" if entries else node.name


def _parameters(function: Callable) -> Mapping[str, Any]:
    return inspect.signature(function).parameters


def _is_variadic(function: Callable, name: str) -> bool:
    parameter = _parameters(function)[name]
    return parameter.kind == parameter.VAR_POSITIONAL


def _item(item: Any) -> Any:
    return list(item) if isinstance(item, tuple) else item
