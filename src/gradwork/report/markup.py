"""Pieces of the page: tables with bars and bands, small histograms. Text in, HTML out."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradwork.report.content import ColumnFacts, Gallery, LayerFacts
from gradwork.report.pixels import address
from gradwork.words.numbers import short
from gradwork.words.say import say

FEW = 5  # classes whose confusion matrix stands beside a plot
SHOWN = 60  # rows of a table of coefficients or columns, beyond which a page is no longer read


def escape(text: Any) -> str:
    """Return text as HTML."""
    return html.escape(str(text), quote=True)


def layers(found: Sequence[LayerFacts]) -> str:
    """Return the table of a network's layers."""
    sized = any(layer.remark for layer in found)
    heads = [("layer", ""), ("output", ""), ("parameters", "n"), ("holds", "wide"), ("size", "wide")][
        : 4 + sized
    ]
    out = ['<div class="scroll"><table class="layers"><thead><tr>']
    out += [f'<th class="{kind}">{escape(say("layers " + key))}</th>' for key, kind in heads]
    out.append("</tr></thead><tbody>")
    for layer in found:
        count = f"{layer.count:,}" if layer.count else "—"
        size = f'<td class="wide words">{escape(layer.remark)}</td>' if sized else ""
        out.append(
            f'<tr><th>{escape(layer.title)}</th><td class="shape">{escape(layer.output)}</td><td class="n">{count}</td>'
            f'<td class="wide">{escape(layer.parameters)}</td>{size}</tr>'
        )
    total = f"{sum(layer.count for layer in found):,}"
    out.append(
        f'<tr class="total"><th>{escape(say("layers total"))}</th><td></td><td class="n">{total}</td>'
        f'<td class="wide"></td>{"<td class=wide></td>" if sized else ""}</tr></tbody></table></div>'
    )
    return "".join(out)


def gallery(found: Gallery) -> str:
    """Return images beside each other, each with its caption."""
    cells = "".join(
        f'<figure><img alt="{escape(p.label)}" src="{address(p.pixels, p.signed)}"/>'
        f"<figcaption>{escape(p.label)}</figcaption></figure>"
        for p in found.pictures
    )
    note = f'<p class="hint">{escape(found.caption)}</p>' if found.caption else ""
    return f'<h3>{escape(found.title)}</h3><div class="gallery">{cells}</div>{note}'


def lines(table: str, shown: int | None) -> str:
    """Return the table of a derivation; where it has more lines than `shown`, those behind a summary."""
    rows = re.findall(r"<tr.*?</tr>", table, re.S)
    if shown is None or len(rows) <= 1.6 * shown:  # to fold a few lines helps nobody
        return f'<div class="scroll">{table}</div>'
    # Backpropagation starts at the loss: what leads to f, then the first lines backward.
    first = next((i for i, row in enumerate(rows) if 'class="backward"' in row), 0)
    head = rows[max(first - 1, 0) : max(first - 1, 0) + shown]
    summary = escape(say("all lines", count=len(rows)))
    return (
        f'<div class="scroll"><table class="derivation">{"".join(head)}</table></div>'
        f'<details><summary>{summary}</summary><div class="scroll">{table}</div></details>'
    )


def facts(pairs: Sequence[tuple[str, str]]) -> str:
    """Return the numbers at the head of the page."""
    cells = "".join(f"<div><dt>{escape(label)}</dt><dd>{escape(value)}</dd></div>" for label, value in pairs)
    return f'<dl class="facts">{cells}</dl>'


def equation(text: str) -> str:
    """Return a fitted model such as "y = 4.4 + 0.8 q1" with its numbers set off from its names.

    >>> equation("y = 4.4 + 0.8 q1")
    '<p class="equation">y = <span><b>4.4</b></span> <span>+ <b>0.8</b> <i>q1</i></span></p>'
    """
    return f'<p class="equation">{",  ".join(_equation(part) for part in text.split(",   "))}</p>'


