"""A training run as one standalone NumPy script: the step's text, the batches' order, the start, a loop.

The script holds no data. It reads them from a file, repeats as many steps as the fit kept, and prints and saves the
parameters. The file is .npz with one array for each symbol, or .csv with the symbols' names in its header; a model of
a table brings a `Reading` of its own (see `models.script`). A NumPy run is repeated bit for bit; a compiled or hoisted
one up to rounding.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from gradwork.errors import GradworkError
from gradwork.expr.node import Expr
from gradwork.learn.descent.loops import Setup, written
from gradwork.learn.optimizers.schedules import is_constant_rate
from gradwork.run.source import Source

if TYPE_CHECKING:
    from gradwork.learn.fit import Fit

LITERAL = 64  # arrays of more numbers are packed


@dataclass(frozen=True)
class Reading:
    """How a script gets its arrays from a file, and what it makes of the parameters.

    about:     what DATA is: lines of the script's docstring.
    imports:   lines of the standard library.
    constants: arrays that the text names.
    text:      its functions, `load(path)`, which returns the arrays by name, among them.
    restored:  a statement that brings `parameters` and the loss, `value`, back to another scale.
    results:   the dict of what is printed, as an expression in `parameters`, the dict of what was learned.
    saved:     what is saved, as keyword arguments, in terms of both.
    """

    about: Sequence[str]
    text: str
    imports: Sequence[str] = ()
    constants: Mapping[str, np.ndarray] = field(default_factory=dict)
    restored: str = ""
    results: str = "parameters"
    saved: str = "**parameters"


def script(fit: Fit, target: str = "numpy", reading: Reading | None = None) -> str:
    """Return the run of a fit as the text of a script for "numpy"; GradworkError for a fit that took no descent."""
    if target != "numpy":
        raise GradworkError("training run is written for numpy", target=target)
    if fit.details.get("setup") is None:
        raise GradworkError("script is written for descent", solver=fit.solver)
    return _Script(fit, reading).text()


class _Script:
    def __init__(self, fit: Fit, reading: Reading | None):
        self.fit, self.given = fit, reading
        self.setup: Setup = fit.details["setup"]
        self.step = self.setup.step
        self.o = fit.objective
        self.packed = False

    def text(self) -> str:
        setup, step = self.setup, self.step
        sources = {
            "step": self._source([*step.after, step.loss], step.inner),
            "loss": self._source([setup.loss], step.symbols, "loss"),
        }
        if any(not t.identity for t in self.o.transforms):
            sources["formula_parameters"] = self._source(
                [t.expression for t in self.o.transforms], step.symbols, "formula_parameters"
            )
        imports, bodies, constants = {"import sys", "import numpy as np"}, [], []
        for source in sources.values():
            lines = source.text.split("\n")
            head = [line for line in lines if re.match(r"(import|from) ", line)]
            imports |= set(head)
            bodies.append("\n".join(line for line in lines if line not in head).strip("\n"))
            constants += [f"{name} = {self._array(a)}" for name, a in source.constants.items()]
        used = {a.label for s in sources.values() for a in s.signature.arguments}
        arrays = {n: s for n, s in self.o.data_symbols.items() if n in used}
        wide = {n: s for n, s in arrays.items() if s.ndim}
        flat = {n: setup.data[n] for n in setup.data if n in used and n not in wide}
        reading = self.given or _arrays(wide, setup.dtype)
        imports |= set(reading.imports)
        constants += [f"{name} = {self._array(a)}" for name, a in reading.constants.items()]
        blocks = [
            self._head(reading if wide else None),
            "",
            "\n".join(constants),
            *bodies,
            _STOP,
            reading.text if wide else "",
            _ROUNDED.format(dtype=setup.dtype.name),
            self._train(sources, wide, flat),
            _MAIN.format(
                usage=_USAGE if wide else _USAGE_ALONE,
                found="train(load(sys.argv[1]))" if wide else "train({})",
                parameters=", ".join(repr(n) for n in self.o.parameters),
                external="formula_parameters(*found)" if "formula_parameters" in sources else "found",
                restored=f"\n    {reading.restored}" if reading.restored else "",
                results=reading.results,
                saved=reading.saved,
                out=2 if wide else 1,
            ),
        ]
        if self.packed:
            imports |= {"import base64", "import zlib"}
            blocks.insert(2, _UNPACK)  # before the constants that it unpacks
        blocks[1] = _sorted(imports)
        return "\n\n\n".join(b for b in blocks if b) + "\n"

    def _source(self, outputs: Sequence[Expr], arguments: Sequence[Expr], name: str = "step") -> Source:
        from gradwork.run.program import build

        if name == "step":
            return written(outputs, "numpy", self.setup.dtype, arguments, self.setup.sizes)
        return build(list(outputs), "numpy", self.setup.dtype, arguments, self.setup.sizes, name)[0]

    def _start(self, value: Any) -> str:
        text = self._array(value)
        return text if np.ndim(value) else f'np.array({text}, "{self.setup.dtype.name}")'

    def _array(self, value: Any) -> str:
        a = np.asarray(value)
        kind = f'"{a.dtype.name}"'
        if a.ndim == 0:
            return repr(a.item())
        if a.size and np.all(a == a.flat[0]):
            first = a.flat[0].item()
            return f"np.zeros({a.shape}, {kind})" if first == 0 else f"np.full({a.shape}, {first!r}, {kind})"
        if a.size <= LITERAL:
            return f"np.array({a.tolist()}, {kind})"
        self.packed = True
        raw = base64.b85encode(zlib.compress(np.ascontiguousarray(a).tobytes(), 9)).decode()
        lines = "\n".join(f'    "{raw[i : i + 96]}"' for i in range(0, len(raw), 96))
        return f"unpack({a.shape}, {kind},\n{lines}\n)"

    def _head(self, reading: Reading | None) -> str:
        fit, o = self.fit, self.o
        word = "maximized" if o.maximize else "minimized"
        lines = [
            f'"""Training run, exported by Gradwork: {_plain(o.formula)} is {word}',
            f"by {fit.solver}, {self._rate()}, {fit.steps} steps.",
            "",
            f"    python train.py {'DATA ' if reading is not None else ''}[OUT.npz]",
            *(["", *reading.about] if reading is not None else []),
            '"""',
        ]
        return "\n".join(lines)

    def _rate(self) -> str:
        schedule = self.step.optimizer.learning_rate
        return (
            f"learning rate {schedule.initial:g}"
            if is_constant_rate(schedule)
            else f"learning rate {schedule.text}"
        )

    def _train(self, sources: dict[str, Source], wide: dict[str, Expr], flat: dict[str, Any]) -> str:
        setup, step, batching = self.setup, self.step, self.setup.batching
        state = [s.params[0] for s in step.state]
        names = {a.label: a.name for a in sources["step"].signature.arguments}
        spelled = [names[label] for label in state]
        starts = dict(self.o.start)
        for kept in step.kept:
            starts[kept.symbol.params[0]] = np.full(starts[kept.parameter].shape, kept.start, setup.dtype)
        lines = ["def train(data):", '    """Return the parameters that the run reached."""']
        lines += [f"    {new} = {self._start(starts[label])}" for new, label in zip(spelled, state)]
        lines.append(f"    eta = {setup.eta!r}")
        inner = {
            **{n: repr(np.asarray(v).item()) for n, v in flat.items()},
            **{n: f'data["{n}"]' for n in wide},
        }
        order = [a.label for a in sources["step"].signature.arguments][len(step.inner) :]
        free = [f"{s}={setup.sizes[s]}" for s in sources["step"].signature.free]
        left = ", ".join(spelled)
        if batching is None:
            arguments = ", ".join([*spelled, "float(t)", "eta", *(inner[n] for n in order), *free])
            lines += [
                f"    for t in range(1, {self.fit.epochs} + 1):",
                f"        {left}, _ = rounded(step({arguments}))",
            ]
        else:
            taken = [_taken(inner[n], batching.axes[n]) if n in batching.axes else inner[n] for n in order]
            arguments = ", ".join([*spelled, "t", "eta", *taken, *free])
            rows = next(f'data["{n}"].shape[{a}]' for n, a in batching.axes.items() if n in wide)
            lines += [f"    rows, t = {rows}, 0.0", f"    for epoch in range({self.fit.epochs}):"]
            if batching.shuffle:
                lines += [
                    f"        seeds = np.random.SeedSequence(({batching.seed}, epoch))",
                    "        order = np.random.Generator(np.random.PCG64(seeds)).permutation(rows)",
                ]
            else:
                lines.append("        order = np.arange(rows)")
            lines += [
                f"        for start in range(0, rows, {batching.size}):",
                f"            batch = order[start : start + {batching.size}]",
                "            t += 1",
                f"            {left}, _ = rounded(step({arguments}))",
            ]
        learned = ", ".join(spelled[: len(step.symbols)])
        comma = "," if len(step.symbols) == 1 else ""
        measured = [a.label for a in sources["loss"].signature.arguments][len(step.symbols) :]
        more = [inner[n] for n in measured] + [
            f"{s}={setup.sizes[s]}" for s in sources["loss"].signature.free
        ]
        sign = "-" if self.o.maximize else ""
        lines.append(f"    (value,) = loss({', '.join([learned, *more])})")
        lines.append(f"    return ({learned}{comma}), {sign}value")
        return "\n".join(lines)


