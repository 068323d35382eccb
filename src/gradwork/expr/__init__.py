"""Expressions: sizes, nodes, and what an operation is."""

from gradwork.expr.dims import Dim, DimLike, dims, shape_text
from gradwork.expr.node import (
    Derived,
    Expr,
    constant,
    eye,
    matrix,
    scalar,
    size,
    symbol,
    tensor,
    vector,
    zeros,
)
from gradwork.expr.op import REGISTRY, Op

__all__ = [
    "REGISTRY",
    "Derived",
    "Dim",
    "DimLike",
    "Expr",
    "Op",
    "constant",
    "dims",
    "eye",
    "matrix",
    "scalar",
    "shape_text",
    "size",
    "symbol",
    "tensor",
    "vector",
    "zeros",
]
