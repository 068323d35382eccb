"""Runs the PyTorch text of an expression, where PyTorch is installed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradwork as gw
from gradwork.run import code


def run_torch(expr: Any, values: dict[str, Any]) -> np.ndarray:
    """Return the value of the PyTorch text."""
    torch = pytest.importorskip("torch")
    text = code(expr, "torch")
    namespace: dict[str, Any] = {}
    exec(text, namespace)
    found = namespace["f"](*(torch.tensor(np.asarray(values[s])) for s in gw.function(expr).symbols))
    assert found.dtype == torch.float64, text
    return found.numpy()
