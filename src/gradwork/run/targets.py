"""The target languages by name."""

from __future__ import annotations

from gradwork.errors import GradworkError
from gradwork.run.jax_writer import JaxWriter
from gradwork.run.torch_writer import TorchWriter
from gradwork.run.writer import Writer

TARGETS: dict[str, type[Writer]] = {"numpy": Writer, "jax": JaxWriter, "torch": TorchWriter}


def writer_for(target: str) -> type[Writer]:
    """Return the writer of a target."""
    if target not in TARGETS:
        raise GradworkError(f"code is written for {', '.join(TARGETS)}, not {target!r}")
    return TARGETS[target]
