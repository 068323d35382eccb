"""Convolution and pooling: agreement with PyTorch, how the derivation reads, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import gradwork as gw
from gradwork.ops.correlation import CORRELATE, INPUT, KERNEL
from gradwork.run.program import build, execute

RNG = np.random.default_rng(11)


def torch_conv(rank, x, w, g, stride, padding, dilation):
    """PyTorch's output, and its gradients by x and w for the adjoint g, in our order of axes."""
    torch = pytest.importorskip("torch")
    last = (0, rank + 1, *range(1, rank + 1))
    tx = torch.tensor(np.transpose(x, last).copy(), requires_grad=True)
    tw = torch.tensor(np.transpose(w, (rank + 1, rank, *range(rank))).copy(), requires_grad=True)
    conv = getattr(torch.nn.functional, f"conv{rank}d")
    y = conv(tx, tw, stride=stride, padding=padding, dilation=dilation)
    y.backward(torch.tensor(np.transpose(g, last).copy()))
    back = (0, *range(2, rank + 2), 1)
    return (
        np.transpose(y.detach().numpy(), back),
        np.transpose(tx.grad.numpy(), back),
        np.transpose(tw.grad.numpy(), (*range(2, rank + 2), 1, 0)),
    )


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("rank", [1, 2])
@pytest.mark.parametrize("target", ["numpy", "xla"])
def test_agrees_with_torch(rank, seed, target):
    rng = np.random.default_rng(seed)
    stride, dilation, padding = (tuple(int(v) for v in rng.integers(low, 4, rank)) for low in (1, 1, 0))
    if seed < 4:
        stride = dilation = (1,) * rank  # what is lowered to tiles
    if target == "xla" and seed % 3:
        pytest.skip("compiles; every third is enough")
    sizes = tuple(int(v) for v in rng.integers(1, 5, rank))
    n, c, f = (int(v) for v in rng.integers(1, 4, 3))
    lengths = tuple(int(d * (k - 1) + 1 + rng.integers(0, 7)) for d, k in zip(dilation, sizes))
    X, W = gw.tensor("X", n, *lengths, c), gw.tensor("W", *sizes, c, f)
    conv = gw.conv1d if rank == 1 else gw.conv2d
    one = (lambda v: v[0]) if rank == 1 else (lambda v: v)
    y = conv(X, W, stride=one(stride), padding=padding if rank == 2 else padding[0], dilation=one(dilation))
    values = {"X": rng.normal(size=(n, *lengths, c)), "W": rng.normal(size=(*sizes, c, f))}
    g = rng.normal(size=tuple(d.value for d in y.shape))
    expected = torch_conv(rank, values["X"], values["W"], g, stride, padding, dilation)
    loss = gw.sum(gw.constant(g) * y)
    found = gw.function([y, *gw.grad(loss, [X, W])], target=target)(**values)
    for ours, theirs in zip(found, expected):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", ["max", "avg"])
def test_pools_agree_with_torch(seed, kind):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    k, s = ((int(a), int(b)) for a, b in rng.integers(1, 4, (2, 2)))
    if seed < 2:
        k = s = (2, 2)
    X = gw.tensor("X", 2, 6, 8, 3)
    # Few different values, so that there are ties.
    x = rng.integers(0, 3, (2, 6, 8, 3)).astype(float)
    y = (gw.maxpool if kind == "max" else gw.avgpool)(X, k, stride=s)
    g = rng.normal(size=tuple(d.value for d in y.shape))
    tx = torch.tensor(np.transpose(x, (0, 3, 1, 2)).copy(), requires_grad=True)
    ty = getattr(torch.nn.functional, f"{kind}_pool2d")(tx, k, s)
    ty.backward(torch.tensor(np.transpose(g, (0, 3, 1, 2)).copy()))
    expected = [np.transpose(v, (0, 2, 3, 1)) for v in (ty.detach().numpy(), tx.grad.numpy())]
    outputs = [y, gw.grad(gw.sum(gw.constant(g) * y), X)]
    for target in ("numpy", "xla") if seed < 3 else ("numpy",):
        for ours, theirs in zip(gw.function(outputs, target=target)(X=x), expected):
            np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("size", "stride", "padding"), [(3, 2, 1), (2, 2, (1, 0)), (3, 1, 1), (2, 2, 1), ((2, 3), (2, 1), (1, 1))]
)
@pytest.mark.parametrize("target", ["numpy", "xla"])
def test_padded_pools_agree_with_torch(size, stride, padding, target):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(7)
    X = gw.tensor("X", 2, 6, 7, 3)
    x = rng.integers(-3, 0, (2, 6, 7, 3)).astype(float)  # below zero: a padding of zeros would be the largest
    y = gw.maxpool(X, size, stride=stride, padding=padding)
    tx = torch.tensor(np.transpose(x, (0, 3, 1, 2)).copy(), requires_grad=True)
    ty = torch.nn.functional.max_pool2d(tx, size, stride, padding)
    g = rng.normal(size=tuple(d.value or 0 for d in y.shape))
    ty.backward(torch.tensor(np.transpose(g, (0, 3, 1, 2)).copy()))
    expected = [np.transpose(v, (0, 2, 3, 1)) for v in (ty.detach().numpy(), tx.grad.numpy())]
    found = gw.function([y, gw.grad(gw.sum(gw.constant(g) * y), X)], target=target)(X=x)
    for ours, theirs in zip(found, expected):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)
    assert gw.parse(y.text(), "X: 2 6 7 3") is y


