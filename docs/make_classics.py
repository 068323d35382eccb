"""Writes docs/classics.md: the derivations of a first course, as Gradwork shows them.

    python docs/make_classics.py

A test holds that the page is what this gives.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import gradwork as gw
from gradwork.formula import parse
from gradwork.show.derivation import header

PAGE = Path(__file__).with_name("classics.md")


@dataclass(frozen=True)
class Classic:
    """A formula of a first course, by what it is derived, and how."""

    title: str
    formula: str
    by: str
    shapes: str = ""
    detail: str = "board"
    manner: str = ""

    @property
    def command(self) -> str:
        """The command that prints the derivation."""
        parts = [f'gradwork derive "{self.formula}"', *(f"--wrt {v}" for v in self.by.split())]
        parts += [f'--shapes "{self.shapes}"'] if self.shapes else []
        parts += [f"--manner {self.manner}"] if self.manner else []
        parts.append("--steps" if self.detail == "board" else f"--detail {self.detail}")
        return " ".join(parts)

    def shown(self) -> str:
        """Return the derivation as text."""
        f = parse(self.formula, self.shapes)
        derivation = gw.grad(f, self.by.split())[0].derivation
        return header(derivation) + "\n\n" + derivation.text(self.detail, self.manner)


SYMMETRIC = "S: d d symmetric, C: d d symmetric, n:"
CLASSICS = (
    Classic("A polynomial", "x^2 + 2x + 3", "x"),
    Classic("A polynomial, for a pupil", "x^2 + 2x + 3", "x", detail="slow"),
    Classic("Least squares", "mean((y - X b)^2)", "b"),
    Classic("Least squares, by differentials", "mean((y - X b)^2)", "b", manner="differential"),
    Classic("Least squares as a quadratic form", "1/2 (y - X b)'(y - X b)", "b"),
    Classic("Ridge regression", "‖y - X b‖^2 + λ ‖b‖^2", "b"),
    Classic("The norm of the residual", "‖y - X b‖", "b"),
    Classic("Weighted least squares", "(y - X b)' W (y - X b)", "b"),
    Classic("Logistic regression", "mean(softplus(X b) - y*(X b))", "b"),
    Classic("Logistic regression, as every course types it",
            "-mean(y log(sigmoid(X b)) + (1-y) log(1 - sigmoid(X b)))", "b"),
    Classic("Softmax and cross-entropy", "-mean(sum(Y*log(softmax(X W)), axis=1))", "W", "Y: n k onehot"),
    Classic("The normal likelihood", "-n/2 log(2 π σ^2) - 1/(2σ^2) sum((x - μ)^2)", "μ σ", "σ: positive, μ:, x: n"),
    Classic("The Bernoulli likelihood", "k log θ + (n-k) log(1-θ)", "θ"),
    Classic("Poisson regression", "sum(y*(X b) - exp(X b) - lgamma(y+1))", "b"),
    Classic("A network of two layers", "mean((y - tanh(X W + c) v)^2)", "W v c", "X: n d, W: d h, c: h, v: h, y: n"),
    Classic("A convolution", "1/2 sum((conv1d(x, w) - y)^2)", "w x", "x: n, w: k"),
    Classic("Attention", "1/2 ‖softmax(Q K' / sqrt(d)) V - Y‖_F^2", "Q K V", "Q: n d, K: m d, V: m p"),
    Classic("The trace of principal components", "trace(W' S W)", "W"),
    Classic("Principal components by reconstruction", "‖X - X W W'‖_F^2", "W"),
    Classic("The normal likelihood by its covariance", "-n/2 logdet(S) - 1/2 tr(inv(S) C)", "S", SYMMETRIC),
    Classic("A quadratic form", "x' A x", "x"),
    Classic("An inverse", "a' inv(X) b", "X"),
    Classic("A matrix factorisation", "‖R - U V'‖_F^2", "U V"),
    Classic("The logistic function, for a pupil", "1/(1+exp(-x))", "x", detail="slow"),
    Classic("A product of functions, for a pupil", "sin(x) cos(x)", "x", detail="slow"),
)  # fmt: skip


def recurrent() -> str:
    """Return the derivation of a recurrent network through time."""
    x, v, y = gw.matrix("x", "T", "d"), gw.vector("v", "k"), gw.scalar("y")
    Wx, Wh, b = gw.matrix("W_x", "k", "d"), gw.matrix("W_h", "k", "k"), gw.vector("b", "k")
    states = gw.scan(lambda h, x: gw.tanh(Wx @ x + Wh @ h + b), gw.zeros("k"), x)
    return gw.grad((y - v @ states.last) ** 2, [Wh, Wx, b])[0].explain()


def long_short_term() -> str:
    """Return the derivation of a long short-term memory."""
    from gradwork.nn import LSTM, Dense, network

    net = network([LSTM(3), Dense(1)], ("T", 2))
    return gw.grad(gw.sum(net.output**2), list(net.parameters))[0].explain()


def page() -> str:
    """Return the page."""
    out = [
        "# The classics, derived",
        "",
        "What a first course derives on the blackboard, as Gradwork derives it. Every line has its reason, told by the",
        "rule that made it. This page is written by `python docs/make_classics.py`.",
    ]
    for classic in CLASSICS:
        out += ["", f"## {classic.title}", "", f"`{classic.command}`", "", "```", classic.shown(), "```"]
    for title, text in (
        ("A recurrent network", recurrent()),
        ("A long short-term memory", long_short_term()),
    ):
        out += ["", f"## {title}", "", "```", text, "```"]
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
