"""The NIST linear problems as arrays, and the number of digits that agree."""

from __future__ import annotations

from typing import Any

import numpy as np

PROBLEMS = (
    "Filip", "Longley", "NoInt1", "NoInt2", "Norris", "Pontius",
    "Wampler1", "Wampler2", "Wampler3", "Wampler4", "Wampler5",
)  # fmt: skip
# The digits that the learning issue asks for.
WANTED = {"Filip": 6, "Longley": 10, "Pontius": 10, "Wampler4": 7, "Wampler5": 5}


def arrays(problem: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return X (with the column of ones, if the model has one) and y."""
    data = np.array(problem["data"])
    y, x = data[:, 0], data[:, 1:]
    if x.shape[1] > 1:
        return np.column_stack([np.ones(len(y)), x]), y
    return np.column_stack([x[:, 0] ** k for k in problem["param_index"]]), y


def digits(value: Any, certified: Any) -> float:
    """Return the least number of correct digits; where the certified value is zero, of decimals."""
    value, certified = np.asarray(value, dtype=float), np.asarray(certified, dtype=float)
    error = np.abs(value - certified) / np.where(certified == 0, 1.0, np.abs(certified))
    return float(-np.log10(np.max(error).clip(1e-15)))
