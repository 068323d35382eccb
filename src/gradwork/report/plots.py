"""The pictures of a fit. Each draws into Matplotlib axes that it is given, and computes nothing it could be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Colours = Mapping[str, str]
Array = NDArray[np.float64]

POINTS = 1500  # so many points say as much as more, and the page stays small


def thinned(n: int, limit: int = POINTS, seed: int = 0) -> NDArray[np.int64]:
    """Return the rows that a picture of `n` rows shows: all, or `limit` of them by seed.

    >>> len(thinned(10)), len(thinned(10**6))
    (10, 1500)
    """
    if n <= limit:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, limit, replace=False))


def points(ax: Any, x: ArrayLike, y: ArrayLike, colour: str, always: ArrayLike = ()) -> None:
    """Draw rows as dots, fainter where they are many; the rows in `always` are never left out."""
    x, y = np.asarray(x), np.asarray(y)
    rows = np.union1d(thinned(len(x)), np.asarray(always, dtype=np.int64))
    size = float(np.clip(26 - 4 * np.log(len(rows) + 1), 3.5, 20))
    alpha = float(np.clip(1.15 - 0.1 * np.log(len(rows) + 1), 0.35, 0.9))
    ax.scatter(x[rows], y[rows], s=size, color=colour, alpha=alpha, linewidths=0, zorder=2)


def learning_curves(ax: Any, history: Any, colours: Colours, best: int | None = None) -> None:
    """Draw training and validation loss; mark the epoch whose parameters were kept."""
    history.plot(ax)
    ax.set_xlabel(_unit(history))
    for line in ax.get_lines():
        line.set_markersize(3)
    if ax.get_yscale() == "log":
        plain_log(ax.yaxis)
    if best is not None:
        ax.axvline(best, color=colours["muted"], linewidth=0.8, linestyle=(0, (2, 2)))
    legend = ax.get_legend()
    if legend is not None:
        legend.remove()
        _label_lines(ax)


def _unit(history: Any) -> str:
    """Return what the run is counted in: steps, unless an epoch takes several."""
    if np.array_equal(history.epoch, history.step) or len(np.unique(history.epoch)) < len(history):
        return "step"
    return "epoch"


def gradient_norms(ax: Any, history: Any, colours: Colours) -> None:
    """Draw the norm of the gradient over the run, on a logarithmic axis."""
    norms = np.asarray(history.gradient_norm, dtype=float)
    x = history.epoch if len(np.unique(history.epoch)) == len(history) else history.step
    good = np.isfinite(norms) & (norms > 0)
    ax.plot(np.asarray(x)[good], norms[good], color=colours["third"])
    ax.set_yscale("log")
    plain_log(ax.yaxis)
    ax.set_xlabel(_unit(history))
    ax.set_ylabel("‖∇f‖")


def norms(ax: Any, values: Mapping[str, float], colours: Colours, label: str) -> None:
    """Draw a norm for each quantity, on a logarithmic axis; those that are 0 stand at its foot without a dot."""
    place, height = np.arange(len(values)), np.asarray(list(values.values()), dtype=float)
    good = np.isfinite(height) & (height > 0)
    if good.any():
        ax.set_yscale("log")
        top, low = height[good].max(), height[good].min()
        floor = low / max(3.0, (top / low) ** 0.15)
        ax.vlines(place[good], floor, height[good], color=colours["first"], linewidth=2.2, alpha=0.45)
        ax.set_ylim(floor, top * max(1.6, (top / low) ** 0.08))
        ax.plot(place[good], height[good], "o", color=colours["first"], markersize=4.5)
        plain_log(ax.yaxis)
    turned = len(values) > 8 or max((len(name) for name in values), default=0) > 4
    ax.set_xticks(place, [shorten(name, 14) for name in values], rotation=55 if turned else 0)
    ax.set_xlim(-0.6, max(len(values) - 0.4, 0.6))
    ax.grid(False, axis="x")
    ax.set_ylabel(label)


def residuals(
    ax: Any, fitted: ArrayLike, residual: ArrayLike, colours: Colours, name: str = "residual"
) -> None:
    """Draw residuals against fitted values, with the mean of each tenth of the rows: level where the model holds."""
    f, r = np.asarray(fitted, dtype=float), np.asarray(residual, dtype=float)
    extreme = np.argsort(-np.abs(r))[:5]
    ax.axhline(0, color=colours["muted"], linewidth=0.8)
    points(ax, f, r, colours["first"], extreme)
    if len(f) >= 30:
        order = np.argsort(f, kind="stable")
        parts = np.array_split(order, min(12, max(3, len(f) // 15)))
        ax.plot(
            [f[p].mean() for p in parts],
            [r[p].mean() for p in parts],
            color=colours["second"],
            marker="o",
            markersize=2.5,
        )
    ax.set_xlabel("fitted")
    ax.set_ylabel(name)


def normal_quantiles(ax: Any, residual: ArrayLike, colours: Colours, level: float = 0.95) -> None:
    """Draw ordered residuals against normal quantiles, with the band in which each would stay if they were normal."""
    from scipy import special

    r = np.sort(np.asarray(residual, dtype=float))
    n = len(r)
    spread = r.std(ddof=1) if n > 1 else 1.0
    z = (r - r.mean()) / (spread if spread > 0 else 1.0)
    k = np.arange(1, n + 1)
    middle = special.ndtri((k - 0.375) / (n + 0.25))
    low = special.ndtri(special.betaincinv(k, n + 1 - k, (1 - level) / 2))
    high = special.ndtri(special.betaincinv(k, n + 1 - k, (1 + level) / 2))
    rows = np.union1d(thinned(n, 600), [*range(min(n, 20)), *range(max(0, n - 20), n)]).astype(int)
    ax.fill_between(middle[rows], low[rows], high[rows], color=colours["muted"], alpha=0.18)
    ends = [middle[0], middle[-1]]
    ax.plot(ends, ends, color=colours["muted"], linewidth=0.8)
    points(ax, middle[rows], z[rows], colours["first"])
    ax.set_xlabel("normal quantile")
    ax.set_ylabel("standardised residual")


def observed(ax: Any, fitted: ArrayLike, y: ArrayLike, colours: Colours, target: str) -> None:
    """Draw the target against its prediction; on the diagonal they agree."""
    f, t = np.asarray(fitted, dtype=float), np.asarray(y, dtype=float)
    ends = [min(f.min(), t.min()), max(f.max(), t.max())]
    ax.plot(ends, ends, color=colours["muted"], linewidth=0.8)
    points(ax, f, t, colours["first"], np.argsort(-np.abs(t - f))[:5])
    ax.set_xlabel("fitted")
    ax.set_ylabel(shorten(target))


def curve(
    ax: Any,
    x: ArrayLike,
    y: ArrayLike,
    line: tuple[ArrayLike, ArrayLike],
    colours: Colours,
    names: tuple[str, str],
    band: tuple[ArrayLike, ArrayLike] | None = None,
) -> None:
    """Draw the rows and the fitted curve of a model with one feature, with the band of its mean."""
    if band is not None:
        ax.fill_between(line[0], band[0], band[1], color=colours["second"], alpha=0.18)
    points(ax, x, y, colours["first"])
    ax.plot(line[0], line[1], color=colours["second"])
    ax.set_xlabel(shorten(names[0]))
    ax.set_ylabel(shorten(names[1]))


def histogram(ax: Any, values: ArrayLike, colours: Colours, name: str) -> None:
    """Draw how the target is distributed."""
    v = np.asarray(values, dtype=float)
    ax.hist(v, bins=bins(v), color=colours["first"], alpha=0.85, rwidth=0.94)
    ax.grid(False, axis="x")
    ax.set_xlabel(shorten(name))
    ax.set_ylabel("rows")


def bars(ax: Any, labels: Sequence[str], counts: ArrayLike, colours: Colours) -> None:
    """Draw how many rows each class has."""
    counts = np.asarray(counts)
    names = [shorten(str(label), 14) for label in labels][:12]
    place = np.arange(len(names))
    ax.bar(place, counts[:12], color=colours["first"], alpha=0.85, width=0.6)
    for x, count in zip(place, counts[:12], strict=True):
        ax.annotate(
            f"{count}", (x, count), (0, 3), textcoords="offset points", ha="center", color=colours["muted"]
        )
    ax.set_xticks(
        place, names, rotation=0 if len(names) < 6 else 35, ha="center" if len(names) < 6 else "right"
    )
    ax.grid(False, axis="x")
    ax.set_ylabel("rows")


def calibration(ax: Any, bins: Any, colours: Colours) -> None:
    """Draw what share happened among rows of like prediction, with intervals; on the diagonal all is well."""
    ax.plot([0, 1], [0, 1], color=colours["muted"], linewidth=0.8)
    low = np.maximum(bins.observed - bins.lower, 0)
    high = np.maximum(bins.upper - bins.observed, 0)
    ax.errorbar(
        bins.predicted,
        bins.observed,
        [low, high],
        color=colours["first"],
        fmt="o",
        markersize=4,
        elinewidth=1.1,
    )
    ax.set_xlim(-0.03, 1.03)
    ax.set_ylim(-0.03, 1.03)
    ax.set_xlabel("predicted probability")
    ax.set_ylabel("share that happened")


def roc(ax: Any, curves: Sequence[tuple[str, ArrayLike, ArrayLike, float]], colours: Colours) -> None:
    """Draw true against false positives for every threshold; `curves` are (label, fpr, tpr, area)."""
    ax.plot([0, 1], [0, 1], color=colours["muted"], linewidth=0.8)
    for label, fpr, tpr, area in curves[:7]:
        x, y = np.asarray(fpr), np.asarray(tpr)
        keep = np.unique(np.linspace(0, len(x) - 1, min(len(x), 400)).astype(int))
        text = f"{shorten(label, 18)}  {area:.3f}" if label else f"area {area:.3f}"
        ax.plot(x[keep], y[keep], label=text)
    ax.legend(loc="lower right", handlelength=1.2)
    ax.set_xlim(-0.02, 1.02)
    ax.set_ylim(-0.02, 1.02)
    ax.set_xlabel("false positives")
    ax.set_ylabel("true positives")


def race(
    ax: Any, runs: Mapping[str, tuple[ArrayLike, ArrayLike, ArrayLike, ArrayLike]], colours: Colours
) -> None:
    """Draw the loss of each optimizer: the median over the seeds, and the band between the extremes.

    `runs` maps a name to (epochs, median, lowest, highest).
    """
    for name, (epochs, middle, low, high) in runs.items():
        line = ax.plot(epochs, middle, label=name)[0]
        if not np.array_equal(np.asarray(low), np.asarray(high)):
            ax.fill_between(epochs, low, high, color=line.get_color(), alpha=0.15, linewidth=0)
    values = np.concatenate([np.asarray(m, dtype=float) for _, m, _, _ in runs.values()])
    values = values[np.isfinite(values)]
    if len(values) and values.min() > 0 and values.max() > 30 * values.min():
        ax.set_yscale("log")
        plain_log(ax.yaxis)
    ax.set_xlabel("epoch")
    ax.set_ylabel("loss")
    ax.legend(loc="upper right")


def bins(values: Array, most: int = 30) -> Any:
    """Return the edges of a histogram: one bin a value for few whole numbers, else by Freedman and Diaconis."""
    v = values[np.isfinite(values)]
    distinct = np.unique(v)
    if len(distinct) <= 15 and np.array_equal(distinct, np.round(distinct)) and np.ptp(distinct) <= 15:
        return np.arange(distinct[0] - 0.5, distinct[-1] + 1)
    iqr = np.subtract(*np.percentile(v, [75, 25]))
    width = 2 * iqr / len(v) ** (1 / 3) if iqr > 0 else np.ptp(v) / 10
    if np.array_equal(distinct, np.round(distinct)) and 0 < np.ptp(v) < 1e6:
        # Bins of whole numbers hold equally many of them: else some would stand twice as high as they are.
        step = int(max(1, np.round(width), np.ceil((np.ptp(v) + 1) / most)))
        return np.arange(v.min() - 0.5, v.max() + step, step)
    count = int(np.clip(np.ptp(v) / width if width > 0 else 1, 6, most))
    return np.linspace(v.min(), v.max() if v.max() > v.min() else v.min() + 1, count + 1)


def shorten(text: str, limit: int = 32) -> str:
    """Return a name that fits an axis, with `$` and `_` as they are."""
    text = text if len(text) <= limit else text[: limit - 1] + "…"
    return text.replace("$", r"\$")


def _label_lines(ax: Any) -> None:
    """Name the lines in their own colours."""
    lines = [line for line in ax.get_lines() if not line.get_label().startswith("_")]
    ax.legend(
        handles=lines, loc="upper right", handlelength=1.4, labelcolor=[line.get_color() for line in lines]
    )


def plain_log(axis: Any) -> None:
    """Write 0.01, 1, 100 at a logarithmic axis where they are short, else powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    above = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

    def text(value: float, position: Any = None) -> str:
        if value <= 0:
            return ""
        exponent = int(round(np.log10(value)))
        if abs(value / 10.0**exponent - 1) > 1e-6:
            return f"{value:g}"
        return f"{value:g}" if -3 <= exponent <= 4 else "10" + str(exponent).translate(above)

    axis.set_major_formatter(FuncFormatter(text))
    low, high = sorted(axis.get_view_interval())
    if 0 < low and high < 300 * low:  # else hardly a label would be there
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high < 30 * low else (1.0, 3.0)))
    axis.set_minor_formatter(NullFormatter())
