"""A derivation as a page of a notebook: it reads the lines and steps, and computes nothing."""

from __future__ import annotations

import html as _html
import json
from dataclasses import dataclass
from typing import Any

from gradwork.diff.calculus import PULL, PUSH
from gradwork.diff.derivation import Derivation, Line, Phase
from gradwork.diff.forward import forward, unit
from gradwork.errors import GradworkError
from gradwork.expr.dims import shape_text
from gradwork.expr.node import METHODS, NAME, SIZE, SYMBOL, Expr, is_zero, walk
from gradwork.ops.arithmetic import POWER
from gradwork.rewrite import normalise
from gradwork.rewrite.engine import Step
from gradwork.show import pretty, recurrence
from gradwork.show.correlation import sliding_reason
from gradwork.show.laws import unicode_law
from gradwork.show.whole import definitions
from gradwork.words.say import say


@dataclass(frozen=True)
class Row:
    """One written row: its section, what stands left and right of the equals sign, and the reason."""

    section: str
    left: str
    right: str
    note: str = ""
    steps: tuple[Step, ...] = ()
    sign: str = "="


# Operations whose derivative is said by "is linear in" rather than by a law.
_PLAIN = (
    "add", "contract", "name", "where", "gather", "index", "window", "fold", "pad", "flip", "reshape", "concatenate",
)  # fmt: skip
STYLES = ("unicode", "text", "latex", "mathml", "html", "json")


def render(
    derivation: Derivation, style: str = "unicode", detail: str = "board", language: str = "en"
) -> str:
    """Return a derivation as text.

    style:  "unicode" (for a terminal), "text" (ASCII), "latex", "mathml", "html" or "json".
    detail: "board" for the lines that a teacher writes, "full" for every step under its line.
    """
    if style not in STYLES:
        raise GradworkError(f"a derivation is shown as one of {', '.join(STYLES)}, not {style!r}")
    if detail not in ("board", "full"):
        raise GradworkError(f'the detail of a derivation is "board" or "full", not {detail!r}')
    if style == "json":
        return json.dumps(as_data(derivation, language), ensure_ascii=False, indent=1)
    found = rows(derivation, "latex" if style in ("mathml", "html") else style, language)
    if style == "latex":
        return _latex(found, detail)
    if style in ("mathml", "html"):
        return _html_table(found, detail)
    return _plain(derivation, found, style, detail, language)


# --- rows -------------------------------------------------------------------------------------------------


def rows(derivation: Derivation, style: str, language: str = "en") -> list[Row]:
    """Return the rows of the blackboard."""
    writer = _Rows(derivation, style, language)
    found = [row for line in derivation.lines for row in writer.of(line)]
    # Why gradients fade is said once all of them have been.
    late = [row for row in found if row.section == "why it fades"]
    first = [row for row in found if row not in late]
    at = next((i for i, row in enumerate(first) if row.section == "result"), len(first))
    return [*first[:at], *late, *first[at:]]


