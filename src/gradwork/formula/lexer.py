"""From the text of a formula to its tokens. Every token keeps its place, so that errors can point at it."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace

from gradwork.errors import FormulaError
from gradwork.formula.latex import is_latex, plain

MAX_CHARACTERS = 10_000
MAX_DIGITS = 300  # float64 ends at 1.8e308

_SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789"))
_SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉", "0123456789"))
_TRANSPOSES = "'’′ᵀ⊤"
_SINGLE = {
    "−": "-",
    "·": "·",
    "⋅": "·",
    "𝟏": "ones",
    "𝟙": "ones",
    "×": "*",
    "∘": "∘",
    "⊙": "∘",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "‖": "‖",
    "∥": "‖",
}
_PLAIN = "+-*/@^()[],:;=<>|√∑∏∞⊗⟨⟩†%!"
_LONG = ("^∘", "**", "^^", ".^", "./", ".*", "<=", ">=", "==", "!=")
# Words that stand for numbers, or that options use.
CONSTANTS = ("e", "pi", "π", "I", "T", "True", "False", "None", "inf", "Σ", "σ")
# Modules that functions are called from in programs: np.log is log.
_MODULES = frozenset("np numpy jnp jax torch math scipy special linalg nn functional tf sp cp F".split())
_OF_MODULES = {
    "mm": "matmul",
    "mv": "matmul",
    "bmm": "matmul",
    "inner": "dot",
    "comb": "binom",
    "identity": "eye",
}
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")

Mark = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a formula: its kind, its normalised text, its place, whether space stands before it.

    Kinds: "number", "name", "power" (superscripts, as the integer in `text`), "transpose",
    "inverse-transpose", "norm-order" (the `_F` of ‖A‖_F), "bounds" (what stands below and above a sum sign), "_{"
    (an index such as i+1), the operator itself, and "end". A name that stood in backquotes is `quoted`: it is a
    symbol, whatever else its text may mean.
    """

    kind: str
    text: str
    start: int
    end: int
    spaced: bool = False
    quoted: bool = False


def fail(text: str, message: str, *marks: Mark, notes: tuple[str, ...] = ()) -> FormulaError:
    """Return the error that shows `message` above `text` with its marks, in printable characters."""
    shown = "".join(c if c.isprintable() else " " for c in text)
    return FormulaError(message, shown, tuple(marks), notes)


def tokenize(text: str, what: str = "formula") -> list[Token]:
    """Return the tokens of `text`, the last of kind "end".

    >>> [t.text for t in tokenize("2x − β₁²")]
    ['2', 'x', '-', 'β1', '2', '']
    """
    if not isinstance(text, str):
        raise FormulaError("formula is not text", what=what, kind=type(text).__name__)
    if len(text) > MAX_CHARACTERS:
        raise FormulaError("formula too long", what=what, count=len(text), max_characters=MAX_CHARACTERS)
    if what == "formula" and is_latex(text):
        translated, places = plain(text)
        return [_moved(t, places, len(text)) for t in tokenize(translated, "translation")]
    tokens: list[Token] = []
    at, spaced = 0, False
    while at < len(text):
        if text[at].isspace():
            at, spaced = at + 1, True
            continue
        if signed := big_operator(text, at, spaced):
            tokens += signed
            at, spaced = signed[-1].end, False
            continue
        token = _token(text, at, spaced, tokens[-1] if tokens else None)
        tokens.append(token)
        at, spaced = token.end, False
    tokens.append(Token("end", "", len(text.rstrip()), len(text.rstrip()) + 1, spaced))
    return unquoted(text, tokens) if any(t.quoted for t in tokens) else tokens


def _moved(token: Token, places: list[int], end: int) -> Token:
    """Return a token of a translation at the place in the text that it comes from."""
    if token.kind == "end":
        return replace(token, start=end, end=end + 1)
    return replace(token, start=places[token.start], end=places[token.end - 1] + 1)


_BIG = re.compile(
    r"(?P<sign>∑|∏|Σ|Π|sum|prod)"
    r"(?:_\{(?P<low>[^}]*)\}|_(?P<letters>[A-Za-z]{1,3})(?![A-Za-z0-9_])|(?P<subs>[ᵢⱼₖₗₘₙₚₛₜ]+))"
    r"(?:\s*\^\{(?P<up>[^}]*)\}|\s*\^(?P<plain>[A-Za-z0-9]+)|(?P<sup>[⁰¹²³⁴⁵⁶⁷⁸⁹ⁿᴺᵐᵏᵗ]+))?"
)


def big_operator(text: str, at: int, spaced: bool = False) -> list[Token]:
    """Return the tokens of a sum or product sign with its index, or none: Σ_k is also the name of a matrix.

    It is a sign where it holds bounds, or where what follows is indexed: Σ_i y_i, not Σ_k⁻¹x.
    """
    found = _BIG.match(text, at)
    word = bool(found) and found["sign"].isascii()
    if not found or (word and at and (text[at - 1].isalnum() or text[at - 1] == "_")):
        return []
    low = found["low"] if found["low"] is not None else found["letters"] or normalised(found["subs"])
    up = found["up"] or found["plain"] or normalised(found["sup"] or "")
    letters = low.partition("=")[0]
    rest = text[found.end() :]
    if "=" not in low and not any(_indexes(rest, c) for c in letters if c.isalpha()):
        return []
    sign = "prod" if found["sign"] in ("∏", "Π", "prod") else "sum"
    middle = at + len(found["sign"])
    return [
        Token("∑", sign, at, middle, spaced),
        Token("bounds", f"{low}|{up}", middle, found.end()),
    ]


