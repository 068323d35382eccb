"""Powers and products of columns: what polynomial regression is linear in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradwork.errors import GradworkError

Array = NDArray[np.float64]
MOST = 10_000


@dataclass(frozen=True)
class Terms:
    """Monomials of columns: for each, the columns that are multiplied, with repetition (0, 0, 1) for x₀²x₁.

    >>> t = Terms.of(("a", "b"), 2, interactions=True)
    >>> t.names
    ('a', 'b', 'a^2', 'a·b', 'b^2')
    >>> t.expand(np.array([[2.0, 3.0]])).tolist()
    [[2.0, 3.0, 4.0, 6.0, 9.0]]
    """

    columns: tuple[str, ...]
    monomials: tuple[tuple[int, ...], ...]

    @classmethod
    def of(
        cls,
        columns: Sequence[str],
        degree: int,
        interactions: bool,
        binary: Sequence[bool] = (),
        factors: Sequence[int] = (),
    ) -> Terms:
        """Return all monomials up to a degree: powers of each column, and with `interactions` mixed products.

        A column of zeros and ones (`binary`) is its own square, so it has no powers. Columns with the same number
        in `factors` are the categories of one feature: no row has two of them, so their product is zero, and left
        out.
        """
        p = len(columns)
        flags, of = list(binary) or [False] * p, list(factors) or list(range(p))
        found = []
        for k in range(1, degree + 1):
            chosen: Any = (
                combinations_with_replacement(range(p), k) if interactions else ((j,) * k for j in range(p))
            )
            for monomial in chosen:
                used = set(monomial)
                power = any(flags[j] and monomial.count(j) > 1 for j in used)
                if not power and len({of[j] for j in used}) == len(used):
                    found.append(tuple(monomial))
                if len(found) > MOST:
                    raise GradworkError("degree of columns makes more than", degree=degree, p=p, most=MOST)
        return cls(tuple(columns), tuple(found))

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each monomial: a, a^2, a·b."""
        made = []
        for monomial in self.monomials:
            parts = []
            for j in dict.fromkeys(monomial):
                count = monomial.count(j)
                parts.append(self.columns[j] + (f"^{count}" if count > 1 else ""))
            made.append("·".join(parts))
        return tuple(made)

    def expand(self, X: Array) -> Array:
        """Return the columns of the monomials, n×len(monomials)."""
        out = np.empty((len(X), len(self.monomials)))
        done: dict[tuple[int, ...], int] = {}
        for i, monomial in enumerate(self.monomials):
            # x³ = x²·x: from the shorter monomial where it is there, which rounds as repeated products do.
            shorter = done.get(monomial[:-1])
            if shorter is not None:
                out[:, i] = out[:, shorter] * X[:, monomial[-1]]
            else:
                out[:, i] = np.prod(X[:, list(monomial)], axis=1)
            done[monomial] = i
        return out