class _Rows:
    def __init__(self, derivation: Derivation, style: str, language: str):
        self.derivation, self.style, self.language = derivation, style, language
        self.backward = {line.target: line for line in derivation.lines if line.kind == "backward"}
        self.single = len(derivation.variables) == 1
        self.named = any(line.kind == "forward" and line.left.op is NAME for line in derivation.lines)
        tangents = [line for line in derivation.lines if line.kind == "tangent"]
        self.last_tangent = tangents[-1] if tangents else None

    def write(self, x: Expr, **options: Any) -> str:
        return pretty(x, self.style, **options)

    def of(self, line: Line) -> list[Row]:
        return getattr(self, "_" + line.kind)(line)

    def _f(self) -> str:
        return "f"

    def _partial(self, x: Expr) -> str:
        letter = self.write(x)
        return {
            "latex": rf"\frac{{\partial f}}{{\partial {letter}}}",
            "text": f"df/d{letter}",
        }.get(self.style, f"∂f/∂{letter}")

    def _forward(self, line: Line) -> list[Row]:
        left = self.write(line.left) if line.left.op is NAME else self._f()
        shape = line.target.shape
        note = self._shape(shape) if shape else self._say("scalar")
        stable = [
            s
            for p in line.phases
            if p.kind == "stabilise"
            for s in p.steps.values()
            if s.rule.group == "stabilise"
        ]
        if stable:
            note += "      " + "; ".join(dict.fromkeys(self._rule(s) for s in stable))
        if line.left.op is NAME and recurrence.is_last(line.result):
            return []  # the lines of the step have said what it is
        if line.left.op is not NAME and not self.named:
            return []  # nothing was named: the header has said what f is
        return [Row("forward", left, self.write(line.result, mean=False), note, _steps(line))]

    def _backward(self, line: Line) -> list[Row]:
        if line.folded:
            return []
        partial = self._partial(line.target)
        delta = line.left.op is NAME and line.left.params[1] == "delta"
        left = f"{self.write(line.left)} = {partial}" if delta else partial
        phases = [p for p in line.phases if p.kind != "stabilise"]
        first_reason = self._reason(line, phases[0])
        if len(phases) > 1 and self._hidden(phases[0]):
            # The adjoint of an activation is not written on its own: the line starts with it filled in.
            phases = phases[1:]
        shown: list[Row] = []
        for i, phase in enumerate(phases):
            note = first_reason if i == 0 else self._phase_note(phase)
            shown.append(
                Row(
                    "backward",
                    left if i == 0 else "",
                    self.write(phase.after),
                    note,
                    tuple(phase.steps.values()),
                )
            )
        return shown

    def _step(self, line: Line) -> list[Row]:
        return [Row("forward", *recurrence.step(self, line), _steps(line))]

    def _step_back(self, line: Line) -> list[Row]:
        found = [] if recurrence.is_seed(line.result) else self._backward(line)
        return recurrence.backward_rows(self, line, found)

    def _hidden(self, phase: Phase) -> bool:
        folded = {line.left for line in self.derivation.lines if line.folded}
        return any(n in folded for n in walk(phase.after))

    def _tangent(self, line: Line) -> list[Row]:
        left = self.write(line.left) if line.left.op is NAME else self._d() + self._whole()
        shown = []
        for i, phase in enumerate(line.phases):
            note = self._reason(line, phase) if phase.kind == "derive" else self._phase_note(phase)
            shown.append(
                Row(
                    "differentials",
                    left if i == 0 else "",
                    self.write(phase.after),
                    note,
                    tuple(phase.steps.values()),
                )
            )
        if line is self.last_tangent:
            shown += self._undefined() + self._read_off()
        return shown

    def _d(self) -> str:
        return r"\mathrm d " if self.style == "latex" else "d"

    def _mixed(self) -> bool:
        row = self.derivation.row
        return row is not None and row is not self.derivation.variables[0]

    def _whole(self) -> str:
        # What the last differential is of: the function, or its gradient.
        if self.derivation.order == 1:
            return self._f()
        if self._mixed() and self.derivation.row is not None:
            return f"({self._partial(self.derivation.row)})"
        return {"latex": r"\nabla f", "text": "(grad f)"}.get(self.style, "∇f")

    def _undefined(self) -> list[Row]:
        # The names in the results that no line before has defined.
        said = {line.left for line in self.derivation.lines if line.left.op is NAME}
        rows = []
        for x in dict.fromkeys(n for r in self.derivation.results for n in definitions(r)[::-1]):
            if x not in said:
                rows.append(Row("with", self.write(x), self.write(x.args[0]), self._shape(x.shape)))
        return rows

    def _read_off(self) -> list[Row]:
        """Return the last differential with the derivative in its place, one row for each variable."""
        derivation = self.derivation
        f_ndim = derivation.results[0].ndim - derivation.variables[0].ndim
        pairs = list(zip(derivation.variables, derivation.results, strict=True))
        if f_ndim and any(v.ndim + f_ndim > 2 for v in derivation.variables):
            return []  # no product of matrices says what such a derivative does to a differential
        products = [self._before(g, v, f_ndim) for v, g in pairs]
        key = "read off" if any(v.ndim for v in derivation.variables) else "read off scalar"
        if derivation.order > 1:
            key = "read off second"
        elif derivation.title == "Jacobian":
            key = "read off Jacobian"
        notes = [
            self._say(key if v.ndim or "off " in key[5:] else "read off scalar", dx=self._math_d(v))
            for v, _ in pairs
        ]
        left = "" if self.single else self._d() + self._whole()
        return [
            Row("differentials", left if i == 0 else "", product, note, (), "=" if i == 0 else "+")
            for i, (product, note) in enumerate(zip(products, notes, strict=True))
        ]

    def _math_d(self, v: Expr) -> str:
        text = self._d() + self.write(v)
        return f"${text}$" if self.style == "latex" else text

    def _before(self, g: Expr, v: Expr, f_ndim: int) -> str:
        # A derivative before the differential that it belongs to: (∇f)ᵀ dx, tr((∇f)ᵀ dX), J dx.
        before, dx = self.write(g), self._d() + self.write(v)
        if not v.ndim or f_ndim:
            return f"({before}) {dx}"
        t = {"latex": r"^{\mathsf T}", "text": ".T"}.get(self.style, "ᵀ")
        text = f"({before}){t} {dx}"
        if v.ndim == 1:
            return text
        if v.ndim > 2:
            return {"latex": rf"\langle {before}, {dx} \rangle", "text": f"sum(({before}) * {dx})"}.get(
                self.style, f"⟨{before}, {dx}⟩"
            )
        return (r"\operatorname{tr}" if self.style == "latex" else "tr") + f"({text})"

    def _result(self, line: Line) -> list[Row]:
        last = self.derivation.lines[-1] is line
        if last and (self.derivation.order > 1 or self.derivation.title == "Jacobian"):
            left = self._higher(line.target)
            note = self._shape(line.result.shape)
            if not self._read_off() and line.target.ndim:
                note += "      " + self._say("each unit", dx=self._math_d(line.target))
            return [Row("result", left, self.write(line.result), note, _steps(line))]
        nabla = r"\nabla f" if self.style == "latex" else ("grad f" if self.style == "text" else "∇f")
        left = f"{nabla}({self.write(line.target)})"
        back = self.backward.get(line.target)
        if back is not None and line.result is back.result and not self.single:
            return []  # the line above says it already
        return [Row("result", left, self.write(line.result), self._shape(line.target.shape), _steps(line))]

    def _higher(self, x: Expr) -> str:
        letter, order = self.write(x), self.derivation.order
        if self._mixed() and self.derivation.row is not None:
            return mixed(self.derivation.row, x, self.style)
        if self.derivation.title == "Jacobian":
            return {"latex": rf"\frac{{\partial f}}{{\partial {letter}}}", "text": f"df/d{letter}"}.get(
                self.style, f"∂f/∂{letter}"
            )
        return {"latex": rf"\nabla^{{{order}}} f({letter})", "text": f"grad^{order} f({letter})"}.get(
            self.style, f"∇{'²³'[order - 2] if order < 4 else order}f({letter})"
        )

    # --- reasons ---

    def _say(self, key: str, **slots: str) -> str:
        return say(key, self.language, **slots)

    def _shape(self, shape: tuple) -> str:
        if not shape:
            return self._say("scalar")
        return (
            "$" + shape_text(shape).replace("×", r" \times ") + "$"
            if self.style == "latex"
            else shape_text(shape)
        )

    def _rule(self, step: Step) -> str:
        slots = {k: self.write(v) if isinstance(v, Expr) else str(v) for k, v in step.facts.items()}
        return self._say(step.rule.name, **slots)

    def _phase_note(self, phase: Phase) -> str:
        if phase.kind == "substitute":
            return self._say("substitute")
        return "; ".join(dict.fromkeys(self._rule(s) for s in phase.board if s.rule.group == "simplify"))

    def _reason(self, line: Line, phase: Phase) -> str:
        taken = [
            s for s in phase.steps.values() if s.rule.group == "calculus" and not is_zero(s.before.args[0])
        ]
        if not taken:
            return ""
        slid = sliding_reason(line, phase)
        if slid:
            return self._say(slid)
        tops = list(dict.fromkeys(s.facts["y"] for s in taken if s.facts["named"]))
        curved = [s.facts["node"] for s in taken if s.facts["op"] not in _PLAIN]
        if any(n.op.name == "scan" for n in curved):
            return self._say("through time")
        if curved:
            return self._law(line, curved)
        if line.kind == "backward" and len(tops) > 1:
            return self._say("uses", x=self.write(line.target), count=str(len(tops)))
        top = (
            next((x for x in phase.before.args if x.op is PULL), None)
            if phase.before.op is not PULL
            else None
        )
        if not tops and top is not None and len(phase.before.args) > 1:
            return self._say("uses", x=self.write(line.target), count=str(len(phase.before.args)))
        return self._linear(line, tops[0] if tops else None)

    def _law(self, line: Line, curved: list[Expr]) -> str:
        names = {n.op.name for n in curved}
        if names == {"power"} and all(
            n.args[1].op.name == "constant" and n.args[1].params[0] == 2 for n in curved
        ):
            function = next(
                l.result for l in self.derivation.lines if l.kind == "forward" and l.left.op is not NAME
            )
            if any(n.ndim for n in curved):
                averaged = any(n.op is POWER and n.args[0].op is SIZE for n in walk(function))
                return self._say("mean of squares" if averaged else "sum of squares")
        if (
            names <= {"log_softmax", "logsumexp", "softmax", "log"}
            and "softmax" not in names
            and line.target.op is NAME
            and line.kind == "backward"
        ):
            return self._say("cross-entropy")
        law = next((n.op.law for n in curved if n.op.law and n.op.name != "power"), "")
        if not law:
            return self._say("power rule")
        if self.style == "latex":
            return f"${law}$" if law else ""
        return self._say("law", law=unicode_law(law)) if law else ""

    def _linear(self, line: Line, y: Expr | None) -> str:
        x = line.target
        if line.kind == "tangent":
            return ""
        if y is None:
            return self._say(
                "linear", y=f"${self._f()}$" if self.style == "latex" else self._f(), x=self._math(x)
            )
        if x.ndim == 1 and y.ndim == 1:
            matrix = normalise(forward(y.args[0], {x: unit(x.shape)}))
            if matrix.ndim == 2 and x not in set(walk(matrix)):
                return self._say(
                    "linear with matrix", y=self._math(y), x=self._math(x), matrix=self._math(matrix)
                )
        return self._say("linear", y=self._math(y), x=self._math(x))

    def _math(self, x: Expr) -> str:
        return f"${self.write(x)}$" if self.style == "latex" else self.write(x)


