"""The LaTeX that is printed is LaTeX: KaTeX typesets all of it, strictly. Wanted: node, and the npm package katex.

`KATEX` names the folder that holds node_modules; without node or the package the tests are skipped.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

import gradwork as gw
from gradwork.expr.op import REGISTRY
from gradwork.nn import GRU, LSTM, BatchNorm, Dense, Dropout, Embedding, Flatten, SimpleRNN, network
from tests.show.test_forms import CASES

FOLDER = Path(os.environ.get("KATEX", Path(__file__).parents[2]))
SCRIPT = """
const katex = require('katex')
const bad = JSON.parse(require('fs').readFileSync(0)).flatMap(s => {
  try { katex.renderToString(s, {displayMode: true, throwOnError: true, strict: 'error'}); return [] }
  catch (e) { return [String(e)] }
})
console.log(JSON.stringify(bad))
"""

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or not (FOLDER / "node_modules" / "katex").is_dir(),
    reason="KaTeX is not installed: npm install katex",
)


def complaints(texts: list[str]) -> list[str]:
    done = subprocess.run(
        ["node", "-e", SCRIPT],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        cwd=FOLDER,
        check=True,
    )
    return json.loads(done.stdout)


def test_a_wrong_formula_is_seen():
    assert len(complaints([r"\frac{1}{n}", r"x^{1}^{2}", r"\text{xᵖ}"])) == 2


def test_forms_and_laws():
    assert complaints([e.latex() for _, e in CASES] + [op.law for op in REGISTRY.values() if op.law]) == []


@pytest.mark.parametrize(
    ("layers", "shape"),
    [
        ([SimpleRNN(3, states=True), SimpleRNN(2), Dense(1)], ("T", 2)),
        ([LSTM(3), Dense(1)], ("T", 2)),
        ([GRU(3), Dense(1)], ("T", 2)),
        ([Dense(3, "tanh"), BatchNorm(), Dropout(0.5), Dense(1)], (2,)),
        ([Embedding(5, 3), Flatten(), Dense(1)], (4,)),
    ],
    ids=["rnn", "lstm", "gru", "dense", "embedding"],
)
def test_derivations_of_layers(layers, shape):
    net = network(layers, shape)
    derivation = gw.grad(gw.sum(net.training**2), list(net.parameters))[0].derivation
    assert complaints([derivation.latex(), derivation.render("latex", "full")]) == []
