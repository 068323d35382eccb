"""What is assumed of a name that nothing declares: a number, a vector or a matrix, how strongly, and why.

Each name gets a cost for every number of axes: 0 for what its letter and its places suggest, more for what they
do not. `search` adds what the shapes cost (a vector added to a matrix, a transposed number) and takes the
cheapest reading. The order of the suggestions, first to last:

1. a name that stands transposed, right of a matrix, or as the argument of a norm or softmax is a vector;
2. one that meets nothing but numbers is a number;
3. one that scales a matrix, stands in an exponent or under a fraction bar is a number;
4. under a sum or mean the data are vectors (x, y, t, …; where none stands, the other letters; then Greek) and the
   parameters numbers; what multiplies the whole of the summand is data, since a number would stand before the sum;
5. upper case is a matrix; without any sign of arrays in the formula (P V − n R T) it may be a number;
6. Greek is a number, other lower case a vector.
"""

from __future__ import annotations

from dataclasses import dataclass

from gradwork.formula.letters import COUNTS, DATA, NUMBER, WEIGHT, WORD, custom, is_greek, is_upper, is_vmax
from gradwork.formula.prepare import Prepared
from gradwork.formula.roles import PRODUCTS, REDUCTIONS, Place, Roles, operands
from gradwork.formula.tree import Binary, Call, Index, Literal, Name, Negative, Node, Ones, Transpose

_INTERCEPTS = ("a", "b", "c", "b0", "bias", "intercept")
_SCALAR = frozenset({"dot", "trace", "tr", "det", "logdet"})


@dataclass(frozen=True)
class Assumption:
    """What each number of axes costs (None: impossible), and the reason for the cheapest."""

    costs: tuple[float | None, float | None, float | None]
    reason: str

    @property
    def ranks(self) -> list[int]:
        """The numbers of axes that are possible, the cheapest first."""
        possible = [(cost, rank) for rank, cost in enumerate(self.costs) if cost is not None]
        return [rank for _, rank in sorted(possible)]

    @property
    def rank(self) -> int:
        return self.ranks[0]

    def cost(self, rank: int) -> float:
        """Return what a number of axes costs more than the cheapest."""
        own, least = self.costs[rank], self.costs[self.rank]
        assert own is not None and least is not None
        return own - least


def certain(rank: int, reason: str) -> Assumption:
    """Return the assumption that leaves no choice."""
    costs: list[float | None] = [None, None, None]
    costs[rank] = 0.0
    return Assumption((costs[0], costs[1], costs[2]), reason)


def assume(prepared: Prepared, roles: Roles) -> dict[str, Assumption]:
    """Return what is assumed of every name that is not declared."""
    names = [name for name in prepared.names() if name not in roles.declared]
    if not names:
        return {}
    custom_of = _Customs(prepared, roles)
    return {name: custom_of.one(name) for name in names}