def mixed(row: Expr, x: Expr, style: str) -> str:
    """Return how the derivative by `x` of the gradient by `row` is called: ∂²f/∂a∂b."""
    a, b = pretty(row, style), pretty(x, style)
    return {
        "latex": rf"\frac{{\partial^2 f}}{{\partial {a} \, \partial {b}}}",
        "text": f"d^2f/(d{a} d{b})",
    }.get(style, f"∂²f/∂{a}∂{b}")


def _steps(line: Line) -> tuple[Step, ...]:
    return tuple(s for p in line.phases for s in p.steps.values())


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
        label = "" if row.section == "result" else say(head, language) if head else ""
        indent = "" if row.section == "result" else f"{label:<{LABEL}}"
        own = _width(found, row.section)
        left = f"{row.left} {row.sign} " if row.left else " " * own + f"{row.sign} "
        text = f"{indent}{left}{row.right}"
        out.append(f"{text:<{COLUMN}}  {row.note}".rstrip() if row.note else text)
        if detail == "full":
            out.extend(_full(row, style))
    return "\n".join(out)


def _width(found: list[Row], section: str) -> int:
    # Continuation rows align their equals sign with the last row that had a left side.
    lefts = [r.left for r in found if r.section == section and r.left]
    return min((len(x) + 1 for x in lefts), default=0)


