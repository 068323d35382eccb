"""Tiny descent, 100×1 float64: the time of one step in a compiled loop, the loss of every step recorded.

    python -m benchmarks.learn_tiny

The time of a step is the difference of two runs over the difference of their lengths: what deriving and compiling
take is not in it, and is told apart. PyTorch runs the loop that people write, with and without recording.
"""

from __future__ import annotations

from benchmarks.timing import THREADS, alternate, same_threads

same_threads()

import numpy as np  # noqa: E402

N, SHORT, LONG, PEER = 100, 50_000, 250_000, 500


def main() -> None:
    """Print the time of a step of each."""
    import torch

    import gradwork as gw
    from gradwork.learn import Objective, descend

    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    xs = rng.normal(size=N)
    ys = 2 * xs + 1 + 0.1 * rng.normal(size=N)
    n = gw.dims("n")[0]
    x, y, w, c = gw.vector("x", n), gw.vector("y", n), gw.scalar("w"), gw.scalar("c")
    never = gw.Stopping(gradient_norm=None)
    squares = gw.mean((y - w * x - c) ** 2)
    logistic = gw.mean(gw.softplus(-gw.sign(y) * (w * x + c)))

    def run(loss: gw.Expr, steps: int, hoist: bool):
        objective = Objective(loss, {w: None, c: None}, {x: xs, y: ys})

        def go() -> None:
            fit = descend(objective, gw.SGD(0.05), steps=steps, stopping=never, target="xla", hoist=hoist)
            assert len(fit.history) == steps + 1

        return go

    xt, yt = torch.from_numpy(xs), torch.from_numpy(ys)

    def peer() -> None:
        wt, ct = (torch.zeros((), dtype=torch.float64, requires_grad=True) for _ in range(2))
        optimizer, losses = torch.optim.SGD([wt, ct], lr=0.05), []
        for _ in range(PEER):
            optimizer.zero_grad()
            value = ((yt - wt * xt - ct) ** 2).mean()
            value.backward()
            optimizer.step()
            losses.append(value.item())

    kinds = {
        "least squares": (squares, True),
        "least squares, passing over the data": (squares, False),
        "logistic": (logistic, False),
    }
    contestants = {}
    for name, (loss, hoist) in kinds.items():
        contestants[f"{name} {SHORT}"] = run(loss, SHORT, hoist)
        contestants[f"{name} {LONG}"] = run(loss, LONG, hoist)
    contestants["PyTorch"] = peer
    seconds = alternate(contestants, rounds=7)
    print(f"descent {N}×1 float64, loss and gradient norm of every step recorded, {THREADS} threads")
    for name in kinds:
        step = (seconds[f"{name} {LONG}"] - seconds[f"{name} {SHORT}"]) / (LONG - SHORT)
        whole = f"{SHORT:,} steps in one call: {seconds[f'{name} {SHORT}']:.3f} s"
        print(f"  {name:<38} {step * 1e6:9.3f} µs a step   ({whole})")
    print(f"  {'PyTorch, least squares':<38} {seconds['PyTorch'] / PEER * 1e6:9.3f} µs a step")


if __name__ == "__main__":
    main()