def _indexes(rest: str, letter: str) -> bool:
    lowered = dict(zip("ijklmnpst", "ᵢⱼₖₗₘₙₚₛₜ", strict=True)).get(letter, "_")
    return bool(re.search(rf"_\{{?[\w,+\-]*{letter}", rest)) or (lowered != "_" and lowered in rest)


def normalised(text: str) -> str:
    """Return raised or lowered letters and digits at their normal height."""
    return unicodedata.normalize("NFKC", text)


def _token(text: str, at: int, spaced: bool, before: Token | None) -> Token:
    char = text[at]
    _refuse_index(text, at, before)
    if char in "0123456789" or (char == "." and text[at + 1 : at + 2] in tuple("0123456789")):
        return _number(text, at, spaced)
    if begins_name(char) or char == "_":
        return _name(text, at, spaced)
    if char == "`":
        return _quoted(text, at, spaced)
    if char in _SUPERSCRIPTS or char in "⁺⁻":
        return _superscript(text, at, spaced)
    if char in _TRANSPOSES:
        return Token("transpose", char, at, at + 1, spaced)
    if char in _SUBSCRIPTS and before is not None and before.kind in ("‖", "|") and not spaced:
        return Token("norm-order", _SUBSCRIPTS[char], at, at + 1, spaced)
    if char == "." and text[at : at + 2] not in _LONG:
        end = at + 1
        while end < len(text) and (text[end].isalnum() or text[end] == "_"):
            end += 1
        if text[at:end] == ".T":
            return Token("transpose", ".T", at, end, spaced)
        raise fail(
            text, "only .T, the transpose, can stand after a dot; write functions as f(x)", (at, end, "^")
        )
    if char == "}":
        return Token("}", "}", at, at + 1, spaced)
    if text[at : at + 2] in _LONG:
        kind = {".*": "∘", "^∘": ".^"}.get(text[at : at + 2], text[at : at + 2])
        return Token(kind, text[at : at + 2], at, at + 2, spaced)
    if char in _PLAIN or char in _SINGLE:
        kind = _SINGLE.get(char, char)
        return Token(kind, kind, at, at + 1, spaced)
    shown = f"'{char}'" if char.isprintable() else f"U+{ord(char):04X}"
    hints = {
        '"': "; a formula holds no strings",
        "&": "; multiply conditions instead",
    }
    raise fail(text, f"the character {shown} has no meaning here{hints.get(char, '')}", (at, at + 1, "^"))


def _refuse_index(text: str, at: int, before: Token | None) -> None:
    """Refuse what stands below a sum sign: ∑ᵢ, ∑_i, Σ_{i=1}. Where a name would end, `words` does it."""
    char = text[at]
    sign = before is not None and before.text in ("∑", "∏") and before.end == at
    lowered = char == "_" or unicodedata.decomposition(char).startswith("<sub>")
    if sign and lowered:
        raise indexed(text, at - 1)


def indexed(text: str, at: int, end: int = 0) -> FormulaError:
    """Return the error that a sum has an index that nothing behind it has."""
    message = "nothing behind this sum has its index: write Σ_i x_i^2, or sum(x^2)"
    return fail(text, message, (at, end or at + 1, "^"))


def _number(text: str, at: int, spaced: bool) -> Token:
    end = _digits(text, at)
    if text[end : end + 1] == "." and text[end + 1 : end + 2] not in tuple("T^/*"):
        end = _digits(text, end + 1)
    if text[end : end + 1] in ("e", "E"):
        sign = end + 1 + (text[end + 1 : end + 2] in ("+", "-"))
        if _digits(text, sign) > sign:
            end = _digits(text, sign)
    number = text[at:end]
    if text[end : end + 1] == "_":
        raise fail(text, "write numbers without underscores", (at, end + 1, "^"))
    # The length comes first: Python refuses to read integers of many thousand digits.
    if len(number) > MAX_DIGITS or float(number) == float("inf"):
        raise fail(text, "this number is too large for float64", (at, end, "^"))
    if float(number) == 0 and any(c in "123456789" for c in number.lower().partition("e")[0]):
        raise fail(text, "this number is too small for float64", (at, end, "^"))
    return Token("number", number, at, end, spaced)


def _digits(text: str, at: int) -> int:
    while at < len(text) and text[at] in "0123456789":
        at += 1
    return at


def begins_name(char: str) -> bool:
    """Tell whether a name can begin with `char`: a letter that is not a raised or lowered mark."""
    return char.isalpha() and not unicodedata.decomposition(char).startswith(("<super>", "<sub>"))


