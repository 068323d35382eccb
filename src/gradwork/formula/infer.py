"""Shapes for all parts of a formula under one choice of axes: what is declared, and what follows by unification.

A trial takes a number of axes for every undeclared name and works through the formula once, making sizes equal
where operations need them equal. What people do not write costs: a vector added to a matrix, a number added to
a vector that is then multiplied by a matrix, a transposed number. `search` takes the cheapest trial.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gradwork.errors import FormulaError, GradworkError
from gradwork.expr.dims import Dim
from gradwork.formula.assume import Assumption
from gradwork.formula.functions import Functions
from gradwork.formula.lexer import fail
from gradwork.formula.prepare import Prepared
from gradwork.formula.roles import PRODUCTS, Roles, is_reduction
from gradwork.formula.sizes import Sizes
from gradwork.formula.tree import (
    Binary,
    Call,
    Formula,
    Index,
    Literal,
    Name,
    Negative,
    Node,
    Number,
    Ones,
    Transpose,
)
from gradwork.formula.types import SCALAR, Mismatch, Type, span

# What a reading costs, in units of one name turned against its convention.
_COST_ROW = 0.4  # a vector added to each row of a product of matrices, as b in X W + b
_COST_RANKS = 1.6  # a vector meets a matrix entry by entry in any other way
_COST_NUMBER = 0.5  # a number added to all entries of a matrix
_COST_SUMMED = 1.5  # a sum of a reduction and a vector
_COST_EMPTY = 2.0  # a reduction or a transpose of a scalar
_COST_MIXED = 0.75  # a number added to a vector that a matrix or a transpose then meets
_COST_BESIDE = 1.5  # a column left of a matrix
_COST_PAIR = 0.5  # two columns side by side, read by components
_COST_DIVISOR = 1.5  # a matrix under a fraction bar
_COST_POWER = 1.0  # a matrix in an exponent
_COST_RAISED = 0.3  # a number raised to a vector
_COST_RESULT = 3.0  # an array where a scalar is wanted


@dataclass
class Trial:
    """The types that follow from one choice of axes."""

    functions: Functions
    types: dict[Node, Type | None]
    symbols: dict[str, Type]
    cost: float
    ranks: dict[str, int] = field(default_factory=dict)
    mixed: set[Node] = field(default_factory=set)


class Inference:
    """Finds the types of a prepared formula."""

    def __init__(
        self,
        prepared: Prepared,
        declared: Mapping[str, Type],
        assumed: dict[str, Assumption],
        squares: frozenset[str],
        roles: Roles,
        sources: Mapping[str, str],
        scalar: bool = False,
    ):
        self.sources, self.roles, self.scalar = sources, roles, scalar
        self.prepared, self.declared, self.assumed = prepared, declared, assumed
        self.squares, self.elementwise = squares, roles.elementwise
        self.formula: Formula = prepared.formula
        self.ranks = {name: kind.rank for name, kind in declared.items()}
        self.ranks |= dict.fromkeys((*prepared.sizes, "pi", "π"), 0)

    def trial(self, ranks: Mapping[str, int], cost: float = 0.0) -> Trial:
        """Return the types for these numbers of axes; Mismatch, with the trial so far, where they do not fit."""
        sizes = Sizes()
        functions = Functions(self.formula.text, sizes, self.roles, self.ranks | dict(ranks))
        symbols = dict(self.declared)
        for name in self.assumed:
            rank = ranks[name]
            shape = tuple(sizes.fresh() for _ in range(rank))
            if name in self.squares and rank == 2:
                shape = shape[:1] * 2
            symbols[name] = Type(shape, "column" if rank == 1 else "")
        trial = Trial(functions, {}, symbols, cost, dict(ranks))
        try:
            self.fill(trial)
        except Mismatch as error:
            error.trial = trial
            raise
        root = trial.types[self.formula.root]
        if self.scalar and root is not None and root.rank:
            trial.cost += _COST_RESULT
        return trial

    def fill(self, trial: Trial) -> None:
        """Find the types of all nodes, operands first."""
        for node in self.prepared.nodes:
            try:
                trial.types[node] = self.type_of(node, trial)
            except FormulaError:
                raise
            except Mismatch as error:
                error.node = node
                raise
            except GradworkError as error:
                message = str(error)
                raise Mismatch(lambda m=message: m, (span(node, "^"),)) from None
        conflict = trial.functions.sizes.settle()
        if conflict:
            raise Mismatch(
                lambda: f"no sizes fit this formula: {conflict[0]} and {conflict[1]} would have to be equal",
                (span(self.formula.root),),
            )

    def type_of(self, node: Node, trial: Trial) -> Type | None:
        types, functions = trial.types, trial.functions
        if isinstance(node, Number):
            return SCALAR
        if isinstance(node, Ones):
            return Type((trial.functions.sizes.fresh(),), "column")
        if isinstance(node, Literal):
            value = node.value
            shape = (len(value), len(value[0])) if isinstance(value[0], tuple) else (len(value),)
            return Type(tuple(Dim.of(k) for k in shape), "column" if len(shape) == 1 else "")
        if isinstance(node, Name):
            return self.name(node, trial)
        if isinstance(node, Negative):
            if node.operand in trial.mixed:
                trial.mixed.add(node)
            return types[node.operand]
        if isinstance(node, Binary):
            left, right = types[node.left], types[node.right]
            if left is None or right is None:
                return None
            trial.cost += self.oddity(node, left, right, trial)
            return functions.binary(node, left, right)
        if isinstance(node, Transpose):
            kind = types[node.operand]
            if kind is not None and not kind.rank:
                trial.cost += _COST_EMPTY
            trial.cost += _COST_MIXED * (node.operand in trial.mixed)
            return None if kind is None else functions.transpose(node, node.operand, kind)
        if isinstance(node, Index):
            return self.index(node, trial)
        assert isinstance(node, Call)
        arguments = self.prepared.calls[node]
        values: dict[str, Any] = {
            key: [types[v] for v in value] if isinstance(value, list) else types[value]
            for key, value in arguments.values.items()
        }
        if is_reduction(node) and values.get("x") == SCALAR:
            trial.cost += _COST_EMPTY
        if node.name == "norm" and node.args[0] in trial.mixed:
            trial.cost += _COST_MIXED
        return functions.call(node, values, arguments.options)

    def name(self, node: Name, trial: Trial) -> Type | None:
        if node.name in self.formula.definitions:
            root = self.formula.definitions[node.name]
            if root in trial.mixed:
                trial.mixed.add(node)
            return trial.types[root]
        if node.name in trial.symbols:
            kind = trial.symbols[node.name]
            for axis, size in self.prepared.lengths.get(node, ()):
                if axis < kind.rank and not trial.functions.sizes.unify(kind.shape[axis], size):
                    raise self.unbounded(node, kind, axis, size)
            return kind
        if node.name in self.prepared.sizes or node.name in ("pi", "π"):
            return SCALAR
        if node.name == "I":
            side = trial.functions.sizes.fresh()
            return Type((side, side))
        word = f"'{node.name}' is only a value of options such as keepdims; it has no meaning here"
        raise fail(self.formula.text, word, (node.start, node.end, "^"))

    def unbounded(self, node: Name, kind: Type, axis: int, size: Dim) -> Mismatch:
        return Mismatch(
            lambda: f"the bounds of the sum give {node.name} the size {size}; it has {kind.shape[axis]}",
            (span(node, "^"),),
        )

    def index(self, node: Index, trial: Trial) -> Type | None:
        kind = trial.types[node.operand]
        items = [trial.types[i] if isinstance(i, Node) else i for i in self.prepared.indices[node]]
        if kind is None or any(i is None for i in items):
            return None
        return trial.functions.index(node, kind, items)

    def oddity(self, node: Binary, left: Type, right: Type, trial: Trial) -> float:
        """Return how much an operation looks unlike what people write."""
        ranks = {left.rank, right.rank}
        if node.op in PRODUCTS:
            return self.product_oddity(node, left, right, trial)
        if node.op in ("/", "./"):
            return _COST_DIVISOR if right.rank == 2 and left.rank != 2 else _COST_RANKS * (ranks == {1, 2})
        if node.op in ("^", ".^", "**"):
            return _COST_POWER if right.rank > 1 else _COST_RAISED * (right.rank > left.rank)
        if len(ranks) == 1:
            if node.left in trial.mixed or node.right in trial.mixed:
                trial.mixed.add(node)
            return 0
        if 0 not in ranks:
            row = node.op in ("+", "-") and (left if left.rank == 1 else right).lie != "row"
            product = node.left if left.rank == 2 else node.right
            return _COST_ROW if row and self.roles.is_matrix_product(product) else _COST_RANKS
        if node.op not in ("+", "-"):
            return _COST_NUMBER * (2 in ranks and node.op not in ("*", "∘"))
        if 1 in ranks:
            trial.mixed.add(node)
        scalar = node.right if left.rank else node.left
        while isinstance(scalar, Negative) or (
            isinstance(scalar, Binary) and scalar.op in ("beside", "*", "^")
        ):
            scalar = scalar.operand if isinstance(scalar, Negative) else scalar.left
        if is_reduction(scalar):
            return _COST_SUMMED
        return _COST_NUMBER * (2 in ranks)

    def product_oddity(self, node: Binary, left: Type, right: Type, trial: Trial) -> float:
        """Return how much a product of neighbours looks unlike what people write."""
        mixed = [
            n for n, other in ((node.left, right), (node.right, left)) if n in trial.mixed and other.rank
        ]
        cost = _COST_MIXED * len(mixed)
        if left.rank and right.rank:
            if left.rank == 1 and right.rank == 2 and left.lie == "column" and node.op != "@":
                cost += _COST_BESIDE
            columns = left.rank == right.rank == 1 and left.lie != "row" and right.lie != "row"
            called = isinstance(node.right, Call) and node.right.name in self.elementwise
            cost += _COST_PAIR * (columns and node.op != "@" and not called)
        elif node.left in trial.mixed or node.right in trial.mixed:
            trial.mixed.add(node)
        return cost

    def explain(self, error: Mismatch) -> FormulaError:
        """Return the error of a trial in words, with the origin of every size that it names."""
        trial: Trial = error.trial
        sizes = trial.functions.sizes
        name_sizes(trial, self.prepared)
        named = [n for kind in error.shapes for d in kind.shape for n in sorted(sizes.resolve(d).names)]
        by_source: dict[str, list[str]] = {}
        for name in dict.fromkeys(named):
            source = self.origin(name, trial)
            if source:
                by_source.setdefault(source, []).append(name)
        parts = []
        for source, names in by_source.items():
            verb = "" if parts else "comes " if len(names) == 1 else "come "
            parts.append(f"{' and '.join(names)} {verb}from {source}")
        notes = ("; ".join(parts[:6]),) if parts else ()
        return fail(self.formula.text, error.message(), *error.marks, notes=notes)

    def origin(self, size: str, trial: Trial) -> str:
        """Return the first declaration, or the first assumption, that holds a size."""
        for name, source in self.sources.items():
            if any(size in d.names for d in self.declared[name].shape):
                return source
        sizes = trial.functions.sizes
        for name in self.assumed:
            kind = trial.symbols[name]
            if any(size in sizes.resolve(d).names for d in kind.shape):
                what = "a matrix" if kind.rank == 2 else "a vector"
                return f"{name}, taken as {what} {sizes.text(kind.shape)}"
        return ""


def name_sizes(trial: Trial, prepared: Prepared) -> None:
    """Name the sizes that stay free: left factors of products first, so that the rows of the data are n."""
    leading = _leading(prepared)
    order = sorted(trial.symbols, key=lambda name: (trial.symbols[name].rank != 2, name not in leading))
    shapes = [trial.symbols[name].shape for name in order]
    shapes += [kind.shape for kind in trial.types.values() if kind is not None]
    trial.functions.sizes.name_free(shapes, prepared.sizes | set(trial.symbols) | set(prepared.names()))


def _leading(prepared: Prepared) -> set[str]:
    # The left factors of products: X in Y − XW, which are the data more often than what stands first.
    found = set()
    for node in prepared.nodes:
        if isinstance(node, Binary) and node.op in ("@", "beside"):
            left = node.left.operand if isinstance(node.left, Transpose) else node.left
            if isinstance(left, Name):
                found.add(left.name)
    return found
