"""How PyTorch spells what differs from NumPy."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from gradwork.expr.dims import Dim
from gradwork.expr.node import Expr
from gradwork.run.targets.jax import JaxWriter
from gradwork.run.targets.numpy import Writer
from gradwork.run.targets.value import Value

_RENAMED = {"np.concatenate": "torch.cat", "np.transpose": "torch.permute", "np.asarray": "torch.tensor"}


class TorchWriter(Writer):
    """Writes PyTorch."""

    target = "torch"
    title = "PyTorch"
    imports = (("itertools.", "import itertools"), ("torch.", "import torch"))

    def translate(self, text: str) -> str:
        """Return NumPy's spelling in PyTorch's words."""
        for theirs, ours in _RENAMED.items():
            text = re.sub(rf"{re.escape(theirs)}\b", ours, text)
        return re.sub(r"(?<![\w.])special\.", "torch.special.", re.sub(r"\bnp\.", "torch.", text))

    def keyword(self, name: str) -> str:
        """Return the name of an option: PyTorch says dim for axis."""
        return {"axis": "dim", "axes": "dims", "axis1": "dim1", "axis2": "dim2", "k": "diagonal"}.get(
            name, name
        )

    @property
    def real_type(self) -> str:
        """The type of new tensors: that of the first argument, so that the text serves every precision."""
        return f"{self.like}.dtype" if self.like else f"torch.{self.dtype}"

    def dtype_option(self) -> dict[str, str]:
        """Return the option that gives new tensors the right type."""
        return {"dtype": self.real_type}

    def operand(self, value: Value) -> Value:
        """Return a value as a tensor: PyTorch's functions take no Python numbers."""
        if not value.python:
            return value
        return Value(f"torch.tensor({self.real(value).signed().text}, dtype={self.real_type})")

    def both_tensors(self, function: str, node: Expr, values: Sequence[Value]) -> Value:
        """Return a function of two tensors."""
        return self.call(function, *values)

    def truth(self, value: Value) -> Value:
        """Return a Python truth value as a tensor: torch.where takes no other condition."""
        return Value(f"torch.tensor({value.text})", boolean=True)

    def array(self, value: Value) -> Value:
        """Return a Python number as a tensor of rank 0; anything else is itself."""
        return self.operand(self.number(value).signed())

    def result(self, value: Value) -> str:
        """Return what the function returns: always a tensor."""
        return self.array(value).signed().text

    def call(self, function: str, *args: Any, **options: Any) -> Value:
        """Return a call; the shapes and sizes among the arguments stay as they are."""
        if function in ("np.eye", "np.tri", "np.zeros", "np.ones"):
            args = tuple(str(a) for a in args)
        return super().call(function, *args, **options)

    def _as_number(self, text: str) -> str:
        return f"{text}.to({self.real_type})"

    def _as_integer(self, value: Value) -> str:
        return f"torch.as_tensor({self.array(value).text}).long()"

    def reducer(self, name: str) -> str:
        """Return the function that takes the extremum over several axes."""
        return f"torch.a{name}"

    def axis_call(self, function: str, node: Expr, value: Value) -> Value:
        """Return a function of axes, which PyTorch wants spelled out."""
        axes = node.params[0]
        return self.call(function, value, axis=axes[0] if len(axes) == 1 else tuple(axes))

    def norm(self, node: Expr, value: Value) -> Value:
        """Return the Euclidean norm over the axes of `node`."""
        return self.call("torch.linalg.vector_norm", value, **self.axis(node.params[0], node.args[0].ndim))

    def flip(self, value: Value, axes: tuple[int, ...]) -> Value:
        """Return a tensor with axes reversed."""
        return self.call("torch.flip", value, axes)

    def index(self, value: Value, spec: tuple) -> Value:
        """Return a part of a tensor; PyTorch has no negative steps, so those slices are flipped."""
        backwards = [k for k, item in enumerate(spec) if item[0] == "from" and item[3] < 0]
        if not backwards:
            return super().index(value, spec)
        forward = list(spec)
        for k in backwards:
            _, start, _, step, count = spec[k]
            forward[k] = ("from", start + (count - 1) * step, start + 1, -step, count)
        kept = [k for k, item in enumerate(spec) if item[0] == "from"]
        return self.flip(super().index(value, tuple(forward)), tuple(kept.index(k) for k in backwards))

    def torch_take(self, node: Expr, values: Sequence[Value]) -> Value:
        """Return the entries at positions along an axis."""
        positions = self.integers(values[1], node.args[1])
        before = ":, " * node.params[0]
        return Value(f"{self.array(values[0]).atom}[{before}{positions.signed().text}]")

    def tril(self, dim: Dim) -> Value:
        """Return ones below the diagonal and one half on it."""
        size = self.size(dim).text
        ones = f"torch.tril(torch.ones({size}, {size}, dtype={self.real_type}))"
        return Value(f"{ones} - {self.eye(dim).text} / 2", 1)

    sums_of_products = JaxWriter.sums_of_products

    def _filled(self, value: Value, shape: str) -> Value:
        if value.python:
            text = f"torch.full({shape}, {self.real(value).signed().text}, dtype={self.real_type})"
            return replace(value, text=text, python=False)
        return self.call("torch.broadcast_to", value, shape)

    def literal_array(self, array: Any) -> str:
        """Return an array written out. Constants stand above the function: no argument gives them its type."""
        whole = array.dtype.kind in "iu"
        if not array.size:
            return f"torch.zeros({array.shape}, dtype={'torch.int64' if whole else f'torch.{self.dtype}'})"
        option = "" if whole else f", dtype=torch.{self.dtype}"
        return f"torch.tensor({array.tolist()}{option})"
