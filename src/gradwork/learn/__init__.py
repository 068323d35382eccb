"""Learning: objectives, optimizers, solvers, stopping, the record of a run, and what it says of itself."""

from __future__ import annotations

import importlib
from typing import Any

# Imported when first used: a solver needs no optimizer, and neither needs the other's modules.
_PLACES: dict[str, tuple[str, ...]] = {
    "callbacks": ("Callback", "Progress"),
    "descent.checkpoint": ("replaced",),
    "descent.run": ("descend",),
    "diagnosis.why": ("diagnose",),
    "fit": ("Fit",),
    "history": ("History",),
    "front": ("maximize", "minimize"),
    "objective": ("Objective",),
    "optimizers.named": (
        "ABOUT", "OPTIMIZERS", "SGD", "Adagrad", "Adam", "AdamW", "Momentum", "Nesterov", "Optimizer", "RMSprop",
        "as_optimizer", "chain",
    ),
    "optimizers.parts": (
        "Part", "clip_by_global_norm", "clip_by_norm", "clip_by_value", "scale_by_accumulated_squares",
        "scale_by_adam", "scale_by_mean_square", "scale_by_rate", "trace", "weight_decay",
    ),
    "optimizers.schedules": ("SCHEDULES", "Schedule", "constant_rate", "cosine", "exponential", "step", "warmup"),
    "stopping": ("Stop", "Stopping"),
}  # fmt: skip
_HOME = {name: module for module, names in _PLACES.items() for name in names}


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'gradwork.learn' has no attribute {name!r}")
    return getattr(importlib.import_module(f"gradwork.learn.{home}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
