"""English: what is wrong with a layer."""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    "unknown activation": "an activation is one of {activations:names} or a function, not {given!r}",
    "input of layer": "it takes {what}, not {shape:shape}",
    "not a whole number from 1": "{what} is a whole number from 1, not {value!r}",
    "share that is dropped lies": "the share that is dropped lies from 0 to below 1, not {share!r}",
    "is positive number which keeps root": "ε is a positive number, which keeps the root from 0, not {epsilon!r}",
    "it takes batch of vectors n": "it takes a batch of vectors, n×d",
    "it takes n d or n": "it takes n×d or n×t×d; put Flatten() before it for {shape:shape}",
    "it takes whole numbers": "it takes whole numbers: put it first, or build the network with integer=True",
    "shape of sample is tuple": "the shape of a sample is a tuple such as ({shape!s},), not {shape!r}",
    "sample has at least one axis": "a sample has at least one axis; a column of numbers is of shape (1,)",
    "its mask is expression of shape": "its mask is an expression of shape {shape:shape}, not {given}",
    "cell is one": "a cell is one of {cells:names}, not {kind!r}",
    "it takes batch of sequences n": "it takes a batch of sequences, n×T×d",
    "Sequential needs at least one layer": "Sequential needs at least one layer",
    "parameter needs sizes that are known": "the parameter {letter} needs sizes that are known, not {named:names}",
    "Sequential takes layers such as Dense": "Sequential takes layers such as Dense(8), not {x!r}",
    "what came in has shape": "{error} (what came in has shape {shape:shape})",
    "orthogonal start needs matrix not shape": "an orthogonal start needs a matrix, not shape {shape!s}",
    "start is value or one": "a start is a value or one of {value:names}, not {start!r}",
    "there is no in this trace": "there is no {name!r} in this trace; it holds {q_name:names}",
    "trace needs value": "a trace needs a value for {missing}",
    "traced value not finite": "{name} is {value} for {step}sample {rest}{unit}: {name} = {given}",
}
