"""Ready-made models: expressions, and what a fit of them says."""

from gradwork.models.builders import (
    BUILDERS,
    Model,
    build,
    huber,
    linear,
    logistic,
    parse_model,
    poisson,
    polynomial,
    ridge,
    softmax,
)

__all__ = [
    "BUILDERS",
    "Model",
    "build",
    "huber",
    "linear",
    "logistic",
    "parse_model",
    "poisson",
    "polynomial",
    "ridge",
    "softmax",
]
