"""Programs: expressions as source text, and that text as a function."""

from gradwork.expr.node import METHODS
from gradwork.run.program import Program, code, evaluate, function
from gradwork.run.xla import compile

METHODS.update(evaluate=evaluate, code=code)

__all__ = ["Program", "code", "compile", "evaluate", "function"]
