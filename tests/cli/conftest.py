"""A runner of command lines inside this process, and one in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from gradwork.cli import entry


@dataclass
class Ran:
    """What a command line left: exit code, standard output, standard error."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Return a function that runs `gradwork ARGUMENTS` through the entry point, streams captured."""
    for name in ("GRADWORK_DEBUG", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")

    def call(*arguments: str) -> Ran:
        capsys.readouterr()
        code = entry.run([str(a) for a in arguments])
        streams = capsys.readouterr()
        return Ran(code, streams.out, streams.err)

    return call


@pytest.fixture
def process() -> Callable[..., Ran]:
    """Return a function that runs `gradwork ARGUMENTS` as a process of its own."""

    def call(*arguments: str, **environment: str) -> Ran:
        env = {
            k: v for k, v in os.environ.items() if k not in ("GRADWORK_DEBUG", "PYTHONIOENCODING")
        } | environment
        done = subprocess.run(
            [sys.executable, "-c", "from gradwork.cli import main; main()", *arguments],
            capture_output=True, env=env, timeout=120,
        )  # fmt: skip
        return Ran(
            done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
        )

    return call
