r"""LaTeX as it is pasted, in the language of formulas: `\frac{1}{n}\|y-X\beta\|^2` is ((1)/(n))‖y-X β‖^2.

The text is translated before it is read; each character of the translation knows the place that it came from, so
that an error still points into what was typed.
"""

from __future__ import annotations

import re

from gradwork.errors import FormulaError

_GREEK = dict(
    zip(
        "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi pi rho "
        "varrho sigma tau upsilon phi varphi chi psi omega "
        "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega ell".split(),
        "α β γ δ ε ε ζ η θ θ ι κ λ μ ν ξ π ρ ρ σ τ υ φ φ χ ψ ω Γ Δ Θ Λ Ξ Π Σ Υ Φ Ψ Ω ℓ".split(),
        strict=True,
    )
)  # fmt: skip
_SIGNS = {
    "cdot": "·", "times": "×", "circ": "∘", "odot": "∘", "otimes": "⊗", "div": "/", "ast": "*", "star": "⋆",
    "le": "≤", "leq": "≤", "leqslant": "≤", "ge": "≥", "geq": "≥", "geqslant": "≥", "ne": "≠", "neq": "≠", "lt": "<",
    "gt": ">", "infty": "∞", "top": "⊤", "intercal": "⊤", "prime": "′", "dagger": "†", "langle": "⟨", "rangle": "⟩",
    "lVert": "‖", "rVert": "‖", "Vert": "‖", "|": "‖", "lvert": "|", "rvert": "|", "vert": "|", "mid": "|",
    "{": "(", "}": ")", "lbrace": "(", "rbrace": ")", "lbrack": "(", "rbrack": ")", "lfloor": "floor(", "rfloor": ")",
    "lceil": "ceil(", "rceil": ")", "sum": "∑", "prod": "∏", "%": "%", "#": "#", "_": "_",
    "colon": ":", "triangleq": "=", "coloneqq": "=", "equiv": "=", "ldots": "…", "dots": "…", "cdots": "…",
}  # fmt: skip
_SPACES = frozenset(
    [",", ";", ":", "!", " ", "quad", "qquad", "thinspace", "displaystyle", "textstyle", "limits", "nolimits",
     "nonumber", "(", ")", "[", "]", "bigl", "bigr", "Bigl", "Bigr", "biggl", "biggr", "Biggl",
     "Biggr", "big", "Big", "bigg",
     "Bigg", "left", "right", "middle", "mathstrut"]
)  # fmt: skip
_FONTS = frozenset(
    "mathbf boldsymbol bm pmb mathrm mathsf mathit mathcal mathbb mathfrak mathtt mathscr text textrm textbf textsf "
    "mbox operatorname vec mathbb underline mathop".split()
)
_ACCENTS = {"hat": "hat", "widehat": "hat", "bar": "bar", "overline": "bar", "tilde": "tilde", "widetilde": "tilde",
            "dot": "dot", "check": "check", "breve": "breve"}  # fmt: skip
_WORDS = frozenset(
    "log ln lg exp sin cos tan sec csc cot sinh cosh tanh coth arcsin arccos arctan det max min sup inf tr Tr arg "
    "gcd dim ker deg Pr".split()
)
_MATRICES = ("matrix", "pmatrix", "bmatrix", "Bmatrix", "vmatrix", "smallmatrix", "array")
_MEANINGLESS = {
    "int": "an integral", "partial": "a derivative: ask for it with --wrt",
    "nabla": "a derivative: ask for it with --wrt",
    "lim": "a limit", "pm": "two signs", "mp": "two signs", "in": "membership", "forall": "a quantifier",
}  # fmt: skip
_SUM = re.compile(r"(∑|∏|(?<!\w)(Σ|Π|sum|prod))(?=_\{[^}]*=)")
_TRANSPOSED = re.compile(
    r"(\\math(sf|rm|bf|tt)|\\text(sf)?)?\s*\{?\s*(\\top|\\intercal|⊤|\\prime|T|t(?=\})|′|')\s*\}?\s*"
)


def is_latex(text: str) -> bool:
    """Tell whether a text must be translated: it holds a backslash or a brace, or stands between dollar signs."""
    bare = text.strip()
    return "\\" in text or "{" in text or (len(bare) > 1 and bare.startswith("$") and bare.endswith("$"))


def plain(text: str) -> tuple[str, list[int]]:
    r"""Return the text in the language of formulas, and the place of each of its characters.

    >>> plain(r"\frac{1}{n} \lVert y - X\beta \rVert^2")[0]
    ' ((1)/(n)) ‖ y - X β ‖^2'
    """
    reader = _Reader(text)
    reader.read(len(text))
    return "".join(c for c, _ in reader.out), [at for _, at in reader.out]


