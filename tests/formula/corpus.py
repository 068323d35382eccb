"""Formulas as books and courses print them: the shapes that are meant, and the value by NumPy.

Each row: the formula; the shapes that its symbols are meant to have (one letter for each axis; "+" is a positive
definite matrix, "1" one-hot rows, "#" whole numbers); the value of the formula as a function of its symbols and,
where it needs them, of sizes. The rows were written from the page, not to suit the parser.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import linalg as la
from scipy import special as sc

exp, log, sqrt, sin, cos, tanh, trace, det, inv = (
    np.exp, np.log, np.sqrt, np.sin, np.cos, np.tanh, np.trace, la.det, la.inv,
)  # fmt: skip


def sg(z):
    return 1 / (1 + exp(-z))


def sm(z):
    e = exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def lse(z):
    return log(exp(z).sum(-1))


def ss(x):
    return (x * x).sum()


def ld(A):
    return la.slogdet(A)[1]


def phi(x):
    return exp(-(x**2) / 2) / sqrt(2 * np.pi)


relu = lambda z: np.maximum(z, 0)
Row = tuple[str, str, Callable[..., Any]]

REGRESSION: list[Row] = [
    ("mean((y - X b)^2)", "y:n X:nd b:d", lambda y, X, b: np.mean((y - X @ b) ** 2)),
    ("‖y - Xβ‖²", "y:n X:nd β:d", lambda y, X, β: ss(y - X @ β)),
    (r"\frac{1}{n}\|y-X\beta\|^2", "y:n X:nd β:d", lambda y, X, β: np.mean((y - X @ β) ** 2)),
    (
        r"\frac{1}{2n} \lVert \mathbf{y} - \mathbf{X}\boldsymbol{\beta} \rVert_2^2 + \lambda \lVert \boldsymbol{\beta} \rVert_1",
        "y:n X:nd β:d λ:",
        lambda y, X, β, λ: np.mean((y - X @ β) ** 2) / 2 + λ * abs(β).sum(),
    ),
    ("(y - Xβ)ᵀ(y - Xβ)", "y:n X:nd β:d", lambda y, X, β: ss(y - X @ β)),
    ("(y - X b)'(y - X b)/n", "y:n X:nd b:d", lambda y, X, b: np.mean((y - X @ b) ** 2)),
    ("(y - X b)'(y - X b) + l b'b", "y:n X:nd b:d l:", lambda y, X, b, l: ss(y - X @ b) + l * b @ b),
    ("(X'X)^-1 X'y", "X:nd y:n", lambda X, y: la.solve(X.T @ X, X.T @ y)),
    (
        "(X'X + λ I)^-1 X'y",
        "X:nd y:n λ:",
        lambda X, y, λ: la.solve(X.T @ X + λ * np.eye(X.shape[1]), X.T @ y),
    ),
    ("(XᵀX)⁻¹Xᵀy", "X:nd y:n", lambda X, y: la.solve(X.T @ X, X.T @ y)),
    (r"\hat{\beta} = (X^\top X)^{-1} X^\top y", "X:nd y:n", lambda X, y: la.solve(X.T @ X, X.T @ y)),
    ("(X'W X)^-1 X'W y", "X:nd W:nn y:n", lambda X, W, y: la.solve(X.T @ W @ X, X.T @ W @ y)),
    ("(y - X b)'W(y - X b)", "y:n X:nd W:nn b:d", lambda y, X, W, b: (y - X @ b) @ W @ (y - X @ b)),
    ("sum(w*(y - X b)^2)", "w:n y:n X:nd b:d", lambda w, y, X, b: (w * (y - X @ b) ** 2).sum()),
    ("mean((y - (a*x + b))^2)", "y:n a: x:n b:", lambda y, a, x, b: np.mean((y - a * x - b) ** 2)),
    ("mean((y - a*x - b)^2)", "y:n a: x:n b:", lambda y, a, x, b: np.mean((y - a * x - b) ** 2)),
    ("mean((y - (w x + b))^2)", "y:n w: x:n b:", lambda y, w, x, b: np.mean((y - w * x - b) ** 2)),
    ("1/2 mean((w x + b - y)^2)", "y:n w: x:n b:", lambda y, w, x, b: np.mean((y - w * x - b) ** 2) / 2),
    ("Σ_i (y_i - α - β x_i)²", "y:n α: β: x:n", lambda y, α, β, x: ss(y - α - β * x)),
    (
        r"\sum_{i=1}^n (y_i - \beta_0 - \beta_1 x_i)^2",
        "y:n β0: β1: x:n",
        lambda y, β0, β1, x: ss(y - β0 - β1 * x),
    ),
    ("Σ_i (y_i − x_i'b)²", "y:n x:nd b:d", lambda y, x, b: ss(y - x @ b)),
    (
        r"\frac{1}{n} \sum_{i=1}^{n} (y_i - \mathbf{x}_i^\top \boldsymbol{\beta})^2",
        "y:n x:nd β:d",
        lambda y, x, β: np.mean((y - x @ β) ** 2),
    ),
    ("mean(|y - X b|)", "y:n X:nd b:d", lambda y, X, b: abs(y - X @ b).mean()),
    ("sqrt(mean((y - X b)^2))", "y:n X:nd b:d", lambda y, X, b: sqrt(np.mean((y - X @ b) ** 2))),
    ("1/2 ‖y - X w‖^2 + λ/2 ‖w‖^2", "y:n X:nd w:d λ:", lambda y, X, w, λ: ss(y - X @ w) / 2 + λ / 2 * ss(w)),
    (
        "1/(2n) ‖y - X b‖² + λ‖b‖₁",
        "y:n X:nd b:d λ:",
        lambda y, X, b, λ: np.mean((y - X @ b) ** 2) / 2 + λ * abs(b).sum(),
    ),
    (
        "‖y − X b‖² + λ(α‖b‖₁ + (1−α)/2 ‖b‖²)",
        "y:n X:nd b:d λ: α:",
        lambda y, X, b, λ, α: ss(y - X @ b) + λ * (α * abs(b).sum() + (1 - α) / 2 * ss(b)),
    ),
    ("y'(I - X(X'X)^-1 X')y", "y:n X:nd", lambda y, X: y @ y - y @ X @ la.solve(X.T @ X, X.T @ y)),
    ("tr(X(X'X)^-1 X')", "X:nd", lambda X: float(X.shape[1])),
    ("1 - sum((y - ŷ)^2)/sum((y - mean(y))^2)", "y:n ŷ:n", lambda y, ŷ: 1 - ss(y - ŷ) / ss(y - y.mean())),
    (
        "sum(where(|r| <= M, r^2/2, M(|r| - M/2)))",
        "r:n M:",
        lambda r, M: np.where(abs(r) <= M, r**2 / 2, M * (abs(r) - M / 2)).sum(),
    ),
    ("sum(max(τ r, (τ - 1) r))", "τ: r:n", lambda τ, r: np.maximum(τ * r, (τ - 1) * r).sum()),
    (
        "mean(max(τ(y - X b), (τ - 1)(y - X b)))",
        "τ: y:n X:nd b:d",
        lambda τ, y, X, b: np.maximum(τ * (y - X @ b), (τ - 1) * (y - X @ b)).mean(),
    ),
    ("sum(log(cosh(y - X b)))", "y:n X:nd b:d", lambda y, X, b: log(np.cosh(y - X @ b)).sum()),
    ("(y - X b)'Ω^-1(y - X b)", "y:n X:nd b:d Ω:nn", lambda y, X, b, Ω: (y - X @ b) @ inv(Ω) @ (y - X @ b)),
    ("Z'(y - X b)", "Z:nk y:n X:nd b:d", lambda Z, y, X, b: Z.T @ (y - X @ b)),
    (
        "(y - X b)'Z W Z'(y - X b)",
        "y:n X:nd b:d Z:nk W:kk",
        lambda y, X, b, Z, W: (y - X @ b) @ Z @ W @ Z.T @ (y - X @ b),
    ),
    ("‖Y - X B‖_F^2", "Y:nk X:nd B:dk", lambda Y, X, B: ss(Y - X @ B)),
    ("tr((Y - X B)'(Y - X B))", "Y:nk X:nd B:dk", lambda Y, X, B: ss(Y - X @ B)),
    (
        "mean((y - (a*exp(-k*t) + c))^2)",
        "y:n a: k: t:n c:",
        lambda y, a, k, t, c: np.mean((y - a * exp(-k * t) - c) ** 2),
    ),
    ("sum((y - a exp(-b x))^2)", "y:n a: b: x:n", lambda y, a, b, x: ss(y - a * exp(-b * x))),
    ("sum((y - A sin(ω t + φ))^2)", "y:n A: ω: t:n φ:", lambda y, A, ω, t, φ: ss(y - A * sin(ω * t + φ))),
    ("sum((y - Vmax x/(Km + x))^2)", "y:n Vmax: Km: x:n", lambda y, Vmax, Km, x: ss(y - Vmax * x / (Km + x))),
    (
        "sum((y - c/(1 + a exp(-b t)))^2)",
        "y:n c: a: b: t:n",
        lambda y, c, a, b, t: ss(y - c / (1 + a * exp(-b * t))),
    ),
]

LIKELIHOOD: list[Row] = [
    (
        "-n log σ - sum((x - μ)^2)/(2 σ^2)",
        "σ: x:n μ:",
        lambda σ, x, μ: -len(x) * log(σ) - ss(x - μ) / (2 * σ**2),
    ),
    (
        r"-\frac{n}{2}\log(2\pi\sigma^2) - \frac{1}{2\sigma^2}\sum_{i=1}^n (x_i-\mu)^2",
        "σ: x:n μ:",
        lambda σ, x, μ: -len(x) / 2 * log(2 * np.pi * σ**2) - ss(x - μ) / (2 * σ**2),
    ),
    ("k log θ + (n-k) log(1-θ)", "k: θ: n:", lambda k, θ, n: k * log(θ) + (n - k) * log(1 - θ)),
    ("sum(x log θ + (1-x) log(1-θ))", "x:n θ:", lambda x, θ: (x * log(θ) + (1 - x) * log(1 - θ)).sum()),
    ("Σ_i x_i log p + (1 - p) c", "x:n p: c:", lambda x, p, c: x.sum() * log(p) + (1 - p) * c),
    ("sum(x) log λ - n λ", "x:n λ:", lambda x, λ: x.sum() * log(λ) - len(x) * λ),
    ("sum(x log λ - λ - log(x!))", "x:n λ:", lambda x, λ: (x * log(λ) - λ - sc.gammaln(x + 1)).sum()),
    ("n log λ - λ sum(x)", "x:n λ:", lambda x, λ: len(x) * log(λ) - λ * x.sum()),
    ("sum(y*(X b) - exp(X b))", "y:n X:nd b:d", lambda y, X, b: (y * (X @ b) - exp(X @ b)).sum()),
    ("sum(exp(X w) - y*(X w))", "y:n X:nd w:d", lambda y, X, w: (exp(X @ w) - y * (X @ w)).sum()),
    ("Σ_i (y_i x_i'β - exp(x_i'β))", "y:n x:nd β:d", lambda y, x, β: (y * (x @ β) - exp(x @ β)).sum()),
    ("log Γ(a + n) - log Γ(a)", "a: n:", lambda a, n: sc.gammaln(a + n) - sc.gammaln(a)),
    (
        "n a log b - n log Γ(a) + (a - 1) sum(log x) - b sum(x)",
        "a: b: x:n",
        lambda a, b, x: len(x) * (a * log(b) - sc.gammaln(a)) + (a - 1) * log(x).sum() - b * x.sum(),
    ),
    (
        "sum(log k - k log l + (k - 1) log x - (x/l)^k)",
        "k: l: x:n",
        lambda k, l, x: (log(k) - k * log(l) + (k - 1) * log(x) - (x / l) ** k).sum(),
    ),
    (
        "sum(log Γ((ν + 1)/2) - log Γ(ν/2) - (ν + 1)/2 log(1 + (x - μ)^2/(ν s^2)) - log s)",
        "ν: x:n μ: s:",
        lambda ν, x, μ, s: (
            sc.gammaln((ν + 1) / 2)
            - sc.gammaln(ν / 2)
            - (ν + 1) / 2 * log(1 + (x - μ) ** 2 / (ν * s**2))
            - log(s)
        ).sum(),
    ),
    (
        "sum(log(p φ(x - a) + (1 - p) φ(x - b)))",
        "p: x:n a: b:",
        lambda p, x, a, b: log(p * phi(x - a) + (1 - p) * phi(x - b)).sum(),
    ),
    (
        "sum(y log Φ(X b) + (1 - y) log Φ(-X b))",
        "y:n X:nd b:d",
        lambda y, X, b: (y * sc.log_ndtr(X @ b) + (1 - y) * sc.log_ndtr(-X @ b)).sum(),
    ),
    (
        "-d/2 log(2π) - 1/2 log|Σ| - 1/2 (x-μ)'Σ^-1(x-μ)",
        "d: Σ:mm+ x:m μ:m",
        lambda d, Σ, x, μ: -d / 2 * log(2 * np.pi) - ld(Σ) / 2 - (x - μ) @ inv(Σ) @ (x - μ) / 2,
    ),
    (
        r"-\frac{1}{2}\log|\boldsymbol\Sigma| - \frac{1}{2}(\mathbf{x}-\boldsymbol\mu)^{\mathsf T}\boldsymbol\Sigma^{-1}(\mathbf{x}-\boldsymbol\mu)",
        "Σ:mm+ x:m μ:m",
        lambda Σ, x, μ: -ld(Σ) / 2 - (x - μ) @ inv(Σ) @ (x - μ) / 2,
    ),
    (
        "-1/2 logdet(S) - 1/2 (x-m)'S^-1(x-m)",
        "S:dd+ x:d m:d",
        lambda S, x, m: -ld(S) / 2 - (x - m) @ inv(S) @ (x - m) / 2,
    ),
    ("n/2 logdet(Λ) - n/2 tr(S Λ)", "Λ:dd+ S:dd+ n:", lambda Λ, S, n: n / 2 * ld(Λ) - n / 2 * trace(S @ Λ)),
    (
        "log det Θ - tr(S Θ) - λ ‖Θ‖_1",
        "Θ:dd+ S:dd+ λ:",
        lambda Θ, S, λ: ld(Θ) - trace(S @ Θ) - λ * abs(Θ).sum(),
    ),
    (
        "-1/2 y'(K + s^2 I)^-1 y - 1/2 log|K + s^2 I|",
        "y:n K:nn+ s:",
        lambda y, K, s: -y @ la.solve(K + s**2 * np.eye(len(y)), y) / 2 - ld(K + s**2 * np.eye(len(y))) / 2,
    ),
    (
        "-1/2 yᵀ(K + σ² I)⁻¹y − 1/2 logdet(K + σ² I)",
        "y:n K:nn+ σ:",
        lambda y, K, σ: -y @ la.solve(K + σ**2 * np.eye(len(y)), y) / 2 - ld(K + σ**2 * np.eye(len(y))) / 2,
    ),
    ("k'(K + s I)^-1 y", "k:n K:nn+ s: y:n", lambda k, K, s, y: k @ la.solve(K + s * np.eye(len(y)), y)),
    (
        "1/2 (tr(S^-1 T) + (m - μ)'S^-1(m - μ) - d + logdet(S) - logdet(T))",
        "S:kk+ T:kk+ m:k μ:k d:",
        lambda S, T, m, μ, d: (trace(inv(S) @ T) + (m - μ) @ inv(S) @ (m - μ) - d + ld(S) - ld(T)) / 2,
    ),
    ("sum(p*log(p/q))", "p:n q:n", lambda p, q: (p * log(p / q)).sum()),
    ("Σ_i p_i log(p_i/q_i)", "p:n q:n", lambda p, q: (p * log(p / q)).sum()),
    (r"\sum_i p_i \log \frac{p_i}{q_i}", "p:n q:n", lambda p, q: (p * log(p / q)).sum()),
    ("-Σ p log p", "p:n", lambda p: -(p * log(p)).sum()),
    ("-sum(p log_2 p)", "p:n", lambda p: -(p * np.log2(p)).sum()),
    ("-1/2 sum(1 + log(σ^2) - μ^2 - σ^2)", "σ:n μ:n", lambda σ, μ: -(1 + log(σ**2) - μ**2 - σ**2).sum() / 2),
    (
        r"-\frac{1}{2} \sum_{j=1}^{J} \left(1 + \log(\sigma_j^2) - \mu_j^2 - \sigma_j^2\right)",
        "σ:n μ:n",
        lambda σ, μ: -(1 + log(σ**2) - μ**2 - σ**2).sum() / 2,
    ),
    (
        "log binom(n, k) + k log p + (n - k) log(1 - p)",
        "n: k: p:",
        lambda n, k, p: log(sc.binom(n, k)) + k * log(p) + (n - k) * log(1 - p),
    ),
    ("Π_{i=1}^n p_i", "p:n", lambda p: p.prod()),
    ("prod(θ^x (1-θ)^(1-x))", "θ: x:n", lambda θ, x: (θ**x * (1 - θ) ** (1 - x)).prod()),
    ("exp(-(x - μ)^2/(2σ^2))/(σ sqrt(2π))", "x: μ: σ:", lambda x, μ, σ: phi((x - μ) / σ) / σ),
    (
        r"\frac{1}{\sigma\sqrt{2\pi}} e^{-\frac{(x-\mu)^2}{2\sigma^2}}",
        "x: μ: σ:",
        lambda x, μ, σ: phi((x - μ) / σ) / σ,
    ),
    ("λ^k e^-λ / k!", "λ: k:", lambda λ, k: λ**k * exp(-λ) / sc.gamma(k + 1)),
    ("1/(1 + e^-z)", "z:", lambda z: sg(z)),
    (
        "Σ_i (k_i log θ + (m_i - k_i) log(1 - θ))",
        "k:n m:n θ:",
        lambda k, m, θ: (k * log(θ) + (m - k) * log(1 - θ)).sum(),
    ),
    (
        "(α - 1) log x + (β - 1) log(1 - x) - log Γ(α) - log Γ(β) + log Γ(α + β)",
        "α: β: x:",
        lambda α, β, x: (
            (α - 1) * log(x) + (β - 1) * log(1 - x) - sc.gammaln(α) - sc.gammaln(β) + sc.gammaln(α + β)
        ),
    ),
    (
        "log Γ(sum(α)) - sum(log Γ(α)) + sum((α - 1)*log(θ))",
        "α:n θ:n",
        lambda α, θ: sc.gammaln(α.sum()) - sc.gammaln(α).sum() + ((α - 1) * log(θ)).sum(),
    ),
    ("sum(x log θ)", "x:n θ:n", lambda x, θ: (x * log(θ)).sum()),
]

LEARNING: list[Row] = [
    ("mean(log(1 + exp(-y*(X b))))", "y:n X:nd b:d", lambda y, X, b: np.mean(log(1 + exp(-y * (X @ b))))),
    ("Σ_i log(1 + exp(-y_i w'x_i))", "y:n w:d x:nd", lambda y, w, x: log(1 + exp(-y * (x @ w))).sum()),
    (
        r"\frac{1}{n}\sum_{i=1}^n \log(1+\exp(-y_i \mathbf{w}^\top \mathbf{x}_i)) + \frac{\lambda}{2}\|\mathbf{w}\|^2",
        "y:n w:d x:nd λ:",
        lambda y, w, x, λ: np.mean(log(1 + exp(-y * (x @ w)))) + λ / 2 * ss(w),
    ),
    (
        "mean(softplus(X@b) - y*(X@b))",
        "X:nd b:d y:n",
        lambda X, b, y: np.mean(np.logaddexp(0, X @ b) - y * (X @ b)),
    ),
    (
        "-mean(y*log(σ(X w)) + (1-y)*log(1 - σ(X w)))",
        "y:n X:nd w:d",
        lambda y, X, w: -np.mean(y * log(sg(X @ w)) + (1 - y) * log(1 - sg(X @ w))),
    ),
    (
        "-mean(y log p + (1 - y) log(1 - p))",
        "y:n p:n",
        lambda y, p: -np.mean(y * log(p) + (1 - y) * log(1 - p)),
    ),
    (
        "-Σ_n (t_n log y_n + (1 - t_n) log(1 - y_n))",
        "t:n y:n",
        lambda t, y: -(t * log(y) + (1 - t) * log(1 - y)).sum(),
    ),
    (
        r"-\sum_{n=1}^N \{t_n \ln y_n + (1-t_n)\ln(1-y_n)\}",
        "t:n y:n",
        lambda t, y: -(t * log(y) + (1 - t) * log(1 - y)).sum(),
    ),
    ("-sum(y*log(softmax(z)))", "y:k z:k", lambda y, z: -(y * log(sm(z))).sum()),
    ("-y'log(softmax(z))", "y:k z:k", lambda y, z: -y @ log(sm(z))),
    (
        "-mean(sum(Y*log(softmax(X W)), axis=1))",
        "Y:nk X:nd W:dk",
        lambda Y, X, W: -(Y * log(sm(X @ W))).sum(1).mean(),
    ),
    ("−1/n Σ Y ∘ log softmax(XW)", "Y:nk X:nd W:dk", lambda Y, X, W: -(Y * log(sm(X @ W))).sum() / len(Y)),
    (r"-\sum_{n=1}^N\sum_{k=1}^K t_{nk} \ln y_{nk}", "t:nk y:nk", lambda t, y: -(t * log(y)).sum()),
    ("log(sum(exp(z))) - y'z", "z:k y:k", lambda z, y: lse(z) - y @ z),
    ("-log(exp(f[2])/sum(exp(f)))", "f:k", lambda f: -f[2] + lse(f)),
    (
        "mean(max(0, 1 - y*(X w + b))) + λ‖w‖²",
        "y:n X:nd w:d b: λ:",
        lambda y, X, w, b, λ: np.maximum(0, 1 - y * (X @ w + b)).mean() + λ * ss(w),
    ),
    (
        "C sum(max(0, 1 - y*(X w + b))) + 1/2 w'w",
        "C: y:n X:nd w:d b:",
        lambda C, y, X, w, b: C * np.maximum(0, 1 - y * (X @ w + b)).sum() + w @ w / 2,
    ),
    (
        r"\frac{1}{2}\|w\|^2 + C\sum_i \max(0, 1 - y_i(w^\top x_i + b))",
        "w:d C: y:n x:nd b:",
        lambda w, C, y, x, b: ss(w) / 2 + C * np.maximum(0, 1 - y * (x @ w + b)).sum(),
    ),
    (
        "sum(softmax(Q K'/sqrt(d)) V)",
        "Q:nk K:mk V:mp d:",
        lambda Q, K, V, d: (sm(Q @ K.T / sqrt(d)) @ V).sum(),
    ),
    (
        r"\operatorname{softmax}\left(\frac{QK^\top}{\sqrt{d_k}}\right)V",
        "Q:nk K:mk V:mp d_k:",
        lambda Q, K, V, d_k: sm(Q @ K.T / sqrt(d_k)) @ V,
    ),
    ("softmax(x'W)", "x:d W:dk", lambda x, W: sm(x @ W)),
    (
        "relu(X W1 + b1) W2 + b2",
        "X:nd W1:dh b1:h W2:hk b2:k",
        lambda X, W1, b1, W2, b2: relu(X @ W1 + b1) @ W2 + b2,
    ),
    ("max(0, W x + b)", "W:kd x:d b:k", lambda W, x, b: relu(W @ x + b)),
    (
        "1/2 ‖t - σ(W2 h + b2)‖^2 where h = σ(W1 x + b1)",
        "t:k W2:kh b2:k W1:hd x:d b1:h",
        lambda t, W2, b2, W1, x, b1: ss(t - sg(W2 @ sg(W1 @ x + b1) + b2)) / 2,
    ),
    ("tanh(W h + U x + b)", "W:hh h:h U:hd x:d b:h", lambda W, h, U, x, b: tanh(W @ h + U @ x + b)),
    (
        "h = tanh(Wx x + Wh h0 + b)",
        "Wx:hd x:d Wh:hh h0:h b:h",
        lambda Wx, x, Wh, h0, b: tanh(Wx @ x + Wh @ h0 + b),
    ),
    ("z∘h + (1 - z)∘tanh(U x)", "z:h h:h U:hd x:d", lambda z, h, U, x: z * h + (1 - z) * tanh(U @ x)),
    ("log σ(u'v) + sum(log σ(-N v))", "u:d v:d N:kd", lambda u, v, N: log(sg(u @ v)) + log(sg(-N @ v)).sum()),
    ("max(0, ‖a-p‖^2 - ‖a-n‖^2 + m)", "a:d p:d n:d m:", lambda a, p, n, m: relu(ss(a - p) - ss(a - n) + m)),
    (
        "-sum(((1-ε) y + ε/K)*log(p))",
        "ε: y:n K: p:n",
        lambda ε, y, K, p: -(((1 - ε) * y + ε / K) * log(p)).sum(),
    ),
    (
        "γ (x - mean(x))/sqrt(var(x) + eps) + β",
        "γ: x:n eps: β:",
        lambda γ, x, eps, β: γ * (x - x.mean()) / sqrt(x.var() + eps) + β,
    ),
    ("‖V - W H‖_F^2", "V:nd W:nk H:kd", lambda V, W, H: ss(V - W @ H)),
    (
        "sum(V*log(V/(W H)) - V + W H)",
        "V:nd W:nk H:kd",
        lambda V, W, H: (V * log(V / (W @ H)) - V + W @ H).sum(),
    ),
    (
        "‖X - U V'‖_F² + λ(‖U‖_F² + ‖V‖_F²)",
        "X:nd U:nk V:dk λ:",
        lambda X, U, V, λ: ss(X - U @ V.T) + λ * (ss(U) + ss(V)),
    ),
    ("sum(|x[1:] - x[:-1]|)", "x:n", lambda x: abs(np.diff(x)).sum()),
    (r"\sum_{i=1}^{n-1} |x_{i+1} - x_i|", "x:n", lambda x: abs(np.diff(x)).sum()),
    (
        "Σ_{i=1}^{n-1} (100(x_{i+1} - x_i²)² + (1 - x_i)²)",
        "x:n",
        lambda x: (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum(),
    ),
    ("Σ_i ‖x_i - μ‖²", "x:nd μ:d", lambda x, μ: ss(x - μ)),
    ("‖x - W'W x‖^2", "x:d W:kd", lambda x, W: ss(x - W.T @ W @ x)),
    ("tr(W'X'X W)", "W:dk X:nd", lambda W, X: trace(W.T @ X.T @ X @ W)),
    ("w'S w/(w'w)", "w:d S:dd", lambda w, S: w @ S @ w / (w @ w)),
    (
        "(w'(m1 - m2))^2/(w'S w)",
        "w:d m1:d m2:d S:dd",
        lambda w, m1, m2, S: (w @ (m1 - m2)) ** 2 / (w @ S @ w),
    ),
    ("a'b/(‖a‖ ‖b‖)", "a:d b:d", lambda a, b: a @ b / (la.norm(a) * la.norm(b))),
    ("exp(-‖x - z‖²/(2 s²))", "x:d z:d s:", lambda x, z, s: exp(-ss(x - z) / (2 * s**2))),
    ("exp(-γ‖x - z‖²)", "γ: x:d z:d", lambda γ, x, z: exp(-γ * ss(x - z))),
    ("(x'z + c)^3", "x:d z:d c:", lambda x, z, c: (x @ z + c) ** 3),
    ("r + γ max(q) - v", "r: γ: q:k v:", lambda r, γ, q, v: r + γ * q.max() - v),
    ("-log(p) A", "p: A:", lambda p, A: -log(p) * A),
    (
        "min(r A, clip(r, 1 - ε, 1 + ε) A)",
        "r: A: ε:",
        lambda r, A, ε: np.minimum(r * A, np.clip(r, 1 - ε, 1 + ε) * A),
    ),
    ("np.mean((y - X @ b)**2)", "y:n X:nd b:d", lambda y, X, b: np.mean((y - X @ b) ** 2)),
    ("torch.sigmoid(X @ w + b)", "X:nd w:d b:", lambda X, w, b: sg(X @ w + b)),
    ("np.linalg.norm(y - X @ b)", "y:n X:nd b:d", lambda y, X, b: la.norm(y - X @ b)),
    ("-np.sum(p * np.log(p))", "p:n", lambda p: -(p * log(p)).sum()),
]

MATRICES: list[Row] = [
    ("tr(A X B)", "A:mn X:nd B:dm", lambda A, X, B: trace(A @ X @ B)),
    ("a'X b", "a:n X:nd b:d", lambda a, X, b: a @ X @ b),
    ("a'X'b", "a:d X:nd b:n", lambda a, X, b: a @ X.T @ b),
    ("b'X'X c", "b:d X:nd c:d", lambda b, X, c: b @ X.T @ X @ c),
    (
        "(B x + b)'C(D x + d)",
        "B:nk x:k b:n C:nm D:mk d:m",
        lambda B, x, b, C, D, d: (B @ x + b) @ C @ (D @ x + d),
    ),
    ("(x - A s)'W(x - A s)", "x:n A:nd s:d W:nn", lambda x, A, s, W: (x - A @ s) @ W @ (x - A @ s)),
    ("x'A x", "x:n A:nn", lambda x, A: x @ A @ x),
    ("1/2 x'P x + q'x + r", "P:nn x:n q:n r:", lambda P, x, q, r: x @ P @ x / 2 + q @ x + r),
    ("a'X^2 b", "a:n X:nn b:n", lambda a, X, b: a @ X @ X @ b),
    ("tr(X^2 B)", "X:nn B:nn", lambda X, B: trace(X @ X @ B)),
    ("tr(A) + tr(A^2)", "A:nn", lambda A: trace(A) + trace(A @ A)),
    ("tr(X^3)", "X:nn", lambda X: trace(X @ X @ X)),
    ("A X^4 b", "A:mn X:nn b:n", lambda A, X, b: A @ la.matrix_power(X, 4) @ b),
    ("det(X)^2", "X:nn", lambda X: det(X) ** 2),
    ("|X|^2", "X:nn", lambda X: det(X) ** 2),
    ("|A X B|", "A:nn X:nn B:nn", lambda A, X, B: det(A @ X @ B)),
    ("log|X'X|", "X:nd", lambda X: ld(X.T @ X)),
    ("log det(X)", "X:nn+", lambda X: ld(X)),
    ("det(X' A X)", "X:nd A:nn", lambda X, A: det(X.T @ A @ X)),
    ("a'X^-1 b", "a:n X:nn b:n", lambda a, X, b: a @ inv(X) @ b),
    ("tr(A X^{-1} B)", "A:mn X:nn B:nm", lambda A, X, B: trace(A @ inv(X) @ B)),
    (r"\operatorname{tr}(A X^{-1} B)", "A:mn X:nn B:nm", lambda A, X, B: trace(A @ inv(X) @ B)),
    ("tr((X'C X)^-1 A)", "X:nd C:nn+ A:dd", lambda X, C, A: trace(inv(X.T @ C @ X) @ A)),
    ("tr(A X B X' C)", "A:nn X:nd B:dd C:nn", lambda A, X, B, C: trace(A @ X @ B @ X.T @ C)),
    ("Tr(X'B X C)", "X:nd B:nn C:dd", lambda X, B, C: trace(X.T @ B @ X @ C)),
    ("tr(A ⊗ B)", "A:nn B:mm", lambda A, B: trace(A) * trace(B)),
    ("tr(X ⊗ X)", "X:nn", lambda X: trace(X) ** 2),
    ("‖A X - B‖_F", "A:mn X:nd B:md", lambda A, X, B: la.norm(A @ X - B)),
    ("‖X‖_F²", "X:nd", lambda X: ss(X)),
    ("tr(x x'A)", "x:n A:nn", lambda x, A: x @ A @ x),
    ("tr(x'A x)", "x:n A:nn", lambda x, A: x @ A @ x),
    ("logdet(A + t B)", "A:nn+ t: B:nn+", lambda A, t, B: ld(A + t * B)),
    ("logdet(A0 + x A1)", "A0:nn+ x: A1:nn+", lambda A0, x, A1: ld(A0 + x * A1)),
    ("det(A - λ I)", "A:nn λ:", lambda A, λ: det(A - λ * np.eye(len(A)))),
    ("det(A - x I)", "A:nn x:", lambda A, x: det(A - x * np.eye(len(A)))),
    ("tr(A - x I)", "A:nn x:", lambda A, x: trace(A) - x * len(A)),
    ("(A - λ I) v", "A:nn λ: v:n", lambda A, λ, v: A @ v - λ * v),
    ("A^-1 b", "A:nn b:n", lambda A, b: la.solve(A, b)),
    ("A^⊤ A x", "A:nd x:d", lambda A, x: A.T @ A @ x),
    ("A^{-T} b", "A:nn b:n", lambda A, b: la.solve(A.T, b)),
    ("A + u v'", "A:nn u:n v:n", lambda A, u, v: A + np.outer(u, v)),
    ("A^-1 - A^-1 u v'A^-1/(1 + v'A^-1 u)", "A:nn u:n v:n", lambda A, u, v: inv(A + np.outer(u, v))),
    ("D - C A^-1 B", "D:kk C:kn A:nn B:nk", lambda D, C, A, B: D - C @ inv(A) @ B),
    ("x'1", "x:n", lambda x: x.sum()),
    ("1'a", "a:n", lambda a: a.sum()),
    ("X'1", "X:nd", lambda X: X.sum(0)),
    ("1'X 1", "X:nd", lambda X: X.sum()),
    ("X - 1 m'", "X:nd m:d", lambda X, m: X - m),
    ("y'y - 2 y'X b + b'X'X b", "y:n X:nd b:d", lambda y, X, b: ss(y - X @ b)),
    ("Σ_i Σ_j A_ij x_i x_j", "A:nn x:n", lambda A, x: x @ A @ x),
    (r"\sum_{i,j} A_{ij} x_i x_j", "A:nn x:n", lambda A, x: x @ A @ x),
    ("Σ_ij (x_i - x_j)^2", "x:n", lambda x: ((x[:, None] - x) ** 2).sum()),
    ("sum((A - B)^2)", "A:nd B:nd", lambda A, B: ss(A - B)),
    ("sum(A∘B)", "A:nd B:nd", lambda A, B: (A * B).sum()),
    ("A∘B + C", "A:nd B:nd C:nd", lambda A, B, C: A * B + C),
    ("diag(w) X b", "w:n X:nd b:d", lambda w, X, b: w * (X @ b)),
    ("X'diag(p)X", "X:nd p:n", lambda X, p: X.T @ np.diag(p) @ X),
    ("(I + A)^-1", "A:nn", lambda A: inv(np.eye(len(A)) + A)),
    ("(I - α W)^-1 X β", "α: W:nn X:nd β:d", lambda α, W, X, β: la.solve(np.eye(len(W)) - α * W, X @ β)),
    ("(I + A^2)^-1", "A:nn", lambda A: inv(np.eye(len(A)) + A @ A)),
    ("x'(A + A')x/2", "x:n A:nn", lambda x, A: x @ A @ x),
    ("‖x‖_2", "x:n", lambda x: la.norm(x)),
    ("‖x‖_∞", "x:n", lambda x: abs(x).max()),
    (r"\lVert x \rVert_\infty", "x:n", lambda x: abs(x).max()),
    ("⟨x, A y⟩", "x:n A:nd y:d", lambda x, A, y: x @ A @ y),
    (r"\langle x, y \rangle", "x:n y:n", lambda x, y: x @ y),
    ("u·v", "u:n v:n", lambda u, v: u @ v),
    (r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix} x", "x:2", lambda x: np.array([[1, 2], [3, 4]]) @ x),
    ("[1, 2; 3, 4] x", "x:2", lambda x: np.array([[1, 2], [3, 4]]) @ x),
    ("x'x/y", "x:n y:", lambda x, y: x @ x / y),
]

OPTIMISATION: list[Row] = [
    (
        "c'x - μ sum(log(b - A x))",
        "c:d x:d μ: b:n A:nd",
        lambda c, x, μ, b, A: c @ x - μ * log(b - A @ x).sum(),
    ),
    ("-sum(log(b - A x))", "b:n A:nd x:d", lambda b, A, x: -log(b - A @ x).sum()),
    ("-Σ_i log(b_i - a_i'x)", "b:n a:nd x:d", lambda b, a, x: -log(b - a @ x).sum()),
    ("log Σ exp(A x + b)", "A:nd x:d b:n", lambda A, x, b: lse(A @ x + b)),
    (r"\log \sum_{i=1}^m \exp(a_i^\top x + b_i)", "a:nd x:d b:n", lambda a, x, b: lse(a @ x + b)),
    ("‖A x - b‖^2 + δ‖x‖^2", "A:nd x:d b:n δ:", lambda A, x, b, δ: ss(A @ x - b) + δ * ss(x)),
    ("‖A x - b‖_1", "A:nd x:d b:n", lambda A, x, b: abs(A @ x - b).sum()),
    ("1/2 x'Q x - b'x", "x:n Q:nn b:n", lambda x, Q, b: x @ Q @ x / 2 - b @ x),
    ("f = (1 - x)^2 + 100(y - x^2)^2", "x: y:", lambda x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2),
    ("x^2/y", "x: y:", lambda x, y: x**2 / y),
    ("sum(x log x)", "x:n", lambda x: (x * log(x)).sum()),
    ("prod(x)^(1/3)", "x:n", lambda x: x.prod() ** (1 / 3)),
    ("sum(p)/sum(q)", "p:n q:n", lambda p, q: p.sum() / q.sum()),
    ("μ'w - γ/2 w'Σ w", "μ:d w:d γ: Σ:dd", lambda μ, w, γ, Σ: μ @ w - γ / 2 * w @ Σ @ w),
    ("r'w/sqrt(w'S w)", "r:d w:d S:dd+", lambda r, w, S: r @ w / sqrt(w @ S @ w)),
    ("sum(c/(1 + r)^t)", "c:n r: t:n", lambda c, r, t: (c / (1 + r) ** t).sum()),
    ("L(x, ν) = c'x + ν'(A x - b)", "c:d x:d ν:n A:nd b:n", lambda c, x, ν, A, b: c @ x + ν @ (A @ x - b)),
    ("f0 + λ'g + ν'h", "f0: λ:n g:n ν:m h:m", lambda f0, λ, g, ν, h: f0 + λ @ g + ν @ h),
    ("sqrt(1 + x'x)", "x:n", lambda x: sqrt(1 + x @ x)),
    ("max(x) - min(x)", "x:n", lambda x: x.max() - x.min()),
    ("x'x + 2 b'x + c", "x:n b:n c:", lambda x, b, c: x @ x + 2 * b @ x + c),
    ("tr(C X) - logdet(X)", "C:nn X:nn+", lambda C, X: trace(C @ X) - ld(X)),
]

SCIENCE: list[Row] = [
    ("P V - n R T", "P: V: n: R: T:", lambda P, V, n, R, T: P * V - n * R * T),
    (
        "(P + a n^2/V^2)(V - n b) - n R T",
        "P: a: n: V: b: R: T:",
        lambda P, a, n, V, b, R, T: (P + a * n**2 / V**2) * (V - n * b) - n * R * T,
    ),
    ("Vmax S/(Km + S)", "Vmax: S: Km:", lambda Vmax, S, Km: Vmax * S / (Km + S)),
    ("A sin(ω t + φ)", "A: ω: t: φ:", lambda A, ω, t, φ: A * sin(ω * t + φ)),
    ("A e^(-γ t) cos(ω t)", "A: γ: t: ω:", lambda A, γ, t, ω: A * exp(-γ * t) * cos(ω * t)),
    ("1/2 m v^2", "m: v:", lambda m, v: m * v**2 / 2),
    ("G M m/r^2", "G: M: m: r:", lambda G, M, m, r: G * M * m / r**2),
    ("1/2 m v² + m g h", "m: v: g: h:", lambda m, v, g, h: m * v**2 / 2 + m * g * h),
    ("4 ε ((σ/r)^12 - (σ/r)^6)", "ε: σ: r:", lambda ε, σ, r: 4 * ε * ((σ / r) ** 12 - (σ / r) ** 6)),
    ("k q1 q2/r", "k: q1: q2: r:", lambda k, q1, q2, r: k * q1 * q2 / r),
    ("h f - W", "h: f: W:", lambda h, f, W: h * f - W),
    ("V^2/R", "V: R:", lambda V, R: V**2 / R),
    ("m c^2/sqrt(1 - v^2/c^2)", "m: c: v:", lambda m, c, v: m * c**2 / sqrt(1 - v**2 / c**2)),
    ("exp(-E/(k T))", "E: k: T:", lambda E, k, T: exp(-E / (k * T))),
    ("-k T log(Z)", "k: T: Z:", lambda k, T, Z: -k * T * log(Z)),
    ("N0 e^(-λ t)", "N0: λ: t:", lambda N0, λ, t: N0 * exp(-λ * t)),
    ("r N (1 - N/K)", "r: N: K:", lambda r, N, K: r * N * (1 - N / K)),
    ("A K^α L^(1-α)", "A: K: α: L:", lambda A, K, α, L: A * K**α * L ** (1 - α)),
    ("p (a - b p) - c (a - b p)", "p: a: b: c:", lambda p, a, b, c: p * (a - b * p) - c * (a - b * p)),
    (
        "S Φ(d1) - K e^(-r T) Φ(d2)",
        "S: d1: K: r: T: d2:",
        lambda S, d1, K, r, T, d2: S * sc.ndtr(d1) - K * exp(-r * T) * sc.ndtr(d2),
    ),
    ("x^2 + 2x + 3", "x:", lambda x: x**2 + 2 * x + 3),
    ("sin²x + cos²x", "x:", lambda x: 1.0),
    ("sin^2(x) cos(x)", "x:", lambda x: sin(x) ** 2 * cos(x)),
    ("x^x", "x:", lambda x: x**x),
    ("log₂(x)", "x:", lambda x: np.log2(x)),
    ("log10(x)", "x:", lambda x: np.log10(x)),
    ("n!/(k! (n-k)!)", "n: k:", lambda n, k: sc.binom(n, k)),
    ("binom(n, k) p^k (1-p)^(n-k)", "n: k: p:", lambda n, k, p: sc.binom(n, k) * p**k * (1 - p) ** (n - k)),
    (r"\binom{n}{k} p^k (1-p)^{n-k}", "n: k: p:", lambda n, k, p: sc.binom(n, k) * p**k * (1 - p) ** (n - k)),
    (r"\sqrt{x^2 + y^2}", "x: y:", lambda x, y: np.hypot(x, y)),
    ("x % 2", "x:", lambda x: x % 2),
    ("f(x) = x^3 - 2x", "x:", lambda x: x**3 - 2 * x),
    ("y = w x + b", "w: x: b:", lambda w, x, b: w * x + b),
    ("e^(i)", "i:", lambda i: exp(i)),
    ("(x1 - c1)^2 + (x2 - c2)^2", "x1: c1: x2: c2:", lambda x1, c1, x2, c2: (x1 - c1) ** 2 + (x2 - c2) ** 2),
]

STATISTICS: list[Row] = [
    ("mean(x)", "x:n", lambda x: x.mean()),
    ("sum((x - mean(x))^2)/(n - 1)", "x:n", lambda x: x.var(ddof=1)),
    (r"\frac{1}{n}\sum_{i=1}^n x_i", "x:n", lambda x: x.mean()),
    (
        r"\frac{1}{n-1}\sum_{i=1}^n (x_i - \bar{x})^2",
        "x:n x_bar:",
        lambda x, x_bar: ss(x - x_bar) / (len(x) - 1),
    ),
    ("sum((x - mean(x))(y - mean(y)))/n", "x:n y:n", lambda x, y: ((x - x.mean()) * (y - y.mean())).mean()),
    ("1/n Σ_i (x_i - m)(x_i - m)'", "x:nd m:d", lambda x, m: (x - m).T @ (x - m) / len(x)),
    ("(mean(x) - μ)/(s/sqrt(n))", "x:n μ: s:", lambda x, μ, s: (x.mean() - μ) / (s / sqrt(len(x)))),
    ("sum((o - e)^2/e)", "o:n e:n", lambda o, e: ((o - e) ** 2 / e).sum()),
    ("sum(((x - μ)/σ)^4)/n - 3", "x:n μ: σ:", lambda x, μ, σ: (((x - μ) / σ) ** 4).mean() - 3),
    (
        "(R b - q)'(R V R')^-1(R b - q)",
        "R:dk b:k q:d V:kk+",
        lambda R, b, q, V: (R @ b - q) @ inv(R @ V @ R.T) @ (R @ b - q),
    ),
    ("2k - 2 log L", "k: L:", lambda k, L: 2 * k - 2 * log(L)),
    ("k log n - 2 l", "k: n: l:", lambda k, n, l: k * log(n) - 2 * l),
    ("sum(x*p)", "x:n p:n", lambda x, p: (x * p).sum()),
    ("p s/(p s + q (1 - p))", "p: s: q:", lambda p, s, q: p * s / (p * s + q * (1 - p))),
    ("(x - μ)/σ", "x: μ: σ:", lambda x, μ, σ: (x - μ) / σ),
    ("(x - μ)'Σ⁻¹(x - μ)", "x:d μ:d Σ:dd+", lambda x, μ, Σ: (x - μ) @ inv(Σ) @ (x - μ)),
    ("1/T sum(x)", "T: x:n", lambda T, x: x.sum() / T),
    (r"\sum_{t=2}^{T} (y_t - \phi y_{t-1})^2", "y:n φ:", lambda y, φ: ss(y[1:] - φ * y[:-1])),
    ("sum(exp(η))", "η:n", lambda η: exp(η).sum()),
    ("1/(1 + exp(-(a + b x)))", "a: b: x:", lambda a, b, x: sg(a + b * x)),
    ("log(p/(1-p))", "p:", lambda p: log(p / (1 - p))),
    ("mean(y)/(mean(x))", "y:n x:n", lambda y, x: y.mean() / x.mean()),
    ("Σ_i w_i x_i / Σ_i w_i", "w:n x:n", lambda w, x: (w * x).sum() / w.sum()),
    ("sum(w x)/sum(w)", "w:n x:n", lambda w, x: (w * x).sum() / w.sum()),
    ("b'X'X b/(d s^2)", "b:k X:nk d: s:", lambda b, X, d, s: b @ X.T @ X @ b / (d * s**2)),
]

CORPUS = [*REGRESSION, *LIKELIHOOD, *LEARNING, *MATRICES, *OPTIMISATION, *SCIENCE, *STATISTICS]
