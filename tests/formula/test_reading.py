"""Whole formulas: the expression that Python's operators build, the shapes that are found, what is assumed."""

from fractions import Fraction

import pytest

from gradwork.errors import FormulaError
from gradwork.expr import constant, dims, eye, matrix, scalar, shape_text, size, symbol, vector
from gradwork.formula import parse, read
from gradwork.ops import CONSTANTS, FUNCTIONS

n, d, k = dims("n", "d", "k")
A, B, C = matrix("A", n, n), matrix("B", n, d), matrix("C", d, k)
X, Y, W = matrix("X", n, d), matrix("Y", n, k), matrix("W", d, k)
x, y, b = vector("x", n), vector("y", n), vector("b", d)
s, t, λ = scalar("s"), scalar("t"), scalar("λ")
F = type("F", (), {name: staticmethod(f) for name, f in FUNCTIONS.items()})
SHAPES = "A: n n, B: n d, C: d k, X: n d, Y: n k, W: d k, x: n, y: n, b: d, s: , t: , λ: "


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("mean((y - X@b)^2)", F.mean((y - X @ b) ** 2)),
        ("mean((y − Xb)²)", F.mean((y - X @ b) ** 2)),
        ("mean((y - X b)^2) + λ b'b", F.mean((y - X @ b) ** 2) + (λ * b) @ b),
        ("mean(softplus(X@b) - y*(X@b))", F.mean(F.softplus(X @ b) - y * (X @ b))),
        ("−1/n Σ Y ∘ log softmax(XW)", -((1 / size(n)) * F.sum(Y * F.log(F.softmax(X @ W))))),
        ("x'A x", (x @ A) @ x),
        ("x.T @ A @ x", (x @ A) @ x),
        ("x y'", F.outer(x, y)),
        ("x'y", x @ y),
        ("x @ y", x @ y),
        ("x * y", x * y),
        ("2 x", 2 * x),
        ("x' A", x @ A),
        ("A⁻¹x", F.inv(A) @ x),
        ("A^-1", F.inv(A)),
        ("A ** -1", A**-1),
        ("A⁻ᵀ", F.inv(A).T),
        ("A^2", F.matrix_power(A, 2)),
        ("A**2", A**2),
        ("A.^2", A**2),
        ("X'X", X.T @ X),
        ("X^T y", X.T @ y),
        ("‖X‖²_F", F.norm(X, ord="fro") ** 2),
        ("‖y - X b‖_1", F.norm(y - X @ b, ord=1)),
        ("norm(x, ord=inf)", F.norm(x, ord="inf")),
        ("|x|", F.abs(x)),
        ("s^t", s**t),
        ("s log t", s * F.log(t)),
        ("-s^2", -(s**2)),
        ("e^s", F.exp(s)),
        ("2π s", 2 * CONSTANTS["pi"] * s),
        ("A - λ I", A - λ * eye(n)),
        ("n s", size(n) * s),
        ("where(x > 0, √x, 0)", F.where(x > 0, F.sqrt(x), 0)),
        ("x <= y", x <= y),
        ("x ≤ y", x <= y),
        ("x ≥ y", x >= y),
        ("x == y", F.equal(x, y)),
        ("x != y", F.not_equal(x, y)),
        ("x ≠ y", F.not_equal(x, y)),
        ("mean((X b > 0) == y)", F.mean(F.equal(X @ b > 0, y))),
        ("max(x, 0)", F.maximum(x, 0)),
        ("min(x, y)", F.minimum(x, y)),
        ("max(x, y, 0)", F.maximum(F.maximum(x, y), 0)),
        ("max(X, axis=0)", F.max(X, axis=0)),
        ("mean(max(0, 1 - y*(X b)))", F.mean(F.maximum(0, 1 - y * (X @ b)))),
        ("(X'X)^-1", F.inv(X.T @ X)),
        ("flip(x)'flip(x)", F.flip(x) @ F.flip(x)),
        ("conv1d(x, b)'conv1d(x, b)", F.conv1d(x, b) @ F.conv1d(x, b)),
        ("window(x, 3)", F.window(x, 3)),
        ("window(x, k) C[0]", F.window(x, k) @ C[0]),
        ("maxpool(x, 2)", F.maxpool(x, 2)),
        ("pad(x, 1)", F.pad(x, 1)),
        ("take(x, [[0, 1], [1, 2]])", F.take(x, [[0, 1], [1, 2]])),
        ("sum(X, axis=1)", F.sum(X, axis=1)),
        ("sum(X, 1)", F.sum(X, 1)),
        ("mean(X, axis=(0, 1), keepdims=True)", F.mean(X, axis=(0, 1), keepdims=True)),
        ("X - mean(X, axis=1, keepdims=True)", X - F.mean(X, axis=1, keepdims=True)),
        ("softmax(X, axis=0)", F.softmax(X, axis=0)),
        ("var(X, axis=0, ddof=1)", F.var(X, axis=0, ddof=1)),
        ("X[0]", X[0]),
        ("X[:, 1]", X[:, 1]),
        ("x[1:] - x[:-1]", x[1:] - x[:-1]),
        ("x[[0, 0, 1]]", x[[0, 0, 1]]),
        ("x[n-1]", x[n - 1]),
        ("x[::-1]", x[::-1]),
        ("X[:d]", X[:d]),
        ("stack([x, y], axis=1)", F.stack([x, y], axis=1)),
        ("concatenate([x, y, x])", F.concatenate([x, y, x])),
        ("reshape(X, -1)", F.reshape(X, -1)),
        ("reshape(x, n, 1)", F.reshape(x, n, 1)),
        ("reshape(x, (1, n))", F.reshape(x, 1, n)),
        ("take(X, [0, 2], axis=1)", F.take(X, [0, 2], axis=1)),
        ("ones(n)'x", F.ones(n) @ x),
        ("eye(n) + A", eye(n) + A),
        ("clip(x, 0, 1)", F.clip(x, 0, 1)),
        ("leaky_relu(x, alpha=0.1)", F.leaky_relu(x, 0.1)),
        ("polygamma(2, s)", F.polygamma(2, s)),
        ("matrix_power(A, 3)", F.matrix_power(A, 3)),
        ("transpose(X, [1, 0])", F.transpose(X, (1, 0))),
        ("diag(x) A", F.diag(x) @ A),
        ("solve(A, y)", F.solve(A, y)),
        ("kron(A, X)", F.kron(A, X)),
        ("cumsum(X, axis=0, reverse=True)", F.cumsum(X, axis=0, reverse=True)),
        ("multiply(x, y, s)", F.multiply(x, y, s)),
        ("y log(x)", y * F.log(x)),
        ("1e-3 + 0.5s", 1e-3 + 0.5 * s),
        ("x^(-1/2)", x ** constant(Fraction(-1, 2))),
        ("x^(3-1)", x**2),
    ],
)
def test_the_expression_is_the_one_that_python_builds(text, wanted):
    assert parse(text, SHAPES) is wanted