class _Reader:
    def __init__(self, text: str):
        self.text, self.at = text, 0
        self.out: list[tuple[str, int]] = []

    def put(self, text: str, at: int | None = None) -> None:
        place = min(self.at if at is None else at, max(len(self.text) - 1, 0))
        self.out += [(c, place) for c in text]

    def fail(self, message: str, start: int, end: int) -> FormulaError:
        return FormulaError(message, self.text, ((start, end, "^"),))

    def read(self, end: int) -> None:
        """Translate up to `end`."""
        while self.at < end:
            char = self.text[self.at]
            if char == "\\":
                self.command()
            elif found := _SUM.match(self.text, self.at):
                self.put(found[0])
                self.at = found.end()
                self.bounds()
            elif char in "^_":
                self.raised() if char == "^" else self.lowered()
            elif char == "{":
                self.put("(")
                self.group()
                self.put(")")
            elif char == "}":
                raise self.fail("this brace was never opened", self.at, self.at + 1)
            else:
                self.put(" " if char in "$~&" else char)
                self.at += 1

    def closing(self) -> int:
        """Return where the brace that opens here closes."""
        depth = 0
        for at in range(self.at, len(self.text)):
            escaped = at and self.text[at - 1] == "\\" and self.text[at - 2 : at] != "\\\\"
            depth += (self.text[at] == "{" and not escaped) - (self.text[at] == "}" and not escaped)
            if not depth:
                return at
        raise self.fail("the brace opened here is not closed", self.at, self.at + 1)

    def group(self) -> None:
        """Translate the argument that follows: {…}, a command, or one character."""
        while self.text[self.at : self.at + 1].isspace():
            self.at += 1
        if self.at >= len(self.text):
            raise self.fail("an argument is missing here", len(self.text) - 1, len(self.text))
        if self.text[self.at] == "{":
            end = self.closing()
            self.at += 1
            self.read(end)
            self.at = end + 1
        elif self.text[self.at] == "\\":
            self.command()
        else:
            self.put(self.text[self.at])
            self.at += 1

    def raw(self) -> str:
        """Take the argument that follows as it stands."""
        found = re.compile(r"\s*\{").match(self.text, self.at)
        if not found:
            word = re.compile(r"\s*(\\[A-Za-z]+|.)").match(self.text, self.at)
            self.at = word.end() if word else self.at
            return word[1] if word else ""
        self.at = found.end() - 1
        end = self.closing()
        inside = self.text[self.at + 1 : end]
        self.at = end + 1
        return inside

    def within(self) -> str:
        """Translate the argument that follows apart."""
        mark = len(self.out)
        self.group()
        text = "".join(c for c, _ in self.out[mark:])
        del self.out[mark:]
        return text

    def command(self) -> None:
        start = self.at
        name = re.compile(r"\\([A-Za-z]+|.)", re.DOTALL).match(self.text, self.at)
        if not name:
            raise self.fail("a command is missing after this backslash", start, start + 1)
        self.at = name.end()
        word = name[1]
        if self.text[self.at : self.at + 1] == "*" and word == "operatorname":
            self.at += 1
        if word in ("left", "right", "middle") and re.match(r"\s*\.", self.text[self.at :]):
            self.at = self.text.index(".", self.at) + 1
        elif word in ("left", "right") and re.match(r"\s*[\[\]]", self.text[self.at :]):
            self.at = re.compile(r"\s*[\[\]]").match(self.text, self.at).end()  # type: ignore[union-attr]
            self.put("(" if word == "left" else ")", start)
        elif word in ("left", "right", "middle") or word.lower() in (
            "big",
            "bigg",
            "bigl",
            "bigr",
            "biggl",
            "biggr",
        ):
            return  # only the size of the bracket that follows
        elif word in _SPACES or word == "\\":
            self.put(" ", start)
        elif word in _GREEK:
            self.letter(_GREEK[word], start)
        elif word in _SIGNS:
            self.put(_SIGNS[word], start)
            if word in ("sum", "prod"):
                self.bounds()
        elif word in _WORDS:
            self.put(
                f" {word} ".rstrip() if self.text[self.at : self.at + 1] in ("_", "^", "(") else f" {word} ",
                start,
            )
        elif word in _ACCENTS:
            self.letter(f"{self.within().strip()}_{_ACCENTS[word]}", start)
        elif word in _FONTS:
            self.font(word, start)
        elif word == "begin":
            self.environment(start)
        elif not self.structure(word, start):
            known = _MEANINGLESS.get(word)
            message = (
                f"\\{word} is {known}; it has no meaning here"
                if known
                else f"the LaTeX command \\{word} is not known"
            )
            raise self.fail(message, start, self.at)

    def structure(self, word: str, start: int) -> bool:
        """Fractions, roots and binomials."""
        if word in ("frac", "dfrac", "tfrac", "cfrac"):
            self.put(" ((", start)
            self.group()
            self.put(")/(", start)
            self.group()
            self.put("))", start)
        elif word == "sqrt":
            root = re.compile(r"\s*\[([^\]]*)\]").match(self.text, self.at)
            self.at = root.end() if root else self.at
            self.put(" ((" if root else " √(", start)
            self.group()
            self.put(f")^(1/({root[1]})))" if root else ")", start)
        elif word in ("binom", "dbinom", "tbinom"):
            self.put(" binom(", start)
            self.group()
            self.put(", ", start)
            self.group()
            self.put(")", start)
        else:
            return False
        return True

    def letter(self, name: str, start: int) -> None:
        """Put a letter, apart from a letter before it."""
        if self.out and (self.out[-1][0].isalnum() or self.out[-1][0] == "_"):
            self.put(" ", start)
        self.put(name, start)

    def font(self, word: str, start: int) -> None:
        inside = self.within().strip()
        if inside == "1" and word in ("mathbf", "mathbb", "boldsymbol", "bm", "pmb", "vec"):
            inside = "𝟏"
        elif word in ("text", "textrm", "mbox") and not inside.isidentifier():
            inside = " "
        self.letter(
            f"{inside} "
            if len(inside) > 1 and self.text[self.at : self.at + 1] not in ("_", "^", "(")
            else inside,
            start,
        )

    def raised(self) -> None:
        start = self.at
        self.at += 1
        while self.text[self.at : self.at + 1] == " ":
            self.at += 1
        rest = self.text[self.at :]
        if not rest.startswith(("{", "\\")):
            self.put("^", start)
            return
        place = self.at
        inside = self.raw().strip()
        if _TRANSPOSED.fullmatch(inside):
            self.put("ᵀ", start)
        elif inside.startswith("-") and _TRANSPOSED.fullmatch(inside[1:].strip()):
            self.put("⁻ᵀ", start)
        elif inside in ("\\dagger", "+"):
            self.put("†", start)
        elif inside.startswith(("\\circ", "∘")):
            self.put(".^(", start)
            self.apart(inside.removeprefix("\\circ").removeprefix("∘"), place)
            self.put(")", start)
        else:
            self.put("^(", start)
            self.apart(inside, place)
            self.put(")", start)

    def apart(self, inside: str, place: int) -> None:
        for char, at in zip(*plain(inside), strict=True):
            self.put(char, place + at)

    def lowered(self) -> None:
        start = self.at
        self.at += 1
        inside = plain(self.raw())[0].strip()
        done = "".join(c for c, _ in self.out[-4:])
        power = re.search(r"‖(\^\d|\^\(\d\))$", done)
        if power:  # ‖x‖^2_2 is ‖x‖_2^2
            place = len(self.out) - len(power[1])
            self.out[place:place] = [(c, start) for c in f"_{inside}"]
            return
        if inside.startswith("["):  # x_{[1:]}, as slices are printed
            self.put(inside, start)
            return
        before = self.out[-1][0] if self.out else ""
        if before == " ":
            while self.out and self.out[-1][0] == " ":
                self.out.pop()
        if before in ("‖", "|", ")") or not re.fullmatch(r"\w+", inside):
            self.put(f"_{inside}" if before in ("‖", "|") else f"_{{{inside}}}", start)
        else:
            digits = inside.isdigit() and before.isalpha()
            self.put(inside if digits else f"_{inside}", start)

    def bounds(self) -> None:
        """Keep what stands below and above a sum sign, for the reader of sums."""
        for mark in "_^_":
            found = re.compile(r"\s*(\\limits\s*)?").match(self.text, self.at)
            assert found is not None
            if self.text[found.end() : found.end() + 1] == mark:
                self.at = found.end() + 1
                start = self.at
                self.put(f"{mark}{{{plain(self.raw())[0].strip()}}}", start)
        self.put(" ")

    def environment(self, start: int) -> None:
        kind = self.raw()
        end = self.text.find(f"\\end{{{kind}}}", self.at)
        if end < 0:
            raise self.fail(f"\\begin{{{kind}}} is not ended", start, self.at)
        if kind == "array":
            self.raw()
        body = self.text[self.at : end]
        rows = [
            [plain(cell)[0].strip() for cell in row.split("&")] for row in body.split("\\\\") if row.strip()
        ]
        self.at = end + len(f"\\end{{{kind}}}")
        if kind == "cases" and len(rows) == 2 and all(len(row) == 2 for row in rows):
            condition = re.sub(r"^(if|for|when)\b", "", rows[0][1].rstrip(",")).strip()
            self.put(f" where({condition}, {rows[0][0].rstrip(',')}, {rows[1][0].rstrip(',')})", start)
        elif kind in _MATRICES:
            inside = "; ".join(", ".join(row) for row in rows)
            self.put(f" det([{inside}])" if kind == "vmatrix" else f" [{inside}]", start)
        else:
            raise self.fail(f"the environment {kind} is not known", start, self.at)
