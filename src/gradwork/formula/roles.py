"""Where the names of a formula stand: beside a matrix, under a sum, as a factor, in a divisor, transposed.

A formula is a tree. From each occurrence of a name the way up leads through operations on components (+, −, *,
a function of each entry) to whatever first asks for an array: a sum, a norm, a product with a matrix, a
transpose. What lies below one such place is a *region*: its names share axes or are numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gradwork.formula.letters import COUNTS, DATA, WEIGHT, custom, is_greek, is_upper, is_vmax, stem
from gradwork.formula.prepare import Prepared
from gradwork.formula.static import within
from gradwork.formula.tree import Binary, Call, Index, Literal, Name, Negative, Node, Number, Ones, Transpose

REDUCTIONS = frozenset({"sum", "mean", "prod", "max", "min", "var", "std", "norm", "logsumexp"})
SUMS = REDUCTIONS - {"norm"}
PRODUCTS = ("beside", "@", "·")
ELEMENTWISE = ("+", "-", "*", "∘", "/", "./", ".^", "**", "^", "<", "<=", ">", ">=", "==", "!=", "%")
# Functions of matrices, under which a power is a power of matrices.
MATRIX_FUNCTIONS = frozenset(
    {"trace", "tr", "det", "logdet", "inv", "pinv", "solve", "cholesky", "matrix_power", "expm", "sqrtm", "logm",
     "kron", "dot", "matmul", "adjugate", "eigvalsh", "slogdet"}
)  # fmt: skip
MAKES_MATRICES = frozenset(
    {"inv", "cholesky", "diag", "matrix_power", "outer", "kron", "eye", "pinv", "expm", "sqrtm", "adjugate"}
)
# What follows a matrix without being one: X b, A x, W h, X β.
_COLUMNS = frozenset("xyzuvwbh")
# Roles that hold of a name itself, not of what stands below the same place.
_DIRECT = frozenset({"transposed", "after matrix", "argument", "coefficient", "indexed", "base"})


@dataclass
class Region:
    """The names below one place that asks for an array. kind: "sum", "norm", "linear", "root", or a function."""

    kind: str
    top: Node
    names: list[Name] = field(default_factory=list)
    holds_product: bool = False  # a product with a matrix stands in it, so its vectors are known


@dataclass
class Place:
    """One occurrence of a name: its region, and what it does there."""

    node: Name
    region: Region
    roles: set[str] = field(default_factory=set)


class Roles:
    """All places of all names of a prepared formula."""

    def __init__(self, prepared: Prepared, declared: dict[str, int], elementwise: frozenset[str]):
        self.prepared, self.declared, self.elementwise = prepared, declared, elementwise
        self.numbers = _amplitudes(prepared)
        self.regions: dict[Node, Region] = {}
        self.places: dict[str, list[Place]] = {}
        self.parents: dict[Node, Node] = {}
        # N v is a product of a matrix with a vector, not a count of them.
        self.counts = frozenset(COUNTS) - {
            node.left.name
            for node in prepared.nodes
            if isinstance(node, Binary)
            and isinstance(node.left, Name)
            and is_upper(node.left.name)
            and node.op == "beside"
            and isinstance(node.right, Name)
            and node.right.name in _COLUMNS
        }
        self._walk()
        self.evidence = self._evidence()

    def _walk(self) -> None:
        """Go from the root down, so that every node inherits its region and its roles from the one above."""
        root = self.prepared.formula.root
        region: dict[Node, Region] = {root: self.regions.setdefault(root, Region("root", root))}
        inherited: dict[Node, frozenset[str]] = {root: frozenset()}
        for node in reversed(self.prepared.nodes):
            if node not in region:  # within what is fixed by the text
                continue
            own = region[node]
            if isinstance(node, Name):
                own.names.append(node)
                self.places.setdefault(node.name, []).append(Place(node, own, set(inherited[node])))
            elif isinstance(node, Index) or self.is_matrix_product(node):
                own.holds_product = True
            through = self.through(node)
            inner = self.prepared.formula.definitions.get(node.name) if isinstance(node, Name) else None
            if inner is not None and inner not in region:
                region[inner], inherited[inner] = own, inherited[node]
                if node in self.parents:
                    self.parents[inner] = self.parents[node]
            for below in operands(self.prepared, node):
                self.parents[below] = node
                given = self._roles(node, below)
                if through:
                    region[below] = own
                    roles = inherited[node] | given
                    if "scales" in roles and "term" in given and self.is_matrix(node):
                        roles -= {"scales"}  # a term beside a matrix scales nothing
                    if not self._keeps_factor(node, below):
                        roles -= {"whole factor"}
                else:
                    kind = "linear"
                    if isinstance(node, Call):
                        kind = "sum" if node.name in SUMS else node.name
                    region[below] = self.regions[below] = Region(kind, below)
                    roles = given | ({"whole factor"} if kind == "sum" else set())
                if not isinstance(below, Name):
                    roles -= _DIRECT
                inherited[below] = frozenset(roles)

    # --- trees ------------------------------------------------------------------------------------------------

    def is_matrix_product(self, node: Node) -> bool:
        """Tell whether a node is a product in which a matrix stands by custom or declaration."""
        if not isinstance(node, Binary) or node.op not in PRODUCTS:
            return False
        return node.op == "@" or self.is_matrix(node.left) or self.is_matrix(node.right)

    def is_matrix(self, node: Node) -> bool:
        """Tell whether an expression is a matrix by its letters: X, Xᵀ, A⁻¹, AB, A + B, diag(w)."""
        stack = [node]
        while stack:
            node = stack.pop()
            while isinstance(node, (Transpose, Negative)) or (
                isinstance(node, Binary) and node.op in ("^", *PRODUCTS)
            ):
                if isinstance(node, Binary):
                    node = node.left if node.op == "^" else node.right
                else:
                    node = node.operand
            if isinstance(node, Binary) and node.op in ("+", "-"):
                stack += [node.left, node.right]
            elif isinstance(node, Call) and node.name in MAKES_MATRICES:
                return True
            elif isinstance(node, Name) and node.name in self.prepared.formula.definitions:
                stack.append(self.prepared.formula.definitions[node.name])
            elif isinstance(node, Name) and self.declared.get(node.name, self._custom_rank(node.name)) == 2:
                return True
        return False

    def _custom_rank(self, name: str) -> int:
        return 2 if name == "I" or (is_upper(name) and name not in self.counts | self.numbers) else 0

    def through(self, node: Node) -> bool:
        """Tell whether a node works on components, so that the shapes of its operands pass through it."""
        if isinstance(node, Negative):
            return True
        if isinstance(node, Binary):
            return node.op in ELEMENTWISE or (node.op in PRODUCTS and not self.is_matrix_product(node))
        return isinstance(node, Call) and node.name in self.elementwise

    # --- roles ------------------------------------------------------------------------------------------------

    def _roles(self, above: Node, below: Node) -> frozenset[str]:
        """Return what a node does in the one above it."""
        if isinstance(above, Transpose):
            return frozenset({"transposed", "in transpose"})
        if isinstance(above, Binary):
            return frozenset(self._role_in(above, below))
        if isinstance(above, Call):
            return frozenset(
                {"in function"} if above.name in self.elementwise else {"argument", "in argument"}
            )
        return frozenset({"indexed"} if isinstance(above, Index) and below is above.operand else ())

    def _role_in(self, above: Binary, below: Node) -> set[str]:
        right = below is above.right
        other = above.left if right else above.right
        if above.op in (*PRODUCTS, "*", "∘"):
            if (
                above.op == "@"
                or _inner(above)
                or (right and isinstance(other, Transpose) and above.op in PRODUCTS)
            ):
                return {"after matrix", "in after matrix"}
            if self.is_matrix(other):
                return {"after matrix", "in after matrix"} if right and above.op in PRODUCTS else {"scales"}
            return set() if right else {"coefficient"}
        if above.op in ("^", ".^", "**"):
            return {"exponent"} if right else {"base"}
        if above.op in ("/", "./"):
            return {"divisor"} if right else set()
        return {"term"} if above.op in ("+", "-") else set()

    def _keeps_factor(self, above: Node, below: Node) -> bool:
        """Tell whether a factor of the whole stays one: it would stand before the sum if it were a number."""
        if isinstance(above, Binary):
            return above.op in ("*", "∘", *PRODUCTS) or (above.op == "/" and below is above.left)
        return isinstance(above, Negative) or (
            isinstance(above, Call) and above.name in ("log", "sqrt", "abs")
        )

    def summed(self, node: Node) -> bool:
        """Tell whether a node's components are summed: a sum stands above, with nothing but components between."""
        while (above := self.parents.get(node)) is not None and self.through(above):
            node = above
        return isinstance(above, Call) and above.name in SUMS

    def meets(self, node: Node, ranks: Mapping[str, int]) -> str:
        """Return what a matrix is part of: a "matrix" (product, trace, inverse), "entries" (a sum), or the "root"."""
        while (above := self.parents.get(node)) is not None:
            if isinstance(above, Call):
                return "matrix" if above.name in MATRIX_FUNCTIONS or above.name == "norm" else "entries"
            if isinstance(above, Index):
                return "matrix"
            if isinstance(above, Binary):
                other = above.left if node is above.right else above.right
                array = any(
                    isinstance(n, Name) and (n.name == "I" or n.name not in ranks or ranks[n.name])
                    for n in within(other)
                ) and not is_reduction(other)
                if above.op == "^":
                    return "matrix"
                if above.op not in ("+", "-") and array:
                    return "matrix" if above.op in PRODUCTS else "entries"
                if above.op not in ("+", "-", "*", "/", *PRODUCTS):
                    return "entries"
            node = above
        return "root"

    # --- is anything here an array? ---------------------------------------------------------------------------

    def _evidence(self) -> bool:
        """Tell whether anything in the formula asks for an array, other than upper-case letters."""
        if any(rank for name, rank in self.declared.items() if name in self.places):
            return True
        for node in self.prepared.nodes:
            if isinstance(node, (Transpose, Index, Ones, Literal)) or (
                isinstance(node, Binary) and node.op == "@"
            ):
                return True
            if isinstance(node, Call) and node.name not in self.elementwise:
                return True
            if isinstance(node, Call) and node.arrangement == "bars" and self.is_matrix(node.args[0]):
                return True
            if isinstance(node, Name) and node.name == "I" and "I" not in self.declared:
                return True
            if isinstance(node, Binary) and node.op in ("beside", "·") and isinstance(node.right, Name):
                name = node.right.name
                if _inner(node) or (_stem_of(node.left) == "X" and is_upper(name)):
                    return True
                columns = is_greek(name) or (name[0] in _COLUMNS and not name[1:].isalpha())
                if columns and not is_upper(name) and _ends_upper(node.left, self.counts):
                    return True
        return False


