"""English: what is wrong with an expression."""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    "size is whole number or name": "a size is a whole number or a name, not {value!r}",
    "size cannot be divided by 0": "the size {it} cannot be divided by 0",
    "not the name of a size": "{value!r} is not the name of a size; build arithmetic from dims, such as n - k + 1",
    "two different symbols are called": "two different symbols are called {params}: {difference}",
    "expression has no truth value": "an expression has no truth value; use gw.where(condition, a, b), or evaluate it first",
    "name of a symbol": "a symbol's name is letters, digits and underscores, not {name!r}",
    "unknown fact": "unknown fact {unknown!r} about {name}; known are {facts:names}",
    "declared fact needs a square matrix": "{name} is declared {square}, so it must be square, not {sizes:shape}",
    "one-hot needs a vector or matrix": "{name} is declared onehot, so it must be a vector or a matrix, not {sizes:shape}",
    "neither expression nor number": "{value!r} is neither an expression nor a number nor an array of numbers",
    "expression of shape cannot be iterated": "an expression of shape {shape:shape} cannot be iterated over",
    "np function not an operation": "np.{whole} is not an operation of Gradwork; see `gradwork ops`",
    "np argument not taken": "np.{name} of an expression takes no {next}",
    "size below 1": "an axis of {name} has size {dim}; a size is a whole number from 1",
    "axis of has size": "an axis of {name} has size {dim}; a size is a whole number from 0",
}
