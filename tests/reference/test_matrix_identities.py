"""All 45 derivatives of matrix expressions of `matrix_identities.json`, numerically and by their own text."""

from __future__ import annotations

import re

import numpy as np
import pytest

import gradwork as gw
from gradwork.expr.node import Expr

pytestmark = pytest.mark.reference


def mp(a, k):
    return np.linalg.matrix_power(a, k) if isinstance(a, np.ndarray) else gw.matrix_power(a, k)


def draw(rng, shape, fact):
    if fact in ("sym", "pd") or (len(shape) == 2 and shape[0] == shape[1] and fact == ""):
        a = rng.normal(size=shape)
        return a @ a.T / shape[0] + np.eye(shape[0]) if fact else a + 2 * np.eye(shape[0])
    if fact == "pos":
        return rng.uniform(0.5, 2.0, shape)
    if fact == "unit":
        return rng.uniform(0.2, 0.8, shape)
    if fact == "01":
        return rng.integers(0, 2, shape).astype(float)
    return rng.normal(size=shape)


def declared(text):
    for item in text.split():
        label, _, rest = item.partition(":")
        sizes, _, fact = rest.partition("!")
        yield label, tuple(int(s) for s in sizes.split(",")), fact


NUMPY = {
    "np": np, "inv": np.linalg.inv, "det": np.linalg.det, "tr": np.trace, "mp": mp, "range": range, "sum": sum,
}  # fmt: skip


class OurNumpy:
    """What the file's NumPy expressions call, with ours in its place."""

    log, exp, sin, cos, sqrt, kron = gw.log, gw.exp, gw.sin, gw.cos, gw.sqrt, gw.kron


OURS = {
    "np": OurNumpy, "inv": gw.inv, "det": gw.det, "tr": gw.trace, "mp": mp, "range": range,
    "sum": lambda terms: __import__("functools").reduce(lambda a, b: a + b, terms),
}  # fmt: skip


def cases(reference):
    return reference("matrix_identities.json")


@pytest.mark.parametrize("index", range(45))
def test_identity(reference, index):
    case = cases(reference)[index]
    rng = np.random.default_rng(index)
    values, symbols = {}, {}
    for label, shape, fact in declared(case["shapes"]):
        values[label] = draw(rng, shape, fact)
        symbols[label] = gw.matrix(label, *shape, symmetric=fact in ("sym", "pd"))
    # The expressions of this trusted file are Python; they are ours to run, never a user's.
    f = eval(case["numpy_expr"], {**OURS, **symbols})
    assert isinstance(f, Expr)
    x = symbols[case["var"]]
    g = gw.grad(f, x) if f.ndim == 0 else gw.jacobian(f, x)
    found = g.evaluate(**{s: values[s] for s in g.symbols})
    expected = np.asarray(eval(case["numpy_answer"], {**NUMPY, **values}), dtype=float)
    np.testing.assert_allclose(np.asarray(found).reshape(expected.shape), expected, rtol=1e-9, atol=1e-9)
    assert gw.certify(g, points=3).holds
    if f.ndim == 0:
        assert g.derivation.replay()
    assert not re.search(r"einsum|Σ_", str(g)) or case["id"] in {"CB120"}