def test_a_padded_pool_after_bias_and_relu_on_xla():
    X, W, b = gw.tensor("X", 3, 8, 8, 1), gw.tensor("W", 3, 3, 1, 4), gw.vector("b", 4)
    h = gw.relu(gw.conv2d(X, W, padding="same") + b)
    for options in ({"padding": "same"}, {"stride": 1, "padding": 1}):
        loss = gw.sum(gw.tanh(gw.maxpool(h, 3, **options)))
        outputs = [loss, *gw.grad(loss, [W, b, X])]
        values = {
            "X": RNG.normal(size=(3, 8, 8, 1)),
            "W": RNG.normal(size=(3, 3, 1, 4)),
            "b": RNG.normal(size=4),
        }
        for ours, plain in zip(gw.function(outputs, target="xla")(**values), gw.function(outputs)(**values)):
            np.testing.assert_allclose(ours, plain, rtol=1e-11, atol=1e-12)


def test_same_pools_have_a_window_for_each_stride():
    assert gw.maxpool(gw.tensor("X", 2, 7, 8, 1), 3, stride=2, padding="same").shape == (2, 4, 4, 1)


def test_the_forms_without_a_batch():
    x, w = RNG.normal(size=7), RNG.normal(size=3)
    np.testing.assert_allclose(gw.conv1d(x, w).evaluate(), np.correlate(x, w, "valid"), rtol=1e-13)
    np.testing.assert_allclose(
        gw.conv1d(x, w, padding="full").evaluate(), np.correlate(x, w, "full"), rtol=1e-13
    )
    assert gw.conv1d(x, w, padding="same").shape == (7,)
    assert gw.conv2d(gw.matrix("A", "h", "w"), gw.matrix("K", 3, 2), padding="same").shape == ("h", "w")
    assert gw.conv2d(gw.tensor("A", 9, 9, 2), gw.tensor("K", 3, 3, 2, 5), stride=2).shape == (4, 4, 5)