def _arrays(wide: dict[str, Expr], dtype: np.dtype[Any]) -> Reading:
    """Return how the arrays of a formula are read, each by its name."""
    from gradwork.expr.dims import shape_text

    data = ", ".join(f"{n} ({shape_text(s.shape)})" for n, s in wide.items())
    about = [
        f"DATA is an .npz file with the arrays {data};",
        "or a .csv file with a header, in which a column has the name of each vector, and the matrix is made of",
        "the other columns in their order.",
    ]
    wanted = repr({n: s.ndim for n, s in wide.items()})
    return Reading(about, _LOAD.format(wanted=wanted, dtype=dtype.name), ["import csv"])


def _sorted(imports: set[str]) -> str:
    """Return lines of imports, the standard library's first."""
    outer = {line for line in imports if "numpy" in line or "scipy" in line}
    groups = [sorted(g, key=lambda line: (line.startswith("from"), line)) for g in (imports - outer, outer)]
    return "\n\n".join("\n".join(group) for group in groups if group)


def _taken(x: str, axis: int) -> str:
    return f"{x}.take(batch, axis={axis})"


def _plain(formula: Expr) -> str:
    text = formula.text()
    return text if len(text) < 90 else "a loss"


_UNPACK = '''def unpack(shape, dtype, text):
    """Return the array that was packed into the text."""
    return np.frombuffer(zlib.decompress(base64.b85decode(text)), dtype).reshape(shape)'''

