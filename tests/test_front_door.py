"""The front door as an editor sees it: every name with its signature, no other, and no builtin shadowed."""

from __future__ import annotations

import builtins
import json
import re
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


FRONT = ROOT / "src/gradwork/__init__.py"
BLOCK = re.compile(r"(?<=^if TYPE_CHECKING:\n)(    .*\n)+", re.M)


def typed() -> str:
    """Return the imports that tell editors where each name of the front door is defined."""
    found = {name: f"from gradwork import {name} as {name}" for name in gw._PACKAGES}
    for name, function in gw._FUNCTIONS.items():
        found[name] = f"from {function.__module__} import {function.__name__} as {name}"
    for name, constant in gw._CONSTANTS.items():
        home = next(
            m for m in ("elementwise", "reduction") if getattr(gw.ops, m).__dict__.get(name) is constant
        )
        found[name] = f"from gradwork.ops.{home} import {name} as {name}"
    found |= {name: f"from {module} import {name} as {name}" for name, module in gw._LATER.items()}
    return "".join(f"    {line}\n" for line in sorted(found.values()))


def test_editors_see_the_names_that_there_are():
    there = BLOCK.search(FRONT.read_text(encoding="utf-8"))
    assert there is not None and sorted(there[0].split("\n")) == sorted(typed().split("\n")), (
        "run: python -m tests.test_front_door"
    )


def test_a_star_import_shadows_no_builtin():
    space: dict[str, object] = {}
    exec("from gradwork import *", space)
    assert {"mean", "fit", "minimize", "Adam", "grad"} <= space.keys()
    assert not {n for n in space if hasattr(builtins, n)}


if __name__ == "__main__":
    FRONT.write_text(
        BLOCK.sub(lambda _: typed(), FRONT.read_text(encoding="utf-8"), count=1), encoding="utf-8"
    )
