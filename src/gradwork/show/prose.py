"""Sentences with mathematics in them, in other alphabets: as ASCII, as LaTeX, as HTML.

A sentence is written in Unicode. ASCII spells its mathematics, (xᵖ)′ = p xᵖ⁻¹ as (x^p)' = p x^(p-1); LaTeX takes it
out of the text around it, since \\text{} holds letters only.
"""

from __future__ import annotations

import re
from html import escape

from gradwork.show.letters import FROM_ABOVE, FROM_BELOW, NAMED

# Where mathematics that is spelled already stands within a sentence.
OPEN, CLOSE = "\ue000", "\ue001"

_ASCII = {
    "−": "-", "–": "-", "—": "-", "·": "*", "×": "x", "∘": "*", "⋆": "*", "…": "...", "✓": "ok", "✗": "no",
    "→": "->", "←": "<-", "⟵": "<-", "⟶": "->", "∇": "grad", "∂": "d", "Σ": "sum", "∑": "sum", "Π": "prod",
    "∏": "prod", "√": "sqrt ", "≤": "<=", "≥": ">=", "≠": "!=", "≈": "~", "±": "+-", "∞": "inf", "′": "'",
    "‖": "||", "“": '"', "”": '"', "‘": "'", "’": "'", "│": "|", "─": "-", "█": "#", "▏": "|", "ℓ": "l",
    "⊙": "*", "𝟏": "ones", "⊤": "'", "⟨": "<", "⟩": ">", "⌊": "floor(", "⌋": ")", "∈": "in",
    "½": "1/2", "\u0304": "", "\u0302": "",
}  # fmt: skip
_GREEK_WORDS = {c: name for c, name in NAMED.items() if c not in "ΣΠ"}
_ABOVE = "".join(FROM_ABOVE)
_BELOW = "".join(FROM_BELOW)
_SPELLED = re.compile(
    rf"(?P<above>[{re.escape(_ABOVE)}]+)|(?P<below>[{re.escape(_BELOW)}]+)"
    rf"|(?P<greek>[{''.join(_GREEK_WORDS)}])|(?P<sign>[{re.escape(''.join(_ASCII))}])"
)
_LATEX = {
    "−": "-", "′": "'", "Σ": r"\sum ", "∑": r"\sum ", "Π": r"\prod ", "√": r"\surd ", "‖": r"\|", "∘": r"\circ ",
    "·": r"\cdot ", "×": r" \times ", "…": r"\dots ", "→": r"\to ", "←": r"\leftarrow ", "≤": r"\le ", "≥": r"\ge ",
    "≠": r"\ne ", "≈": r"\approx ", "±": r"\pm ", "∞": r"\infty ", "∂": r"\partial ", "∇": r"\nabla ",
    "⋆": r"\star ", "ℓ": r"\ell ", "𝟏": r"\mathbf{1}", "⟨": r"\langle ", "⟩": r"\rangle ", "⌊": r"\lfloor ",
    "⌋": r"\rfloor ", "∈": r"\in ", "½": r"\tfrac12 ",
}  # fmt: skip
_VARIANT = {"ε": r"\varepsilon ", "φ": r"\varphi "}
_ESCAPED = {
    "_": r"\_",
    "#": r"\#",
    "%": r"\%",
    "&": r"\&",
    "{": r"\{",
    "}": r"\}",
    "~": r"\~{}",
    "^": r"\^{}",
}


def transliterate(text: str) -> str:
    """Return text with its mathematics in ASCII; other letters stay.

    >>> print(transliterate("∇f = −2/n Xᵀ(y − Xb)"), transliterate("(xᵖ)′ = p xᵖ⁻¹"), sep="   ")
    grad f = -2/n X'(y - Xb)   (x^p)' = p x^(p-1)
    >>> print(transliterate("w ← w − ηg"), transliterate("A⁻¹, A⁻ᵀ"), transliterate("Σₜ hₜ₋₁ᵀδₜ"), sep="   ")
    w <- w - eta g   A^-1, A^-T   sum_t h_(t-1)' delta_t
    """
    return _SPELLED.sub(lambda found: _spelled(found, text), text)


