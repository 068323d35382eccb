"""The page: one file that needs nothing else, well formed, with everything in it and no script."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from gradwork.report import plots, style
from gradwork.report.content import Classes, Numbers
from gradwork.report.markup import columns, confusion, equation, spark
from gradwork.report.page import render_page
from tests.report import fakes

VOID = {"meta", "br", "img", "link", "input", "hr"}


class Reader(HTMLParser):
    """Reads a page as a browser does, and keeps what a test asks about."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> at {self.getpos()}")

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style",):
            self.text.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader


@pytest.fixture(scope="module")
def regression() -> tuple[str, Reader]:
    page = render_page(fakes.diabetes())
    return page, read(page)


@pytest.fixture(scope="module")
def classifier() -> tuple[str, Reader]:
    page = render_page(fakes.cancer())
    return page, read(page)


@pytest.mark.parametrize("kind", ["regression", "classifier"])
def test_a_page_is_well_formed_and_needs_nothing_else(kind: str, request: pytest.FixtureRequest):
    page, reader = request.getfixturevalue(kind)
    assert reader.wrong == [] and reader.open == []
    assert not {"script", "iframe", "link", "object", "embed"} & {tag for tag, _ in reader.tags}
    for tag, attributes in reader.tags:
        for name, value in attributes.items():
            assert not name.startswith("on"), f"{tag} {name}"
            if name in ("src", "href"):
                assert (value or "").startswith(("#", "data:image/png;base64,")), f"{tag} {name}={value}"
    # The only addresses are the names of the languages SVG and MathML.
    assert set(re.findall(r"https?://[^\s\"'<)]+", page)) <= {
        "http://www.w3.org/1998/Math/MathML",
        "http://www.w3.org/2000/svg",
    }
    assert "@import" not in page and "url(http" not in page


@pytest.mark.parametrize("kind", ["regression", "classifier"])
def test_no_identifier_is_used_twice_and_every_reference_is_there(kind: str, request: pytest.FixtureRequest):
    page, _ = request.getfixturevalue(kind)
    names = re.findall(r' id="([^"]*)"', page)
    assert len(names) == len(set(names))
    used = set(re.findall(r'href="#([^"]*)"', page)) | set(re.findall(r"url\(#([^)]*)\)", page))
    assert used <= set(names)


def test_a_page_of_numbers_says_all(regression: tuple[str, Reader]):
    page, reader = regression
    text = " ".join(reader.text)
    for part in (
        "progression, predicted from 10 columns of diabetes.csv", "bmi", "Residuals against fitted values",
        "Residuals against the normal distribution", "The loss over the run", "The gradient, line by line",
        "gradwork fit diabetes.csv --target progression --solver gd --validation 0.2 --seed 0",
        "tc, ldl are nearly collinear", "the steepest curvature of this loss is L = 4.02", "R²", "0.518",
        "check ✓ 20 random points", "seed", "Gradwork 0.1.0",
    ):  # fmt: skip
        assert part in text, part
    assert page.count('<svg class="plot"') == 6
    assert page.count("<math") >= 10


def test_a_page_of_classes_says_all(classifier: tuple[str, Reader]):
    page, reader = classifier
    text = " ".join(reader.text)
    for part in (
        "Who was taken for whom",
        "malignant",
        "Are the probabilities of benign true?",
        "area 0.98",
        "z",
    ):
        assert part in text, part
    assert page.count('<svg class="plot"') == 3


def test_a_page_is_the_same_each_time_it_is_made():
    assert render_page(fakes.cancer()) == render_page(fakes.cancer())


def test_names_and_values_from_a_table_are_text_and_nothing_else():
    evil = '<script>alert(1)</script>"&$_^'
    content = replace(
        fakes.cancer(), title=evil, heading=evil, target=evil, command=evil, reason=evil, notes=(evil,),
        outcome=Classes(np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]]), (evil, "b")),
    )  # fmt: skip
    page = render_page(content)
    assert "<script" not in page
    assert read(page).wrong == []


