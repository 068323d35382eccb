"""Readable, plain names for what the generated source defines: never a keyword, never the same one twice."""

from __future__ import annotations

import builtins
import keyword
import re
import unicodedata

_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta", "η": "eta", "θ": "theta",
    "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu", "ξ": "xi", "π": "pi", "ρ": "rho",
    "σ": "sigma", "ς": "sigma", "τ": "tau", "υ": "upsilon", "φ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega",
    "Γ": "Gamma", "Δ": "Delta", "Θ": "Theta", "Λ": "Lambda", "Ξ": "Xi", "Π": "Pi", "Σ": "Sigma", "Φ": "Phi",
    "Ψ": "Psi", "Ω": "Omega", "∂": "d", "ℓ": "l", "′": "_prime",
}  # fmt: skip

# What the source itself refers to: a symbol of such a name gets an underscore.
_TAKEN = frozenset({"np", "jnp", "jax", "torch", "special", "math", "itertools"}) | frozenset(keyword.kwlist)


def plain_name(label: str) -> str:
    """Return a label as an ASCII identifier.

    >>> plain_name("β"), plain_name("Z₁"), plain_name("∂f/∂r"), plain_name("lambda")
    ('beta', 'Z1', 'df_dr', 'lambda_')
    """
    spelled = "".join(_GREEK.get(c, c) for c in label.replace("]", ""))
    spelled = unicodedata.normalize("NFKD", spelled)
    spelled = "".join(_GREEK.get(c, c) for c in spelled)
    text = re.sub(r"[^0-9A-Za-z_]+", "_", spelled).strip("_") if not spelled.isascii() else spelled
    text = re.sub(r"[^0-9A-Za-z_]+", "_", text) or "value"
    if text[0].isdigit():
        text = "v" + text
    return text + "_" if text in _TAKEN or hasattr(builtins, text) else text


class Names:
    """The names that are in use in one function."""

    def __init__(self, taken: tuple[str, ...] = ()):
        self._used = set(taken) | set(_TAKEN)
        self._numbers: dict[str, int] = {}  # where to go on counting from

    def copy(self) -> Names:
        """Return the same names, to which others can be added apart."""
        other = Names()
        other._used |= self._used
        return other

    def fresh(self, label: str, otherwise: str = "") -> str:
        """Return a name not used before: the label, then `otherwise`, then the label with a number."""
        name = plain_name(label)
        if name in self._used and otherwise:
            name = plain_name(otherwise)
        base, number = name, self._numbers.get(name, 2)
        while name in self._used:
            name = f"{base}_{number}" if not base.endswith("_") else f"{base}{number}"
            number += 1
        self._numbers[base] = number
        self._used.add(name)
        return name