def _spelled(found: re.Match[str], text: str) -> str:
    before, after = text[: found.start()][-1:], text[found.end() :][:1]
    if found["above"]:
        inside = "".join(FROM_ABOVE[c] for c in found["above"])
        if inside == "T":
            return "'" if not _letter(after) else "' "
        plain = re.fullmatch(r"-?\d+|-?\w|\(.*\)", inside)
        return "^" + (inside if plain else f"({inside})") + (" " if _letter(after) else "")
    if found["below"]:
        inside = "".join(FROM_BELOW[c] for c in found["below"])
        if inside.isdigit() and _letter(before):
            return inside + (" " if _letter(after) else "")
        return ("_" + (inside if len(inside) == 1 else f"({inside})")) + (" " if _letter(after) else "")
    if found["greek"]:
        word = _GREEK_WORDS[found["greek"]]
        # ηg is a product: as a word eta would run into what follows.
        return (" " if _runs_on(before) else "") + word + (" " if _letter(after) else "")
    word = _ASCII[found["sign"]]
    if word.isalpha() and len(word) > 1:
        word = (" " if _runs_on(before) else "") + word + (" " if _letter(after) else "")
    return word


def _letter(c: str) -> bool:
    return c.isalpha() and c not in _ABOVE and c not in _BELOW


def _runs_on(c: str) -> bool:
    # What a word must not follow at once: a letter or a number; after a mark there is space already.
    return c.isalnum() and c not in _ABOVE and c not in _BELOW


def latex_text(text: str) -> str:
    r"""Return a sentence in LaTeX: its words as \text{}, its mathematics outside, mathematics between $ as it is.

    >>> print(latex_text("the power rule (xᵖ)′ = p xᵖ⁻¹"))
    \text{the power rule (x}^{p}\text{)}'\text{ = p x}^{p-1}
    >>> print(latex_text("$r$ is linear in $b$      n×d"))
    r\text{ is linear in }b\qquad \text{n} \times \text{d}
    """
    pieces = text.split("$")
    return "".join(p if i % 2 else _prose(p) for i, p in enumerate(pieces))


_PIECE = re.compile(
    rf"(?P<above>[{re.escape(_ABOVE)}]+)|(?P<below>[{re.escape(_BELOW)}]+)|(?P<gap> {{2,}})"
    rf"|(?P<greek>[{''.join(_GREEK_WORDS)}])|(?P<sign>[{re.escape(''.join(_LATEX))}])"
)


def _prose(text: str) -> str:
    out, at = "", 0
    for found in _PIECE.finditer(text):
        out += _words(text[at : found.start()])
        at = found.end()
        if found["above"]:
            inside = "".join(FROM_ABOVE[c] for c in found["above"]).replace("T", r"\mathsf T")
            out += f"{'' if out else '{}'}^{{{inside}}}"
        elif found["below"]:
            out += f"{'' if out else '{}'}_{{{''.join(FROM_BELOW[c] for c in found['below'])}}}"
        elif found["gap"]:
            out += r"\qquad "
        elif found["greek"]:
            out += _VARIANT.get(found["greek"], f"\\{_GREEK_WORDS[found['greek']]} ")
        else:
            out += _LATEX[found["sign"]]
    return out + _words(text[at:])


def _words(text: str) -> str:
    if not text:
        return ""
    return r"\text{" + "".join(_ESCAPED.get(c, c).replace("\\~{}", r"\textasciitilde ") for c in text) + "}"


def html_text(text: str) -> str:
    """Return a sentence in HTML, with the elements of mathematics that stand in it."""
    pieces = re.split(f"[{OPEN}{CLOSE}]", text)
    return "".join(p if i % 2 else escape(p) for i, p in enumerate(pieces))
