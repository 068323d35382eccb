"""Products that stand inside several larger ones: written once, under a name.

A contraction is one node with many operands, so that two of them may share a part, such as X @ V, without
sharing a node. The source is composed once to see which parts repeat, and again with those parts named.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from gradwork.expr.dims import Dim
from gradwork.run.targets.value import Value

Assign = Callable[[Value, tuple[Dim, ...], str], Value]


@dataclass
class Products:
    """The products of one function: which were seen, which repeat, and the names of those."""

    assign: Assign
    repeated: frozenset[Hashable] = frozenset()
    made: dict[Hashable, tuple[Value, tuple[int, ...]]] = field(default_factory=dict)
    seen: dict[Hashable, list[Hashable]] = field(default_factory=dict)
    around: list[Hashable] = field(default_factory=list)
    numbers: dict[Hashable, int] = field(default_factory=dict)  # of products, the same in every composition
    known: dict[str, str] = field(default_factory=dict)  # what the variables of this composition stand for

    def identity(self, text: str) -> str:
        """Return what a factor is, whatever its variable is called this time."""
        return self.known.get(text, text)

    @contextmanager
    def inside(self, key: Hashable) -> Iterator[None]:
        """Note that a product is written, and that what is written meanwhile is a part of it."""
        self.seen.setdefault(key, []).append(self.around[-1] if self.around else None)
        self.around.append(key)
        yield
        self.around.pop()

    def keep(
        self, key: Hashable, value: Value, order: tuple[int, ...], shape: tuple[Dim, ...], name: str
    ) -> tuple[Value, tuple[int, ...]]:
        """Give a product a name, and return it with the order of its axes."""
        self.made[key] = (self.assign(value, shape, name), order)
        self.known[self.made[key][0].text] = f"product {self.numbers.setdefault(key, len(self.numbers))}"
        return self.made[key]

    def repeats(self) -> frozenset[Hashable]:
        """Return the products that are written more than once, other than inside one that is."""
        often = {key for key, places in self.seen.items() if len(places) > 1}

        def times(places: list[Hashable]) -> int:
            return len({p for p in places if p in often}) + sum(p not in often for p in places)

        return self.repeated | {key for key in often if times(self.seen[key]) > 1}