@pytest.mark.parametrize(
    ("text", "shapes"),
    [
        ("x^2 + 2x + 3", "x scalar"),
        ("mean((y - X@b)^2)", "y n, X n×d, b d"),
        ("mean((y - (w x + b))^2)", "y n, w scalar, x n, b scalar"),
        ("mean((y - (b0 + b1 x))^2)", "y n, b0 scalar, b1 scalar, x n"),
        ("mean((y - (β0 + β1 x))^2)", "y n, β0 scalar, β1 scalar, x n"),
        ("mean((y - X b)^2) + c b'b", "y n, X n×d, b d, c scalar"),
        ("mean((y - X β)^2) + α ‖β‖²", "y n, X n×d, β d, α scalar"),
        ("mean(softplus(X@b) - y*(X@b))", "X n×d, b d, y n"),
        ("-mean(sum(Y * log_softmax(X@W), axis=1))", "Y n×k, X n×d, W d×k"),
        ("k log θ + (n−k) log(1−θ)", "k scalar, θ scalar, n scalar"),
        ("sum(k log θ + (n−k) log(1−θ))", "k d, θ scalar, n scalar"),
        ("-n log σ - sum((x - μ)^2)/(2σ^2)", "σ scalar, x n, μ scalar"),
        ("x'A x", "x n, A n×n"),
        ("tr(A X B)", "A n×d, X d×k, B k×n"),
        ("norm(A X B + C)^2", "A n×d, X d×k, B k×m, C n×m"),
        ("logdet(S)", "S n×n"),
        ("inv(S) + cholesky(S)", "S n×n"),
        ("solve(A, b)", "A n×n, b n"),
        ("(Bx+b)'C(Dx+d)", "B n×k, x k, b n, C n×m, D m×k, d m"),
        ("mean((softmax(tanh(X@W1 + b1)@W2 + b2) - Y)^2)", "X n×d, W1 d×k, b1 k, W2 k×m, b2 m, Y n×m"),
        ("tanh(X W + b)", "X n×d, W d×k, b k"),
        ("σ(X w + b)", "X n×d, w d, b scalar"),
        ("X - mean(X, axis=0)", "X n×d"),
        ("max(x) - x", "x n"),
        ("sum(x[1:] - x[:-1])", "x n"),
        ("S - λ I", "S n×n, λ scalar"),
        ("eye(n) - A", "A n×n"),
        ("reshape(x, 2, 3)", "x 6"),
        ("where(x > 0, x, 0)", "x scalar"),
        ("sum(where(x > 0, x, 0))", "x n"),
        ("x' diag(w) X", "x n, w n, X n×d"),
    ],
)
def test_shapes_are_inferred(text, shapes):
    found = read(text).symbols
    wanted = dict(entry.split() for entry in shapes.split(", "))
    assert {name: shape_text(e.shape) for name, e in found.items()} == wanted


