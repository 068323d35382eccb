"""Every printed reason is judged against its own line by a judge that knows nothing of the renderer.

The judge evaluates expressions itself, finds by its own walk which operations lie between a quantity and what uses
it, and holds its own table of the laws, as numbers. For each line it asks:

    is the line the derivative?         f is moved in that quantity alone, by differences
    is each reason true?                the law holds in numbers, and its operation lies on the way; what is called
                                        linear is linear, with that matrix; squares are a multiple of Σ x²
    is any reason missing?              every curved operation on the way is named by a reason
"""

from __future__ import annotations

import itertools
import math
import re

import numpy as np
import pytest
from scipy import special

import gradwork as gw
from gradwork.expr import Expr
from gradwork.expr.node import NAME, SYMBOL, depends, walk
from gradwork.formula import parse
from gradwork.rewrite import EVERY_RULE
from gradwork.show.rows import rows

SIZES = {"n": 4, "d": 3, "k": 2}


FUNCTIONS = {
    "exp": np.exp, "log": np.log, "log1p": np.log1p, "expm1": np.expm1, "sqrt": np.sqrt, "sin": np.sin, "cos": np.cos,
    "tan": np.tan, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "arctan": np.arctan, "abs": np.abs,
    "sigmoid": special.expit, "softplus": lambda z: np.logaddexp(0, z), "log_sigmoid": special.log_expit,
    "relu": lambda z: np.maximum(z, 0), "erf": special.erf, "step": lambda z: np.heaviside(z, 0.0), "sign": np.sign,
    "reciprocal0": lambda z: 1 / z, "inv": np.linalg.inv, "det": np.linalg.det,
    "logdet": lambda a: np.linalg.slogdet(a)[1],
}  # fmt: skip
# What each law says, as numbers: φ′ at z.
LAWS = {
    "exp′ = exp": ("exp", np.exp),
    "log′(x) = 1/x": ("log", lambda z: 1 / z),
    "log1p′(x) = 1/(1 + x)": ("log1p", lambda z: 1 / (1 + z)),
    "expm1′(x) = e^x": ("expm1", np.exp),
    "(√x)′ = 1/(2√x)": ("sqrt", lambda z: 1 / (2 * np.sqrt(z))),
    "sin′ = cos": ("sin", np.cos),
    "cos′ = −sin": ("cos", lambda z: -np.sin(z)),
    "tan′ = 1 + tan²": ("tan", lambda z: 1 + np.tan(z) ** 2),
    "sinh′ = cosh": ("sinh", np.cosh),
    "cosh′ = sinh": ("cosh", np.sinh),
    "tanh′ = 1 − tanh²": ("tanh", lambda z: 1 - np.tanh(z) ** 2),
    "arctan′(x) = 1/(1 + x²)": ("arctan", lambda z: 1 / (1 + z**2)),
    "|x|′ = sign(x),   |0|′ = 0": ("abs", np.sign),
    "σ′ = σ (1 − σ)": ("sigmoid", lambda z: special.expit(z) * special.expit(-z)),
    "softplus′ = σ": ("softplus", special.expit),
    "(log σ)′(x) = σ(−x)": ("log_sigmoid", lambda z: special.expit(-z)),
    "relu′(x) = [x > 0]": ("relu", lambda z: (z > 0) * 1.0),
    "erf′(x) = 2/√π e^(−x²)": ("erf", lambda z: 2 / math.sqrt(math.pi) * np.exp(-(z**2))),
}
# Laws of whole arrays and the operation that each is of; their truth is that the line is the derivative.
WHOLE = {
    "∇logsumexp = softmax": "logsumexp", "∂pᵢ/∂zⱼ = pᵢ(δᵢⱼ − pⱼ)": "softmax", "∂log pᵢ/∂zⱼ = δᵢⱼ − pⱼ": "log_softmax",
    "∇‖x‖ = x /‖x‖,   0 at 0": "norm", "d(A⁻¹) = −A⁻¹ dA A⁻¹": "inv", "∇log det(A) = A⁻ᵀ": "logdet",
    "∇det(A) = adj(A)ᵀ = det(A) A⁻ᵀ": "det", "(xᵖ)′ = p xᵖ⁻¹": "power", "(1/x)′ = −1/x²": "power",
    "(aˣ)′ = aˣ log a": "power",
}  # fmt: skip
LINEAR = {"add", "contract", "name", "index", "reshape", "concatenate", "gather", "place"}