def _full(row: Row, style: str) -> list[str]:
    lines = []
    for step in row.steps:
        before, after = (_write_any(x, style) for x in (step.before, step.after))
        # A change that the notation does not show is said by its law instead.
        law = (step.rule.apply.__doc__ or "").strip().splitlines()
        change = f"{before} → {after}" if before != after else (law[0] if law else before)
        lines.append(f"{'':<{LABEL}}    · {step.rule.name}: {change}")
    return lines


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
    text = f"f({variables}) = {pretty(f, style, mean=True)}"
    shapes = "   ".join(f"{pretty(s, style)}: {shape_text(s.shape)}" for s in f.symbols.values())
    return f"{text:<{COLUMN}}  {shapes}".rstrip()


def named_rows(derivation: Derivation, style: str = "unicode") -> list[Row]:
    """Return a row for each name that the results still hold, in the order of the derivation."""
    held = {n for r in derivation.results for n in walk(r) if n.op is NAME}
    order = [line.left for line in derivation.lines if line.left in held] if held else []
    order += [n for n in held if n not in order]
    return [
        Row("with", pretty(n, style), pretty(n.args[0], style), shape_text(n.shape))
        for n in dict.fromkeys(order)
    ]


# --- LaTeX, HTML, data ------------------------------------------------------------------------------------