_STOP = '''def stop(message):
    """End with a line on standard error."""
    print(message, file=sys.stderr)
    sys.exit(2)'''

_ROUNDED = '''def rounded(arrays):
    """Return arrays in the precision of the run, whatever a step made of them."""
    return [np.asarray(a, "{dtype}") for a in arrays]'''

_LOAD = '''def load(path):
    """Return the arrays in an .npz or .csv file by name."""
    wanted = {wanted}  # axes by name
    try:
        found = arrays(path, wanted)
    except (OSError, ValueError, KeyError, IndexError) as error:
        stop(f"error: {{path}} cannot be read: {{error}}")
    return {{name: np.ascontiguousarray(found[name], "{dtype}") for name in wanted}}


def arrays(path, wanted):
    """Return the arrays in a file by name, or raise what is wrong with it."""
    if path.endswith(".npz"):
        with np.load(path, allow_pickle=False) as file:
            return {{name: file[name] for name in wanted}}
    with open(path, encoding="utf-8-sig", newline="") as file:
        header, *rows = [row for row in csv.reader(file) if row]
    header = [name.strip() for name in header]
    vectors = [name for name, axes in wanted.items() if axes == 1]
    if len(wanted) - len(vectors) > 1:
        raise ValueError("a .csv file holds one matrix; use an .npz file")
    for name in vectors:
        if name not in header:
            raise ValueError(f"it has no column {{name}}; its columns are {{', '.join(header)}}")
    others = [i for i, name in enumerate(header) if name not in vectors]
    return {{
        name: [float(row[header.index(name)]) for row in rows]
        if name in vectors
        else [[float(row[i]) for i in others] for row in rows]
        for name in wanted
    }}'''

_USAGE = """len(sys.argv) < 2:
        stop("usage: python train.py DATA [OUT.npz]")"""
_USAGE_ALONE = """len(sys.argv) > 2:
        stop("usage: python train.py [OUT.npz]")"""

_MAIN = '''def main():
    """Train on the file named on the command line."""
    if sys.argv[1:2] in (["-h"], ["--help"]):
        return print(__doc__)
    if {usage}
    found, value = {found}
    parameters = dict(zip([{parameters}], {external})){restored}
    print("loss", float(value))
    results = {results}
    for name, array in results.items():
        print(name, np.array2string(np.asarray(array), threshold=20, floatmode="unique"))
    if len(sys.argv) > {out}:
        np.savez(sys.argv[{out}], {saved})


if __name__ == "__main__":
    with np.errstate(all="ignore"):
        main()'''
