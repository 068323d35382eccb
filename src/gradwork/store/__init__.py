"""Fitted models in folders that hold no code."""
