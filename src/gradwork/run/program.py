"""Programs: the source text of an expression together with the function that it defines.

A program's `source` is exactly the text that runs: it is compiled as it stands, under a file name that
tracebacks can show, in a namespace that holds nothing but what the text itself imports.
"""

from __future__ import annotations

import copy
import itertools
import linecache
import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from gradwork.errors import GradworkError
from gradwork.expr.facts import check_names
from gradwork.expr.node import SYMBOL, Derived, Expr, constant, plain, walk
from gradwork.rewrite import prepare
from gradwork.run.complexsafe import complex_safe
from gradwork.run.emit import give_what_is_used
from gradwork.run.pool_first import pool_first, sums_before_unpooling
from gradwork.run.products.lower import lower
from gradwork.run.signature import Argument, convert
from gradwork.run.slide import slide
from gradwork.run.source import Source, compose
from gradwork.run.targets.named import writer_for

_counter = itertools.count(1)
_DTYPES = ("float64", "float32")


def execute(source: Source, kind: str) -> dict[str, Any]:
    """Run the text of a source, and return the namespace with the function in it."""
    text, names = complex_safe(source.text) if kind == "complex" else (source.text, {})
    filename = f"<gradwork {kind} {next(_counter)}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    namespace: dict[str, Any] = {"__name__": "gradwork.generated", **source.constants, **names}
    exec(compile_text(text, filename, "exec"), namespace)
    return namespace


compile_text = compile  # Python's own; this package has a `compile` of its own


