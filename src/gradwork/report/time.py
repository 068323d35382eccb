"""Pictures of what happens along a sequence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gradwork.report.plots import plain_log


def norms_by_step(ax: Any, adjoints: Mapping[str, ArrayLike], colours: Mapping[str, str]) -> None:
    """Draw ‖∂f/∂hₜ‖ over t, one line for each state, on a logarithmic axis: falling to the left is vanishing.

    adjoints: arrays of T×…, as `gradwork.diff.fading.state_adjoints` gives them.
    """
    roles = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh")
    for k, (letter, values) in enumerate(adjoints.items()):
        array = np.asarray(values, dtype=float)
        norms = np.sqrt((array.reshape(len(array), -1) ** 2).sum(axis=1))
        steps = np.arange(1, len(norms) + 1)
        good = np.isfinite(norms) & (norms > 0)
        ax.plot(steps[good], norms[good], color=colours.get(roles[k % len(roles)], f"C{k}"), label=letter)
    ax.set_yscale("log")
    plain_log(ax.yaxis)
    ax.set_xlabel("t")
    ax.set_ylabel("‖∂f/∂hₜ‖")
    if len(adjoints) > 1:
        ax.legend()
