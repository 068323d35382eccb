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
from gradwork.models.networks import MLP, ConvNet, NetworkModel
from gradwork.models.recurrent import Recurrent

__all__ = [
    "BUILDERS",
    "MLP",
    "ConvNet",
    "Model",
    "NetworkModel",
    "Recurrent",
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
