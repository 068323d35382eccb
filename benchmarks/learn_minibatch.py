"""Minibatch logistic regression, 200,000×100 float32, batches of 256: one shuffled epoch, ours and the peers.

    python -m benchmarks.learn_minibatch

Everyone shuffles anew each epoch, takes 782 steps of plain SGD, and records the loss. Two figures are given for
ours: an epoch inside a run of several (what PyTorch's loop is, whose tensors are there already), and a whole call of
`gw.minimize` for one epoch, with checking, deriving, placing the data and measuring both ends on all rows.
scikit-learn's `SGDClassifier` takes a step a row, in compiled code, and reports no loss.
"""

from __future__ import annotations

from benchmarks.timing import THREADS, alternate, report, same_threads

same_threads()

import warnings  # noqa: E402

import numpy as np  # noqa: E402

N, D, BATCH, RATE, EPOCHS = 200_000, 100, 256, 0.1, 5


def main() -> None:
    """Print medians, ratios, and the losses that were reached."""
    import torch
    from sklearn.linear_model import SGDClassifier

    import gradwork as gw

    torch.set_num_threads(THREADS)
    rng = np.random.default_rng(0)
    Xs = rng.normal(size=(N, D)).astype(np.float32)
    ys = np.sign(Xs @ rng.normal(size=D) + rng.normal(size=N)).astype(np.float32)
    n, d = gw.dims("n", "d")
    X, y, b, c = gw.matrix("X", n, d), gw.vector("y", n), gw.vector("b", d), gw.scalar("c")
    loss = gw.mean(gw.softplus(-y * (X @ b + c)))
    reached: dict[str, float] = {}

    def call(epochs: int) -> None:
        fit = gw.minimize(
            loss, {b: None, c: None}, {X: Xs, y: ys}, optimizer="sgd", learning_rate=RATE, epochs=epochs,
            batch_size=BATCH, dtype="float32", stopping=gw.Stopping(gradient_norm=None), target="xla",
        )  # fmt: skip
        reached[f"gradwork, {epochs} epochs"] = fit.loss

    Xt, yt = torch.from_numpy(Xs), torch.from_numpy(ys)

    def torch_epoch() -> None:
        w, k = torch.zeros(D, requires_grad=True), torch.zeros((), requires_grad=True)
        optimizer, total = torch.optim.SGD([w, k], lr=RATE), 0.0
        order = torch.randperm(N)
        for at in range(0, N, BATCH):
            rows = order[at : at + BATCH]
            optimizer.zero_grad()
            value = torch.nn.functional.softplus(-yt[rows] * (Xt[rows] @ w + k)).mean()
            value.backward()
            optimizer.step()
            total += value.detach() * len(rows)
        with torch.no_grad():
            reached["PyTorch"] = float(torch.nn.functional.softplus(-yt * (Xt @ w + k)).mean())

    def sklearn_epoch() -> None:
        model = SGDClassifier(
            loss="log_loss",
            max_iter=1,
            tol=None,
            learning_rate="constant",
            eta0=0.001,
            alpha=1e-9,
            random_state=0,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(Xs, ys)

    contestants = {
        f"{EPOCHS + 1} epochs": lambda: call(EPOCHS + 1),
        "gradwork, whole call": lambda: call(1),
        "PyTorch loop": torch_epoch,
        "scikit-learn SGDClassifier": sklearn_epoch,
    }
    seconds = alternate(contestants, rounds=9, settled=True)
    many = seconds.pop(f"{EPOCHS + 1} epochs")
    ours = {"gradwork": (many - seconds["gradwork, whole call"]) / EPOCHS}
    title = f"logistic regression {N:,}×{D} float32, batch {BATCH}, one shuffled epoch, {THREADS} threads"
    report(title, {**ours, **seconds})
    print("  loss on all rows afterwards:", ", ".join(f"{k} {v:.4f}" for k, v in reached.items()))


if __name__ == "__main__":
    main()
