"""Shapes for all parts of a formula: what is declared, what follows by unification, conventions for the rest.

One trial takes a number of axes for every undeclared name and works through the formula once, making sizes
equal where operations need them equal. The first trial follows the conventions. Where it fails, or mixes sums
that nobody would write, a few names are turned from vector to scalar or back, the fewest that fit best.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from gradwork.errors import FormulaError, GradworkError
from gradwork.formula.assume import Assumption, is_reduction
from gradwork.formula.functions import Functions
from gradwork.formula.lexer import fail
from gradwork.formula.prepare import Prepared
from gradwork.formula.sizes import Sizes
from gradwork.formula.tree import Binary, Call, Formula, Index, Name, Negative, Node, Number, Transpose
from gradwork.formula.types import SCALAR, Mismatch, Type, span

_TRIALS = 250
_WORK = 60_000  # nodes visited over all trials
_FLIPS = 3

# What a reading costs, in units of one name turned against its convention.
_COST_RANKS = 0.5  # a vector added to a matrix
_COST_MIXED = 1.5  # a sum of a reduction and a vector
_COST_EMPTY = 2.0  # a reduction or a transpose of a scalar


@dataclass
class Trial:
    """The types that follow from one choice of axes."""

    functions: Functions
    types: dict[Node, Type | None]
    symbols: dict[str, Type]
    cost: float
    flips: tuple[str, ...] = ()


class Inference:
    """Finds the types of a prepared formula."""

    def __init__(
        self,
        prepared: Prepared,
        declared: Mapping[str, Type],
        assumed: dict[str, Assumption],
        squares: frozenset[str],
        elementwise: frozenset[str],
        sources: Mapping[str, str],
    ):
        self.sources = sources
        self.prepared, self.declared, self.assumed = prepared, declared, assumed
        self.squares, self.elementwise = squares, elementwise
        self.formula: Formula = prepared.formula

    def solve(self) -> Trial:
        """Return the best trial; raise the first one's error if none fits."""
        first: Mismatch | None = None
        best: Trial | None = None
        for flips in self.choices():
            if best is not None and len(flips) >= best.cost:
                break
            try:
                trial = self.trial(flips)
            except Mismatch as error:
                first = first or error
                if first.final:
                    break
                continue
            if best is None or trial.cost < best.cost:
                best = trial
        if best is not None:
            return best
        assert first is not None
        raise self.explain(first)

    def choices(self) -> Iterator[tuple[str, ...]]:
        """Yield the sets of names to turn against their convention, the smallest first."""
        turned = {
            n.operand.name
            for n in self.prepared.nodes
            if isinstance(n, Transpose) and isinstance(n.operand, Name)
        }
        turnable = [n for n, a in self.assumed.items() if a.rank < 2 and not (a.rank and n in turned)]
        limit = max(8, min(_TRIALS, _WORK // max(len(self.prepared.nodes), 1)))
        count = 0
        for size in range(min(_FLIPS, len(turnable)) + 1):
            for flips in combinations(turnable, size):
                yield flips
                count += 1
                if count >= limit:
                    return

    def trial(self, flips: tuple[str, ...]) -> Trial:
        sizes = Sizes()
        functions = Functions(self.formula.text, sizes, self.elementwise)
        symbols = dict(self.declared)
        for name, assumption in self.assumed.items():
            rank = 1 - assumption.rank if name in flips else assumption.rank
            shape = tuple(sizes.fresh() for _ in range(rank))
            if name in self.squares and rank == 2:
                shape = shape[:1] * 2
            symbols[name] = Type(shape, "column" if rank == 1 else "")
        trial = Trial(functions, {}, symbols, len(flips), flips)
        try:
            self.fill(trial)
        except Mismatch as error:
            error.trial = trial
            raise
        return trial

    def fill(self, trial: Trial) -> None:
        """Find the types of all nodes, operands first."""
        for node in self.prepared.nodes:
            try:
                trial.types[node] = self.type_of(node, trial)
            except FormulaError:
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
        if isinstance(node, Name):
            return self.name(node, trial)
        if isinstance(node, Negative):
            return types[node.operand]
        if isinstance(node, Binary):
            left, right = types[node.left], types[node.right]
            if left is None or right is None:
                return None
            trial.cost += self.oddity(node, left, right)
            return functions.binary(node, left, right)
        if isinstance(node, Transpose):
            kind = types[node.operand]
            if kind is not None and not kind.rank:
                trial.cost += _COST_EMPTY
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
        return functions.call(node, values, arguments.options)

    def name(self, node: Name, trial: Trial) -> Type:
        if node.name in trial.symbols:
            return trial.symbols[node.name]
        if node.name in self.prepared.sizes or node.name in ("pi", "π"):
            return SCALAR
        if node.name == "I":
            side = trial.functions.sizes.fresh()
            return Type((side, side))
        word = f"'{node.name}' is only a value of options such as keepdims; it has no meaning here"
        raise fail(self.formula.text, word, (node.start, node.end, "^"))

    def index(self, node: Index, trial: Trial) -> Type | None:
        kind = trial.types[node.operand]
        items = [trial.types[i] if isinstance(i, Node) else i for i in self.prepared.indices[node]]
        if kind is None or any(i is None for i in items):
            return None
        return trial.functions.index(node, kind, items)

    def oddity(self, node: Binary, left: Type, right: Type) -> float:
        """Return how much a sum looks unlike what people write."""
        if node.op not in ("+", "-") or left.rank == right.rank:
            return 0
        if left.rank and right.rank:
            return _COST_RANKS
        scalar = node.right if left.rank else node.left
        while isinstance(scalar, Negative) or (
            isinstance(scalar, Binary) and scalar.op in ("beside", "*", "^")
        ):
            scalar = scalar.operand if isinstance(scalar, Negative) else scalar.left
        return _COST_MIXED if is_reduction(scalar) else 0

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
