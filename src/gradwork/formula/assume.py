"""What is assumed of a name that nothing declares: a matrix, a vector or a scalar, and why.

The conventions: upper case is a matrix, lower case a vector, Greek a scalar; and what is used only with
numbers is a scalar. A symbol right of a matrix is a vector, whatever its alphabet.
"""

from __future__ import annotations

from dataclasses import dataclass

from gradwork.formula.functions import REDUCTIONS
from gradwork.formula.prepare import Prepared
from gradwork.formula.tree import Binary, Call, Index, Name, Negative, Node, Transpose
from gradwork.formula.vocabulary import is_greek, is_upper

_COUNTS = ("n", "N")
_MATRICES = frozenset({"inv", "cholesky", "diag", "matrix_power", "outer", "kron", "eye"})
_SCALAR = frozenset({"dot", "trace", "tr", "det", "logdet"})
_INTERCEPTS = ("a", "b", "c", "b0", "bias", "intercept")


@dataclass(frozen=True)
class Assumption:
    """The number of axes that a name is taken to have, and the reason."""

    rank: int
    reason: str


def assume(
    prepared: Prepared, declared: dict[str, int], elementwise: frozenset[str]
) -> dict[str, Assumption]:
    """Return the first assumption about every name that is not declared. `declared` holds numbers of axes."""
    names = [name for name in prepared.names() if name not in declared]
    if not names:
        return {}
    tensors = _touching_arrays(prepared, declared, elementwise)
    after_matrix = _after_matrix(prepared, declared)
    beside_weights = _beside_weights(prepared)
    centres = _centres(prepared, declared)
    return {name: _one(name, tensors, after_matrix, beside_weights, centres) for name in names}


def _one(
    name: str, tensors: set[str], after_matrix: set[str], beside_weights: set[str], centres: set[str]
) -> Assumption:
    if name not in tensors:
        return Assumption(0, "it is used only with numbers")
    if name in _COUNTS:
        return Assumption(0, "a count by convention")
    if is_upper(name):
        return Assumption(2, "upper case")
    if is_greek(name):
        if name in after_matrix:
            return Assumption(1, "it follows a matrix")
        if name in centres:
            return Assumption(1, "in a sum with a vector that a matrix multiplies")
        return Assumption(0, "a Greek letter")
    if name in beside_weights:
        return Assumption(0, "the intercept beside the weights")
    return Assumption(1, "lower case")


def _touching_arrays(prepared: Prepared, declared: dict[str, int], elementwise: frozenset[str]) -> set[str]:
    """Return the names that meet, through operations on components, anything that must be an array."""
    parent: dict[object, object] = {}

    def find(x: object) -> object:
        while parent.setdefault(x, x) is not x:
            parent[x] = x = parent[parent[x]]
        return x

    def join(*items: object) -> None:
        for item in items[1:]:
            parent[find(item)] = find(items[0])

    arrays: list[object] = []
    names: list[str] = []
    for node in prepared.nodes:
        if isinstance(node, Name):
            join(node, ("name", node.name))
            names.append(node.name)
            if declared.get(node.name, is_upper(node.name) and node.name not in _COUNTS and 2):
                arrays.append(node)
        elif isinstance(node, Binary):
            if node.op == "@":
                arrays += [node.left, node.right]
                if _is_matrix(node.left, declared) or _is_matrix(node.right, declared):
                    arrays.append(node)
            else:
                join(node, node.left, node.right)
        elif isinstance(node, Negative):
            join(node, node.operand)
        elif isinstance(node, Transpose):
            join(node, node.operand)
            arrays.append(node)
        elif isinstance(node, Index):
            arrays.append(node.operand)
            if any(isinstance(item, (slice, tuple)) for item in prepared.indices[node]):
                arrays.append(node)
        elif isinstance(node, Call):
            values = prepared.calls[node].values.values()
            flat = [v for value in values for v in (value if isinstance(value, list) else [value])]
            if node.name in elementwise:
                join(node, *flat)
            else:
                arrays += flat
                if node.name not in _SCALAR and not (is_reduction(node) and "axis" not in node.options):
                    arrays.append(node)
    roots = {find(a) for a in arrays}
    return {name for name in names if find(("name", name)) in roots}


def _is_matrix(node: Node, declared: dict[str, int]) -> bool:
    while isinstance(node, Transpose) or (isinstance(node, Binary) and node.op in ("^", "beside", "@")):
        if isinstance(node, Transpose):
            node = node.operand
        else:
            node = node.left if node.op == "^" else node.right
    return isinstance(node, Name) and declared.get(node.name, 2 if is_upper(node.name) else 0) == 2


