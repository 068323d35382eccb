"""The page of a fit: one file without scripts, read on a screen, on a phone, on paper, by day and by night."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from typing import Any

import numpy as np

from gradwork.report import markup, plots, style
from gradwork.report.content import Classes, Content, Numbers
from gradwork.report.markup import escape
from gradwork.report.time import norms_by_step
from gradwork.show.mathml import math_element
from gradwork.words.say import say

Draw = Callable[[Any], None]

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"  # no scripts, and nothing is fetched
HANDFUL = 5  # classes whose calibration is shown
SURE = 1e-3  # so near to 0 and 1, and right, there is nothing to calibrate


def render_page(content: Content, language: str = "en") -> str:
    """Return the whole page as HTML."""
    with style.look() as colours:
        page = _Page(content, colours, language)
        body = "\n".join(part for part in page.parts() if part)
    css = resources.files("gradwork.report").joinpath("page.css").read_text(encoding="utf-8")
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f"<title>{escape(content.title)} · Gradwork</title>\n<style>\n{css}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


class _Page:
    def __init__(self, content: Content, colours: dict[str, str], language: str):
        self.content, self.colours, self.language = content, colours, language

    def parts(self) -> list[str]:
        return [
            self.head(),
            self.model(),
            self.coefficients(),
            self.outcome(),
            self.learning(),
            self.inside(),
            self.derivation(),
            self.data(),
            self.made(),
            self.foot(),
        ]

    def say(self, key: str, **values: object) -> str:
        return escape(say(key, self.language, **values))

    def figure(self, title: str, draw: Draw, caption: str = "", fitted: bool = False) -> str:
        """Return a picture with what it shows above and how to read it below."""
        ax = style.figure(fitted=fitted)
        draw(ax)
        note = f"<figcaption>{caption}</figcaption>" if caption else ""
        return f"<figure><h3>{title}</h3>{style.inline_svg(ax, title)}{note}</figure>"

    # --- sections ---

    def head(self) -> str:
        c = self.content
        return (
            f'<header><p class="kicker">{self.say("kicker")}</p><h1>{escape(c.title)}</h1>'
            f'<p class="lead">{escape(c.heading)}</p>{markup.facts(c.facts)}</header>'
        )

    def model(self) -> str:
        c = self.content
        out = [f"<h2>{self.say('model')}</h2>"]
        small = " small" if len(c.model_formulas) > 1 else ""
        for formula in c.model_formulas:
            out.append(f'<div class="formula{small}">{math_element(formula, True)}</div>')
        if c.model_where:
            out.append(f'<p class="where">{escape(c.model_where)}</p>')
        if c.equation:
            out.append(markup.equation(c.equation))
        for notes, kind in ((c.notes, " warn"), (c.remarks, "")):
            if notes:
                told = "".join(f"<p>{escape(note)}</p>" for note in notes)
                out.append(f'<div class="told{kind}">{told}</div>')
        if c.layers:
            out.append(f"<h3>{self.say('layers')}</h3>{markup.layers(c.layers)}")
        return "".join(out)

    def coefficients(self) -> str:
        c = self.content
        if c.summary is None or not c.summary.blocks:
            return ""
        out = [f"<h2>{escape(c.estimates) or self.say('coefficients')}</h2>"]
        for block, rows in zip(c.summary.blocks, c.summary.to_rows(), strict=True):
            out.append(markup.coefficients(block, rows, c.scales if len(c.scales) == len(rows) else ()))
        return "".join(out)

    def outcome(self) -> str:
        c = self.content
        if c.outcome is None:
            return ""
        both = self.numbers(c.outcome) if isinstance(c.outcome, Numbers) else self.classes(c.outcome)
        key = "outcome numbers" if isinstance(c.outcome, Numbers) else "outcome classes"
        sample = f'<p class="say">{escape(c.sample)}</p>' if c.sample else ""
        images = "".join(markup.gallery(g) for g in c.galleries)
        return f"<h2>{self.say(key)}</h2>{sample}{both}{images}"

    def numbers(self, o: Numbers) -> str:
        colours, shown = self.colours, []
        name = say("residual" if o.plain else "residual pearson", self.language)
        if o.curve is not None:
            feature, x, grid, line, low, high = o.curve
            band = None if low is None or high is None else (low, high)
            names = (feature, self.content.target)
            key = "curve caption" if band is not None else "curve caption plain"
            shown.append(
                self.figure(
                    self.say("curve heading"),
                    lambda ax: plots.curve(ax, x, o.y, (grid, line), colours, names, band),
                    self.say(key),
                )
            )
        else:
            shown.append(
                self.figure(
                    self.say("observed"),
                    lambda ax: plots.observed(ax, o.fitted, o.y, colours, self.content.target),
                    self.say("observed caption"),
                )
            )
        shown.append(
            self.figure(
                self.say("residuals"),
                lambda ax: plots.residuals(ax, o.fitted, o.residual, colours, name),
                self.say("residuals caption"),
            )
        )
        if o.plain and len(o.residual) > 2 and np.ptp(o.residual) > 0:
            shown.append(
                self.figure(
                    self.say("quantiles"),
                    lambda ax: plots.normal_quantiles(ax, o.residual, colours),
                    self.say("quantiles caption", rows=len(o.residual)),
                )
            )
        return f'<div class="plots">{"".join(shown)}</div>'

    def classes(self, o: Classes) -> str:
        from gradwork.stats import classification_metrics, roc_auc, roc_curve

        colours, labels = self.colours, [str(label) for label in o.labels]
        m = classification_metrics(o.codes, o.probabilities, labels)
        few = len(labels) <= 12
        table = markup.confusion(m.confusion, labels) if few else ""
        shown = []
        if table:
            note = f"<figcaption>{self.say('confusion caption')}</figcaption>"
            wide = "" if len(labels) <= markup.FEW else " class=whole"
            shown.append(f"<figure{wide}><h3>{self.say('confusion')}</h3>{table}{note}</figure>")
        P, counts = o.probabilities, np.bincount(o.codes, minlength=len(labels))
        present = [j for j in range(len(labels)) if 0 < counts[j] < len(o.codes)]
        if len(labels) == 2:
            present = [j for j in present if j == 1]
        # The classes with the most rows: of the others too few are there to tell.
        shown_of = sorted(sorted(present, key=lambda j: -counts[j])[:HANDFUL])
        curves = [
            (
                "" if len(labels) == 2 else labels[j],
                *roc_curve(o.codes == j, P[:, j]),
                roc_auc(o.codes == j, P[:, j]),
            )
            for j in shown_of
        ]
        if curves:
            shown.append(
                self.figure(
                    self.say("roc"), lambda ax: plots.roc(ax, curves, colours), self.say("roc caption")
                )
            )
        shown += self.calibrations(o, labels, shown_of, len(present))
        return f'<div class="plots">{"".join(shown)}</div>'

    def calibrations(self, o: Classes, labels: list[str], shown: list[int], count: int) -> list[str]:
        """Return a picture of calibration for each class shown; one sentence where every probability is sure."""
        from gradwork.stats import calibration

        if not shown:
            return []
        off = float(np.max(1 - o.probabilities[np.arange(len(o.codes)), o.codes]))
        if off < SURE:
            text = self.say("calibration sure", off=f"{max(off, 1e-16):.0e}")
            return [f'<figure><h3>{self.say("calibration")}</h3><p class="say">{text}</p></figure>']
        rest = self.say("calibration rest", shown=len(shown), all=count) if len(shown) < count else ""
        found = []
        for k, j in enumerate(shown):
            bins = calibration(o.codes == j, o.probabilities[:, j])
            caption = f"{self.say('calibration caption')} {rest}".strip() if k == 0 else ""
            title = self.say("calibration of", label=labels[j])
            found.append(
                self.figure(title, lambda ax, b=bins: plots.calibration(ax, b, self.colours), caption)
            )
        return found

    def learning(self) -> str:
        c = self.content
        out = [f"<h2>{self.say('learned')}</h2>"]
        if c.reason:
            out.append(f'<p class="say">{escape(c.reason)}</p>')
        if c.diagnosis:
            out.append(f'<div class="told pre">{escape(chr(10).join(c.diagnosis))}</div>')
        h = c.history
        if h is not None and len(h) > 1:
            checked = bool(np.isfinite(h.validation_loss).any())
            tail = say("loss validation", self.language) if checked else ""
            tail += say("loss best", self.language) if c.best is not None else ""
            shown = [
                self.figure(
                    self.say("loss heading"),
                    lambda ax: plots.learning_curves(ax, h, self.colours, c.best),
                    self.say("loss caption", validation=tail),
                )
            ]
            if np.isfinite(h.gradient_norm).sum() > 1:
                shown.append(
                    self.figure(
                        self.say("gradient heading"),
                        lambda ax: plots.gradient_norms(ax, h, self.colours),
                        self.say("gradient caption"),
                    )
                )
            out.append(f'<div class="plots">{"".join(shown)}</div>')
        elif not c.reason:
            out.append(f"<p>{self.say('no descent')}</p>")
        return "".join(out)

    def inside(self) -> str:
        c = self.content.inside
        if c is None:
            return ""
        out = [f"<h2>{self.say('inside')}</h2>"]
        out += [f'<p class="say">{escape(text)}</p>' for text in c.told]
        shown = [
            self.figure(
                escape(title),
                lambda ax, v=values, b=label: plots.norms(ax, v, self.colours, b),
                escape(caption),
                True,
            )
            for title, caption, label, values in c.norms
        ]
        if c.steps:
            shown.append(
                self.figure(
                    self.say("adjoints by step"),
                    lambda ax: norms_by_step(ax, c.steps, self.colours),
                    self.say("adjoints by step caption"),
                )
            )
        out.append(f'<div class="plots">{"".join(shown)}</div>')
        if c.graph:
            note = f'<p class="hint">{self.say("graph caption")}</p>'
            out.append(f'<h3>{self.say("graph")}</h3>{note}<div class="scroll">{c.graph}</div>')
        return "".join(out)

    def derivation(self) -> str:
        c = self.content
        if c.derivation is None:
            return ""
        lead = self.say("derivation lead" if self.content.history is not None else "derivation lead closed")
        out = [f"<h2>{self.say('derivation')}</h2>", f'<p class="say">{lead}</p>']
        if c.objective:
            out.append(f'<div class="formula">{math_element(c.objective, True)}</div>')
        out.append(markup.lines(c.derivation(), c.shown))
        if c.certificate:
            bad = " bad" if "✗" in c.certificate else ""
            out.append(f'<p class="check{bad}">{escape(c.certificate)}</p>')
        if c.plan:
            out.append(f"<h3>{self.say('plan')}</h3><pre>{escape(c.plan)}</pre>")
        return "".join(out)

    def data(self) -> str:
        c = self.content
        out = [f"<h2>{self.say('data')}</h2>"]
        title = self.say("target", name=c.target)
        count = (
            0
            if c.outcome is None
            else len(c.outcome.codes if isinstance(c.outcome, Classes) else c.outcome.y)
        )
        some = self.say("target caption", count=count, rows=c.rows) if 0 < count < c.rows else ""
        if isinstance(c.outcome, Classes):
            counts = np.bincount(c.outcome.codes, minlength=len(c.outcome.labels))
            labels = [str(label) for label in c.outcome.labels]
            out.append(
                self.figure(title, lambda ax: plots.bars(ax, labels, counts, self.colours), some, fitted=True)
            )
        elif c.outcome is not None:
            y = c.outcome.y
            out.append(self.figure(title, lambda ax: plots.histogram(ax, y, self.colours, c.target), some))
        pictures = f'<div class="plots">{out[1]}</div>' if out[1:] else ""
        return out[0] + pictures + (markup.columns(c.columns) if c.columns else "")

    def made(self) -> str:
        c = self.content
        out = [f"<h2>{self.say('made heading')}</h2>"]
        if c.command:
            out.append(f'<pre class="command">{escape(c.command)}</pre>')
        if c.provenance:
            rows = "".join(f"<dt>{escape(a)}</dt><dd>{escape(b)}</dd>" for a, b in c.provenance)
            out.append(f'<dl class="made">{rows}</dl>')
        return "".join(out)

    def foot(self) -> str:
        from gradwork import __version__

        text = self.say("footer", version=__version__, b="[", **{"/b": "]"})
        return f"<footer>{text.replace('[', '<b>', 1).replace(']', '</b>', 1)}</footer>"
