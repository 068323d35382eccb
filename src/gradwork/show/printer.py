"""From written mathematics to a line of it: one walk, brackets by precedence, an alphabet for each style.

The walk is bottom-up and without recursion; each part is spelled once however often it is used, and parts of
a text that grows too long are left out as `…`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from gradwork.expr import notation as m
from gradwork.expr.notation import Math

# How tightly a text holds together, from the loosest. BIG is Σ x, which takes in all that follows it; PREFIX is
# log x, whose argument ends where the next factor would begin.
RELATION, SUM, BIG, HADAMARD, PRODUCT, PREFIX, POSTFIX, ATOM = range(8)

LIMIT = 20_000  # characters of one expression
_MANY = 40  # parts of one sum or product, beyond which a text that is too long loses its middle


@dataclass(frozen=True, slots=True)
class Spelled:
    """A text with how tightly it holds together.

    wide:     a word or a call, which needs space between it and another factor; `starts_wide`,
              `ends_wide` only on that side.
    open_bar: a/b in one line, which may stand before other factors but not after them.
    closed:   how it is written before another factor, where `text` would take that in.
    """

    text: str
    level: int = ATOM
    wide: bool = False
    open_bar: bool = False
    closed: str = ""
    starts_wide: bool = False
    ends_wide: bool = False


class Printer:
    """What all styles share. A style says how each piece is written; `spell` is the way in.

    loss: what a scalar function is called: f, unless a quantity has that letter.
    """

    minus = "−"
    dots = "…"
    limit = LIMIT

    def __init__(self, loss: str = "f"):
        self.loss = loss

    # --- what stands around an expression ---

    def partial(self, name: str, of: str = "") -> str:
        """Return ∂f/∂name, or the derivative of something else."""
        return f"∂{of or self.loss}/∂{name}"

    def partial_of(self, term: str, name: str) -> str:
        """Return the derivative of a term, which stands in brackets."""
        return f"∂({term})/∂{name}"

    def mixed(self, first: str, second: str) -> str:
        """Return ∂²f/∂a∂b."""
        return f"∂²{self.loss}/∂{first}∂{second}"

    def nabla(self, order: int = 1) -> str:
        """Return ∇f, or ∇²f."""
        return f"∇{'' if order == 1 else raised_digits(order)}{self.loss}"

    def applied(self, function: str, *names: str) -> str:
        """Return a function with what it is of: ∇f(b)."""
        return function + self.bracket(", ".join(names))

    def differential(self, text: str) -> str:
        """Return dx."""
        return f"d{text}"

    def turn(self, text: str) -> str:
        """Return a text in brackets, transposed."""
        return f"({text})ᵀ"

    def beside(self, left: str, right: str) -> str:
        """Return two things side by side, with space between them."""
        return f"{left} {right}"

    def trace(self, text: str) -> str:
        """Return tr(text)."""
        return f"tr({text})"

    def inner(self, left: str, right: str) -> str:
        """Return the inner product of two arrays."""
        return f"⟨{left}, {right}⟩"

    def row(self, left: str, sign: str, right: str) -> str:
        """Return an equation; `left` may be empty."""
        return f"{left} {sign} {right}" if left else f"{sign} {right}"

    def plain(self, text: str) -> str:
        """Return a short text of letters, numbers and signs, such as a size."""
        return text

    def aside(self, text: str) -> str:
        """Return mathematics within a sentence."""
        return text

    def spell(self, root: Math) -> str:
        """Return the text of written mathematics."""
        return _Walk(self).spell(root).text

    def bracket(self, text: str) -> str:
        """Return the text in brackets."""
        return f"({text})"

    def at(self, part: Spelled, level: int) -> str:
        """Return the text, in brackets unless it holds together at `level`."""
        return part.text if part.level >= level else self.bracket(part.text)

    def name(self, label: str, as_given: bool = False) -> Spelled:
        """Return a name; `as_given` where another name of the formula would look the same."""
        raise NotImplementedError

    def adjoint(self, name: Spelled) -> Spelled:
        """Return ∂f/∂name."""
        raise NotImplementedError

    def join(self, left: str, right: str, space: bool) -> str:
        """Return two factors side by side."""
        raise NotImplementedError

    def choose(self, part: m.Either) -> Math:
        """Return the side of a choice that this style writes."""
        return part.shown

    def fraction(self, top: Spelled, bottom: Spelled) -> Spelled:
        """Return a fraction."""
        raise NotImplementedError

    def decimal(self, value: float) -> str:
        """Return a positive number that is not exact."""
        return repr(value)

    def number(self, part: m.Number, below: Sequence[Spelled] = ()) -> Spelled:
        """Return a number."""
        value = part.value
        if value < 0:
            return Spelled(self.minus + self.number(m.Number(-value)).text, SUM)
        if isinstance(value, Fraction):
            if value.denominator == 1:
                return self.digits(value.numerator)
            return self.fraction(self.digits(value.numerator), self.digits(value.denominator))
        text = self.decimal(value)
        plain = text.replace(".", "").isalnum()
        return (
            Spelled(text) if plain else Spelled(text, PRODUCT, open_bar=True)
        )  # 2·10⁻⁵ stands as a fraction does

    def digits(self, value: int) -> Spelled:
        """Return a whole number from 0."""
        return Spelled(str(value))

    def sum(self, part: m.Sum, below: Sequence[Spelled]) -> Spelled:
        """Return terms with their signs."""
        text = ""
        for (negative, _), own in zip(part.terms, below):
            shown = self.at(own, BIG)
            if text:
                text += f" {self.minus if negative else '+'} {shown}"
            else:
                text = (self.minus if negative else "") + shown
        return Spelled(text or "0", SUM)

    def product(self, below: Sequence[Spelled], spread: bool = False) -> Spelled:
        """Return factors side by side; `spread` with space after what stands in brackets."""
        text, closed, space, starts_wide = "", "", False, False
        for k, part in enumerate(below):
            last = k == len(below) - 1
            own = self.factor(part, first=k == 0, last=last)
            bare = own is part.text
            wide = bare and (part.wide or part.level in (PREFIX, BIG))
            starts = wide or (bare and part.starts_wide)
            if last and bare and part.level in (PREFIX, BIG):
                # What ends in Σ x or log x takes in what follows, so it has a closed form too: a (Σ x).
                closed = self.join(text, part.closed or self.bracket(own), True) if text else part.closed
            text = self.join(text, own, space or starts) if text else own
            space = wide or (bare and (part.open_bar or part.ends_wide)) or (spread and not bare)
            starts_wide = starts if not k else starts_wide
        return Spelled(text, PRODUCT, closed=closed, starts_wide=starts_wide, ends_wide=space)

    def factor(self, part: Spelled, first: bool, last: bool) -> str:
        """Return one factor, in brackets where it would take in others or be taken apart."""
        if part.level == PREFIX:
            return part.text if last else part.closed or self.bracket(part.text)
        if part.open_bar:
            return part.text if first else self.bracket(part.text)
        if part.level in (BIG, PRODUCT):
            return part.text if last and not first else self.bracket(part.text)
        return part.closed if part.closed and not last else self.at(part, POSTFIX)

    def times(self, part: m.Times, below: Sequence[Spelled]) -> Spelled:
        """Return scalars, or scalars and an array, side by side."""
        return self.product(below, spread=True)

    def matmul(self, part: m.MatMul, below: Sequence[Spelled]) -> Spelled:
        """Return a matrix product. Products within it need no brackets: it is associative."""
        return self.product(
            [b if b.level != PRODUCT or b.open_bar else replace(b, level=ATOM) for b in below]
        )

    def outer(self, part: m.Outer, below: Sequence[Spelled]) -> Spelled:
        """Return a column beside a row."""
        return self.matmul(m.MatMul((part.left, part.right)), below)


_SPELLERS = {
    m.Number: "number",
    m.Raw: "raw",
    m.Call: "call",
    m.Sum: "sum",
    m.Times: "times",
    m.MatMul: "matmul",
    m.Outer: "outer",
    m.Hadamard: "hadamard",
    m.Correlate: "correlate",
    m.Quotient: "quotient",
    m.Power: "power",
    m.Transpose: "transpose",
    m.Inverse: "inverse",
    m.Fence: "fence",
    m.BigSum: "big_sum",
    m.Indexed: "indexed",
    m.Relation: "relation",
    m.Root: "root",
    m.Cases: "cases",
}


class _Walk:
    """One spelling: what has been spelled, and which letters are taken."""

    def __init__(self, printer: Printer):
        self.printer = printer
        self.done: dict[int, Spelled] = {}
        self.letters: dict[str, str] = {}

    def spell(self, root: Math) -> Spelled:
        stack: list[tuple[Math, bool]] = [(root, False)]
        while stack:
            part, ready = stack.pop()
            if id(part) in self.done:
                continue
            below = (self.printer.choose(part),) if isinstance(part, m.Either) else children(part)
            if below and not ready:
                stack.append((part, True))
                stack.extend((c, False) for c in reversed(below))
                continue
            texts = [self.done[id(c)] for c in below]
            self.done[id(part)] = texts[0] if isinstance(part, m.Either) else self._fitted(part, texts)
        return self.done[id(root)]

    def _fitted(self, part: Math, below: list[Spelled]) -> Spelled:
        """Spell one part; where it grows too long, leave out the longest parts of it, or its middle."""
        spelled = self._spelled(part, below)
        if len(spelled.text) <= self.printer.limit:
            return spelled
        dots = Spelled(self.printer.dots)
        if len(below) > _MANY:
            kept = [*below[: _MANY - 4], *below[-3:]]
            return self._fitted(_middle_left_out(part), [*kept[:-3], dots, *kept[-3:]])
        left = sum(len(b.text) for b in below)
        for k in sorted(range(len(below)), key=lambda k: -len(below[k].text)):
            left -= len(below[k].text)
            below[k] = dots
            if left < self.printer.limit // 2:
                break
        spelled = self._spelled(part, below)
        return spelled if len(spelled.text) <= self.printer.limit else dots

    def _spelled(self, part: Math, below: list[Spelled]) -> Spelled:
        if isinstance(part, m.Letter):
            return self._letter(part)
        return getattr(self.printer, _SPELLERS[type(part)])(part, below)

    def _letter(self, letter: m.Letter) -> Spelled:
        name = self.printer.name(letter.label)
        if self.letters.setdefault(name.text, letter.label) != letter.label:
            name = self.printer.name(letter.label, as_given=True)
        if letter.kind == "adjoint":
            return self.printer.adjoint(name)
        return Spelled("d" + name.text, ATOM, True) if letter.kind == "differential" else name


def raised_digits(number: int) -> str:
    """Return a whole number as superscripts."""
    return str(number).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _middle_left_out(part: Math) -> Math:
    """Return a sum, product or call with a placeholder for the middle of its many parts."""
    dots = m.Raw("...", "…", r"\ldots")

    def short(parts: tuple, between: Any) -> tuple:
        return (*parts[: _MANY - 4], between, *parts[-3:])

    if isinstance(part, m.Sum):
        return m.Sum(short(part.terms, (False, dots)))
    if isinstance(part, m.Call):
        return replace(part, args=short(part.args, dots))
    assert isinstance(part, (m.Times, m.MatMul, m.Hadamard))
    return replace(part, factors=short(part.factors, dots))


def children(part: Math) -> tuple[Math, ...]:
    """Return the parts of a piece of mathematics, in the order in which the printers take them."""
    match part:
        case m.Call(args=args):
            return args
        case m.Sum(terms=terms):
            return tuple(t for _, t in terms)
        case m.Times(factors=factors) | m.MatMul(factors=factors) | m.Hadamard(factors=factors):
            return factors
        case m.Outer(left=a, right=b) | m.Relation(left=a, right=b) | m.Correlate(left=a, right=b):
            return (a, b)
        case m.Quotient(top=a, bottom=b):
            return (a, b)
        case m.Power(base=a, exponent=b):
            return (a, b)
        case m.Transpose(base=a) | m.Inverse(base=a) | m.Fence(body=a) | m.BigSum(body=a) | m.Root(body=a):
            return (a,)
        case m.Indexed(base=a, indices=indices):
            return (a, *(i for i in indices if isinstance(i, Math)))
        case m.Cases(condition=c, then=a, otherwise=b):
            return (c.body if isinstance(c, m.Fence) and c.kind == "bracket" else c, a, b)
    return ()


def index_texts(part: m.Indexed, below: Sequence[Spelled]) -> list[str]:
    """Return the indices of components as text; `below` holds the base and the indices that are mathematics."""
    rest = iter(below[1:])
    return [next(rest).text if isinstance(i, Math) else i for i in part.indices]
