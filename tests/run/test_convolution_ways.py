"""The ways that programs for XLA take through convolutions and pools: which is chosen, and that all give the same."""

from __future__ import annotations

import math

import numpy as np
import pytest

import gradwork as gw
from gradwork.expr.dims import Dim
from gradwork.expr.node import make, walk
from gradwork.ops.contraction import ein
from gradwork.ops.correlation import CORRELATE, INPUT, KERNEL, tile, winograd
from gradwork.ops.pooling import UNPOOL
from gradwork.rewrite import prepare
from gradwork.run.pool_first import sums_before_unpooling
from gradwork.run.program import build, execute
from gradwork.run.slide import slide


def by_jax(node, values, dtype="float64", side=None):
    """The value of a node by its JAX text; `side` fixes the tiles' side instead of the planner."""
    jax = pytest.importorskip("jax")
    source, _, _ = build(node, "jax", dtype, [], {})
    names = execute(source, "xla")
    if side is not None:
        names[source.name].__globals__["tile"] = lambda *sizes: side
    with jax.enable_x64(dtype == "float64"):
        return np.asarray(names[source.name](*(values[s].astype(dtype) for s in node.symbols)))


def three(x, w, strides=(1, 1), dilations=(1, 1), extra=(0, 0)):
    """The correlation of shapes x and w and its adjoints, with values; the images reach `extra` past the last window."""
    k = len(w) - 2
    strides, dilations = strides[:k], dilations[:k]
    ways = zip(x[1:], w, strides, dilations)
    places = [(n - d * (m - 1) - 1) // s + 1 for n, m, s, d in ways]
    delta = (x[0], *places, w[-1])
    X, W, D = gw.tensor("X", *x), gw.tensor("W", *w), gw.tensor("D", *delta)
    rng = np.random.default_rng(0)
    values = {"X": rng.normal(size=x), "W": rng.normal(size=w), "D": rng.normal(size=delta)}
    first = tuple(Dim.of(min(1, m - 1)) for m in w[:k])
    lengths = tuple(Dim.of(n - f.value + e) for n, f, e in zip(x[1:], first, extra))
    return values, [
        make(CORRELATE, (X, W), (strides, dilations)),
        make(KERNEL, (X, D), (W.shape[:k], strides, dilations)),
        make(INPUT, (D, W), (first, lengths, strides, dilations)),
    ]


SHAPES = [
    ((2, 9, 8, 3), (3, 2, 3, 4), (2, 3), (1, 1)),
    ((2, 11, 12, 2), (3, 3, 2, 5), (1, 1), (2, 3)),
    ((1, 12, 13, 2), (3, 2, 2, 3), (3, 2), (2, 3)),
    ((2, 9, 9, 3), (2, 1, 3, 4), (3, 2), (1, 1)),  # a stride past the kernel: entries that no window reaches
    ((2, 20, 19, 20), (3, 3, 20, 6), (1, 1), (1, 1)),  # the results of the kernel rows are added
    ((2, 20, 21, 24), (3, 2, 24, 6), (1, 2), (2, 1)),
    ((3, 6, 7, 4), (1, 1, 4, 2), (1, 1), (1, 1)),
    ((3, 6, 7, 4), (1, 1, 4, 2), (2, 3), (1, 1)),
    ((3, 17, 4), (4, 4, 2), (1,), (1,)),
    ((3, 17, 4), (4, 4, 2), (3,), (1,)),
    ((3, 17, 4), (4, 4, 2), (2,), (3,)),
]


@pytest.mark.parametrize(("x", "w", "strides", "dilations"), SHAPES)
def test_runs_compute_what_windows_do(x, w, strides, dilations):
    values, nodes = three(x, w, strides, dilations, extra=(2, 1))
    for node in nodes:
        expected = node.evaluate(**{s: values[s] for s in node.symbols})
        np.testing.assert_allclose(by_jax(node, values, side=1), expected, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("side", [2, 4])
@pytest.mark.parametrize(("x", "w"), [((3, 9, 8, 3), (3, 2, 3, 4)), ((2, 12, 12, 1), (5, 5, 1, 3)), ((2, 4, 4, 2), (4, 3, 2, 1))])  # fmt: skip
def test_tiles_of_any_side_compute_what_windows_do(x, w, side):
    values, nodes = three(x, w)
    for node in nodes:
        expected = node.evaluate(**{s: values[s] for s in node.symbols})
        np.testing.assert_allclose(by_jax(node, values, side=side), expected, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("side", [1, 2])
def test_a_batch_in_parts_gives_the_same(side):
    x, w = (12, 62, 62, 20), (3, 3, 20, 4)
    values, nodes = three(x, w)
    assert math.prod(x) * 9 > 8_000_000  # too much for the caches at once
    for node in nodes:
        expected = node.evaluate(**{s: values[s] for s in node.symbols})
        np.testing.assert_allclose(by_jax(node, values, side=side), expected, rtol=1e-10, atol=1e-9)


@pytest.mark.parametrize("stride", [1, 2])
def test_an_empty_batch_gives_no_images_and_no_gradient(stride):
    X, W = gw.tensor("X", "n", 9, 8, 1), gw.tensor("W", 3, 3, 1, 4)
    y = gw.conv2d(X, W, stride=stride)
    program = gw.function([y, *gw.grad(gw.sum(y * y), [X, W])], target="xla")
    images, by_x, by_w = program(X=np.zeros((0, 9, 8, 1)), W=np.ones((3, 3, 1, 4)))
    assert len(images) == 0 and by_x.shape == (0, 9, 8, 1) and by_w.shape == (3, 3, 1, 4) and not by_w.any()


def test_single_precision_loses_no_more_than_products_do():
    values, nodes = three((4, 34, 34, 32), (3, 3, 32, 64))
    for node in nodes:
        expected = node.evaluate(**{s: values[s] for s in node.symbols})
        error = np.abs(by_jax(node, values, "float32") - expected).max()
        assert error < 3e-6 * np.abs(expected).max()


HALF = "half the products (Winograd, 5 times the rounding error)"

# Which of the correlation, the adjoint of the kernel and that of the images go by half the products.
HALVED = [
    ((4, 34, 34, 32), (3, 3, 32, 64), (1, 1), (1, 1), [True, True, True]),
    ((40, 34, 18, 16), (3, 3, 16, 32), (1, 1), (1, 1), [True, True, False]),  # in parts; its images by tiles
    ((2, 33, 21, 24), (3, 2, 24, 32), (1, 2), (1, 1), [True, True, False]),  # 31 rows: one more, of zeros
    ((3, 34, 19, 20), (3, 4, 20, 32), (1, 1), (1, 2), [True, True, False]),
    (
        (2, 67, 24, 32),
        (5, 5, 32, 40),
        (2, 2),
        (1, 1),
        [False, False, True],
    ),  # its parts have three rows or two
]


@pytest.mark.parametrize(("x", "w", "strides", "dilations", "halved"), HALVED)
def test_half_the_products_give_the_same(x, w, strides, dilations, halved):
    values, nodes = three(x, w, strides, dilations)
    for node, fewer in zip(nodes, halved):
        plans = [gw.function([node], target="xla", dtype=dtype).plan() for dtype in ("float32", "float64")]
        assert [HALF in plan for plan in plans] == [fewer, False]
        expected = node.evaluate(**{s: values[s] for s in node.symbols})
        error = np.abs(by_jax(node, values, "float32") - expected).max()
        assert error < 3e-6 * np.abs(expected).max()
        np.testing.assert_allclose(by_jax(node, values), expected, rtol=1e-10, atol=1e-10)


def test_half_the_products_only_where_they_are_many():
    assert winograd(3, 3, 32, 64, 32, 1, 1) and winograd(3, 3, 16, 32, 30, 1, 1)
    assert not winograd(5, 3, 32, 64, 32, 1, 1) and not winograd(3, 3, 32, 64, 32, 2, 1)
    assert not winograd(3, 3, 32, 64, 32, 1, 2)
    # Copies take longer than products.
    assert not winograd(3, 3, 8, 32, 32, 1, 1) and not winograd(3, 3, 32, 16, 32, 1, 1)
    assert not winograd(3, 3, 32, 64, 14, 1, 1)  # two rows of zeros for 14


def test_few_channels_go_by_tiles_and_many_by_runs():
    assert tile(5, 5, 1, 8) == tile(5, 5, 8, 16) == 2
    assert tile(3, 3, 32, 64) == tile(3, 3, 32, 64, back=1.0) == tile(3, 3, 64, 64) == 1


def test_the_plan_names_the_way():
    X, W, V = gw.tensor("X", "n", 28, 28, 1), gw.tensor("W", 5, 5, 1, 8), gw.tensor("V", 3, 3, 8, 64)
    y = gw.conv2d(gw.conv2d(X, W), V, stride=2)
    text = gw.function([y], target="xla", sizes={"n": 4}).plan()
    assert "by tiles of 2×2 places" in text and "by runs of 24 numbers" in text


@pytest.mark.parametrize("options", [{}, {"stride": 2, "padding": 1}, {"dilation": 2, "padding": "same"}])
@pytest.mark.parametrize("rank", [1, 2])
def test_every_convolution_is_one_operation(rank, options):
    X, W = gw.tensor("X", 2, *(12, 14)[:rank], 2), gw.tensor("W", *(3, 3)[:rank], 2, 4)
    y = (gw.conv1d, gw.conv2d)[rank - 1](X, W, **options)
    outputs = [y, *gw.grad(gw.sum(gw.tanh(y)), [X, W])]
    text = build(outputs, "jax", None, [], {})[0].text
    body = text[text.index("def f(") :]
    assert "window(" not in body and "fold(" not in body and "jnp.flip" not in body
    assert all(f"{name}(" in body for name in ("correlate", "correlate_kernel", "correlate_input"))


def test_sums_over_places_come_before_unpooling():
    X, b = gw.tensor("X", 3, 8, 8, 2), gw.vector("b", 2)
    g = gw.grad(gw.sum(gw.tanh(gw.maxpool(X + b, 2))), b)
    before = prepare([gw.constant(g)])
    after = sums_before_unpooling(before)
    assert any(n.op is UNPOOL for n in walk(*before)) and not any(n.op is UNPOOL for n in walk(*after))
    values = {"X": np.random.default_rng(1).normal(size=(3, 8, 8, 2)), "b": np.array([0.3, -0.4])}
    np.testing.assert_allclose(after[0].evaluate(**values), g.evaluate(**values), rtol=1e-12)


def test_a_weighted_sum_is_not_moved_before_unpooling():
    X, G, V = gw.tensor("X", 3, 4, 4, 2), gw.tensor("G", 3, 2, 2, 2), gw.matrix("V", 4, 4)
    spread = make(UNPOOL, (G, X), (1, (Dim.of(2), Dim.of(2)), (2, 2), ()))
    y = gw.sum(spread * gw.reshape(V, (1, 4, 4, 1)))
    (after,) = sums_before_unpooling(prepare([y]))
    assert any(n.op is UNPOOL for n in walk(after))


def test_correlations_stay_windows_where_sizes_leave_no_choice():
    # Three axes of windows are no image: the contraction stays as it is.
    X, W = gw.tensor("X", 2, 5, 5, 5, 2), gw.tensor("W", 2, 2, 2, 2, 3)
    windows = gw.window(X, (2, 2, 2), axis=1)
    y = ein("nijkabcf,abcfo->nijko", windows, W)
    assert not any(n.op in (CORRELATE, KERNEL, INPUT) for n in walk(*slide([y])))