CHANGES_OF_FORM = {rule.name for rule in EVERY_RULE if rule.group == "simplify"}


class Judge:
    """Judges one derivation at one random point."""

    def __init__(self, f: Expr, by: list[Expr], seed: int):
        self.derivation = gw.grad(f, by)[0].derivation
        rng = np.random.default_rng(seed)
        self.at = {}
        for name, s in sorted(f.symbols.items()):
            shape = [d.evaluate(SIZES) for d in s.shape]
            value = rng.uniform(0.3, 1.2, shape)
            self.at[name] = (
                value + 2 * np.eye(shape[0]) if len(shape) == 2 and shape[0] == shape[1] else value
            )
            if "symmetric" in s.params[1]:
                self.at[name] = (self.at[name] + self.at[name].T) / 2
        lines = self.derivation.lines
        self.body = [l.left for l in lines if l.kind == "forward" and l.left.op is not NAME][-1]
        self.names = [n for n in walk(self.body) if n.op is NAME]
        self.moving = depends(self.body, self.derivation.variables)
        self.folded = {l.target: l for l in lines if l.folded}

    def value(self, root: Expr, given: dict[Expr, np.ndarray] | None = None) -> np.ndarray:
        done = {k: np.asarray(v) for k, v in (given or {}).items()}
        for node in walk(root):
            if node not in done:
                done[node] = np.asarray(self._value(node, [done[a] for a in node.args]))
        return done[root]

    def _value(self, node, args):
        op, p = node.op.name, node.params
        sizes = [d.evaluate(SIZES) for d in node.shape]
        match op:
            case "symbol":
                return self.at[p[0]]
            case "constant":
                return float(p[0])
            case "size":
                return p[0].evaluate(SIZES)
            case "ones":
                return np.ones(sizes)
            case "eye":
                return np.eye(sizes[0])
            case "zeros":
                return np.zeros(sizes)
            case "pi":
                return math.pi
            case "array":
                return p[0].array
            case "name":
                return args[0]
            case "contract":
                return np.einsum(*itertools.chain(*zip(args, map(list, p[0]), strict=True)), list(p[1]))
            case "add":
                return sum(args) + np.zeros(sizes)
            case "power":
                return args[0] ** args[1]
            case "where":
                return np.where(args[0] != 0, args[1], args[2]) + np.zeros(sizes)
            case "softmax":
                return special.softmax(args[0], axis=p[0])
            case "log_softmax":
                return special.log_softmax(args[0], axis=p[0])
            case "logsumexp":
                return special.logsumexp(args[0], axis=p[0])
            case "norm":
                return np.sqrt((args[0] ** 2).sum(axis=p[0]))
            case "cofactor":
                return np.linalg.det(args[0]) * np.linalg.inv(args[0]).T
            case "greater" | "not_equal":
                return (args[0] > args[1]) * 1.0 if op == "greater" else (args[0] != args[1]) * 1.0
        return FUNCTIONS[op](args[0])

    # --- the way from a quantity to what uses it ---

    def way(self, top: Expr, x: Expr) -> list[Expr]:
        """The nodes of a definition through which x is used, ending at other names."""
        inner = top.args[0] if top.op is NAME else top
        stop = {n for n in self.names if n is not inner}
        holds = {x}
        found = []
        for node in self._inside(inner, stop):
            if node is not x and node not in stop and any(a in holds for a in node.args):
                holds.add(node)
                found.append(node)
        return found

    @staticmethod
    def _inside(top: Expr, stop: set[Expr]):
        seen, stack = set(), [(top, False)]
        while stack:
            node, done = stack.pop()
            if done:
                yield node
            elif node not in seen:
                seen.add(node)
                stack.append((node, True))
                if node not in stop:
                    stack.extend((a, False) for a in node.args)

    def ways(self, x: Expr) -> list[Expr]:
        found = []
        for top in (*self.names, self.body):
            if top is not x:
                own = self.way(top, x)
                found += own
                if own and top in self.folded:
                    found += self.ways(top)
        return found

    # --- judging ---

    def judge(self) -> int:
        shown = rows(self.derivation, "unicode")
        lines = [l for l in self.derivation.lines if l.kind == "backward" and not l.folded]
        said = [r for r in shown if r.section == "backward"]
        counted, at = 0, 0
        for line in lines:
            own = self._rows_of(said, at, line)
            at += len(own)
            self.is_derivative(line)
            counted += self.reasons(line.target, [r for row in own for r in row.reasons], own)
        assert at == len(said)
        return counted

    def _rows_of(self, said, at, line):
        # The rows of a line end where all of its phases have been written.
        last = line.phases[-1].after.unicode()
        for end in range(at, len(said)):
            more = end + 1 < len(said) and said[end + 1].left == ""
            if said[end].right == last and not more and "∂(" not in said[end].left:
                return said[at : end + 1]
        raise AssertionError(f"the line of {line.target} is not written")

    def is_derivative(self, line):
        x, f0 = line.target, self.value(line.target)
        wanted = np.zeros_like(f0, dtype=float)
        h = 1e-6
        for i in np.ndindex(f0.shape):
            up, down = (np.array(f0, dtype=float) for _ in range(2))
            up[i] += h
            down[i] -= h
            wanted[i] = (self.value(self.body, {x: up}) - self.value(self.body, {x: down})) / (2 * h)
        found = self.value(line.phases[-1].after)
        for phase in line.phases[:-1]:
            np.testing.assert_allclose(self.value(phase.after), found, rtol=1e-8, atol=1e-10, err_msg=str(x))
        if "symmetric" in (x.params[1] if x.op is SYMBOL else ()):
            return
        np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=1e-6, err_msg=str(x))

    def reasons(self, x, reasons, own) -> int:
        ways = self.ways(x)
        curved = {n.op.name for n in ways if n.op.name not in LINEAR and not n.op.constant}
        named: set[str] = set()
        for r in reasons:
            r = r["reason"] if r.key == "of term" else r
            named |= self.holds(r, x, ways)
        missing = {n for n in curved if n not in named and n not in ("where",)}
        assert not missing, f"{x}: {missing} not named by {[row.note for row in own]}"
        return len(reasons)

    def holds(self, r, x, ways) -> set[str]:
        """Assert that a reason is true; return the operations that it names."""
        ops = {n.op.name for n in ways}
        match r.key:
            case "law" | "law of a symmetric matrix":
                from gradwork.show.laws import unicode_law

                text = unicode_law(r["law"])
                if text in LAWS:
                    op, slope = LAWS[text]
                    z = np.array([0.31, 0.77, 1.4])
                    np.testing.assert_allclose(
                        (FUNCTIONS[op](z + 1e-6) - FUNCTIONS[op](z - 1e-6)) / 2e-6,
                        slope(z),
                        rtol=1e-6,
                        atol=1e-9,
                    )
                else:
                    op = WHOLE[text]
                assert op in ops, f"{text}: there is no {op} between {x} and what uses it"
                return {op}
            case "power rule" | "reciprocal rule" | "exponential rule":
                assert "power" in ops
                i = 1 if r.key == "exponential rule" else 0
                assert any(n.op.name == "power" and self._reaches(n.args[i], x) for n in ways)
                return {"power"}
            case "sum of squares" | "mean of squares":
                self._squares(x, ways)
                return {"power"}
            case "cross-entropy":
                assert "log_softmax" in ops and "log" not in ops
                return {"log_softmax"}
            case "linear" | "linear with matrix" | "f is linear" | "linear beside" | "constant factor":
                y, of = r["y"], r["x"]
                assert of is x or of in self.folded, f"{of} is another quantity than {x}"
                held = r.facts.get("held", ())
                self._linear(y.args[0] if y.op is NAME else y, of, held, r.facts.get("matrix"))
                return set()
            case "used twice" | "uses" | "used in":
                assert (
                    sum(n.args.count(a) for n in ways for a in {x}) + self._turned(x, ways) >= 2
                    or len(ways) > 1
                )
                return set()
            case "product rule" | "quotient rule":
                moving = [n for n in ways if n.op.name == "contract"]
                assert any(sum(self._reaches(a, x) for a in n.args) > 1 for n in moving), f"{r.key} of {x}"
                return {"power"} if r.key == "quotient rule" else set()
            case "chain rule" | "variable rule" | "sum rule" | "substitute" | "tidied" | "branches":
                return {"where"} if r.key == "branches" else set()
        if r.key in CHANGES_OF_FORM:  # that the value stays is judged with the line
            return set()
        raise AssertionError(f"the judge does not know the reason {r.key!r}")

    @staticmethod
    def _turned(x, ways):
        return sum(1 for n in ways if n.op.name == "contract" and len(n.args) == 1 and n.args[0] is x)

    def _reaches(self, a, x):
        return a is x or x in set(walk(a))

    def _moved(self, y, x, value, held=()):
        return self.value(y, {x: value, **{h: self.value(h) for h in held}})

    def _linear(self, y, x, held, matrix):
        x0, rng = self.value(x).astype(float), np.random.default_rng(1)
        v = rng.normal(size=x0.shape)
        a, b, c = (self._moved(y, x, x0 + t * v, held) for t in (0.0, 1.0, 2.0))
        np.testing.assert_allclose(c - b, b - a, rtol=1e-9, atol=1e-9, err_msg=f"{y} is not linear in {x}")
        assert np.abs(b - a).max() > 0, f"{y} does not depend on {x}"
        if matrix is not None:
            np.testing.assert_allclose(b - a, self.value(matrix) @ v, rtol=1e-9, atol=1e-9)

    def _squares(self, x, ways):
        # What the squares give to f is a multiple of Σ x²: the same multiple wherever x stands.
        (square,) = [
            n for n in ways if n.op.name == "power" and n.args[0] is x and n.args[1].op.name == "constant"
        ]
        assert square.args[1].params[0] == 2
        rng = np.random.default_rng(2)
        s0 = self.value(square)
        base = self.value(self.body)
        moved = [rng.uniform(0.5, 2, s0.shape) for _ in range(2)]
        ratios = [(self.value(self.body, {square: s0 + m}) - base) / m.sum() for m in moved]
        assert ratios[0] == pytest.approx(ratios[1], rel=1e-8)


