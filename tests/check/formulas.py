"""Random formulas of every kind that the certificate must judge rightly. For tests."""

from __future__ import annotations

from typing import Any

import numpy as np

import gradwork as gw
from gradwork.errors import GradworkError

SYMBOLS: dict[str, Any] = {
    "x": gw.scalar("x"), "y": gw.scalar("y"), "p": gw.scalar("p", positive=True),
    "a": gw.vector("a", "n"), "b": gw.vector("b", "n"), "c": gw.vector("c", "d"), "q": gw.vector("q", "n", positive=True),
    "A": gw.matrix("A", "n", "d"), "B": gw.matrix("B", "d", "n"), "C": gw.matrix("C", "n", "d"),
    "M": gw.matrix("M", "d", "d"), "S": gw.matrix("S", "d", "d", symmetric=True),
    "D": gw.matrix("D", "d", "d", diagonal=True), "L": gw.matrix("L", "d", "d", lower=True),
    "Q": gw.matrix("Q", "d", "d", orthogonal=True), "k": gw.vector("k", "n", integer=True),
}  # fmt: skip

SMOOTH = (
    "exp",
    "sin",
    "cos",
    "tanh",
    "sigmoid",
    "softplus",
    "arctan",
    "erf",
    "normal_cdf",
    "log_sigmoid",
    "sinh",
)
CUT = ("log", "sqrt", "lgamma", "digamma", "log1p", "arcsin", "arccos", "log_normal_cdf")
KINKED = ("abs", "relu", "floor", "sign")


class Maker:
    """Draws scalar formulas."""

    def __init__(self, seed: int):
        self.rng = np.random.default_rng(seed)

    def pick(self, options: Any) -> Any:
        """Return one of the options."""
        return options[int(self.rng.integers(len(options)))]

    def number(self) -> Any:
        """Return a small number."""
        return self.pick((1, 2, 3, -1, -2, 0.5, 1.5, -0.3))

    def scalar(self, depth: int) -> Any:
        """Return a formula that is one number."""
        F = gw.ops.FUNCTIONS
        if depth <= 0:
            return gw.expr.constant(self.pick((*(SYMBOLS[s] for s in "xypx"), self.number())))
        kind = int(self.rng.integers(22))
        s = lambda: self.scalar(depth - 1)
        v = lambda d="n": self.vector(d, depth - 1)
        m = lambda: self.square(depth - 1)
        if kind < 3:
            return s() + s() if kind else s() - s()
        if kind < 5:
            return s() * s()
        if kind == 5:
            return s() / (self.pick((0, 2)) + s())
        if kind == 6:
            return F[self.pick(SMOOTH)](gw.expr.constant(s()))
        if kind in (7, 8):
            return F[self.pick(CUT)](gw.expr.constant(s() - self.pick((0, 1, 3))))
        if kind == 9:
            return F[self.pick(KINKED)](gw.expr.constant(s()))
        if kind == 10:
            return gw.expr.constant(s()) ** self.pick((2, 3, -1, -2, 0.5, 1.5, SYMBOLS["y"]))
        if kind == 11:
            return self.pick((gw.maximum, gw.minimum, gw.arctan2, gw.hypot, gw.xlogy))(s(), s())
        if kind == 12:
            return gw.where(gw.expr.constant(s()) > self.number(), s(), s())
        if kind == 13:
            d = self.pick("nd")
            return v(d) @ v(d)
        if kind == 14:
            return self.pick((gw.sum, gw.mean, gw.norm, gw.max, gw.min, gw.logsumexp, gw.prod))(
                v(self.pick("nd"))
            )
        if kind == 15:
            return self.pick((gw.det, gw.logdet, gw.trace))(m())
        if kind == 16:
            return v("d") @ gw.inv(m()) @ v("d")
        if kind == 17:
            return v("d") @ m() @ v("d")
        if kind == 18:
            return gw.sum(gw.softmax(v("n")) * v("n"))
        if kind == 19:
            return self.pick((gw.sum, gw.mean, gw.norm))(m() + SYMBOLS[self.pick("MSDLQ")])
        if kind == 20:
            return gw.trace(SYMBOLS[self.pick("SDLQM")] @ m())
        return gw.sum(v("n") ** self.pick((2, 3, 0, 1)))

    def vector(self, dim: str, depth: int) -> Any:
        """Return a vector of size n or d."""
        F = gw.ops.FUNCTIONS
        leaves = (SYMBOLS["a"], SYMBOLS["b"], SYMBOLS["q"], SYMBOLS["k"]) if dim == "n" else (SYMBOLS["c"],)
        if depth <= 0:
            return self.pick(leaves)
        kind = int(self.rng.integers(9))
        v = lambda: self.vector(dim, depth - 1)
        if kind == 0:
            return v() + v()
        if kind == 1:
            return v() * v()
        if kind == 2:
            return F[self.pick(SMOOTH + KINKED)](v())
        if kind == 3:
            return F[self.pick(CUT)](v() - self.pick((0, 1)))
        if kind == 4:
            return self.scalar(depth - 1) * v()
        if kind == 5:
            return SYMBOLS["A"] @ self.vector("d", depth - 1) if dim == "n" else self.square(depth - 1) @ v()
        if kind == 6:
            return self.pick((gw.cumsum, gw.softmax, lambda t: t[::-1]))(v())
        if kind == 7:
            return v() - gw.mean(v())
        return self.pick(leaves)

    def square(self, depth: int) -> Any:
        """Return a d×d matrix."""
        leaf = SYMBOLS[self.pick("MSDLQ")]
        if depth <= 0:
            return leaf
        kind = int(self.rng.integers(8))
        m = lambda: self.square(depth - 1)
        if kind == 0:
            return m() + m()
        if kind == 1:
            return m() @ m()
        if kind == 2:
            return SYMBOLS["A"].T @ SYMBOLS[self.pick("AC")]
        if kind == 3:
            return SYMBOLS["B"] @ SYMBOLS[self.pick("AC")]
        if kind == 4:
            return gw.eye("d") + gw.expr.constant(self.scalar(0)) * leaf
        if kind == 5:
            return self.pick((gw.exp, gw.tanh, gw.relu))(m())
        if kind == 6:
            return m().T
        return leaf


def formulas(start: int, count: int) -> Any:
    """Yield (seed, f, variable) for scalar formulas that hold a symbol."""
    for seed in range(start, start + count):
        maker = Maker(seed)
        try:
            f = gw.expr.constant(maker.scalar(int(maker.rng.integers(2, 5))))
        except GradworkError:
            continue
        names = list(f.symbols)
        if names:
            yield seed, f, f.symbols[maker.pick(names)]
