"""The syntax tree of a formula. Every node knows the part of the text that it came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Span = tuple[int, int]


@dataclass(eq=False)
class Node:
    """A part of a formula, at text[start:end] (brackets around it included)."""

    start: int
    end: int


@dataclass(eq=False)
class Number(Node):
    """A number."""

    value: int | float


@dataclass(eq=False)
class Name(Node):
    """A symbol, a size, or a word such as True in an option."""

    name: str


@dataclass(eq=False)
class Ones(Node):
    """The vector of ones, as long as what it meets."""


@dataclass(eq=False)
class Literal(Node):
    """A vector or a matrix of numbers: [1, 2; 3, 4]. `value` is a tuple of numbers, or of rows."""

    value: tuple


@dataclass(eq=False)
class Binary(Node):
    """`left op right`. op: + - * / @ ∘ ^ < <= > >= == !=, or "beside" for factors with no sign between."""

    op: str
    left: Node
    right: Node
    sign: Span
    spelling: str = ""


@dataclass(eq=False)
class Negative(Node):
    """−operand."""

    operand: Node


@dataclass(eq=False)
class Transpose(Node):
    """operandᵀ."""

    operand: Node
    sign: Span


@dataclass(eq=False)
class Call(Node):
    """A function of arguments. `arrangement` says how it was written when not as name(…): "bars", …"""

    name: str
    where: Span
    args: list[Node]
    options: dict[str, Node] = field(default_factory=dict)
    arrangement: str = ""


@dataclass(eq=False)
class Slice(Node):
    """start:stop:step within an index."""

    parts: tuple[Node | None, Node | None, Node | None]


@dataclass(eq=False)
class Index(Node):
    """operand[items]."""

    operand: Node
    items: list[Node]


@dataclass(eq=False)
class Subscript(Node):
    """x_{i+1}: a name with an index that is no part of the name; a sum over the index takes it away."""

    operand: Node
    items: list[Node]


@dataclass(eq=False)
class Group(Node):
    """[a, b] or (a, b): several values for one argument."""

    items: list[Node]
    bracket: str = "["


@dataclass
class Formula:
    """A parsed formula: its text, its root, its nodes (operands before what uses them), readings made.

    `definitions` are the parts that names stand for (… where z = X b), those that others use first; `lengths` the
    sizes that bounds of sums give to axes, by name and axis; `name` what the formula is called (y = …); `ranks` the
    numbers of axes of the names that have an index under a sum; `made` the nodes that stand for such sums.
    """

    text: str
    root: Node
    nodes: list[Node]
    assumptions: list[str] = field(default_factory=list)
    definitions: dict[str, Node] = field(default_factory=dict)
    lengths: list[tuple[Node, int, Any]] = field(default_factory=list)
    name: str = ""
    ranks: dict[str, int] = field(default_factory=dict)
    made: set[Node] = field(default_factory=set)