def _inner(node: Binary) -> bool:
    """Tell whether a product is u·v of two letters that are vectors by custom."""
    sides = [s for s in (node.left, node.right) if isinstance(s, Name)]
    return (
        node.op == "·"
        and len(sides) == 2
        and all(
            not is_upper(s.name) and not is_greek(s.name) and custom(s.name) in (DATA, WEIGHT) for s in sides
        )
    )


def _stem_of(node: Node) -> str:
    return stem(node.name) if isinstance(node, Name) else ""


def _amplitudes(prepared: Prepared) -> frozenset[str]:
    """Return the upper-case names that are numbers before functions: A sin(ω t), and words such as Vmax."""
    found: set[str] = set()
    for node in prepared.nodes:
        if isinstance(node, Name) and is_vmax(node.name):
            found.add(node.name)
        if isinstance(node, Binary) and node.op in ("beside", "*") and isinstance(node.left, Name):
            right = node.right
            if is_upper(node.left.name) and isinstance(right, Call) and right.name in ("sin", "cos", "exp"):
                found.add(node.left.name)
    for node in prepared.nodes:
        if isinstance(node, Binary) and node.op == "beside" and isinstance(node.left, Name):
            name = node.left.name
            if len(name) == 2 and isinstance(node.right, Name) and node.right.name[0] == name[1]:
                found.discard(name)  # Wx x
    return frozenset(found)


def _ends_upper(node: Node, counts: frozenset[str]) -> bool:
    while isinstance(node, Binary) and node.op in ("beside", "^"):
        node = node.right if node.op == "beside" else node.left
    return isinstance(node, Name) and is_upper(node.name) and node.name not in counts


def operands(prepared: Prepared, node: Node) -> list[Node]:
    """Return the nodes that a node is computed from, in order."""
    if isinstance(node, Binary):
        return [node.left, node.right]
    if isinstance(node, (Negative, Transpose)):
        return [node.operand]
    if isinstance(node, Index):
        return [node.operand, *(i for i in prepared.indices[node] if isinstance(i, Node))]
    if isinstance(node, Call):
        values = prepared.calls[node].values.values()
        return [v for value in values for v in (value if isinstance(value, list) else [value])]
    return []


def is_number(node: Node) -> bool:
    """Tell whether a node is a plain number, with its sign."""
    while isinstance(node, Negative):
        node = node.operand
    return isinstance(node, Number)


def is_reduction(node: Node) -> bool:
    """Tell whether a node makes a scalar of an array."""
    return isinstance(node, Call) and node.name in REDUCTIONS