PHI = "exp log1p sqrt sin cos tanh sigmoid softplus relu arctan erf cosh sinh log".split()
INNER = ("X b", "X b + c")
LOSS = ("sum({})", "mean({})", "sum((y - {})^2)", "mean(y*{})", "sum(y*{} - X b)", "log(sum({}^2))")
PENALTY = ("", " + λ sum(b^2)", " + λ b'b", " + sum(exp(b))")
VECTORS = [
    loss.format(f"{phi}({inner})") + penalty
    for phi, inner, loss, penalty in itertools.product(PHI, INNER, LOSS, PENALTY)
]
U = ("x", "x^2", "2x + 1", "x y", "1 + x^2")
SCALARS = [f"{phi}({u}){v}" for phi in PHI for u in U for v in ("", " x", "/(1+x^2)", " + x^3")]
MATRICES = [
    "(X b - y)'(X b - y)|b", "1/2 (y - X b)'(y - X b)|b", "(y - X b)' W (y - X b)|b", "‖A - H H'‖_F^2|H",
    "‖x x' - W‖_F^2|x", "logdet(A' A)|A", "sum((X V)*(X V))|V", "x' W x|x", "tr(V' Q V)|V", "tr(inv(S) W)|S",
    "-m/2 logdet(W) - 1/2 tr(inv(W) G)|W", "‖y - X b‖|b", "‖y - X b‖^2 + λ ‖b‖^2|b", "a' inv(W) y|W", "det(W)|W",
    "logsumexp(X b + c)|b", "log(a'x)|x", "log(det(W))|W", "‖X V - X U‖_F^2|V", "‖X - X V V'‖_F^2|V",
    "mean((y - tanh(X V + e) w)^2)|V", "mean((y - tanh(X V + e) w)^2)|w", "mean((y - tanh(X V + e) w)^2)|e",
    "-mean(sum(Y*log(softmax(X V)), axis=1))|V", "sum(softmax(X V)^2)|V", "logsumexp(x) - a'x|x", "sum(exp(x)*sin(x))|x",
    "sum(x^3) + x'x|x", "(a'x)^2 + exp(a'x)|x", "a'x/(x'x)|x", "‖R - U2 V2'‖_F^2|U2", "sum(log(X b)*y) - sum(X b)|b",
]  # fmt: skip
SHAPES = {
    "X": "n d", "A": "n d", "y": "n", "b": "d", "c": "n", "λ": "", "Q": "d d", "W": "n n", "G": "n n", "S": "n n", "H": "n k",
    "V": "d k", "U": "d k", "x": "n", "a": "n", "m": "", "e": "k", "w": "k", "Y": "n k", "R": "n d", "U2": "n k", "V2": "d k",
}  # fmt: skip


