"""`gradwork ops`: the operations that formulas are made of, with their laws."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from gradwork.cli.output import out, terminal_width
from gradwork.errors import GradworkError
from gradwork.show.laws import unicode_law
from gradwork.words.notes import near
from gradwork.words.say import say

# Second names of operations that are listed under their first.
SYNONYMS = ("tr", "take")
# The modules of `ops`, in the order in which they are listed.
SUBJECTS = ("arithmetic", "elementwise", "reduction", "contraction", "linalg", "indexing")


def show_operations(name: str | None = None) -> None:
    """Print the table of operations, or all about one."""
    from gradwork.ops import FUNCTIONS

    if name is None:
        out(format_operations(FUNCTIONS, terminal_width()))
        return
    if name not in FUNCTIONS:
        raise GradworkError("no operation", name=name, nearest=near(name, FUNCTIONS))
    out(format_operation(name, FUNCTIONS[name]))


def law_of(name: str) -> str:
    """Return the law of an operation in Unicode; that of a function made of several operations is "".

    >>> law_of("tanh")
    'tanh′ = 1 − tanh²'
    """
    from gradwork.expr import REGISTRY

    op = REGISTRY.get({"transpose": ""}.get(name, name))
    return unicode_law(op.law) if op is not None and op.law else ""


def format_operations(functions: dict[str, Callable[..., Any]], width: int | None = None) -> str:
    """Return the table: call, law, what it is; by subject; lines cut at `width`, if one is given."""
    rows: dict[str, list[tuple[str, str, str]]] = {}
    for name, function in functions.items():
        if name not in SYNONYMS:
            row = (signature(name, function), law_of(name), summary(name))
            rows.setdefault(_subject(function), []).append(row)
    lines = []
    for subject in sorted(rows, key=_place):
        group = rows[subject]
        call, law = (max(len(row[i]) for row in group) for i in (0, 1))
        lines += ["", say("subject " + subject)]
        for row in group:
            line = f"  {row[0]:<{call}}  {row[1]:<{law}}{'  ' if law else ''}{row[2]}".rstrip()
            lines.append(line if width is None or len(line) <= width else line[: width - 1].rstrip() + "…")
    lines += ["", say("operators"), "", say("ops footer")]
    return "\n".join(lines[1:])


def format_operation(name: str, function: Callable[..., Any]) -> str:
    """Return all about one operation: call, description, law, and an example of its derivative."""
    lines = [signature(name, function), ""]
    lines += ["  " + line for line in (inspect.getdoc(function) or summary(name)).splitlines()]
    law = law_of(name)
    if law:
        lines += ["", f"  {say('law word')}  {law}"]
    return "\n".join(lines)


def signature(name: str, function: Callable[..., Any]) -> str:
    """Return how a function is called: softmax(x, axis=-1)."""
    shown = []
    for parameter in inspect.signature(function).parameters.values():
        star = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        default = "" if parameter.default is parameter.empty else f"={parameter.default!r}"
        if default != "=False" and default != "=None" or parameter.name == "axis":
            shown.append(star + parameter.name + default)
    return f"{name}({', '.join(shown)})".replace("=None", "")


def summary(name: str) -> str:
    """Return what an operation is, in a few words."""
    from gradwork.expr import REGISTRY
    from gradwork.ops import FUNCTIONS

    op = REGISTRY.get(name)
    if op is not None and op.summary and name not in ("transpose",):
        return op.summary
    first = (inspect.getdoc(FUNCTIONS[name]) or "").split("\n\n")[0].replace("\n", " ").rstrip(".")
    for verb in ("Return ", "the elementwise "):
        first = first.removeprefix(verb)
    return first


def _subject(function: Callable[..., Any]) -> str:
    module = getattr(function, "__module__", "").rpartition(".")[2]
    return module if module in SUBJECTS else "indexing"


def _place(subject: str) -> int:
    return SUBJECTS.index(subject)
