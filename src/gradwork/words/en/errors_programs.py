"""English: what is wrong with a program and its inputs."""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    "function needs at least one expression": "a function needs at least one expression",
    "unknown dtype of program": "dtype is float64 or float32, not {wanted}",
    "function runs on numpy or xla": 'a function runs on "numpy" or "xla", not {target!r}; code({target!r}) gives its text',
    "complex values are for NumPy target": "complex values are for the NumPy target",
    "argument of function is symbol": "an argument of a function is a symbol, not {name}",
    "no such symbol": "there is no symbol {a!r} in this expression ({value})",
    "values are not numbers": "{label} needs numbers, not values of type {dtype}",
    "size not a whole number": "the size {name} is a whole number, not {value!r}",
    "needs numbers not expression": "{label} needs numbers, not an expression; use substitution to put one in",
    "too many arguments": "{count} values were given for {given} arguments: {listed}",
    "argument missing": "no value was given for {missing:and} (symbols: {listed})",
    "size unknown": "no input says how large {absent:and} is; pass {value:names}",
    "rows differ in length": "{label} is not an array of numbers: its rows differ in length",
    "not the integers declared": "{label} is declared integer, but holds other numbers",
    "input of another shape": "{label} has {has}, expected {wanted}",
    "axis does not give a whole size": "axis {axis} of {label} has size {length}, which is not {dim} for a whole {size}{where}",
    "no such argument": "there is no symbol {key!r} here{hint} (symbols: {listed})",
    "input of unexpected shape": "{label} has {has}, expected {shape:shape}{where}",
    "argument given twice": "{key} was given twice, by position and by name",
    "one name, two shapes": "two different symbols are called {params}: of shapes {shape:shape} and {node_shape:shape}",
    "code is written": "code is written for {targets:names}, not {target!r}",
    "operation has no code": "the operation {name} has no code for {title}",
}
