"""A derivation as a page of a notebook: it reads the lines and steps, and computes nothing."""

from __future__ import annotations

import html as _html
import json
from typing import Any

from gradwork.diff.calculus import PULL, PUSH
from gradwork.diff.derivation import Derivation, Phase
from gradwork.errors import GradworkError
from gradwork.expr.dims import shape_text
from gradwork.expr.node import METHODS, NAME, SYMBOL, Expr, walk
from gradwork.expr.reason import Reason
from gradwork.rewrite.engine import Step
from gradwork.show import alphabet, math, pretty
from gradwork.show.mathml import math_element
from gradwork.show.prose import html_text, latex_text, transliterate
from gradwork.show.rows import Row, loss_letter, mixed, rows
from gradwork.show.width import padded, width
from gradwork.words.say import say

STYLES = ("unicode", "text", "latex", "mathml", "html", "json")
DETAILS = ("board", "slow", "engine")
_BARE = ("result", "school")  # sections whose rows stand at the left, without a label


def render(
    derivation: Derivation, style: str = "unicode", detail: str = "board", language: str = "en"
) -> str:
    """Return a derivation as text.

    style:  "unicode" (for a terminal), "text" (ASCII), "latex", "mathml", "html" or "json".
    detail: "board" for the lines that a teacher writes, "slow" for a pupil, a rule a line, "engine" for every rewrite
            under its line ("full" is an older name of it).
    """
    if style not in STYLES:
        raise GradworkError("derivation is shown as one", styles=STYLES, style=style)
    detail = "engine" if detail == "full" else detail
    if detail not in DETAILS:
        raise GradworkError("detail of derivation is one", details=DETAILS, detail=detail)
    if style == "json":
        return json.dumps(as_data(derivation, language, detail), ensure_ascii=False, indent=1)
    found = rows(derivation, "mathml" if style == "html" else style, language, detail)
    if style == "latex":
        return _latex(found, detail)
    if style in ("mathml", "html"):
        return _html_table(found, detail, language)
    return _plain(derivation, found, style, detail, language)


# --- text -------------------------------------------------------------------------------------------------

LABEL, COLUMN = 14, 48


def _plain(derivation: Derivation, found: list[Row], style: str, detail: str, language: str) -> str:
    out: list[str] = []
    section = ""
    for row in found:
        head = row.section if row.section != section else ""
        if head == "result" or (head and section):
            out.append("")
        section = row.section
        bare = row.section in _BARE
        label = say(head, language) if head and not bare else ""
        indent = "" if bare else padded(label, LABEL)
        own = _width(found, row.section)
        left = f"{row.left} {row.sign} " if row.left else " " * own + f"{row.sign} "
        text = f"{indent}{left}{row.right}"
        note = transliterate(row.note) if style == "text" else row.note
        out.append(f"{padded(text, COLUMN)}  {note}".rstrip() if note else text)
        if detail == "engine":
            out.extend(_rewrites(row, style))
    return "\n".join(out)


def _width(found: list[Row], section: str) -> int:
    # Continuation rows align their equals sign with the last row that had a left side.
    lefts = [r.left for r in found if r.section == section and r.left]
    return min((width(x) + 1 for x in lefts), default=0)


def _rewrites(row: Row, style: str) -> list[str]:
    return [
        f"{'':<{LABEL}}    · {step.rule.name}: {before} → {after}"
        for step, before, after in _visible(row, style)
    ]


def _visible(row: Row, style: str) -> list[tuple[Step, str, str]]:
    # The steps that change what is written; the others only turn what the notation does not show.
    written_ = [(s, _write_any(s.before, style), _write_any(s.after, style)) for s in row.steps]
    return [(s, before, after) for s, before, after in written_ if before != after]


def _write_any(x: Expr, style: str) -> str:
    if x.op in (PULL, PUSH):
        node, _, i = x.params
        arrow = "⟵" if x.op is PULL else "⟶"
        return (
            f"{pretty(x.args[0], style)} {arrow} {node.op.name} (argument {i + 1} of {pretty(node, style)})"
        )
    return pretty(x, style)


METHODS["derivation"] = render


def header(derivation: Derivation, style: str = "unicode") -> str:
    """Return the first line of a derivation: the function and the shapes of its symbols."""
    f = derivation.function
    variables = ", ".join(pretty(v, style) for v in derivation.variables)
    loss = alphabet(style).plain(loss_letter(derivation))
    text = f"{loss}({variables}) = {pretty(f, style, mean=True)}"
    shapes = "   ".join(f"{pretty(s, style)}: {shape_text(s.shape)}" for s in f.symbols.values())
    return f"{padded(text, COLUMN)}  {shapes}".rstrip()


