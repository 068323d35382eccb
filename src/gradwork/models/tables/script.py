"""The training run of a model of a table as one standalone script: from the CSV file to the coefficients.

What `learn.script` writes begins with arrays. A model of a table begins with columns: here are the readings that
choose, encode, expand and scale them as the fit did, and take the coefficients back to the scale of the table.
"""

from __future__ import annotations

from typing import Any

from gradwork.data.columns import MISSING_MARKS
from gradwork.errors import GradworkError
from gradwork.learn.descent.script import Reading
from gradwork.learn.descent.script import script as run_script


def script(fitted: Any, target: str = "numpy") -> str:
    """Return the training run of a fitted model as the text of a script of NumPy.

    fitted: a `FittedModel` or `FittedFormula` that was fitted by descent, in this process.
    target: "numpy".

    The script reads a CSV file, takes the columns as the fit did (levels, means of missing numbers and scaling are
    those of the fit), repeats its steps over the same batches, and prints the coefficients on the scale of the table.
    It needs NumPy, and SciPy where the steps call its special functions, as those of a logistic model do.
    Raises GradworkError for a model that was solved directly or read from a folder.

    >>> import gradwork as gw
    >>> table = {"area": [70, 90, 80], "colour": ["red", "blue", "red"], "price": [1.5, 2.5, 1.9]}
    >>> text = script(gw.fit(table, "price", optimizer="adam", epochs=5))
    >>> "import gradwork" in text, "('colour', ['blue', 'red'], 1, None)" in text
    (False, True)
    """
    if fitted.fit is None:
        raise GradworkError("model from folder holds no run")
    reading = _columns(fitted) if hasattr(fitted, "formula") else _table(fitted)
    return run_script(_run(fitted), target, reading)


def _run(fitted: Any) -> Any:
    return fitted.fit.details.get("descended", fitted.fit)  # on the standardised target, if there is one


def _dtype(fitted: Any) -> str:
    setup = _run(fitted).details.get("setup")
    return setup.dtype.name if setup is not None else ""


def _columns(fitted: Any) -> Reading:
    """Return the reading of a formula: each symbol is a column of numbers."""
    held = fitted.details.get("held")
    parts = [
        _SYMBOLS.format(columns=dict(fitted.symbols), missing=MISSING_MARKS),
        _TABLE,
        _LOAD_COLUMNS.format(
            prepare="" if held is None else "    data = np.delete(data, HELD_OUT, axis=0)\n",
            dtype=_dtype(fitted),
        ),
    ]
    constants = {} if held is None else {"HELD_OUT": held}
    return Reading(_ABOUT_COLUMNS, "\n\n\n".join(parts), _IMPORTS, constants)


def _table(fitted: Any) -> Reading:
    """Return the reading of a model: columns, encoded, expanded and scaled."""
    model, levels, scaling = fitted.model, list(fitted.levels), fitted.scaling
    classes = model.classes
    constants, prepare, functions = {}, [], []
    if fitted.terms is not None:
        functions.append(_EXPANDED.format(monomials=fitted.terms.monomials))
        prepare.append("X = expanded(X)")
    if scaling is not None:
        constants |= {"MEAN": scaling.mean, "DEVIATION": scaling.deviation}
        prepare.append("X = (X - MEAN) / DEVIATION")
    if classes:
        prepare.append("y = np.eye(len(LEVELS))[y.astype(int)]")
    restored = ""
    moved = fitted.fit.details.get("target_scale")
    if moved is not None:
        prepare.append(f"y = (y - {moved.mean!r}) / {moved.deviation!r}")
        functions.append(_RESTORED.format(mean=moved.mean, deviation=moved.deviation, power=moved.power))
        restored = "parameters, value = restored(parameters, value)"
    if fitted.details.get("held") is not None:
        constants["HELD_OUT"] = fitted.details["held"]  # rows for validation
        prepare.append("X, y = np.delete(X, HELD_OUT, axis=0), np.delete(y, HELD_OUT, axis=0)")
    parts = [
        _FACTS.format(
            features="\n".join(
                f"    {(f.name, list(f.levels), int(f.reference), f.mean)!r},"
                for f in fitted.encoding.features
            ),
            target=fitted.target,
            levels=levels,
            names=list(fitted.names),
            missing=MISSING_MARKS,
        ),
        _TABLE,
        *functions,
        _LOAD.format(
            prepare="".join(f"    {line}\n" for line in prepare),
            X=model.X.params[0],
            y=model.y.params[0],
            dtype=_dtype(fitted),
        ),
        _coefficients(model, scaling is not None, classes),
    ]
    return Reading(
        _ABOUT,
        "\n\n\n".join(parts),
        _IMPORTS,
        constants,
        restored,
        "coefficients(**parameters)",
        "**parameters, names=list(results), coefficients=list(results.values())",
    )


def _coefficients(model: Any, scaled: bool, classes: bool) -> str:
    """Return the function from the learned parameters to the coefficients by name."""
    weights = model.parameters[0].params[0]
    lines = [
        f"def coefficients({', '.join(p.params[0] for p in model.parameters)}):",
        '    """Return the coefficients on the scale of the table, by name."""',
        f"    beta = np.asarray({weights}, float)",
    ]
    if model.intercept:
        lines.append("    constant = np.asarray(b, float)")
    if scaled:
        lines.append("    beta = (beta.T / DEVIATION).T")
        if model.intercept:
            lines.append("    constant = constant - MEAN @ beta")
    if model.intercept:
        lines.append("    beta = np.concatenate([constant[None], beta])")
    if classes:
        lines += [
            "    beta = beta - beta[:, :1]  # against the first class",
            "    return {",
            '        f"{label}: {name}": value',
            "        for label, column in zip(LEVELS[1:], beta.T[1:])",
            "        for name, value in zip(NAMES, column)",
            "    }",
        ]
    else:
        lines.append("    return dict(zip(NAMES, beta))")
    return "\n".join(lines)