class Program:
    """A function of NumPy arrays, and the text that it runs.

    source:  the text.
    target:  "numpy", or the compiler that runs the text.
    arguments: the names of the arguments in order, with the sizes that only a keyword can give last.
    """

    def __init__(self, source: Source, target: str, dtype: str, single: bool):
        self._source, self.target, self.dtype, self.single = source, target, dtype, single
        self._dtype = np.dtype(dtype)
        self._function: Callable | None = None
        self._complex: Callable | None = None
        self._accepting: dict[tuple[int, ...], Program] = {}

    @property
    def source(self) -> str:
        """The text that runs."""
        return self._source.text

    @property
    def symbols(self) -> tuple[str, ...]:
        """The names of the symbols, in the order of the positional arguments."""
        return tuple(a.label for a in self._source.signature.arguments)

    @property
    def arguments(self) -> tuple[str, ...]:
        """The names of the arguments in order; sizes that no input fixes follow, as keywords."""
        return (*self.symbols, *self._source.signature.free)

    @property
    def sizes(self) -> tuple[str, ...]:
        """The names of the sizes that no argument fixes: they are passed as keywords."""
        return self._source.signature.free

    def __repr__(self) -> str:
        return f"<Program {self._source.name}({', '.join(self.arguments)}) on {self.target}>"

    def __call__(self, /, *args: Any, **values: Any) -> Any:
        """Return the value for inputs given by position or by name.

        Inputs are converted to `dtype`; scalars come back as Python floats, everything else as arrays. The
        value of an expression outside its domain is nan or inf, without a warning: log(−1) is nan here as it
        is in the middle of a descent, and whoever asked can look.
        """
        inputs, keywords = self._inputs(args, values, self._dtype)
        function = self._function
        if function is None:
            function = self._function = self._prepare()
        return self._finish(self._run(function, inputs, keywords), inputs)

    def complex(self, /, *args: Any, **values: Any) -> Any:
        """Return the value for complex inputs, by the same text: what a complex step needs.

        Every function that NumPy or SciPy defines for real numbers only is replaced by its analytic
        continuation; operations that have none (`abs`, `max`) are as NumPy has them.
        """
        if self.target != "numpy":
            raise GradworkError("complex values are for NumPy target")
        inputs, keywords = self._inputs(args, values, np.dtype(np.complex128))
        function = self._complex
        if function is None:
            function = self._complex = execute(self._source, "complex")[self._source.name]
        with np.errstate(all="ignore"):
            result = function(*inputs, **keywords)
        return complex(result) if self.single and np.ndim(result) == 0 else result

    def of_derived(self, expr: Derived) -> Program:
        """Return this program with the symbols of what `expr` came from accepted: they fix sizes only."""
        found = self._accepting.get(expr.source_key)
        if found is None:
            source = _accepting(self._source, expr.origin)
            if source is self._source:
                found = self
            else:
                if self._function is None:
                    self._function = self._prepare()
                found = copy.copy(self)
                found._source = source
            self._accepting[expr.source_key] = found
        return found

    def plan(self) -> str:
        """Return the products of the program, one a line, with the estimated cost of each.

        The unit is one array component read or written; sizes that are not known are estimated.
        """
        if not self._source.steps:
            return "no products to order"
        width = max(len(text) for text, _ in self._source.steps)
        return "\n".join(f"{text:<{width}}  {_count(cost)}" for text, cost in self._source.steps)

    def _inputs(self, args: tuple, values: Mapping[str, Any], dtype: np.dtype) -> tuple[list, dict[str, int]]:
        own = self._source.signature
        signature = own.given(args, values)
        given, sizes = signature.bind(args, values)
        arrays = [self._convert(a, v, dtype) for a, v in zip(signature.arguments, given)]
        known = signature.check(arrays, sizes)
        return arrays[: len(own.arguments)], {s: known[s] for s in own.free}

    def _convert(self, argument: Argument, value: Any, dtype: np.dtype) -> Any:
        return convert(argument, value, dtype)

    def _prepare(self) -> Callable:
        return execute(self._source, self.target)[self._source.name]

    def _run(self, function: Callable, inputs: list, keywords: dict[str, int]) -> Any:
        try:
            with np.errstate(all="ignore"):
                return function(*inputs, **keywords)
        except ZeroDivisionError:  # of Python's own numbers; arrays give nan and inf
            if not any(0 in np.shape(x) for x in inputs) and 0 not in keywords.values():
                raise GradworkError("divided by zero") from None
            raise GradworkError(self._empty("it is divided by")) from None
        except ValueError as error:
            if "zero-size array to reduction" not in str(error):
                raise
            raise GradworkError(self._empty("the largest or smallest of no entries is asked for")) from None

    def _empty(self, what: str) -> str:
        """Say that an axis has no entries."""
        axes = {str(d) for a in self._source.signature.arguments for d in a.shape if d.value is None}
        return f"an input has no entries along an axis ({', '.join(sorted(axes)) or 'size 0'}), and {what}; give some"

    def _finish(self, result: Any, inputs: list) -> Any:
        if self.single:
            return self._output(result, inputs)
        return tuple(self._output(r, inputs) for r in result)

    def _output(self, value: Any, inputs: list) -> Any:
        if type(value) is np.float64:
            return float(value)
        array = np.asarray(value)
        if array.ndim == 0:
            return float(array)
        if array.dtype != self._dtype:
            return array.astype(self._dtype)
        # f(X) = X.T must not hand out a view of what the caller passed in.
        if array.base is not None or any(array is x for x in inputs):
            if not array.flags.writeable or any(np.may_share_memory(array, x) for x in inputs):
                return array.copy()
        return array


def _count(cost: float) -> str:
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if cost >= limit:
            return f"{cost / limit:.3g} {unit}"
    return f"{cost:.3g}"


