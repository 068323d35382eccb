"""How every benchmark here measures: the contestants alternate, and the median of each is compared."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable

THREADS = 2


def same_threads(count: int = THREADS) -> None:
    """Give BLAS, XLA and PyTorch the same number of threads. Call before any of them is imported."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(count)
    os.environ.setdefault(
        "XLA_FLAGS", f"--xla_cpu_multi_thread_eigen=true intra_op_parallelism_threads={count}"
    )


def alternate(
    contestants: dict[str, Callable[[], object]], rounds: int = 7, settled: bool = False
) -> dict[str, float]:
    """Return the median seconds of each contestant; in every round each runs once, in turn, after a warm-up.

    settled: each also runs untimed before each timed run. The threads of the library that ran before spin for some
        milliseconds more, at the cost of whoever comes next: that matters where a run takes milliseconds itself.
    """
    for run in contestants.values():
        run()
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            if settled:
                run()
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(found) for name, found in times.items()}


def report(title: str, seconds: dict[str, float], ours: str = "gradwork") -> None:
    """Print each contestant's median and its ratio to ours (above 1: ours is faster)."""
    print(title)
    for name, value in seconds.items():
        ratio = "" if name == ours else f"   {value / seconds[ours]:7.2f} x ours"
        print(f"  {name:<34} {value * 1e3:10.3f} ms{ratio}")
