"""No code asks for the name of a model, a family or a loss: what it needs to know, the block says."""

from __future__ import annotations

import re
from pathlib import Path

import gradwork

SRC = Path(gradwork.__file__).parent
ASKS = re.compile(
    r"\b(family|loss_name|model\.name|block\.name|family\.name|chosen_model\.name)\s*(==|!=|in \(|not in \()"
    r"|\.get\((fitted\.)?model\.name|\[(fitted\.)?model\.name\]"
)


def test_no_code_asks_for_the_name_of_a_model() -> None:
    asked = [
        f"{path.relative_to(SRC)}:{i}: {line.strip()}"
        for path in sorted(SRC.rglob("*.py"))
        if "networks" not in path.parts and "nn" not in path.parts
        for i, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if ASKS.search(line)
    ]
    assert not asked, "\n".join(asked)