def test_many_classes_and_one_feature():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 15, 200)
    P = rng.dirichlet(np.ones(15), 200)
    page = render_page(replace(fakes.cancer(), outcome=Classes(codes, P, tuple(range(15)))))
    assert "Who was taken for whom" not in page and "Ranking" in page
    x = np.linspace(0, 1, 50)
    curve = ("dose", x, x, 2 * x, 2 * x - 0.1, 2 * x + 0.1)
    outcome = Numbers(2 * x, 2 * x, np.zeros(50), curve)
    page = render_page(replace(fakes.diabetes(), outcome=outcome))
    assert "The rows and the fitted curve" in page and "Residuals against the normal distribution" not in page


def test_two_rows_make_a_page():
    outcome = Numbers(np.array([1.0, 2.0]), np.array([1.0, 2.0]), np.zeros(2))
    assert read(render_page(replace(fakes.diabetes(), outcome=outcome, history=None))).wrong == []


def test_the_equation_sets_numbers_off_from_names():
    text = equation("y = −4.4 + 0.8 q1 − 1.2e−5 a b + … (3 more)")
    assert "<b>−4.4</b>" in text and "+ <b>0.8</b> <i>q1</i>" in text and "− <b>1.2e−5</b> <i>a b</i>" in text
    assert "+ … (3 more)" in text
    text = equation("logit P(y = ill) = −1.5 + 2 x")
    assert "logit P(y = ill) = <span><b>−1.5</b></span>" in text
    text = equation("a = 1.2,   k = −3.4e7")
    assert "a = <span><b>1.2</b>" in text and "k = <span><b>−3.4e7</b>" in text
    assert equation("anything <else>") == '<p class="equation">anything &lt;else&gt;</p>'


def test_many_coefficients_are_cut_to_those_that_matter():
    from gradwork.report.markup import coefficients
    from gradwork.stats import Block, FitSummary, coefficient_table

    estimate = np.arange(100.0)
    block = Block(coefficient_table(estimate, np.eye(100), [f"x{j}" for j in range(100)]))
    text = coefficients(block, FitSummary("", "", (block,)).to_rows()[0], ())
    assert "The 60 of 100 coefficients" in text and ">x99<" in text and ">x1<" not in text


def test_confusion_and_columns_and_sparks():
    text = confusion(np.array([[3, 1], [0, 0]]), ["a", "<b>"])
    assert "75.0 %" in text and "&lt;b&gt;" in text
    assert spark(()) == "" and spark((1, 0, 2)).count("<rect") == 2
    many = columns([fakes.diabetes().columns[0]] * 70)
    assert "and 10 more columns" in many


def test_calibration_is_shown_for_each_of_a_handful_of_classes():
    rng = np.random.default_rng(0)
    for k, shown in ((3, 3), (9, 5)):
        codes = np.concatenate([np.full(10 * (j + 1), j) for j in range(k)])
        P = rng.dirichlet(np.ones(k), len(codes))
        names = tuple(f"kind{j}" for j in range(k))
        page = render_page(replace(fakes.cancer(), outcome=Classes(codes, P, names)))
        found = re.findall(r"<h3>Are the probabilities of kind(\d) true\?</h3>", page)
        assert [int(j) for j in found] == list(range(k - shown, k))  # those with the most rows
        assert (f"Shown are the 5 of {k} classes" in page) == (k > 5)


def test_classes_told_apart_without_doubt_are_said_to_be():
    codes = np.repeat([0, 1, 2], 20)
    P = np.full((60, 3), 1e-9)
    P[np.arange(60), codes] = 1 - 2e-9
    page = render_page(replace(fakes.cancer(), outcome=Classes(codes, P, ("a", "b", "c"))))
    assert "within 2e-09 of 0 or 1" in page and "Are the probabilities of" not in page
    P[0] = P[0][::-1]  # one sure mistake: then calibration tells something
    page = render_page(replace(fakes.cancer(), outcome=Classes(codes, P, ("a", "b", "c"))))
    assert "Are the probabilities of a true?" in page


