"""A small evaluator of expressions, independent of the code generator, and random expressions to try it on."""

from __future__ import annotations

import random
from fractions import Fraction

import numpy as np

from gradwork.expr import Expr, eye, matrix, scalar, size, vector
from gradwork.expr.node import constant, ones_vector, walk
from gradwork.ops import FUNCTIONS as F
from gradwork.ops.contraction import contract

SIZES = {"n": 3, "m": 4}
_UNARY = {"exp": np.exp, "tanh": np.tanh, "cos": np.cos, "sqrt": np.sqrt, "log": np.log, "inv": np.linalg.inv}


def evaluate(root: Expr, values: dict[str, np.ndarray]) -> np.ndarray:
    """Return the value of an expression, one node after the other."""
    done: dict[Expr, np.ndarray] = {}
    for node in walk(root):
        done[node] = np.asarray(_value(node, [done[a] for a in node.args], values), dtype=float)
    return done[root]


def _value(node: Expr, args: list, values: dict):
    op, params = node.op.name, node.params
    if op == "symbol":
        return values[params[0]]
    if op == "constant":
        return float(params[0])
    if op == "size":
        return params[0].evaluate(SIZES)
    if op == "ones":
        return np.ones(params[0].evaluate(SIZES))
    if op == "eye":
        return np.eye(params[0].evaluate(SIZES))
    if op == "zeros":
        return np.zeros([d.evaluate(SIZES) for d in node.shape])
    if op == "contract":
        labels, out = params
        return np.einsum(*[x for pair in zip(args, map(list, labels)) for x in pair], list(out))
    if op == "add":
        return sum(args) + np.zeros([d.evaluate(SIZES) for d in node.shape])
    if op == "power":
        return args[0] ** args[1]
    if op == "norm":
        return np.sqrt((args[0] ** 2).sum(axis=params[0]))
    return _UNARY[op](args[0])


def symbols() -> dict[str, Expr]:
    """Return one symbol of each kind of shape."""
    shapes = {"A": "nn", "B": "nn", "C": "nm", "D": "nm", "E": "mn", "G": "mm"}
    found = {name: matrix(name, *shape) for name, shape in shapes.items()}
    found["S"] = matrix("S", "n", "n", symmetric=True)
    found |= {name: vector(name, dim) for name, dim in {"a": "n", "b": "n", "u": "m", "v": "m"}.items()}
    return found | {name: scalar(name) for name in ("x", "y")}


SHAPES = "A: n n, B: n n, C: n m, D: n m, E: m n, G: m m, S: n n symmetric, a: n, b: n, u: m, v: m, x: scalar, y: scalar"


def values(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return positive values for the symbols, such that their matrices can be inverted."""
    found = {}
    for name, s in symbols().items():
        shape = [d.evaluate(SIZES) for d in s.shape]
        found[name] = rng.uniform(0.2, 1.0, shape) + (
            2 * np.eye(shape[0]) if len(set(shape)) == 1 < len(shape) else 0
        )
    found["S"] = (found["S"] + found["S"].T) / 2
    return found


class Maker:
    """Random expressions of a given shape."""

    def __init__(self, seed: int):
        self.random = random.Random(seed)
        self.symbols = symbols()

    def array(self, shape: tuple[str, ...], depth: int) -> Expr:
        """Return something of this shape."""
        pick = self.random.random()
        if depth <= 0 or pick < 0.4:
            return self.leaf(shape)
        if pick < 0.65:
            return self.contraction(shape, depth - 1)
        if pick < 0.8:
            terms = [self.array(shape, depth - 1) for _ in range(self.random.choice((2, 2, 3)))]
            total = terms[0]
            for t in terms[1:]:
                total = total - t if self.random.random() < 0.4 else total + t
            return total
        if pick < 0.9:
            x = self.array(shape, depth - 1)
            k = self.random.choice((2, 2, -1, -2, 3, Fraction(1, 2), Fraction(-1, 2)))
            base = F["exp"](x) if self.random.random() < 0.3 else self.symbol(shape)
            return F["power"](base, constant(k))
        if pick < 0.95 and len(shape) == 2 and shape[0] == shape[1]:
            return (
                F["inv"](self.random.choice([self.symbols["S"], self.symbols["A"].T, self.symbols["A"]]))
                if (shape[0] == "n")
                else F["inv"](self.symbols["G"])
            )
        return self.random.choice((F["tanh"], F["cos"]))(self.array(shape, depth - 1))

    def leaf(self, shape: tuple[str, ...]) -> Expr:
        """Return a symbol, ones, the identity, or a number."""
        pick = self.random.random()
        if len(shape) == 1 and pick < 0.2:
            return ones_vector(shape[0])
        if len(shape) == 2 and shape[0] == shape[1] and pick < 0.15:
            return eye(shape[0])
        if not shape and pick < 0.5:
            return self.random.choice(
                (
                    constant(2),
                    constant(-1),
                    constant(Fraction(-3, 2)),
                    size("n"),
                    F["power"](size("m"), -1),
                    constant(0.5),
                )
            )
        return self.symbol(shape)

    def symbol(self, shape: tuple[str, ...]) -> Expr:
        """Return one of the symbols of this shape."""
        return self.random.choice([s for s in self.symbols.values() if tuple(map(str, s.shape)) == shape])

    def contraction(self, shape: tuple[str, ...], depth: int) -> Expr:
        """Return a contraction of one to five operands of this shape."""
        free = list(range(len(shape)))
        dims = list(shape) + [self.random.choice("nm") for _ in range(self.random.choice((0, 1, 1, 2, 3)))]
        operands = []
        for _ in range(self.random.randint(1, 5)):
            labels = (
                [self.random.randrange(len(dims)) for _ in range(self.random.choice((0, 1, 1, 2, 2, 2)))]
                if dims
                else []
            )
            operands.append((self.array(tuple(dims[l] for l in labels), depth), labels))
        used = {l for _, own in operands for l in own}
        operands += [(ones_vector(dims[l]), [l]) for l in free if l not in used]
        self.random.shuffle(operands)
        return contract(operands, free)
