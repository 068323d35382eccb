"""Inference: standard errors, intervals and tests from the derivatives of the loss that was minimised."""
