"""A pass over many rows by XLA gives what the one by NumPy gives."""

from __future__ import annotations

import numpy as np

import gradwork as gw
from gradwork.rows import passes


def test_a_compiled_pass_agrees_with_numpy(monkeypatch):
    monkeypatch.setattr(passes, "LARGE", 0)
    X, y, w = gw.matrix("X", "n", 3), gw.vector("y", "n"), gw.vector("w", 3)
    loss = gw.mean(gw.tanh(X @ w - y) ** 2) + 0.1 * gw.sum(w**2)
    rng = np.random.default_rng(0)
    data = {"X": rng.normal(size=(1000, 3)), "y": rng.normal(size=1000)}  # blocks of 256, and a shorter one
    given = (loss, [w], data, {"n": 1000}, np.dtype(float))
    plain, compiled = passes.Pass(*given), passes.Pass(*given, compiled=True)
    monkeypatch.setattr(passes, "BLOCK", 1)
    assert compiled.compiled and not plain.compiled
    for one, other in zip(compiled([np.ones(3)], data), plain([np.ones(3)], data), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)
