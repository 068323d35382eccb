"""The front door as an editor sees it: every name with its signature, no other, and no builtin shadowed."""

from __future__ import annotations

import ast
import builtins
import json
import subprocess
import sys
from pathlib import Path

import gradwork as gw

ROOT = Path(__file__).parents[1]
USES = """
import gradwork as gw
x = gw.vector("x", "n")
reveal_type(gw.mean)
reveal_type(gw.fit)
reveal_type(gw.minimize)
reveal_type(gw.Adam)
reveal_type(x + x)
gw.nonsense
gw.minimize(gw.sum(x), {x: None}, solvr="gd")
gw.fit({}, "y", epochs="many")
"""


def test_pyright_knows_the_front_door(tmp_path: Path):
    (tmp_path / "uses.py").write_text(USES)
    config = {
        "include": ["uses.py"],
        "extraPaths": [str(ROOT / "src")],
        "reportAttributeAccessIssue": "error",
    }
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(config))
    command = [
        sys.executable,
        "-m",
        "pyright",
        "--outputjson",
        "-p",
        str(tmp_path),
        "--pythonpath",
        sys.executable,
    ]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300)
    found = json.loads(ran.stdout)["generalDiagnostics"]
    said = {d["range"]["start"]["line"]: d["message"] for d in found}
    assert "axis" in said[3] and "Fitting" in said[4] and "Minimizing" in said[5] and "beta_1" in said[6]
    assert "Expr" in said[7] and "nonsense" in said[8] and "solvr" in said[9] and "epochs" in said[10]
    assert sum(d["severity"] == "error" for d in found) == 3


def test_editors_see_the_names_that_there_are():
    tree = ast.parse((ROOT / "src/gradwork/__init__.py").read_text(encoding="utf-8"))
    block = [n for n in tree.body if isinstance(n, ast.If) and getattr(n.test, "id", "") == "TYPE_CHECKING"][
        -1
    ]
    typed = {alias.asname for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    later = {*gw._LATER, *gw._PACKAGES, *gw._FUNCTIONS, *gw._CONSTANTS}
    assert typed == later, (sorted(typed - later), sorted(later - typed))


def test_a_star_import_shadows_no_builtin():
    space: dict[str, object] = {}
    exec("from gradwork import *", space)
    assert {"mean", "fit", "minimize", "Adam", "grad"} <= space.keys()
    assert not {n for n in space if hasattr(builtins, n)}
