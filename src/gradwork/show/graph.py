"""The graph of a computation as SVG: one row for each quantity, from the data at the top to the loss at the bottom.

What a row takes in stands to its left as a pill (parameters, data, the state before a step), so no line has to
travel far; what it takes from the row above comes straight down, and from further up along a lane at the right.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

SIZE = 13  # of letters, in pixels
LINE, PILL, GAP, LANE = 18, 27, 26, 16  # heights of a line and a pill, space between rows, width of a lane
WIDEST, LINES = 380, 2  # of a box, and lines of its formula
MARGIN = 14

# Colours by role: by day and by night. A page that names its own colours is followed.
COLOURS = {
    "paper": ("#ffffff", "#15161a"),
    "card": ("#ffffff", "#1b1d22"),
    "ink": ("#1d1d1f", "#ececec"),
    "muted": ("#6e6e73", "#96969e"),
    "first": ("#1f5fa8", "#7fb2f0"),
    "second": ("#c2502e", "#f08e6c"),
    "third": ("#2f8a5b", "#6cc794"),
    "tint": ("#eef3f9", "#1e2836"),
    "warn": ("#fbf1e7", "#2e251c"),
}


@dataclass(frozen=True)
class Box:
    """A quantity: its name and formula, what is said below them at the left, and at the right.

    takes:  the names of the quantities above that it is computed from;  pills: what comes in from its left.
    warned: whether what is said at the right is a warning.
    """

    name: str
    formula: str
    note: str
    takes: tuple[str, ...] = ()
    pills: tuple[Pill, ...] = ()
    aside: str = ""
    warned: bool = False


@dataclass(frozen=True)
class Pill:
    """What comes in from outside: a parameter ("learned"), data ("data"), or the state before a step ("state")."""

    name: str
    note: str
    kind: str


def text_width(text: str, size: float = SIZE) -> float:
    """Return about how wide a text is, in pixels: the letters of a page are not known here.

    >>> text_width("ill") < text_width("WWW")
    True
    """
    return size * sum(
        0.36
        if c in "iljtfr.,:;'|()[] ₀₁₂₃₄₅₆₇₈₉ₜ₋₊"
        else 0.9
        if c in "mwMW∑"
        else 0.7
        if c.isupper()
        else 0.6
        for c in text
    )


def wrapped(text: str, width: float, lines: int = LINES) -> list[str]:
    """Return a formula in lines of that width, broken at spaces; what does not fit ends in "…".

    >>> wrapped("a + b + c", 30.0)
    ['a +', 'b …']
    """
    out, words = [""], text.split(" ")
    for k, word in enumerate(words):
        longer = f"{out[-1]} {word}".strip()
        last = len(out) == lines and k < len(words) - 1
        if text_width(longer + (" …" if last else "")) <= width or not out[-1]:
            out[-1] = longer
        elif len(out) < lines:
            out.append(word)
        else:
            out[-1] += " …"
            break
    return [_cut(line, width) for line in out]


def _cut(line: str, width: float) -> str:
    if text_width(line) <= width:
        return line
    while line and text_width(line + "…") > width:
        line = line[:-1]
    return line + "…"


def draw(boxes: Sequence[Box], label: str) -> str:
    """Return the boxes, in the order in which they are computed, as one SVG element.

    label: what a reader that cannot see is told.

    >>> svg = draw([Box("z", "a x", "3"), Box("f", "z²", "scalar", ("z",))], "a graph")
    >>> svg.count("<rect"), svg.startswith("<svg")
    (3, True)
    """
    inner = max(190.0, min(WIDEST, max(text_width(f"{b.name} = {b.formula}") for b in boxes)))
    inner = max(inner, *(text_width(f"{b.note}    {b.aside}", SIZE - 2) for b in boxes))
    wide = inner + 28
    pills = max([0.0, *(_pill_width(p) for b in boxes for p in b.pills)])
    left = MARGIN + pills + (26 if pills else 0)
    places, y = {}, float(MARGIN)
    for b in boxes:
        lines = wrapped(f"{b.name} = {b.formula}", inner)
        high = max(LINE * (len(lines) + 1) + 14, PILL * len(b.pills) + 8)
        places[b.name] = (y, high, lines)
        y += high + GAP
    lanes = _lanes(boxes)
    right = left + wide
    width = right + (LANE * (max(lanes.values()) + 1) + 8 if lanes else 0) + MARGIN
    out = [_rect(0, 0, width, y - GAP + MARGIN, "paper", "", 0)]
    for b in boxes:
        out += _lines_into(b, boxes, places, lanes, left, wide)
    for b in boxes:
        out += _box(b, places[b.name], left, wide)
    height = y - GAP + MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="graph" role="img" aria-label="{html.escape(label)}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" '
        f'font-family="system-ui, sans-serif" font-size="{SIZE}">\n<style>{_style()}</style>\n'
        + "\n".join(out)
        + "\n</svg>"
    )


def _style() -> str:
    # Plain attributes hold the colours of the day, for programs that know no variables.
    def rules(k: int) -> str:
        return "".join(
            f".graph .{kind}-{role}{{{kind}:var(--{role},{pair[k]})}}"
            for role, pair in COLOURS.items()
            for kind in ("fill", "stroke")
        )

    return f"{rules(0)}@media (prefers-color-scheme:dark){{{rules(1)}}}"


def _ink(kind: str, role: str) -> str:
    return f'class="{kind}-{role}" {kind}="{COLOURS[role][0]}"'


def _rect(
    x: float, y: float, w: float, h: float, fill: str, stroke: str, round_: float, dash: str = ""
) -> str:
    line = f' stroke="{COLOURS[stroke][0]}" stroke-opacity=".55"{dash}' if stroke else ""
    roles = f"fill-{fill}" + (f" stroke-{stroke}" if stroke else "")
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" rx="{round_:g}" class="{roles}" '
        f'fill="{COLOURS[fill][0]}"{line}/>'
    )


def _text(x: float, y: float, text: str, role: str, size: float = SIZE, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" {_ink("fill", role)}{more}>{text}</text>'


def _arrow(x: float, y: float, down: float, role: str = "muted") -> str:
    # A head whose tip is at (x, y): pointing down (1), right (0) or left (−1).
    d = {1: "m-4 -7h8l-4 7z", 0: "m-7 -4v8l7 -4z", -1: "m7 -4v8l-7 -4z"}[int(down)]
    return f'<path d="M{x:.1f} {y:.1f}{d}" {_ink("fill", role)}/>'


def _pill_width(p: Pill) -> float:
    return text_width(p.name) + text_width(p.note, SIZE - 2) + 30


def _lanes(boxes: Sequence[Box]) -> dict[str, int]:
    """Return the lane of each quantity that is used below the next row; lanes that overlap differ."""
    at = {b.name: i for i, b in enumerate(boxes)}
    reach: dict[str, int] = {}
    for i, b in enumerate(boxes):
        for name in b.takes:
            if i > at[name] + 1:
                reach[name] = max(reach.get(name, 0), i)
    ends: list[int] = []  # the last row of each lane
    lanes = {}
    for name in sorted(reach, key=lambda n: at[n]):
        free = next((k for k, end in enumerate(ends) if end < at[name]), len(ends))
        ends[free : free + 1] = [reach[name]]
        lanes[name] = free
    return lanes


def _lines_into(
    b: Box, boxes: Sequence[Box], places: dict, lanes: dict, left: float, wide: float
) -> list[str]:
    """Return the lines that lead into a box: from its pills, from above, and from the lanes."""
    y, high, _ = places[b.name]
    order = [x.name for x in boxes]
    out = []
    far = [n for n in b.takes if order.index(b.name) > order.index(n) + 1]
    for k in range(len(b.pills)):
        at = _pill_y(y, high, len(b.pills), k)
        out.append(
            f'<path d="M{left - 24:.1f} {at:.1f}H{left - 6:.1f}" {_ink("stroke", "muted")} fill="none"/>'
        )
        out.append(_arrow(left - 1, at, 0))
    if len(far) < len(b.takes):
        x = left + wide / 2
        out.append(f'<path d="M{x:.1f} {y - GAP:.1f}V{y - 7:.1f}" {_ink("stroke", "muted")} fill="none"/>')
        out.append(_arrow(x, y - 1, 1))
    right = left + wide
    for k, name in enumerate(far):
        start, from_high, _ = places[name]
        lane = right + 12 + LANE * lanes[name]
        top, at = (
            start + from_high - 9,
            y + (high - 16) * (k + 1) / (len(far) + 1),
        )  # it leaves below what enters
        path = f"M{right:.1f} {top:.1f}H{lane - 6:.1f}q6 0 6 6V{at - 6:.1f}q0 6 -6 6H{right + 7:.1f}"
        out.append(f'<path d="{path}" {_ink("stroke", "muted")} fill="none"/>')
        out.append(_arrow(right + 1, at, -1))
    return out


def _pill_y(y: float, high: float, count: int, k: int) -> float:
    return y + high / 2 + PILL * (k - (count - 1) / 2)


def _box(b: Box, place: tuple, left: float, wide: float) -> list[str]:
    y, high, lines = place
    out = [_rect(left, y, wide, high, "card", "muted", 8)]
    first = y + high / 2 - LINE * (len(lines) + 1) / 2 + 13
    x = left + 14
    for k, line in enumerate(lines):
        shown = html.escape(line)
        if k == 0:
            name = html.escape(b.name)
            shown = f'<tspan font-weight="600">{name}</tspan>{shown[len(name) :]}'
        cut = line.endswith("…") and not b.formula.endswith("…")
        title = f"<title>{html.escape(f'{b.name} = {b.formula}')}</title>" if cut else ""
        out.append(_text(x, first + LINE * k, title + shown, "ink"))
    below = first + LINE * len(lines)
    out.append(_text(x, below, html.escape(b.note), "muted", SIZE - 2))
    end = ' text-anchor="end"'
    if b.aside:
        role = "second" if b.warned else "muted"
        out.append(_text(left + wide - 14, below, html.escape(b.aside), role, SIZE - 2, end))
    for k, p in enumerate(b.pills):
        at, w = _pill_y(y, high, len(b.pills), k), _pill_width(p)
        role = {"learned": ("warn", "second"), "data": ("tint", "first"), "state": ("card", "third")}[p.kind]
        dash = ' stroke-dasharray="4 3"' if p.kind == "state" else ""
        out.append(_rect(left - 24 - w, at - 11, w, 22, *role, 11, dash))
        out.append(_text(left - 14 - w, at + 4.5, html.escape(p.name), "ink"))
        out.append(_text(left - 34, at + 4, html.escape(p.note), "muted", SIZE - 2, end))
    return out


__all__ = ["Box", "Pill", "draw", "text_width", "wrapped"]