def test_declared_sizes_keep_their_names_and_the_rest_is_found():
    found = read("mean((y - X@b)^2)", "X: rows features").symbols
    assert found["y"].shape == dims("rows")
    assert found["b"].shape == dims("features")
    assert read("X@W", "X: 20 3").symbols["W"].shape == (3, "n")


def test_assumptions_are_said():
    reading = read("mean((y - (w x + b))^2) + Λ'v - Λ'v + λ", "x: n")
    assert reading.assumptions == [
        "y is taken as a vector n (lower case)",
        "w is taken as a scalar (a number beside the data)",
        "b is taken as a scalar (the intercept beside the weights); a vector fits too: declare b: n",
        "Λ is taken as a matrix d×k (upper case)",
        "v is taken as a vector d (lower case)",
        "λ is taken as a scalar (a Greek letter)",
    ]
    assert reading.sizes == ("n", "d", "k")
    assert reading.text.startswith("mean")
    assert read("x^2 + 3").assumptions == ["x is taken as a scalar (it is used only with numbers)"]
    assert read("mean(x)", "x: n").assumptions == []
    assert "I is the identity matrix" in read("A - I").assumptions
    assert "π is the number 3.14159…" in read("2π").assumptions
    assert "e is Euler's number: e^x is exp(x)" in read("e^x").assumptions
    assert "x y' is read as an outer product" in read("x y'").assumptions
    assert "A^2 is the matrix power; A.^2 raises each component" in read("A^2", "A: n n").assumptions


def test_conventions_give_way_to_declarations():
    reading = read("e + I + π + Σ x", {"e": "n", "I": "n", "π": "", "Σ": "", "x": "n"})
    assert reading.assumptions == []
    assert set(reading.symbols) == {"e", "I", "π", "Σ", "x"}


def test_symbols_may_be_given_as_expressions():
    reading = read("mean((y - p)^2)", symbols={"p": X @ b})
    assert reading.expr is F.mean((y - X @ b) ** 2)
    assert read("n * mean(y)", symbols={"y": y}).expr is size(n) * F.mean(y)
    with pytest.raises(FormulaError, match="X is given as an expression"):
        read("X", "X: n d", symbols={"X": X})


def test_declared_but_unused_symbols_are_kept():
    assert set(read("x", "x: n, z: 3").symbols) == {"x", "z"}


def test_facts():
    S = symbol("S", ("d", "d"), symmetric=True, positive=True)
    assert parse("tr(S)", "S: d d symmetric", {"S": ("positive",)}) is F.trace(S)
    assert parse("tr(S)", facts={"S": ("symmetric",)}).symbols["S"].shape == dims("n", "n")
    assert read("x' d", facts={"d": ("diagonal",)}, shapes="x: n").symbols["d"].ndim == 2
    assert "onehot" in parse("sum(Y)", facts={"Y": "onehot"}).symbols["Y"].params[1]
    for facts, message in [
        ({"S": ("symetric",)}, "unknown fact 'symetric' about S; did you mean 'symmetric'?"),
        ({"Z": ("positive",)}, "facts are given of Z, which is not in the formula"),
    ]:
        with pytest.raises(FormulaError) as caught:
            parse("tr(S)", facts=facts)
        assert caught.value.message == message
    with pytest.raises(FormulaError, match="x is declared symmetric, so it must be a square matrix, not n"):
        parse("sum(x)", "x: n", facts={"x": ("symmetric",)})


