"""Ready-made models: expressions, and what a fit of them says."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from gradwork.families import Family, Model, model_of
from gradwork.models.tables.named import (
    BUILDERS,
    build,
    gamma,
    huber,
    linear,
    logistic,
    parse_model,
    poisson,
    polynomial,
    ridge,
    softmax,
)

if TYPE_CHECKING:
    from gradwork.models.networks.learn import fit_network
    from gradwork.models.networks.network import MLP, ConvNet, NetworkModel
    from gradwork.models.networks.recurrent import Recurrent

# Networks are imported when one is first used, so that a fit of anything else starts no later for them.
_LATER = {
    **dict.fromkeys(("MLP", "ConvNet", "NetworkModel"), "gradwork.models.networks.network"),
    "Recurrent": "gradwork.models.networks.recurrent",
    "fit_network": "gradwork.models.networks.learn",
}


def __getattr__(name: str) -> Any:
    module = _LATER.get(name)
    if module is None:
        raise AttributeError(f"module 'gradwork.models' has no attribute {name!r}")
    return getattr(importlib.import_module(module), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})


__all__ = [
    "BUILDERS",
    "MLP",
    "ConvNet",
    "Family",
    "Model",
    "NetworkModel",
    "Recurrent",
    "build",
    "fit_network",
    "gamma",
    "huber",
    "linear",
    "logistic",
    "model_of",
    "parse_model",
    "poisson",
    "polynomial",
    "ridge",
    "softmax",
]