class _Customs:
    def __init__(self, prepared: Prepared, roles: Roles):
        self.prepared, self.roles = prepared, roles
        self.arrays = _touching_arrays(prepared, roles)
        self.intercepts = _beside_weights(prepared)
        self.centres = _centres(prepared, roles)

    def one(self, name: str) -> Assumption:
        places = self.roles.places.get(name, [])
        if not places:
            return Assumption((0.0, 1.0, 1.0), "it is used only with numbers")
        found = set().union(*(place.roles for place in places))
        if is_upper(name):
            return self.upper(name, places, found)
        if "transposed" in found or "after matrix" in found or "indexed" in found:
            why = "transposed" if "transposed" in found else ""
            why = why or ("it follows a matrix" if "after matrix" in found else "it is indexed")
            return Assumption((1.5, 0.0, None), why if is_greek(name) else "lower case")
        if name not in self.arrays:
            return Assumption((0.0, 2.0, None), "it is used only with numbers")
        if name in COUNTS and not self.is_point(name, places):
            return Assumption((0.0, 1.5, None), "a count by convention")
        if name in self.centres:
            return Assumption((1.0, 0.0, None), "in a sum with a vector that a matrix multiplies")
        if name in self.intercepts and not is_greek(name):
            return Assumption((0.0, 0.6, None), "the intercept beside the weights")
        summed = [place for place in places if place.region.kind == "sum"]
        if summed:
            return self.summed(name, places, summed)
        return self.plain(name, places, found)

    def is_point(self, name: str, places: list[Place]) -> bool:
        """Tell whether n names a point, as in ‖a − n‖: it stands beside other lower-case letters in a norm."""
        return name == "n" and any(
            place.region.kind == "norm"
            and "term" in place.roles
            and not place.roles & {"scales", "coefficient"}
            for place in places
        )

    def plain(self, name: str, places: list[Place], found: set[str]) -> Assumption:
        """Outside sums: what only scales is a number; what is added to vectors is a vector."""
        if is_greek(name):
            alone = any(
                p.region.kind in ("norm", "softmax", "logsumexp") and "scales" not in p.roles for p in places
            )
            return Assumption((0.0, 0.6 if alone else 1.25, None), "a Greek letter")
        if self.only_scales(places):
            return Assumption((0.0, 0.9, None), "it only scales")
        if "coefficient" in found and custom(name) in (NUMBER, WEIGHT):
            return Assumption((0.0, 0.6, None), "a coefficient")
        if (
            "argument" not in found
            and custom(name) == NUMBER
            and self.roles.places[name][0].region.kind == "root"
        ):
            return Assumption((0.3, 0.0, None), "lower case")
        return Assumption((1.0, 0.0, None), "lower case")

    def only_scales(self, places: list[Place]) -> bool:
        """Tell whether a name stands only before matrices, in exponents, in divisors and within functions of them."""
        scaling = {"scales", "exponent", "divisor"}
        return all(place.roles & scaling and "in transpose" not in place.roles for place in places)

    def summed(self, name: str, places: list[Place], summed: list[Place]) -> Assumption:
        """Under a sum: data are vectors, parameters numbers."""
        if any("argument" in p.roles and p.region.kind == "sum" for p in places):
            return Assumption((1.5, 0.0, None), "it is summed")
        alone = all(self.is_data(name, place) for place in summed)
        own = any(self.is_data(name, place) for place in summed)
        only = all({n.name for n in p.region.names if not is_upper(n.name)} == {name} for p in summed)
        if only and not alone and not any(p.region.holds_product for p in summed if is_greek(name)):
            return Assumption((0.5, 0.0, None), "what is summed")
        letter = "a Greek letter" if is_greek(name) else "lower case"
        if alone:
            return Assumption((1.0 if _level(name) == 0 else 0.75, 0.0, None), letter)
        if own:
            return Assumption((0.4, 0.0, None), letter)
        if any("whole factor" in p.roles and not p.roles & {"exponent", "divisor"} for p in summed):
            return Assumption((0.45, 0.0, None), "it multiplies what is summed")
        greek = is_greek(name)
        reason = "a Greek letter" if greek else "a number beside the data"
        return Assumption((0.0, 1.0 if greek else 0.6, None), reason)

    def is_data(self, name: str, place: Place) -> bool:
        """Tell whether a name is of the kind that is data under this sum."""
        others = [
            o.name for o in place.region.names if o.name not in self.roles.declared or self.is_array(o.name)
        ]
        level = _level(name)
        known = place.region.holds_product or any(self.is_array(o) for o in others)
        if level == 0:
            return True
        best = min((_level(o) for o in others if not is_upper(o)), default=level)
        if (
            custom(name) == WEIGHT
            and name[0] == "p"
            and any(o[0] in "yt" for o in others)
            and not is_greek(name)
        ):
            return True  # probabilities beside labels: y log p + (1 − y) log(1 − p)
        return level == best and not known and name not in COUNTS

    def is_array(self, name: str) -> bool:
        return self.roles.declared.get(name, 0) > 0

    def upper(self, name: str, places: list[Place], found: set[str]) -> Assumption:
        """Upper case: a matrix; a number where nothing in the formula speaks of arrays."""
        summed = any(
            p.region.kind == "sum" and any(_level(o.name) == 0 for o in p.region.names) for p in places
        )
        if not self.roles.evidence:
            if self.is_amplitude(name):
                return Assumption((0.0, None, 0.5), "it is used only with numbers")
            return Assumption((0.4, None, 0.0), "upper case")
        if name in self.roles.counts:
            return Assumption((0.0, None, 0.5), "a count by convention")
        if name in self.roles.numbers:
            return Assumption((0.0, 0.8 if summed else None, 0.5), "a coefficient")
        if summed:
            scales = (
                "coefficient" in found or "divisor" in found and not any("base" in p.roles for p in places)
            )
            return Assumption((0.9 if scales else 1.2, 1.0, 0.0), "upper case")
        return Assumption((1.3, None, 0.0), "upper case")

    def is_amplitude(self, name: str) -> bool:
        """Tell whether a formula of numbers holds one upper-case letter among others, as A sin(ω t + φ)."""
        upper = {n for n in self.roles.places if is_upper(n)}
        calls = any(
            isinstance(n, Call) or (isinstance(n, Binary) and n.op in ("/", "^")) for n in self.prepared.nodes
        )
        return len(self.roles.places) > 1 and calls and (len(upper) == 1 or is_vmax(name))


def _level(name: str) -> int:
    """Return how likely a name is data under a sum: 0 for x and y, 3 for counts."""
    if name in COUNTS:
        return 3
    if is_greek(name):
        return 2
    return 0 if custom(name) in (DATA, WORD) else 1


