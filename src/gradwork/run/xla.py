"""Programs compiled by XLA: the JAX text under jit. JAX is imported when the first one is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from gradwork.run.program import Program, build, execute
from gradwork.run.signature import Argument, convert


class XlaProgram(Program):
    """A program whose JAX text is compiled. It takes and returns NumPy arrays, like any other."""

    def _convert(self, argument: Argument, value: Any, dtype: np.dtype) -> Any:
        import jax

        # An array that is with the compiler already stays there.
        if isinstance(value, jax.Array) and value.dtype == dtype and not argument.integer:
            return value
        return convert(argument, value, dtype)

    def _prepare(self) -> Callable:
        import jax

        with jax.enable_x64(
            self.dtype == "float64"
        ):  # arrays that are written out are made when the text runs
            namespace = execute(self._source, "xla")
        return jax.jit(namespace[self._source.name], static_argnames=self._source.signature.free)

    def _run(self, function: Callable, inputs: list, keywords: dict[str, int]) -> Any:
        import jax

        # Thread-local and cheap (0.6 µs): the caller's configuration stays as it is.
        with jax.enable_x64(self.dtype == "float64"):
            result = function(*inputs, **keywords)
            return np.asarray(result) if self.single else tuple(np.asarray(r) for r in result)

    def _output(self, value: Any, inputs: list) -> Any:
        array = np.asarray(value)
        return float(array) if array.ndim == 0 else np.array(array, dtype=self._dtype)


def compile(
    exprs: Any,
    *,
    target: str = "xla",
    dtype: Any = "float64",
    arguments: Iterable[Any] = (),
    sizes: Mapping[str, int] | None = None,
) -> Program:
    """Return a compiled program of an expression (or a list of them).

    Sizes are those of the arrays that it is called with; other sizes compile once more.
    """
    if target != "xla":
        from gradwork.run.program import function

        return function(exprs, target=target, dtype=dtype, arguments=arguments, sizes=sizes)
    source, wanted, single = build(exprs, "jax", dtype, arguments, sizes)
    return XlaProgram(source, "xla", wanted, single)
