"""The examples and the README's Python run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def test_from_scratch_runs_and_finds_the_truth():
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "from_scratch.py")],
        capture_output=True, text=True, encoding="utf-8", env={"PYTHONIOENCODING": "utf-8", "PATH": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "∇f(b) = −2/n Xᵀ(y − Xb)" in done.stdout


@pytest.mark.parametrize("index, shown", [(0, "−2/n Xᵀ(y − Xb)"), (2, "Conv2D(8, 3×3, relu)"), (2, "∂f/∂W₁")])
def test_readme_python(index, shown, capsys):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
    exec(compile(blocks[index], "README.md", "exec"), {})
    assert shown in capsys.readouterr().out
