"""Deriving, importing, the command line, and Hessians against jitted `jax.hessian`.

python -m benchmarks.calculus            two threads, float64; about two minutes on two cores
"""

from __future__ import annotations

import subprocess
import sys
import time

from benchmarks.timing import THREADS, alternate, report, same_threads

same_threads()

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

import gradwork as gw  # noqa: E402

EXAMPLES = {
    "1 polynomial": ("x^2 + 2x + 3", "", ["x"]),
    "2 least squares": ("mean((y - X b)^2)", "", ["b"]),
    "3 line": ("mean((y - (w x + b))^2)", "x: n, y: n", ["w", "b"]),
    "4 norm": ("norm(y - X b)", "", ["b"]),
    "5 logistic": ("mean(softplus(X b) - y*(X b))", "", ["b"]),
    "6 softmax": ("-mean(sum(Y*log(softmax(X W)), axis=1))", "Y: n k onehot", ["W"]),
    "7 normal": ("-n/2 log(2π) - n log σ - sum((y - μ)^2)/(2 σ^2)", "y: n", ["μ", "σ"]),
    "8 network": (
        "-mean(sum(Y*log(softmax(tanh(X W1 + b1) W2 + b2)), axis=1))",
        "X: n d, W1: d h, b1: h, W2: h k, b2: k, Y: n k onehot",
        ["W1", "b1", "W2", "b2"],
    ),
    "9 Gaussian": ("-1/2 logdet(S) - 1/2 (x-m)'inv(S)(x-m)", "S: d d symmetric, x: d, m: d", ["S"]),
}


def best_of(run, times=5):
    """The least of several runs, each on expressions made anew."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        found.append(time.perf_counter() - start)
    return sorted(found)[len(found) // 2]


def deriving() -> None:
    """Derive and simplify each of the nine examples; then networks of growing depth."""
    print("derive and simplify (median of 5)")
    for name, (formula, shapes, by) in EXAMPLES.items():
        f = gw.parse(formula, shapes)
        print(f"  {name:<20} {best_of(lambda f=f, by=by: gw.grad(f, by)) * 1e3:8.2f} ms")
    print("a network of so many layers, all gradients")
    n, d, h, k = gw.dims("n", "d", "h", "k")
    X, Y = gw.matrix("X", n, d), gw.matrix("Y", n, k, onehot=True)
    for depth in (10, 20, 40, 80):
        H, before, weights = X, d, []
        for i in range(depth):
            W, b = gw.matrix(f"W{i + 1}", before, h), gw.vector(f"b{i + 1}", h)
            H, before = gw.tanh(H @ W + b), h
            weights += [W, b]
        V = gw.matrix("V", before, k)
        f = -gw.mean(gw.sum(Y * gw.log(gw.softmax(H @ V)), axis=1))
        print(
            f"  {depth:3d} layers           {best_of(lambda f=f, w=weights, V=V: gw.grad(f, [*w, V]), 3) * 1e3:8.1f} ms"
        )


def processes() -> None:
    """Whole processes: importing, and `gradwork derive` of example 5."""

    def run(*words):
        return lambda: subprocess.run([sys.executable, *words], check=True, capture_output=True)

    seconds = alternate(
        {"import numpy": run("-c", "import numpy"), "import gradwork": run("-c", "import gradwork")}, rounds=9
    )
    extra = seconds["import gradwork"] - seconds["import numpy"]
    print(
        f"import gradwork adds {extra * 1e3:.0f} ms to import numpy ({seconds['import numpy'] * 1e3:.0f} ms)"
    )
    whole = alternate(
        {"derive": run("-m", "gradwork", "derive", EXAMPLES["5 logistic"][0], "--wrt", "b")}, rounds=5
    )
    print(f"gradwork derive of example 5, whole process: {whole['derive'] * 1e3:.0f} ms")


def hessians(n: int = 200_000, d: int = 50, classes: int = 10) -> None:
    """The Hessian of the logistic loss and of the softmax loss, compiled, against jitted jax.hessian."""
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        X = rng.normal(size=(n, d))
        y = rng.integers(0, 2, n).astype(float)
        b = rng.normal(size=d) / 10
        Xs, ys, bs = gw.matrix("X", "n", "d"), gw.vector("y", "n"), gw.vector("b", "d")
        ours = gw.compile(gw.hessian(gw.mean(gw.softplus(Xs @ bs) - ys * (Xs @ bs)), bs), dtype="float64")
        theirs = jax.jit(jax.hessian(lambda b, X, y: jnp.mean(jax.nn.softplus(X @ b) - y * (X @ b))))
        Xj, yj, bj = (jax.device_put(a) for a in (X, y, b))
        ours_on = on_device(ours, {"X": Xj, "b": bj, "y": yj})
        np.testing.assert_allclose(ours_on(), theirs(bj, Xj, yj), rtol=1e-8, atol=1e-12)
        report(
            f"logistic Hessian, n={n}, d={d}, float64, {THREADS} threads",
            alternate({"gradwork": ours_on, "jax.hessian": lambda: theirs(bj, Xj, yj).block_until_ready()}),
        )
        # jax.hessian of the softmax loss keeps n d k² numbers at once: 8 GB at this n, more than a quarter of
        # it would leave no room on this machine.
        n = n // 4
        X, Y = X[:n].copy(), np.eye(classes)[rng.integers(0, classes, n)]
        W = rng.normal(size=(d, classes)) / 10
        Ws, Ys = gw.matrix("W", "d", "k"), gw.matrix("Y", "n", "k", onehot=True)
        loss = -gw.mean(gw.sum(Ys * gw.log(gw.softmax(Xs @ Ws)), axis=1))
        ours = gw.compile(gw.hessian(loss, Ws), dtype="float64")
        theirs = jax.jit(
            jax.hessian(lambda W, X, Y: -jnp.mean(jnp.sum(Y * jax.nn.log_softmax(X @ W), axis=1)))
        )
        Xj, Yj, Wj = (jax.device_put(a) for a in (X, Y, W))
        ours_on = on_device(ours, {"X": Xj, "W": Wj, "Y": Yj})
        np.testing.assert_allclose(ours_on(), theirs(Wj, Xj, Yj), rtol=1e-8, atol=1e-12)
        report(
            f"softmax Hessian, n={n}, d={d}, k={classes}, float64, {THREADS} threads",
            alternate(
                {"gradwork": ours_on, "jax.hessian": lambda: theirs(Wj, Xj, Yj).block_until_ready()}, rounds=5
            ),
        )


def on_device(program, arrays):
    """Our compiled program on arrays that are on the device already, as the peer has them."""
    return lambda: program(**{name: arrays[name] for name in program.arguments})


if __name__ == "__main__":
    deriving()
    processes()
    hessians()
