"""Small problems that several tests of descent share."""

from __future__ import annotations

import numpy as np

import gradwork as gw
from gradwork.learn.objective import Objective

n, d, k, h = gw.dims("n", "d", "k", "h")
X, y, b, c = gw.matrix("X", n, d), gw.vector("y", n), gw.vector("b", d), gw.scalar("c")
Y, W = gw.matrix("Y", n, k), gw.matrix("W", d, k)

MSE = gw.mean((y - X @ b) ** 2)
LOGISTIC = gw.mean(gw.log(1 + gw.exp(-y * (X @ b + c))))


def numbers(rows: int = 60, columns: int = 3, seed: int = 0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, columns))
    return x, x @ np.arange(1.0, columns + 1) + 0.1 * rng.normal(size=rows)


def linear(rows: int = 60, columns: int = 3, seed: int = 0, **options) -> Objective:
    x, t = numbers(rows, columns, seed)
    return Objective(MSE, {b: None}, {X: x, y: t}, **options)


def logistic(rows: int = 60, columns: int = 3, seed: int = 0, **options) -> Objective:
    x, t = numbers(rows, columns, seed)
    return Objective(LOGISTIC, {b: None, c: None}, {X: x, y: np.sign(t)}, **options)


def network(rows: int = 40, seed: int = 0, **options) -> Objective:
    x, t = numbers(rows, 3, seed)
    w1, b1, w2 = gw.matrix("W1", d, 5), gw.vector("b1", 5), gw.vector("w2", 5)
    loss = gw.mean((y - gw.tanh(X @ w1 + b1) @ w2) ** 2)
    return Objective(loss, {w1: "glorot", b1: None, w2: "normal"}, {X: x, y: t}, seed=seed, **options)


def rosenbrock() -> Objective:
    p, q = gw.scalar("p"), gw.scalar("q")
    return Objective((1 - p) ** 2 + 100 * (q - p**2) ** 2, {p: -1.2, q: 1.0})
