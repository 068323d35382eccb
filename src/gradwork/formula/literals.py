"""Vectors and matrices of numbers: [1, 2, 3], [1, 2; 3, 4], [[1, 2], [3, 4]]."""

from __future__ import annotations

from fractions import Fraction

from gradwork.formula.tree import Binary, Group, Literal, Negative, Node, Number

Value = int | float | Fraction


def literal(group: Group) -> Literal | None:
    """Return a list of numbers as a vector, or equally long lists of them as a matrix; None for anything else."""
    if group.items and all(isinstance(item, Group) for item in group.items):
        rows = [literal(item) for item in group.items if isinstance(item, Group)]
        values = [row.value for row in rows if row is not None]
        if len(values) < len(rows) or len({len(v) for v in values}) != 1 or isinstance(values[0][0], tuple):
            return None
        return Literal(group.start, group.end, tuple(values))
    numbers = [number(item) for item in group.items]
    found = [value for value in numbers if value is not None]
    if not numbers or len(found) < len(numbers):
        return None
    return Literal(group.start, group.end, tuple(found))


def number(node: Node) -> Value | None:
    """Return the number that a part of a formula is: 2, −2, 1/3."""
    if isinstance(node, Number):
        return node.value
    if isinstance(node, Negative):
        inner = number(node.operand)
        return None if inner is None else -inner
    if isinstance(node, Binary) and node.op == "/":
        top, bottom = number(node.left), number(node.right)
        if isinstance(top, int) and isinstance(bottom, int) and bottom:
            return Fraction(top, bottom)
    return None
