"""English: what the check of a derivative says, and what it refuses."""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    "certificate holds": "check ✓ {points} random {points:point|points}, {method}, worst component {worst:.0e}",
    "certificate fails": (
        "check ✗ {points} random {points:point|points}, {method}, worst component {worst:.0e} at {where}"
    ),
    "certificate not made": "check — not made: {why}",
    "certificate exact": "proof ✓ equal as rational functions: exact modulo the prime 2⁶¹ − 1",
    "certificate line": "wrong is the line  {line}",
    "no point": "no random point was found where everything is finite and well conditioned",
    "line of": "∂f/∂{letter} = {value}",
    "line by rule": "∂f/∂{letter} = {value}  (by the rule “{rule}”)",
    "line of second": "∂²f/∂{letter}² = {value}",
    "structure option": "structure is one of {ways}, not {given}",
    "structure first": "--structure {structure} is for the gradient; leave out --order and --jacobian",
    "no entries": "{name} is {structure}: its entries are no variables of their own; take structure 'free' or 'within'",
    "certify takes": "certify takes what gw.grad, gw.jacobian, gw.hessian or gw.vjp returned",
    "divides by zero": "the formula divides by {what}, which is always 0",
    "divided by zero": "the formula divides by a number that is 0",
    "number too large": "{number} is beyond the largest float64 (1.8e308)",
    "number too small": "{number} is not 0, but below the smallest float64 (5e-324)",
    "order whole": "the order of a derivative is a whole number from 1, not {order}",
    "order too high": "derivatives of order {order} are more than Gradwork takes; the highest is {most}",
    "gradient wrong": (
        "the gradient does not fit the loss: near the start the loss has the slope {measured:.6g} along a random "
        "direction, and the gradient says {claimed:.6g}; nothing is learned with it; please report the formula"
    ),
    "gradient wrong line": (
        "the gradient does not fit the loss: near the start the loss has the slope {measured:.6g} along a random "
        "direction, and the gradient says {claimed:.6g}; wrong is the line  {line}; please report the formula"
    ),
    "derivative wrong": "the derivative does not pass its check: {certificate}; please report the formula",
    "derivative stopped": "a part of the loss lets no derivative through, as a truncated recurrence does",
    "start not finite": "the loss or its gradient is not finite there",
    "start checked": "gradient checked at the start against a difference of the loss: {evaluations} evaluations",
    "start unchecked": "gradient not checked at the start: {why}",
}
