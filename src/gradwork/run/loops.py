"""Recurrences as source text: the step as a function of the state and the entries, and one call that runs it.

    def step(h, x):
        h_next = np.tanh(x + h @ W_h)
        return (h_next,), (h_next,)

    h_T, h = scan(step, (h0,), (xW,), T)

The step is written by the composer that writes everything else; parameters and sizes are those of the function
around it. All nodes of one recurrence with the same arguments are the results of one call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gradwork.expr.dims import Dim, shape_text
from gradwork.expr.node import Expr, walk
from gradwork.ops.sequence import ALL, LAST, SCAN, Recurrence
from gradwork.run.layout import WIDTH
from gradwork.run.sizes import estimate
from gradwork.run.targets.value import Value

if TYPE_CHECKING:
    from gradwork.run.source import _Composer


def write_scan(composer: _Composer, node: Expr) -> Value:
    """Return the name of what a scan gives; the first node of a recurrence writes the loop for all of them."""
    recurrence: Recurrence = node.params[0]
    key = (node.args, recurrence)
    if key not in composer.scans:
        together = [
            n for n in composer.nodes if n.op is SCAN and n.args == node.args and n.params[0] == recurrence
        ]
        composer.scans[key] = _loop(composer, recurrence, node.args, together)
    return composer.scans[key][node.params[1:]]


def _loop(
    composer: _Composer, r: Recurrence, args: tuple[Expr, ...], together: list[Expr]
) -> dict[Any, Value]:
    states, entries = len(r.carries), len(r.steps)
    w = composer.writer
    values = [composer._full(a) for a in args]
    rest = slice(states + entries, None)
    fixed = [composer._variable(w.array(v), a.shape) for v, a in zip(values[rest], args[rest])]
    given = list(dict.fromkeys(n.params[2] for n in together if n.params[1] == ALL))
    step, lines, results = composer.inside(r, fixed, [*r.after, *given])
    after, out = _tuple(results[:states]), _tuple(results[states:])
    signature = ", ".join(step.by_label[s.params[0]].name for s in (*r.carries, *r.steps))
    name = composer.names.fresh("step")
    text = [
        f"    def {name}({signature}):",
        *(f"        {x}" for x in lines),
        f"        return {after}, {out}",
    ]
    composer.lines.append(("\n" + "\n".join(text) + "\n", ""))
    times = estimate(r.length, w.hint)
    for product, cost in step.writer.steps:
        w.planned(f"{r.length} times: {product}", cost * times)
    wanted = {n.params[1:] for n in together}
    found: dict[Any, Value] = {}
    left = []
    for k, letter in enumerate(r.letters):
        asked = (LAST, k) in wanted
        left.append(composer.names.fresh(f"{letter}_last") if asked else "_")
        found[LAST, k] = Value(left[-1], axes=tuple(range(r.carries[k].ndim)))
    labels = {n.params[2]: composer.labels[n] for n in together if n in composer.labels}
    for x in given:
        left.append(composer.names.fresh(f"all_{labels.get(x, 'values')}"))
        found[ALL, x] = Value(left[-1], axes=tuple(range(x.ndim + 1)))
    start = _tuple([w.array(v).signed().text for v in values[:states]])
    sequences = _tuple([w.array(v).signed().text for v in values[states : states + entries]])
    w.used.add("scan")
    ends = f"{w.size(r.length).text}{', reverse=True' if r.reverse else ''}"
    target = f"{left[0]}," if len(left) == 1 else ", ".join(left)
    if len(target) > WIDTH // 2:
        target = f"({target})"  # a bracket, at which a long line can be broken
    shapes = ", ".join(shape_text((r.length, *x.shape)) for x in given)
    composer.lines.append(
        (f"{target} = scan({name}, {start}, {sequences}, {ends})", shapes or "the last state")
    )
    return found


def _tuple(items: list[str]) -> str:
    return f"({', '.join(items)}{',' * (len(items) == 1)})"


def sizes_inside(params: Any) -> list[Dim]:
    """Return the sizes in the steps of recurrences among an operation's parameters."""
    found: list[Dim] = []
    for item in params:
        if isinstance(item, Recurrence):
            found.append(item.length)
            roots = item.after
        elif isinstance(item, Expr):
            roots = (item,)
        else:
            continue
        for node in walk(*roots):
            found += node.shape
            found += [p for p in node.params if isinstance(p, Dim)]
            found += sizes_inside(node.params)
    return found


def takes_integers(node: Expr, i: int) -> bool:
    """Tell whether argument i of an operation holds positions: then it keeps its type of number."""
    if node.op is SCAN:
        return "integer" in node.params[0].bound[i].params[1]
    return node.op.name in ("gather", "scatter") and i == 1


def remarked(text: str, shape: str) -> list[str]:
    """Return the lines of a statement of the step, with its shape where there is room."""
    if text.startswith("\n"):  # a function within the function
        return ["", *(x[4:] for x in text.strip("\n").split("\n")), ""]
    return [f"{text}  # {shape}" if shape and len(text) + len(shape) < WIDTH - 12 else text]
