"""Random contractions: the generated products against einsum on the definition."""

from __future__ import annotations

import numpy as np
import pytest

import gradwork as gw
from gradwork.expr.node import EYE, ONES, make, symbol
from gradwork.ops.contraction import contract
from gradwork.run import code
from tests.run.torchrun import run_torch

SIZES = {"i": 2, "j": 3, "k": 4, "l": 5}
LETTERS = "ijkl"


def random_contraction(rng, rank=3, most=5):
    """A random contraction, the values of its symbols, and its value by einsum."""
    operands, arrays, values = [], [], {}
    for k in range(rng.integers(1, most + 1)):
        kind = rng.choice(["array", "array", "array", "ones", "eye", "scalar", "number"])
        if kind == "ones":
            labels = rng.choice(list(LETTERS), 1)
            x, array = make(ONES, (), (gw.Dim.of(labels[0]),)), np.ones(SIZES[labels[0]])
        elif kind == "eye":
            letter = rng.choice(list(LETTERS))
            # An identity over two labels of one size: `i` and its double `I`.
            labels = [letter, letter.upper() if rng.random() < 0.8 else letter]
            x, array = make(EYE, (), (gw.Dim.of(letter),)), np.eye(SIZES[letter])
        elif kind == "scalar":
            labels, x, array = [], symbol(f"s{k}"), np.array(rng.normal())
            values[f"s{k}"] = array
        elif kind == "number":
            array = float(rng.choice([-1, 2, -3, 0.5]))
            labels, x = [], gw.constant(array)
        else:
            labels = list(rng.choice(list(LETTERS), rng.integers(1, rank + 1)))
            labels = [x.upper() if rng.random() < 0.25 else x for x in labels]
            reuse = (
                [s for s, v in values.items() if v.shape == tuple(SIZES[x.lower()] for x in labels)]
                if labels
                else []
            )
            name = str(rng.choice(reuse)) if reuse and rng.random() < 0.3 else f"a{k}"
            x = symbol(name, [x.lower() for x in labels])
            array = values.setdefault(name, rng.normal(size=[SIZES[x.lower()] for x in labels]))
        operands.append((x, tuple(labels)))
        arrays.append(np.asarray(array))
    present = sorted({x for _, ls in operands for x in ls})
    out = [str(x) for x in rng.permutation(present)[: rng.integers(0, min(len(present), 3) + 1)]]
    pattern = ",".join("".join(ls) for _, ls in operands) + "->" + "".join(out)
    return contract(operands, out), values, np.einsum(pattern, *arrays), pattern


def known(program, values):
    return {
        **{s: values[s] for s in program.symbols},
        **{s: SIZES[s] for s in program.arguments[len(program.symbols) :]},
    }


@pytest.mark.parametrize("seed", range(40))
def test_numpy_products_are_right(seed):
    rng = np.random.default_rng(seed)
    for _ in range(25):
        expr, values, expected, pattern = random_contraction(rng)
        program = gw.function(expr)
        found = program(**known(program, values))
        np.testing.assert_allclose(
            found, expected, rtol=1e-10, atol=1e-11, err_msg=f"{pattern}\n{program.source}"
        )
        assert np.shape(found) == expected.shape, f"{pattern}\n{program.source}"


@pytest.mark.parametrize("seed", range(4))
def test_jax_products_are_right(seed):
    jax = pytest.importorskip("jax")
    rng = np.random.default_rng(1000 + seed)
    for _ in range(10):
        expr, values, expected, pattern = random_contraction(rng)
        program = gw.function(expr)
        text = code(expr, "jax")
        namespace: dict = {}
        exec(text, namespace)
        with jax.enable_x64(True):
            found = np.asarray(namespace["f"](**known(program, values)))
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-11, err_msg=f"{pattern}\n{text}")
        assert found.shape == expected.shape, text


@pytest.mark.parametrize("seed", range(6))
def test_torch_products_are_right(seed):
    rng = np.random.default_rng(2000 + seed)
    for _ in range(25):
        expr, values, expected, pattern = random_contraction(rng)
        if gw.function(expr).arguments != gw.function(expr).symbols:
            continue
        found = run_torch(expr, values)
        np.testing.assert_allclose(
            found, expected, rtol=1e-10, atol=1e-11, err_msg=f"{pattern}\n{code(expr, 'torch')}"
        )
