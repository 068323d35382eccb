"""The summary of a fit as plain text, and as rows of cells for a page."""

from __future__ import annotations

import math
import textwrap
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from gradwork.stats.inference import Inference
from gradwork.stats.likelihoods import LikelihoodMetrics
from gradwork.stats.metrics import RegressionMetrics
from gradwork.words.numbers import MINUS, fixed, minus, p_value, power, short
from gradwork.words.say import say

Fact = tuple[str, str]


@dataclass(frozen=True)
class Block:
    """A table of coefficients with a title; the title is empty where there is only one table."""

    inference: Inference
    title: str = ""


@dataclass(frozen=True)
class FitSummary:
    """What is said of a fit: heading, the model as a formula, tables, facts in lines, notes, a last line.

    notes warn, and are marked so;  remarks only inform.
    """

    heading: str
    equation: str
    blocks: tuple[Block, ...]
    facts: tuple[tuple[Fact, ...], ...] = ()
    notes: tuple[str, ...] = ()
    footer: str = ""
    language: str = "en"
    remarks: tuple[str, ...] = ()

    def to_rows(self) -> list[list[dict[str, str]]]:
        """Return, for each table, one dict of formatted cells per parameter, for a page.

        The keys are name, estimate, std_error, statistic, p_value, lower, upper.
        """
        return [_cells(block.inference) for block in self.blocks]


def format_summary(summary: FitSummary, width: int = 100) -> str:
    """Return the summary as lines of text.

    >>> from gradwork.stats.inference import coefficient_table
    >>> table = coefficient_table([4.4021, 0.7955], [[32.2, 0.0], [0.0, 0.1415]], ["intercept", "q1"], df=1)
    >>> print(format_summary(FitSummary("", "y = 4.402 + 0.795 q1", (Block(table),), ((("R²", "0.9998"),),))))
    y = 4.402 + 0.795 q1
    <BLANKLINE>
                 estimate   std. error       t        p     95 % interval
    intercept      4.4021       5.6745   0.776    0.580   −67.699    76.504
    q1             0.7955       0.3762   2.115    0.281    −3.984     5.575
    <BLANKLINE>
    R² 0.9998
    """
    parts: list[str] = []
    if summary.heading:
        parts.append("\n".join(_wrapped(summary.heading, width, "")))
    if summary.equation:
        parts.append("\n".join(_wrapped(summary.equation, width, "    ")))
    for block in summary.blocks:
        table = format_coefficients(block.inference, summary.language)
        parts.append("\n".join(([block.title] if block.title else []) + table))
    tail = [text for line in summary.facts for text in _facts(line, width)]
    for remark in summary.remarks:
        tail += _wrapped(remark, width, "  ")
    for note in summary.notes:
        tail += _wrapped(f"! {note}", width, "  ")
    if summary.footer:
        tail.append(summary.footer)
    if tail:
        parts.append("\n".join(tail))
    return "\n\n".join(parts)


