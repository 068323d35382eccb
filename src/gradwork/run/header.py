"""The first lines of a function: `n, d = X.shape`, for the sizes that its body uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gradwork.expr.dims import Dim
from gradwork.run.signature import SizeSource
from gradwork.run.targets.value import Value


def size_lines(
    needed: set[str], sources: list[SizeSource], names: Mapping[str, str], spell: Callable[[Dim], Value]
) -> tuple[list[str], set[str]]:
    """Return the lines that read the sizes which a function needs, and the sizes that they define."""
    # Only the sizes that the body uses are read, and those that these are computed from.
    order = {s.size: s for s in sources}
    wanted, stack = set(), list(needed)
    while stack:
        size = stack.pop()
        if size in order and size not in wanted:
            wanted.add(size)
            stack.extend(order[size].rest.names)
    lines: list[str] = []
    done: set[str] = set()
    for source in sources:
        if source.size not in wanted or source.size in done:
            continue
        argument = source.argument
        here = [s for s in sources if s.argument is argument and s.size in wanted and _simple(s)]
        if _simple(source) and len(here) == len(argument.shape) > 1 and not done & {s.size for s in here}:
            whole = ", ".join(names[s.size] for s in sorted(here, key=lambda s: s.axis))
            lines.append(f"{whole} = {argument.name}.shape")
            done |= {s.size for s in here}
            continue
        length = f"len({argument.name})" if source.axis == 0 else f"{argument.name}.shape[{source.axis}]"
        if source.rest != 0:
            back = spell(source.rest * -1).text
            length = f"{length} - {back[1:]}" if back.startswith("-") else f"{length} + {back}"
        if source.coefficient != 1:
            length = (
                f"({length}) // {source.coefficient}"
                if source.rest != 0
                else f"{length} // {source.coefficient}"
            )
        lines.append(f"{names[source.size]} = {length}")
        done.add(source.size)
    return lines, done


def _simple(source: SizeSource) -> bool:
    return source.coefficient == 1 and source.rest == 0