_IMPORTS = ("import csv", "import gzip", "import io")

_ABOUT_COLUMNS = (
    "DATA is a .csv file (also .csv.gz) with a header, in which the columns of COLUMNS stand. Rows that miss one of",
    "their values are left out.",
)

_SYMBOLS = """COLUMNS = {columns!r}  # by the symbols of the formula
WANTED = list(COLUMNS.values())
MISSING = {missing!r}"""

_LOAD_COLUMNS = '''def load(path):
    """Return the columns of the formula by symbol."""
    separator, header, rows = table(path)
    places = [(column, header.index(column)) for column in WANTED]
    data = []
    for i, row in enumerate(rows, 1):
        x = [value(row[at], [], separator, f"{{path}} row {{i}}, column {{column!r}}") for column, at in places]
        if None not in x:
            data.append(x)
    if not data:
        stop(f"error: {{path}} has no complete row")
    data = np.array(data)
{prepare}    return {{name: np.ascontiguousarray(data[:, j], "{dtype}") for j, name in enumerate(COLUMNS)}}'''

_ABOUT = (
    "DATA is a .csv file (also .csv.gz) with a header, in which the columns of FEATURES and TARGET stand. Rows without",
    "a target are left out, and rows that miss a value for which the fit had no mean. The coefficients are printed on",
    "the scale of the table.",
)

_FACTS = """# Each column: its categories, the place of the first that has a coefficient (at 1 the one before is the
# reference), and what stands for a missing number.
FEATURES = [
{features}
]
TARGET, LEVELS = {target!r}, {levels!r}
WANTED = [*(column for column, *_ in FEATURES), TARGET]
NAMES = {names!r}
MISSING = {missing!r}"""

_TABLE = '''def table(path):
    """Return the separator, the header and the rows of a .csv file, their cells trimmed."""
    try:
        with (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="utf-8-sig", newline="") as file:
            text = file.read()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        stop(f"error: {path} cannot be read: {error}")
    for separator in ",;\\t|":
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        rows = [[cell.strip() for cell in row] for row in reader if row]
        header = [name or f"column {i}" for i, name in enumerate(rows[0], 1)] if rows else []
        if all(column in header for column in WANTED):
            break
    else:
        stop(f"error: {path} lacks some of the columns {', '.join(WANTED)}")
    for i, row in enumerate(rows):
        if len(row) != len(header):
            stop(f"error: {path} row {i} has {len(row)} cells, the header has {len(header)}")
    return separator, header, rows[1:]


def value(cell, levels, separator, place):
    """Return a cell as a number, or its place among the levels; None where nothing stands."""
    if cell in levels:
        return levels.index(cell)
    if cell in MISSING:
        return None
    try:
        if cell.lower() in ("true", "false"):
            number = float(cell.lower() == "true")
        else:
            number = float(cell if separator == "," else cell.replace(",", "."))
        return levels.index(number) if levels else number
    except ValueError:
        stop(f"error: {place}: {cell!r} is not {'one of ' + str(levels) if levels else 'a number'}")'''

_EXPANDED = '''def expanded(X):
    """Return the products of columns that the model is linear in."""
    monomials = {monomials!r}
    out, done = np.empty((len(X), len(monomials))), {{}}
    for i, monomial in enumerate(monomials):
        shorter = done.get(monomial[:-1])
        if shorter is not None:
            out[:, i] = out[:, shorter] * X[:, monomial[-1]]
        else:
            out[:, i] = np.prod(X[:, list(monomial)], axis=1)
        done[monomial] = i
    return out'''

_RESTORED = '''def restored(parameters, value):
    """Return what was learned for the target at mean 0 and deviation 1, and the loss, for the target itself."""
    moved = {{name: a * {deviation!r} for name, a in parameters.items()}}
    if "b" in moved:
        moved["b"] = np.asarray(float(parameters["b"]) * {deviation!r} + {mean!r})
    return moved, float(value) * {deviation!r} ** {power}'''

_LOAD = '''def load(path):
    """Return the arrays that the model is fitted to."""
    separator, header, rows = table(path)
    places = [header.index(column) for column, *_ in FEATURES]
    X, y = [], []
    for i, row in enumerate(rows, 1):
        x = []
        for (column, levels, first, mean), at in zip(FEATURES, places):
            found = value(row[at], levels, separator, f"{{path}} row {{i}}, column {{column!r}}")
            if levels:
                x += [None] if found is None else [float(found == k) for k in range(first, len(levels))]
            else:
                x.append(mean if found is None else found)
        goal = value(row[header.index(TARGET)], LEVELS, separator, f"{{path}} row {{i}}, column {{TARGET!r}}")
        if goal is not None and None not in x:
            X.append(x)
            y.append(float(goal))
    if not X:
        stop(f"error: {{path}} has no complete row")
    X, y = np.array(X), np.array(y)
{prepare}    return {{"{X}": np.ascontiguousarray(X, "{dtype}"), "{y}": np.ascontiguousarray(y, "{dtype}")}}'''