def named_rows(derivation: Derivation, style: str = "unicode") -> list[Row]:
    """Return a row for each name that the results still hold, in the order of the derivation."""
    held = {n for r in derivation.results for n in walk(r) if n.op is NAME}
    order = [line.left for line in derivation.lines if line.left in held] if held else []
    order += [n for n in held if n not in order]
    write = alphabet(style, loss_letter(derivation)).spell
    return [
        Row("with", write(math(n)), write(math(n.args[0])), shape_text(n.shape)) for n in dict.fromkeys(order)
    ]


__all__ = ["Row", "as_data", "header", "mixed", "named_rows", "render", "rows", "written"]


# --- LaTeX, HTML, data ------------------------------------------------------------------------------------


def _latex(found: list[Row], detail: str) -> str:
    lines = []
    for row in found:
        note = rf" && {latex_text(row.note)}" if row.note else ""
        lines.append(rf"{row.left} &{row.sign} {row.right}{note} \\")
        if detail == "engine":
            for step, before, after in _visible(row, "latex"):
                lines.append(rf"& \quad {before} \to {after} && {latex_text(step.rule.name)} \\")
    return "\\begin{aligned}\n" + "\n".join(lines) + "\n\\end{aligned}"


def _html_table(found: list[Row], detail: str, language: str) -> str:
    out = ['<table class="derivation">']
    section = ""
    for row in found:
        head = row.section if row.section != section and row.section not in _BARE else ""
        section = row.section
        label = _html.escape(say(head, language)) if head else ""
        left = math_element(row.left) if row.left else ""
        right = math_element(f"<mo>{row.sign}</mo>{row.right}")
        out.append(
            f'<tr class="{row.section}"><th>{label}</th><td class="left">{left}</td>'
            f'<td class="right">{right}</td><td class="note">{html_text(row.note)}</td></tr>'
        )
        changes = _visible(row, "unicode") if detail == "engine" else ()
        if changes:
            items = "".join(
                f"<li>{_html.escape(f'{s.rule.name}: {before} → {after}')}</li>"
                for s, before, after in changes
            )
            out.append(f'<tr class="steps"><th></th><td colspan="3"><ol>{items}</ol></td></tr>')
    out.append("</table>")
    return "\n".join(out)


def written(x: Expr) -> dict[str, str]:
    """Return an expression in Unicode and in LaTeX, with its shape."""
    if x.op in (PULL, PUSH):
        return {"unicode": _write_any(x, "unicode"), "shape": shape_text(x.shape)}
    return {"unicode": pretty(x, "unicode"), "latex": pretty(x, "latex"), "shape": shape_text(x.shape)}


def as_data(derivation: Derivation, language: str = "en", detail: str = "board") -> dict[str, Any]:
    """Return a derivation as plain data: every line, phase and step, in Unicode and in LaTeX.

    A step that changes nothing that is written (the order of two factors, a transpose of a vector) is left out.
    """

    def fact(value: Any) -> Any:
        if isinstance(value, Expr):
            return pretty(value, "unicode")
        if isinstance(value, Reason):
            return reason(value)
        return [fact(v) for v in value] if isinstance(value, tuple) else str(value)

    def reason(r: Reason) -> dict[str, Any]:
        return {"key": r.key, "facts": {k: fact(v) for k, v in r.pairs}}

    def steps(phase: Phase) -> list[dict[str, Any]]:
        found = []
        for s in phase.steps.values():
            before, after = written(s.before), written(s.after)
            if before["unicode"] != after["unicode"]:
                found.append(
                    {
                        "rule": s.rule.name,
                        "group": s.rule.group,
                        "before": before,
                        "after": after,
                        "facts": {k: fact(v) for k, v in s.facts.items()},
                        "reason": reason(s.reason),
                    }
                )
        return found

    return {
        "function": written(derivation.function),
        "manner": derivation.manner,
        "order": derivation.order,
        "variables": [v.params[0] for v in derivation.variables],
        "symbols": {s: shape_text(x.shape) for s, x in derivation.function.symbols.items()},
        "results": {
            v.params[0]: written(r) for v, r in zip(derivation.variables, derivation.results, strict=True)
        },
        "lines": [
            {
                "kind": line.kind,
                "target": line.target.params[0] if line.target.op in (SYMBOL, NAME) else "f",
                "left": written(line.left),
                "folded": line.folded,
                "phases": [
                    {
                        "kind": phase.kind,
                        "before": written(phase.before),
                        "after": written(phase.after),
                        "steps": steps(phase),
                    }
                    for phase in line.phases
                ],
            }
            for line in derivation.lines
        ],
        "rows": [
            {
                "section": r.section,
                "left": r.left,
                "right": r.right,
                "reason": r.note,
                "reasons": [reason(x) for x in r.reasons],
            }
            for r in rows(derivation, "unicode", language, detail)
        ],
    }
