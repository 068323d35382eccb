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
NAMED = {glyph: name for name, glyph in GREEK.items() if name not in ("lam", "lmbda", "lambda_")}
_LATEX_VARIANT = {"ε": r"\varepsilon", "φ": r"\varphi"}

_SUB = dict(zip("0123456789aehijklmnoprstuvxβγρφχ+-=()", "₀₁₂₃₄₅₆₇₈₉ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ₊₋₌₍₎"))
FROM_BELOW = {v: k for k, v in _SUB.items()}
_SUPER = dict(zip("0123456789+-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻"))
_MARKS = _SUPER | dict(zip("abcdefghijklmnoprstuvwxyz()", "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ⁽⁾"))
FROM_ABOVE = {v: k for k, v in _MARKS.items()} | {"ᵀ": "T", "⁼": "="}

_ONE = r"[^\W\d_]"
_BASE = "|".join([*sorted(GREEK, key=len, reverse=True), _ONE])
_NAME = re.compile(rf"(?P<base>{_BASE})(?:_?(?P<digits>\d+)|_(?P<sub>\w+))?$")


def parts_of(label: str) -> tuple[str, str, str]:
    """Return a name's letter, what stands below it and what stands above it.

    Above stands what quantities of one kind are told apart by: a gate, W_1^i, or a layer, h^(2)[t].

    >>> parts_of("beta_1"), parts_of("h^(2)[t-1]")
    (('β', '1', ''), ('h', 't-1', '(2)'))
    """
    head, bracket, step = label[:-1].partition("[") if label.endswith("]") else (label, "", "")
    if not bracket:
        head = label
    head, _, sup = head.partition("^")
    base, sub = split_name(head)
    return base, f"{sub},{step}" if sub and step else step or sub, sup


def split_name(label: str) -> tuple[str, str]:
    """Return a name's letter and subscript; a word is its own letter, and a step of a sequence its index.

    >>> split_name("beta_1"), split_name("x1"), split_name("Z₁"), split_name("price"), split_name("h[t-1]")
    (('β', '1'), ('x', '1'), ('Z', '1'), ('price', ''), ('h', 't-1'))
    """
    if (label.endswith("]") and "[" in label) or "^" in label:
        return parts_of(label)[:2]
    spelled = "".join(FROM_BELOW.get(c, c) for c in label)
    if spelled != label and "_" not in label:
        head = next(i for i, c in enumerate(label) if c in FROM_BELOW)
        spelled = f"{label[:head]}_{spelled[head:]}"
    found = _NAME.match(spelled)
    if not found:
        return label, ""
    base = found["base"]
    return GREEK.get(base, base), found["digits"] or found["sub"] or ""


def is_word(label: str) -> bool:
    """Tell whether a name is spelled with several letters, so that it needs space around it."""
    return len(parts_of(label)[0]) > 1 or any(c in "_[^" for c in unicode_name(label))


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
    >>> unicode_name("W_1^i"), unicode_name("delta^f[t]"), unicode_name("h^(2)[t]"), unicode_name("A_1[t]")
    ('W₁ⁱ', 'δᶠₜ', 'h⁽²⁾ₜ', 'A₁ₜ')
    """
    head, _, step = label[:-1].partition("[") if label.endswith("]") else (label, "", "")
    base, sub, sup = parts_of(head)
    if sub and step[:1].isdigit():  # a component of z₂, which z₂₁ would not say
        sub, step = f"{sub},{step}", ""
    return base + _lowered(sub) + _raised(sup) + _lowered(step)


def _lowered(sub: str) -> str:
    lowered = lower(sub)
    if lowered is not None:
        return lowered
    # a word below the line, and several indices in brackets
    return f"_{sub}" if sub.replace("_", "").isalnum() else f"[{sub.replace('-', '−')}]"


def _raised(sup: str) -> str:
    return "".join(_MARKS[c] for c in sup) if all(c in _MARKS for c in sup) else f"^({sup.strip('()')})"


def latex_name(label: str) -> str:
    r"""Return a name in LaTeX.

    >>> print(latex_name("sigma_2"), latex_name("W_out"), latex_name("log_price"), latex_name("delta_1^i[t]"))
    \sigma_{2} W_{\mathrm{out}} \mathrm{log\_price} \delta_{1,t}^{i}
    """
    base, sub, sup = parts_of(label)
    if base in _LATEX_VARIANT:
        letter = _LATEX_VARIANT[base]
    elif base in NAMED:
        letter = "\\" + NAMED[base]
    elif len(base) == 1:
        letter = base
    else:
        letter = r"\mathrm{" + base.replace("_", r"\_") + "}"
    if sub:
        plain = sub.isdigit() or len(sub) == 1 or label.endswith("]")
        below = sub if plain else r"\mathrm{" + sub.replace("_", r"\_") + "}"
        letter = f"{letter}_{{{below}}}"
    return f"{letter}^{{{sup}}}" if sup else letter