def test_notes_that_inform_are_no_warnings():
    from gradwork.words.notes import Caution, Note, apart

    warn, inform = apart(
        [
            Note("reference class", label="a (b)"),
            Note("least squares errors", s2=1.5, df=3),
            Caution("not converged", reason="it ran out", distance=3),
            Note("sandwich", kind="HC0", more=None),
        ]
    )
    assert inform == (
        "The reference class is a (b).",
        "Standard errors: s²(JᵀJ)⁻¹ with s² = 1.5 from 3 degrees of freedom.",
        "Standard errors: sandwich (HC0).",
    )
    assert len(warn) == 1 and warn[0].startswith("The run had not converged (it ran out)")
    page = render_page(replace(fakes.cancer(), notes=("Beware.",), remarks=("By the way.",)))
    assert (
        '<div class="told warn"><p>Beware.</p></div>' in page
        and '<div class="told"><p>By the way.</p></div>' in page
    )


def test_estimates_without_errors_have_no_columns_of_dashes():
    from gradwork.report.markup import coefficients
    from gradwork.stats import Block, FitSummary, coefficient_table

    block = Block(coefficient_table(np.array([1.5, 2.5]), np.full((2, 2), np.nan), ["a", "b"]))
    text = coefficients(block, FitSummary("", "", (block,)).to_rows()[0], ())
    assert "1.5" in text and "std. error" not in text and "—" not in text and "no standard errors" in text
    rows = [{**row, "estimate": "—"} for row in FitSummary("", "", (block,)).to_rows()[0]]
    assert "<table" not in coefficients(block, rows, ())


def test_the_derivation_of_softmax_ends_in_its_gradients(tmp_path):
    import gradwork as gw
    from gradwork.data.tables import Table
    from gradwork.report.describe import describe

    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 2))
    kind = np.array(["a", "b", "c"])[(x + rng.normal(size=(60, 2))).argmax(axis=1) + (rng.random(60) < 0.3)]
    table = Table.from_any({"u": x[:, 0], "v": x[:, 1], "kind": kind})
    fitted = gw.fit(table, target="kind")
    content = describe(fitted, table, command="")
    assert content.derivation is not None
    lines = re.findall(r'<tr class="result">.*?</tr>', content.derivation(), re.S)
    assert len(lines) == 2 and all("softmax" in line and "∇" in line for line in lines)
    assert "reference class" in " ".join(content.remarks) and "reference class" not in " ".join(content.notes)
    assert content.estimates == "" and content.best is None


def test_plots_thin_rows_but_keep_the_extremes():
    with style.look() as colours:
        ax = style.figure()
        y = np.zeros(50_000)
        y[777] = 9.0
        plots.points(ax, np.arange(50_000), y, colours["first"], always=[777])
        drawn = ax.collections[0].get_offsets()
    assert len(drawn) <= plots.POINTS + 1 and [777.0, 9.0] in drawn.tolist()


def test_svg_of_a_page_keeps_its_words_and_rounds_its_coordinates():
    with style.look():
        ax = style.figure()
        ax.plot([0, 1], [0, 1], label="area 0.98765")
        ax.legend()
        svg = style.inline_svg(ax, 'a "quoted" label')
    assert "area 0.98765" in svg and 'aria-label="a &quot;quoted&quot; label"' in svg
    assert "var(--first)" in svg and "#fe" not in svg and "<metadata" not in svg
    assert not re.search(r'd="[^"]*\d\.\d{3}', svg)


def test_histogram_bins():
    counts = np.arange(40.0)
    edges = plots.bins(counts)
    assert len(set(np.histogram(counts, edges)[0][:-1])) == 1  # equally many whole numbers in each
    assert plots.bins(np.array([1.0, 2.0, 2.0, 5.0])).tolist() == [0.5, 1.5, 2.5, 3.5, 4.5, 5.5]
    assert len(plots.bins(np.random.default_rng(0).normal(size=1000))) <= 31
    assert len(plots.bins(np.full(10, 2.5))) >= 2


def test_a_race_is_drawn_with_bands():
    epochs = np.arange(5)
    runs = {
        "sgd": (epochs, 1.0 + epochs, epochs + 0.5, epochs + 2.0),
        "adam": (epochs, 1e-4 / (1 + epochs), *[1e-4 / (1 + epochs)] * 2),
    }
    with style.look() as colours:
        ax = style.figure()
        plots.race(ax, runs, colours)
    assert len(ax.get_lines()) == 2 and len(ax.collections) == 1 and ax.get_yscale() == "log"
