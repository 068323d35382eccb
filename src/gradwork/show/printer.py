"""From written mathematics to a line of it: one walk, brackets by precedence, an alphabet for each style.

The walk is bottom-up and without recursion; each part is spelled once however often it is used, and parts of
a text that grows too long are left out as `…`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

from gradwork.expr import notation as m
from gradwork.expr.notation import Math

# How tightly a text holds together, from the loosest. BIG is Σ x, which takes in all that follows it; PREFIX is
# log x, whose argument ends where the next factor would begin.
RELATION, SUM, BIG, HADAMARD, PRODUCT, PREFIX, POSTFIX, ATOM = range(8)

LIMIT = 20_000  # characters of one expression


@dataclass(frozen=True, slots=True)
class Spelled:
    """A text with how tightly it holds together.

    wide: a word or a call, which needs space between it and another factor; open_fraction: a/b without a bar;
    closed: how it is written before another factor, where `text` would take that in.
    """

    text: str
    level: int = ATOM
    wide: bool = False
    open_fraction: bool = False
    closed: str = ""


class Printer:
    """The rules that all styles share. `spell` is the way in."""

    minus = "−"
    dots = "…"
    options_shown = True

    def spell(self, root: Math) -> str:
        """Return the text of written mathematics."""
        return _Walk(self).spell(root).text

    # --- what styles differ in ---

    def bracket(self, text: str) -> str:
        return f"({text})"

    def name(self, label: str) -> Spelled:
        raise NotImplementedError

    def join(self, left: str, right: str, space: bool) -> str:
        raise NotImplementedError

    def choose(self, math: m.Either) -> Math:
        return math.shown

    # --- what they share ---

    def at(self, part: Spelled, level: int) -> str:
        """Return the text, in brackets unless it holds together at `level`."""
        return part.text if part.level >= level else self.bracket(part.text)

    def number(self, math: m.Number) -> Spelled:
        value = math.value
        if value < 0:
            return Spelled(self.minus + self.number(m.Number(-value)).text, SUM)
        if isinstance(value, Fraction):
            if value.denominator == 1:
                return Spelled(str(value.numerator))
            return self.fraction(Spelled(str(value.numerator)), Spelled(str(value.denominator)))
        return Spelled(self.decimal(value))

    def decimal(self, value: float) -> str:
        return repr(value)

    def fraction(self, top: Spelled, bottom: Spelled) -> Spelled:
        raise NotImplementedError

    def sum(self, parts: list[tuple[bool, Spelled]]) -> Spelled:
        text = ""
        for negative, part in parts:
            own = self.at(part, BIG)
            if text:
                text += f" {self.minus if negative else '+'} {own}"
            else:
                text = (self.minus if negative else "") + own
        return Spelled(text, SUM)

    def product(self, parts: list[Spelled]) -> Spelled:
        """Return factors side by side."""
        text, space = "", False
        for k, part in enumerate(parts):
            last = k == len(parts) - 1
            own = part.text
            if part.level == BIG and last and k:
                pass
            elif part.level == PREFIX:
                own = own if last else part.closed or self.bracket(own)
            elif part.level < PRODUCT or (part.open_fraction and k) or (part.level == PRODUCT and not last and k):
                own = self.bracket(own)
            elif part.level == PRODUCT and not last and not part.open_fraction:
                own = self.bracket(own)
            bare = own == part.text
            text = self.join(text, own, space or (bare and self.spaced(part))) if text else own
            space = (bare and self.spaced(part)) or (bare and part.open_fraction)
        return Spelled(text, PRODUCT)

    def spaced(self, part: Spelled) -> bool:
        return part.wide or part.level in (PREFIX, BIG)


class _Walk:
    """One spelling: what has been spelled, and which letters are taken."""

    def __init__(self, printer: Printer):
        self.printer = printer
        self.done: dict[int, Spelled] = {}
        self.kept: list[Math] = []  # parts live as long as their ids are used
        self.letters: dict[str, str] = {}

    def spell(self, root: Math) -> Spelled:
        stack: list[tuple[Math, bool]] = [(root, False)]
        while stack:
            part, ready = stack.pop()
            if id(part) in self.done:
                continue
            if isinstance(part, m.Either):
                part_shown = self.printer.choose(part)
                if ready:
                    self._keep(part, self.done[id(part_shown)])
                else:
                    stack += [(part, True), (part_shown, False)]
                continue
            below = children(part)
            if ready or not below:
                self._keep(part, self._fitted(part, [self.done[id(c)] for c in below]))
            else:
                stack.append((part, True))
                stack.extend((c, False) for c in reversed(below))
        return self.done[id(root)]

    def _keep(self, part: Math, spelled: Spelled) -> None:
        self.done[id(part)] = spelled
        self.kept.append(part)

    def _fitted(self, part: Math, below: list[Spelled]) -> Spelled:
        """Spell one part; where it grows too long, leave out the longest parts of it."""
        spelled = self._spelled(part, below)
        if len(spelled.text) <= LIMIT:
            return spelled
        dots = Spelled(self.printer.dots)
        short = list(below)
        for k in sorted(range(len(below)), key=lambda k: -len(below[k].text)):
            if len(below[k].text) <= 40:
                break
            short[k] = dots
            if sum(len(s.text) for s in short) < LIMIT // 2:
                break
        spelled = self._spelled(part, short)
        return spelled if len(spelled.text) <= LIMIT else dots

    def _spelled(self, part: Math, below: list[Spelled]) -> Spelled:
        if isinstance(part, m.Letter):
            return self._letter(part)
        return spell_part(self.printer, part, below)

    def _letter(self, letter: m.Letter) -> Spelled:
        plain = self.printer.name(letter.label)
        # Two names that would look the same (lam and lambda) keep their own spelling.
        if self.letters.setdefault(plain.text, letter.label) != letter.label:
            plain = self.printer.name_as_given(letter.label)  # type: ignore[attr-defined]
        if letter.kind == "adjoint":
            return self.printer.adjoint(plain)  # type: ignore[attr-defined]
        return Spelled("d" + plain.text, ATOM, True) if letter.kind == "differential" else plain


def children(part: Math) -> tuple[Math, ...]:
    """Return the parts of a piece of mathematics, in the order in which `spell_part` takes them."""
    match part:
        case m.Call(args=args):
            return args
        case m.Sum(terms=terms):
            return tuple(t for _, t in terms)
        case m.Times(factors=factors) | m.MatMul(factors=factors) | m.Hadamard(factors=factors):
            return factors
        case m.Outer(left=a, right=b) | m.Quotient(top=a, bottom=b) | m.Relation(left=a, right=b):
            return (a, b)
        case m.Power(base=a, exponent=b):
            return (a, b)
        case m.Transpose(base=a) | m.Inverse(base=a) | m.Fence(body=a) | m.BigSum(body=a) | m.Root(body=a):
            return (a,)
        case m.Indexed(base=a, indices=indices):
            return (a, *(i for i in indices if isinstance(i, Math)))
        case m.Cases(condition=c, then=a, otherwise=b):
            return (c, a, b)
    return ()


def spell_part(p: Printer, part: Math, below: list[Spelled]) -> Spelled:
    """Return the text of one part, given the texts of its own parts."""
    spellers: dict[type, Callable[[], Spelled]] = {
        m.Number: lambda: p.number(part),
        m.Raw: lambda: p.raw(part),
        m.Call: lambda: p.call(part, below),
        m.Sum: lambda: p.sum([(negative, s) for (negative, _), s in zip(part.terms, below)]),
        m.Times: lambda: p.product(below),
        m.MatMul: lambda: p.matmul(below),
        m.Outer: lambda: p.outer(*below),
        m.Hadamard: lambda: p.hadamard(below),
        m.Quotient: lambda: p.fraction(*below),
        m.Power: lambda: p.power(part, *below),
        m.Transpose: lambda: p.transpose(part, below[0]),
        m.Inverse: lambda: p.inverse(part, below[0]),
        m.Fence: lambda: p.fence(part, below[0]),
        m.BigSum: lambda: p.big_sum(part, below[0]),
        m.Indexed: lambda: p.indexed(part, below[0], below[1:]),
        m.Relation: lambda: p.relation(part, *below),
        m.Root: lambda: p.root(below[0]),
        m.Cases: lambda: p.cases(part, *below),
    }  # type: ignore[attr-defined]
    return spellers[type(part)]()


def without_brackets(condition: Math, spelled: Spelled, inside: str) -> Spelled:
    """Return a condition as it stands after `if`: [x > 0] without its brackets."""
    return replace(spelled, text=inside) if isinstance(condition, m.Fence) else spelled
