"""A runner of command lines inside this process, and one in a process of its own."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from gradwork.cli import entry


@dataclass
class Ran:
    """What a command line left: exit code, standard output, standard error."""

    code: int
    out: str
    err: str


def good(ran: Ran) -> str:
    """What a command that succeeds prints."""
    assert ran.code == 0, ran.err
    return ran.out


def bad(ran: Ran) -> str:
    """The one error of a command that fails on its input."""
    assert ran.code == 2 and ran.out == "" and "Traceback" not in ran.err, (ran.code, ran.out, ran.err)
    assert ran.err.startswith("error: ")
    return ran.err


def write(path: str | Path, header: list[str], rows: list[list[object]]) -> None:
    """Write a table."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])


def made(here: Path) -> list[str]:
    """What a command left in the folder, besides the tables."""
    return sorted(p.name for p in here.iterdir() if p.suffix not in (".csv", ".npz"))


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
