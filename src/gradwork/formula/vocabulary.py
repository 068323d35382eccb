"""What the words of a formula are: functions, one name, or several names side by side."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from gradwork.formula.letters import GREEK, is_greek, printed
from gradwork.formula.lexer import Token, fail, indexed

ALIASES = {
    "ln": "log",
    "log_e": "log",
    "log_2": "log2",
    "log_10": "log10",
    "lg": "log10",
    "arcsinh": "asinh",
    "arccosh": "acosh",
    "arctanh": "atanh",
    "arsinh": "asinh",
    "arcosh": "acosh",
    "artanh": "atanh",
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
    "atan2": "arctan2",
    "σ": "sigmoid",
    "Γ": "gamma",
    "logΓ": "lgamma",
    "Φ": "normal_cdf",
    "φ": "normal_pdf",
    "ψ": "digamma",
    "tr": "trace",
    "Tr": "trace",
    "Det": "det",
    "sgn": "sign",
    "expit": "sigmoid",
    "ReLU": "relu",
    "LSE": "logsumexp",
    "lse": "logsumexp",
    "Var": "var",
    "absolute": "abs",
    "amax": "max",
    "amin": "min",
    "logsigmoid": "log_sigmoid",
    "gammaln": "lgamma",
    "psi": "digamma",
}
# Letters that are functions before a bracket, unless the same letter stands elsewhere by itself.
LETTERS = ("Γ", "Φ", "φ", "ψ")
_CHOICE = "write where(c, a, b) for a choice"
_RESERVED = {
    "and": "multiply conditions: (0 < x) * (x < 1)",
    "or": "write maximum(a, b) of two conditions",
    "not": "write 1 - c for a condition c",
    "if": _CHOICE,
    "else": _CHOICE,
    "in": _CHOICE,
    "is": "compare with ==",
}
_INDEXED = re.compile(r"(Σ|sum)_\w+")

# What stands right of a matrix with no space between; other letters make a name, such as Km.
_VECTORS = frozenset("abcfghpqruvwxyz")
_PIECE = re.compile(r"[^\W\d_]\d*")
# What a textbook writes as one word but means as a product: Xb, Xβ, AXB, λXb. At most four factors.
_PRODUCT = re.compile(r"(?=.{2})[α-ωΑ-Ω]?(?:[A-Z]\d*){1,4}(?:[a-zα-ω]\d*)?")


@dataclass
class Vocabulary:
    """The words that mean something before a formula is read, and what its own words turn out to be."""

    functions: frozenset[str]
    declared: frozenset[str] = frozenset()
    sizes: frozenset[str] = frozenset()
    bare: set[str] = field(default_factory=set)
    alone: set[str] = field(default_factory=set)
    assumptions: list[str] = field(default_factory=list)
    sum_sign: bool = True
    product_sign: bool = True
    base_e: bool = False

    def function(self, name: str) -> str | None:
        """Return the function that `name` stands for, or None."""
        for candidate in (name, ALIASES.get(name, "")):
            if candidate in self.functions:
                return candidate
        return None

    def is_declared(self, name: str) -> bool:
        """Tell whether `name` was given from outside as a symbol or a size."""
        return name in self.declared or name in self.sizes


def refuse(text: str, tokens: list[Token], words: Vocabulary) -> None:
    """Refuse the words of programs that a name may not be, and sums with an index."""
    for token, after in zip(tokens, tokens[1:]):
        if token.kind != "name" or token.quoted:
            continue
        if token.text in _RESERVED:
            message = f"'{token.text}' is no name in a formula; {_RESERVED[token.text]}"
            raise fail(text, message, (token.start, token.end, "^"))
        if _INDEXED.fullmatch(token.text) and starts_operand(after) and not words.is_declared(token.text):
            # Σ_k x is a matrix times a vector; sum_k x can only be a sum.
            if token.text[0] != "Σ":
                raise indexed(text, token.start, token.end)


# Cyrillic and Greek letters that look like Latin ones.
_LOOKS = dict(
    zip("асеорхуівнкмтАВСЕНІКМОРТХУΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "aceopxyiBHKMTABCEHIKMOPTXYABEZHIKMNOPTYXo", strict=True)
)


def look_alikes(tokens: list[Token], words: Vocabulary) -> None:
    """Say where two names look the same and are not: a Cyrillic х beside a Latin x."""
    names = list(dict.fromkeys(t.text for t in tokens if t.kind == "name"))
    for name in names:
        latin = "".join(_LOOKS.get(c, c) for c in name)
        if latin != name and latin in names:
            kind = "Cyrillic" if any("\u0400" <= c <= "\u04ff" for c in name) else "Greek"
            words.assumptions.append(f"{name} ({kind}) and {latin} (Latin) look alike and are two symbols")


def settle(tokens: list[Token], words: Vocabulary) -> list[Token]:
    """Split words that are products, note which names stand alone, and return the tokens."""
    result: list[Token] = []
    tokens = [_as_declared(token, words) for token in tokens]
    words.alone |= {token.text for token in tokens if token.kind == "name"}
    for at, token in enumerate(tokens):
        pieces = (
            _pieces(token, tokens[at + 1 :][:1], words) if token.kind == "name" and not token.quoted else []
        )
        if not pieces:
            result.append(token)
            continue
        start = token.start
        for i, piece in enumerate(pieces):
            # Subscripts such as x₁ were respelled with as many characters, so lengths agree.
            kind = "ones" if piece == "1" else "name"
            own = _as_declared(
                Token(kind, piece, start, start + len(piece), token.spaced if not i else False), words
            )
            result.append(own)
            start += len(piece)
    result = _ones(result, words)
    for token, after in zip(result, result[1:]):
        if token.kind == "name" and not (after.kind == "(" and not after.spaced):
            words.bare.add(token.text)
    words.sum_sign = (
        not words.is_declared("Σ")
        and all(starts_operand(after) for token, after in zip(result, result[1:]) if token.text == "Σ")
        and not any(t.kind == "transpose" for t, after in zip(result, result[1:]) if after.text == "Σ")
    )
    words.product_sign = not words.is_declared("Π") and all(
        starts_operand(after) for token, after in zip(result, result[1:]) if token.text == "Π"
    )
    words.base_e = not words.is_declared("e") and all(
        after.kind in ("^", "**", "power") for token, after in zip(result, result[1:]) if token.text == "e"
    )
    return result


def _ones(tokens: list[Token], words: Vocabulary) -> list[Token]:
    """Turn a 1 into the vector of ones: where it is transposed (1'a) or a factor with no sign before it (m 1, Wᵀ1)."""
    result = list(tokens)
    for at in range(len(result) - 1, -1, -1):
        token = result[at]
        if token.kind != "number" or token.text != "1":
            continue
        after, skip = result[at + 1], 1
        if after.kind == "·":
            after, skip = result[at + 2], 2
        before = result[at - 1] if at else None
        factor = (
            before is not None
            and (
                before.kind in (")", "transpose", "inverse-transpose", "power", "]") or before.kind == "name"
            )
            and (token.spaced or before.kind != "name")
            and not (
                before.kind == "name" and words.function(before.text) and not words.is_declared(before.text)
            )
        )
        turned = after.kind == "transpose" and skip == 1
        pair = after.kind == "ones" and result[at + skip + 1].kind in ("transpose", "·")
        column = (  # 1 m', but not A^-1 m'
            (token.spaced or before is None or before.kind == "(")
            and (before is None or before.kind in ("+", "-", "(", "="))
            and after.kind == "name"
            and skip == 1
            and result[at + 2].kind == "transpose"
        )
        if turned or factor or pair or column:
            result[at] = Token("ones", "1", token.start, token.end, token.spaced)
    return result


def starts_operand(token: Token) -> bool:
    """Tell whether an operand can begin with this token."""
    return token.kind in ("name", "number", "(", "|", "‖", "√", "∑", "∏", "ones", "⟨", "[")


def _pieces(token: Token, after: list[Token], words: Vocabulary) -> list[str]:
    name = token.text
    called = bool(after) and after[0].kind == "(" and not after[0].spaced
    if (
        words.is_declared(name)
        or words.function(name)
        or is_word(name)
        or token.end - token.start != len(name)
    ):
        return []
    if name[0] == "Σ" and len(name) > 1 and name[1].isalpha() and not words.is_declared("Σ"):
        return ["Σ", name[1:]]
    if words.is_declared(name[:-1]) and name[-1] in "I1":
        # xI and x1ᵀ: a declared name before the identity or the vector of ones.
        return [name[:-1], name[-1]] if name[-1] == "I" or _turned(after) else []
    if len(name) == 2 and all("α" <= c <= "ω" for c in name):
        return list(name)  # πσ² is π σ²
    pieces = _PIECE.findall(name)
    if len(pieces) < 2 or "".join(pieces) != name:
        return []
    spelled = {printed(declared): declared for declared in words.declared}
    pieces_known = [p if words.is_declared(p) else spelled.get(p, "") for p in pieces]
    known = all(pieces_known)
    if not known and (called or not _PRODUCT.fullmatch(name) or not _multiplies(name, pieces, after, words)):
        return []
    line = f"{name} is read as the product {' '.join(pieces)}"
    if line not in words.assumptions:
        words.assumptions.append(line)
    return pieces


def _as_declared(token: Token, words: Vocabulary) -> Token:
    """Return a name as it is declared, where it is spelled as that is printed: λ for lam, σ2 for sigma_2."""
    if token.kind != "name" or token.quoted or words.is_declared(token.text):
        return token
    same = [name for name in words.declared if printed(name) == printed(token.text)]
    return replace(token, text=same[0]) if len(same) == 1 else token


def _turned(after: list[Token]) -> bool:
    return bool(after) and after[0].kind == "transpose"


def _multiplies(name: str, pieces: list[str], after: list[Token], words: Vocabulary) -> bool:
    """Tell whether two letters are a product: Xb and Wx, a matrix and a vector, but not Km or Tc, which are names."""
    if (
        after
        and after[0].kind == "name"
        and after[0].spaced
        and re.sub(r"\d+$", "", after[0].text) == pieces[-1]
    ):
        return False  # in Wx x the matrix is called Wx
    if len(pieces) != 2 or pieces[1][0].isupper() or is_greek(pieces[1]) or is_greek(pieces[0]):
        return True
    return pieces[1][0] in _VECTORS or all(piece in words.alone for piece in pieces)


def is_word(name: str) -> bool:
    """Tell whether a name is a word that options or conventions use."""
    return (name.lower() in GREEK and name[1:].islower()) or name in ("True", "False", "None", "inf", "fro")
