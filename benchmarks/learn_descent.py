"""Full-batch descent on least squares, 200,000×50 float64, 1,000 steps: ours against the loop people write in NumPy.

    python -m benchmarks.learn_descent

Both record the loss of every step, take the same steps from zeros, and are checked against each other. Ours is a
whole call of `gw.minimize`: checking the data, deriving, planning, running, and measuring the end on the data.
"""

from __future__ import annotations

from benchmarks.timing import THREADS, alternate, report, same_threads

same_threads()

import numpy as np  # noqa: E402

N, D, STEPS, RATE = 200_000, 50, 1_000, 0.1
SHARE = 20  # the NumPy loop runs STEPS / SHARE steps, which is told and multiplied: it takes seconds


def main() -> None:
    """Print medians and their ratio."""
    import gradwork as gw

    rng = np.random.default_rng(0)
    Xs = rng.normal(size=(N, D))
    ys = Xs @ rng.normal(size=D) + rng.normal(size=N)
    n, d = gw.dims("n", "d")
    X, y, b = gw.matrix("X", n, d), gw.vector("y", n), gw.vector("b", d)
    never = gw.Stopping(gradient_norm=None)
    found: dict[str, np.ndarray] = {}

    def ours() -> None:
        fit = gw.minimize(
            gw.mean((y - X @ b) ** 2), {b: None}, {X: Xs, y: ys}, optimizer="sgd", learning_rate=RATE, epochs=STEPS,
            stopping=never,
        )  # fmt: skip
        found["ours"], found["plan"] = fit.history.loss, fit.plan  # type: ignore[assignment]

    def by_hand() -> None:
        w, losses = np.zeros(D), np.empty(STEPS // SHARE)
        for i in range(STEPS // SHARE):
            r = ys - Xs @ w
            losses[i] = r @ r / N
            w = w + RATE * 2 / N * (Xs.T @ r)
        found["numpy"] = losses

    seconds = alternate({"gradwork": ours, "NumPy loop": by_hand}, rounds=5)
    seconds["NumPy loop"] *= SHARE
    report(f"least squares {N:,}×{D} float64, {STEPS:,} full-batch steps, {THREADS} threads", seconds)
    count = len(found["numpy"])
    worst = np.max(np.abs(found["ours"][:count] / found["numpy"] - 1))
    print(f"  losses of the first {count} steps agree to {worst:.1e}")
    print("  " + str(found["plan"]).replace("\n", "\n  "))


if __name__ == "__main__":
    main()
