"""An independent reverse mode: a tape over NumPy arrays that knows nothing of expressions. For tests.

Values may be complex: the gradient at x + i h v then holds the Hessian times v in its imaginary part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


class Taped:
    """A value, what it was made of, and how an adjoint goes back to each of those."""

    def __init__(self, value: Any, parents: Sequence[tuple[Taped, Callable]] = ()):
        self.value, self.parents = np.asarray(value), tuple(parents)

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the axes."""
        return self.value.shape

    def __getitem__(self, index: Any) -> Taped:
        def back(g):
            whole = np.zeros(self.shape, g.dtype)
            np.add.at(whole, index, g)
            return whole

        return Taped(self.value[index], [(self, back)])


def grads(loss: Taped, leaves: Sequence[Taped]) -> list[np.ndarray]:
    """Return the gradient of a scalar by each of the leaves."""
    order: list[Taped] = []
    seen: set[int] = set()

    def visit(t: Taped) -> None:
        if id(t) not in seen:
            seen.add(id(t))
            for p, _ in t.parents:
                visit(p)
            order.append(t)

    visit(loss)
    found = {id(loss): np.ones_like(loss.value)}
    for t in reversed(order):
        for parent, back in t.parents if id(t) in found else ():
            part = back(found[id(t)])
            found[id(parent)] = found[id(parent)] + part if id(parent) in found else part
    return [found.get(id(leaf), np.zeros_like(leaf.value)) for leaf in leaves]


def _to_shape(g: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return g if g.shape == shape else np.sum(g).reshape(shape)


class TapeOps:
    """The operations that the fuzz builds from, on the tape."""

    def add(self, a, b):
        """a + b, a scalar with anything."""
        return Taped(
            a.value + b.value,
            [(a, lambda g: _to_shape(g, a.shape)), (b, lambda g: _to_shape(g, b.shape))],
        )

    def mul(self, a, b):
        """a ∘ b, a scalar with anything."""
        return Taped(
            a.value * b.value,
            [(a, lambda g: _to_shape(g * b.value, a.shape)), (b, lambda g: _to_shape(g * a.value, b.shape))],
        )

    def over(self, a, b):
        """a / (2 + b²)."""
        under = 2 + b.value**2
        return Taped(
            a.value / under,
            [
                (a, lambda g: _to_shape(g / under, a.shape)),
                (b, lambda g: _to_shape(-2 * g * a.value * b.value / under**2, b.shape)),
            ],
        )

    def scale(self, a, k):
        """A number times a."""
        return Taped(k * a.value, [(a, lambda g: k * g)])

    def shift(self, a, k):
        """A plus a number."""
        return Taped(a.value + k, [(a, lambda g: g)])

    def exp(self, a):
        """e^(a/4)."""
        y = np.exp(a.value / 4)
        return Taped(y, [(a, lambda g: g * y / 4)])

    def tanh(self, a):
        """The hyperbolic tangent."""
        y = np.tanh(a.value)
        return Taped(y, [(a, lambda g: g * (1 - y**2))])

    def sin(self, a):
        """The sine."""
        return Taped(np.sin(a.value), [(a, lambda g: g * np.cos(a.value))])

    def square(self, a):
        """a∘a."""
        return Taped(a.value**2, [(a, lambda g: 2 * g * a.value)])

    def part(self, a, index):
        """A part of a by integers and slices."""
        return a[index]

    def take(self, a, positions, axis):
        """The entries at positions along an axis."""
        return a[(slice(None),) * axis + (np.asarray(positions),)]

    def scatter(self, a, positions, axis, size):
        """Zeros with a added at positions along an axis."""
        at = (slice(None),) * axis + (np.asarray(positions),)
        value = np.zeros((*a.shape[:axis], size, *a.shape[axis + 1 :]), a.value.dtype)
        np.add.at(value, at, a.value)
        return Taped(value, [(a, lambda g: g[at])])

    def concatenate(self, parts, axis):
        """The parts one after the other."""
        ends = np.cumsum([0, *(p.shape[axis] for p in parts)])
        backs = [
            (p, lambda g, k=k: g[(slice(None),) * axis + (slice(ends[k], ends[k + 1]),)])
            for k, p in enumerate(parts)
        ]
        return Taped(np.concatenate([p.value for p in parts], axis), backs)

    def stack(self, parts, axis):
        """The parts along a new axis."""
        backs = [(p, lambda g, k=k: np.take(g, k, axis)) for k, p in enumerate(parts)]
        return Taped(np.stack([p.value for p in parts], axis), backs)

    def reshape(self, a, shape):
        """The same entries in another shape."""
        return Taped(a.value.reshape(shape), [(a, lambda g: g.reshape(a.shape))])

    def transpose(self, a):
        """The axes in reverse order."""
        return Taped(a.value.T, [(a, lambda g: g.T)])

    def window(self, a, size, stride, dilation):
        """Every window along the first axis."""
        count = (a.shape[0] - dilation * (size - 1) - 1) // stride + 1
        return a[np.arange(count)[:, None] * stride + np.arange(size) * dilation]

    def pad(self, a, before, after):
        """Zeros before and after along the first axis."""
        wide = np.pad(a.value, [(before, after), *[(0, 0)] * (a.value.ndim - 1)])
        return Taped(wide, [(a, lambda g: g[before : before + a.shape[0]])])

    def flip(self, a, axis):
        """The entries in reverse order."""
        return Taped(np.flip(a.value, axis), [(a, lambda g: np.flip(g, axis))])

    def cumsum(self, a, axis):
        """Running sums."""
        return Taped(
            np.cumsum(a.value, axis), [(a, lambda g: np.flip(np.cumsum(np.flip(g, axis), axis), axis))]
        )

    def total(self, a, axis=None):
        """The sum over an axis, or over all."""
        if axis is None:
            return Taped(np.sum(a.value), [(a, lambda g: np.broadcast_to(g, a.shape))])
        return Taped(
            np.sum(a.value, axis), [(a, lambda g: np.broadcast_to(np.expand_dims(g, axis), a.shape))]
        )

    def matmul(self, a, b):
        """The product of two matrices, or of a matrix and a vector."""
        if b.value.ndim == 1:
            return Taped(
                a.value @ b.value, [(a, lambda g: np.outer(g, b.value)), (b, lambda g: a.value.T @ g)]
            )
        return Taped(a.value @ b.value, [(a, lambda g: g @ b.value.T), (b, lambda g: a.value.T @ g)])