def test_sizes_stay_symbolic():
    n, k = gw.dims("n", "k")
    x, w = gw.vector("x", n), gw.vector("w", k)
    assert gw.conv1d(x, w).shape == (n - k + 1,)
    assert gw.conv1d(x, w, stride=2).shape == ((n - k) // 2 + 1,)
    assert gw.conv1d(x, w, padding="full").shape == (n + k - 1,)


def test_the_derivation_reads_as_convolutions():
    x, w = gw.vector("x", "n"), gw.vector("w", "k")
    by_x, by_w = gw.grad(gw.sum(gw.tanh(gw.conv1d(x, w))), [x, w])
    text = by_x.derivation.text()
    assert "o = x ⋆ w" in text
    assert "∂f/∂x = pad(δ, k−1) ⋆ flip(w)       full convolution with the kernel" in text
    assert "∂f/∂w = x ⋆ δ                       correlate the input with the adjoint" in text
    assert "뒤집은 커널과의 완전 합성곱" in by_x.derivation.text(language="ko")
    assert by_x.derivation.replay()
    assert r"\star \operatorname{flip}" in by_x.latex()
    assert gw.certify(by_x) and gw.certify(by_w)


def test_stride_and_dilation_show_in_the_star():
    X, W = gw.matrix("X", 9, 9), gw.matrix("W", 3, 3)
    y = gw.conv2d(X, W, stride=2, dilation=2)
    assert y.unicode() == "X ⋆₂ dilate(W, 2)"
    assert y.text() == "conv2d(X, W, stride=2, dilation=2)"
    assert gw.parse(y.text(), "X: 9 9, W: 3 3") is y
    g = gw.grad(gw.sum(gw.tanh(y)), W)
    assert "X ⋆₂ dilate(" in g.unicode()
    assert gw.certify(g)


def test_a_padded_input_needs_less_padding_backward():
    X, W = gw.tensor("X", 2, 6, 6, 1), gw.tensor("W", 3, 3, 1, 2)
    g = gw.grad(gw.sum(gw.tanh(gw.conv2d(X, W, padding="same"))), X)
    assert "pad(1 − tanh(pad(X, 1) ⋆ W)²" in g.unicode() and ", 1) ⋆ flip(W)" in g.unicode()


def test_unrolled_on_four_by_four():
    X, W = gw.matrix("X", 4, 4), gw.matrix("W", 2, 2)
    by_x, _ = gw.grad(gw.sum(gw.tanh(gw.conv2d(X, W))), [X, W])
    text = gw.unroll(by_x)
    assert "O₁₁ = X₁₁W₁₁ + X₁₂W₁₂ + X₂₁W₂₁ + X₂₂W₂₂" in text
    assert "∂f/∂X₂₂ = δ₁₁W₂₂ + δ₁₂W₂₁ + δ₂₁W₁₂ + δ₂₂W₁₁" in text
    assert "O₁₁ used X₂₂ through W₂₂, O₁₂ through W₂₁, O₂₁ through W₁₂, O₂₂ through W₁₁" in text


def test_unrolling_needs_sizes():
    x, w = gw.vector("x", "n"), gw.vector("w", "k")
    g = gw.grad(gw.sum(gw.tanh(gw.conv1d(x, w))), x)
    with pytest.raises(gw.GradworkError, match="the size k is open"):
        gw.unroll(g)
    assert "∂f/∂x₂ = ∂f/∂o₁ w₂ + ∂f/∂o₂ w₁" in gw.unroll(g, sizes={"n": 4, "k": 2})


def test_xla_runs_single_operations_and_no_windows():
    X, W, V = gw.tensor("X", "n", 10, 10, 2), gw.tensor("W", 3, 3, 2, 4), gw.tensor("V", 3, 3, 4, 3)
    loss = gw.sum(gw.tanh(gw.conv2d(gw.maxpool(gw.relu(gw.conv2d(X, W) + gw.vector("b", 4)), 2), V)))
    source = build(list(gw.grad(loss, ["W", "V", "b"])), "jax", None, [], {})[0].text
    body = source[source.index("def f(") :]
    assert "window(" not in body and "fold(" not in body
    assert (
        body.count("correlate(") == 2 and body.count("correlate_kernel(") == 2 and "correlate_input(" in body
    )


def test_bias_and_relu_after_the_pool_give_the_same():
    X, W, b = gw.tensor("X", 3, 8, 8, 1), gw.tensor("W", 3, 3, 1, 4), gw.vector("b", 4)
    loss = gw.sum(gw.tanh(gw.maxpool(gw.relu(gw.conv2d(X, W) + b), 2)))
    outputs = [loss, *gw.grad(loss, [W, b, X])]
    values = {"X": RNG.normal(size=(3, 8, 8, 1)), "W": RNG.normal(size=(3, 3, 1, 4)), "b": RNG.normal(size=4)}
    for ours, plain in zip(gw.function(outputs, target="xla")(**values), gw.function(outputs)(**values)):
        np.testing.assert_allclose(ours, plain, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("shape", [(2, 9, 7, 3, 4), (32, 32, 32, 8, 16), (5, 28, 28, 1, 8), (3, 4, 4, 1, 1)])
@pytest.mark.parametrize("kernel", [(1, 1), (3, 2), (4, 4)])
def test_tiles_compute_what_windows_do(shape, kernel):
    jax = pytest.importorskip("jax")
    from gradwork.expr.node import make

    n, h, w, c, f = shape
    X, W = gw.tensor("X", n, h, w, c), gw.tensor("W", *kernel, c, f)
    D = gw.tensor("D", n, h - kernel[0] + 1, w - kernel[1] + 1, f)
    rng = np.random.default_rng(3)
    values = {s.params[0]: rng.normal(size=tuple(d.value for d in s.shape)) for s in (X, W, D)}
    plain = ((1, 1), (1, 1))
    for node in (
        make(CORRELATE, (X, W), plain),
        make(KERNEL, (X, D), (W.shape[:2], *plain)),
        make(INPUT, (D, W), ((gw.dims("1")[0] * 0,) * 2, X.shape[1:3], *plain)),
    ):
        source, _, _ = build(node, "jax", "float64", [], {})
        with jax.enable_x64(True):
            found = np.asarray(execute(source, "xla")["f"](*(values[s] for s in node.symbols)))
        np.testing.assert_allclose(
            found, node.evaluate(**{s: values[s] for s in node.symbols}), rtol=1e-10, atol=1e-10
        )


@pytest.mark.parametrize(
    ("make_it", "message"),
    [
        (lambda: gw.conv1d(np.ones(3), np.ones(4)), "the kernel 4 is larger than its input 3"),
        (lambda: gw.conv2d(gw.matrix("X", 4, 4), gw.vector("w", 2)), "conv2d takes x: h×w and w: kh×kw"),
        (
            lambda: gw.conv2d(gw.tensor("X", 2, 4, 4, 3), gw.tensor("W", 2, 2, 1, 8)),
            "the kernel 2×2×1×8 takes 1 channels, the input 2×4×4×3 has 3",
        ),
        (lambda: gw.conv1d(np.ones(5), np.ones(2), padding="wide"), 'padding is "valid", "same", "full"'),
        (lambda: gw.conv1d(np.ones(5), np.ones(2), stride=0), "stride is a whole number from 1"),
        (lambda: gw.conv1d(gw.vector("x", "n"), np.ones(3), stride=2, padding="same"), "needs known sizes"),
        (lambda: gw.maxpool(gw.tensor("X", 2, 3, 3, 1), 4), "the window 4×4 is larger than its input 3×3"),
        (
            lambda: gw.maxpool(gw.tensor("X", 2, 3, 3, 1), 2, padding=2),
            "a padding is smaller than its window, 2×2; got 2",
        ),
        (lambda: gw.pad(np.ones(3), -1), "a padding is not negative"),
        (lambda: gw.window(np.ones(3), 2, axis=4), "axis 4 does not exist"),
        (lambda: gw.window(np.ones(3), 2, dilation=3), "a window of 2 (spread by dilation 3) is larger"),
        (lambda: gw.maxpool(1.0), "maxpool needs at least one axis"),
        (lambda: gw.global_avgpool(np.ones((2, 3))), "global pooling needs a batch"),
    ],
)
def test_what_does_not_fit_is_one_clear_line(make_it, message):
    with pytest.raises(gw.GradworkError) as error:
        make_it()
    assert message in str(error.value) and "\n" not in str(error.value)


def test_pad_and_flip():
    x = np.arange(1.0, 4)
    assert gw.pad(x, (1, 2)).evaluate().tolist() == [0, 1, 2, 3, 0, 0]
    assert gw.pad(x, 0, gaps=1).evaluate().tolist() == [1, 0, 2, 0, 3]
    assert gw.flip(x).evaluate().tolist() == [3, 2, 1]
    A = gw.matrix("A", 2, 3)
    assert gw.pad(A, ((1, 0), (0, 2))).shape == (3, 5)
    assert gw.simplify(gw.flip(gw.flip(A))) is A


def test_ties_go_to_the_first_entry_row_by_row():
    X = gw.matrix("X", 2, 2)
    g = gw.grad(gw.sum(gw.maxpool(X, 2)), X)
    assert g.evaluate(X=np.ones((2, 2))).tolist() == [[1, 0], [0, 0]]
    assert g.evaluate(X=np.array([[0.0, 3], [3, 3]])).tolist() == [[0, 1], [0, 0]]
