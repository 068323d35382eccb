"""The idea of Gradwork from scratch, in one sitting: a gradient that shows its work, in about 150 lines.

Run it:  python examples/from_scratch.py

It needs NumPy and nothing else; not even Gradwork. At the end stands least squares, derived line by line,
printed as a textbook has it, turned into code, and descended with that very code.

--------------------------------------------------------------------------------------------------------------
1. An expression is a node: an operation, its arguments, its shape. Equal nodes are one object ("interned"), so
   that a shared part is shared by construction, and equality costs nothing.
"""

import numpy as np

TABLE = {}


class Node:
    def __new__(cls, op, *args, shape=()):
        key = (op, args, shape)
        if key not in TABLE:
            node = super().__new__(cls)
            node.op, node.args, node.shape = op, args, shape
            TABLE[key] = node
        return TABLE[key]

    # Operators build nodes and never simplify: a derivation could not show what happened unseen.
    def __sub__(self, other):
        return Node("-", self, other, shape=self.shape)

    def __matmul__(self, other):
        return Node("@", self, other, shape=self.shape[:-1] + other.shape[1:])

    @property
    def T(self):
        return Node("T", self, shape=self.shape[::-1])

    def __repr__(self):
        return write(self)


def symbol(name, *shape):
    return Node(name, shape=shape)


def square(x):
    return Node("²", x, shape=x.shape)


def mean(x):
    return Node("mean", x)


def scale(c, x):
    """A number (written as text, such as 2/n) times an expression."""
    return Node("·", c, x, shape=x.shape)


"""
--------------------------------------------------------------------------------------------------------------
2. A primitive is one block: how it is written, what code it is, and its derivative, which is an expression in
   the adjoint g. There is no other place that knows anything of it.
"""

PRIMITIVES = {
    # name: (notation, code, adjoint of argument i, reason)
    "-": (
        lambda a, b: f"{a} − {b}",
        lambda a, b: f"({a} - {b})",
        lambda g, i, a, b: g if i == 0 else scale("-1", g),
        "a difference",
    ),
    "@": (
        lambda a, b: f"{a}{b}",
        lambda a, b: f"({a} @ {b})",
        # The adjoint takes the operand's place: that is the whole rule for products.
        lambda g, i, a, b: g @ b.T if i == 0 else a.T @ g,
        "a product is linear in each factor",
    ),
    "²": (lambda x: f"{bracketed(x)}²", lambda x: f"{x}**2", lambda g, i, x: Node("∘", scale("2", x), g, shape=x.shape),
          "(x²)′ = 2x"),
    "mean": (lambda x: f"mean({x})", lambda x: f"np.mean({x})",
             lambda g, i, x: scale("1/n", Node("1", shape=x.shape)), "the mean gives each part 1/n"),
    "T": (lambda x: f"{bracketed(x)}ᵀ", lambda x: f"{x}.T", None, ""),
    "∘": (lambda a, b: f"{a} ∘ {b}", lambda a, b: f"({a} * {b})", None, ""),
    "·": (lambda c, x: f"{c} {bracketed(x)}", lambda c, x: f"({c}) * {x}", None, ""),
    "1": (lambda: "1", lambda: "1.0", None, ""),
}  # fmt: skip


def bracketed(text):
    """Brackets around a sum: anything with a space outside brackets of its own."""
    depth = [text[:i].count("(") - text[:i].count(")") for i, char in enumerate(text) if char == " "]
    return f"({text})" if 0 in depth else text


def write(x, names=()):
    """Written mathematics."""
    if not isinstance(x, Node):
        return x
    if x in dict(names):
        return dict(names)[x]
    if x.op not in PRIMITIVES:
        return x.op
    parts = [write(a, names) for a in x.args]
    if x.op == "@":
        parts = [bracketed(p) for p in parts]
    return PRIMITIVES[x.op][0](*parts)


def code(x):
    """The same node as NumPy source: there is one expression, and every view is made from it."""
    if not isinstance(x, Node):
        return x
    return PRIMITIVES[x.op][1](*map(code, x.args)) if x.op in PRIMITIVES else x.op