def _judged(text: str, by: str, shapes: dict[str, str], seed: int) -> int:
    names = set(re.findall(r"[A-Za-zλ][A-Za-z0-9]*", text))
    declared = ", ".join(f"{s}: {shape}" for s, shape in shapes.items() if s in names)
    f = parse(text, declared)
    if f.symbols.keys() - shapes.keys() or by not in f.symbols:
        raise AssertionError(f"{text}: {f.symbols}")
    try:
        return Judge(f, [f.symbols[by]], seed).judge()
    except AssertionError as e:
        raise AssertionError(f"{text} by {by}: {e}") from e


def _vector_shapes(text: str) -> dict[str, str]:
    return (
        SHAPES
        | ({"H": "n d"} if "A - H" in text else {})
        | ({"A": "n n", "H": "n k"} if "A - H" in text else {})
    )


@pytest.mark.parametrize("part", range(8))
def test_every_reason_of_many_losses_is_true_and_none_is_missing(part):
    chosen = VECTORS[part::8][::2]
    assert sum(_judged(text, "b", SHAPES, i) for i, text in enumerate(chosen)) > 2 * len(chosen)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
def test_every_reason_of_all_losses(part):
    for i, text in enumerate(VECTORS[part::8][1::2]):
        _judged(text, "b", SHAPES, i)


