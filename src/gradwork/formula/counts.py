"""The n of 1/n Σ r² is the number of terms of the sum, as it is printed, unless something else is declared."""

from __future__ import annotations

from typing import Any

from gradwork.expr.dims import Dim
from gradwork.formula.infer import Trial
from gradwork.formula.letters import COUNTS
from gradwork.formula.prepare import Prepared
from gradwork.formula.roles import REDUCTIONS, Roles
from gradwork.formula.sizes import is_free
from gradwork.formula.tree import Binary, Call, Transpose


def counted(prepared: Prepared, roles: Roles, trial: Trial, assumed: dict[str, Any]) -> list[str]:
    """Make n the size that the formula sums over, if there is just one and n is a bare number; say so.

    Within the sum itself n is a number of its own, as in Σ k log θ + (n − k) log(1 − θ).
    """
    names = [
        name
        for name in COUNTS
        if trial.ranks.get(name) == 0 and not any(p.region.kind == "sum" for p in roles.places.get(name, ()))
    ]
    if len(names) != 1:
        return []
    sizes = trial.functions.sizes
    dims = {sizes.resolve(dim) for dim in _summed(prepared, trial)}
    if len(dims) > 1:  # of ‖y − X b‖² and ‖b‖², the rows of X are counted
        rows = {sizes.resolve(kind.shape[0]) for kind in trial.symbols.values() if kind.rank == 2}
        columns = {sizes.resolve(kind.shape[1]) for kind in trial.symbols.values() if kind.rank == 2}
        dims &= rows - columns
    if len(dims) != 1:
        return []
    (dim,) = dims
    free = str(dim)
    (name,) = names
    if free in dim.names and is_free(free):
        sizes.bound[free] = Dim.of(name)
    elif dim.value is None:
        return []
    prepared.sizes.add(name)
    prepared.counts[name] = sizes.resolve(dim)
    for known in (trial.symbols, trial.ranks, assumed):
        known.pop(name)
    return [f"{name} is the number of terms that are summed; declare {name}: scalar for a number of its own"]


def _summed(prepared: Prepared, trial: Trial) -> list[Dim]:
    """Return the sizes that sums and norms run over; where there are none, those of products XᵀY."""
    found: list[Dim] = []
    products: list[Dim] = []
    for node in prepared.nodes:
        if isinstance(node, Call) and node.name in REDUCTIONS and "axis" not in node.options:
            kind = trial.types[prepared.calls[node].values["x"]]
            if kind is not None and kind.rank:
                found.append(kind.shape[0])
        elif (
            isinstance(node, Binary)
            and trial.functions.plan.get(node) == "matmul"
            and isinstance(node.left, Transpose)
        ):
            kind = trial.types[node.left]
            if kind is not None and kind.rank:
                products.append(kind.shape[-1])
    return found or products
