"""How the time to derive, generate and compile an MLP's step grows with its depth.

    python -m benchmarks.depth            about ten seconds

Printed beside each time is its growth over the depth before, as a power: 1 is linear in depth. A start that does not
depend on the depth (XLA's own, mostly) makes it less than 1 for shallow networks.
"""

from __future__ import annotations

import gc
import math
import statistics
import time

from benchmarks.timing import same_threads

same_threads()

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

import gradwork as gw  # noqa: E402
from gradwork.nn import Dense, network  # noqa: E402
from gradwork.run.program import build, execute  # noqa: E402

DEPTHS, WIDTH, FEATURES, CLASSES, BATCH, ROUNDS = (5, 10, 20, 40, 50, 80), 64, 32, 10, 32, 3


def measured(depth: int) -> dict[str, float]:
    """Return the seconds of each part for a network of `depth` layers, and the lines of its program."""
    gc.collect()  # what the network before left is not this one's cost
    start = time.perf_counter()
    net = network([*(Dense(WIDTH, "relu") for _ in range(depth - 1)), Dense(CLASSES)], (FEATURES,))
    target = gw.matrix("Y", "n", CLASSES, onehot=True)
    loss = -gw.mean(gw.sum(target * gw.log_softmax(net.training), axis=1))
    outputs = [loss, *gw.grad(loss, list(net.parameters))]
    derived = time.perf_counter()
    source, _, _ = build(outputs, "jax", "float32", [*net.parameters, net.input, target], {"n": BATCH})
    step = jax.jit(execute(source, "xla")[source.name])
    generated = time.perf_counter()
    values = [np.asarray(v, np.float32) for v in net.values().values()]
    X, Y = np.zeros((BATCH, FEATURES), np.float32), np.eye(CLASSES, dtype=np.float32)[[0] * BATCH]
    ready = time.perf_counter()
    traced = step.lower(*values, X, Y)
    lowered = time.perf_counter()
    traced.compile()
    return {
        "derive": derived - start,
        "generate": generated - derived,
        "trace": lowered - ready,
        "compile": time.perf_counter() - lowered,
        "lines": source.text.count("\n"),
    }


def main() -> None:
    """Print the table."""
    jax.block_until_ready(jax.jit(jnp.sum)(jnp.ones(3)))
    measured(3)
    found = {}
    for depth in DEPTHS:
        runs = [measured(depth) for _ in range(ROUNDS)]
        found[depth] = {part: statistics.median(r[part] for r in runs) for part in runs[0]}
        found[depth]["in all"] = sum(v for part, v in found[depth].items() if part != "lines")
    parts = list(found[DEPTHS[0]])
    print("layers" + "".join(f"{part:>18}" for part in parts))
    before = None
    for depth, row in found.items():
        cells = []
        for part in parts:
            value = f"{row[part]:.0f}" if part == "lines" else f"{1e3 * row[part]:.1f} ms"
            power = math.log(row[part] / found[before][part]) / math.log(depth / before) if before else None
            cells.append(f"{value} {'' if power is None else f'({power:.2f})':>6}".rjust(18))
        print((f"{depth:>6}" + "".join(cells)).rstrip())
        before = depth


if __name__ == "__main__":
    main()
