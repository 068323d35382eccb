"""MathML: <mrow><mo>−</mo><mfrac>…</mfrac><msup>…</msup>…</mrow>, for a browser.

A spelled text is one element or several side by side. Browsers know MathML Core, which has no bold and no sans-serif
variant, so that the vector of ones and the mark of a transpose are letters of Unicode.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from html import escape

from gradwork.expr import notation as m
from gradwork.show.letters import is_word, parts_of
from gradwork.show.printer import (
    ATOM,
    BIG,
    HADAMARD,
    POSTFIX,
    PREFIX,
    PRODUCT,
    RELATION,
    SUM,
    Printer,
    Spelled,
    index_texts,
)
from gradwork.show.prose import CLOSE, OPEN

_SIGNS = {">=": "≥", "<=": "≤", "==": "=", "!=": "≠"}
_BARE = ("log",)
_THIN = '<mspace width="0.1667em"/>'
_TOKEN = re.compile(
    r"(?P<number>\d+(?:\.\d+)?)|(?P<word>[^\W\d_]+)|(?P<script>[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ᵀ]+)|(?P<sign>\S)"
)
_ABOVE = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ᵀ", "0123456789+−⊤")


class MathML(Printer):
    """Mathematics as the elements of MathML."""

    minus = "<mo>−</mo>"
    dots = "<mo>…</mo>"
    limit = 400_000  # an element takes about twenty characters

    def bracket(self, text: str) -> str:
        return f"<mrow><mo>(</mo>{text}<mo>)</mo></mrow>"

    def name(self, label: str, as_given: bool = False) -> Spelled:
        if as_given:
            return Spelled(f"<mi>{escape(label)}</mi>", ATOM, True)
        base, sub, sup = parts_of(label)
        letter = f"<mi>{escape(base)}</mi>"
        if sub and sup:
            text = f"<msubsup>{letter}{row(words(sub))}{row(words(sup))}</msubsup>"
        elif sub:
            text = f"<msub>{letter}{row(words(sub))}</msub>"
        else:
            text = f"<msup>{letter}{row(words(sup))}</msup>" if sup else letter
        return Spelled(text, ATOM, len(base) > 1 and is_word(label))

    def adjoint(self, name: Spelled) -> Spelled:
        return Spelled(self.partial(name.text), POSTFIX)

    def join(self, left: str, right: str, space: bool) -> str:
        if right.startswith("<mn>") and left.endswith("</mn>") and right[4].isascii():
            return f"{left}<mo>·</mo>{right}"
        return f"{left}{_THIN}{right}" if space else left + right

    def number(self, part: m.Number, below: Sequence[Spelled] = ()) -> Spelled:
        value = part.value
        if isinstance(value, float) and value >= 0:
            digits, e, power = repr(value).partition("e")
            shown = (
                f"<mn>{digits}</mn>" if digits not in ("inf", "nan") else words(digits.replace("inf", "∞"))
            )
            if not e:
                return Spelled(shown)
            raised = f"<msup><mn>10</mn>{row(words(power.lstrip('+').replace('-', '−')))}</msup>"
            return Spelled(raised if digits == "1" else f"{shown}<mo>·</mo>{raised}", PRODUCT, open_bar=True)
        if value >= 0 and value.denominator == 1:  # type: ignore[union-attr]
            return Spelled(f"<mn>{value}</mn>")
        return super().number(part, below)

    def digits(self, value: int) -> Spelled:
        return Spelled(f"<mn>{value}</mn>")

    def sum(self, part: m.Sum, below: Sequence[Spelled]) -> Spelled:
        text = ""
        for (negative, _), own in zip(part.terms, below):
            sign = self.minus if negative else "<mo>+</mo>" if text else ""
            text += sign + self.at(own, BIG)
        return Spelled(text or "<mn>0</mn>", SUM)

    def raw(self, part: m.Raw, below: Sequence[Spelled]) -> Spelled:
        return Spelled(words(part.unicode), ATOM if part.atom else PRODUCT)

    def call(self, part: m.Call, below: Sequence[Spelled]) -> Spelled:
        name = "".join(upright(w) for w in (part.unicode or part.name).split())
        options = (f"{words(k)}<mo>=</mo>{words(v)}" for k, v in part.options)
        inside = "<mo>,</mo>".join([*(b.text for b in below), *options])
        called = name + self.bracket(inside)
        plain = len(below) == 1 and not part.options and below[0].level == ATOM
        if (part.unicode or part.name) in _BARE and plain and isinstance(part.args[0], m.Letter):
            return Spelled(f"{name}{_THIN}{inside}", PREFIX, True, closed=called)
        if " " in (part.unicode or part.name):
            return Spelled(called, PREFIX, True, closed=self.bracket(called))
        return Spelled(called, ATOM, True)

    def hadamard(self, part: m.Hadamard, below: Sequence[Spelled]) -> Spelled:
        last = len(below) - 1
        texts = [b.closed if b.closed and k < last else self.at(b, PRODUCT) for k, b in enumerate(below)]
        return Spelled("<mo>∘</mo>".join(texts), HADAMARD)

    def correlate(self, part: m.Correlate, below: Sequence[Spelled]) -> Spelled:
        left, right = (b.closed or self.at(b, PRODUCT) for b in below)
        star = f"<msub><mo>⋆</mo>{row(words(part.stride))}</msub>" if part.stride else "<mo>⋆</mo>"
        return Spelled(left + star + right, HADAMARD)

    def quotient(self, part: m.Quotient, below: Sequence[Spelled]) -> Spelled:
        return self.fraction(*below)

    def fraction(self, top: Spelled, bottom: Spelled) -> Spelled:
        return Spelled(f"<mfrac>{row(top.text)}{row(bottom.text)}</mfrac>", POSTFIX)

    def power(self, part: m.Power, below: Sequence[Spelled]) -> Spelled:
        base, exponent = below
        mark = exponent.text
        if isinstance(part.exponent, m.Number) and isinstance(part.exponent.value, Fraction):
            mark = words(str(part.exponent.value))  # 3/2 stands in one line
        if part.elementwise and not isinstance(part.base, m.Call):
            mark = f"<mo>∘</mo>{mark}"
        return self._marked(base, mark)

    def transpose(self, part: m.Transpose, below: Sequence[Spelled]) -> Spelled:
        return self._marked(below[0], self.turned)

    turned = "<mo>⊤</mo>"

    def inverse(self, part: m.Inverse, below: Sequence[Spelled]) -> Spelled:
        return self._marked(below[0], "<mo>−</mo>" + (self.turned if part.transposed else "<mn>1</mn>"))

    def _marked(self, base: Spelled, mark: str) -> Spelled:
        text = f"<msup>{row(self.at(base, ATOM))}{row(mark)}</msup>"
        return Spelled(text, POSTFIX, base.wide and base.level == ATOM)

    def fence(self, part: m.Fence, below: Sequence[Spelled]) -> Spelled:
        text = below[0].text
        if part.kind == "det":
            return Spelled(upright("det") + self.bracket(text), ATOM, True)
        if part.kind == "prime":
            inside = text if isinstance(part.body, m.Letter) else self.bracket(text)
            if part.sub:
                below_ = f"<mrow><mo>∂</mo>{self.name(part.sub).text}</mrow>"
                return Spelled(f"<mrow><mfrac><mo>∂</mo>{below_}</mfrac>{inside}</mrow>", PREFIX)
            return Spelled(f"<msup><mrow>{inside}</mrow><mo>′</mo></msup>", POSTFIX)
        left, right = {"abs": "||", "norm": "‖‖", "bracket": "[]", "entries": "[]"}[part.kind]
        fenced = f'<mrow><mo form="prefix">{left}</mo>{text}<mo form="postfix">{right}</mo></mrow>'
        if part.sub:
            fenced = f"<msub>{fenced}{row(words(part.sub.replace(',', ' ')))}</msub>"
        return Spelled(fenced, POSTFIX if part.kind == "entries" else ATOM)

    def big_sum(self, part: m.BigSum, below: Sequence[Spelled]) -> Spelled:
        sign = "<mo>∏</mo>" if part.operator == "prod" else "<mo>∑</mo>"
        if part.indices:
            sign = f"<munder>{sign}{row('<mo>,</mo>'.join(words(i) for i in part.indices))}</munder>"
        return Spelled(sign + self.at(below[0], BIG if below[0].level == BIG else HADAMARD), BIG)

    def indexed(self, part: m.Indexed, below: Sequence[Spelled]) -> Spelled:
        base = self.at(below[0], ATOM)
        if "_" not in base and base.startswith(("<msub>", "<msubsup>")):
            base = self.bracket(base)
        texts = [t if t.startswith("<") else words(t) for t in index_texts(part, below)]
        if part.brackets:
            return Spelled(f"{base}<mo>[</mo>{'<mo>,</mo>'.join(texts)}<mo>]</mo>", ATOM)
        return Spelled(f"<msub>{row(base)}{row(''.join(texts))}</msub>", POSTFIX)

    def relation(self, part: m.Relation, below: Sequence[Spelled]) -> Spelled:
        left, right = (self.at(b, RELATION + 1) for b in below)
        return Spelled(f"{left}<mo>{escape(_SIGNS.get(part.sign, part.sign))}</mo>{right}", RELATION)

    def root(self, part: m.Root, below: Sequence[Spelled]) -> Spelled:
        return Spelled(f"<msqrt>{below[0].text}</msqrt>", POSTFIX)

    def cases(self, part: m.Cases, below: Sequence[Spelled]) -> Spelled:
        condition, then, otherwise = (b.text for b in below)
        rows = ((then, f"<mtext>if&#xA0;</mtext>{condition}"), (otherwise, "<mtext>otherwise</mtext>"))
        cells = "".join(f"<mtr><mtd>{a}</mtd><mtd>{b}</mtd></mtr>" for a, b in rows)
        return Spelled(f'<mrow><mo>{{</mo><mtable columnalign="left">{cells}</mtable></mrow>', POSTFIX)

    # --- what stands around an expression ---

    def partial(self, name: str, of: str = "") -> str:
        loss = of or words(self.loss)
        return f"<mfrac><mrow><mi>∂</mi>{loss}</mrow><mrow><mi>∂</mi>{name}</mrow></mfrac>"

    def partial_of(self, term: str, name: str) -> str:
        return f"<mfrac><mi>∂</mi><mrow><mi>∂</mi>{name}</mrow></mfrac>{self.bracket(term)}"

    def mixed(self, first: str, second: str) -> str:
        top = f"<mrow><msup><mi>∂</mi><mn>2</mn></msup>{words(self.loss)}</mrow>"
        return f"<mfrac>{top}<mrow><mi>∂</mi>{first}{_THIN}<mi>∂</mi>{second}</mrow></mfrac>"

    def nabla(self, order: int = 1) -> str:
        sign = "<mi>∇</mi>" if order == 1 else f"<msup><mi>∇</mi><mn>{order}</mn></msup>"
        return sign + words(self.loss)

    def applied(self, function: str, *names: str) -> str:
        return function + self.bracket("<mo>,</mo>".join(names))

    def differential(self, text: str) -> str:
        return f'<mi mathvariant="normal">d</mi>{text}'

    def turn(self, text: str) -> str:
        return f"<msup>{self.bracket(text)}{self.turned}</msup>"

    def beside(self, left: str, right: str) -> str:
        return f"{left}{_THIN}{right}"

    def trace(self, text: str) -> str:
        return upright("tr") + self.bracket(text)

    def inner(self, left: str, right: str) -> str:
        return f"<mrow><mo>⟨</mo>{left}<mo>,</mo>{right}<mo>⟩</mo></mrow>"

    def row(self, left: str, sign: str, right: str) -> str:
        return f"{left}<mo>{sign}</mo>{right}" if left else f"<mo>{sign}</mo>{right}"

    def plain(self, text: str) -> str:
        return words(text)

    def aside(self, text: str) -> str:
        return OPEN + math_element(text) + CLOSE


def math_element(text: str, block: bool = False) -> str:
    """Return spelled mathematics as an element of its own, in a line or in a block."""
    return f'<math display="{"block" if block else "inline"}">{row(text)}</math>'


def row(text: str) -> str:
    """Return elements as one."""
    if (
        text.startswith("<mrow>")
        and _closes(text, "mrow")
        or re.fullmatch(r"<(m[ino])[^>]*>[^<]*</\1>", text)
    ):
        return text
    return f"<mrow>{text}</mrow>"


def _closes(text: str, tag: str) -> bool:
    # Whether the element that the text begins with is all of it.
    depth = 0
    for found in re.finditer(rf"<(/?){tag}\b", text):
        depth += -1 if found[1] else 1
        if not depth:
            return found.end() == len(text) - 1
    return False


def hat(text: str) -> str:
    """Return an element under a hat, as an estimate is."""
    return f'<mover accent="true">{row(text)}<mo>^</mo></mover>'


def upright(name: str) -> str:
    """Return the name of a function."""
    # A single letter would be slanted, as a variable is, and so it may be where it is Greek.
    upright = ' mathvariant="normal"' if len(name) == 1 and name.isascii() else ""
    return f"<mi{upright}>{escape(name)}</mi>"


def words(text: str) -> str:
    """Return the numbers, letters and signs of a short text as elements.

    >>> words("t − 1")
    '<mi>t</mi><mo>−</mo><mn>1</mn>'
    """
    out = ""
    for found in _TOKEN.finditer(text.replace("-", "−")):
        kind, own = str(found.lastgroup), found[0]
        if kind == "script":
            inside = row(words(own.translate(_ABOVE)))
            head, _, last = out.rpartition("<m")
            out = f"{head}<msup><m{last}{inside}</msup>" if last else inside
            continue
        tag = {"number": "mn", "word": "mi", "sign": "mo"}[kind]
        if own == "𝟏":
            tag = "mn"
        out += f"<{tag}>{escape(own)}</{tag}>"
    return out


MATHML = MathML()
