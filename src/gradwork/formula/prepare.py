"""Which parts of a formula are computed, and which are fixed by its text: axes, sizes, positions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gradwork.expr.dims import Dim
from gradwork.formula import static
from gradwork.formula.lexer import fail
from gradwork.formula.literals import literal
from gradwork.formula.tree import Call, Formula, Group, Index, Literal, Name, Node, Slice


@dataclass
class Arguments:
    """The arguments of one call: nodes to compute (lists where several), and options as plain values."""

    values: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)


@dataclass
class Prepared:
    """A formula whose fixed parts are read: `nodes` are those left to compute, in order."""

    formula: Formula
    nodes: list[Node] = field(default_factory=list)
    calls: dict[Node, Arguments] = field(default_factory=dict)
    indices: dict[Node, list] = field(default_factory=dict)
    sizes: set[str] = field(default_factory=set)
    lengths: dict[Node, list[tuple[int, Dim]]] = field(default_factory=dict)
    counts: dict[str, Dim] = field(default_factory=dict)

    def names(self) -> list[str]:
        """Return the names that are computed with, in the order in which they appear."""
        found = sorted((n for n in self.nodes if isinstance(n, Name)), key=lambda n: n.start)
        return [name for name in dict.fromkeys(n.name for n in found) if name not in self.formula.definitions]


def prepare(
    formula: Formula, functions: Mapping[str, Callable], known: set[str], declared: set[str]
) -> Prepared:
    """Read the fixed parts of a formula. `known` are names of sizes, `declared` those of symbols."""
    result = Prepared(formula, sizes=set(known))
    fixed: set[Node] = set()
    allowed: set[Node] = set()
    literals: dict[Node, Literal] = {}
    _lengths(formula, result, declared)

    def fix(node: Node, sizes: bool = False) -> None:
        for part in static.within(node):
            fixed.add(part)
            if sizes and isinstance(part, Name):
                if part.name in declared:
                    message = f"'{part.name}' is declared as a symbol; a size is needed here"
                    raise fail(formula.text, message, (part.start, part.end, "^"))
                result.sizes.add(part.name)

    for node in formula.nodes:
        if isinstance(node, Call):
            result.calls[node] = arguments = Arguments()
            for parameter, given in static.bind(formula, node, functions[node.name]).items():
                kind = static.kind_of(functions[node.name], parameter)
                given_nodes: list[Node] = list(given) if isinstance(given, tuple) else [given]
                if kind == "option" and parameter in ("size", "width") and not isinstance(given, Group):
                    kind = "size"
                if kind == "size":
                    for item in given_nodes:
                        fix(item, sizes=True)
                    chosen = [_sizes(formula, item) for item in given_nodes]
                    arguments.options[parameter] = tuple(chosen) if isinstance(given, tuple) else chosen[0]
                elif kind == "option" or (kind == "positions" and isinstance(given, Group)):
                    fix(given_nodes[0])
                    value = static.option(formula, given_nodes[0], whole=parameter not in ("ord", "ddof"))
                    static.check(formula, functions[node.name], parameter, given_nodes[0], value)
                    arguments.options[parameter] = value
                elif kind == "parts" or isinstance(given, tuple):
                    allowed |= {g for g in given_nodes if isinstance(g, Group)}
                    listed = static.list_nodes(given_nodes)
                    arguments.values[parameter] = [_number_list(formula, g, literals, fix) for g in listed]
                else:
                    arguments.values[parameter] = _number_list(formula, given, literals, fix)
        elif isinstance(node, Index):
            result.indices[node] = [_item(formula, item, result.sizes, fix) for item in node.items]
    for node in formula.nodes:
        if node in literals:
            result.nodes.append(literals[node])
        if node in fixed:
            continue
        if isinstance(node, Group):
            if node not in allowed and len(node.items) != 1:
                message = "a list can only be an argument, as in stack([a, b])"
                raise fail(formula.text, message, (node.start, node.end, "^"))
        elif not isinstance(node, Slice):
            result.nodes.append(node)
    return result


def _number_list(formula: Formula, node: Node, literals: dict[Node, Literal], fix: Callable) -> Node:
    """Return a list of numbers where a value is expected as the vector or matrix that it is."""
    found = literal(node) if isinstance(node, Group) and node.bracket == "[" else None
    if found is None:
        while isinstance(node, Group) and node.bracket == "[" and len(node.items) == 1:
            node = node.items[0]
        return node
    fix(node)
    literals[node] = found
    return found


def _lengths(formula: Formula, result: Prepared, declared: set[str]) -> None:
    """Read the sizes that bounds of sums give: Σ_{i=1}^n y_i says that y has size n."""
    for node, axis, (upper, more) in formula.lengths:
        size = re.fullmatch(r"(\d+|[^\W\d]\w*)\s*(?:([+-])\s*(\d+))?", upper)
        if not size or size[1] in declared:
            continue
        dim = Dim.of(int(size[1]) if size[1].isdigit() else size[1]) + more
        dim = dim + int(f"{size[2]}{size[3]}") if size[2] else dim
        if not size[1].isdigit():
            result.sizes.add(size[1])
        result.lengths.setdefault(node, []).append((axis, dim))


def _sizes(formula: Formula, node: Node) -> Any:
    if isinstance(node, Group):
        return tuple(static.size(formula, item) for item in node.items)
    return static.size(formula, node)


def _item(formula: Formula, node: Node, sizes: set[str], fix: Callable) -> Any:
    """Return one item of an index: a number, a size, a slice, a tuple of positions, or a node to compute."""
    if isinstance(node, Slice):
        for part in node.parts:
            if part is not None:
                fix(part, True)
        start, stop = (None if p is None else static.size(formula, p) for p in node.parts[:2])
        step = None if node.parts[2] is None else static.option(formula, node.parts[2])
        if step is not None and (isinstance(step, bool) or not isinstance(step, int) or step == 0):
            message = "the step of a slice is a whole number other than 0"
            raise fail(formula.text, message, (node.start, node.end, "^"))
        return slice(start, stop, step)
    if isinstance(node, Group):
        positions = static.option(formula, node)
        if not positions or not all(isinstance(p, int) and not isinstance(p, bool) for p in positions):
            message = "positions are whole numbers in brackets, as in x[[0, 0, 1]]"
            raise fail(formula.text, message, (node.start, node.end, "^"))
        fix(node)
        return positions
    names = [part.name for part in static.within(node) if isinstance(part, Name)]
    if all(name in sizes for name in names):
        value = static.size(formula, node)
        fix(node)
        return value if isinstance(value, int) else Dim.of(value)
    return node
