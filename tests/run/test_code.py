"""What the generated source looks like: a few samples, reviewed by eye, and its layout."""

from __future__ import annotations

import numpy as np
import pytest

import gradwork as gw
from gradwork.run import code, function
from gradwork.run.layout import wrap
from gradwork.run.products.order import best_order
from tests.run.torchrun import run_torch

n, d, k, h = gw.dims("n", "d", "k", "h")
X, y, b = gw.matrix("X", n, d), gw.vector("y", n), gw.vector("b", d)
A, B = gw.matrix("A", d, d), gw.matrix("B", d, d)
s = gw.scalar("s")


def result(expr, target="numpy", **options):
    """The last line of the source, and what stands before it."""
    lines = code(expr, target, **options).rstrip("\n").splitlines()
    return lines[-1].strip().removeprefix("return ")


SAMPLES = [
    (gw.grad(gw.mean((y - X @ b) ** 2), b), "-2 / n * (X.T @ (y - X @ b))"),
    (gw.hessian(gw.mean((y - X @ b) ** 2), b), "2 / n * (X.T @ X)"),
    (gw.grad(gw.mean(gw.softplus(X @ b) - y * (X @ b)), b), "(X.T @ (special.expit(X @ b) - y)) / n"),
    (gw.tanh(X @ gw.matrix("W", d, k) + gw.vector("c", k)), "np.tanh(X @ W + c)"),
    (y[:, None] * X, "y[:, None] * X"),
    (gw.diag(y) @ X, "y[:, None] * X"),
    (gw.diag(y), "np.diag(y)"),
    (gw.trace(A @ B), "np.sum(A * B.T)"),
    (gw.trace(A), "np.trace(A)"),
    (gw.diag(A), "np.diag(A)"),
    (gw.outer(b, y), "np.outer(b, y)"),
    (gw.solve(A, b), "np.linalg.solve(A, b)"),
    (b @ gw.inv(A), "np.linalg.solve(A.T, b)"),
    (b @ gw.inv(A) @ b, "b @ np.linalg.solve(A, b)"),
    (B @ gw.inv(A), "np.linalg.solve(A.T, B.T).T"),
    (gw.trace(gw.inv(A) @ B), "np.trace(np.linalg.solve(A, B))"),
    (A @ B @ b, "A @ (B @ b)"),
    (A @ B @ A, "A @ B @ A"),
    (s * (A @ B), "s * (A @ B)"),
    (A * B @ A, "(A * B) @ A"),
    (gw.sum(A * B, axis=1), 'np.einsum("ij,ij->i", A, B)'),
    (gw.sum(X, axis=0), "np.sum(X, axis=0)"),
    (gw.mean(X, axis=1), "np.mean(X, axis=1)"),
    (gw.ones(n, d) @ b * 0 + y, "y"),
    (y / (1 + y**2), "y / (1 + y**2)"),
    (gw.sqrt(y) / 3, "np.sqrt(y) / 3"),
    (-(y**2), "-y**2"),
    ((y - 1) ** 2, "(y - 1)**2"),
    (2 - y, "2 - y"),
    (-y + X @ b, "X @ b - y"),
    (gw.ones(n, d), "np.ones((n, d))"),
    (gw.where(y > 0, y, 0), "np.where(y > 0, y, 0.0)"),
    (y > 0, "(y > 0).astype(float)"),
    (gw.norm(y), "np.linalg.norm(y)"),
    (y[1:-1], "y[1:n - 1]"),
    (X[:, 0], "X[:, 0]"),
    (X[::-1], "X[::-1]"),
    (gw.concatenate([y, b]), "np.concatenate((y, b))"),
    (gw.eye(d) - A, "np.eye(d) - A"),
    (gw.symbol("S", (d, d), symmetric=True).T @ b, "S @ b"),
]  # fmt: skip


@pytest.mark.parametrize("expr, expected", SAMPLES, ids=[e for _, e in SAMPLES])
def test_numpy(expr, expected):
    assert result(expr) == expected


