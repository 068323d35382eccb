"""Likelihoods, and losses that are none: each in one block, as an operation is."""

from gradwork.families.family import FAMILIES, Constant, Family, Support
from gradwork.families.model import Model, model_of

__all__ = ["FAMILIES", "Constant", "Family", "Model", "Support", "model_of"]
