"""The rows of a derivation, as on a blackboard: what stands left and right of each equals sign, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gradwork.diff.derivation import Derivation, Line, Phase
from gradwork.expr.dims import shape_text
from gradwork.expr.node import NAME, SYMBOL, Expr, walk
from gradwork.expr.reason import Reason
from gradwork.rewrite.engine import Step
from gradwork.show import alphabet, math, recurrence
from gradwork.show.laws import unicode_law
from gradwork.show.letters import parts_of
from gradwork.show.printer import Printer
from gradwork.show.reasons import Reasons, Use, folded
from gradwork.show.whole import definitions
from gradwork.words.say import say


@dataclass(frozen=True)
class Row:
    """One written row: its section, what stands left and right of the equals sign, and why.

    note is the reason in words, `reasons` the same as data.
    """

    section: str
    left: str
    right: str
    note: str = ""
    steps: tuple[Step, ...] = ()
    sign: str = "="
    reasons: tuple[Reason, ...] = ()


def rows(derivation: Derivation, style: str, language: str = "en", detail: str = "board") -> list[Row]:
    """Return the rows of the blackboard, or with the detail "slow" those for a pupil: a rule a row."""
    writer = Rows(derivation, style, language)
    if detail == "slow" and derivation.manner == "backprop" and derivation.order == 1:
        from gradwork.show.slow import slow_rows

        return slow_rows(writer)
    found = [row for line in derivation.lines for row in writer.of(line)]
    # Why gradients fade is said once all of them have been.
    late = [row for row in found if row.section == "why it fades"]
    first = [row for row in found if row not in late]
    at = next((i for i, row in enumerate(first) if row.section == "result"), len(first))
    return [*first[:at], *late, *first[at:]]


class Rows:
    """Writes the lines of one derivation in one style and language."""

    def __init__(self, derivation: Derivation, style: str, language: str):
        self.derivation, self.style, self.language = derivation, style, language
        self.alphabet = alphabet(style, loss_letter(derivation))
        self.backward = {line.target: line for line in derivation.lines if line.kind == "backward"}
        self.single = len(derivation.variables) == 1
        self.named = any(line.kind == "forward" and line.left.op is NAME for line in derivation.lines)
        tangents = [line for line in derivation.lines if line.kind == "tangent"]
        self.last_tangent = tangents[-1] if tangents else None
        self.why = Reasons(derivation)

    def write(self, x: Expr, **options: Any) -> str:
        return self.alphabet.spell(math(x, **options))

    def of(self, line: Line) -> list[Row]:
        """Return the rows of a line."""
        return getattr(self, "_" + line.kind)(line)

    def _f(self) -> str:
        return self.alphabet.plain(self.alphabet.loss)

    def partial(self, x: Expr) -> str:
        """Return ∂f/∂x."""
        return self.alphabet.partial(self.write(x))

    def _forward(self, line: Line) -> list[Row]:
        left = self.write(line.left) if line.left.op is NAME else self._f()
        shape = line.target.shape
        note = self._shape(shape) if shape else self._say("scalar")
        stable = self.stabilised(line)
        if stable:
            note += "      " + self.spoken(stable)
        if line.left.op is NAME and recurrence.is_last(line.result):
            return []  # the lines of the step have said what it is
        if line.left.op is not NAME and not self.named and not stable:
            return []  # nothing was named: the header has said what f is
        return [
            Row(
                "forward",
                left,
                self.write(line.result, mean=False),
                note,
                _steps(line),
                reasons=tuple(stable),
            )
        ]

    def stabilised(self, line: Line) -> list[Reason]:
        """Return why the function stands in another form than it was typed in."""
        taken = [s for p in line.phases if p.kind == "stabilise" for s in p.steps.values()]
        return list(dict.fromkeys(s.reason for s in taken if s.rule.group == "stabilise"))

    def _backward(self, line: Line) -> list[Row]:
        if line.folded:
            return []
        partial = self.partial(line.target)
        delta = line.left.op is NAME and line.left.params[1] == "delta"
        left = self.alphabet.row(self.write(line.left), "=", partial) if delta else partial
        phases = [p for p in line.phases if p.kind != "stabilise"]
        uses = self.why.of(line)
        reasons = folded(uses, line.target)
        shown: list[Row] = []
        if len(phases) > 1 and self._hidden(phases[0]):
            # The adjoint of an activation is not written on its own: the line starts with it filled in.
            reasons = [*self.why.before(line), *reasons]
            phases = phases[1:]
        elif line.kind == "backward" and self._differ(uses):
            shown, reasons = [self._use(line.target, use) for use in uses], [Reason.of("sum rule")]
        for i, phase in enumerate(phases):
            why = reasons if i == 0 else self._phase_reasons(phase)
            steps = tuple(phase.steps.values())
            shown.append(self.row("backward", left if i == 0 else "", phase.after, why, steps))
        return shown

    def row(
        self, section: str, left: str, right: Expr, reasons: list[Reason], steps: tuple[Step, ...] = ()
    ) -> Row:
        """Return a row whose right side is an expression."""
        return Row(section, left, self.write(right), self.spoken(reasons), steps, "=", tuple(reasons))

    def _differ(self, uses: list[Use]) -> bool:
        # Terms of the function with laws of their own: each gets its line.
        if len(uses) < 2 or any(use.source is None or not use.reasons for use in uses):
            return False
        said = [self.spoken(list(use.reasons)) for use in uses]
        direct = [use for use in uses if use.source is not None and use.source.op is not NAME]
        return len(set(said)) > 1 and len(direct) > 1

    def _use(self, x: Expr, use: Use) -> Row:
        assert use.source is not None
        left = self._partial_of(use.source, x)
        return self.row("backward", left, use.phase.after, list(use.reasons))

    def partial_of_part(self, part: Expr) -> str:
        """Return ∂f/∂(part) for any part of the function."""
        if part.op in (NAME, SYMBOL):
            return self.partial(part)
        return self.alphabet.partial(self.alphabet.bracket(self.write(part, mean=False)))

    def through(self, which: int) -> str:
        """Return which use of a quantity a row is of."""
        text = self._say("use number", number=which)
        return {"latex": rf" \quad \text{{{text}}}", "mathml": f"<mtext>\u00a0{text}</mtext>"}.get(
            self.style, f" {text}"
        )

    def plain_backward(self, line: Line) -> list[Row]:
        """Return the rows of a backward line, its folded adjoints too."""
        phases = [p for p in line.phases if p.kind != "stabilise"]
        delta = line.left.op is NAME and line.left.params[1] == "delta"
        partial = self.partial(line.target)
        left = self.alphabet.row(self.write(line.left), "=", partial) if delta else partial
        shown = []
        for i, phase in enumerate(phases):
            why = folded(self.why.of(line), line.target) if i == 0 else self._phase_reasons(phase)
            steps = tuple(phase.steps.values())
            shown.append(self.row("backward", "" if i else left, phase.after, why, steps))
        return shown

    def _partial_of(self, term: Expr, x: Expr) -> str:
        if term.op is NAME:
            return self._say("through", y=self._math(term))
        return self.alphabet.partial_of(self.write(term, mean=False), self.write(x))

    def _step(self, line: Line) -> list[Row]:
        return [Row("forward", *recurrence.step(self, line), _steps(line))]

    def _step_back(self, line: Line) -> list[Row]:
        found = [] if recurrence.is_seed(line.result) else self._backward(line)
        return recurrence.backward_rows(self, line, found)

    def _hidden(self, phase: Phase) -> bool:
        folded = {line.left for line in self.derivation.lines if line.folded}
        return any(n in folded for n in walk(phase.after))

    def _tangent(self, line: Line) -> list[Row]:
        named = line.left.op is NAME
        left = self.write(line.left) if named else self.alphabet.differential(self._whole())
        shown = []
        for i, phase in enumerate(line.phases):
            derived = phase.kind == "derive"
            why = self.why.of_tangent(line, phase) if derived else self._phase_reasons(phase)
            steps = tuple(phase.steps.values())
            shown.append(self.row("differentials", left if i == 0 else "", phase.after, why, steps))
        if line is self.last_tangent:
            shown += self._undefined() + self._read_off()
        return shown

    def _mixed(self) -> bool:
        row = self.derivation.row
        return row is not None and row is not self.derivation.variables[0]

    def _whole(self) -> str:
        # What the last differential is of: the function, or its gradient.
        if self.derivation.order == 1:
            return self._f()
        if self._mixed() and self.derivation.row is not None:
            return self.alphabet.bracket(self.partial(self.derivation.row))
        nabla = self.alphabet.nabla()
        return self.alphabet.bracket(nabla) if self.style == "text" else nabla

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
        simpler = [r for phase in derivation.simplified for r in self.why.simplified(phase)]
        if simpler:
            notes[-1] += "; " + self.spoken(simpler)
        left = "" if self.single else self.alphabet.differential(self._whole())
        return [
            Row("differentials", left if i == 0 else "", product, note, (), "=" if i == 0 else "+")
            for i, (product, note) in enumerate(zip(products, notes, strict=True))
        ]

    def _math_d(self, v: Expr) -> str:
        return self.alphabet.aside(self.alphabet.differential(self.write(v)))

    def _before(self, g: Expr, v: Expr, f_ndim: int) -> str:
        # A derivative before the differential that it belongs to: (∇f)ᵀ dx, tr((∇f)ᵀ dX), J dx.
        alphabet = self.alphabet
        before, dx = self.write(g), alphabet.differential(self.write(v))
        if not v.ndim or f_ndim:
            return alphabet.beside(alphabet.bracket(before), dx)
        if v.ndim > 2:
            return alphabet.inner(before, dx)
        product = alphabet.beside(alphabet.turn(before), dx)
        return product if v.ndim == 1 else alphabet.trace(product)

    def _result(self, line: Line) -> list[Row]:
        last = self.derivation.lines[-1] is line
        if last and (self.derivation.order > 1 or self.derivation.title == "Jacobian"):
            left = self._higher(line.target)
            note = self._shape(line.result.shape)
            if not self._read_off() and line.target.ndim:
                note += "      " + self._say("each unit", dx=self._math_d(line.target))
            return [Row("result", left, self.write(line.result), note, _steps(line))]
        left = self.alphabet.applied(self.alphabet.nabla(), self.write(line.target))
        back = self.backward.get(line.target)
        if back is not None and line.result is back.result and not self.single:
            return []  # the line above says it already
        note = self._shape(line.target.shape)
        last_phase = line.phases[-1]
        why = [s.reason for s in last_phase.steps.values() if s.rule.name == "within structure"]
        if why:
            note = f"{note}      {self.spoken(why)}"
        return [Row("result", left, self.write(line.result), note, _steps(line), "=", tuple(why))]

    def _higher(self, x: Expr) -> str:
        alphabet, row = self.alphabet, self.derivation.row
        if self._mixed() and row is not None:
            return mixed(row, x, alphabet)
        if self.derivation.title == "Jacobian":
            return alphabet.partial(self.write(x))
        return alphabet.applied(alphabet.nabla(self.derivation.order), self.write(x))

    # --- reasons ---

    def _say(self, key: str, **slots: Any) -> str:
        return say(key, self.language, **slots)

    def _shape(self, shape: tuple) -> str:
        return shape_text(shape) if shape else self._say("scalar")

    def _phase_reasons(self, phase: Phase) -> list[Reason]:
        found = self.why.simplified(phase)
        if phase.kind == "substitute":
            return [Reason.of("substitute"), *found]
        return found or [Reason.of("tidied")]

    def spoken(self, reasons: list[Reason]) -> str:
        """Return reasons in words."""
        return "; ".join(dict.fromkeys(filter(None, map(self._speak, reasons))))

    def _speak(self, reason: Reason) -> str:
        slots = {k: self._fact(k, v) for k, v in reason.pairs if k not in ("node", "i", "op", "sides")}
        return self._say(reason.key, **slots)

    def _fact(self, key: str, value: Any) -> str | list[str]:
        if key == "law":
            return f"${value}$" if self.style == "latex" else unicode_law(value)
        if isinstance(value, Reason):
            return self._speak(value)
        if isinstance(value, tuple):
            texts = [self._math(v) for v in value]
            return texts
        if key == "term":
            return self.alphabet.aside(self.write(value, mean=False))
        return self._math(value) if isinstance(value, Expr) else str(value)

    def _math(self, x: Expr) -> str:
        return self.alphabet.aside(self.write(x))


def loss_letter(derivation: Derivation) -> str:
    """Return what the function is called: f, unless one of its symbols or quantities has that letter."""
    names = {line.left.params[0] for line in derivation.lines if line.left.op is NAME}
    taken = {parts_of(label)[0] for label in (*derivation.function.symbols, *names)}
    return next((letter for letter in ("f", "ℓ", "L") if letter not in taken), "f")


def mixed(row: Expr, x: Expr, chosen: Printer) -> str:
    """Return how the derivative by `x` of the gradient by `row` is called: ∂²f/∂a∂b."""
    return chosen.mixed(chosen.spell(math(row)), chosen.spell(math(x)))


def _steps(line: Line) -> tuple[Step, ...]:
    return tuple(s for p in line.phases for s in p.steps.values())