@pytest.mark.parametrize(
    "expr, jax, torch",
    [
        (gw.softmax(X), "jax.nn.softmax(X, axis=1)", "torch.softmax(X, dim=1)"),
        (gw.exp(y) @ y, "jnp.exp(y) @ y", "torch.exp(y) @ y"),
        (gw.sum(A * B, axis=1), "jnp.sum(A * B, axis=1)", "torch.sum(A * B, dim=1)"),
        (gw.sigmoid(y), "special.expit(y)", "torch.special.expit(y)"),
        (y > 0, "(y > 0).astype(float)", "(y > 0).to(y.dtype)"),
    ],
)
def test_other_targets(expr, jax, torch):
    assert result(expr, "jax") == jax
    assert result(expr, "torch") == torch


def test_a_network():
    W1, c1, W2 = gw.matrix("W1", d, h), gw.vector("c1", h), gw.matrix("W2", h, k)
    Y = gw.matrix("Y", n, k, onehot=True)
    loss = -gw.mean(gw.sum(Y * gw.log_softmax(gw.tanh(X @ W1 + c1) @ W2), axis=1))
    assert code(gw.grad(loss, [W1, c1, W2]), arguments=[X, Y, W1, c1, W2]) == (
        "import numpy as np\n"
        "from scipy import special\n"
        "\n"
        "\n"
        "def f(X, Y, W1, c1, W2):\n"
        '    """X: n×d, Y: n×k, W1: d×h, c1: h, W2: h×k -> d×h, h, h×k"""\n'
        "    n = len(X)\n"
        "    Z_1 = X @ W1 + c1  # n×h\n"
        "    H = np.tanh(Z_1)  # n×h\n"
        "    Z_2 = H @ W2  # n×k\n"
        "    P = special.softmax(Z_2, axis=1)  # n×k\n"
        "    delta_2 = (P - Y) / n  # n×k\n"
        "    delta_1 = (delta_2 @ W2.T) * (1 - H**2)  # n×h\n"
        "    return (X.T @ delta_1, np.sum(delta_1, axis=0), H.T @ delta_2)\n"
    )


def test_a_product_inside_two_others_is_computed_once():
    v = gw.vector("v", d)
    text = code([gw.sum(y * (X @ v)), gw.sum(gw.exp(y) * (X @ v))])
    assert text.count("X @ v") == 1 and "Xv = X @ v" in text


def test_scalars_go_where_they_cost_least():
    assert result(s * gw.outer(y, b)) == "np.outer(y, s * b)"
    assert result(s * (X.T @ X)) == "s * (X.T @ X)"


def test_sizes_decide_the_order():
    u, v = gw.matrix("U", "p", "q"), gw.matrix("V", "q", "p")
    product = u @ v @ gw.matrix("M", "p", "p")
    assert result(product, sizes={"p": 1000, "q": 2}) == "U @ (V @ M)"
    assert result(product, sizes={"p": 2, "q": 1000}) == "U @ V @ M"


def test_cholesky_sees_the_symmetric_part_on_every_target():
    a = np.array([[4.0, 1.0], [0.2, 3.0]])
    expected = np.linalg.cholesky((a + a.T) / 2)
    np.testing.assert_allclose(gw.cholesky(A).evaluate(A=a), expected)
    np.testing.assert_allclose(run_torch(gw.cholesky(A), {"A": a}), expected)
    assert result(gw.cholesky(gw.symbol("S", (d, d), symmetric=True))) == "np.linalg.cholesky(S)"


