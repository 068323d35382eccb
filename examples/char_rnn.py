"""A character language model:  P(x₁ … x_T) = Π P(xₜ | x₁ … xₜ₋₁), with a recurrent network for each factor.

    python examples/char_rnn.py                                  a text that this script makes up
    python examples/char_rnn.py book.txt --cell lstm --normalise-whitespace
    python examples/char_rnn.py --temperature 0.5 --plot norms.svg

The network reads one character after the other; its state hₜ gives the logits of the next. It learns on the first
nine tenths of the text and is judged on the rest, by its perplexity exp(−mean log P): the number of characters that
it hesitates between. An alphabet of V characters without any model has V, their frequencies alone somewhat less.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

import numpy as np

import gradwork as gw
from gradwork.diff.fading import state_adjoints
from gradwork.nn import Dense, Embedding, Network, network
from gradwork.nn.recurrent import CELLS, cell

WHO = ["the fox", "a child", "the old captain", "my sister", "the river", "a small bird"]
DOES = ["watches", "follows", "forgets", "sings to", "waits for", "remembers"]
WHAT = ["the moon", "a red boat", "the morning", "an empty house", "the long road", "her own shadow"]
WHEN = ["at night", "in the rain", "before dawn", "without a word", "again and again"]


def made_up(sentences: int, seed: int = 0) -> str:
    """Return a text of simple sentences, some of them joined: enough structure to learn, by no one's pen."""
    rng = np.random.default_rng(seed)
    pick = lambda words: str(rng.choice(words))
    lines = []
    for _ in range(sentences):
        line = f"{pick(WHO)} {pick(DOES)} {pick(WHAT)}"
        if rng.random() < 0.5:
            line += f" {pick(WHEN)}"
        if rng.random() < 0.3:
            line += f", and {pick(WHO)} {pick(DOES)} {pick(WHAT)}"
        lines.append(line[0].upper() + line[1:] + ".")
    return "\n".join(lines)


