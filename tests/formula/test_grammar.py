"""The grammar: what binds to what, seen as fully bracketed text."""

import pytest

from gradwork.errors import FormulaError
from gradwork.formula.grammar import parse_tree
from gradwork.formula.lexer import tokenize
from gradwork.formula.tree import Binary, Call, Group, Index, Name, Negative, Number, Slice, Transpose
from gradwork.formula.vocabulary import Vocabulary

FUNCTIONS = frozenset(
    "sum mean exp log sin norm abs sqrt softmax trace det sigmoid where maximum stack".split()
)

SUMS = "nothing behind this sum has its index: write Σ_i x_i^2, or sum(x^2)"


def spell(node):
    """Return a tree as text with all its brackets; factors without a sign between are joined by ~."""
    match node:
        case Number(value=value):
            return str(value)
        case Name(name=name):
            return name
        case Binary(op=op, left=left, right=right):
            return f"({spell(left)}{'~' if op == 'beside' else op}{spell(right)})"
        case Negative(operand=x):
            return f"-{spell(x)}"
        case Transpose(operand=x):
            return f"{spell(x)}'"
        case Call(name=name, args=args, options=options):
            return (
                f"{name}({', '.join([*map(spell, args), *(f'{k}={spell(v)}' for k, v in options.items())])})"
            )
        case Index(operand=x, items=items):
            return f"{spell(x)}[{', '.join(map(spell, items))}]"
        case Slice(parts=parts):
            return ":".join("" if p is None else spell(p) for p in parts)
        case Group(items=items, bracket=bracket):
            return f"{bracket}{','.join(map(spell, items))}{')' if bracket == '(' else ']'}"
    raise AssertionError(node)


def tree(text, declared=()):
    return spell(parse_tree(text, Vocabulary(FUNCTIONS, frozenset(declared))).root)


@pytest.mark.parametrize(
    ("text", "bracketed"),
    [
        # powers bind before minus, and from the right
        ("-x^2", "-(x^2)"),
        ("2^3^x", "(2^(3^x))"),
        ("2^-x", "(2^-x)"),
        ("x ** 2", "(x^2)"),
        ("x²", "(x^2)"),
        ("x⁻¹", "(x^-1)"),
        ("a - b - c", "((a-b)-c)"),
        ("a / b / c", "((a/b)/c)"),
        ("--x", "--x"),
        # products without a sign
        ("2x + 3", "((2~x)+3)"),
        ("2(x+1)", "(2~(x+1))"),
        ("w x + b", "((w~x)+b)"),
        ("1/2 x", "((1/2)~x)"),
        ("−2/n Xᵀ(y − z)", "-(((2/n)~X')~(y-z))"),
        ("y * X b", "(y*(X~b))"),
        ("A B ∘ C D", "((A~B)∘(C~D))"),
        ("X.T @ y", "(X'@y)"),
        ("w (x + 1)", "(w~(x+1))"),
        ("X^T y", "(X'~y)"),
        ("a |x| b", "((a~abs(x))~b)"),
        # functions without brackets take one factor
        ("k log θ + (n−k) log(1−θ)", "((k~log(θ))+((n-k)~log((1-θ))))"),
        ("log x^2 y", "(log((x^2))~y)"),
        ("sin 2x", "sin((2~x))"),
        ("sin² x", "(sin(x)^2)"),
        ("log det(A)", "log(det(A))"),
        ("log (x) y", "(log(x)~y)"),
        ("√x + 1", "(sqrt(x)+1)"),
        ("σ(x) σ", "(sigmoid(x)~σ)"),
        ("1/n Σ r²", "((1/n)~sum((r^2)))"),
        ("−1/n Σ Y ∘ log P", "-((1/n)~sum((Y∘log(P))))"),
        ("Σ(x, axis=0)", "sum(x, axis=0)"),
        ("x'Σ⁻¹x", "((x'~(Σ^-1))~x)"),
        ("e^-x/2", "(exp(-x)/2)"),
        # bars
        ("|x|² + ||x||_1", "((abs(x)^2)+norm(x, ord=1))"),
        ("‖A‖_F²", "(norm(A, ord=fro)^2)"),
        ("‖A‖²_F", "(norm(A, ord=fro)^2)"),
        ("‖x‖₁", "norm(x, ord=1)"),
        ("||x|| + ‖y‖", "(norm(x)+norm(y))"),
        # indices, lists, options
        ("X[:, 1] + x[1:] + x[[0,0,1]] + x[::-1]", "(((X[::, 1]+x[1::])+x[[0,0,1]])+x[::-1])"),
        ("stack([a, b], axis=1)", "stack([a,b], axis=1)"),
        ("sum(x, axis=(0, 1))", "sum(x, axis=(0,1))"),
        ("where(x > 0, x, 0)", "where((x>0), x, 0)"),
        ("x ≤ y", "(x<=y)"),
        ("x == y + 1", "(x==(y+1))"),
        ("x ≠ y", "(x!=y)"),
        ("x'Σ_k + sum_x", "((x'~Σ_k)+sum_x)"),
        # words that are products
        ("c + Xb", "(c+(X~b))"),
        ("x'Ax", "((x'~A)~x)"),
        ("Xβ", "(X~β)"),
        ("(Bx+b)'C(Dx+d)", "((((B~x)+b)'~C)~((D~x)+d))"),
        ("x₁ + x1", "(x1+x1)"),
        ("lambda b", "(lambda~b)"),
        ("ϵ µ", "(ε~μ)"),
    ],
)
def test_structure(text, bracketed):
    assert tree(text) == bracketed