class TestBlocks:
    rng = np.random.default_rng(0)
    H = gw.hessian(gw.sum(gw.softplus(X @ b)), b)

    def expected(self, x, v):
        p = 1 / (1 + np.exp(-x @ v))
        return (x.T * (p * (1 - p))) @ x

    @pytest.mark.parametrize("rows", [0, 1, 255, 256, 30_001])
    def test_a_weighted_gram_matrix(self, rows):
        pytest.importorskip("jax")
        x, v = self.rng.normal(size=(rows, 30)), self.rng.normal(size=30)
        program = gw.compile(self.H)
        assert "over_rows(" in program.source and "over_rows" not in function(self.H).source
        np.testing.assert_allclose(program(X=x, b=v), self.expected(x, v), rtol=1e-10, atol=1e-10)

    @pytest.mark.parametrize("rows", [0, 1, 255, 256, 2001])
    def test_a_hessian_of_softmax(self, rows):
        W, Y = gw.matrix("W", d, k), gw.matrix("Y", n, k, onehot=True)
        H = gw.hessian(-gw.sum(Y * gw.log_softmax(X @ W)), W)
        program = function(H)
        assert "over_rows(" in program.source
        x, v = self.rng.normal(size=(rows, 6)), self.rng.normal(size=(6, 4))
        p = np.exp(x @ v)
        p /= p.sum(axis=1, keepdims=True)
        weights = np.einsum("ik,kl->ikl", p, np.eye(4)) - np.einsum("ik,il->ikl", p, p)
        expected = np.einsum("ij,ikl,im->jkml", x, weights, x)
        np.testing.assert_allclose(program(X=x, W=v), expected, rtol=1e-9, atol=1e-9)
        found = gw.compile(H)(X=x, W=v)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


class TestOrder:
    def test_a_chain(self):
        a, b_, c, v = (frozenset(x) for x in ("ij", "jk", "kl", "l"))
        size = dict.fromkeys("ijkl", 30)
        assert best_order([a, b_, c, v], frozenset("i"), size)[1] == (0, (1, (2, 3)))

    def test_many_factors_are_ordered_greedily(self):
        letters = "abcdefghijklm"
        chain = [frozenset(x + z) for x, z in zip(letters, letters[1:])]
        cost, tree = best_order(chain, frozenset("am"), dict.fromkeys(letters, 10.0))
        assert isinstance(tree, tuple) and cost < 11 * 1000
        values = [np.random.default_rng(i).normal(size=(2, 2)) for i in range(12)]
        symbols = [gw.matrix(f"M{i}", 2, 2) for i in range(12)]
        product = symbols[0]
        for m in symbols[1:]:
            product = product @ m
        found = function(product)(**{f"M{i}": v for i, v in enumerate(values)})
        np.testing.assert_allclose(found, np.linalg.multi_dot(values), rtol=1e-12)

    def test_it_is_never_worse_than_left_to_right(self):
        rng = np.random.default_rng(5)
        for _ in range(50):
            factors = [frozenset(rng.choice(list("ijklm"), rng.integers(1, 4))) for _ in range(4)]
            size = {x: float(rng.integers(2, 100)) for x in "ijklm"}
            out = frozenset(list(frozenset().union(*factors))[:2])
            cost, _ = best_order(factors, out, size)
            assert cost <= self.left_to_right(factors, out, size) * (1 + 1e-9)

    @staticmethod
    def left_to_right(factors, out, size):
        from gradwork.run.products.order import pair_cost

        total, done = 0.0, factors[0]
        for i in range(1, len(factors)):
            later = frozenset(out).union(*factors[i + 1 :])
            kept = (done | factors[i]) & later
            total += pair_cost(done, factors[i], kept, size)
            done = kept
        return total


@pytest.mark.parametrize(
    "line, width",
    [
        ("    x = f(aaaaaaaaaaaaaaa, bbbbbbbbbbbbbbbbbbb)[:, None] @ g(c)", 40),
        ('    x = np.einsum("ij,jk->ik", aaaaaaaaaaaaaaaaaaaaa, bbbbbbbbbbbbbbbbbb)', 40),
        ("    x = (aaaaaaaaaaaaaaaaaaaaaaa + bbbbbbbbbbbbbbbbbbbbbbbb) @ c", 40),
        ("    x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]", 30),
    ],
)
def test_long_lines_mean_the_same(line, width):
    import ast

    lines = wrap(line, width)
    assert len(lines) > 1
    assert ast.dump(ast.parse("if 1:\n" + "\n".join(lines))) == ast.dump(ast.parse("if 1:\n" + line))


def test_what_follows_a_broken_bracket_may_be_long_too():
    import ast

    line = "    x = f(" + "a + " * 20 + "a) + g(" + "b * " * 12 + "b)"
    assert ast.dump(ast.parse("if 1:\n" + "\n".join(wrap(line, 40)))) == ast.dump(ast.parse("if 1:\n" + line))