def shown(text, shapes=None, **more):
    with pytest.raises(FormulaError) as caught:
        read(text, shapes, **more)
    return str(caught.value)


def test_the_shape_error_of_the_looks():
    assert shown("y - X@b + z", "X: n d, z: m") == (
        "these cannot be added: y - X@b has size n, z has size m\n"
        "  y - X@b + z\n"
        "  ~~~~~~~ ^ ~\n"
        "  n comes from X: n d; m from z: m"
    )


@pytest.mark.parametrize(
    ("text", "shapes", "message", "marks", "note"),
    [
        (
            "X @ y",
            "X: n d, y: n",
            "these cannot be multiplied: X has shape n×d, y has size n; the inner sizes d and n differ",
            "~ ^ ~",
            "n and d come from X: n d",
        ),
        (
            "X @ 3",
            None,
            "these cannot be multiplied: X has shape n×d, 3 is a scalar; with a scalar write *",
            "~ ^ ~",
            "n and d come from X, taken as a matrix n×d",
        ),
        (
            "x y",
            "x: n, y: n",
            "x and y are two columns side by side: write x'y for the inner product, x * y for that of components",
            "~ ~",
            "n comes from x: n",
        ),
        (
            "x' * y",
            None,
            "these cannot be multiplied: x' has size n, y has size n; x' is a row, y a column; "
            "write @ for the matrix product",
            "~~ ^ ~",
            "n comes from x, taken as a vector n",
        ),
        (
            "X x'",
            "X: n n, x: n",
            "these cannot be multiplied: X has shape n×n, x' has size n; a matrix meets a column, x, not a row",
            "~^~~",
            "n comes from X: n n",
        ),
        ("X^-1", "X: n d", "only a square matrix has an inverse; X has shape n×d", "~ ^^", "n and d come from X: n d"),
        ("det(X)", "X: n d", "det needs a square matrix; X has shape n×d", "^^^ ~", "n and d come from X: n d"),
        ("softmax(2)", None, "softmax needs a vector or a matrix; 2 is a scalar", "^^^^^^^ ~", None),
        ("sum(x, axis=1)", "x: n", "axis 1 does not exist; x has size n", "^^^ ~", "n comes from x: n"),
        (
            "maximum(x, y)",
            "x: n, y: m",
            "the arguments of maximum do not meet: x has size n, y has size m",
            "^^^^^^^ ~  ~",
            "n comes from x: n; m from y: m",
        ),
        ("x[1:] - x", None, "these cannot be subtracted: x[1:] has size n − 1, x has size n", "~~~~~ ^ ~", "n comes from x, taken as a vector n"),
        ("x[0, 0]", "x: n", "an index of 2 axes is too long: x has size n", "^^^^^^^", "n comes from x: n"),
        ("stack([a, b])", "a: n, b: m", "only arrays of one shape can be stacked: shapes n and m", "^^^^^ ~~~~~~", None),
        ("reshape(X, 4)", "X: 3 5", "a shape of 4 entries is asked for; X has shape 3×5", "^^^^^^^ ~  ~", None),
        ("x[5]", "x: 3", "index 5 is outside axis 0 of size 3", "^^^^", None),
        ("x[::0]", None, "the step of a slice is a whole number other than 0", "  ^^^", None),
        ("norm(x, nuc)", None, "the order of a vector's norm is a number, inf or -inf, not 'nuc'; x has size n", "^^^^ ~  ~~~", "n comes from x, taken as a vector n"),
        ("exp(x, y)", None, "exp takes 1 argument; too many are given", "^^^", None),
        ("where(x)", None, "where takes 3 arguments, not 1", "^^^^^", None),
        ("reshape(x)", None, "reshape takes at least 2 arguments, not 1", "^^^^^^^", None),
        ("sum(X, axs=1)", None, "sum has no option 'axs'; did you mean 'axis'?", "~~~        ^", None),
        ("sum(X, axis=0.5)", None, "a whole number is needed here", "            ^^^", None),
        ("eye(n)", "n: ", "'n' is declared as a symbol; a size is needed here", "    ^", None),
        ("ones(0)", None, "a size is at least 1", "^^^^ ~", None),
        ("True + 1", None, "'True' is only a value of options such as keepdims; it has no meaning here", "^^^^", None),
        ("sum([x, y])", None, "a list can only be an argument, as in stack([a, b])", "    ^^^^^^", None),
        ("flip(2)", None, "flip needs a vector or a matrix; 2 is a scalar", "^^^^ ~", None),
        ("window(x, 2.5)", None, "a whole number is needed here", "          ^^^", None),
        ("avgpool(x, axis=(0, 1))", None, "axis is one whole number", "                ^^^^^^", None),
        ("var(x, ddof=[0])", None, "ddof is one number", "            ^^^", None),
        ("max(x, 0, keepdims=True)", None, "the axis of max is given by name: max(x, axis=0)", "~~~    ^", None),
        ("max(x, (0, 1))", None, "the axis of max is given by name: max(x, axis=0)", "~~~    ^^^^^^", None),
        ("matrix_power(A, 1001)", "A: 3 3", "a matrix power goes up to 1,000", "^^^^^^^^^^^^ ~  ~~~~", None),
        ("10^10^10^10", None, "this number is too large for float64", "   ^^^^^^^^", None),
        ("x^2^2^2^2^2^2", None, "this number is too large for float64", "    ^^^^^^^^^", None),
        ("10^400", None, "this number is too large for float64", "^^^^^^", None),
        ("10^-400", None, "this number is too small for float64", "^^^^^^^", None),
        ("2'", None, "a number has no transpose; the vector of ones is ones(n)", "^", None),
    ],
)  # fmt: skip
def test_shape_errors(text, shapes, message, marks, note):
    lines = [message, "  " + text, "  " + marks, *(["  " + note] if note else [])]
    assert shown(text, shapes) == "\n".join(lines)