def test_declared_names_split_words_and_stay_whole():
    assert tree("wx + b") == "(wx+b)"
    assert tree("wx + b", ["w", "x", "b"]) == "((w~x)+b)"
    assert tree("AXB", ["AXB"]) == "AXB"
    assert tree("A(x + y)", ["A"]) == "(A~(x+y))"


def test_readings_are_said():
    words = Vocabulary(FUNCTIONS)
    assert parse_tree("1/2x + Xb", words).assumptions == [
        "Xb is read as the product X b",
        "1/2x is read as (1/2) x; write 1/(2x) if all of it divides",
    ]


def test_nodes_stand_after_their_operands():
    nodes = parse_tree("sin 2x + f[1:2]' ‖x‖²", Vocabulary(FUNCTIONS)).nodes
    place = {node: i for i, node in enumerate(nodes)}
    for node in nodes:
        for below in (getattr(node, name, None) for name in ("left", "right", "operand")):
            assert below is None or place[below] < place[node]


def test_spans_cover_the_text():
    root = parse_tree("(y - X@b) + z", Vocabulary(FUNCTIONS)).root
    assert (root.left.start, root.left.end, root.sign) == (0, 9, (10, 11))


@pytest.mark.parametrize(
    ("text", "message", "mark"),
    [
        ("mean((y - X@b)^2", "the bracket opened here is not closed", "    ^"),
        ("mean(y))", "this bracket was never opened", "       ^"),
        ("(x]", "')' must close the '(' opened before, not ']'", "~ ^"),
        ("x +", "the formula ends where a value is expected", "   ^"),
        ("* x", "a value is missing before '*'", "^"),
        ("x 2", "an operator is missing before '2'", "  ^"),
        ("()", "a value is missing before ')'", " ^"),
        ("x[]", "an index is missing", " ^^"),
        ("|x", "the bar opened here is not closed", "^"),
        ("||x|", "the norm opened with || is closed with ||", "   ^"),
        ("sofmax(x)", "unknown function 'sofmax'; did you mean 'softmax'?", "^^^^^^"),
        ("f(x)", "unknown function 'f'; if it is a factor, write f * (…)", "^"),
        ("exp + 1", "'exp' is a function: write exp(…)", "^^^"),
        (
            "sin⁻¹ x",
            "sin with a negative power may mean its inverse or its reciprocal; write it out",
            "^^^^^",
        ),
        ("x.sum()", "only .T, the transpose, can stand after a dot; write functions as f(x)", " ^^^^"),
        (
            "x.__class__",
            "only .T, the transpose, can stand after a dot; write functions as f(x)",
            " ^^^^^^^^^^",
        ),
        ("__import__('os')", "names may not begin with two underscores", "^^^^^^^^^^"),
        ("_x", "names may not begin with an underscore", "^^"),
        ("a, b", "a comma separates the arguments of a function; it has no meaning here", " ^"),
        ("0 < x < 1", "comparisons do not chain; multiply conditions: (0 < x) * (x < 1)", "      ^"),
        ("sum(x, axis=0, axis=1)", "'axis' is given twice", "               ^^^^"),
        ("sum(axis=0, x)", "options such as axis=0 come last", "            ^"),
        ("x $ y", "the character '$' has no meaning here", "  ^"),
        ("1_000", "write numbers without underscores", "^^"),
        ("1e999", "this number is too large for float64", "^^^^^"),
        ("1" * 400, "this number is too large for float64", None),
        ("‖x‖_7", "there is no norm of order '7'; known are 1, 2, F and inf", "   ^^"),
        ("0 < x == y", "comparisons do not chain; multiply conditions: (0 < x) * (x < 1)", "      ^^"),
        ("sum_i x^2", SUMS, "^^^^^"),
        ("∑_i x", SUMS, "^"),
        ("x = y = 2", "one '=' names the formula; there is a second one", "      ^"),
        (
            "x + y = 2",
            "left of '=' stands the name of the formula, y or f(x); for an equation write the difference of its sides",
            "      ^",
        ),
        ("x{2", "the brace opened here is not closed", " ^"),
        (r"\int x", r"\int is an integral; it has no meaning here", "^^^^"),
        (r"\foo x", r"the LaTeX command \foo is not known", "^^^^"),
        ("mean(z) where w", "a definition is missing here: where z = X b", None),
        ("z where z = w, w = z", "these definitions go round in a circle", None),
        ("x and y", "'and' is no name in a formula; multiply conditions: (0 < x) * (x < 1)", "  ^^^"),
        ("x or y", "'or' is no name in a formula; write maximum(a, b) of two conditions", "  ^^"),
        ("not x", "'not' is no name in a formula; write 1 - c for a condition c", "^^^"),
        ("x if c else y", "'if' is no name in a formula; write where(c, a, b) for a choice", "  ^^"),
        ("else", "'else' is no name in a formula; write where(c, a, b) for a choice", "^^^^"),
        ("x in y", "'in' is no name in a formula; write where(c, a, b) for a choice", "  ^^"),
        ("x is y", "'is' is no name in a formula; compare with ==", "  ^^"),
        ("x\x1b", "the character U+001B has no meaning here", " ^"),
        (
            "[[a], b] + c",
            "a list holds numbers, as in [1, 2; 3, 4], or is an argument, as in stack([a, b])",
            "^^^^^^^^",
        ),
    ],
)
def test_errors_point_at_their_place(text, message, mark):
    with pytest.raises(FormulaError) as caught:
        tree(text)
    assert caught.value.message == message
    if mark is not None:
        lines = str(caught.value).splitlines()
        assert lines[2] == "  " + mark
        assert len(lines) == 3