def _equation(text: str) -> str:
    match = re.match(r"((?:[^()=]|\([^()]*\))*?) = (.*)", text, re.S)  # the first = outside brackets
    if match is None:
        return escape(text)
    terms = []
    for term in re.split(r" (?=[+−] )", match[2]):
        found = re.fullmatch(r"([+−] )?(−?[\d.,]+(?:e[−\d]+)?)(?: (.*))?", term, re.S)
        if found is None:
            terms.append(escape(term))
            continue
        named = f" <i>{escape(found[3])}</i>" if found[3] else ""
        terms.append(f"<span>{found[1] or ''}<b>{escape(found[2])}</b>{named}</span>")
    return f"{escape(match[1])} = {' '.join(terms)}"


def coefficients(block: Any, rows: Sequence[dict[str, str]], scales: Sequence[float]) -> str:
    """Return a table of coefficients, each with the interval of its effect as a band.

    block: title and inference; rows: its cells as text; scales: what each estimate is multiplied by in the band
    (0 for none, as for the intercept).
    """
    inference = block.inference
    scale = np.asarray(scales if len(scales) else np.ones(len(rows)), dtype=float)
    order = _shown(inference, len(rows))
    low, middle, high = (
        np.asarray(a) * scale for a in (inference.lower, inference.estimate, inference.upper)
    )
    drawn = [j for j in order if scale[j] and math.isfinite(low[j]) and math.isfinite(high[j])]
    ends = _ends(low[drawn], high[drawn])
    level = f"{100 * inference.level:.4g}"
    plain = not len(scales)
    bands = bool(drawn)
    cells_of = [("estimate", "n"), ("std_error", "n wide"), ("statistic", "n wide"), ("p_value", "n")]
    known = bool(np.isfinite(np.asarray(inference.std_error, dtype=float)).any())
    if not known:
        cells_of = cells_of[:1]  # columns of dashes say nothing
    names = (say("estimate"), say("std_error"), inference.statistic_name, say("p"))
    heads = [("", ""), *((name, kind) for name, (_, kind) in zip(names, cells_of))]
    if bands:
        heads += [
            (say("effect of one" if plain else "effect"), "band"),
            (say("interval", level=level), "n wide"),
        ]
    title = f"<h3>{escape(block.title)}</h3>" if block.title else ""
    if rows and all(not any(c.isdigit() for c in row["estimate"]) for row in rows):
        return title + f'<p class="hint">{escape(say("no estimates"))}</p>'
    out = [f'<div class="scroll"><table{"" if known else " class=narrow"}>']
    out.append("<caption>")
    if bands:
        out.append(escape(say("effect caption plain" if plain else "effect caption", level=level)))
    if len(order) < len(rows):
        out.append(" " + escape(say("shown", shown=len(order), all=len(rows))))
    if not known:
        out.append(escape(say("no errors heading")))
    out.append("</caption><thead><tr>")
    out += [f'<th class="{kind}">{escape(text)}</th>' for text, kind in heads]
    out.append("</tr></thead><tbody>")
    for j in order:
        cells = rows[j]
        sure = bool(inference.lower[j] > 0 or inference.upper[j] < 0)
        row = f"<tr{' class=sure' if sure else ''}><th>{escape(cells['name'])}</th>"
        for key, kind in cells_of:
            row += f'<td class="{kind}">{escape(cells[key])}</td>'
        if bands:
            band = _band(low[j], middle[j], high[j], ends, sure) if j in drawn else ""
            ends_known = math.isfinite(inference.lower[j])
            interval = (
                f"{short(float(inference.lower[j]))} … {short(float(inference.upper[j]))}"
                if ends_known
                else "—"
            )
            row += f'<td class="band">{band}</td><td class="n wide">{escape(interval)}</td>'
        out.append(row + "</tr>")
    out.append("</tbody></table></div>")
    return title + "".join(out)


def _shown(inference: Any, count: int) -> list[int]:
    if count <= SHOWN:
        return list(range(count))
    strength = np.nan_to_num(np.abs(np.asarray(inference.statistic)), nan=-1.0)
    return sorted(np.argsort(-strength, kind="stable")[:SHOWN].tolist())


def _ends(low: Any, high: Any) -> tuple[float, float]:
    if not len(low):
        return (-1.0, 1.0)
    a, b = min(float(np.min(low)), 0.0), max(float(np.max(high)), 0.0)
    pad = 0.06 * (b - a) or 1.0
    return a - pad, b + pad


