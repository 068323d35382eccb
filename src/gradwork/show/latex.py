r"""LaTeX: -\frac{2}{n} X^{\mathsf T} \left( y - X b \right)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gradwork.expr import notation as m
from gradwork.show.letters import is_word, latex_name
from gradwork.show.printer import (
    ATOM,
    HADAMARD,
    POSTFIX,
    PREFIX,
    PRODUCT,
    RELATION,
    Printer,
    Spelled,
    index_texts,
)
from gradwork.show.prose import latex_text

_SIGNS = {">=": r"\ge", "<=": r"\le", "==": "=", "!=": r"\ne"}
_BARE = (r"\log",)
_ALSO_FUNCTIONS = (r"\sigma", r"\psi", r"\Phi", r"\Gamma")


class Latex(Printer):
    """Mathematics for TeX, MathJax and KaTeX."""

    minus = "-"
    dots = r"\ldots"

    def partial(self, name: str, of: str = "") -> str:
        return rf"\frac{{\partial {of or self._loss()}}}{{\partial {name}}}"

    def _loss(self) -> str:
        return r"\ell" if self.loss == "ℓ" else self.loss

    def partial_of(self, term: str, name: str) -> str:
        return rf"\frac{{\partial}}{{\partial {name}}} {self.bracket(term)}"

    def mixed(self, first: str, second: str) -> str:
        return rf"\frac{{\partial^2 {self._loss()}}}{{\partial {first} \, \partial {second}}}"

    def nabla(self, order: int = 1) -> str:
        return rf"\nabla{'' if order == 1 else f'^{{{order}}}'} {self._loss()}"

    def applied(self, function: str, *names: str) -> str:
        return f"{function}({', '.join(names)})"

    def differential(self, text: str) -> str:
        return rf"\mathrm d {text}"

    def turn(self, text: str) -> str:
        return self.bracket(text) + r"^{\mathsf T}"

    def beside(self, left: str, right: str) -> str:
        return rf"{left} \, {right}"

    def trace(self, text: str) -> str:
        return r"\operatorname{tr}" + self.bracket(text)

    def inner(self, left: str, right: str) -> str:
        return rf"\left\langle {left}, {right} \right\rangle"

    def plain(self, text: str) -> str:
        return latex_text(text)

    def aside(self, text: str) -> str:
        return f"${text}$"

    def bracket(self, text: str) -> str:
        return rf"\left( {text} \right)"

    def name(self, label: str, as_given: bool = False) -> Spelled:
        if as_given:
            return Spelled(r"\mathrm{" + label.replace("_", r"\_") + "}", ATOM, True)
        return Spelled(latex_name(label), ATOM, is_word(label) and "mathrm" in latex_name(label)[:7])

    def adjoint(self, name: Spelled) -> Spelled:
        return Spelled(self.partial(name.text), POSTFIX)

    def join(self, left: str, right: str, space: bool) -> str:
        if right[0].isdigit() and left[-1].isdigit():
            return rf"{left} \cdot {right}"
        if left.endswith(_ALSO_FUNCTIONS) and right.startswith(r"\left("):
            space = True
        return rf"{left} \, {right}" if space else f"{left} {right}"

    def decimal(self, value: float) -> str:
        text = repr(value)
        digits, e, power = text.partition("e")
        if not e:
            return {"inf": r"\infty", "nan": r"\mathrm{nan}"}.get(text, text)
        return rf"{digits} \cdot 10^{{{int(power)}}}"

    def raw(self, part: m.Raw, below: Sequence[Spelled]) -> Spelled:
        return Spelled(part.latex, ATOM if part.atom else PRODUCT)

    def call(self, part: m.Call, below: Sequence[Spelled]) -> Spelled:
        name = part.latex or r"\operatorname{" + part.name.replace("_", r"\_") + "}"
        options = (rf"\mathrm{{{_escape(k)}}} = {_escape(v)}" for k, v in part.options)
        inside = ", ".join([*(b.text for b in below), *options])
        called = name + self.bracket(inside)
        if (
            name in _BARE
            and len(below) == 1
            and isinstance(part.args[0], m.Letter)
            and below[0].level == ATOM
        ):
            return Spelled(f"{name} {inside}", PREFIX, closed=called)
        two_words = name.count("\\") > 1 + name.count(r"\_")
        return Spelled(called, PREFIX, closed=self.bracket(called)) if two_words else Spelled(called)

    def hadamard(self, part: m.Hadamard, below: Sequence[Spelled]) -> Spelled:
        texts = [
            b.closed if b.closed and k < len(below) - 1 else self.at(b, PRODUCT) for k, b in enumerate(below)
        ]
        return Spelled(r" \circ ".join(texts), HADAMARD)

    def correlate(self, part: m.Correlate, below: Sequence[Spelled]) -> Spelled:
        left, right = (b.closed or self.at(b, PRODUCT) for b in below)
        return Spelled(rf"{left} \star{f'_{{{part.stride}}}' if part.stride else ''} {right}", HADAMARD)

    def quotient(self, part: m.Quotient, below: Sequence[Spelled]) -> Spelled:
        return self.fraction(*below)

    def fraction(self, top: Spelled, bottom: Spelled) -> Spelled:
        return Spelled(rf"\frac{{{top.text}}}{{{bottom.text}}}", POSTFIX)

    def power(self, part: m.Power, below: Sequence[Spelled]) -> Spelled:
        base, exponent = below
        mark = exponent.text
        if isinstance(part.exponent, m.Number):
            mark = re.sub(r"\\frac\{(\d+)\}\{(\d+)\}", r"\1/\2", mark)
        if part.elementwise and not isinstance(part.base, m.Call):
            mark = rf"\circ {mark}"
        return self._marked(base, f"^{{{mark}}}")

    def transpose(self, part: m.Transpose, below: Sequence[Spelled]) -> Spelled:
        return self._marked(below[0], r"^{\mathsf T}")

    def inverse(self, part: m.Inverse, below: Sequence[Spelled]) -> Spelled:
        return self._marked(below[0], r"^{-\mathsf T}" if part.transposed else "^{-1}")

    def _marked(self, base: Spelled, mark: str) -> Spelled:
        text = self.at(base, ATOM)
        if "^" in text and base.level == ATOM and not text.startswith(r"\left"):
            text = f"{{{text}}}"  # TeX takes one superscript: that of W^i stands apart
        return Spelled(text + mark, POSTFIX, base.wide and base.level == ATOM)

    def fence(self, part: m.Fence, below: Sequence[Spelled]) -> Spelled:
        text = below[0].text
        if part.kind == "det":
            return Spelled(r"\det" + self.bracket(text), ATOM)
        if part.kind == "prime":
            inside = text if isinstance(part.body, m.Letter) else self.bracket(text)
            if part.sub:
                return Spelled(rf"\frac{{\partial}}{{\partial {self.name(part.sub).text}}} {inside}", PREFIX)
            return Spelled(f"{inside}'", POSTFIX)
        if part.kind == "entries":
            return Spelled(rf"\left[ {text} \right]_{{{part.sub}}}", POSTFIX)
        left, right = {"abs": ("|", "|"), "norm": (r"\lVert", r"\rVert"), "bracket": ("[", "]")}[part.kind]
        sub = f"_{{{part.sub}}}" if part.sub else ""
        return Spelled(rf"\left{left} {text} \right{right}{sub}", ATOM, starts_wide=part.kind == "bracket")

    def big_sum(self, part: m.BigSum, below: Sequence[Spelled]) -> Spelled:
        sub = f"_{{{','.join(part.indices)}}}".replace("≠", r" \ne ") if part.indices else ""
        sign = r"\prod" if part.operator == "prod" else r"\sum"
        return Spelled(rf"{sign}{sub} {self.at(below[0], HADAMARD)}", 2)

    def indexed(self, part: m.Indexed, below: Sequence[Spelled]) -> Spelled:
        texts = [t.replace("_", r"\_") for t in index_texts(part, below)]
        base = (
            below[0].text
            if below[0].level == ATOM and "_" not in below[0].text
            else self.bracket(below[0].text)
        )
        inside = rf"[{', '.join(texts)}]" if part.brackets else " ".join(texts)
        return Spelled(f"{base}_{{{inside}}}", POSTFIX)

    def relation(self, part: m.Relation, below: Sequence[Spelled]) -> Spelled:
        left, right = (self.at(b, RELATION + 1) for b in below)
        return Spelled(f"{left} {_SIGNS.get(part.sign, part.sign)} {right}", RELATION)

    def root(self, part: m.Root, below: Sequence[Spelled]) -> Spelled:
        return Spelled(rf"\sqrt{{{below[0].text}}}", POSTFIX)

    def cases(self, part: m.Cases, below: Sequence[Spelled]) -> Spelled:
        condition, then, otherwise = (b.text for b in below)
        rows = rf"{then} & \text{{if }} {condition} \\ {otherwise} & \text{{otherwise}}"
        return Spelled(rf"\begin{{cases}} {rows} \end{{cases}}", POSTFIX)


def _escape(text: str) -> str:
    return text.replace("_", r"\_")


LATEX = Latex()
