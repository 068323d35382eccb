"""The target languages by name."""

from __future__ import annotations

from gradwork.errors import GradworkError
from gradwork.run.targets.jax import JaxWriter
from gradwork.run.targets.numpy import Writer
from gradwork.run.targets.torch import TorchWriter

TARGETS: dict[str, type[Writer]] = {"numpy": Writer, "jax": JaxWriter, "torch": TorchWriter}


def writer_for(target: str) -> type[Writer]:
    """Return the writer of a target."""
    if target not in TARGETS:
        raise GradworkError("code is written", targets=TARGETS, target=target)
    return TARGETS[target]