def _latex_note(note: str) -> str:
    pieces = note.split("$")
    return "".join(rf"\text{{{p}}}" if i % 2 == 0 and p else p for i, p in enumerate(pieces))


def _latex(found: list[Row], detail: str) -> str:
    lines = []
    for row in found:
        note = rf" && {_latex_note(row.note)}" if row.note else ""
        lines.append(rf"{row.left} &{row.sign} {row.right}{note} \\")
        if detail == "full":
            for step in row.steps:
                lines.append(rf"& \quad \text{{{step.rule.name}}} \\")
    return "\\begin{aligned}\n" + "\n".join(lines) + "\n\\end{aligned}"


def _html_table(found: list[Row], detail: str) -> str:
    from latex2mathml.converter import convert

    out = ['<table class="derivation">']
    section = ""
    for row in found:
        head = row.section if row.section != section and row.section != "result" else ""
        section = row.section
        pieces = row.note.split("$")
        note = "".join(convert(p) if i % 2 else _html.escape(p) for i, p in enumerate(pieces))
        left = convert(row.left) if row.left else ""
        out.append(
            f'<tr class="{row.section}"><th>{_html.escape(head)}</th><td class="left">{left}</td>'
            f'<td class="right">{convert(f"{row.sign} {row.right}")}</td><td class="note">{note}</td></tr>'
        )
        if detail == "full" and row.steps:
            items = "".join(f"<li>{_html.escape(s.rule.name)}</li>" for s in row.steps)
            out.append(f'<tr class="steps"><th></th><td colspan="3"><ol>{items}</ol></td></tr>')
    out.append("</table>")
    return "\n".join(out)


def written(x: Expr) -> dict[str, str]:
    """Return an expression in Unicode and in LaTeX, with its shape."""
    if x.op in (PULL, PUSH):
        return {"unicode": _write_any(x, "unicode"), "shape": shape_text(x.shape)}
    return {"unicode": pretty(x, "unicode"), "latex": pretty(x, "latex"), "shape": shape_text(x.shape)}


def as_data(derivation: Derivation, language: str = "en") -> dict[str, Any]:
    """Return a derivation as plain data: every line, phase and step, in Unicode and in LaTeX."""

    def facts(step: Step) -> dict[str, str]:
        return {k: pretty(v, "unicode") if isinstance(v, Expr) else str(v) for k, v in step.facts.items()}

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
                        "steps": [
                            {
                                "rule": s.rule.name,
                                "group": s.rule.group,
                                "before": written(s.before),
                                "after": written(s.after),
                                "facts": facts(s),
                            }
                            for s in phase.steps.values()
                        ],
                    }
                    for phase in line.phases
                ],
            }
            for line in derivation.lines
        ],
        "rows": [
            {"section": r.section, "left": r.left, "right": r.right, "reason": r.note}
            for r in rows(derivation, "unicode", language)
        ],
    }
