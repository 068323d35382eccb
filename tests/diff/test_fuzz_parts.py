"""Formulas made of parts: slices, placed parts, concatenations, positions, windows and shared quantities.

Held against a tape that knows nothing of expressions, and against PyTorch where it is installed: first
derivatives, and Hessian-vector products.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradwork as gw
from tests.diff.tape import Taped, TapeOps, grads


class ExprOps:
    """The operations of the fuzz as Gradwork has them."""

    add = staticmethod(lambda a, b: a + b)
    mul = staticmethod(lambda a, b: a * b)
    over = staticmethod(lambda a, b: a / (2 + b**2))
    scale = staticmethod(lambda a, k: k * a)
    shift = staticmethod(lambda a, k: a + k)
    exp = staticmethod(lambda a: gw.exp(a / 4))
    tanh = staticmethod(gw.tanh)
    sin = staticmethod(gw.sin)
    square = staticmethod(lambda a: a**2)
    part = staticmethod(lambda a, index: a[index])
    take = staticmethod(lambda a, positions, axis: gw.gather(a, list(positions), axis=axis))
    concatenate = staticmethod(lambda parts, axis: gw.concatenate(parts, axis=axis))
    stack = staticmethod(lambda parts, axis: gw.stack(parts, axis=axis))
    reshape = staticmethod(lambda a, shape: gw.reshape(a, shape))
    transpose = staticmethod(lambda a: a.T)
    window = staticmethod(lambda a, size, stride, dilation: gw.window(a, size, 0, stride, dilation))
    pad = staticmethod(lambda a, before, after: gw.pad(a, [(before, after)], axis=0))
    flip = staticmethod(lambda a, axis: gw.flip(a, axis))
    cumsum = staticmethod(lambda a, axis: gw.cumsum(a, axis=axis))
    total = staticmethod(lambda a, axis=None: gw.sum(a, axis=axis))
    matmul = staticmethod(lambda a, b: a @ b)

    def scatter(self, a, positions, axis, size):
        """Zeros with a added at positions: the derivative of a gather."""
        from gradwork.expr.dims import Dim
        from gradwork.expr.node import constant, make
        from gradwork.ops.indexing import SCATTER

        return make(SCATTER, (a, constant(np.asarray(positions))), (axis, Dim.of(size)))


class Program:
    """A random formula as a list of instructions, which any set of operations can run."""

    LEAVES = (("x", (6,)), ("y", (6,)), ("X", (4, 3)), ("s", ()))

    def __init__(self, seed: int, length: int = 14):
        self.rng = np.random.default_rng(seed)
        self.steps: list[tuple[str, tuple[int, ...], tuple]] = []
        self.shapes = [shape for _, shape in self.LEAVES]
        while len(self.steps) < length:
            self._grow()
        used = {i for _, args, _ in self.steps for i in args}
        self.ends = [i for i in range(len(self.shapes)) if i not in used or self.rng.random() < 0.15]

    def _add(self, name: str, args: tuple[int, ...], *options: Any) -> None:
        found = self._run(name, [Taped(np.ones(self.shapes[i])) for i in args], options, TapeOps())
        if found.value.size <= 60 and found.value.ndim <= 3:
            self.steps.append((name, args, options))
            self.shapes.append(found.shape)

    def _pick(self, rank: tuple[int, ...] = (1, 2, 3), shape: Any = None) -> int | None:
        # Later quantities more often, and earlier ones again and again: parts are shared.
        fit = [i for i, s in enumerate(self.shapes) if len(s) in rank and (shape is None or s == shape)]
        return int(self.rng.choice(fit)) if fit else None

    def _grow(self) -> None:
        rng, pick = self.rng, self._pick
        name = str(rng.choice([
            "add", "add", "mul", "mul", "over", "scale", "shift", "exp", "tanh", "sin", "square",
            "halves", "halves", "part", "part", "part", "take", "scatter", "concatenate", "concatenate", "concatenate",
            "stack", "reshape", "transpose", "window", "pad", "flip", "cumsum", "total", "matmul", "number", "one",
        ]))  # fmt: skip
        a = pick((2,) if name in ("transpose", "matmul") else (1, 2, 3))
        shape = self.shapes[a] if a is not None else ()
        if a is None:
            return
        axis = int(rng.integers(len(shape)))
        size = shape[axis]
        if name in ("add", "mul", "over"):
            b = pick((0,)) if rng.random() < 0.2 else pick(shape=shape)
            self._add(name, (a, b if b is not None else a))
        elif name in ("exp", "tanh", "sin", "square"):
            self._add(name, (a,))
        elif name in ("scale", "shift"):
            self._add(name, (a,), float(rng.choice([-2, -1, 0.5, 3])))
        elif name == "halves" and size >= 2:
            cut = int(rng.integers(1, size))
            before = (slice(None),) * axis
            self._add("part", (a,), (*before, slice(0, cut)))
            self._add("part", (a,), (*before, slice(cut, size)))
        elif name == "part":
            self._add("part", (a,), (slice(None),) * axis + (self._slice(size),))
        elif name == "number":
            self._add("part", (a,), (slice(None),) * axis + (int(rng.integers(size)),))
        elif name == "take":
            self._add(name, (a,), tuple(int(i) for i in rng.integers(0, size, int(rng.integers(1, 7)))), axis)
        elif name == "scatter":
            self._add(name, (a,), tuple(int(i) for i in rng.integers(0, 5, size)), axis, 5)
        elif name == "concatenate":
            rest = shape[:axis] + shape[axis + 1 :]
            fit = [
                i
                for i, s in enumerate(self.shapes)
                if len(s) == len(shape) and s[:axis] + s[axis + 1 :] == rest
            ]
            self._add(name, tuple(int(i) for i in rng.choice(fit, int(rng.integers(1, 4)))), axis)
        elif name == "stack":
            fit = [i for i, s in enumerate(self.shapes) if s == shape]
            self._add(name, tuple(int(i) for i in rng.choice(fit, int(rng.integers(1, 3)))), axis)
        elif name == "reshape":
            count = int(np.prod(shape))
            k = int(rng.choice([d for d in range(1, count + 1) if count % d == 0]))
            self._add(name, (a,), (k, count // k) if rng.random() < 0.7 else (count,))
        elif name == "window" and shape[0] >= 2:
            width = int(rng.integers(1, min(3, shape[0]) + 1))
            dilation = int(rng.integers(1, 3))
            if dilation * (width - 1) < shape[0]:
                self._add(name, (a,), width, int(rng.integers(1, 3)), dilation)
        elif name == "pad":
            self._add(name, (a,), int(rng.integers(0, 3)), int(rng.integers(0, 3)))
        elif name in ("flip", "cumsum"):
            self._add(name, (a,), axis)
        elif name == "total" and len(shape) > 1:
            self._add(name, (a,), axis)
        elif name == "transpose":
            self._add(name, (a,))
        elif name == "matmul":
            fit = [i for i, s in enumerate(self.shapes) if len(s) in (1, 2) and s[0] == shape[1]]
            if fit:
                self._add(name, (a, int(rng.choice(fit))))

    def _slice(self, size: int) -> slice:
        start, stop = sorted(int(i) for i in self.rng.integers(0, size + 1, 2))
        if start == stop:
            return slice(0, size)
        step = int(self.rng.choice([1, 1, 1, 2, -1]))
        if step < 0:
            return slice(None, None, -1)
        return slice(start, stop, step)

    @staticmethod
    def _run(name: str, args: list, options: tuple, ops: Any) -> Any:
        if name in ("concatenate", "stack"):
            return getattr(ops, name)(args, *options)
        return getattr(ops, name)(*args, *options)

    def run(self, leaves: list, ops: Any) -> Any:
        """Return the scalar that the formula gives with these operations."""
        known = list(leaves)
        for name, args, options in self.steps:
            known.append(self._run(name, [known[i] for i in args], options, ops))
        parts = [ops.sin(known[i]) if k % 2 else known[i] for k, i in enumerate(self.ends)]
        total = None
        for part, i in zip(parts, self.ends):
            one = part if not self.shapes[i] else ops.total(part)
            total = one if total is None else ops.add(total, one)
        return total

    def point(self) -> list[np.ndarray]:
        """Return values of the leaves."""
        rng = np.random.default_rng(1)
        return [rng.normal(size=shape) for _, shape in self.LEAVES]


def close(ours: Any, theirs: Any, what: str) -> None:
    top = 1 + max(float(np.max(np.abs(t), initial=0)) for t in theirs)
    for (label, _), a, b in zip(Program.LEAVES, ours, theirs, strict=True):
        assert np.allclose(a, b, rtol=1e-9, atol=1e-10 * top), f"{what} by {label}: {a} is not {b}"


def compare(seed: int) -> None:
    program = Program(seed)
    symbols = [gw.symbol(label, shape) for label, shape in program.LEAVES]
    point = program.point()
    directions = [np.random.default_rng(2).normal(size=p.shape) for p in point]
    f = gw.expr.constant(program.run(symbols, ExprOps()))
    values = dict(zip((label for label, _ in program.LEAVES), point))
    known = [s for s in symbols if s.params[0] in f.symbols]
    if not known:
        return
    leaves = [Taped(p) for p in point]
    loss = program.run(leaves, TapeOps())
    given = {k: v for k, v in values.items() if k in f.symbols}
    assert np.isclose(float(f.evaluate(**given)), float(loss.value), rtol=1e-10)
    expected = grads(loss, leaves)
    by_label = {s.params[0]: g for s, g in zip(known, gw.grad(f, known))}
    found = [
        by_label[s.params[0]].evaluate(**given) if s in known else np.zeros(s.shape and p.shape)
        for s, p in zip(symbols, point)
    ]
    close(found, expected, f"seed {seed}: gradient")

    step = 1e-30
    moved = [Taped(p + 1j * step * d) for p, d in zip(point, directions)]
    second = [np.imag(g) / step for g in grads(program.run(moved, TapeOps()), moved)]
    tangents = {s.params[0]: gw.symbol(f"d{s.params[0]}", s.shape) for s in known}
    products = gw.hvp(f, known, [tangents[s.params[0]] for s in known])
    given |= {f"d{s.params[0]}": d for s, d in zip(symbols, directions) if s.params[0] in tangents}
    by_label = {s.params[0]: h for s, h in zip(known, products)}
    found = [
        by_label[s.params[0]].evaluate(
            **{k: v for k, v in given.items() if k in by_label[s.params[0]].symbols}
        )
        if s in known
        else np.zeros(p.shape)
        for s, p in zip(symbols, point)
    ]
    close(found, second, f"seed {seed}: Hessian-vector product")


@pytest.mark.parametrize("block", range(4))
def test_parts_against_a_tape(block):
    for seed in range(block * 25, block * 25 + 25):
        compare(seed)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(20))
def test_many_parts_against_a_tape(block):
    for seed in range(1000 + block * 50, 1050 + block * 50):
        compare(seed)


class TorchOps(ExprOps):
    """The operations of the fuzz as PyTorch has them."""

    def __init__(self, torch: Any):
        self.torch = torch
        self.exp = lambda a: torch.exp(a / 4)
        self.tanh, self.sin = torch.tanh, torch.sin
        self.take = lambda a, positions, axis: torch.index_select(a, axis, torch.tensor(positions))
        self.concatenate = lambda parts, axis: torch.cat(parts, axis)
        self.stack = lambda parts, axis: torch.stack(parts, axis)
        self.reshape = lambda a, shape: a.reshape(shape)
        self.transpose = lambda a: a.permute(*range(a.ndim)[::-1])
        self.flip = lambda a, axis: torch.flip(a, (axis,))
        self.cumsum = lambda a, axis: torch.cumsum(a, axis)
        self.total = lambda a, axis=None: torch.sum(a) if axis is None else torch.sum(a, axis)

    def part(self, a, index):
        """A part; PyTorch takes no negative steps."""
        index = index if isinstance(index, tuple) else (index,)
        for axis, item in enumerate(index):
            if isinstance(item, slice) and item.step == -1:
                return self.torch.flip(a, (axis,))
        return a[index]

    def scatter(self, a, positions, axis, size):
        """Zeros with a added at positions."""
        zeros = self.torch.zeros((*a.shape[:axis], size, *a.shape[axis + 1 :]), dtype=a.dtype)
        return zeros.index_add(axis, self.torch.tensor(positions), a)

    def window(self, a, size, stride, dilation):
        """Every window along the first axis."""
        count = (a.shape[0] - dilation * (size - 1) - 1) // stride + 1
        return self.torch.stack(
            [a[i * stride : i * stride + dilation * (size - 1) + 1 : dilation] for i in range(count)]
        )

    def pad(self, a, before, after):
        """Zeros before and after along the first axis."""
        ends = [self.torch.zeros((k, *a.shape[1:]), dtype=a.dtype) for k in (before, after)]
        return self.torch.cat([ends[0], a, ends[1]])


def test_parts_against_pytorch():
    torch = pytest.importorskip("torch")
    for seed in range(500, 540):
        program = Program(seed)
        symbols = [gw.symbol(label, shape) for label, shape in program.LEAVES]
        f = gw.expr.constant(program.run(symbols, ExprOps()))
        known = [k for k, s in enumerate(symbols) if s.params[0] in f.symbols]
        leaves = [torch.tensor(p, requires_grad=True) for p in program.point()]
        loss = program.run(leaves, TorchOps(torch))
        if not known or not loss.requires_grad:
            continue
        theirs = torch.autograd.grad(loss, leaves, allow_unused=True)
        values = dict(zip((label for label, _ in program.LEAVES), program.point()))
        ours = gw.grad(f, [symbols[k] for k in known])
        for k, g in zip(known, ours):
            own = {name: v for name, v in values.items() if name in f.symbols}
            assert np.allclose(g.evaluate(**own), theirs[k].numpy(), rtol=1e-9, atol=1e-9), (seed, k)


PARTS = [
    ("sum((x[:2]-x[2:])^2/(x[:2]+x[2:]))", "x: 4", "x"),
    ("sum(concatenate(x[:2],x[2:])/(concatenate(x[:2],x[2:]) + 2))", "x: 4", "x"),
    ("sum(X[:2]/(1+X[2:])) + sum(X[2:]/(3+X[:2]))", "X: 4 d", "X"),
]


@pytest.mark.parametrize(("formula", "shapes", "by"), PARTS)
def test_blocks_of_a_vector_used_in_two_named_quantities(formula, shapes, by):
    f = gw.parse(formula, shapes)
    assert gw.certify(gw.grad(f, by)).holds
    assert gw.certify(gw.hessian(f, by), points=3).holds


def test_two_parts_at_one_place_are_added():
    x = gw.vector("x", 4)
    g = gw.grad(gw.parse(*PARTS[0][:2]), x)
    assert np.allclose(g.evaluate(x=[1, 2, 3, 5]), [-1.25, -51 / 49, 0.75, 33 / 49])
    assert str(g).startswith("concatenate(2r₁/r₂ − r₁²/r₂², −2r₁/r₂ − r₁²/r₂²)")


@pytest.mark.parametrize("target", ["numpy", "xla"])
def test_one_part_alone(target):
    v, M = gw.vector("v", "n"), gw.matrix("M", 2, 3)
    ones = np.arange(6.0).reshape(2, 3)
    assert np.array_equal(gw.function(gw.stack([v]), target=target)(v=[1, 2]), [[1, 2]])
    assert np.array_equal(gw.function(gw.concatenate([M], axis=1), target=target)(M=ones), ones)
    g = gw.grad(gw.sum(gw.stack([v]) ** 2), v)
    assert np.array_equal(gw.function(g, target=target)(v=[1, 2]), [2, 4])


def test_one_part_alone_in_pytorch():
    torch = pytest.importorskip("torch")
    v = gw.vector("v", "n")
    space: dict[str, Any] = {}
    exec(gw.stack([v]).code("torch"), space)
    assert space["f"](torch.tensor([1.0, 2.0])).tolist() == [[1, 2]]
