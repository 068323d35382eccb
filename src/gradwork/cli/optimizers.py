"""`gradwork optimizers`: each with its update, as mathematics, and when to use it."""

from __future__ import annotations

import inspect
from typing import Any

from gradwork.cli.output import out
from gradwork.errors import GradworkError
from gradwork.words.notes import near
from gradwork.words.say import say


def show_optimizers(name: str | None = None) -> None:
    """Print all optimizers, or one in full."""
    from gradwork.learn.optimizers.named import OPTIMIZERS

    if name is None:
        out(format_optimizers(OPTIMIZERS))
        return
    key = name.lower()
    if key not in OPTIMIZERS:
        raise GradworkError("no optimizer", name=name, nearest=near(name, OPTIMIZERS))
    out(format_optimizer(key, OPTIMIZERS[key]))


def format_optimizers(found: dict[str, Any]) -> str:
    """Return each optimizer with its update, one line for each thing that is set."""
    blocks = []
    pad = max(map(len, found)) + 2
    for name, make in found.items():
        optimizer = make()
        lines = [f"{name:<{pad}}{optimizer.summary}"]
        lines += [" " * pad + line for line in optimizer.text().splitlines()]
        lines.append(" " * pad + numbers(optimizer))
        lines.append(" " * pad + say("use", when=optimizer.when))
        blocks.append("\n".join(lines))
    return "\n\n".join([*blocks, say("optimizers footer")])


def format_optimizer(name: str, make: Any) -> str:
    """Return all about one optimizer: the call, the update, the numbers, when to use it."""
    optimizer = make()
    shown = [
        f"{p.name}={p.default!r}"
        for p in inspect.signature(make).parameters.values()
        if p.kind is not p.VAR_KEYWORD
    ]
    lines = [f"{make.__name__}({', '.join(shown)})", ""]
    lines += ["  " + line for line in (inspect.getdoc(make) or "").splitlines()]
    lines += ["", *("  " + line for line in optimizer.text().splitlines()), "  " + numbers(optimizer)]
    lines += ["", "  " + say("use", when=optimizer.when), "", "  LaTeX  " + optimizer.latex()]
    return "\n".join(lines)


def numbers(optimizer: Any) -> str:
    """Return the default numbers of an optimizer: η = 0.001, β₁ = 0.9."""
    from gradwork.expr import scalar

    return ", ".join(f"{scalar(letter).unicode()} = {value:g}" for letter, value in optimizer.numbers.items())
