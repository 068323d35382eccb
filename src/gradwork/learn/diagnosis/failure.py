"""Where a run left the numbers: the parameters at which the loss stopped being finite, and what did it there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradwork.data import permutation
from gradwork.learn.descent.loops import Batching, Setup, raw, written
from gradwork.learn.diagnosis.nonfinite import NonFinite, explain_nonfinite
from gradwork.learn.objective import Objective

Array = NDArray[Any]


def blamed(
    objective: Objective, setup: Setup, good: Sequence[Array], bad: Sequence[Array], unit: int
) -> NonFinite | None:
    """Return the first value that left its domain between two states of a run, or None if nothing tells.

    good: the arrays after the last finite unit (parameters, then kept arrays); bad: one unit later. For batches
    the epoch `unit` is taken again, batch by batch, up to the step that fails.
    """
    count = len(setup.step.symbols)
    places = [bad[:count], good[:count]]
    if setup.batching is not None:
        places.insert(0, _within(setup, setup.batching, good, unit))
    names = [s.params[0] for s in setup.step.symbols]
    for parameters in places:
        if all(np.isfinite(p).all() for p in parameters):
            found = explain_nonfinite(objective, objective.pack(dict(zip(names, parameters, strict=True))))
            if found is not None:
                return found
    return None


def _within(setup: Setup, batching: Batching, arrays: Sequence[Array], unit: int) -> Sequence[Array]:
    """Return the last finite parameters before the step of an epoch that fails."""
    step, width = setup.step, len(setup.step.state)
    source = written([*step.after, step.loss], "numpy", setup.dtype, step.inner, setup.sizes)
    function = raw(source, "numpy")
    names = [a.label for a in source.signature.arguments][len(step.inner) :]
    free = {s: setup.sizes[s] for s in source.signature.free}
    rows = permutation(batching.rows, batching.seed, unit) if batching.shuffle else np.arange(batching.rows)
    count = len(step.symbols)
    state = list(arrays)
    for k in range(batching.steps):
        chosen = rows[k * batching.size : (k + 1) * batching.size]
        taken = [
            setup.data[n].take(chosen, batching.axes[n]) if n in batching.axes else setup.data[n]
            for n in names
        ]
        with np.errstate(all="ignore"):
            out = function(*state, unit * batching.steps + k + 1.0, setup.eta, *taken, **free)
        after = [np.asarray(a, setup.dtype) for a in out[:width]]
        if not np.isfinite(out[width]):
            break
        if not all(np.isfinite(a).all() for a in after[:count]):
            break
        state = after
    return state[:count]