def _band(low: float, middle: float, high: float, ends: tuple[float, float], sure: bool) -> str:
    def at(value: float) -> str:
        return f"{100 * (value - ends[0]) / (ends[1] - ends[0]):.1f}%"

    colour = "var(--first)" if sure else "var(--muted)"
    return (
        f'<svg role="img" aria-label="{low:.3g} to {high:.3g}">'
        f'<line x1="{at(0)}" x2="{at(0)}" y1="0" y2="100%" stroke="var(--muted)" stroke-opacity=".45"/>'
        f'<line x1="{at(low)}" x2="{at(high)}" y1="50%" y2="50%" stroke="{colour}" stroke-width="2"'
        ' stroke-linecap="round"/>'
        f'<circle cx="{at(middle)}" cy="50%" r="3.6" fill="{colour}"/></svg>'
    )


def confusion(counts: Any, labels: Sequence[Any]) -> str:
    """Return the confusion matrix as a table, cells shaded by the share of their true class.

    Where the classes are many, the shares stand in the shading alone.
    """
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    small = len(labels) > FEW
    out = [f'<table class="confusion{" small" if small else ""}"><thead><tr><th></th>']
    out.append(f'<th colspan="{len(labels)}">{escape(say("confusion predicted"))}</th></tr>')
    out.append(f"<tr><th>{escape(say('confusion corner'))}</th>")
    out += [f"<th>{escape(label)}</th>" for label in labels]
    out.append("</tr></thead><tbody>")
    for i, label in enumerate(labels):
        out.append(f"<tr><th>{escape(label)}</th>")
        for j in range(len(labels)):
            role = "first" if i == j else "second"
            strength = round(100 * (0.12 + 0.88 * float(shares[i, j]))) if counts[i, j] else 4
            share = "" if small else f"<small>{100 * shares[i, j]:.1f} %</small>"
            ink = "var(--paper)" if strength > 55 else "var(--ink)"
            back = f"color-mix(in srgb, var(--{role}) {strength}%, var(--card))"
            out.append(
                f'<td style="background:{back};color:{ink}" title="{100 * shares[i, j]:.1f} %">'
                f"<b>{counts[i, j] or ('·' if small else 0)}</b>{share}</td>"
            )
        out.append("</tr>")
    out.append("</tbody></table>")
    return f'<div class="scroll">{"".join(out)}</div>'


def columns(found: Sequence[ColumnFacts]) -> str:
    """Return the table of the table's columns."""
    heads = [say(key) for key in ("column", "kind", "values", "missing", "shape")]
    kinds = ("", "wide", "", "n", "")
    out = ['<div class="scroll"><table><thead><tr>']
    out += [f'<th class="{kind}">{escape(text)}</th>' for text, kind in zip(heads, kinds, strict=True)]
    out.append("</tr></thead><tbody>")
    for c in found[:SHOWN]:
        tag = f'<span class="tag">{escape(say("role " + c.role))}</span>' if c.role != "feature" else ""
        out.append(
            f'<tr><th>{escape(c.name)}{tag}</th><td class="wide">{escape(c.kind)}</td>'
            f'<td class="words">{escape(c.values)}</td><td class="n">{c.missing or "—"}</td>'
            f"<td>{spark(c.counts)}</td></tr>"
        )
    out.append("</tbody></table></div>")
    if len(found) > SHOWN:
        out.append(f"<p>{escape(say('more columns', count=len(found) - SHOWN))}</p>")
    return "".join(out)


def spark(counts: Sequence[int]) -> str:
    """Return a small histogram."""
    if not counts or max(counts) == 0:
        return ""
    width, high = 90 / len(counts), max(counts)
    bars = "".join(
        f'<rect x="{i * width:.1f}" y="{20 - 20 * c / high:.1f}"'
        f' width="{max(width - 1, 0.8):.1f}" height="{20 * c / high:.1f}"/>'
        for i, c in enumerate(counts)
        if c
    )
    head = '<svg class="spark" viewBox="0 0 90 20" preserveAspectRatio="none" fill="var(--first)" aria-hidden="true">'
    return head + bars + "</svg>"


__all__ = [
    "coefficients",
    "columns",
    "confusion",
    "equation",
    "escape",
    "facts",
    "gallery",
    "layers",
    "lines",
    "spark",
]
