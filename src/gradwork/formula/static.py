"""Options of functions (axes, sizes, positions): the arguments that are fixed by the text, not computed."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import lru_cache
from typing import Any

from gradwork.errors import GradworkError
from gradwork.expr.dims import Dim
from gradwork.formula.lexer import fail
from gradwork.formula.tree import Binary, Call, Formula, Group, Index, Name, Negative, Node, Number, Slice

WORDS = {"True": True, "False": False, "None": None, "inf": "inf", "fro": "fro", "F": "fro", "nuc": "nuc",
         "valid": "valid", "same": "same", "full": "full",
         **{w: w for w in "linear lower higher midpoint nearest constant reflect edge wrap".split()}}  # fmt: skip

_OPTIONS = (
    "axis", "axes", "keepdims", "ord", "ddof", "reverse", "size", "width", "gaps", "stride", "padding", "dilation",
    "method", "mode", "groups", "ceil", "count_padding",
)  # fmt: skip
_SIZES = ("shape", "dim", "n")
_MAX_INTEGER = 10**9


@lru_cache(maxsize=512)
def _signature(function: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(function)


def bind(formula: Formula, call: Call, function: Callable[..., Any]) -> dict[str, Any]:
    """Return the arguments of a call by parameter name; further positional ones as a tuple."""
    parameters = _signature(function).parameters
    for key, value in call.options.items():
        if key not in parameters or parameters[key].kind == inspect.Parameter.VAR_POSITIONAL:
            known = [p.name for p in parameters.values() if p.name in _OPTIONS]
            near = difflib.get_close_matches(key, known, 1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            raise fail(
                formula.text,
                f"{call.name} has no option '{key}'{hint}",
                (*call.where, "~"),
                (value.start, value.end, "^"),
            )
    try:
        bound = _signature(function).bind(*call.args, **call.options)
    except TypeError:
        raise _wrong_count(formula, call, parameters) from None
    for p in parameters.values():
        # `more` parts of a list are optional; sizes and factors are what the call is about.
        if p.kind == inspect.Parameter.VAR_POSITIONAL and p.name not in bound.arguments and p.name != "more":
            least = len(parameters)
            message = f"{call.name} takes at least {least} argument{'s' * (least != 1)}, not {len(call.args)}"
            raise fail(formula.text, message, (*call.where, "^"))
    return dict(bound.arguments)


def _wrong_count(formula: Formula, call: Call, parameters: Any) -> GradworkError:
    values = [
        p for p in parameters.values() if p.kind != inspect.Parameter.KEYWORD_ONLY and p.name not in _OPTIONS
    ]
    listed = [p for p in values if p.kind != inspect.Parameter.VAR_POSITIONAL]
    least = sum(p.default is inspect.Parameter.empty for p in listed)
    wanted = f"{least} argument{'s' * (least != 1)}"
    if len(listed) < len(values):
        wanted = f"at least {wanted}"
    elif least < len(listed):
        wanted = f"{least} to {len(listed)} arguments"
    given = len(call.args) + sum(key not in _OPTIONS for key in call.options)
    mark = (*call.where, "^")
    if given >= least and len(listed) == len(values):
        return fail(formula.text, f"{call.name} takes {wanted}; too many are given", mark)
    return fail(formula.text, f"{call.name} takes {wanted}, not {given}", mark)


def kind_of(function: Callable[..., Any], parameter: str) -> str:
    """Return what an argument is: "value" (an expression), "option", "size", "parts" or "positions"."""
    annotation = str(_signature(function).parameters[parameter].annotation)
    if parameter in ("parts", "positions"):
        return parameter
    if parameter in ("more", "factors", "terms"):
        return "value"
    if "DimLike" in annotation or (parameter in _SIZES and parameter != "n"):
        return "size"
    if parameter in _OPTIONS or annotation.startswith(("int", "bool", "Sequence[int]")):
        return "option"
    return "value"


def within(node: Node) -> Iterator[Node]:
    """Yield `node` and all nodes below it, without recursion."""
    stack: list[Any] = [node]
    while stack:
        item = stack.pop()
        if item is None:
            continue
        yield item
        if isinstance(item, Binary):
            stack += [item.left, item.right]
        elif isinstance(item, Call):
            stack += [*item.args, *item.options.values()]
        elif isinstance(item, Group):
            stack += item.items
        elif isinstance(item, Slice):
            stack += item.parts
        elif isinstance(item, Index):
            stack += [item.operand, *item.items]
        elif hasattr(item, "operand"):
            stack.append(item.operand)


def option(formula: Formula, node: Node, whole: bool = True) -> Any:
    """Return the value of an option: a whole number (or any, unless `whole`), True, a tuple of axes, …

    >>> from gradwork.formula.tree import Formula, Negative, Number
    >>> one = Number(1, 2, 1)
    >>> option(Formula("-1", one, []), Negative(0, 2, one))
    -1
    """
    if isinstance(node, Name) and node.name in WORDS:
        return WORDS[node.name]
    if isinstance(node, Negative) and isinstance(node.operand, Number):
        return -option(formula, node.operand, whole)
    if isinstance(node, Number):
        if isinstance(node.value, int) and abs(node.value) <= _MAX_INTEGER:
            return node.value
        if not whole:
            return node.value
        raise fail(formula.text, "a whole number is needed here", (node.start, node.end, "^"))
    if isinstance(node, Group):
        items = node.items
        if not any(isinstance(i, Group) and any(isinstance(j, Group) for j in i.items) for i in items):
            return tuple(option(formula, item) for item in items)
    raise fail(
        formula.text,
        "an option is a whole number, several in brackets, True or False",
        (node.start, node.end, "^"),
    )


def check(formula: Formula, function: Callable[..., Any], parameter: str, node: Node, value: Any) -> None:
    """Refuse an option that is not what its function says that it takes."""
    annotation = str(_signature(function).parameters[parameter].annotation)
    mark = (node.start, node.end, "^")
    if annotation.startswith("bool") and not isinstance(value, int):
        raise fail(formula.text, f"{parameter} is True or False", mark)
    if annotation.startswith("float") and (
        isinstance(value, bool) or not isinstance(value, (int, float, Fraction))
    ):
        raise fail(formula.text, f"{parameter} is one number", mark)
    if annotation.startswith("int") and not (value is None and "None" in annotation):
        if isinstance(value, bool) or not isinstance(value, int):
            raise fail(formula.text, f"{parameter} is one whole number", mark)


def size(formula: Formula, node: Node) -> Dim | int:
    """Return a size written in a formula (`n`, `3`, `n - k + 1`, `2*n`); −1 stays an integer."""
    done: dict[Node, Dim] = {}
    order = list(within(node))
    for item in reversed(order):
        if isinstance(item, Number):
            done[item] = Dim.of(option(formula, item))
        elif isinstance(item, Name):
            done[item] = Dim.of(item.name)
        elif isinstance(item, Negative):
            done[item] = -done[item.operand]
        elif isinstance(item, Binary) and item.op in _ARITHMETIC:
            done[item] = _ARITHMETIC[item.op](done[item.left], done[item.right])
        else:
            message = "a size is a name, a whole number, or a sum or product of them"
            raise fail(formula.text, message, (node.start, node.end, "^"))
    result = done[node]
    return result.value if result.value is not None else result


_ARITHMETIC: dict[str, Callable[[Dim, Dim], Dim]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "beside": lambda a, b: a * b,
}


def list_nodes(node: Node | tuple | list) -> list[Node]:
    """Return the nodes of an argument that may be a list: [a, b], or a alone."""
    if isinstance(node, (tuple, list)):
        return [part for item in node for part in list_nodes(item)]
    return list(node.items) if isinstance(node, Group) else [node]
