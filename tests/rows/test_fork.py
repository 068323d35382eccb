"""A child that was forked after a big run of its parent goes on by itself."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SCRIPT = """
import os, warnings
import numpy as np
import gradwork as gw
from gradwork.rows import sums

warnings.simplefilter("ignore")  # Python warns of forking with threads: that is what is tried here
rng = np.random.default_rng(0)
X = rng.normal(size=(120_000, 20))
y = (rng.random(120_000) < 1 / (1 + np.exp(-X[:, 0]))).astype(float)

def run():
    fit = gw.minimize("mean(softplus(X b) - y*(X b))", {"b": np.zeros(20)}, {"X": X, "y": y}, solver="lbfgs")
    return float(fit.loss)

parent = run()
assert sums._pool.cache_info().currsize == 1, "the parent's run used no threads"
child = os.fork()
if child == 0:
    os._exit(0 if abs(run() - parent) < 1e-12 else 3)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_makes_its_own_threads():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "0", done.stderr
