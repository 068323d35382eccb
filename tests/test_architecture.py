"""What must hold of the code as a whole: imports flow downward, and everything public is said and tried."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import gradwork

SRC = Path(gradwork.__file__).parent
# A package may import from those above it in this list, and from its own.
LAYERS = [
    "words", "errors", "interrupt", "expr", "ops", "formula", "rewrite", "diff", "show", "run", "check", "data", "stats",
    "rows", "families", "learn", "inference", "nn", "store", "models", "report", "sklearn", "scale", "lab", "cli",
]  # fmt: skip


# Arrows that still point upward; each goes with the part of the house that mends it.
UPWARD: set[tuple[str, str]] = set()


def modules():
    return sorted(p for p in SRC.rglob("*.py"))


def layer(path: Path) -> str:
    return path.relative_to(SRC).parts[0].removesuffix(".py")


def at_import(tree: ast.Module):
    """The imports that run when the module is imported: those inside functions and TYPE_CHECKING wait."""
    stack: list[ast.AST] = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            stack.extend(ast.iter_child_nodes(node))


def test_imports_flow_downward():
    wrong = []
    for path in modules():
        own = layer(path)
        if own in ("__init__", "__main__"):
            continue
        assert own in LAYERS, f"{own} has no place in the order of packages"
        for node in at_import(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            for name in names:
                parts = name.split(".")
                above = (
                    parts[0] == "gradwork" and len(parts) > 1 and LAYERS.index(parts[1]) > LAYERS.index(own)
                )
                if above and (path.relative_to(SRC).as_posix(), name) not in UPWARD:
                    wrong.append(f"{path.relative_to(SRC)} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_files_stay_small():
    long = [f"{p.relative_to(SRC)}: {n}" for p in modules() if (n := len(p.read_text().splitlines())) > 600]
    assert not long, long


def public_objects():
    for name in gradwork.__all__:
        yield name, getattr(gradwork, name)


def test_everything_public_is_documented():
    silent = [name for name, thing in public_objects() if callable(thing) and not inspect.getdoc(thing)]
    assert not silent, silent


def test_no_module_is_silent_about_its_purpose():
    silent = [str(p.relative_to(SRC)) for p in modules() if not ast.get_docstring(ast.parse(p.read_text()))]
    assert not silent, silent


def all_modules():
    return [
        m.name
        for m in pkgutil.walk_packages(gradwork.__path__, "gradwork.")
        if not m.name.endswith(("__main__", ".demo"))
    ]


@pytest.mark.parametrize("name", ["gradwork", *all_modules()])
def test_examples_in_docstrings(name):
    module = importlib.import_module(name)
    result = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert result.failed == 0


def test_no_eval_and_no_execution_of_data():
    """`exec` runs only what Gradwork itself generated (run/); nothing evaluates text that a person gave."""
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id != "eval", path
                if node.func.id in ("exec", "__import__"):
                    assert layer(path) == "run", path
                if node.func.id == "open":
                    continue
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                names = [a.name for a in node.names] + [getattr(node, "module", "") or ""]
                assert not {"pickle", "marshal", "shelve", "dill", "joblib"} & {
                    n.split(".")[0] for n in names
                }, path


def test_import_is_light():
    code = "import gradwork, sys; print([m for m in ('jax', 'scipy', 'pyarrow', 'matplotlib') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
