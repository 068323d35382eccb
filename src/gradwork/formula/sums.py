"""Sums over an index, Σ_i (y_i − x_i'b)², as sums over arrays: sum((y − x b)^2).

What depends on the index i becomes an array with an axis for i. A name with an index, y_i, is an entry of a
vector y, or a row of a matrix where it stands like a vector: transposed, in a norm, right of a matrix. So x_i'b is
(X b)_i, ‖x_i − m‖² the sum of squares along the rows of X − 1mᵀ, and W x_i the rows of X Wᵀ.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gradwork.formula.lexer import Token, fail
from gradwork.formula.static import within
from gradwork.formula.tree import (
    Binary,
    Call,
    Index,
    Literal,
    Name,
    Negative,
    Node,
    Number,
    Ones,
    Slice,
    Subscript,
    Transpose,
)

if TYPE_CHECKING:
    from gradwork.formula.machine import Machine

_ALONG = frozenset({"softmax", "log_softmax"})
_REDUCED = frozenset({"logsumexp", "sum", "mean", "max", "min"})


@dataclass
class Lifted:
    """A part of a summand as an array: its node, the indices of its leading axes, whether it is a vector for each."""

    node: Node
    axes: tuple[str, ...] = ()
    vector: bool = False
    row: bool = False
    outer: tuple[Any, Any] | None = None
    waits: tuple[Any, Any] | None = None  # a number for each index and a row, before the row meets its vector
    waits: tuple[Any, Any] | None = None  # a number for each index and a row, before the row meets its vector


def lift(machine: Machine, function: str, sign: Token, bounds: Token, body: Node, mark: int) -> Node:
    """Return the sum (or product) over an index as one over an axis; `mark` is where the body's nodes begin."""
    below, _, upper = bounds.text.partition("|")
    letters, _, lower = below.partition("=")
    indices = letters.replace(",", "").strip()
    if not re.fullmatch(r"[a-z]{1,2}", indices) or (len(indices) > 1 and lower):
        message = "below a sum stands an index, as in Σ_i, Σ_{i=1}^n or Σ_{ij}"
        raise fail(machine.text, message, (bounds.start, bounds.end, "^"))
    lifter = _Lifter(machine, "".join(machine.indices) + indices, mark)
    lifter.range(indices, lower.strip(), upper.strip())
    result = lifter.all(body)
    for index in reversed(indices):
        result = lifter.reduced(result, index, function, sign, bounds)
    machine.lifted[result.node] = result
    return result.node