def _touching_arrays(prepared: Prepared, roles: Roles) -> set[str]:
    """Return the names that meet, through operations on components, anything that must be an array."""
    parent: dict[object, object] = {}

    def find(x: object) -> object:
        while parent.setdefault(x, x) is not x:
            parent[x] = x = parent[parent[x]]
        return x

    def join(*items: object) -> None:
        for item in items[1:]:
            parent[find(item)] = find(items[0])

    arrays: list[object] = []
    names: list[str] = []
    for node in prepared.nodes:
        if isinstance(node, Name):
            join(node, ("name", node.name))
            names.append(node.name)
            if node.name in prepared.formula.definitions:
                join(node, prepared.formula.definitions[node.name])
            upper = is_upper(node.name) and node.name not in roles.counts and roles.evidence
            if roles.declared.get(node.name, 2 if upper or node.name == "I" else 0):
                arrays.append(node)
        elif isinstance(node, Binary):
            if node.op == "@" or roles.is_matrix_product(node):
                arrays += [node.left, node.right] if node.op == "@" else []
                if roles.is_matrix(node.left) or roles.is_matrix(node.right):
                    arrays.append(node)
            if node.op != "@":
                join(node, node.left, node.right)
        elif isinstance(node, Negative):
            join(node, node.operand)
        elif isinstance(node, Transpose):
            join(node, node.operand)
            arrays.append(node)
        elif isinstance(node, (Ones, Literal)):
            arrays.append(node)
        elif isinstance(node, Index):
            arrays.append(node.operand)
            if any(isinstance(item, (slice, tuple)) for item in prepared.indices[node]):
                arrays.append(node)
        elif isinstance(node, Call):
            below = operands(prepared, node)
            if roles.through(node):
                join(node, *below)
            else:
                arrays += below
                if node.name not in _SCALAR and not (node.name in REDUCTIONS and "axis" not in node.options):
                    arrays.append(node)
    roots = {find(a) for a in arrays}
    return {name for name in names if find(("name", name)) in roots}


def _centres(prepared: Prepared, roles: Roles) -> set[str]:
    # The μ of (x − μ)'A(x − μ): names in a sum with a vector, where a matrix or a transpose asks for a vector.
    found: set[str] = set()
    for node in prepared.nodes:
        if isinstance(node, Binary) and node.op in PRODUCTS:
            left, right = _edge(node.left, "right"), _edge(node.right, "left")
            pairs = [(left, right), (right, left)]
            sums = [side for side, other in pairs if roles.is_matrix(other) or isinstance(other, Transpose)]
        elif isinstance(node, Call) and node.name in ("solve", "norm"):
            sums = [v for v in prepared.calls[node].values.values() if isinstance(v, Node)]
        else:
            continue
        for part in sums:
            terms = _terms(part.operand if isinstance(part, Transpose) else part)
            greek = [t.name for t in terms if isinstance(t, Name) and t.name not in roles.declared]
            greek = [name for name in greek if is_greek(name) and not is_upper(name)]
            others = [t for t in terms if not (isinstance(t, Name) and t.name in greek)]
            if (
                len(terms) > 1
                and (others or isinstance(part, Transpose))
                and all(_is_vector(t, roles) for t in others)
            ):
                found |= set(greek)
    return found


def _edge(node: Node, side: str) -> Node:
    """Return the first or last factor of a product."""
    while isinstance(node, Binary) and node.op in PRODUCTS:
        node = node.left if side == "left" else node.right
    return node


def _is_vector(node: Node, roles: Roles) -> bool:
    if isinstance(node, Name):
        usual = 0 if is_upper(node.name) or is_greek(node.name) or node.name in COUNTS else 1
        return roles.declared.get(node.name, usual) == 1
    if isinstance(node, Call) and node.name in roles.elementwise:
        return len(node.args) == 1 and _is_vector(node.args[0], roles)
    return (
        isinstance(node, Binary)
        and node.op in PRODUCTS
        and roles.is_matrix(node.left)
        and not roles.is_matrix(node.right)
    )


def _terms(node: Node) -> list[Node]:
    """Return the terms of a sum, without their signs."""
    terms: list[Node] = []
    stack = [node]
    while stack:
        part = stack.pop()
        if isinstance(part, Binary) and part.op in ("+", "-"):
            stack += [part.right, part.left]
        elif isinstance(part, Negative):
            stack.append(part.operand)
        else:
            terms.append(part)
    return terms


def _beside_weights(prepared: Prepared) -> set[str]:
    # `w x + b`, `X w + b`, `y - a x - c`: the intercept of a linear model is one number.
    found: set[str] = set()
    inside: set[Node] = set()
    for node in reversed(prepared.nodes):
        if node in inside or not (isinstance(node, Binary) and node.op in ("+", "-")):
            continue
        terms: list[Node] = []
        stack: list[Node] = [node]
        while stack:
            part = stack.pop()
            if isinstance(part, Binary) and part.op in ("+", "-"):
                inside.add(part)
                stack += [part.left, part.right]
            else:
                terms.append(part.operand if isinstance(part, Negative) else part)
        if any(_is_weighted(term) for term in terms):
            found |= {t.name for t in terms if isinstance(t, Name) and t.name in _INTERCEPTS}
    return found


def _is_weighted(node: Node) -> bool:
    if not isinstance(node, Binary) or node.op not in ("beside", "*", "@"):
        return False
    sides = [s.operand if isinstance(s, Transpose) else s for s in (node.left, node.right)]
    names = [s.name for s in sides if isinstance(s, Name)]
    line = node.op == "beside" and len(names) == 2 and not any(is_upper(n) or is_greek(n) for n in names)
    return line or any(name.startswith("w") for name in names)
