"""The laws of operations, which are LaTeX, as a terminal shows them."""

from __future__ import annotations

import re

_WORDS = {
    "partial": "∂", "nabla": "∇", "sum": "Σ", "prod": "Π", "delta": "δ", "sigma": "σ", "psi": "ψ", "Phi": "Φ",
    "varphi": "φ", "Gamma": "Γ", "pi": "π", "ne": "≠", "le": "≤", "ge": "≥", "lVert": "‖", "rVert": "‖",
    "lfloor": "⌊", "rfloor": "⌋", "cdot": "·", "star": "⋆", "circ": "∘", "quad": "¶", "Big": "", "prime": "′",
    "left": "", "right": "", "mu": "μ", "lambda": "λ", "theta": "θ", "alpha": "α", "beta": "β", "gamma": "γ",
    "epsilon": "ε", "eta": "η", "rho": "ρ", "odot": "∘", "hat": "", "infty": "∞", "leftarrow": "←",
    "gets": "←", "to": "→", "top": "ᵀ", "tau": "τ", "log": "log", "max": "max", "min": "min", "exp": "exp",
}  # fmt: skip
_ABOVE = str.maketrans("0123456789+-=()nimpTtk", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱᵐᵖᵀᵗᵏ")
_BELOW = str.maketrans("0123456789+-=()aeijklmnoprtx", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑᵢⱼₖₗₘₙₒₚᵣₜₓ")
_GROUP = r"\{([^{}]*)\}"


def unicode_law(latex: str) -> str:
    """Return LaTeX of the small kind that laws are written in as Unicode.

    >>> unicode_law(r"\\tanh' = 1 - \\tanh^2"), unicode_law(r"\\operatorname{erf}'(x) = e^{-x^2}")
    ('tanh′ = 1 − tanh²', 'erf′(x) = e^(−x²)')
    """
    text = latex.replace(r"\,", " ").replace(r"\;", " ").replace(r"\!", "").replace("'", "′")
    text = re.sub(r"\\mathsf\s*(\w)", r"\1", text)
    text = re.sub(r"\\[td]?frac\s*(\d)(\d)", lambda m: m[1] + "/" + m[2], text)
    text = re.sub(
        r"\\(?:operatorname|mathrm|text|mathbf|mathsf|mathit|boldsymbol)\*?\s*" + _GROUP, r"¬\1", text
    )
    text = re.sub(r"\\([A-Za-z]+)(\s*)", _word, text).replace("¬", "")
    for _ in range(6):  # from the inside out
        text = re.sub(r"√\s*" + _GROUP, lambda m: "√" + _bracketed(m[1]), text)
        text = re.sub(
            r"÷\s*" + _GROUP + r"\s*" + _GROUP, lambda m: f"{_bracketed(m[1])}/{_bracketed(m[2])}", text
        )
        text = re.sub(r"\^(?:" + _GROUP + r"|([^\s{}(]))", lambda m: _raised(m[1] or m[2], "^", _ABOVE), text)
        text = re.sub(r"_(?:" + _GROUP + r"|([^\s{}(]))", lambda m: _raised(m[1] or m[2], "_", _BELOW), text)
    text = text.replace("{", "").replace("}", "").replace("-", "−").replace("\\", "")
    text = re.sub(r" *¶ *", "   ", re.sub(r" +", " ", text))
    return re.sub(r" (?=[)\]⌋′])|(?<=\S) (?=‖)|(?<=[([⌊]) ", "", text).strip()


def _word(match: re.Match[str]) -> str:
    name = match[1]
    if name in ("frac", "tfrac", "dfrac"):
        return "÷"
    if name == "sqrt":
        return "√"
    word = _WORDS.get(name, name)
    # The blank that ends a command is none; a function's name and a relation need one before a letter.
    after = match.string[match.end() : match.end() + 1]
    before = " " if word in ("≠", "≤", "≥", "←", "→", "⋆") else ""
    spaced = word in ("≠", "≤", "≥", "←", "→", "·", "∘", "⋆") or (
        len(word) > 1
        and after.isalnum()
        or word in ("log", "max", "min", "det", "Σ", "Π")
        and after in ("\\",)
    )
    kept = match[2] if after and not after.isalnum() and after != "\\" else ""
    return before + word + (" " if spaced else kept)


def _bracketed(inner: str) -> str:
    return inner if len(inner) == 1 or re.fullmatch(r"\w+|√\w|√?\([^()]*\)", inner) else f"({inner})"


def _raised(inner: str, sign: str, table: dict[int, int]) -> str:
    compact = inner.replace(" ", "").replace("−", "-")
    if all(ord(c) in table for c in compact):
        return compact.translate(table)
    if compact.endswith("′"):
        return (_raised(compact[:-1], sign, table) if compact[:-1] else "") + "′"
    return sign + (inner if len(inner) == 1 else f"({inner.replace('-', '−')})")