@pytest.mark.parametrize("text", ["", "   ", "\n"])
def test_empty(text):
    with pytest.raises(FormulaError, match="the formula is empty"):
        tree(text)


def test_length_limit():
    with pytest.raises(FormulaError) as caught:
        tree("x" * 1_000_000)
    assert str(caught.value) == "the formula has 1,000,000 characters; the limit is 10,000"


@pytest.mark.parametrize(
    "text",
    [
        "(" * 9_999,
        "(" * 4_999 + "x" + ")" * 4_999,
        "-" * 9_998 + "x",
        "x^" * 4_999 + "x",
        "x" + "'" * 9_998,
        "x" + "[0]" * 3_000,
        "x" + "[" * 9_998,
        "sum(" * 2_400 + "x",
        "exp " * 2_400 + "x",
        "|" * 9_999,
        "‖" * 9_999,
        "√" * 9_998 + "x",
        "∑" * 9_998 + "x",
        "x" + "ᵀ" * 9_998,
    ],
)
def test_deep_nesting_is_one_clear_line(text):
    with pytest.raises(FormulaError) as caught:
        tree(text)
    assert caught.value.message in (
        "the formula is nested more than 200 deep",
        "a list holds numbers, as in [1, 2; 3, 4], or is an argument, as in stack([a, b])",
    )


def test_nesting_up_to_the_limit_is_read():
    assert tree("(" * 200 + "x" + ")" * 200) == "x"
    assert len(parse_tree("+".join(["x"] * 5_000), Vocabulary(FUNCTIONS)).nodes) == 9_999


def test_text_only():
    with pytest.raises(FormulaError, match="a formula is text, not int"):
        tokenize(3)
    with pytest.raises(FormulaError, match="a formula is text, not bytes"):
        tokenize(b"x")
