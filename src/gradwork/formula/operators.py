"""The shapes of operators, and what a product of neighbours means: scaling, inner, outer, matrix product."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gradwork.expr.dims import Dim
from gradwork.formula.roles import Roles, is_reduction
from gradwork.formula.sizes import Sizes
from gradwork.formula.static import within
from gradwork.formula.tree import Binary, Call, Index, Name, Negative, Node, Number
from gradwork.formula.types import Mismatch, Type, broadcast, describe, span, square
from gradwork.ops import FUNCTIONS

MAX_POWER = 1_000  # a matrix power is written as a product

_VERBS = {
    "+": "added",
    "-": "subtracted",
    "*": "multiplied",
    "∘": "multiplied",
    "beside": "multiplied",
    "@": "multiplied",
    "·": "multiplied",
    "/": "divided",
    "./": "divided",
    "^": "raised to this power",
    ".^": "raised to this power",
    "^^": "raised to this power",
}


class Operators:
    """Types of operators. A reading made on the way (`plan`, `remarks`) is kept for the builder."""

    def __init__(self, text: str, sizes: Sizes, roles: Roles, ranks: Mapping[str, int]):
        self.text, self.sizes, self.roles, self.ranks = text, sizes, roles, ranks
        self.elementwise = roles.elementwise
        self.plan: dict[Node, str] = {}
        self.remarks: list[str] = []
        self.powers: list[tuple[Type, str]] = []
        self.krons: dict[Node, tuple[Type, Type]] = {}

    def label(self, node: Node, otherwise: str) -> str:
        """Return the text of a node, if it is short enough to be put into a sentence."""
        words = " ".join(self.text[node.start : node.end].split())
        return words if len(words) <= 40 else otherwise

    def both(self, node: Binary, left: Type, right: Type) -> str:
        """Return both operands with their shapes."""
        names = self.label(node.left, "the left side"), self.label(node.right, "the right side")
        return f"{names[0]} {describe(self.sizes, left)}, {names[1]} {describe(self.sizes, right)}"

    def mismatch(
        self, node: Binary, left: Type, right: Type, more: str | Callable[[], str] = "", final: bool = False
    ) -> Mismatch:
        verb = _VERBS.get(node.op, "compared")
        marks = (span(node.left), (*node.sign, "^"), span(node.right))
        if node.sign[0] == node.sign[1]:
            marks = (marks[0], marks[2])

        def words() -> str:
            # Put together late: only then do all sizes have names.
            return (
                f"these cannot be {verb}: {self.both(node, left, right)}{more() if callable(more) else more}"
            )

        return Mismatch(words, marks, (left, right), final)

    def binary(self, node: Binary, left: Type, right: Type) -> Type:
        """Return the type of `left op right`."""
        if node.op == "@":
            if not left.rank or not right.rank:
                raise self.mismatch(node, left, right, "; with a scalar write *")
            return self.product(node, left, right)
        if node.op in ("beside", "·") and left.rank and right.rank:
            if left.rank == right.rank == 1 and left.lie != "row" and right.lie != "row":
                return self.neighbours(node, left, right)
            return self.product(node, left, right)
        if node.op in ("^", "^^"):
            return self.power(node, left, right)
        return self.elementwise_binary(node, left, right)

    def elementwise_binary(self, node: Binary, left: Type, right: Type) -> Type:
        result = broadcast(self.sizes, [left, right])
        if result is not None:
            self.say_broadcast(node, left, right)
            return result
        more = ""
        if left.rank == right.rank == 1 and {left.lie, right.lie} == {"row", "column"}:
            row, column = (node.left, node.right) if left.lie == "row" else (node.right, node.left)
            more = f"; {self.label(row, 'one')} is a row, {self.label(column, 'the other')} a column"
            if node.op == "*":
                more += "; write @ for the matrix product"
        raise self.mismatch(node, left, right, more, final=bool(more))

    def say_broadcast(self, node: Binary, left: Type, right: Type) -> None:
        """Say that a vector or a number meets every row or entry of a matrix, unless all of it is declared."""
        if (
            max(left.rank, right.rank) != 2
            or left.rank == right.rank
            or node in self.roles.prepared.formula.made
        ):
            return
        small, large = (node.left, node.right) if left.rank < right.rank else (node.right, node.left)
        rank = min(left.rank, right.rank)
        verb = {"+": "is added to", "-": "and", "/": "divides"}.get(node.op, "multiplies")
        if node.op == "-":
            verb = "is subtracted from" if small is node.right else "takes away"
        if node.op == "/" and small is node.left:
            verb = "is divided by"
        if not rank and (node.op not in ("+", "-") or is_reduction(small)):
            return
        if all(n.name in self.roles.declared for n in within(node) if isinstance(n, Name)):
            return
        what = "each row of" if rank else "every entry of"
        first = self.label(small, "the vector" if rank else "the number")
        self.remark(f"{first} {verb} {what} {self.label(large, 'the matrix')}")

    def neighbours(self, node: Binary, left: Type, right: Type) -> Type:
        """Two columns side by side: y log(p), and x y under a sum, are products of components; x·y is the inner one."""
        a, b = self.label(node.left, "x"), self.label(node.right, "y")
        summed = self.roles.summed(node)
        if node.op == "·" and not summed:
            self.plan[node] = "matmul"
            if not self.sizes.unify(left.shape[0], right.shape[0]):
                raise self.mismatch(node, left, right)
            self.remark(f"{a}·{b} is the inner product; {a} * {b} multiplies the components")
            return Type()
        if summed or (isinstance(node.right, Call) and node.right.name in self.elementwise):
            result = broadcast(self.sizes, [left, right])
            if result is None:
                raise self.mismatch(node, left, right)
            self.plan[node] = "components"
            self.remark(f"{a} {b} is multiplied component by component")
            return result
        raise Mismatch(
            lambda: (
                f"{a} and {b} are two columns side by side: write {_bracket(a)}'{_bracket(b)} for the inner "
                f"product, {_bracket(a)} * {_bracket(b)} for that of components"
            ),
            (span(node.left), span(node.right)),
            (left, right),
        )

    def product(self, node: Binary, left: Type, right: Type) -> Type:
        """The matrix product, with vectors as the rows or columns that they are written as."""
        if left.rank == right.rank == 1:
            if right.lie == "row":
                if left.lie == "row":
                    raise self.mismatch(node, left, right, "; both are rows", final=True)
                self.plan[node] = "outer"
                self.remark_on(node, f"{self.label(node, 'x y′')} is read as an outer product")
                return Type((*left.shape, *right.shape))
            self.plan[node] = "matmul"
            if not self.sizes.unify(left.shape[0], right.shape[0]):
                raise self.mismatch(node, left, right)
            return Type()
        self.plan[node] = "matmul"
        if left.rank == 2 and right.rank == 1 and right.lie == "row":
            bare = self.label(node.right, "the row").rstrip("'’′ᵀ⊤").removesuffix(".T")
            raise self.mismatch(node, left, right, f"; a matrix meets a column, {bare}, not a row", True)
        inner = left.shape[-1], right.shape[-2 if right.rank > 1 else 0]
        if not self.sizes.unify(*inner):
            raise self.mismatch(
                node,
                left,
                right,
                lambda: "; the inner sizes " + " and ".join(map(self.sizes.text, zip(inner))) + " differ",
            )
        stack = broadcast(self.sizes, [Type(left.shape[:-2]), Type(right.shape[:-2])])
        if stack is None:
            raise self.mismatch(node, left, right, "; the stacks of matrices differ")
        rows = left.shape[-2:-1] if left.rank > 1 else ()
        columns = right.shape[-1:] if right.rank > 1 else ()
        shape = (*stack.shape, *rows, *columns)
        lie = ""
        if len(shape) == 1:
            lie = left.lie.replace("column", "") if left.rank == 1 else "column"
        return Type(shape, lie)

    def power(self, node: Binary, base: Type, exponent: Type) -> Type:
        """A power: of a matrix within products, traces and inverses, as in mathematics; of entries under sums."""
        value = whole(node.right)
        matrix = node.op == "^^"
        if base.rank != 2 and matrix:
            raise self.mismatch(node, base, exponent, "; ^^ is the power of a square matrix")
        # tanh(Z)² is (tanh²)(Z), by components like the function itself.
        entrywise = isinstance(node.left, Call) and node.left.name in self.elementwise and not matrix
        if base.rank != 2 or node.spelling == "**" or entrywise:
            self.entrywise_power(node, base)
            return self.elementwise_binary(node, base, exponent)
        name = self.label(node.left, "X")
        if value == -1:
            if not square(self.sizes, base):
                raise Mismatch(
                    lambda: f"only a square matrix has an inverse; {name} {describe(self.sizes, base)}",
                    (span(node.left), span(node.right, "^")),
                    (base,),
                )
            self.plan[node] = "inverse"
            return base
        inner = self.inner(node)
        if not matrix:
            where = self.roles.meets(node, self.ranks)
            if where == "matrix" or (where == "root" and value is not None):
                matrix = True
            elif value is None or value > 1:
                result = self.elementwise_binary(node, base, exponent)
                other = f"{name}^^{value} or matrix_power({inner}, {value})" if value else "written ^^"
                line = f"{self.label(node, f'{name}^{value}')} raises each component; the matrix power is {other}"
                self.remark_on_square(node, base, line)
                return result
        if value is not None and (value > -1 or matrix):
            return self.matrix_power(node, base, value)
        if matrix:
            return self.matrix_root(node, base, exponent)
        raise Mismatch(
            lambda: (
                f"a negative power of a matrix is unclear: write matrix_power({inner}, {value}), or "
                f"1/({name})^{-(value or 0)} for the components"
            ),
            (span(node.left), span(node.right, "^")),
            (base,),
        )

    def matrix_power(self, node: Binary, base: Type, value: int) -> Type:
        name = self.label(node.left, "X")
        if value == 1:
            return base
        if not square(self.sizes, base):
            if node.op == "^^" or value < 0:
                raise Mismatch(
                    lambda: (
                        f"only a square matrix has powers; {name} {describe(self.sizes, base)}; "
                        f"write {name}.^{value} for the components"
                    ),
                    (span(node.left), span(node.right, "^")),
                    (base,),
                )
            if self.roles.meets(node, self.ranks) == "matrix":
                self.remark(
                    f"{self.label(node, f'{name}^{value}')} raises each component: {name} is not square"
                )
            return base
        if abs(value) > MAX_POWER:
            raise Mismatch(lambda: f"a matrix power goes up to {MAX_POWER:,}", (span(node.right, "^"),))
        self.plan[node] = "power"
        if node.op != "^^":
            self.remark(
                f"{self.label(node, f'{name}^{value}')} is the matrix power; {name}.^{value} raises each component"
            )
        return base

    def matrix_root(self, node: Binary, base: Type, exponent: Type) -> Type:
        """A power of a matrix that is no whole number: only the square root has a function."""
        name, raised = self.label(node.left, "X"), self.label(node.right, "the exponent")
        half = _half(node.right)
        if half and "sqrtm" in FUNCTIONS and square(self.sizes, base):
            self.plan[node] = "root" if half > 0 else "inverse root"
            self.remark(
                f"{self.label(node, f'{name}^(1/2)')} is the root of the matrix; {name}.^(1/2) takes that of each entry"
            )
            return base
        raise Mismatch(
            lambda: (
                f"within a product or a trace this is a power of the matrix {name}, which needs a whole number, not "
                f"{raised}; write {name}.^{_bracket(raised)} for the components"
            ),
            (span(node.left), span(node.right, "^")),
            (base, exponent),
            final=self.roles.evidence,
        )

    def entrywise_power(self, node: Binary, base: Type) -> None:
        """Say that ** raises each component, as in NumPy; .^ says so itself."""
        value = whole(node.right)
        if base.rank == 2 and value is not None and (value > 1 or value < 0):
            name = self.label(node.left, "X")
            shown = self.label(node, f"{name}**{value}")
            line = f"{shown} raises each component, as in NumPy; the matrix power is {name}^^{value}"
            self.remark_on_square(node, base, line)

    def remark_on_square(self, node: Binary, base: Type, line: str) -> None:
        if isinstance(node.left, Name):
            self.remark(line)
        elif base.rank == 2:
            self.powers.append((base, line))

    def inner(self, node: Binary) -> str:
        """Return the text of what is raised, without the brackets around it."""
        name = self.label(node.left, "…")
        return name[1:-1] if name.startswith("(") and name.endswith(")") else name

    def said(self) -> list[str]:
        """Return all remarks; those on the powers of square matrices once all sizes are known."""
        for base, line in self.powers:
            if self.sizes.resolve(base.shape[0]) == self.sizes.resolve(base.shape[1]):
                self.remark(line)
        return self.remarks

    def transpose(self, node: Node, operand: Node, kind: Type) -> Type:
        """The transpose; a vector turns from a column to a row and back."""
        if isinstance(operand, Number):
            raise Mismatch(
                lambda: "a number has no transpose; the vector of ones is ones(n)", (span(operand, "^"),)
            )
        if kind.rank == 1:
            return Type(kind.shape, "column" if kind.lie == "row" else "row")
        return Type(kind.shape[::-1])

    def index(self, node: Index, kind: Type, items: list) -> Type:
        """The type of x[items]. Items are integers, sizes, slices, tuples of positions, or types."""
        if len(items) > kind.rank:
            name = self.label(node.operand, "this")
            raise Mismatch(
                lambda: f"an index of {len(items)} axes is too long: {name} {describe(self.sizes, kind)}",
                (span(node, "^"),),
                (kind,),
            )
        shape: list[Dim] = []
        for item, dim in zip(items, kind.shape):
            if isinstance(item, slice):
                shape.append(self.sliced(item, dim))
            elif isinstance(item, tuple):
                shape.append(Dim.of(len(item)))
            elif isinstance(item, Type):
                shape.extend(item.shape)
        shape.extend(kind.shape[len(items) :])
        return Type(tuple(shape), kind.lie if len(shape) == kind.rank == 1 else "")

    def sliced(self, item: slice, dim: Dim) -> Dim:
        dim = self.sizes.resolve(dim)
        step = 1 if item.step is None else item.step
        if step == -1 and item.start is None and item.stop is None:
            return dim
        if dim.value is not None and not isinstance(item.start, Dim) and not isinstance(item.stop, Dim):
            return Dim.of(len(range(*item.indices(dim.value))))
        start = Dim.of(0) if item.start is None else self.position(item.start, dim)
        stop = dim if item.stop is None else self.position(item.stop, dim)
        return (stop - start + step - 1) // step

    def position(self, value: Dim | int, dim: Dim) -> Dim:
        return Dim.of(value) if isinstance(value, Dim) or value >= 0 else dim + value

    def remark_on(self, node: Node, line: str) -> None:
        """Say how a node was read, unless it stands for something else than what was typed."""
        if node not in self.roles.prepared.formula.made:
            self.remark(line)

    def remark(self, line: str) -> None:
        if line not in self.remarks:
            self.remarks.append(line)


def whole(node: Node) -> int | None:
    """Return the whole number that a node is, with its sign, or None."""
    sign = 1
    if isinstance(node, Negative):
        sign, node = -1, node.operand
    return sign * node.value if isinstance(node, Number) and isinstance(node.value, int) else None


def _half(node: Node) -> int:
    """Return 1 for an exponent of 1/2, −1 for −1/2, else 0."""
    sign = 1
    if isinstance(node, Negative):
        sign, node = -1, node.operand
    if isinstance(node, Number):
        return sign * (node.value == 0.5) - (node.value == -0.5)
    if isinstance(node, Binary) and node.op == "/":
        top, bottom = whole(node.left), whole(node.right)
        return sign * (top or 0) if bottom == 2 and top in (1, -1) else 0
    return 0


def _bracket(words: str) -> str:
    return words if words.isidentifier() else f"({words})"
