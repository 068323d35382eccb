"""What a letter is by custom: data, a weight, a number, a count, Greek, or upper case.

Mathematics has no declarations; its letters carry them. x and y are data, a, b, c and k are numbers, w and p are
weights and probabilities, n counts, Greek letters are parameters, upper case is a matrix. None of this decides:
it is what `assume` weighs, and what the shapes of the formula may overrule.
"""

from __future__ import annotations

import re
import unicodedata

GREEK = frozenset(
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda lam lmbda mu nu xi "
    "omicron pi rho varrho sigma tau upsilon phi varphi chi psi omega".split()
)
_GLYPHS: dict[str, str] = dict(
    zip(
        "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda lam lmbda lambda_ mu nu xi pi rho sigma tau "
        "upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega".split(),
        "α β γ δ ε ζ η θ ι κ λ λ λ λ μ ν ξ π ρ σ τ υ φ χ ψ ω Γ Δ Θ Λ Ξ Π Σ Υ Φ Ψ Ω".split(),
        strict=True,
    )
)
COUNTS = ("n", "N")
DATA, WEIGHT, NUMBER, WORD = "data", "weight", "number", "word"

_DATA = frozenset("xyztuvfgho")
_WEIGHTS = frozenset("wpq")
# Words that name a parameter of a model, wherever they stand.
_PARAMETERS = frozenset(
    "slope intercept bias offset scale shift rate eps tol lam temp temperature margin loc dof df penalty reg ridge "
    "amp amplitude freq frequency phase decay km kd vmax cap threshold delta width height base power".split()
)


def is_greek(name: str) -> bool:
    """Tell whether a name is a Greek letter or its English name, with any digits or subscripts after it.

    >>> is_greek("σ2"), is_greek("lambda"), is_greek("beta_1"), is_greek("b")
    (True, True, True, False)
    """
    return "Α" <= name[:1] <= "ώ" or stem(name).lower() in GREEK


def is_upper(name: str) -> bool:
    """Tell whether a name is that of a matrix by convention: it begins with an upper-case letter."""
    return name[:1].isupper()


def stem(name: str) -> str:
    """Return a name without its digits, subscripts and accents.

    >>> stem("x_1"), stem("b0"), stem("y_hat"), stem("rate")
    ('x', 'b', 'y', 'rate')
    """
    bare = "".join(c for c in unicodedata.normalize("NFD", name) if not unicodedata.combining(c))
    bare = re.sub(r"(_\w+|\d+)$", "", bare)
    return re.sub(r"(?<=^\w)(hat|bar|tilde|dot)$", "", bare)


def printed(name: str) -> str:
    """Return a name as it is printed: Greek words as letters, digits without an underscore.

    >>> printed("lam"), printed("sigma_2"), printed("beta"), printed("W_out")
    ('λ', 'σ2', 'β', 'W_out')
    """
    found = re.fullmatch(r"(.*?[^\W\d])_?(\d+)", name)
    base, digits = (found[1], found[2]) if found else (name, "")
    head, sign, tail = base.partition("_") if base not in _GLYPHS else (base, "", "")
    return f"{_GLYPHS.get(head, head)}{sign}{tail}{digits}"


def custom(name: str) -> str:
    """Return what a lower-case Latin name stands for by custom.

    >>> [custom(name) for name in ("y", "w1", "b0", "price", "eps")]
    ['data', 'weight', 'number', 'word', 'number']
    """
    letter = stem(name)
    if name.endswith("bar") or "\u0304" in unicodedata.normalize("NFD", name):
        return NUMBER  # x̄ is one number, the mean of x
    if len(letter) > 1:
        return NUMBER if letter.lower() in _PARAMETERS else WORD
    return DATA if letter in _DATA else WEIGHT if letter in _WEIGHTS else NUMBER


def is_vmax(name: str) -> bool:
    """Tell whether a name is an upper-case letter with lower-case ones behind it, such as Vmax or Km.

    >>> is_vmax("Vmax"), is_vmax("Km"), is_vmax("X1"), is_vmax("X_train")
    (True, True, False, False)
    """
    return bool(re.fullmatch(r"[A-Z][a-z]+\d*", name))