def build(
    exprs: Any,
    target: str,
    dtype: Any,
    arguments: Iterable[Any],
    sizes: Mapping[str, int] | None,
    name: str = "f",
) -> tuple[Source, str, bool]:
    """Return the source of one expression or several, the type of number, and whether it is one."""
    single = isinstance(exprs, Expr) or not isinstance(exprs, (list, tuple))
    outputs = [constant(e) for e in ([exprs] if single else exprs)]
    if not outputs:
        raise GradworkError("function needs at least one expression")
    check_names(*outputs)
    known = {s.params[0]: s for s in walk(*outputs) if s.op is SYMBOL}
    origin = _origin([exprs] if single else exprs)
    chosen = []
    for a in arguments:
        if not isinstance(a, Expr):
            if a not in known and a not in origin:
                raise GradworkError("no such symbol", a=a, value=", ".join(known) or "none")
            a = known[a] if a in known else origin[a]
        if plain(a).op.name != "symbol":
            raise GradworkError("argument of function is symbol", name=a.op.name)
        chosen.append(plain(a))
    wanted = np.dtype("float64" if dtype is None else dtype).name
    if wanted not in _DTYPES:
        raise GradworkError("unknown dtype of program", wanted=wanted)
    # Every symbol of the expression stays an argument, also one that preparation cancels.
    chosen += [s for s in known.values() if s not in chosen]
    prepared = lower(prepare(outputs), sizes)
    if target == "jax":
        # XLA fuses what a loop computes into what it stores. NumPy's way with a convolution is its windows; XLA has
        # faster ones.
        prepared = slide(sums_before_unpooling(pool_first(give_what_is_used(prepared, sizes))))
    source = compose(
        prepared, writer_for(target), arguments=chosen, single=single, dtype=wanted, hint=sizes, name=name
    )
    return _accepting(source, origin), wanted, single


def _origin(exprs: Iterable[Any]) -> dict[str, Expr]:
    # The symbols of the functions that derivatives among the expressions came from: each is looked through once.
    derived = {e.source_key: e for e in exprs if isinstance(e, Derived)}
    return {label: s for e in derived.values() for label, s in e.origin.items()}


def _accepting(source: Source, symbols: Mapping[str, Expr]) -> Source:
    """Return the source with further symbols accepted as inputs that do not matter."""
    own = {a.label for a in source.signature.arguments}
    ignored = tuple(
        Argument(label, label, s.shape, "integer" in s.params[1])
        for label, s in symbols.items()
        if label not in own
    )
    return replace(source, signature=replace(source.signature, ignored=ignored)) if ignored else source


def function(
    exprs: Any,
    *,
    target: str = "numpy",
    dtype: Any = None,
    arguments: Iterable[Any] = (),
    sizes: Mapping[str, int] | None = None,
) -> Program:
    """Return a program that computes an expression (or a list of them: then it returns a tuple).

    target:    "numpy" runs the NumPy text; "xla" compiles the JAX text.
    dtype:     float64 (the default) or float32.
    arguments: the symbols in the order of the positional arguments; the others follow in order of appearance.
    sizes:     sizes to plan the products for. They need not be exact, and any sizes may be passed later.

    >>> from gradwork.expr import matrix, vector
    >>> X, b = matrix("X", "n", "d"), vector("b", "d")
    >>> f = function(X @ b)
    >>> f(X=[[1, 2], [3, 4]], b=[1, 1])
    array([3., 7.])
    >>> print(f.source)
    def f(X, b):
        \"\"\"X: n×d, b: d -> n\"\"\"
        return X @ b
    <BLANKLINE>
    """
    if target == "xla":
        from gradwork.run.xla import compile as compile_xla

        return compile_xla(exprs, dtype=dtype or "float64", arguments=arguments, sizes=sizes)
    if target != "numpy":
        raise GradworkError("function runs on numpy or xla", target=target)
    source, wanted, single = build(exprs, "numpy", dtype, arguments, sizes)
    return Program(source, "numpy", wanted, single)


_programs: weakref.WeakKeyDictionary[Expr, Program] = weakref.WeakKeyDictionary()


def evaluate(expr: Any, /, *args: Any, **values: Any) -> Any:
    """Return the value of an expression for the given values of its symbols."""
    twin = constant(expr)
    program = _programs.get(twin)
    if program is None:
        program = _programs[twin] = function(twin)
    if isinstance(expr, Derived):
        program = program.of_derived(expr)
    return program(*args, **values)


def code(
    exprs: Any,
    target: str = "numpy",
    *,
    dtype: Any = None,
    arguments: Iterable[Any] = (),
    sizes: Mapping[str, int] | None = None,
    name: str = "f",
) -> str:
    """Return the source text of an expression (or a list) for "numpy", "jax" or "torch"."""
    return build(exprs, target, dtype, arguments, sizes, name)[0].text
