"""How names are spelled: Greek letters, subscripts, words."""

from __future__ import annotations

import re

GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ", "eta": "η", "theta": "θ",
    "iota": "ι", "kappa": "κ", "lambda": "λ", "lam": "λ", "lmbda": "λ", "lambda_": "λ", "mu": "μ",
    "nu": "ν", "xi": "ξ", "pi": "π",
    "rho": "ρ", "sigma": "σ", "tau": "τ", "upsilon": "υ", "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω",
    "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ", "Upsilon": "Υ",
    "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω",
}  # fmt: skip
_NAMED = {glyph: name for name, glyph in GREEK.items() if name not in ("lam", "lmbda", "lambda_")}
_LATEX_VARIANT = {"ε": r"\varepsilon", "φ": r"\varphi"}

_SUB = dict(zip("0123456789aehijklmnoprstuvxβγρφχ+-=()", "₀₁₂₃₄₅₆₇₈₉ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ₊₋₌₍₎"))
_FROM_SUB = {v: k for k, v in _SUB.items()}
_SUPER = dict(zip("0123456789+-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻"))

_ONE = r"[^\W\d_]"
_BASE = "|".join([*sorted(GREEK, key=len, reverse=True), _ONE])
_NAME = re.compile(rf"(?P<base>{_BASE})(?:_?(?P<digits>\d+)|_(?P<sub>\w+))?$")


def split_name(label: str) -> tuple[str, str]:
    """Return a name's letter and subscript; a word is its own letter, and a step of a sequence its index.

    >>> split_name("beta_1"), split_name("x1"), split_name("Z₁"), split_name("price"), split_name("h[t-1]")
    (('β', '1'), ('x', '1'), ('Z', '1'), ('price', ''), ('h', 't-1'))
    """
    if label.endswith("]") and "[" in label:
        head, _, step = label[:-1].partition("[")
        base, sub = split_name(head)
        return base, f"{sub},{step}" if sub else step
    spelled = "".join(_FROM_SUB.get(c, c) for c in label)
    if spelled != label and "_" not in label:
        head = next(i for i, c in enumerate(label) if c in _FROM_SUB)
        spelled = f"{label[:head]}_{spelled[head:]}"
    found = _NAME.match(spelled)
    if not found:
        return label, ""
    base = found["base"]
    return GREEK.get(base, base), found["digits"] or found["sub"] or ""


def is_word(label: str) -> bool:
    """Tell whether a name is spelled with several letters, so that it needs space around it."""
    base, sub = split_name(label)
    return len(base) > 1 or (bool(sub) and lower(sub) is None)


def lower(text: str) -> str | None:
    """Return `text` as subscripts, or None where Unicode has none for it.

    >>> lower("12"), lower("t"), lower("out")
    ('₁₂', 'ₜ', 'ₒᵤₜ')
    """
    if all(c in _SUB for c in text):
        return "".join(_SUB[c] for c in text)
    return None


def upper(text: str) -> str | None:
    """Return a whole number as superscripts, or None for anything else."""
    return "".join(_SUPER[c] for c in text) if all(c in _SUPER for c in text) else None


def unicode_name(label: str) -> str:
    """Return a name in Unicode.

    >>> unicode_name("sigma_2"), unicode_name("W_qk"), unicode_name("price"), unicode_name("h[t-1]")
    ('σ₂', 'W_qk', 'price', 'hₜ₋₁')
    """
    base, sub = split_name(label)
    if not sub:
        return base
    lowered = lower(sub)
    if lowered is not None:
        return base + lowered
    return f"{base}_{sub}" if sub.replace("_", "").isalnum() else f"{base}[{sub.replace('-', '−')}]"


def latex_name(label: str) -> str:
    r"""Return a name in LaTeX.

    >>> print(latex_name("sigma_2"), latex_name("W_out"), latex_name("log_price"))
    \sigma_{2} W_{\mathrm{out}} \mathrm{log\_price}
    """
    base, sub = split_name(label)
    if base in _LATEX_VARIANT:
        letter = _LATEX_VARIANT[base]
    elif base in _NAMED:
        letter = "\\" + _NAMED[base]
    elif len(base) == 1:
        letter = base
    else:
        return r"\mathrm{" + base.replace("_", r"\_") + "}"
    if not sub:
        return letter
    plain = sub.isdigit() or len(sub) == 1 or label.endswith("]")
    return f"{letter}_{{{sub}}}" if plain else f"{letter}_{{" + r"\mathrm{" + sub.replace("_", r"\_") + "}}"
