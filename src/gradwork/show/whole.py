"""An expression on its own: with the definitions of the names that it holds, or with the names written out."""

from __future__ import annotations

from typing import Any

from gradwork.expr.node import CONSTANT, NAME, Expr, plain, rebuild, surface, walk

SHORT = 100  # characters of a `repr`
LONGEST = 20_000  # nodes of a text with its names written out, beyond which they stay


def definitions(x: Expr) -> list[Expr]:
    """Return the names that an expression holds and those in their definitions: the outermost first.

    >>> from gradwork.expr import vector
    >>> from gradwork.expr.node import name
    >>> x = vector("x", "n")
    >>> z = name("z", 2 * x)
    >>> [n.params[0] for n in definitions(name("h", z**2) + z)]
    ['h', 'z']
    """
    found = [n for n in walk(x) if n.op is NAME]  # definitions before what uses them
    return found[::-1]


def whole(x: Expr, style: str = "unicode") -> str:
    """Return an expression and, below it, what its names stand for.

    style: "unicode", "latex", or "short": one line, cut where it grows long.
    """
    from gradwork.show import pretty

    x = plain(x)
    alphabet = "latex" if style == "latex" else "unicode"
    body = pretty(x, alphabet)
    if style == "short" and len(body) > SHORT:
        return body[: SHORT - 1] + "…"
    rows = [(pretty(n, alphabet), pretty(n.args[0], alphabet)) for n in definitions(x)]
    if not rows:
        return body
    if style == "latex":
        lines = r" \\ ".join(f"{left} &= {right}" for left, right in rows)
        return rf"{body} \quad \text{{with}} \quad \begin{{aligned}}[t] {lines} \end{{aligned}}"
    if style == "short":
        line = f"{body} with {', '.join(f'{left} = {right}' for left, right in rows)}"
        return line if len(line) <= SHORT else line[: SHORT - 1] + "…"
    width = max(len(left) for left, _ in rows)
    lines = [
        f"{'with' if i == 0 else '    '} {left:<{width}} = {right}" for i, (left, right) in enumerate(rows)
    ]
    return "\n".join([body, *lines])


def text(x: Expr, **options: Any) -> str:
    """Return an expression as ASCII text with its names written out, unless that makes it very long."""
    from gradwork.show import pretty

    return pretty(written_out(x), "text", **options)


def written_out(x: Expr) -> Expr:
    """Return an expression without names; as it is, where a part would be written a great many times."""
    x = plain(x)
    if not any(n.op is NAME for n in surface(x)):
        return x
    size: dict[Expr, int] = {}
    done: dict[Expr, Expr] = {}
    for node in walk(x):
        size[node] = (node.op is not CONSTANT) + sum(size[a] for a in node.args)
        done[node] = (
            done[node.args[0]] if node.op is NAME else rebuild(node, tuple(done[a] for a in node.args))
        )
    return done[x] if size[x] <= LONGEST else x
