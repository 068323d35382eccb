"""Ctrl-C belongs to the program: a library that it imports changes nothing, whichever way it was started."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TELLS = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"


@pytest.mark.parametrize(
    "start", [["-m", "mine"], ["-mmine"], ["-W", "error", "-m", "mine", "-m", "gradwork"]]
)
def test_a_package_that_imports_gradwork_keeps_its_own_handler(tmp_path: Path, start: list[str]):
    package = tmp_path / "mine"
    package.mkdir()
    (package / "__init__.py").write_text("import gradwork\n")
    (package / "__main__.py").write_text(TELLS)
    path = os.pathsep.join([str(tmp_path), *sys.path])
    done = subprocess.run(
        [sys.executable, *start],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.strip() == "True", done.stderr


@pytest.mark.parametrize("start", [["-m", "gradwork", "--version"], ["-mgradwork", "--version"]])
def test_the_command_itself_heeds_ctrl_c_from_its_first_import_on(tmp_path: Path, start: list[str]):
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, signal\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'gradwork.errors':\n"
        "            handler = signal.getsignal(signal.SIGINT)\n"
        "            print('early', handler is not signal.default_int_handler, file=sys.stderr)\n"
        "sys.meta_path.insert(0, Finder())\n"
    )
    path = os.pathsep.join([str(tmp_path), *sys.path])
    done = subprocess.run(
        [sys.executable, *start],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "early True" in done.stderr and done.returncode == 0, done.stderr