def windows(codes: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the text in pieces of `length` characters, and the character that follows each."""
    count = (len(codes) - 1) // length
    if count < 1:
        raise gw.GradworkError(
            f"{len(codes)} characters are too few for a window of {length} and the character after it"
        )
    whole = codes[: count * length]
    return whole.reshape(count, length), codes[1 : count * length + 1].reshape(count, length)


class CharacterModel:
    """The network and its loss, as expressions; and what was learned."""

    def __init__(self, alphabet: str, kind: str, hidden: int, embedding: int = 16):
        self.alphabet, self.code = alphabet, {c: k for k, c in enumerate(alphabet)}
        size = len(alphabet)
        layers = [Embedding(size, embedding), cell(kind)(hidden, states=True), Dense(size)]
        self.network: Network = network(layers, ("T",), integer=True)
        self.next = gw.symbol("Y", ("n", "T"), integer=True)
        self.loss = self._surprise(self.network.output, self.next)
        self.values: dict[str, Any] = {}
        self._logits = gw.function(self.network.output)

    def _surprise(self, logits: gw.Expr, expected: gw.Expr) -> gw.Expr:
        # −mean log P of the expected characters.
        onehot = gw.gather(gw.eye(len(self.alphabet)), expected)
        return -gw.mean(gw.sum(onehot * gw.log_softmax(logits, axis=logits.ndim - 1), axis=logits.ndim - 1))

    def encode(self, text: str) -> np.ndarray:
        """Return the characters as numbers."""
        return np.array([self.code[c] for c in text])

    def learn(self, text: str, *, length: int, epochs: int, batch: int, rate: float, seed: int) -> Any:
        """Learn the parameters from a text."""
        X, Y = windows(self.encode(text), length)
        data = {self.network.input: X, self.next: Y}
        options = {"epochs": epochs, "batch_size": min(batch, len(X)), "dtype": "float32", "seed": seed}
        fit = gw.minimize(
            self.loss, self.network.starts, data, optimizer="adam", learning_rate=rate, **options
        )
        self.values = fit.parameters
        return fit

    def perplexity(self, text: str, length: int) -> float:
        """Return exp(−mean log P) of the characters of a text."""
        X, Y = windows(self.encode(text), length)
        return float(np.exp(self.loss.evaluate(X=X, Y=Y, **self.values)))

    def sample(
        self, start: str, count: int, temperature: float, rng: np.random.Generator, memory: int = 60
    ) -> str:
        """Return a text that goes on from `start`; P(c) ∝ exp(logit/temperature). Below 1 it dares less."""
        text = start
        for _ in range(count):
            logits = self._logits(X=self.encode(text[-memory:])[None], **self.values)[0, -1]
            p = np.exp((logits - logits.max()) / temperature)
            text += self.alphabet[rng.choice(len(p), p=p / p.sum())]
        return text

    def norms(self, text: str, length: int, path: Path) -> None:
        """Draw how the gradient of the last character's loss fades on its way back through the text."""
        from matplotlib.figure import Figure

        from gradwork.report.time import norms_by_step

        X, Y = windows(self.encode(text), length)
        f = self._surprise(self.network.output[:, -1], self.next[:, -1])
        given = {"X": X[:32], "Y": Y[:32], **self.values}
        adjoints = {}
        for letter, adjoint in state_adjoints(f).items():
            adjoints[letter] = adjoint.evaluate(**{s: given[s] for s in adjoint.symbols})
        figure = Figure(figsize=(6, 3.6), layout="constrained")
        norms_by_step(figure.add_subplot(), adjoints, {})
        figure.savefig(path)


def main(arguments: list[str] | None = None) -> None:
    """Read the options, learn, and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", type=Path, help="a plain text file; without one, a made-up text")
    parser.add_argument("--cell", choices=list(CELLS), default="gru")
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument(
        "--length", type=int, default=50, help="characters that a gradient passes back through"
    )
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=0.005)
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--characters", type=int, default=200, help="how many to sample")
    parser.add_argument(
        "--normalise-whitespace", action="store_true", help="each run of white space is one space"
    )
    parser.add_argument("--plot", type=Path, help="draw the norm of ∂f/∂hₜ for each step to this file")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    if not given.temperature > 0:
        parser.error("--temperature is a positive number")
    if given.length < 1 or given.characters < 0:
        parser.error("--length is a whole number from 1, --characters one from 0")
    try:
        text = given.file.read_text(encoding="utf-8") if given.file else made_up(600, given.seed)
        _report(given, text)
    except (OSError, UnicodeDecodeError, gw.GradworkError) as error:
        parser.error(str(error))


def _report(given: argparse.Namespace, text: str) -> None:
    if given.normalise_whitespace:
        text = re.sub(r"\s+", " ", text).strip()
    if not text:
        raise gw.GradworkError("the text is empty")
    model = CharacterModel("".join(sorted(set(text))), given.cell, given.hidden)
    cut = len(text) * 9 // 10
    print(model.network.summary())
    print(f"{len(text):,} characters, {len(model.alphabet)} different ones; learning from the first {cut:,}")
    options = {"epochs": given.epochs, "batch": given.batch, "rate": given.learning_rate, "seed": given.seed}
    fit = model.learn(text[:cut], length=given.length, **options)
    counts = np.bincount(model.encode(text[:cut]), minlength=len(model.alphabet)) + 1.0
    frequencies = np.log(counts / counts.sum())[model.encode(text[cut:])]
    print(f"loss {fit.loss:.3f} after {fit.epochs} epochs in {fit.seconds:.1f} s")
    print(
        f"perplexity of the text held out: {model.perplexity(text[cut:], given.length):.2f} "
        f"(by frequencies alone {np.exp(-frequencies.mean()):.2f}, by nothing {len(model.alphabet)})"
    )
    start = text[:1]
    print(f"\nsampled at temperature {given.temperature:g}:")
    print(model.sample(start, given.characters, given.temperature, np.random.default_rng(given.seed)))
    if given.plot:
        model.norms(text[cut:], given.length, given.plot)
        print(f"\nthe norm of ∂f/∂hₜ for each step is drawn in {given.plot}")


if __name__ == "__main__":
    main()
