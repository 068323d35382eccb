"""The character language model of the examples: it learns, it samples, its picture is drawn."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest

import gradwork as gw

EXAMPLE = Path(__file__).parents[2] / "examples" / "char_rnn.py"


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("char_rnn", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_windows_are_the_text_and_what_follows(example):
    X, Y = example.windows(np.arange(11), 5)
    assert X.tolist() == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]
    assert Y.tolist() == [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10]]
    with pytest.raises(gw.GradworkError, match="too few for a window"):
        example.windows(np.arange(5), 5)


def test_untrained_perplexity_is_the_size_of_the_alphabet(example):
    """With all parameters zero every character is as probable as any other."""
    model = example.CharacterModel("abcdef", "rnn", 4)
    model.values = {k: 0 * v for k, v in model.network.values(0).items()}
    assert model.perplexity("abcfedabcdef" * 4, 6) == pytest.approx(6, rel=1e-12)


def test_it_learns_and_samples(example, tmp_path, capsys):
    text = tmp_path / "text.txt"
    text.write_text("the cat  sat on the mat \n" * 120, encoding="utf-8")
    picture = tmp_path / "norms.svg"
    example.main(
        [str(text), "--cell", "rnn", "--hidden", "24", "--epochs", "12", "--length", "24", "--batch", "8"]
        + ["--normalise-whitespace", "--characters", "99", "--temperature", "0.1", "--learning-rate", "0.01"]
        + ["--plot", str(picture)]
    )
    out = capsys.readouterr().out
    perplexity = float(re.search(r"held out: ([\d.]+)", out)[1])
    assert 1 <= perplexity < 1.5, out
    assert "the cat sat on the mat the cat sat on the mat" in out  # one space each, at so low a temperature
    assert "<svg" in picture.read_text(encoding="utf-8")


def test_temperature_below_one_dares_less(example):
    model = example.CharacterModel("ab", "rnn", 2)
    model.values = {k: 0 * v for k, v in model.network.values(0).items()}
    head = [name for name in model.values if name.startswith("b")][-1]
    model.values[head] = np.array([1.0, 0.0])  # P(a) = σ(1/temperature)
    for temperature, expected in ((1.0, 0.731), (0.25, 0.982)):
        text = model.sample("a", 2000, temperature, np.random.default_rng(0), memory=1)
        assert text[1:].count("a") / 2000 == pytest.approx(expected, abs=0.03)
