"""The NIST nonlinear problems as formulas over columns."""

from __future__ import annotations

from typing import Any

import numpy as np

_GAUSS = "b1*exp(-b2*x) + b3*exp(-(x - b4)^2/b5^2) + b6*exp(-(x - b7)^2/b8^2)"
FORMULAS = {
    "Bennett5": "b1*(b2 + x)^(-1/b3)",
    "Chwirut1": "exp(-b1*x)/(b2 + b3*x)",
    "DanWood": "b1*x^b2",
    "Gauss1": _GAUSS,
    "Gauss3": _GAUSS,
    "Kirby2": "(b1 + b2*x + b3*x^2)/(1 + b4*x + b5*x^2)",
    "Lanczos3": "b1*exp(-b2*x) + b3*exp(-b4*x) + b5*exp(-b6*x)",
    "MGH09": "b1*(x^2 + x*b2)/(x^2 + x*b3 + b4)",
    "MGH10": "b1*exp(b2/(x + b3))",
    "Misra1a": "b1*(1 - exp(-b2*x))",
    "Misra1c": "b1*(1 - (1 + 2*b2*x)^(-0.5))",
    "Rat42": "b1/(1 + exp(b2 - b3*x))",
    "Thurber": "(b1 + b2*x + b3*x^2 + b4*x^3)/(1 + b5*x + b6*x^2 + b7*x^3)",
    "Nelson": "b1 - b2*x1*exp(-b3*x2)",
}


def table(name: str, problem: dict[str, Any]) -> dict[str, np.ndarray]:
    """Return the columns; Nelson is a model for log y."""
    data = np.array(problem["data"])
    names = ["y", "x1", "x2"] if name == "Nelson" else ["y", "x"]
    columns = dict(zip(names, data.T, strict=True))
    if name == "Nelson":
        columns["y"] = np.log(columns["y"])
    return columns


def params(problem: dict[str, Any], start: str) -> dict[str, float]:
    """Return the starting values by name."""
    return {f"b{i + 1}": value for i, value in enumerate(problem[start])}
