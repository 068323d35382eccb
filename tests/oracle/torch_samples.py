"""PyTorch's own samples of its operators, tried on Gradwork: value and gradient of each, or what was refused."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

import gradwork as gw
from gradwork.errors import GradworkError
from tests.oracle.torch_names import NAMES


def samples(most: int, only: frozenset[str] = frozenset()) -> Iterator[tuple[str, Any, Any]]:
    """Yield (name, operator, sample) of every operator that has a name here, at most so many of each, spread evenly."""
    import torch
    from torch.testing._internal.common_methods_invocations import op_db

    for op in op_db:
        name = f"{op.name}/{op.variant_test_name}" if op.variant_test_name else op.name
        if name not in NAMES or (only and name not in only):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.manual_seed(0)
            found = list(op.sample_inputs("cpu", torch.float64, requires_grad=op.supports_autograd))
        step = max(len(found) / most, 1)
        for k in range(min(len(found), most)):
            yield name, op, found[int(k * step)]


class Inputs:
    """The tensors of a sample as symbols, with their values."""

    def __init__(self, first_only: bool = False) -> None:
        self.first_only = first_only
        self.values: dict[str, np.ndarray] = {}
        self.tensors: dict[str, Any] = {}

    def translated(self, given: Any) -> Any:
        """Return the arguments with every tensor replaced by an expression."""
        import torch

        if isinstance(given, torch.Tensor):
            if given.dtype != torch.float64 or (self.values and (self.first_only or not given.requires_grad)):
                array = given.numpy(force=True)
                return array if array.ndim else array.item()
            label = f"t{len(self.values)}"
            self.values[label] = given.numpy(force=True).copy()
            self.tensors[label] = given
            return gw.tensor(label, *map(int, given.shape))
        if isinstance(given, (torch.dtype, torch.device, torch.layout, torch.memory_format)):
            return "of PyTorch"
        if isinstance(given, dict):
            return {k: self.translated(v) for k, v in given.items()}
        if isinstance(given, (list, tuple)):
            return (
                type(given)(self.translated(v) for v in given)
                if type(given) in (list, tuple)
                else [*map(self.translated, given)]
            )
        return given


def tried(name: str, op: Any, sample: Any) -> tuple[str, str]:
    """Return ("agrees" | "refused" | "broken" | "wrong", what happened) of one sample."""
    inputs = Inputs(first_only=name == "quantile")  # which quantile is no variable
    try:
        arguments = inputs.translated([sample.input, *sample.args])
        options = inputs.translated(sample.kwargs)
        results = NAMES[name](*arguments, **options)
    except GradworkError as error:
        return "refused", str(error)
    except Exception as error:
        return "broken", f"{type(error).__name__}: {error}"
    results = results if isinstance(results, tuple) else (results,)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = op.op(sample.input, *sample.args, **sample.kwargs)
    except Exception as error:
        return "skipped", f"PyTorch itself: {error}"
    expected = list(expected) if isinstance(expected, (tuple, list)) else [expected]
    for result, theirs in zip(results, expected):
        verdict = compared(gw.constant(result), theirs, inputs)
        if verdict[0] != "agrees":
            return verdict
    return "agrees", ""


def compared(result: Any, theirs: Any, inputs: Inputs) -> tuple[str, str]:
    """Compare one result and its gradients with PyTorch's."""
    import torch

    where = lambda e: {s: inputs.values[s] for s in e.symbols}
    shape = tuple(d.value for d in result.shape)
    if shape != tuple(theirs.shape):
        return "wrong", f"shape {shape}, PyTorch has {tuple(theirs.shape)}"
    try:
        value = np.asarray(result.evaluate(**where(result)))
    except GradworkError as error:
        return "refused", str(error)
    except Exception as error:
        return "broken", f"value: {type(error).__name__}: {error}"
    if value.shape != shape:
        return "wrong", f"a value of shape {value.shape}, promised {shape}"
    if not np.allclose(
        value, theirs.to(torch.float64).numpy(force=True), rtol=1e-8, atol=1e-9, equal_nan=True
    ):
        return "wrong", f"value {value.ravel()[:4]}, PyTorch has {theirs.numpy(force=True).ravel()[:4]}"
    moving = {k: t for k, t in inputs.tensors.items() if t.requires_grad and k in result.symbols}
    if not theirs.requires_grad or not moving or not theirs.dtype.is_floating_point:
        return "agrees", ""
    weights = np.random.default_rng(0).normal(size=shape)
    found = torch.autograd.grad(
        theirs, list(moving.values()), torch.tensor(weights), allow_unused=True, retain_graph=True
    )
    for (label, tensor), g in zip(moving.items(), found):
        wanted = np.zeros(tuple(tensor.shape)) if g is None else g.numpy(force=True)
        try:
            ours = gw.vjp(result, result.symbols[label], gw.constant(weights))
            ours = np.asarray(ours.evaluate(**where(ours)))
        except GradworkError as error:
            return "refused", f"gradient: {error}"
        except Exception as error:
            return "broken", f"gradient: {type(error).__name__}: {error}"
        if ours.shape != wanted.shape or not np.allclose(ours, wanted, rtol=1e-6, atol=1e-7, equal_nan=True):
            return "wrong", f"gradient {ours.ravel()[:4]}, PyTorch has {wanted.ravel()[:4]}"
    return "agrees", ""


def main() -> None:
    """Try everything, and tell what happened."""
    import collections
    import sys
    import time

    most = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    only = frozenset(sys.argv[2:])
    count: collections.Counter = collections.Counter()
    told: dict = {}
    start = time.time()
    for name, op, sample in samples(most, only):
        verdict, why = tried(name, op, sample)
        count[verdict] += 1
        told.setdefault((verdict, name), []).append(why)
    for (verdict, name), reasons in sorted(told.items()):
        if verdict != "agrees":
            print(
                verdict, name, len(reasons), "|", collections.Counter(r[:150] for r in reasons).most_common(3)
            )
    print(dict(count), f"{time.time() - start:.0f} s")


if __name__ == "__main__":
    main()
