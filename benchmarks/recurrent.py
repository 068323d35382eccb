"""A training step of recurrent networks: T = 50, 16 → 64, batch 64, float32, two threads; against PyTorch.

    python -m benchmarks.recurrent [rnn lstm gru]

A step is: forward, mean squared error of a linear reading of the last state, gradients of all parameters, and the
update of gradient descent. PyTorch runs its fused `nn.RNN` and `nn.LSTM`. Ours is the whole loop as one program: the
generated JAX text under `fori_loop`, as `gradwork.learn` runs it. Both start from the same parameters, and their
losses after the same number of steps are printed: they must agree.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from benchmarks.timing import alternate, report, same_threads

same_threads()

import numpy as np  # noqa: E402

T, D, H, N, STEPS, RATE = 50, 16, 64, 64, 40, 0.05
PEERS = {"rnn": "RNN", "lstm": "LSTM", "gru": "GRU"}


def ours(kind: str, data: dict[str, Any], start: dict[str, Any]) -> Any:
    """Return a function that runs STEPS steps from the start and returns the parameters and the last loss."""
    import jax

    import gradwork as gw
    from gradwork.nn import Dense, network
    from gradwork.nn.recurrent import cell
    from gradwork.run import code

    net = network([cell(kind)(H), Dense(1)], (T, D))
    y = gw.matrix("y", "n", 1)
    loss = gw.mean((net.training - y) ** 2)
    parameters = list(net.parameters)
    before = time.perf_counter()
    gradients = gw.grad(loss, parameters)
    derived = time.perf_counter()
    after = [p - RATE * g for p, g in zip(parameters, gradients)]
    text = code([loss, *after], "jax", dtype="float32", arguments=[net.input, y, *parameters], sizes={"n": N})
    namespace: dict[str, Any] = {}
    exec(text, namespace)
    step = namespace["f"]

    @jax.jit
    def run(X: Any, y: Any, values: tuple) -> tuple:
        def one(i: Any, held: tuple) -> tuple:
            out = step(X, y, *held[1])
            return out[0], tuple(out[1:])

        return jax.lax.fori_loop(0, STEPS, one, (np.float32(0), values))

    arguments = (data["X"], data["y"], tuple(start[p.params[0]] for p in parameters))
    written = time.perf_counter()
    jax.block_until_ready(run(*arguments))
    print(
        f"  {kind}: derived in {derived - before:.2f} s, written in {written - derived:.2f} s, "
        f"compiled and first run in {time.perf_counter() - written:.2f} s"
    )
    return lambda: jax.block_until_ready(run(*arguments)), text


def peer(kind: str, data: dict[str, Any], start: dict[str, Any]) -> Any:
    """Return the same for PyTorch."""
    import torch

    torch.set_num_threads(2)
    X, y = torch.tensor(data["X"].transpose(1, 0, 2).copy()), torch.tensor(data["y"])

    def run() -> float:
        layer, head = getattr(torch.nn, PEERS[kind])(D, H), torch.nn.Linear(H, 1)
        with torch.no_grad():
            layer.weight_ih_l0[:] = torch.tensor(start["W_1"].T.copy())
            layer.weight_hh_l0[:] = torch.tensor(start["U_1"].T.copy())
            layer.bias_ih_l0[:] = torch.tensor(start["b_1"])
            layer.bias_hh_l0[:] = 0
            head.weight[:], head.bias[:] = torch.tensor(start["W_2"].T.copy()), torch.tensor(start["b_2"])
        layer.bias_hh_l0.requires_grad_(kind == "gru")
        learned = [p for p in [*layer.parameters(), *head.parameters()] if p.requires_grad]
        descent = torch.optim.SGD(learned, lr=RATE)
        for _ in range(STEPS):
            descent.zero_grad()
            states, _ = layer(X)
            loss = torch.mean((head(states[-1]) - y) ** 2)
            loss.backward()
            descent.step()
        return float(loss.detach())

    return run


def main(kinds: list[str]) -> None:
    """Print the medians of a step, the ratio and the losses."""
    from gradwork.nn import Dense, network
    from gradwork.nn.recurrent import cell

    rng = np.random.default_rng(0)
    data = {
        "X": rng.normal(size=(N, T, D)).astype(np.float32),
        "y": rng.normal(size=(N, 1)).astype(np.float32),
    }
    for kind in kinds:
        start = {
            k: v.astype(np.float32) for k, v in network([cell(kind)(H), Dense(1)], (T, D)).values(0).items()
        }
        own, text = ours(kind, data, start)
        other = peer(kind, data, start)
        medians = alternate({"gradwork": own, "PyTorch": other}, rounds=11, settled=True)
        report(f"  {PEERS[kind]}, one training step", {k: v / STEPS for k, v in medians.items()})
        print(f"  losses after {STEPS} steps: {float(own()[0]):.6f} and {other():.6f}")


if __name__ == "__main__":
    main(sys.argv[1:] or ["rnn", "lstm"])