def format_coefficients(inference: Inference, language: str = "en") -> list[str]:
    """Return the lines of the table of coefficients, the head first."""
    rows = _cells(inference)
    level = f"{100 * inference.level:.4g}"
    heads = {
        "name": "",
        "estimate": say("estimate", language),
        "std_error": say("std. error", language),
        "statistic": inference.statistic_name,
        "p_value": say("p", language),
    }
    least = {"name": 10, "estimate": 11, "std_error": 13, "statistic": 8, "p_value": 9}
    gap = {key: 0 if key == "name" else 3 for key in heads}
    sizes = {
        key: max(least[key], gap[key] + max(_width(head), *(_width(r[key]) for r in rows)))
        for key, head in heads.items()
    }
    bound = max(_width(r[key]) for r in rows for key in ("lower", "upper"))
    interval = say("interval", language, level=level)
    # A bound needs room for half of the heading above the pair.
    bound = max(bound, (_width(interval) - 2) // 2)
    lines = []
    place = {key: _left if key == "name" else _right for key in heads}
    head = "".join(place[key](text, sizes[key]) for key, text in heads.items())
    pair = 2 * bound + 3
    lines.append(head + "   " + " " * ((pair - _width(interval) + 1) // 2) + interval)
    for r in rows:
        line = "".join(place[key](r[key], sizes[key]) for key in heads)
        lines.append(line + "   " + _right(r["lower"], bound) + "   " + _right(r["upper"], bound))
    return [line.rstrip() for line in lines]


def format_equation(target: str, names: Sequence[str], estimate: ArrayLike, limit: int = 8) -> str:
    """Return the fitted model as one line; the name "intercept" stands for 1, beyond `limit` terms comes "…".

    >>> format_equation("final", ["intercept", "q1", "q2"], [4.40211, 0.79548, -0.4])
    'final = 4.402 + 0.795 q1 − 0.400 q2'
    """
    b = np.asarray(estimate, dtype=float)
    text = ""
    for name, value in list(zip(names, b, strict=True))[:limit]:
        size = _coefficient(abs(value)) + ("" if name == "intercept" else f" {name}")
        if text:
            text += f" {MINUS if value < 0 else '+'} {size}"
        else:
            text = f"{MINUS if value < 0 else ''}{size}"
    more = f" + … ({len(b) - limit} more)" if len(b) > limit else ""
    return f"{target} = {text}{more}"


def regression_facts(
    metrics: RegressionMetrics, condition_number: float | None = None, language: str = "en"
) -> tuple[tuple[Fact, ...], ...]:
    """Return the facts of a regression in lines: R² and what it rests on, F and the residuals, the likelihood.

    Facts that do not exist (F without a residual degree of freedom) are left out; they are NaN in the measures.
    """
    m = metrics
    first: list[Fact] = [(say("r2" if m.r2_centred else "r2 uncentred", language), share(m.r2))]
    if m.df_residual > 0 and not math.isnan(m.r2_adjusted):
        first.append((say("r2 adjusted", language), share(m.r2_adjusted)))
    first.append((say("df residual", language), str(m.df_residual)))
    if condition_number is not None and not math.isnan(condition_number):
        first.append((say("condition", language), power(condition_number)))
    second: list[Fact] = []
    if not math.isnan(m.f):
        second.append((say("f", language), f"{short(m.f)} ({m.df_model}, {m.df_residual})"))
        second.append((say("f p", language), p_value(m.f_p)))
    if math.isfinite(m.sigma):
        second.append((say("residual sd", language), short(m.sigma)))
    second += [(say("rmse", language), short(m.rmse)), (say("mae", language), short(m.mae))]
    third: list[Fact] = []
    if math.isfinite(m.log_likelihood):
        third = [
            (say("log likelihood", language), short(m.log_likelihood, 6)),
            (say("aic", language), short(m.aic, 6)),
            (say("bic", language), short(m.bic, 6)),
        ]
    return tuple(first), tuple(second), tuple(third)


def likelihood_facts(
    metrics: LikelihoodMetrics, condition_number: float | None = None, language: str = "en"
) -> tuple[tuple[Fact, ...], ...]:
    """Return the facts of a fit by maximum likelihood in lines; those that are NaN are left out.

    LR is the likelihood ratio test against the model with an intercept alone.
    """
    m = metrics
    first: list[Fact] = [
        (say("log likelihood", language), short(m.log_likelihood, 6)),
        (say("deviance", language), short(m.deviance, 6)),
        (say("null deviance", language), short(m.null_deviance, 6)),
    ]
    if not math.isnan(m.pseudo_r2):
        first.append((say("pseudo r2", language), share(m.pseudo_r2)))
    second: list[Fact] = []
    if math.isfinite(m.lr_p):
        second.append((say("lr", language), f"{short(m.lr)} ({m.df_model})"))
        second.append((say("lr p", language), p_value(m.lr_p)))
    if math.isfinite(m.aic):
        second += [(say("aic", language), short(m.aic, 6)), (say("bic", language), short(m.bic, 6))]
    third: list[Fact] = []
    if math.isfinite(m.dispersion):
        third.append((say("dispersion", language), short(m.dispersion)))
    if math.isfinite(m.pearson):
        third.append((say("pearson", language), short(m.pearson)))
    third.append((say("df residual", language), str(m.rows - m.parameters)))
    if condition_number is not None and not math.isnan(condition_number):
        third.append((say("condition", language), power(condition_number)))
    return tuple(first), tuple(second), tuple(third)


def share(value: float) -> str:
    """Return a share such as R² with four decimals, never rounded up to 1.

    >>> share(0.99976), share(0.999999), share(1.0), share(float("nan"))
    ('0.9998', '0.999999', '1.0000', '—')
    """
    if math.isfinite(value) and 0.99995 <= value < 1:
        digits = min(15, 1 - math.floor(math.log10(1 - value)))
        text = f"{value:.{digits}f}".rstrip("0")
        return f"{value:.4f}" if text == "1." else text[: text.find("9") + digits]
    return fixed(value, 4)


def _coefficient(size: float) -> str:
    """Return a coefficient for the equation: three decimals where they say enough, else four digits."""
    if size == 0 or 0.1 <= size < 1e4:
        return fixed(size, 3)
    return short(size)


def _cells(inference: Inference) -> list[dict[str, str]]:
    i = inference
    bounds = _column(np.concatenate([i.lower, i.upper]), digits=4)
    p = len(i.names)
    columns = {
        "name": list(i.names),
        "estimate": _column(endless(i)),
        "std_error": _column(i.std_error),
        "statistic": [short(v) if abs(v) >= 1e6 else fixed(float(v), 3) for v in i.statistic],
        "p_value": [p_value(float(v)) for v in i.p_value],
        "lower": bounds[:p],
        "upper": bounds[p:],
    }
    return [{key: cells[j] for key, cells in columns.items()} for j in range(p)]


def endless(i: Inference) -> np.ndarray:
    """Return the estimates as they are shown: ±∞ where separation lets them grow without end, NaN where it leaves
    them open.
    """
    if i.signs is None:
        return i.estimate
    # What separation leaves open has no estimate: the run could have ended anywhere.
    shown = np.where(np.isnan(i.std_error), np.nan, i.estimate)
    return np.where(i.signs != 0, np.copysign(np.inf, i.signs), shown)


def _column(values: ArrayLike, digits: int = 4) -> list[str]:
    """Return numbers with as many decimals as give the smallest of them `digits` significant digits.

    A number is not printed beyond eight significant digits, and one that would need more than seven decimals,
    or stands above ten million, is printed as a power of ten; decimal points stay below each other.

    >>> _column([4.40211, 0.40838]), _column([1e-9, 2.5]), _column([12345.678, 0.05])
    (['4.4021', '0.4084'], ['1e−9', '2.500'], ['12345.678  ', '    0.05000'])
    """
    v = np.asarray(values, dtype=float)
    plain = np.isfinite(v) & (v != 0) & (np.abs(v) >= 1e-4) & (np.abs(v) < 1e7)
    if plain.any():
        decimals = digits - 1 - math.floor(math.log10(np.abs(v[plain]).min()))
        decimals = min(max(decimals, 1), 7)
    else:
        decimals = digits - 1
    cells = []
    for value, fits in zip(v, plain, strict=True):
        if not fits:
            cells.append(fixed(0.0, decimals) if value == 0 else short(value))
            continue
        before = max(1, 1 + math.floor(math.log10(abs(value))))
        own = min(decimals, max(8 - before, 1))
        cells.append(minus(f"{value:.{own}f}") + " " * (decimals - own))
    widest = max(map(_width, cells), default=0)
    pointed = any(cell.endswith(" ") for cell in cells)
    return [_right(cell, widest) if pointed else cell for cell in cells]


def _facts(line: Sequence[Fact], width: int) -> list[str]:
    """Return facts side by side, in as many lines as the width asks for; a fact itself is not broken."""
    lines: list[str] = []
    for label, value in line:
        text = f"{label} {value}"
        if lines and _width(lines[-1]) + 3 + _width(text) <= width:
            lines[-1] += "   " + text
        else:
            lines.append(text)
    return lines


def _width(text: str) -> int:
    """Return how many columns a terminal uses for the text: Korean and other wide letters take two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else not unicodedata.combining(c) for c in text)


def _left(text: str, width: int) -> str:
    return text + " " * max(0, width - _width(text))


def _right(text: str, width: int) -> str:
    return " " * max(0, width - _width(text)) + text


def _wrapped(text: str, width: int, indent: str) -> list[str]:
    return textwrap.wrap(
        text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
