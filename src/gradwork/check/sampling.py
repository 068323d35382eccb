"""Random points for checks: sizes that fit, facts that hold, and numbers in the functions' domains."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradwork.errors import GradworkError
from gradwork.expr.dims import Dim
from gradwork.expr.node import SYMBOL, Expr, facts, walk
from gradwork.expr.op import REGISTRY

ROWS = ("n", "N", "m", "M", "T", "t")  # sizes that count rows come out larger than those that count columns
ORDINARY = (-2, 2)
REGULAR = ("inv", "det", "logdet", "cofactor", "cholesky")  # of matrices that should not be singular
WELL = 1e6  # the largest condition number that such a matrix is drawn with


class Sampler:
    """Draws values for the symbols of some expressions."""

    STYLES: tuple[str, ...] = ("domain", "normal", "positive", "unit", "definite")

    def __init__(self, expressions: list[Expr], rng: np.random.Generator):
        self.rng = rng
        self.nodes = list(walk(*expressions))
        self.symbols = {n.params[0]: n for n in self.nodes if n.op is SYMBOL}
        self.names = self._names()
        self.needed = self._needed()
        self.attempt = 0
        self.sizes = self._sizes()
        self.bounds = self._positions()
        self.domains = self._domains()
        self.styles: dict[str, str] = {}
        held = [n.args[0] for n in self.nodes if n.op.name in REGULAR]
        self.matrices = [m for m in dict.fromkeys(held) if m.op is not SYMBOL]
        self._of_matrices: Any = None

    def count(self, x: Expr) -> int:
        """Return the number of components of an expression at the present sizes."""
        total = 1
        for d in x.shape:
            total *= d.evaluate(self.sizes)
        return total

    def largest(self) -> int:
        """Return the number of entries of the largest array that the expressions hold at the present sizes."""
        return max((self.count(n) for n in self.nodes), default=1)

    # --- sizes ---

    def _names(self) -> list[str]:
        found = {n for node in self.nodes for d in node.shape for n in d.names}
        found |= {n for node in self.nodes if node.op.name == "size" for n in node.params[0].names}
        return sorted(found, key=lambda n: (n not in ROWS, n))

    def _needed(self) -> int:
        # The largest position that an index names: sizes must reach beyond it.
        largest = 0
        for node in self.nodes:
            if node.op.name in ("index", "place"):
                for part in node.params[0]:
                    for d in part[1:4]:
                        if isinstance(d, Dim) and d.value is not None:
                            largest = max(largest, d.value)
            if node.op.name == "gather" and node.args[1].op.name == "array":
                largest = max(largest, int(np.max(node.args[1].params[0].array, initial=0)) + 1)
        return largest

    def _sizes(self) -> dict[str, int]:
        for _ in range(400):
            base = (5, 3, 4, 2, 6, 7, 8)
            top = self.needed + 8
            if self.attempt == 0:
                # Distinct sizes, so that no transpose goes unseen.
                sizes = {n: base[i % len(base)] + self.needed for i, n in enumerate(self.names)}
            elif self.attempt == 1:
                sizes = {n: base[i % len(base)] + self.needed for i, n in enumerate(reversed(self.names))}
            else:
                picks = self.rng.permutation(np.arange(2, max(top, len(self.names) + 4)))
                sizes = {n: int(picks[i % len(picks)]) for i, n in enumerate(self.names)}
            self.attempt += 1
            if all(self._fits(node, sizes) for node in self.nodes):
                return sizes
        raise GradworkError("no sizes were found for which")

    def _fits(self, node: Expr, sizes: dict[str, int]) -> bool:
        if any(d.evaluate(sizes) <= 0 for d in node.shape):
            return False
        if node.op.name != "index":
            return True
        for part, dim in zip(node.params[0], node.args[0].shape):
            length = dim.evaluate(sizes)
            first = part[1].evaluate(sizes)
            if not 0 <= first < length:
                return False
            if part[0] == "from" and part[2] is not None and part[2].evaluate(sizes) > length:
                return False
        return True

    def _positions(self) -> dict[str, int]:
        bounds = {}
        for node in self.nodes:
            if node.op is REGISTRY["gather"] and node.args[1].op is SYMBOL:
                bounds[node.args[1].params[0]] = node.args[0].shape[node.params[0]].evaluate(self.sizes)
            if node.op is REGISTRY["scatter"] and node.args[1].op is SYMBOL:
                bounds[node.args[1].params[0]] = node.params[1].evaluate(self.sizes)
        return bounds

    def _domains(self) -> dict[str, tuple[float, float]]:
        # The interval that an operation declares, for a symbol that stands in it directly.
        found: dict[str, tuple[float, float]] = {}
        for node in self.nodes:
            for arg, domain in zip(node.args, node.op.domain):
                if arg.op is SYMBOL and tuple(domain) != ORDINARY and node.op.name != "power":
                    low, high = found.get(arg.params[0], (-np.inf, np.inf))
                    found[arg.params[0]] = (max(low, domain[0]), min(high, domain[1]))
        return {s: (low, high) for s, (low, high) in found.items() if low < high}

    # --- points ---

    def point(self, suits: Callable[[dict[str, Any]], bool], attempts: int = 300) -> dict[str, Any] | None:
        """Return values at which `suits` holds and matrices are regular, or None when none were found.

        A determinant or an inverse of what is singular at every point of these sizes (X Xᵀ of a tall X) says little:
        other sizes are drawn soon. Where no sizes help, singular matrices are taken as they are.
        """
        if self.matrices:
            found = self._point(lambda v: self._regular(v) and suits(v), attempts // 2, 12)
            if found is not None:
                return found
            self.matrices = []
        return self._point(suits, attempts, 60)

    def _regular(self, values: dict[str, Any]) -> bool:
        from gradwork.run import function

        if self._of_matrices is None:
            self._of_matrices = function(self.matrices)
        program = self._of_matrices
        try:
            found = program(**{k: v for k, v in values.items() if k in program.arguments})
            return all(np.isfinite(m).all() and np.linalg.cond(m) < WELL for m in found)
        except (np.linalg.LinAlgError, ArithmeticError):
            return False

    def _point(
        self, suits: Callable[[dict[str, Any]], bool], attempts: int, renewal: int
    ) -> dict[str, Any] | None:
        for attempt in range(attempts):
            if attempt and attempt % renewal == 0:
                self.sizes = self._sizes()  # perhaps a matrix that must be tall was drawn wide
                self.bounds = self._positions()
            styles = self.styles or {
                s: self.STYLES[attempt] if attempt < 2 else str(self.rng.choice(self.STYLES))
                for s in self.symbols
            }
            values = {s: self._draw(symbol, styles[s]) for s, symbol in self.symbols.items()}
            values.update({n: v for n, v in self.sizes.items() if n not in values})
            if suits(values):
                self.styles = styles
                return values
            if attempt % 20 == 19:
                self.styles = {}
        return None

    def _draw(self, symbol: Expr, style: str) -> Any:
        shape = tuple(d.evaluate(self.sizes) for d in symbol.shape)
        rng, known, label = self.rng, facts(symbol), symbol.params[0]
        if label in self.bounds or "integer" in known:
            return rng.integers(0, self.bounds.get(label, 4), shape)
        if "onehot" in known:
            return np.eye(shape[-1])[rng.integers(0, shape[-1], shape[:-1])]
        if "orthogonal" in known:
            return np.linalg.qr(rng.normal(size=shape))[0]
        if "diagonal" in known:
            return np.diag(rng.uniform(0.5, 2.0, shape[0]))
        if "lower" in known:
            return np.tril(rng.normal(size=shape), -1) + np.diag(rng.uniform(0.5, 2.0, shape[0]))
        if "symmetric" in known or (style == "definite" and len(shape) == 2 and shape[0] == shape[1]):
            a = rng.normal(size=shape)
            return a @ a.T / shape[0] + np.eye(shape[0])
        if style == "domain" and label in self.domains:
            return rng.uniform(*self.domains[label], shape)
        if "positive" in known or style in ("positive", "definite"):
            return rng.uniform(0.3, 2.0, shape)
        if style == "unit":
            return rng.uniform(0.1, 0.9, shape)
        return rng.normal(size=shape)
