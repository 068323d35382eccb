"""The look of plots: quiet axes, two colours, letters of the page. In a page, colours follow its light or dark."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Colours by role. In a page each stands for a CSS variable, so that a dark page has light ink.
LIGHT = {
    "ink": "#1d1d1f",
    "muted": "#6e6e73",
    "faint": "#d9d7d2",
    "paper": "#ffffff",
    "first": "#1f5fa8",
    "second": "#c2502e",
    "third": "#2f8a5b",
    "fourth": "#8a5bb0",
    "fifth": "#b08a1e",
    "sixth": "#4aa3a8",
    "seventh": "#7a7a7a",
}
ROLES = tuple(LIGHT)
# What Matplotlib is told, to be found again in its SVG: a colour that nothing else has.
MARKS = {role: f"#fe{i:02x}a7" for i, role in enumerate(ROLES)}
CYCLE = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh")


def settings(colours: dict[str, str]) -> dict[str, Any]:
    """Return Matplotlib's settings for the look, in these colours."""
    from cycler import cycler

    ink, muted, faint = colours["ink"], colours["muted"], colours["faint"]
    return {
        "axes.axisbelow": True,
        "axes.formatter.limits": (-3, 5),  # longer labels have no room
        "axes.edgecolor": muted,
        "axes.facecolor": "none",
        "axes.grid": True,
        "axes.labelcolor": muted,
        "axes.labelsize": 9,
        "axes.linewidth": 0.6,
        "axes.prop_cycle": cycler(color=[colours[role] for role in CYCLE]),
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlecolor": ink,
        "axes.titlelocation": "left",
        "axes.titlepad": 9,
        "axes.titlesize": 10.5,
        "axes.titleweight": "semibold",
        "axes.unicode_minus": True,
        "figure.facecolor": "none",
        "font.family": "sans-serif",
        "font.size": 9,
        "grid.color": faint,
        "grid.linewidth": 0.5,
        "legend.fontsize": 9,
        "legend.frameon": False,
        "legend.labelcolor": ink,
        "lines.linewidth": 1.6,
        "lines.solid_capstyle": "round",
        "patch.linewidth": 0,
        "savefig.facecolor": "none",
        "svg.fonttype": "none",
        "svg.hashsalt": "gradwork",
        "text.color": ink,
        "xtick.color": muted,
        "xtick.labelsize": 8.5,
        "xtick.major.size": 3,
        "xtick.major.width": 0.6,
        "xtick.minor.size": 0,
        "ytick.color": muted,
        "ytick.labelsize": 8.5,
        "ytick.major.size": 0,
        "ytick.minor.size": 0,
    }


@contextmanager
def look(colours: dict[str, str] | None = None) -> Iterator[dict[str, str]]:
    """Draw in this look inside the block; the colours by role are what it hands out."""
    import matplotlib

    chosen = colours or MARKS
    rc: Any = settings(chosen)
    with matplotlib.rc_context(rc):
        yield chosen


def figure(width: float = 3.9, height: float = 2.9, fitted: bool = False) -> Any:
    """Return axes on a figure of their own, of that size in inches; no window system is touched.

    The margins fit the labels of the look; `fitted` measures them, for labels of any length, which takes as long
    again as the drawing.
    """
    from matplotlib.figure import Figure

    ax = Figure(figsize=(width, height), layout="constrained" if fitted else None).add_subplot()
    if not fitted:
        ax.figure.subplots_adjust(
            left=0.64 / width, right=1 - 0.06 / width, bottom=0.47 / height, top=1 - 0.1 / height
        )
    return ax


def inline_svg(ax: Any, label: str) -> str:
    """Return the figure of the axes as SVG for a page: letters and colours of the page, no identifiers twice."""
    file = io.StringIO()
    ax.figure.savefig(
        file, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
    )
    return for_page(file.getvalue(), label)


def for_page(svg: str, label: str) -> str:
    """Return an SVG document of Matplotlib's as an element of a page."""
    import hashlib
    import html

    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.S)
    svg = re.sub(r"<!--.*?-->|<style.*?</style>", "", svg, flags=re.S)  # the page styles its plots
    for role, mark in MARKS.items():
        svg = svg.replace(mark, f"var(--{role})")
    svg = re.sub(r"font: (?:[\w.]+ )*?([\d.]+)px [^;\"]*", r"font-size: \1px", svg)
    svg = re.sub(r" ?font-family: [^;\"]*;?", "", svg)
    svg = re.sub(r"<[^>]*>", lambda tag: re.sub(r"(\d\.\d\d)\d+", r"\1", tag[0]), svg)  # not the text between
    svg = re.sub(r" transform=\"rotate\(-?0 [^\"]*\"", "", svg)
    svg = _short_names(svg, "f" + hashlib.sha256((label + svg).encode()).hexdigest()[:5])
    svg = re.sub(r">\s+<", "><", re.sub(r"\s*\n", " ", svg)).replace("<defs></defs>", "").replace(": ", ":")
    svg = _shared_styles(svg)
    box = re.search(r'viewBox="([^"]*)"', svg)
    head = f'<svg class="plot" role="img" aria-label="{html.escape(label)}" viewBox="{box[1] if box else ""}"'
    rest = svg[svg.index(">") + 1 :].strip()
    rest = rest.replace("xlink:href", "href")
    return f"{head}>{rest}"


def _short_names(svg: str, prefix: str) -> str:
    """Give what is referred to a short name that no other figure of the page has, and drop all other names."""
    used = dict.fromkeys(re.findall(r'(?:href="#|url\(#)([^")]*)', svg))
    names = {old: f"{prefix}{i}" for i, old in enumerate(used)}

    def rename(match: re.Match[str]) -> str:
        return f' id="{names[match[1]]}"' if match[1] in names else ""

    svg = re.sub(r' id="([^"]*)"', rename, svg)
    return re.sub(r'(href="#|url\(#)([^")]*)', lambda m: m[1] + names[m[2]], svg)


def _shared_styles(svg: str) -> str:
    """Let the dots of a scatter take their colour from their group: it is the same for all of them."""

    def group(match: re.Match[str]) -> str:
        uses = re.findall(r'<use href="([^"]*)" x="([^"]*)" y="([^"]*)" style="([^"]*)"/>', match[0])
        if len({(href, style) for href, _, _, style in uses}) != 1:
            return match[0]
        href, _, _, style = uses[0]
        return (
            f'<g style="{style}">'
            + "".join(f'<use href="{href}" x="{x}" y="{y}"/>' for _, x, y, _ in uses)
            + "</g>"
        )

    return re.sub(r'(?:<use href="[^"]*" x="[^"]*" y="[^"]*" style="[^"]*"/>){3,}', group, svg)
