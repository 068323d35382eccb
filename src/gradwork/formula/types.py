"""What is known of a part of a formula: its shape, and how it lies if it is a vector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gradwork.expr.dims import Dim
from gradwork.formula.lexer import Mark
from gradwork.formula.sizes import Sizes
from gradwork.formula.tree import Node


@dataclass(frozen=True)
class Type:
    """A shape. `lie` tells a vector's side of a product: "column", "row" (transposed), or "" (either).

    Expressions have no rows and columns; the difference is one of notation, and ends here: x'y is an inner
    product, x y' an outer one.
    """

    shape: tuple[Dim, ...] = ()
    lie: str = ""

    @property
    def rank(self) -> int:
        return len(self.shape)


SCALAR = Type()


class Mismatch(Exception):
    """Shapes that do not meet, under one reading of the names. Put in words only if no reading fits."""

    def __init__(
        self,
        message: Callable[[], str],
        marks: tuple[Mark, ...],
        shapes: tuple[Type, ...] = (),
        final: bool = False,
    ):
        super().__init__()
        # `final`: a mistake of notation, which taking a name as a scalar would only hide.
        self.message, self.marks, self.shapes, self.final = message, marks, shapes, final
        self.trial: Any = None
        self.node: Any = None


def span(node: Node, char: str = "~") -> Mark:
    """Return the mark under a node."""
    return (node.start, node.end, char)


def describe(sizes: Sizes, kind: Type) -> str:
    """Return the shape in words: "is a scalar", "has size n", "has shape n×d"."""
    if not kind.rank:
        return "is a scalar"
    return f"has {'size' if kind.rank == 1 else 'shape'} {sizes.text(kind.shape)}"


def square(sizes: Sizes, kind: Type) -> bool:
    """Tell whether a type can be that of a square matrix, and make it one."""
    return kind.rank == 2 and sizes.unify(*kind.shape)


def broadcast(sizes: Sizes, kinds: list[Type]) -> Type | None:
    """Return the type that the given ones broadcast to by NumPy's rule, or None where they do not meet.

    Only a size that is 1 stretches; sizes that are not known yet become equal.
    """
    rank = max((k.rank for k in kinds), default=0)
    shape = []
    for axis in range(-rank, 0):
        result = Dim.of(1)
        for kind in kinds:
            if kind.rank < -axis:
                continue
            dim = sizes.resolve(kind.shape[axis])
            if dim == 1:
                continue
            if result == 1:
                result = dim
            elif not sizes.unify(result, dim):
                return None
        shape.append(result)
    lies = {k.lie for k in kinds if k.rank == 1 and k.lie}
    if rank == 1 and len(lies) > 1:
        return None
    return Type(tuple(shape), lies.pop() if rank == 1 and lies else "")