def test_an_error_of_the_convention_is_not_hidden_by_a_scalar():
    # As scalars, x or y would fit; but a row times a column with * is a mistake of notation.
    assert "write @ for the matrix product" in shown("mean(x' * y)")


def test_long_formulas_are_read_without_recursion():
    assert len(read("+".join(["x"] * 5_000)).symbols) == 1
    assert read("*".join(["x"] * 5_000), "x: n").expr.ndim == 1


def test_what_has_more_than_one_meaning_is_said():
    def said(text, shapes=None):
        return read(text, shapes).assumptions

    assert said("max(x, 0)", "x: n") == [
        "max(x, 0) compares each entry with 0; along an axis it is max(…, axis=0)"
    ]
    assert said("max(x, y)", "x: n, y: n") == []
    for base in ("(A'A)", "inv(A)", "A'", "(A - λ I)"):
        line = f"{base}^2 is the matrix power; {base}.^2 raises each component"
        assert line in said(f"{base}^2", "A: n n")
    assert said("(X + X)^2 + (x - 1)^2", "X: n d, x: d") == []
    assert said("1/2n ‖y - X b‖^2", "y: n, X: n d, b: d")[0] == (
        "1/2n is read as (1/2) n; write 1/(2n) if all of it divides"
    )
    assert "1/2(…) is read as (1/2) (…); write 1/(2(…)) if all of it divides" in said("1/2(x + 1)")


@pytest.mark.parametrize(
    ("text", "rank"),
    [
        ("(x-μ)'inv(Σ)(x-μ)", 1),
        ("(x-μ)'Σ^-1(x-μ)", 1),
        ("−1/2 (x − μ)ᵀA(x − μ)", 1),
        ("(x-μ)'solve(S, x-μ)", 1),
        ("‖A (x - μ)‖²", 1),
        ("(X b - μ)'S (X b - μ)", 1),
        ("sum((y - μ)^2)", 0),
        ("(y − μ)²", 0),
        ("mean((x − μ)²) + x'A x", 0),
        ("X'(y - μ X b)", 0),
    ],
)
def test_a_greek_name_in_a_quadratic_form_is_a_vector(text, rank):
    assert read(text).symbols["μ"].ndim == rank


def test_a_function_without_a_rule_is_asked_itself(monkeypatch):
    from gradwork.formula.functions import RULES

    for name in ("flip", "outer", "stack", "trace"):
        monkeypatch.delitem(RULES, name)
    assert parse("flip(x)'flip(x)", SHAPES) is F.flip(x) @ F.flip(x)
    assert parse("outer(x, y) stack([x, y], axis=1)", SHAPES) is F.outer(x, y) @ F.stack([x, y], axis=1)
    assert shown("trace(x) + 1", "x: n").startswith("trace")
