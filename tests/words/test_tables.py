"""Sentences stand in tables: every key that is used exists with its facts, and told text is read by nobody."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import gradwork
from gradwork.words.say import sentences, slots

SRC = Path(gradwork.__file__).parent
ERRORS = {
    "GradworkError",
    "ShapeError",
    "TableError",
    "DerivativeError",
    "FormulaError",
    "FolderError",
    "NotRows",
}
RECORDS = {"Line", "Note", "Caution", "Reason"}
# What Typer says of a command line is told in our words; a derivation's note is LaTeX with formulas between dollars.
OTHERS = {"cli/entry.py", "show/derivation.py"}
TELLING = ("reason", "diagnosis", "sentence", "note", "notes", "message")
READING = (
    "split",
    "partition",
    "rpartition",
    "replace",
    "removeprefix",
    "removesuffix",
    "startswith",
    "endswith",
)


@cache
def trees() -> list[tuple[Path, ast.Module]]:
    files = [p for p in sorted(SRC.rglob("*.py")) if "words" not in p.relative_to(SRC).parts]
    return [(p, ast.parse(p.read_text(encoding="utf-8"))) for p in files]


def told(tree: ast.Module):
    """Calls that name a sentence: say(…), records, errors."""
    ours = {
        a.asname or a.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith(("gradwork.words", "gradwork.errors"))
        for a in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
            name = node.func.id
            if name in ERRORS or (name in ours and (name in RECORDS or name == "say")):
                yield node


def keys_of(node: ast.expr):
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from keys_of(node.body)
        yield from keys_of(node.orelse)


def test_every_key_that_is_used_exists_with_its_facts():
    wrong = []
    for path, tree in trees():
        for call in told(tree):
            given = {k.arg for k in call.keywords}
            for key in keys_of(call.args[0]):
                place = f"{path.relative_to(SRC)}:{call.lineno}"
                if key not in sentences("en"):
                    wrong.append(f"{place}: there is no sentence {key!r}")
                elif None not in given and (lacking := slots(key) - given):
                    wrong.append(f"{place}: {key!r} lacks {sorted(lacking)}")
    assert not wrong, "\n".join(wrong)


def test_every_sentence_is_used():
    used: set[str] = set()
    prefixes = {"within ", "entries "}  # of a structure and a fact
    suffixes: set[str] = set()
    for path in SRC.rglob("*.py"):
        if "words" in path.relative_to(SRC).parts and path.parent.name != "words":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr) and node.values:
                first, last = node.values[0], node.values[-1]
                if isinstance(first, ast.Constant) and len(first.value) > 3:
                    prefixes.add(first.value)
                if isinstance(last, ast.Constant) and len(last.value) > 3:
                    suffixes.add(last.value)
            elif isinstance(node, ast.BinOp) and isinstance(node.left, ast.Constant):
                if isinstance(node.left.value, str) and node.left.value.endswith(" "):
                    prefixes.add(node.left.value)
            elif isinstance(node, ast.BinOp) and isinstance(node.right, ast.Constant):
                if isinstance(node.right.value, str) and len(node.right.value) > 3:
                    suffixes.add(node.right.value)
            elif isinstance(node, ast.BinOp) and isinstance(node.right, ast.IfExp):
                suffixes |= {key for key in keys_of(node.right) if len(key) > 3}
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                used.add(node.value)
    idle = {
        key
        for key in sentences("en").keys() - used
        if not key.startswith(tuple(prefixes)) and not key.endswith(tuple(suffixes))
    }
    assert not idle, sorted(idle)


def test_no_error_is_a_sentence():
    """An error is raised by a key; a text that is made at the call belongs in a table."""
    wrong = []
    for path, tree in trees():
        for call in told(tree):
            first = call.args[0]
            made = isinstance(first, (ast.JoinedStr, ast.BinOp))
            if made and not re.match(r"^f?['\"][\w ,]*\{|^['\"][\w ]+['\"] \+ ", ast.unparse(first)):
                wrong.append(f"{path.relative_to(SRC)}:{call.lineno}: {ast.unparse(first)[:80]}")
    assert not wrong, "\n".join(wrong)


def test_nothing_reads_what_was_told():
    wrong = []
    for path, tree in trees():
        if path.relative_to(SRC).as_posix() in OTHERS:
            continue
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            of = node.func.value
            inner = (
                of.args[0]
                if isinstance(of, ast.Call) and getattr(of.func, "id", "") == "str" and of.args
                else of
            )
            name = inner.attr if isinstance(inner, ast.Attribute) else getattr(inner, "id", "")
            if node.func.attr in READING and name in TELLING:
                wrong.append(f"{path.relative_to(SRC)}:{node.lineno}: {ast.unparse(node)[:80]}")
    assert not wrong, "\n".join(wrong)
