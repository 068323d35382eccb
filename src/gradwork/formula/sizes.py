"""Sizes that are not known yet: unification of symbolic sizes, and short names for those that stay free."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gradwork.expr.dims import Dim, shape_text, smaller

# Free sizes are named with two underscores, which no formula may write, so they meet no size of a person's.
_FREE = "__"
_NAMES = ("n", "d", "k", "m", "p", "q", "r", "s", "t", "u", "v", "w")


def is_free(name: str) -> bool:
    """Tell whether a size's name is that of a size that is still to be found."""
    return name.startswith(_FREE)


def substitute(dim: Dim, values: Mapping[str, Dim]) -> Dim:
    """Return `dim` with named sizes replaced.

    >>> print(substitute(Dim.of("n") - 1, {"n": Dim.of("k") + 1}))
    k
    """
    if not any(name in values for name in dim.names):
        return dim
    total = Dim.of(0)
    for monomial, coefficient in dim.terms:
        product = Dim.of(coefficient)
        for atom, power in monomial:
            if isinstance(atom, str):
                base = values.get(atom) or Dim.of(atom)
            else:
                one, other = substitute(atom[1], values), substitute(atom[2], values)
                base = smaller(one, other) if atom[0] == "min" else one // other
            for _ in range(power):
                product = product * base
        total = total + product
    return total


class Sizes:
    """What is known of the free sizes of one formula.

    >>> sizes = Sizes()
    >>> a = sizes.fresh()
    >>> sizes.unify(a - 1, Dim.of("n")), str(sizes.resolve(a))
    (True, 'n + 1')
    >>> sizes.unify(Dim.of("n"), Dim.of("m"))
    False
    """

    def __init__(self) -> None:
        self.bound: dict[str, Dim] = {}
        self.count = 0
        self.postponed: list[tuple[Dim, Dim]] = []

    def fresh(self) -> Dim:
        """Return a new free size."""
        self.count += 1
        return Dim.of(f"{_FREE}{self.count}")

    def resolve(self, dim: Dim) -> Dim:
        """Return `dim` with all that is known put in."""
        while any(name in self.bound for name in dim.names):
            dim = substitute(dim, self.bound)
        return dim

    def resolve_all(self, shape: tuple[Dim, ...]) -> tuple[Dim, ...]:
        """Return a shape with all that is known put in."""
        return tuple(self.resolve(d) for d in shape)

    def unify(self, a: Dim, b: Dim) -> bool:
        """Make two sizes equal, and tell whether they can be."""
        a, b = self.resolve(a), self.resolve(b)
        if a == b:
            return True
        difference = a - b
        if not any(is_free(name) for name in difference.names):
            return False
        for monomial, coefficient in difference.terms:
            if len(monomial) != 1 or coefficient not in (1, -1):
                continue
            (atom, power) = monomial[0]
            if not isinstance(atom, str) or power != 1 or not is_free(atom):
                continue
            rest = (difference - Dim.of(atom) * coefficient) * -coefficient
            if atom in rest.names:
                continue
            if rest.value is not None and rest.value < 0:
                return False
            self.bound[atom] = rest
            return True
        # Such as a product of two free sizes: it is checked again when more is known.
        self.postponed.append((a, b))
        return True

    def settle(self) -> tuple[Dim, Dim] | None:
        """Try the postponed pairs again; return one that cannot be equal, if there is one."""
        pairs, self.postponed = self.postponed, []
        for a, b in pairs:
            if not self.unify(a, b):
                return self.resolve(a), self.resolve(b)
        return None

    def name_free(self, shapes: Iterable[tuple[Dim, ...]], taken: Iterable[str]) -> None:
        """Give the free sizes in `shapes`, in that order, the first names that are not taken."""
        used = set(taken)
        for shape in shapes:
            for dim in shape:
                for name in sorted(n for n in self.resolve(dim).names if is_free(n)):
                    self.bound[name] = Dim.of(_next_name(used))

    def text(self, shape: tuple[Dim, ...]) -> str:
        """Return a shape as people write it, with what is known put in."""
        return shape_text(tuple(self.resolve(d) for d in shape))


def _next_name(used: set[str]) -> str:
    pool = [*_NAMES, *(f"n{i}" for i in range(1, len(used) + 2))]
    name = next(n for n in pool if n not in used)
    used.add(name)
    return name
