"""A training run as one standalone NumPy script: the step's text, the batches' order, the start, a loop.

The script holds no data. It reads them from a file (.npz with one array for each symbol, or .csv), repeats as many
steps as the fit kept, and prints and saves the parameters. A NumPy run is repeated bit for bit; a compiled or
hoisted one up to rounding.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gradwork.errors import GradworkError
from gradwork.expr.node import Expr
from gradwork.learn.loops import Setup, written
from gradwork.learn.schedules import is_constant_rate
from gradwork.run.source import Source

if TYPE_CHECKING:
    from gradwork.learn.fit import Fit

LITERAL = 64  # arrays of more numbers are packed


def script(fit: Fit, target: str = "numpy") -> str:
    """Return the run of a fit as the text of a script for "numpy"."""
    if target != "numpy":
        raise GradworkError(f'a training run is written for "numpy", not {target!r}')
    return _Script(fit).text()


class _Script:
    def __init__(self, fit: Fit):
        self.fit = fit
        self.setup: Setup = fit.details["setup"]
        self.step = self.setup.step
        self.o = fit.objective
        self.packed = False

    def text(self) -> str:
        setup, step, fit = self.setup, self.step, self.fit
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
        blocks = [
            self._head(wide),
            "\n".join(
                sorted(
                    imports,
                    key=lambda line: (line.startswith("from"), "numpy" in line or "scipy" in line, line),
                )
            ),
            "\n".join(constants),
            *bodies,
            _LOAD.format(wanted=repr({n: s.ndim for n, s in wide.items()}), dtype=setup.dtype.name),
            self._train(sources, wide, flat),
            _MAIN.format(
                parameters=", ".join(repr(n) for n in self.o.parameters),
                external="formula_parameters(*found)" if "formula_parameters" in sources else "found",
            ),
        ]
        text = "\n\n\n".join(b for b in blocks if b)
        if self.packed:
            text = text.replace("import sys\n", "import base64\nimport sys\nimport zlib\n", 1)
            text = text.replace("\n\n\ndef ", f"\n\n\n{_UNPACK}\n\n\ndef ", 1)
        del fit
        return text + "\n"

    def _source(self, outputs: Sequence[Expr], arguments: Sequence[Expr], name: str = "step") -> Source:
        from gradwork.run.program import build

        if name == "step":
            return written(outputs, "numpy", self.setup.dtype, arguments, self.setup.sizes)
        return build(list(outputs), "numpy", self.setup.dtype, arguments, self.setup.sizes, name)[0]

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

    def _head(self, wide: dict[str, Expr]) -> str:
        from gradwork.expr.dims import shape_text

        fit, o = self.fit, self.o
        word = "maximized" if o.maximize else "minimized"
        data = ", ".join(f"{n} ({shape_text(s.shape)})" for n, s in wide.items()) or "none"
        lines = [
            f'"""Training run, exported by Gradwork: {_plain(o.formula)} is {word}',
            f"by {fit.solver}, {self._rate()}, {fit.steps} steps.",
            "",
            "    python train.py DATA [OUT.npz]",
            "",
            f"DATA is an .npz file with the arrays {data};",
            "or a .csv file with a header, in which a column has the name of each vector, and the matrix is made of",
            "the other columns in their order.",
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
        lines += [f"    {new} = {self._array(starts[label])}" for new, label in zip(spelled, state)]
        lines.append(f"    eta = {setup.eta!r}")
        inner = {
            **{n: repr(np.asarray(v).item()) for n, v in flat.items()},
            **{n: f'data["{n}"]' for n in wide},
        }
        order = [a.label for a in sources["step"].signature.arguments][len(step.inner) :]
        free = [f"{s}={setup.sizes[s]}" for s in sources["step"].signature.free]
        left = ", ".join(spelled)
        if batching is None:
            arguments = ", ".join([*spelled, "t", "eta", *(inner[n] for n in order), *free])
            lines += [
                f"    for t in range(1, {self.fit.epochs} + 1):",
                f"        {left}, _ = step({arguments})",
            ]
        else:
            taken = [_taken(inner[n], batching.axes[n]) if n in batching.axes else inner[n] for n in order]
            arguments = ", ".join([*spelled, "t", "eta", *taken, *free])
            rows = next(f'data["{n}"].shape[{a}]' for n, a in batching.axes.items() if n in wide)
            lines += [f"    rows, t = {rows}, 0", f"    for epoch in range({self.fit.epochs}):"]
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
                f"            {left}, _ = step({arguments})",
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


def _taken(x: str, axis: int) -> str:
    return f"{x}.take(batch, axis={axis})"


def _plain(formula: Expr) -> str:
    text = formula.text()
    return text if len(text) < 90 else "a loss"


_UNPACK = '''def unpack(shape, dtype, text):
    """Return the array that was packed into the text."""
    return np.frombuffer(zlib.decompress(base64.b85decode(text)), dtype).reshape(shape)'''

_LOAD = '''def load(path):
    """Return the arrays in an .npz or .csv file by name."""
    wanted = {wanted}  # axes by name
    if path.endswith(".npz"):
        with np.load(path, allow_pickle=False) as file:
            return {{name: np.ascontiguousarray(file[name], "{dtype}") for name in wanted}}
    with open(path, encoding="utf-8-sig") as file:
        header = [name.strip().strip('"') for name in file.readline().split(",")]
        table = np.loadtxt(file, delimiter=",", ndmin=2)
    vectors = [name for name, axes in wanted.items() if axes == 1]
    if len(wanted) - len(vectors) > 1:
        raise SystemExit("a .csv file holds one matrix; use an .npz file")
    others = [i for i, name in enumerate(header) if name not in vectors]
    return {{
        name: np.ascontiguousarray(table[:, header.index(name) if name in vectors else others], "{dtype}")
        for name in wanted
    }}'''

_MAIN = '''def main():
    """Train on the file named on the command line."""
    found, value = train(load(sys.argv[1]) if len(sys.argv) > 1 else {{}})
    parameters = dict(zip([{parameters}], {external}))
    print("loss", float(value))
    for name, array in parameters.items():
        print(name, np.array2string(np.asarray(array), threshold=20))
    if len(sys.argv) > 2:
        np.savez(sys.argv[2], **parameters)


if __name__ == "__main__":
    with np.errstate(all="ignore"):
        main()'''
