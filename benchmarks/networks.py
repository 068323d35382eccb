"""Training steps of networks against PyTorch eager and a hand-written JAX scan.

    python -m benchmarks.networks            two threads, float32; about three minutes on two cores

Ours is the program that Gradwork generates for a step of plain descent, in a compiled loop over batches, as
`gw.minimize` runs it; the peers do the same steps on the same batches. Whole runs alternate, medians are compared.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from typing import Any

from benchmarks.timing import THREADS, alternate, report, same_threads

same_threads()

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402

import gradwork as gw  # noqa: E402
from gradwork.nn import Conv2D, Dense, Flatten, MaxPool2D, network  # noqa: E402
from gradwork.run.program import build, execute  # noqa: E402

torch.set_num_threads(THREADS)
RATE, STEPS = 0.01, 40
RNG = np.random.default_rng(0)


def ours(layers: list, shape: tuple[int, ...], batch: int, X: Any, Y: Any) -> Callable[[], Any]:
    """Return a run of our compiled steps, each on the next batch."""
    start = time.perf_counter()
    net = network(layers, shape)
    target = gw.matrix("Y", "n", Y.shape[1], onehot=True)
    loss = -gw.mean(gw.sum(target * gw.log_softmax(net.training), axis=1))
    outputs = [loss, *gw.grad(loss, list(net.parameters))]
    source, _, _ = build(outputs, "jax", "float32", [*net.parameters, net.input, target], {"n": batch})
    step = execute(source, "xla")[source.name]
    first = [jnp.asarray(v, jnp.float32) for v in net.values().values()]

    def descend(parameters, X, Y):
        def one(parameters, k):
            rows = (jax.lax.dynamic_slice_in_dim(a, k * batch, batch) for a in (X, Y))
            loss, *slopes = step(*parameters, *rows)
            return [p - RATE * g for p, g in zip(parameters, slopes)], loss

        return jax.lax.scan(one, parameters, jnp.arange(STEPS) % (len(X) // batch))

    run = jax.jit(descend)
    jax.block_until_ready(run(first, X, Y))
    print(f"  derive, generate, compile, first run: {time.perf_counter() - start:.2f} s")
    return lambda: jax.block_until_ready(run(first, X, Y))


def eager(model: torch.nn.Module, batch: int, X: Any, Y: Any) -> Callable[[], Any]:
    """Return the same steps by PyTorch."""
    optimizer = torch.optim.SGD(model.parameters(), RATE)
    images = X.transpose(0, 3, 1, 2) if X.ndim == 4 else X
    x, y = torch.tensor(np.ascontiguousarray(images)), torch.tensor(Y.argmax(axis=1))

    def run() -> None:
        for k in range(STEPS):
            at = k % (len(X) // batch) * batch
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(x[at : at + batch]), y[at : at + batch]).backward()
            optimizer.step()

    return run


def by_hand(batch: int, X: Any, Y: Any, units: int) -> Callable[[], Any]:
    """Return the steps of the MLP as one would write them in JAX: value_and_grad in a scan."""

    def loss(p, x, y):
        h = jax.nn.relu(x @ p[0] + p[1])
        return -jnp.mean(jnp.sum(y * jax.nn.log_softmax(h @ p[2] + p[3]), axis=1))

    def descend(p, X, Y):
        def one(p, k):
            x, y = (jax.lax.dynamic_slice_in_dim(a, k * batch, batch) for a in (X, Y))
            value, slopes = jax.value_and_grad(loss)(p, x, y)
            return [a - RATE * g for a, g in zip(p, slopes)], value

        return jax.lax.scan(one, p, jnp.arange(STEPS) % (len(X) // batch))

    shapes = [(X.shape[1], units), (units,), (units, Y.shape[1]), (Y.shape[1],)]
    first = [jnp.asarray(RNG.normal(0, 0.05, s), jnp.float32) for s in shapes]
    start = time.perf_counter()
    run = jax.jit(descend)
    jax.block_until_ready(run(first, X, Y))
    print(f"  hand-written JAX, compile and first run: {time.perf_counter() - start:.2f} s")
    return lambda: jax.block_until_ready(run(first, X, Y))


def data(rows: int, shape: tuple[int, ...], classes: int = 10) -> tuple[Any, Any]:
    """Return random samples and one-hot labels."""
    X = RNG.normal(size=(rows, *shape)).astype(np.float32)
    return X, np.eye(classes, dtype=np.float32)[RNG.integers(0, classes, rows)]


def step_times(found: dict[str, float]) -> dict[str, float]:
    """Return seconds for one step."""
    return {name: seconds / STEPS for name, seconds in found.items()}


def mlp() -> None:
    """784-128-10, batch 128."""
    print("MLP 784-128-10, batch 128")
    X, Y = data(1280, (784,))
    t = torch.nn
    contestants = {
        "gradwork": ours([Dense(128, "relu"), Dense(10)], (784,), 128, X, Y),
        "hand-written JAX scan": by_hand(128, X, Y, 128),
        "PyTorch eager": eager(t.Sequential(t.Linear(784, 128), t.ReLU(), t.Linear(128, 10)), 128, X, Y),
    }
    report("  a step", step_times(alternate(contestants)))


def cnn() -> None:
    """1-8-16, 5×5, pools, batch 64 of 28×28."""
    print("CNN 1-8-16, 5×5, batch 64 of 28×28")
    X, Y = data(320, (28, 28, 1))
    layers = [Conv2D(8, 5, "relu"), MaxPool2D(2), Conv2D(16, 5, "relu"), MaxPool2D(2), Flatten(), Dense(10)]
    t = torch.nn
    peer = t.Sequential(
        t.Conv2d(1, 8, 5), t.ReLU(), t.MaxPool2d(2), t.Conv2d(8, 16, 5), t.ReLU(), t.MaxPool2d(2), t.Flatten(),
        t.Linear(256, 10),
    )  # fmt: skip
    contestants = {"gradwork": ours(layers, (28, 28, 1), 64, X, Y), "PyTorch eager": eager(peer, 64, X, Y)}
    report("  a step", step_times(alternate(contestants)))


def wide() -> None:
    """A 3×3 convolution 32→64 on 32×32, batch 32: forward and all gradients."""
    print("3×3 convolution 32→64 on 32×32, batch 32: forward, gradients by kernel and input")
    n, c, f = 32, 32, 64
    x, w = (
        RNG.normal(size=(n, 32, 32, c)).astype(np.float32),
        RNG.normal(size=(3, 3, c, f)).astype(np.float32),
    )
    g = RNG.normal(size=(n, 32, 32, f)).astype(np.float32)
    X, W, G = gw.tensor("X", n, 32, 32, c), gw.tensor("W", 3, 3, c, f), gw.tensor("G", n, 32, 32, f)
    y = gw.conv2d(X, W, padding="same")
    outputs = [y, *gw.grad(gw.sum(G * y), [X, W])]
    source, _, _ = build(outputs, "jax", "float32", [X, W, G], {})
    run = jax.jit(execute(source, "xla")[source.name])
    tx, tw = torch.tensor(x.transpose(0, 3, 1, 2).copy()), torch.tensor(w.transpose(3, 2, 0, 1).copy())
    tg = torch.tensor(g.transpose(0, 3, 1, 2).copy())
    tx.requires_grad_(), tw.requires_grad_()

    def peer() -> None:
        tx.grad = tw.grad = None
        torch.nn.functional.conv2d(tx, tw, padding=1).backward(tg)

    on = [jax.device_put(a) for a in (x, w, g)]
    report("  a pass", alternate({"gradwork": lambda: jax.block_until_ready(run(*on)), "PyTorch": peer}))


if __name__ == "__main__":
    print(f"{THREADS} threads, float32, JAX {jax.__version__}, PyTorch {torch.__version__}")
    mlp()
    cnn()
    wide()
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
