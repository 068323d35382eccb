"""From expressions to the source text of one function that computes them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradwork.errors import GradworkError
from gradwork.expr.dims import Dim, shape_text
from gradwork.expr.node import (
    ARRAY,
    CONSTANT,
    EYE,
    NAME,
    ONES,
    SIZE,
    SYMBOL,
    TRIL,
    ZEROS,
    Expr,
    plain,
    rebuild,
    walk,
)
from gradwork.ops.indexing import positions_in
from gradwork.ops.sequence import SCAN, Recurrence
from gradwork.run.header import size_lines
from gradwork.run.layout import WIDTH, wrap
from gradwork.run.library.helpers import HELPERS
from gradwork.run.loops import remarked, sizes_inside, takes_integers, write_scan
from gradwork.run.names import Names
from gradwork.run.products.common import Products
from gradwork.run.products.product import product
from gradwork.run.products.scale import MANY, literal
from gradwork.run.signature import Argument, Signature, size_sources
from gradwork.run.targets.numpy import Writer
from gradwork.run.targets.value import SUM, Value

# Beyond this many characters a subexpression becomes a variable of its own, for the reader's sake.
LONG = 68
# Arrays of more numbers than this are handed to the function, not written out.
WRITTEN = 64


@dataclass(frozen=True)
class Source:
    """The text of a function, and what it needs to run."""

    text: str
    name: str
    signature: Signature
    constants: Mapping[str, np.ndarray]
    steps: tuple[tuple[str, float], ...]


ROUNDS = 12  # of composing: naming a product can bring to light that a larger one repeats


def compose(
    outputs: Sequence[Expr],
    writer: type[Writer],
    *,
    arguments: Sequence[Expr] = (),
    single: bool = True,
    dtype: str = "float64",
    hint: Mapping[str, int] | None = None,
    name: str = "f",
) -> Source:
    """Return the source of a function of the symbols that computes the outputs (a tuple unless `single`)."""
    bare = _bare(outputs)
    repeated: frozenset = frozenset()
    numbers: dict = {}
    for _ in range(ROUNDS):
        composer = _Composer(*bare, writer, arguments, single, dtype, hint, name, repeated, numbers)
        source = composer.compose()
        found = composer.products.repeats()
        if found == repeated:
            break
        repeated = found
    return source


def _bare(outputs: Sequence[Expr]) -> tuple[list[Expr], dict[Expr, str]]:
    """Return the outputs without names, and the names of the nodes in them: so that a named quantity and the
    same one unnamed are one."""
    done: dict[Expr, Expr] = {}
    labels: dict[Expr, str] = {}
    for node in walk(*outputs):
        if node.op is NAME:
            core, (label, kind) = done[node.args[0]], node.params
            done[node] = core
            labels.setdefault(
                core,
                f"df_d{label}" if kind == "adjoint" else f"d{label}" if kind == "differential" else label,
            )
        else:
            done[node] = rebuild(node, tuple(done[a] for a in node.args)) if node.args else node
    return [done[plain(o)] for o in outputs], labels


class _Composer:
    def __init__(
        self,
        outputs: list[Expr],
        labels: dict[Expr, str],
        writer: type[Writer],
        arguments: Sequence[Expr],
        single: bool,
        dtype: str,
        hint: Mapping[str, int] | None,
        name: str,
        repeated: frozenset,
        numbers: dict,
    ):
        self.outputs, self.labels, self.single = outputs, labels, single
        self.nodes = list(walk(*outputs))
        self.names = Names(tuple(HELPERS))
        symbols = {s.params[0]: s for s in arguments}
        for node in self.nodes:
            if node.op is SYMBOL:
                other = symbols.setdefault(node.params[0], node)
                if other is not node:
                    raise GradworkError(
                        "one name, two shapes",
                        params=node.params[0],
                        shape=other.shape,
                        node_shape=node.shape,
                    )
        axes = positions_in(self.nodes)
        self.arguments = tuple(
            Argument(label, self.names.fresh(label), s.shape, "integer" in s.params[1], axes.get(s))
            for label, s in symbols.items()
        )
        self.by_label = {a.label: a for a in self.arguments}
        found = {n for node in self.nodes for dim in node.shape for n in dim.names}
        found |= {n for node in self.nodes for dim in _dims_in(node.params) for n in dim.names}
        found |= {
            n
            for node in self.nodes
            if node.op is SCAN
            for dim in sizes_inside(node.params)
            for n in dim.names
        }
        found |= {n for a in self.arguments for dim in a.shape for n in dim.names}
        self.sizes = {size: self.names.fresh(size, f"size_{size}") for size in sorted(found)}
        self.name = self.names.fresh(name)
        self.writer = writer(self.sizes, hint, dtype)
        self.writer.solving = self._solved
        facts = {label: s.params[1] for label, s in symbols.items()}
        self.writer.symmetric = frozenset(
            a.name for a in self.arguments if facts[a.label] & {"symmetric", "diagonal"}
        )
        self.writer.like = next((a.name for a in self.arguments if not a.integer and a.axis is None), "")
        self.writer.local = self.names.fresh
        self.writer.variable = self._variable
        self.writer.function = self._function
        self.products = self.writer.products = Products(self._assign_product, repeated, numbers=numbers)
        self.dtype = dtype
        self.values: dict[Expr, Value] = {}
        self.lines: list[tuple[str, str]] = []  # (statement, shape)
        self.constants: dict[str, np.ndarray] = {}
        self.above: list[str] = []
        self.scans: dict[Any, dict] = {}
        self._look()

    def _look(self) -> None:
        # How often each node is used, and by what.
        self.uses: dict[Expr, int] = {}
        self.float_arrays: set[Expr] = set()
        parents: dict[Expr, list[Expr]] = {}
        for node in self.nodes:
            for i, arg in enumerate(node.args):
                self.uses[arg] = self.uses.get(arg, 0) + 1
                parents.setdefault(arg, []).append(node)
                if arg.op is ARRAY and not takes_integers(node, i):
                    self.float_arrays.add(arg)
        for output in self.outputs:
            self.uses[output] = self.uses.get(output, 0) + 1
            if output.op is ARRAY:
                self.float_arrays.add(output)
        # An inverse that only multiplies is applied by solving. Forming it costs as much as three solves, and
        # loses accuracy: so it is formed only where it is wanted itself, or used often.
        self.solves = {
            node
            for node in self.nodes
            if node.op.name == "inv"
            and node.ndim == 2
            and node not in self.labels
            and len(parents.get(node, ())) == self.uses.get(node, 0) <= 3
            and all(p.op.name == "contract" and sum(a.ndim > 0 for a in p.args) > 1 for p in parents[node])
        }
        for node in self.solves:  # the matrix stands in each of them
            self.uses[node.args[0]] += self.uses[node] - 1

    def _solved(self, node: Expr) -> Value | None:
        return self.writer.number(self._full(node.args[0])) if node in self.solves else None

    # --- nodes ------------------------------------------------------------------------------------------

    def _full(self, node: Expr) -> Value:
        # The value with all of its axes, as functions of a whole array need it.
        value = self.values[node]
        if len(value.axes) == node.ndim:
            return value
        return self.writer.fill(value, node.shape)

    def _write(self, node: Expr) -> Value:
        op, w = node.op, self.writer
        if op is SYMBOL:
            return Value(self.by_label[node.params[0]].name, axes=_all(node))
        if op is CONSTANT:
            return literal(node.params[0])
        if op is SIZE:
            return w.size(node.params[0])
        if op is ONES:
            return Value("1", python=True)
        if op is ZEROS:
            return Value("0", python=True)
        if op is EYE:
            return replace(w.eye(node.params[0]), axes=_all(node))
        if op is TRIL:
            return replace(w.tril(node.params[0]), axes=_all(node))
        if op is ARRAY:
            return self._array(node)
        if op is SCAN:
            return write_scan(self, node)
        if op.name == "contract":
            return product(w, node, [self.values[a] for a in node.args])
        if not op.elementwise:
            value = w.write(node, [self._full(a) for a in node.args])
            return value if value.python else replace(value, axes=_all(node))
        axes = tuple(sorted({a for arg in node.args for a in self.values[arg].axes}))
        values = [w.stretched(self.values[a], axes) for a in node.args]
        if op.name == "add":
            while len(values) > MANY:
                part = self._sum(values[:MANY])
                shape = tuple(node.shape[a] for a in axes)
                values = [self._assign_product(part, shape, "total"), *values[MANY:]]
            value = self._sum(values)
        else:
            value = w.write(node, values)
        return replace(value, axes=() if value.python else axes)

    def _sum(self, values: list[Value]) -> Value:
        terms = [self.writer.number(v) for v in values]
        # b - a rather than -a + b: one pass less, and as people write it.
        first = next((i for i, t in enumerate(terms) if not t.negative), 0)
        terms.insert(0, terms.pop(first))
        head = terms[0].signed()
        text = head.text if head.level >= SUM else f"({head.text})"
        for term in terms[1:]:
            body = replace(term, negative=False)
            fits = body.level > SUM
            text += f" {'-' if term.negative else '+'} {body.text if fits else f'({body.text})'}"
        return Value(text, SUM, python=all(t.python for t in terms))

    def _array(self, node: Expr) -> Value:
        array = node.params[0].array
        if node in self.float_arrays or array.dtype.kind == "b":
            array = array.astype(self.dtype)
        label = self.names.fresh("A" if node.ndim > 1 else "c", f"constant_{len(self.constants) + 1}")
        if array.size <= WRITTEN:
            self.above.append(f"{label} = {self.writer.literal_array(array)}")
        else:
            self.constants[label] = array
            self.above.append(f"# {label} is the array of shape {array.shape} in the expression")
        return Value(label, axes=_all(node))

    # --- the function -----------------------------------------------------------------------------------

    def compose(self) -> Source:
        return self._assemble(self.evaluated())

    def evaluated(self) -> list[str]:
        """Write every node, and return the outputs as text."""
        for node in self.nodes:
            value = self._write(node)
            if self._deserves_a_name(node, value):
                value = self._assign(node, value)
            self.values[node] = value
        return [self.writer.result(self._full(o)) for o in self.outputs]

    def inside(
        self, recurrence: Recurrence, fixed: Sequence[Value], outputs: Sequence[Expr]
    ) -> tuple[_Composer, list[str], list[str]]:
        """Return the composer of a recurrence's step, its lines, and its results as text.

        The step is a function within this one: its parameters are the variables `fixed` of this one.
        """
        bare, labels = _bare(outputs)
        bound = (*recurrence.carries, *recurrence.steps, *recurrence.parameters)
        w, repeated, numbers = self.writer, frozenset(), {}
        while True:
            inner = _Composer(
                bare, labels, type(w), bound, False, self.dtype, w.hint, "step", repeated, numbers
            )
            inner.names, inner.sizes, inner.writer.sizes = self.names.copy(), self.sizes, w.sizes
            inner.writer.like = w.like
            named = [
                inner.names.fresh(s.params[0].partition("[")[0]) for s in bound[: len(bound) - len(fixed)]
            ]
            for s, label in zip(bound, [*named, *(v.text for v in fixed)], strict=True):
                inner.by_label[s.params[0]] = replace(inner.by_label[s.params[0]], name=label)
            for letter, x in zip(recurrence.letters, bare):
                inner.labels.setdefault(x, f"{letter}_next")
            results = inner.evaluated()
            found = inner.products.repeats()
            if found == repeated:
                break
            repeated = found
        self.names = inner.names
        self.above += inner.above
        self.constants |= inner.constants
        self.writer.used |= inner.writer.used
        lines = [x for text, shape in inner.lines for x in remarked(text, shape)]
        return inner, lines, results

    def _deserves_a_name(self, node: Expr, value: Value) -> bool:
        if not node.args or value.python or re.fullmatch(r"\w+", value.text):
            return False
        if node in self.labels:
            return True
        if node in self.solves:
            return False
        if re.fullmatch(r"\w+(\.T|\[[^\[\]]*\])?", value.text):
            return False  # a transpose or a slice of a variable costs nothing
        if self.uses.get(node, 0) > 1:
            return True
        return len(value.text) > LONG and node not in self.outputs

    def _assign(self, node: Expr, value: Value) -> Value:
        label = self.labels.get(node)
        name = self.names.fresh(label if label is not None else self._suggest(node))
        value = self.writer.number(value).signed()
        self.lines.append((f"{name} = {value.text}", shape_text(tuple(node.shape[a] for a in value.axes))))
        self.products.known[name] = f"node {node.serial}"
        return Value(name, axes=value.axes)

    def _assign_product(self, value: Value, shape: tuple[Dim, ...], texts: str) -> Value:
        name = self.names.fresh(texts if re.fullmatch(r"[A-Za-z]\w{0,7}", texts) else "product")
        self.lines.append((f"{name} = {value.signed().text}", shape_text(shape)))
        return Value(name)

    def _function(self, parameters: tuple[str, ...], body: str) -> str:
        if len(body) <= 40:
            return f"lambda {', '.join(parameters)}: {body}"
        name = self.names.fresh("part")
        self.lines.append((f"\n    def {name}({', '.join(parameters)}):\n        return {body}\n", ""))
        return name

    def _variable(self, value: Value, shape: tuple[Dim, ...]) -> Value:
        if re.fullmatch(r"\w+", value.text):
            return value
        return self._assign_product(value, shape, "")

    def _suggest(self, node: Expr) -> str:
        # A name for a common subexpression: Xb for X @ b, exp_z for np.exp(z), softmax for one of something long.
        texts = [self.values[a].text for a in node.args if a.ndim]
        plain_texts = all(re.fullmatch(r"[A-Za-z]\w*", t) for t in texts)
        kind = node.op.name
        if kind == "contract" and len(texts) == len(node.args) and plain_texts and len("".join(texts)) <= 8:
            return "".join(texts)
        if len(texts) == len(node.args) == 1 and plain_texts:
            return f"{kind}_{texts[0]}"
        if kind == "add":
            return (
                "difference"
                if len(node.args) == 2 and any(self.values[a].negative for a in node.args)
                else "total"
            )
        return {"contract": "product"}.get(kind, kind)

    def _assemble(self, results: list[str]) -> Source:
        w = self.writer
        helpers = [HELPERS[h].targets.get(w.target) or w.translate(HELPERS[h].text) for h in sorted(w.used)]
        result = results[0] if self.single else f"({', '.join(results)}{',' * (len(results) == 1)})"
        statements = [text for text, _ in self.lines] + [f"return {result}"]
        body = "\n".join(statements)
        needed = {s for s, name in self.sizes.items() if re.search(rf"\b{re.escape(name)}\b", body)}
        sources = size_sources(self.arguments)
        header, resolved = size_lines(needed, sources, self.sizes, w.size)
        readable = {s.size for s in sources}
        free = tuple(s for s in self.sizes if s in needed and s not in resolved)
        unread = {n for a in self.arguments for d in a.shape for n in d.names} - readable
        signature = Signature(self.arguments, tuple(sources), tuple(dict.fromkeys([*free, *sorted(unread)])))
        parameters = [a.name for a in self.arguments]
        if signature.free:
            parameters += ["*", *(self.sizes[s] for s in signature.free)]
        lines = [f"def {self.name}({', '.join(parameters)}):", f'    """{self._docstring()}"""']
        lines += [f"    {line}" for line in header]
        for text, shape in self.lines:
            if text.startswith("\n"):  # a function within the function
                lines += ["", *(x for part in text.strip("\n").split("\n") for x in wrap(part)), ""]
                continue
            line, remark = f"    {text}", f"  # {shape}"
            if len(line) + len(remark) > WIDTH:
                lines.append(f"    # {shape}")
                remark = ""
            wrapped = wrap(line)
            lines += [*wrapped[:-1], wrapped[-1] + remark]
        lines += wrap(f"    return {result}")
        lines = [x for k, x in enumerate(lines) if x or lines[k - 1]]
        blocks = ["\n".join(self.above) + "\n"] if self.above else []
        text = "\n\n".join([*blocks, *(h.strip("\n") + "\n" for h in helpers), "\n".join(lines)])
        imports = [line for mark, line in w.imports if re.search(rf"\b{re.escape(mark)}", text)]
        text = "\n".join(imports) + ("\n\n\n" if imports else "") + text + "\n"
        return Source(text, self.name, signature, self.constants, tuple(w.steps))

    def _docstring(self) -> str:
        shapes = ", ".join(f"{a.name}: {shape_text(a.shape)}" for a in self.arguments)
        result = ", ".join(shape_text(o.shape) for o in self.outputs)
        return f"{shapes} -> {result}" if shapes else f"-> {result}"


def _all(node: Expr) -> tuple[int, ...]:
    return tuple(range(node.ndim))


def _dims_in(params: Any) -> list:
    found, stack = [], [params]
    while stack:
        item = stack.pop()
        if isinstance(item, tuple):
            stack.extend(item)
        elif hasattr(item, "terms") and hasattr(item, "names"):
            found.append(item)
    return found
