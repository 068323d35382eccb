"""What was learned is saved before it is printed: a reader that goes away loses nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TABLE = "x,y\n" + "".join(f"{i},{2 * i + (-1) ** i * 0.1}\n" for i in range(12))
FIT = f"{sys.executable} -m gradwork fit t.csv --target y --out m -q"


@pytest.mark.skipif(os.name == "nt", reason="redirections of a POSIX shell")
@pytest.mark.parametrize(
    ("redirected", "code"),
    [(f"{FIT} | true", 0), (f"{FIT} >&-", 141), (f"{FIT} > /dev/full", 2), (f"{FIT} >&- 2>&-", 141)],
)
def test_a_fit_outlives_the_reader_of_its_output(tmp_path: Path, redirected: str, code: int):
    if "/dev/full" in redirected and not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    (tmp_path / "t.csv").write_text(TABLE)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        redirected, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    assert (tmp_path / "m" / "model.json").exists()
    assert "Traceback" not in done.stderr and done.returncode == code, done.stderr


@pytest.mark.skipif(os.name == "nt", reason="redirections of a POSIX shell")
@pytest.mark.parametrize(
    "command", ["ops softmax", 'derive "x^2" --wrt x', "optimizers", "--help", 'evaluate "1+1"', "nonsense"]
)
def test_no_command_stumbles_over_a_closed_output(command: str):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    line = f"{sys.executable} -m gradwork {command} >&-"
    done = subprocess.run(line, shell=True, env=environment, capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr and done.returncode in (2, 141), done.stderr
