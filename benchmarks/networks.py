"""Training steps of networks against PyTorch eager and a hand-written JAX scan.

    python -m benchmarks.networks [mlp cnn wide convolutions]     two threads, float32; about three minutes on two cores

Ours is the program that Gradwork generates for a step of plain descent, in a compiled loop over batches, as
`gw.minimize` runs it; the peers do the same steps on the same batches. Whole runs alternate, medians are compared.
"""

from __future__ import annotations

import resource
import sys
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


def descent(step: Callable, batch: int) -> Callable:
    """Return a compiled run of steps of plain descent, each on the next batch."""

    def run(parameters: list, X: Any, Y: Any) -> Any:
        def one(parameters: list, k: Any) -> Any:
            rows = (jax.lax.dynamic_slice_in_dim(a, k * batch, batch) for a in (X, Y))
            loss, *slopes = step(*parameters, *rows)
            return [p - RATE * g for p, g in zip(parameters, slopes)], loss

        return jax.lax.scan(one, parameters, jnp.arange(STEPS) % (len(X) // batch))

    return jax.jit(run)


def compiled(run: Callable, first: list, X: Any, Y: Any) -> Callable[[], Any]:
    """Return a run on the data, after the first one; print what that took, and the memory it works in."""
    start = time.perf_counter()
    traced = run.lower(first, X, Y)
    lowered = time.perf_counter()
    program = traced.compile()
    built = time.perf_counter()
    jax.block_until_ready(program(first, X, Y))
    memory = program.memory_analysis().temp_size_in_bytes / 1e6
    print(
        f"    trace {lowered - start:.3f} s, compile {built - lowered:.3f} s, first run "
        f"{time.perf_counter() - built:.3f} s; works in {memory:.2f} MB"
    )
    return lambda: jax.block_until_ready(program(first, X, Y))


def ours(layers: list, shape: tuple[int, ...], batch: int, X: Any, Y: Any) -> Callable[[], Any]:
    """Return a run of our compiled steps, each on the next batch."""
    jax.clear_caches()
    start = time.perf_counter()
    net = network(layers, shape)
    target = gw.matrix("Y", "n", Y.shape[1], onehot=True)
    loss = -gw.mean(gw.sum(target * gw.log_softmax(net.training), axis=1))
    outputs = [loss, *gw.grad(loss, list(net.parameters))]
    derived = time.perf_counter()
    source, _, _ = build(outputs, "jax", "float32", [*net.parameters, net.input, target], {"n": batch})
    step = execute(source, "xla")[source.name]
    generated = time.perf_counter()
    first = [np.asarray(v, np.float32) for v in net.values().values()]
    print(f"  gradwork: derive {derived - start:.3f} s, generate {generated - derived:.3f} s,")
    run = compiled(descent(step, batch), first, X, Y)
    print(f"    to the first step {time.perf_counter() - start:.3f} s")
    return run


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

    def loss(p: list, x: Any, y: Any) -> Any:
        h = jax.nn.relu(x @ p[0] + p[1])
        return -jnp.mean(jnp.sum(y * jax.nn.log_softmax(h @ p[2] + p[3]), axis=1))

    def step(*arguments: Any) -> tuple:
        *parameters, x, y = arguments
        value, slopes = jax.value_and_grad(loss)(parameters, x, y)
        return value, *slopes

    jax.clear_caches()
    start = time.perf_counter()
    shapes = [(X.shape[1], units), (units,), (units, Y.shape[1]), (Y.shape[1],)]
    first = [RNG.normal(0, 0.05, s).astype(np.float32) for s in shapes]
    print("  hand-written JAX:")
    run = compiled(descent(step, batch), first, X, Y)
    print(f"    to the first step {time.perf_counter() - start:.3f} s")
    return run


def products(batch: int, X: Any, units: int, classes: int) -> Callable[[], Any]:
    """Return the five matrix products of the MLP's step and nothing else: what they take bounds the step.

    Each step multiplies what the one before gave, so that none can be left out. The numbers soon overflow; a product
    of infinities takes as long as any other.
    """

    def run(W: Any, V: Any, X: Any) -> Any:
        def one(parameters: Any, k: Any) -> Any:
            W, V = parameters
            x = jax.lax.dynamic_slice_in_dim(X, k * batch, batch)
            h = x @ W
            z = h @ V
            return (x.T @ (z @ V.T), h.T @ z), None

        return jax.lax.scan(one, (W, V), jnp.arange(STEPS) % (len(X) // batch))[0]

    W, V = (RNG.normal(size=s).astype(np.float32) for s in ((X.shape[1], units), (units, classes)))
    both = jax.jit(run)
    return lambda: jax.block_until_ready(both(W, V, X))


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
        "its matrix products alone": products(128, X, 128, 10),
    }
    found = step_times(alternate(contestants, rounds=61, settled=True))
    report("  a step", found)
    rate = found["its matrix products alone"] / found["gradwork"]
    print(f"  {100 * rate:.0f} % of the rate of the step's matrix products")


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
    report("  a step", step_times(alternate(contestants, rounds=31, settled=True)))


# n, lengths, channels, filters, kernel, and the options of both.
CONVOLUTIONS = {
    "3×3, 32→64, 32×32, batch 32": (32, (32, 32), 32, 64, (3, 3), {"padding": 1}),
    "the same with stride 2": (32, (32, 32), 32, 64, (3, 3), {"padding": 1, "stride": 2}),
    "the same with dilation 2": (32, (32, 32), 32, 64, (3, 3), {"padding": 2, "dilation": 2}),
    "1×1": (32, (32, 32), 32, 64, (1, 1), {}),
    "3×3, 16→16, 28×28, batch 64": (64, (28, 28), 16, 16, (3, 3), {"padding": 1}),
    "7×7, 3→32, 64×64, stride 2, batch 16": (16, (64, 64), 3, 32, (7, 7), {"padding": 3, "stride": 2}),
    "signals: 5, 32→64, 256, batch 32": (32, (256,), 32, 64, (5,), {"padding": 2}),
    "the same with stride 2 ": (32, (256,), 32, 64, (5,), {"padding": 2, "stride": 2}),
}


def convolution(n: int, lengths: tuple, c: int, f: int, kernel: tuple, options: dict) -> None:
    """A convolution forward, and its gradients by input and kernel."""
    k = len(kernel)
    X, W = gw.tensor("X", n, *lengths, c), gw.tensor("W", *kernel, c, f)
    y = (gw.conv1d, gw.conv2d)[k - 1](X, W, **options)
    G = gw.tensor("G", *y.shape)
    shapes = [tuple(d.value or 1 for d in s.shape) for s in (X, W, G)]
    x, w, g = (RNG.normal(size=shape).astype(np.float32) for shape in shapes)
    source, _, _ = build([y, *gw.grad(gw.sum(G * y), [X, W])], "jax", "float32", [X, W, G], {})
    run = jax.jit(execute(source, "xla")[source.name])
    channels_first = (0, k + 1, *range(1, k + 1))
    tx, tg = (torch.tensor(np.ascontiguousarray(a.transpose(channels_first))) for a in (x, g))
    tw = torch.tensor(np.ascontiguousarray(w.transpose(k + 1, k, *range(k))))
    tx.requires_grad_()
    tw.requires_grad_()

    def peer() -> None:
        tx.grad = tw.grad = None
        (torch.nn.functional.conv1d, torch.nn.functional.conv2d)[k - 1](tx, tw, **options).backward(tg)

    on = [jax.device_put(a) for a in (x, w, g)]
    contestants = {"gradwork": lambda: jax.block_until_ready(run(*on)), "PyTorch": peer}
    report("  a pass", alternate(contestants, rounds=15, settled=True))


def wide() -> None:
    """The convolution whose time is its products: forward and all gradients."""
    title = next(iter(CONVOLUTIONS))
    print(f"convolution {title}: forward, gradients by kernel and input")
    convolution(*CONVOLUTIONS[title])


def convolutions() -> None:
    """Convolutions of all kinds: forward and all gradients."""
    for title, case in CONVOLUTIONS.items():
        print(f"convolution {title}")
        convolution(*case)


if __name__ == "__main__":
    # What a process starts with its first run is no contestant's.
    products(128, np.ones((256, 256), np.float32), 128, 10)()
    print(f"{THREADS} threads, float32, JAX {jax.__version__}, PyTorch {torch.__version__}")
    workloads = {"mlp": mlp, "cnn": cnn, "wide": wide, "convolutions": convolutions}
    for chosen in sys.argv[1:] or workloads:
        workloads[chosen]()
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
