"""ASCII text that the formula language reads back: -2/n * X.T@(y - X@b).

Names are as they were given, so that the formula that is read is the same expression. What only index notation
says is `einsum("ij,jk->ik", A, B)`; placed or scattered parts, `tril`, `shares` and `product_without`, which only
derivatives hold, are calls: these are for people and are not read back.
"""

from __future__ import annotations

from collections.abc import Sequence

from gradwork.expr import notation as m
from gradwork.show.printer import (
    ATOM,
    HADAMARD,
    POSTFIX,
    PRODUCT,
    RELATION,
    SUM,
    Printer,
    Spelled,
    index_texts,
)
from gradwork.show.prose import transliterate

_CALLED = {"==": "equal", "!=": "not_equal"}


class Text(Printer):
    """Mathematics in the formula language."""

    minus = "-"
    dots = "..."

    def partial(self, name: str, of: str = "") -> str:
        return f"d{of or self.loss}/d{name}"

    def partial_of(self, term: str, name: str) -> str:
        return f"d({term})/d{name}"

    def mixed(self, first: str, second: str) -> str:
        return f"d^2{self.loss}/(d{first} d{second})"

    def nabla(self, order: int = 1) -> str:
        return f"grad{'' if order == 1 else f'^{order}'} {self.loss}"

    def turn(self, text: str) -> str:
        return f"({text}).T"

    def inner(self, left: str, right: str) -> str:
        return f"sum(({left}) * {right})"

    def plain(self, text: str) -> str:
        return transliterate(text)

    def aside(self, text: str) -> str:
        return text

    def name(self, label: str, as_given: bool = False) -> Spelled:
        return Spelled(label)

    def adjoint(self, name: Spelled) -> Spelled:
        return Spelled(self.partial(name.text), PRODUCT, open_bar=True)

    def choose(self, part: m.Either) -> m.Math:
        return part.text

    def join(self, left: str, right: str, space: bool) -> str:
        return f"{left} * {right}" if space else f"{left}*{right}"

    def raw(self, part: m.Raw, below: Sequence[Spelled]) -> Spelled:
        return Spelled(part.text, ATOM if part.atom else PRODUCT)

    def call(self, part: m.Call, below: Sequence[Spelled]) -> Spelled:
        return Spelled(
            f"{part.name}({', '.join([*(b.text for b in below), *(f'{k}={v}' for k, v in part.options)])})"
        )

    def times(self, part: m.Times, below: Sequence[Spelled]) -> Spelled:
        # The last factor may be a matrix product: (2/n * X.T)@r and 2/n * (X.T@r) are the same.
        ends = (0, len(below) - 1)
        texts = [
            b.text if b.level == PRODUCT and k in ends and not (k and b.open_bar) else self.at(b, POSTFIX)
            for k, b in enumerate(below)
        ]
        loose = [b.level == PRODUCT for b in below]
        text = texts[0]
        for k in range(1, len(texts)):
            text = self.join(text, texts[k], loose[k - 1] or loose[k])
        return Spelled(text, PRODUCT)

    def matmul(self, part: m.MatMul, below: Sequence[Spelled]) -> Spelled:
        nested = [
            isinstance(self.choose(f) if isinstance(f, m.Either) else f, m.MatMul) for f in part.factors
        ]
        texts = [b.text if n else self.at(b, POSTFIX) for b, n in zip(below, nested)]
        return Spelled("@".join(texts), PRODUCT)

    def outer(self, part: m.Outer, below: Sequence[Spelled]) -> Spelled:
        return Spelled(f"outer({below[0].text}, {below[1].text})")

    def hadamard(self, part: m.Hadamard, below: Sequence[Spelled]) -> Spelled:
        # `*` and `@` bind equally, so a product within an elementwise one stands in brackets.
        return Spelled(" * ".join(self.at(b, POSTFIX) for b in below), HADAMARD)

    def correlate(self, part: m.Correlate, below: Sequence[Spelled]) -> Spelled:
        stride = f", stride={part.stride}" if part.stride else ""
        return Spelled(f"correlate({below[0].text}, {below[1].text}{stride})")

    def quotient(self, part: m.Quotient, below: Sequence[Spelled]) -> Spelled:
        return self.fraction(*below)

    def fraction(self, top: Spelled, bottom: Spelled) -> Spelled:
        return Spelled(f"{self.at(top, PRODUCT)}/{self.at(bottom, POSTFIX)}", PRODUCT, open_bar=True)

    def power(self, part: m.Power, below: Sequence[Spelled]) -> Spelled:
        base, exponent = below
        # ^ of a matrix is read as its power within products; ** always raises components.
        sign = "**" if part.elementwise else "^"
        return Spelled(f"{self.at(base, ATOM)}{sign}{self.at(exponent, ATOM)}", POSTFIX)

    def transpose(self, part: m.Transpose, below: Sequence[Spelled]) -> Spelled:
        return below[0] if part.vector else Spelled(self.at(below[0], ATOM) + ".T", POSTFIX)

    def inverse(self, part: m.Inverse, below: Sequence[Spelled]) -> Spelled:
        text = f"inv({below[0].text})"
        return Spelled(text + ".T", POSTFIX) if part.transposed else Spelled(text)

    def fence(self, part: m.Fence, below: Sequence[Spelled]) -> Spelled:
        if part.kind == "prime":
            inside = below[0].text if isinstance(part.body, m.Letter) else self.bracket(below[0].text)
            return Spelled(f"d{inside}/d{part.sub}", PRODUCT) if part.sub else Spelled(f"{inside}'")
        if part.kind == "bracket":
            return Spelled(below[0].text if below[0].level == ATOM else self.bracket(below[0].text))
        return Spelled(f"{part.kind}({below[0].text})")

    def big_sum(self, part: m.BigSum, below: Sequence[Spelled]) -> Spelled:
        return Spelled(f"sum({below[0].text})")

    def indexed(self, part: m.Indexed, below: Sequence[Spelled]) -> Spelled:
        return Spelled(f"{self.at(below[0], ATOM)}[{', '.join(index_texts(part, below))}]")

    def relation(self, part: m.Relation, below: Sequence[Spelled]) -> Spelled:
        left, right = (self.at(b, SUM) for b in below)
        if part.sign in _CALLED:
            return Spelled(f"{_CALLED[part.sign]}({below[0].text}, {below[1].text})")
        return Spelled(f"{left} {part.sign} {right}", RELATION)

    def root(self, part: m.Root, below: Sequence[Spelled]) -> Spelled:
        return Spelled(f"sqrt({below[0].text})")

    def cases(self, part: m.Cases, below: Sequence[Spelled]) -> Spelled:
        return Spelled(f"where({', '.join(b.text for b in below)})")


TEXT = Text()
