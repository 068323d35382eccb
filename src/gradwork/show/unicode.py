"""Unicode mathematics: −2/n Xᵀ(y − Xb)."""

from __future__ import annotations

from collections.abc import Sequence

from gradwork.expr import notation as m
from gradwork.show.letters import is_word, lower, unicode_name, upper
from gradwork.show.printer import (
    ATOM,
    BIG,
    HADAMARD,
    POSTFIX,
    PREFIX,
    PRODUCT,
    RELATION,
    Printer,
    Spelled,
    index_texts,
)

_DIGITS = "0123456789"
_SIGNS = {">=": "≥", "<=": "≤", "==": "=", "!=": "≠"}
# Letters that are also functions: σ (1 − σ) is a product, σ(x) is not.
_ALSO_FUNCTIONS = "σψΦΓ"
# Functions that are written before a plain argument without brackets.
_BARE = ("log",)


class Unicode(Printer):
    """Mathematics in one line of Unicode."""

    def name(self, label: str, as_given: bool = False) -> Spelled:
        if as_given:
            return Spelled(label, ATOM, True)
        return Spelled(unicode_name(label), ATOM, is_word(label))

    def decimal(self, value: float) -> str:
        digits, e, power = repr(value).partition("e")
        if not e:
            return {"inf": "∞"}.get(digits, digits)
        raised = f"10{upper(str(int(power)))}"
        return raised if digits == "1" else f"{digits}·{raised}"

    def adjoint(self, name: Spelled) -> Spelled:
        return Spelled(self.partial(name.text), PREFIX, True)

    def join(self, left: str, right: str, space: bool) -> str:
        if right[0] in _DIGITS and (left[-1] in _DIGITS or (space and left[-1] != ")")):
            return f"{left} · {right}" if space else f"{left}·{right}"
        return (
            f"{left} {right}" if space or (left[-1] in _ALSO_FUNCTIONS and right[0] == "(") else left + right
        )

    def raw(self, part: m.Raw, below: Sequence[Spelled]) -> Spelled:
        return Spelled(part.unicode, ATOM if part.atom else PRODUCT)

    def call(self, part: m.Call, below: Sequence[Spelled]) -> Spelled:
        name = part.unicode or part.name
        inside = ", ".join([*(b.text for b in below), *(f"{k}={v}" for k, v in part.options)])
        if (
            name in _BARE
            and len(below) == 1
            and isinstance(part.args[0], m.Letter)
            and below[0].level == ATOM
        ):
            return Spelled(f"{name} {inside}", PREFIX, True, closed=f"{name}({inside})")
        called = f"{name}({inside})"
        return (
            Spelled(called, PREFIX, True, closed=f"({called})")
            if " " in name
            else Spelled(called, ATOM, True)
        )

    def hadamard(self, part: m.Hadamard, below: Sequence[Spelled]) -> Spelled:
        texts = []
        for k, b in enumerate(below):
            closed = b.closed if k < len(below) - 1 else ""
            texts.append(closed or (self.bracket(b.text) if b.open_bar else self.at(b, PRODUCT)))
        return Spelled(" ∘ ".join(texts), HADAMARD)

    def correlate(self, part: m.Correlate, below: Sequence[Spelled]) -> Spelled:
        left, right = (
            b.closed or (self.bracket(b.text) if b.open_bar else self.at(b, PRODUCT)) for b in below
        )
        return Spelled(f"{left} ⋆{_lowered((part.stride,)) if part.stride else ''} {right}", HADAMARD)

    def quotient(self, part: m.Quotient, below: Sequence[Spelled]) -> Spelled:
        return self.fraction(*below)

    def fraction(self, top: Spelled, bottom: Spelled) -> Spelled:
        over = self.bracket(top.text) if top.open_bar else top.closed or self.at(top, PRODUCT)
        under = bottom.closed if bottom.level == PREFIX and bottom.closed else self.at(bottom, POSTFIX)
        return Spelled(f"{over}/{under}", PRODUCT, open_bar=True)

    def power(self, part: m.Power, below: Sequence[Spelled]) -> Spelled:
        base, exponent = below
        raised = upper(exponent.text.replace("−", "-"))
        if part.elementwise and not isinstance(part.base, m.Call):
            mark = f"^∘{exponent.text if exponent.level == ATOM else self.bracket(exponent.text)}"
        else:
            mark = raised if raised is not None else f"^{self.at(exponent, ATOM)}"
        return Spelled(self.at(base, ATOM) + mark, POSTFIX, base.wide and base.level == ATOM)

    def transpose(self, part: m.Transpose, below: Sequence[Spelled]) -> Spelled:
        return self._marked(below[0], "ᵀ")

    def inverse(self, part: m.Inverse, below: Sequence[Spelled]) -> Spelled:
        return self._marked(below[0], "⁻ᵀ" if part.transposed else "⁻¹")

    def _marked(self, base: Spelled, mark: str) -> Spelled:
        return Spelled(self.at(base, ATOM) + mark, POSTFIX, base.wide and base.level == ATOM)

    def fence(self, part: m.Fence, below: Sequence[Spelled]) -> Spelled:
        text = below[0].text
        if part.kind == "det":
            return Spelled(f"det({text})", ATOM, True)
        if part.kind == "prime":
            inside = text if isinstance(part.body, m.Letter) else self.bracket(text)
            return (
                Spelled(f"∂{inside}/∂{self.name(part.sub).text}", PREFIX, True)
                if part.sub
                else Spelled(f"{inside}′", POSTFIX)
            )
        if part.kind == "entries":
            return Spelled(f"[{text}]{_lowered(part.sub.split(','))}", POSTFIX)
        left, right = {"abs": "||", "norm": "‖‖", "bracket": "[]"}[part.kind]
        sub = f"_{part.sub}" if part.sub else ""
        return Spelled(
            f"{left}{text}{right}{sub}", ATOM, starts_wide=part.kind == "bracket"
        )  # k[x > 0] is an index

    def big_sum(self, part: m.BigSum, below: Sequence[Spelled]) -> Spelled:
        body = below[0]
        sign = "Π" if part.operator == "prod" else "Σ"
        return Spelled(
            f"{sign}{_lowered(part.indices)} {self.at(body, BIG if body.level == BIG else HADAMARD)}", BIG
        )

    def indexed(self, part: m.Indexed, below: Sequence[Spelled]) -> Spelled:
        base, texts = self.at(below[0], ATOM), index_texts(part, below)
        if part.brackets:
            return Spelled(f"{base}[{', '.join(texts)}]", ATOM)
        return Spelled(base + _lowered(texts), POSTFIX)

    def relation(self, part: m.Relation, below: Sequence[Spelled]) -> Spelled:
        left, right = (self.at(b, RELATION + 1) for b in below)
        return Spelled(f"{left} {_SIGNS.get(part.sign, part.sign)} {right}", RELATION)

    def root(self, part: m.Root, below: Sequence[Spelled]) -> Spelled:
        return Spelled("√" + self.at(below[0], ATOM), POSTFIX, ends_wide=True)

    def cases(self, part: m.Cases, below: Sequence[Spelled]) -> Spelled:
        return Spelled(f"where({', '.join(b.text for b in below)})", ATOM, True)


def _lowered(indices: Sequence[str]) -> str:
    lowered = [lower(i) for i in indices]
    if any(l is None for l in lowered):
        return "_{" + ",".join(indices) + "}"
    return "".join(l for l in lowered if l is not None)


UNICODE = Unicode()
