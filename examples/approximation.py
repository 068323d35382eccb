"""A network with one hidden layer can come near any function, if the layer is wide enough: a picture.

    python examples/approximation.py [picture.png]

One hidden layer of 2, 8, 32 units and three layers of 8 learn a wiggly function of one variable; each panel shows
what it learned and its mean squared error. Width buys bends; depth buys more of them for as many parameters.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from gradwork.models import MLP

HIDDEN = [(2,), (8,), (32,), (8, 8, 8)]


def wiggle(x: np.ndarray) -> np.ndarray:
    """Return sin 3x + x²/4 with a kink at 1."""
    return np.sin(3 * x) + x**2 / 4 + np.abs(x - 1)


def approximations(epochs: int = 1500) -> list[tuple[tuple[int, ...], MLP, float]]:
    """Return the networks, each with the mean squared error of what it learned."""
    x = np.linspace(-3, 3, 256)[:, None]
    y = wiggle(x[:, 0])
    found = []
    for hidden in HIDDEN:
        model = MLP(
            hidden, "tanh", learning_rate=0.01, batch_size=64, epochs=epochs, validation=None, patience=None,
            target="xla",
        ).fit(x, y)  # fmt: skip
        found.append((hidden, model, float(np.mean((model.predict(x) - y) ** 2))))
    return found


def draw(path: str | Path, epochs: int = 1500) -> list[float]:
    """Draw the picture, and return the errors."""
    x = np.linspace(-3, 3, 400)
    figure = Figure(figsize=(11, 3), layout="constrained")
    found = approximations(epochs)
    for axes, (hidden, model, error) in zip(figure.subplots(1, len(found), sharey=True), found, strict=True):
        axes.plot(x, wiggle(x), color="#bbbbbb", linewidth=4, label="the function")
        axes.plot(x, model.predict(x[:, None]), color="#c03020", linewidth=1.5, label="learned")
        units = " and ".join(map(str, hidden)) if len(set(hidden)) > 1 else f"{len(hidden)} × {hidden[0]}"
        axes.set_title(
            f"{units} units, {model.network.size} parameters\nmean squared error {error:.2g}", fontsize=9
        )
    figure.axes[0].legend(fontsize=8)
    figure.savefig(path, dpi=120)
    return [error for _, _, error in found]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("picture", nargs="?", type=Path, default="approximation.png", help="the file to draw")
    path = parser.parse_args().picture
    errors = draw(path)
    for hidden, error in zip(HIDDEN, errors, strict=True):
        print(f"{'-'.join(map(str, hidden)):<8} mean squared error {error:.3g}")
    print(f"drawn in {path}")