@pytest.mark.parametrize("part", range(4))
def test_every_reason_of_functions_of_numbers(part):
    for i, text in enumerate(SCALARS[part::4][::2]):
        _judged(text, "x", {"x": "", "y": ""}, i)


@pytest.mark.parametrize("case", MATRICES)
def test_every_reason_of_matrices(case):
    text, _, by = case.partition("|")
    assert _judged(text, by, _vector_shapes(text), 3)


def test_there_are_enough_of_them():
    assert len(VECTORS) // 2 + len(SCALARS) // 2 + len(MATRICES) >= 400


def test_the_judge_accuses_a_false_reason():
    """The judge itself: a reason of another operation, and one that calls a square linear, are found out."""
    from gradwork.expr.reason import Reason

    f = parse("sum(tanh(X b)^2)", "X: n d, b: d")
    judge = Judge(f, [f.symbols["b"]], 0)
    z = judge.names[0]
    with pytest.raises(AssertionError, match="no exp between"):
        judge.holds(Reason.of("law", law=r"\exp' = \exp"), z, judge.ways(z))
    with pytest.raises(AssertionError, match="not linear"):
        judge.holds(Reason.of("f is linear", x=z, y=judge.body), z, judge.ways(z))
    with pytest.raises(AssertionError, match="not named"):
        judge.reasons(z, [], [])