class _Lifter:
    def __init__(self, machine: Machine, bound: str, mark: int):
        self.machine, self.bound, self.text = machine, bound, machine.text
        self.body = machine.nodes[mark:]
        del machine.nodes[mark:]
        self.own = [node for node in self.body if node not in machine.made]
        self.done: dict[Node, Lifted] = {}
        self.shifts = self._shifts()
        self.bounds: dict[str, tuple[int, str]] = {}

    def add(self, node: Any) -> Any:
        self.machine.nodes.append(node)
        self.machine.made.add(node)
        return node

    def range(self, indices: str, lower: str, upper: str) -> None:
        for index in indices:
            start = int(lower) if lower.isdecimal() else 1
            self.bounds[index] = (start, upper)

    # --- what is indexed --------------------------------------------------------------------------------------

    def indexed(self, node: Node) -> tuple[str, tuple[str, ...], tuple[int, ...]] | None:
        """Return the name, the indices and their shifts of x_i, A_ij or x_{i+1}."""
        if isinstance(node, Name):
            stem, _, tail = node.name.rpartition("_")
            letters = tail.replace("_", "")
            if stem.count("_") and stem.rpartition("_")[2] in tuple(self.bound) and len(letters) == 1:
                letters, stem = stem.rpartition("_")[2] + letters, stem.rpartition("_")[0]
            if stem and letters and all(c in self.bound for c in letters):
                return stem, tuple(letters), (0,) * len(letters)
            return None
        if isinstance(node, Subscript) and isinstance(node.operand, Name):
            found = [self._shifted(item) for item in node.items]
            if all(f is not None for f in found):
                pairs = [f for f in found if f is not None]
                return node.operand.name, tuple(i for i, _ in pairs), tuple(k for _, k in pairs)
        return None

    def _shifted(self, item: Node) -> tuple[str, int] | None:
        if isinstance(item, Name) and item.name in self.bound:
            return item.name, 0
        if isinstance(item, Binary) and item.op in ("+", "-") and isinstance(item.right, Number):
            if (
                isinstance(item.left, Name)
                and item.left.name in self.bound
                and isinstance(item.right.value, int)
            ):
                return item.left.name, item.right.value if item.op == "+" else -item.right.value
        return None

    def _shifts(self) -> dict[str, tuple[int, int]]:
        """Return the smallest and the largest shift of each index, of x_{i+1} and x_i."""
        found: dict[str, list[int]] = {}
        inside = {
            part for node in self.own if isinstance(node, Subscript) for part in (node.operand, *node.items)
        }
        for node in self.own:
            what = self.indexed(node) if node not in inside else None
            for index, shift in zip(what[1], what[2], strict=True) if what else ():
                found.setdefault(index, []).append(shift)
        return {index: (min(shifts), max(shifts)) for index, shifts in found.items()}

    def entry(self, node: Node, vector: bool) -> Lifted:
        """Return x_i as the array x, cut where the sum needs a shifted part of it."""
        what = self.indexed(node)
        assert what is not None
        name, indices, shifts = what
        words = self.machine.words
        if vector and name.islower() and words.is_declared(name.upper()) and not words.is_declared(name):
            name = name.upper()  # x_i is row i of X
        rank = len(indices) + vector
        if self.machine.ranks.setdefault(name, rank) != rank:
            message = f"{name} stands with different numbers of indices"
            raise fail(self.text, message, (node.start, node.end, "^"))
        base = self.add(Name(node.start, node.end, name))
        cuts: list[Slice | None] = []
        for axis, (index, shift) in enumerate(zip(indices, shifts, strict=True)):
            low, high = self.shifts.get(index, (0, 0))
            first, upper = self.bounds.get(index, (1, ""))
            lead = first + low - 1 if index in self.bounds and first > 0 else 0
            if upper:
                self.machine.lengths.append(
                    (base, axis, (upper, high - (first == 0) * -1 if first == 0 else high))
                )
            start, stop = lead + shift - low, high - shift
            cuts.append(self._slice(node, start, stop) if start or stop else None)
        if any(cuts):
            items = [cut or Slice(node.start, node.end, (None, None, None)) for cut in cuts]
            base = self.add(Index(node.start, node.end, base, list(items)))
        order = tuple(indices)
        if len(set(order)) < len(order):
            return Lifted(self.call("diag", node, [base]), order[:1])
        return self.sorted(Lifted(base, order, vector), node)

    def _slice(self, node: Node, start: int, stop: int) -> Slice:
        first = Number(node.start, node.end, start) if start else None
        last = Negative(node.start, node.end, Number(node.start, node.end, stop)) if stop else None
        return Slice(node.start, node.end, (first, last, None))

    def sorted(self, value: Lifted, node: Node) -> Lifted:
        """Bring two axes into the order in which the indices are bound."""
        if len(value.axes) == 2 and self.bound.index(value.axes[0]) > self.bound.index(value.axes[1]):
            turned = self.add(Transpose(node.start, node.end, value.node, (node.start, node.end)))
            return Lifted(turned, value.axes[::-1])
        return value

    # --- the way up the summand -------------------------------------------------------------------------------

    def all(self, body: Node) -> Lifted:
        demanded = self._vectors()
        skip = {
            part
            for node in self.own
            if isinstance(node, Subscript)
            for item in (node.operand, *node.items)
            for part in (item, getattr(item, "left", None), getattr(item, "right", None))
        }
        fixed = self._fixed()
        for node in self.body:
            if node in skip:
                continue
            if node in fixed:
                self.add(node)
                continue
            if node in self.machine.made:  # by a sum within this one
                self.add(node)
                if node in self.machine.lifted:
                    self.done[node] = self.machine.lifted[node]
            elif self.indexed(node):
                self.done[node] = self.entry(node, node in demanded)
            else:
                self.done[node] = self.one(node)
        return self.done[body]

    def _fixed(self) -> set[Node]:
        """Return what is fixed by the text: positions and options, which hold no summand."""
        found: set[Node] = set()
        for node in self.own:
            items = (
                node.items
                if isinstance(node, Index)
                else list(node.options.values())
                if isinstance(node, Call)
                else []
            )
            found |= {part for item in items for part in within(item)}
        return found

    def _vectors(self) -> set[Node]:
        """Return the nodes that stand like vectors: transposed, in a norm, right of a transpose or a matrix."""
        found: set[Node] = set()
        for node in reversed(self.own):
            if isinstance(node, Transpose) or (
                isinstance(node, Call) and node.name in ("norm", "dot", *_ALONG, *_REDUCED)
            ):
                found |= set(node.args if isinstance(node, Call) else [node.operand])
            elif isinstance(node, Binary) and node.op in ("beside", "@"):
                edge = (
                    node.left.right
                    if isinstance(node.left, Binary) and node.left.op == "beside"
                    else node.left
                )
                matrix = isinstance(edge, Name) and edge.name[0].isupper() and self.indexed(edge) is None
                if isinstance(edge, Transpose) or matrix:
                    found.add(node.right)
                if node in found and not matrix:
                    found.add(node.right)
            elif node in found and isinstance(node, Binary) and node.op in ("+", "-"):
                found |= {node.left, node.right}
            elif node in found and isinstance(node, Negative):
                found.add(node.operand)
        names = {self.indexed(n)[0] for n in found if self.indexed(n)}  # type: ignore[index]
        return found | {n for n in self.own if (what := self.indexed(n)) and what[0] in names}

    def one(self, node: Node) -> Lifted:
        if isinstance(node, (Number, Name, Ones, Literal)):
            return Lifted(self.add(node))
        if isinstance(node, Negative):
            inner = self.done[node.operand]
            made = self.add(Negative(node.start, node.end, inner.node))
            return Lifted(made, inner.axes, inner.vector, inner.row)
        if isinstance(node, Transpose):
            return self.transpose(node)
        if isinstance(node, Binary):
            return self.binary(node)
        if isinstance(node, Call):
            return self.function(node)
        inner = [self.done[n] for n in (getattr(node, "operand", None),) if n in self.done]
        if any(i.axes for i in inner):
            raise self.unread(node)
        return Lifted(self.add(node))

    def unread(self, node: Node) -> Exception:
        message = "this cannot be summed over an index here; write it with whole vectors and matrices"
        return fail(self.text, message, (node.start, node.end, "^"))

    def transpose(self, node: Transpose) -> Lifted:
        inner = self.done[node.operand]
        if not inner.axes:
            return Lifted(self.add(Transpose(node.start, node.end, inner.node, node.sign)), row=True)
        if not inner.vector:
            raise self.unread(node)
        return Lifted(inner.node, inner.axes, True, not inner.row)

    def function(self, node: Call) -> Lifted:
        inner = [self.done[a] for a in node.args if a in self.done]
        axes = self.union(i.axes for i in inner)
        if not axes or len(inner) < len(node.args):
            if axes:
                raise self.unread(node)
            args = [i.node for i in inner] if len(inner) == len(node.args) else node.args
            return Lifted(
                self.add(
                    Call(node.start, node.end, node.name, node.where, args, node.options, node.arrangement)
                )
            )
        if node.name == "norm":
            return self.norm(node, inner[0])
        if node.name == "dot":
            return self.inner(node, inner[0], inner[1])
        if any(i.vector for i in inner) and node.name in _ALONG | _REDUCED and len(axes) == 1:
            last = Number(node.start, node.end, 1)
            made = self.call(node.name, node, [inner[0].node], {"axis": last})
            return Lifted(made, axes, node.name in _ALONG)
        if node.name in _ALONG | _REDUCED or node.name in ("trace", "det", "logdet", "inv", "diag"):
            raise self.unread(node)
        args = [self.aligned(i, axes, node).node for i in inner]
        return Lifted(self.call(node.name, node, args, node.options), axes, any(i.vector for i in inner))

    def norm(self, node: Call, inner: Lifted) -> Lifted:
        if not inner.vector or len(inner.axes) != 1:
            raise self.unread(node)
        order = node.options.get("ord")
        one = isinstance(order, Number) and order.value == 1
        if order is not None and not one and not (isinstance(order, Number) and order.value == 2):
            raise self.unread(node)
        axis: dict[str, Node] = {"axis": Number(node.start, node.end, 1)}
        if one:
            return Lifted(self.call("sum", node, [self.call("abs", node, [inner.node])], axis), inner.axes)
        squares = self.call("sum", node, [self.power(inner.node, 2, node)], axis)
        root = self.call("sqrt", node, [squares])
        return Lifted(root, inner.axes)

    def power(self, base: Node, k: int, node: Node) -> Node:
        exponent = self.add(Number(node.start, node.end, k))
        return self.add(Binary(node.start, node.end, ".^", base, exponent, (node.start, node.end)))

    def binary(self, node: Binary) -> Lifted:
        left, right = self.done[node.left], self.done[node.right]
        axes = self.union((left.axes, right.axes))
        if not axes:
            return Lifted(
                self.add(
                    Binary(node.start, node.end, node.op, left.node, right.node, node.sign, node.spelling)
                ),
                row=self.is_row(node, left, right),
            )
        if (
            node.op == "^"
            and isinstance(node.left, Call)
            and node.left.name == "norm"
            and isinstance(node.right, Number)
        ):
            root = left.node
            if isinstance(root, Call) and root.name == "sqrt" and node.right.value == 2:
                self.machine.nodes.remove(root)
                return Lifted(root.args[0], axes)
        if node.op in ("beside", "@", "·"):
            return self.product(node, left, right, axes)
        if left.vector != right.vector and left.axes and right.axes:
            raise self.unread(node)
        for side, other in ((node.left, right), (node.right, left)):
            if other.vector and isinstance(side, Name) and node.op in ("+", "-") and not self.done[side].axes:
                self.machine.ranks.setdefault(side.name, 1)
        a, b = self.aligned(left, axes, node), self.aligned(right, axes, node)
        op = ".^" if node.op == "^" else "*" if node.op in ("*", "∘") else node.op
        made = self.add(Binary(node.start, node.end, op, a.node, b.node, node.sign, node.spelling))
        return Lifted(made, axes, left.vector or right.vector, left.row or right.row)

    def is_row(self, node: Binary, left: Lifted, right: Lifted) -> bool:
        """Tell whether a product of parts without an index is a row: λ w', w'A."""
        if node.op not in ("beside", "@", "·", "*"):
            return left.row and right.row
        matrix = isinstance(node.right, Name) and node.right.name[0].isupper()
        return right.row or (left.row and matrix)

    def product(self, node: Binary, left: Lifted, right: Lifted, axes: tuple[str, ...]) -> Lifted:
        if left.waits is not None:
            scalar, row = left.waits
            inner = self.product(node, row, right, right.axes)
            return self.product(node, scalar, inner, self.union((scalar.axes, inner.axes)))
        if right.row and not right.axes and not left.row and left.axes and not left.vector:
            return Lifted(left.node, left.axes, waits=(left, right))
        if left.row and (right.vector or not right.axes):
            return self.inner(node, left, right)
        if left.vector and right.vector and right.row:
            return Lifted(left.node, left.axes, outer=(left, right))
        if right.vector and not left.axes and not left.vector:
            if isinstance(node.left, (Number, Call)) or (
                isinstance(node.left, Name) and not node.left.name[0].isupper()
            ):
                made = self.add(Binary(node.start, node.end, "*", left.node, right.node, node.sign))
                return Lifted(made, axes, True, right.row)
            turned = self.add(Transpose(node.start, node.end, left.node, node.sign))
            return Lifted(self.beside(node, right.node, turned), axes, True)
        if right.outer is not None and left.axes == right.axes and not left.vector:
            return Lifted(right.node, axes, outer=(self.scaled(node, left, right.outer[0]), right.outer[1]))
        if left.vector != right.vector:
            scalar, vector = (right, left) if left.vector else (left, right)
            if scalar.axes:
                return self.scaled(node, scalar, vector)
            made = self.add(Binary(node.start, node.end, "*", scalar.node, vector.node, node.sign))
            return Lifted(made, axes, True, vector.row)
        a, b = self.aligned(left, axes, node), self.aligned(right, axes, node)
        return Lifted(self.add(Binary(node.start, node.end, "*", a.node, b.node, node.sign)), axes)

    def scaled(self, node: Node, scalar: Lifted, vector: Lifted) -> Lifted:
        """Return y_i x_i, a vector for each i: diag(y) X."""
        if scalar.axes != vector.axes or len(scalar.axes) != 1:
            raise self.unread(node)
        diagonal = self.call("diag", node, [scalar.node])
        return Lifted(self.beside(node, diagonal, vector.node), vector.axes, True, vector.row)

    def inner(self, node: Node, left: Lifted, right: Lifted) -> Lifted:
        """Return u'v for each index: X b, or the sums of the rows of X ∘ Z."""
        if left.axes and not right.axes:
            matrix = isinstance(getattr(right.node, "name", None), str) and right.node.name[0].isupper()  # type: ignore[attr-defined]
            return Lifted(self.beside(node, left.node, right.node), left.axes, matrix, matrix)
        if right.axes and not left.axes:
            vector = self.add(Transpose(node.start, node.end, left.node, (node.start, node.start)))
            return Lifted(self.beside(node, right.node, vector), right.axes)
        if left.axes == right.axes and len(left.axes) == 1:
            both = self.add(
                Binary(node.start, node.end, "*", left.node, right.node, (node.start, node.start))
            )
            return Lifted(
                self.call("sum", node, [both], {"axis": Number(node.start, node.end, 1)}), left.axes
            )
        if len(left.axes) == len(right.axes) == 1:
            turned = self.add(Transpose(node.start, node.end, right.node, (node.start, node.start)))
            product = Lifted(self.beside(node, left.node, turned), (left.axes[0], right.axes[0]))
            return self.sorted(product, node)
        raise self.unread(node)

    def beside(self, node: Node, left: Node, right: Node) -> Node:
        return self.add(Binary(node.start, node.end, "@", left, right, (node.start, node.start)))

    def call(self, name: str, node: Node, args: list[Node], options: dict[str, Node] | None = None) -> Call:
        where = node.where if isinstance(node, Call) else (node.start, node.end)
        for option in (options or {}).values():
            self.add(option)
        return self.add(Call(node.start, node.end, name, where, args, options or {}, "indexed"))

    # --- axes -------------------------------------------------------------------------------------------------

    def union(self, given: Any) -> tuple[str, ...]:
        found = {index for axes in given for index in axes}
        return tuple(sorted(found, key=self.bound.index))

    def aligned(self, value: Lifted, axes: tuple[str, ...], node: Node) -> Lifted:
        """Return an array that has all these axes: x_i beside z_j is x 1ᵀ."""
        if value.axes == axes or not value.axes:
            return value
        if value.vector or len(axes) != 2 or len(value.axes) != 1:
            raise self.unread(node)
        ones = self.add(Ones(node.start, node.end))
        first, second = (value.node, ones) if value.axes[0] == axes[0] else (ones, value.node)
        turned = self.add(Transpose(node.start, node.end, second, (node.start, node.start)))
        made = Binary(node.start, node.end, "beside", first, turned, (node.start, node.start))
        return Lifted(self.add(made), axes)

    def reduced(self, value: Lifted, index: str, function: str, sign: Token, bounds: Token) -> Lifted:
        """Sum over the axis of an index."""
        node = value.node
        place = Node(sign.start, max(node.end, bounds.end))
        if value.outer is not None:
            left, right = value.outer
            if function != "sum":
                raise self.unread(place)
            turned = self.add(Transpose(place.start, place.end, left.node, (place.start, place.start)))
            return Lifted(self.beside(place, turned, right.node))
        if index not in value.axes:
            start, upper = self.bounds.get(index, (1, ""))
            if not upper or value.axes:
                message = (
                    f"nothing in this sum has the index {index}, and no bound says how many terms it has"
                )
                raise fail(self.text, message, (bounds.start, bounds.end, "^"))
            count = self.size(upper, 1 - start, bounds)
            op = "*" if function == "sum" else "^"
            left, right = (count, node) if function == "sum" else (node, count)
            return Lifted(
                self.add(Binary(place.start, place.end, op, left, right, (place.start, place.start)))
            )
        rest = tuple(i for i in value.axes if i != index)
        axis = value.axes.index(index)
        options: dict[str, Node] = {}
        if rest or value.vector:
            options["axis"] = Number(place.start, place.end, axis)
        call = self.call(function, place, [node], options)
        return Lifted(call, rest, value.vector)

    def size(self, upper: str, more: int, bounds: Token) -> Node:
        """Return the number of terms of a sum as a node."""
        if upper.isdecimal():
            return self.add(Number(bounds.start, bounds.end, int(upper) + more))
        if not upper.isidentifier():
            raise fail(self.text, "the bound of a sum is a name or a number", (bounds.start, bounds.end, "^"))
        count: Node = self.add(Name(bounds.start, bounds.end, upper))
        if more:
            one = self.add(Number(bounds.start, bounds.end, more))
            count = self.add(Binary(bounds.start, bounds.end, "+", count, one, (bounds.start, bounds.start)))
        return count