def _after_matrix(prepared: Prepared, declared: dict[str, int]) -> set[str]:
    # λA scales, Aβ multiplies: mathematics writes a scalar in front.
    return {
        node.right.name
        for node in prepared.nodes
        if isinstance(node, Binary)
        and node.op in ("beside", "@")
        and isinstance(node.right, Name)
        and _is_matrix(node.left, declared)
    }


def _centres(prepared: Prepared, declared: dict[str, int]) -> set[str]:
    # The μ of (x − μ)'A(x − μ): Greek names in a sum with a vector, where a matrix multiplies the sum.
    found: set[str] = set()
    for node in prepared.nodes:
        if isinstance(node, Binary) and node.op in ("beside", "@"):
            left, right = _edge(node.left, "right"), _edge(node.right, "left")
            pairs = [(left, right), (right, left)]
            sums = [side for side, other in pairs if _makes_matrix(other, declared)]
        elif isinstance(node, Call) and node.name == "solve":
            sums = [v for v in prepared.calls[node].values.values() if isinstance(v, Node)]
        else:
            continue
        for part in sums:
            turned = isinstance(part, Transpose)
            terms = _terms(part.operand if isinstance(part, Transpose) else part)
            greek = [
                t.name for t in terms if isinstance(t, Name) and is_greek(t.name) and t.name not in declared
            ]
            others = [t for t in terms if not (isinstance(t, Name) and t.name in greek)]
            if len(terms) > 1 and (others or turned) and all(_is_vector(t, declared) for t in others):
                found |= {name for name in greek if not is_upper(name)}
    return found


def _edge(node: Node, side: str) -> Node:
    """Return the first or last factor of a product."""
    while isinstance(node, Binary) and node.op in ("beside", "@"):
        node = node.left if side == "left" else node.right
    return node


def _makes_matrix(node: Node, declared: dict[str, int]) -> bool:
    return (isinstance(node, Call) and node.name in _MATRICES) or _is_matrix(node, declared)


def _is_vector(node: Node, declared: dict[str, int]) -> bool:
    if isinstance(node, Name):
        convention = 0 if is_upper(node.name) or is_greek(node.name) or node.name in _COUNTS else 1
        return declared.get(node.name, convention) == 1
    return (
        isinstance(node, Binary)
        and node.op in ("beside", "@")
        and _is_matrix(node.left, declared)
        and not _is_matrix(node.right, declared)
    )


def _terms(node: Node) -> list[Node]:
    """Return the terms of a sum, without their signs."""
    terms: list[Node] = []
    stack = [node]
    while stack:
        part = stack.pop()
        if isinstance(part, Binary) and part.op in ("+", "-"):
            stack += [part.right, part.left]
        elif isinstance(part, Negative):
            stack.append(part.operand)
        else:
            terms.append(part)
    return terms


def _beside_weights(prepared: Prepared) -> set[str]:
    # `w x + b`, `X w + b`, `y - a x - c`: the intercept of a linear model is one number.
    found: set[str] = set()
    inside: set[Node] = set()
    for node in reversed(prepared.nodes):
        if node in inside or not (isinstance(node, Binary) and node.op in ("+", "-")):
            continue
        terms: list[Node] = []
        stack: list[Node] = [node]
        while stack:
            part = stack.pop()
            if isinstance(part, Binary) and part.op in ("+", "-"):
                inside.add(part)
                stack += [part.left, part.right]
            else:
                terms.append(part.operand if isinstance(part, Negative) else part)
        if any(_is_weighted(term) for term in terms):
            found |= {t.name for t in terms if isinstance(t, Name) and t.name in _INTERCEPTS}
    return found


def _is_weighted(node: Node) -> bool:
    if not isinstance(node, Binary) or node.op not in ("beside", "*", "@"):
        return False
    sides = [s.operand if isinstance(s, Transpose) else s for s in (node.left, node.right)]
    names = [s.name for s in sides if isinstance(s, Name)]
    line = node.op == "beside" and len(names) == 2 and not any(is_upper(n) or is_greek(n) for n in names)
    return line or any(name.startswith("w") for name in names)


def is_reduction(node: Node) -> bool:
    """Tell whether a node makes a scalar of an array."""
    return isinstance(node, Call) and node.name in REDUCTIONS