"""
--------------------------------------------------------------------------------------------------------------
3. Rules change the form of a node, one at a time, and each change is recorded. Simplifying and differentiating
   are the same activity: replacing a node by another, with a reason.
"""


def one(x):
    """Multiplying by one changes nothing; numbers gather in front."""
    if x.op == "∘" and x.args[1].op == "·" and x.args[1].args[1].op == "1":
        return scale(f"{x.args[0].args[0]}·{x.args[1].args[0]}", x.args[0].args[1])
    if x.op == "·" and isinstance(x.args[1], Node) and x.args[1].op == "·":
        return scale(f"{x.args[0]}·{x.args[1].args[0]}", x.args[1].args[1])
    if x.op == "@" and x.args[1].op == "·":
        return scale(x.args[1].args[0], x.args[0] @ x.args[1].args[1])
    if x.op == "·" and "·" in x.args[0]:
        number = {"2·1/n": "2/n", "-1·2/n": "-2/n"}.get(x.args[0])
        return scale(number, x.args[1]) if number else None
    return None


def normalise(x):
    if not isinstance(x, Node):
        return x
    x = Node(x.op, *map(normalise, x.args), shape=x.shape)
    after = one(x)
    return normalise(after) if after is not None else x


"""
--------------------------------------------------------------------------------------------------------------
4. Reverse mode: name the intermediate quantities forward, then their adjoints backward. Rules never cross a
   name; that is what keeps a deep network readable and its derivation linear in depth.
"""


def derive(f, x, names):
    print(f"f({x}) = {write(f)}\n")
    for node, label in names:
        print(f"forward     {label} = {write(node)}")
    adjoint = {f: Node("1")}
    order = []

    def visit(node):
        if isinstance(node, Node) and node not in order:
            for arg in node.args:
                visit(arg)
            order.append(node)

    visit(f)
    for node in reversed(order):
        if node not in adjoint or node.op not in PRIMITIVES or PRIMITIVES[node.op][2] is None:
            continue
        _, _, pull, reason = PRIMITIVES[node.op]
        for i, arg in enumerate(node.args):
            if depends(arg, x):
                adjoint[arg] = normalise(pull(adjoint[node], i, *node.args))
                print(
                    f"backward    ∂f/∂[{write(arg, names)}] = {write(adjoint[arg], names):<24} {reason}".replace(
                        "-", "−"
                    )
                )
    print(f"\n∇f({x}) = {write(adjoint[x])}".replace("-", "−"))
    return adjoint[x]


def depends(node, x):
    return node is x or (isinstance(node, Node) and any(depends(a, x) for a in node.args))


"""
--------------------------------------------------------------------------------------------------------------
5. The derivation you read is the program that runs: the code below is printed from the same node, and that
   text is what descends.
"""

if __name__ == "__main__":
    X, y, b = symbol("X", "n", "d"), symbol("y", "n"), symbol("b", "d")
    r = y - X @ b
    f = mean(square(r))
    gradient = derive(f, b, [(r, "r")])

    source = f"lambda X, y, b, n: {code(gradient)}"
    print(f"\ncode        {source}")
    run = eval(source)  # our own text, printed from our own nodes; never a user's

    rng = np.random.default_rng(0)
    data = rng.normal(size=(50, 3))
    truth = np.array([1.0, -2.0, 0.5])
    target = data @ truth + 0.01 * rng.normal(size=50)

    # A certificate: every component against central differences.
    at, h = rng.normal(size=3), 1e-6
    loss = lambda b: np.mean((target - data @ b) ** 2)
    numeric = [(loss(at + h * e) - loss(at - h * e)) / (2 * h) for e in np.eye(3)]
    worst = np.max(np.abs(run(data, target, at, 50) - numeric))
    print(f"check       worst component {worst:.0e}")
    assert worst < 1e-7

    weights = np.zeros(3)
    for _ in range(500):
        weights -= 0.1 * run(data, target, weights, 50)
    print(f"descended   {np.round(weights, 3)}   (the truth is {truth})")
    assert np.allclose(weights, truth, atol=0.01)
