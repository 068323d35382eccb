"""An oracle that nobody here wrote: PyTorch's own samples of its operators, values and gradients of each."""

from __future__ import annotations

import collections

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest")  # PyTorch's list of samples needs it

from tests.oracle.torch_samples import samples, tried  # noqa: E402

# Of 2,342 samples (at most 60 of an operator) 1,308 were refused before the operations of today; those left ask for
# what Gradwork does not have: ranks cut off, dropout, one triangle, negative padding, another type of number.
REFUSED = 60


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_samples_agree_or_are_refused_in_a_line():
    count: collections.Counter = collections.Counter()
    wrong = []
    for name, op, sample in samples(60):
        verdict, why = tried(name, op, sample)
        count[verdict] += 1
        if verdict in ("wrong", "broken"):
            wrong.append(f"{name}: {why}")
    assert not wrong, "\n".join(wrong[:20])
    assert count["agrees"] > 2200
    assert count["refused"] <= REFUSED, count


QUICK = frozenset(
    "logaddexp matmul linalg.det linalg.inv diag diagonal __getitem__ cumprod sort median einsum var trace tril".split()
)


@pytest.mark.filterwarnings("ignore")
def test_a_few_samples_of_some_operators():
    verdicts = [(name, *tried(name, op, sample)) for name, op, sample in samples(5, QUICK)]
    assert len(verdicts) > 40
    assert not [v for v in verdicts if v[1] in ("wrong", "broken")]
    assert sum(v[1] == "refused" for v in verdicts) == 0, verdicts