def _continues_name(char: str) -> bool:
    lowered = unicodedata.decomposition(char).startswith("<sub>")
    return (
        begins_name(char) or char.isdecimal() or char == "_" or lowered or unicodedata.category(char) == "Mn"
    )


def _name(text: str, at: int, spaced: bool) -> Token:
    end = at + 1
    while end < len(text) and _continues_name(text[end]) and text[end : end + 2] != "_{":
        end += 1
    if (
        text[end : end + 1] == "."
        and text[at:end] in _MODULES
        and begins_name(text[end + 1 : end + 2] or ".")
    ):
        inner = _name(text, end + 1, spaced)
        if inner.text != "T":
            name = _OF_MODULES.get(inner.text, inner.text)
            return replace(inner, text=name, start=at, spaced=spaced)
    if text.startswith("__", at):
        raise fail(text, "names may not begin with two underscores", (at, end, "^"))
    if text[at] == "_" and text[at + 1 : at + 2] == "{" and not (at and text[at - 1] in "|‖∥"):
        return Token("_{", "_{", at, at + 2, spaced)
    if text[at] == "_":
        order = text[at + 1 : end]
        # ‖A‖_F, and ‖A‖²_F with the power first.
        if at and text[at - 1] in ("|", "‖", "∥", *_SUPERSCRIPTS):
            if order:
                return Token("norm-order", order, at, end, spaced)
            if text[at + 1 : at + 2] == "∞":
                return Token("norm-order", "inf", at, at + 2, spaced)
        raise fail(text, "names may not begin with an underscore", (at, end, "^"))
    name = normalise(text[at:end])
    if not name.isidentifier():
        raise fail(text, "this is not a name: use letters, digits and underscores", (at, end, "^"))
    return Token("name", name, at, end, spaced)


def _quoted(text: str, at: int, spaced: bool) -> Token:
    end = text.find("`", at + 1)
    if end < 0:
        raise fail(text, "the backquote opened here is not closed", (at, at + 1, "^"))
    if not text[at + 1 : end].strip():
        raise fail(text, "there is no name between these backquotes", (at, end + 1, "^"))
    return Token("name", text[at + 1 : end], at, end + 1, spaced, True)


def unquoted(text: str, tokens: list[Token]) -> list[Token]:
    """Return tokens in which names in backquotes are spelled as symbols, each differently from all others."""
    quoted = list(dict.fromkeys(t.text for t in tokens if t.quoted))
    own = {name: _as_symbol(name) for name in quoted}
    # `x` in backquotes is x; what must be respelled gives way to names that stand as they are.
    taken = {t.text for t in tokens if t.kind == "name" and not t.quoted} | {n for n in quoted if own[n] == n}
    for name in quoted:
        base, number = own[name], 2
        while base != name and own[name] in taken:
            own[name], number = f"{base}_{number}", number + 1
        taken.add(own[name])
    return [replace(t, text=own[t.text]) if t.quoted else t for t in tokens]


def _as_symbol(name: str) -> str:
    from gradwork.ops import FUNCTIONS  # operations import slowly, and few names are quoted

    spelled = re.sub(r"\W+", "_", normalise(name)).strip("_")
    if not spelled or not begins_name(spelled[0]):
        spelled = f"v{spelled}" if spelled else "v"
    return f"{spelled}_" if spelled in FUNCTIONS or spelled in CONSTANTS else spelled


def quoted_names(text: str) -> dict[str, str]:
    """Return the names in backquotes by the symbols that they are spelled as.

    >>> quoted_names("mean((`petal width (cm)` - a*`log`)^2)")
    {'petal_width_cm': 'petal width (cm)', 'log_': 'log'}
    """
    return {t.text: text[t.start + 1 : t.end - 1] for t in tokenize(text) if t.quoted}


def normalise(name: str) -> str:
    """Return the one spelling of a name: x₁ is x1, ϕ is φ, the micro sign is μ; xₜ is x_t.

    Python reads its identifiers in the same form (NFKC), so generated code keeps these names.
    """
    spelled = ""
    for char in name:
        if char in _SUBSCRIPTS:
            spelled += _SUBSCRIPTS[char]
        elif unicodedata.decomposition(char).startswith("<sub>"):
            spelled += "_" + unicodedata.normalize("NFKC", char)
        else:
            spelled += char
    return unicodedata.normalize("NFKC", spelled)


def _superscript(text: str, at: int, spaced: bool) -> Token:
    sign = {"⁻": "-", "⁺": ""}.get(text[at])
    end = at + (sign is not None)
    digits = ""
    while end < len(text) and text[end] in _SUPERSCRIPTS:
        digits += _SUPERSCRIPTS[text[end]]
        end += 1
    if sign == "-" and not digits and text[end : end + 1] in ("ᵀ", "⊤"):
        return Token("inverse-transpose", "⁻ᵀ", at, end + 1, spaced)
    if not digits:
        raise fail(text, "a number is missing after this raised sign", (at, end, "^"))
    if len(digits) > 6:
        raise fail(text, "this power is too large", (at, end, "^"))
    return Token("power", (sign or "") + digits, at, end, spaced)
