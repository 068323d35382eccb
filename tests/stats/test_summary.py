"""The summary reads as in looks.md."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest

from gradwork.stats import (
    Block,
    FitSummary,
    coefficient_table,
    format_coefficients,
    format_equation,
    format_summary,
    least_squares,
    likelihood_facts,
    likelihood_metrics,
    regression_facts,
    regression_metrics,
    with_intercept,
)
from gradwork.words.numbers import fixed, p_value, power, short

QUIZ = """\
quiz.csv: 5 rows

final = 4.402 + 0.795 q1 + 0.408 q2 + 0.755 q3

             estimate   std. error       t        p     95 % interval
intercept      4.4021       5.6755   0.776    0.580   −67.712    76.516
q1             0.7955       0.3762   2.114    0.281    −3.985     5.576
q2             0.4084       0.1839   2.221    0.269    −1.928     2.745
q3             0.7546       0.4792   1.575    0.360    −5.334     6.843

R² 0.9998   adjusted R² 0.9990   residual df 1   condition number 2.6e3
F 1344 (3, 1)   p(F) 0.020   residual sd 0.7222   RMSE 0.323   MAE 0.3074
log-likelihood −1.4441   AIC 10.8882   BIC 9.32594
! one degree of freedom is left: the intervals are this wide because 5 rows carry 4 parameters
saved in quiz-linear/"""


@pytest.mark.reference
def test_the_quiz_table(reference) -> None:
    quiz = reference("learner.json")["quiz_final"]
    X, names = with_intercept(quiz["X"], ["q1", "q2", "q3"])
    fit = least_squares(X, quiz["y"], names)
    table = coefficient_table(fit.estimate, fit.covariance, names, df=fit.df_residual)
    metrics = regression_metrics(quiz["y"], fit.fitted, fit.rank)
    summary = FitSummary(
        "quiz.csv: 5 rows",
        format_equation("final", names, fit.estimate),
        (Block(table),),
        regression_facts(metrics, fit.condition_number),
        fit.notes,
        "saved in quiz-linear/",
    )
    assert format_summary(summary) == QUIZ
    cells = summary.to_rows()[0][1]
    assert cells["name"] == "q1"
    assert (cells["estimate"], cells["p_value"], cells["lower"]) == ("0.7955", "0.281", "−3.985")


def width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def test_wide_letters_and_long_names_stay_in_line() -> None:
    names = ["intercept", "총점", "a_name_that_is_rather_long[category]"]
    lines = format_coefficients(coefficient_table([1.0, 2.0, 3.0], np.eye(3), names))
    ends = {width(line) for line in lines[1:]}
    assert len(ends) == 1
    assert lines[0].split() == ["estimate", "std.", "error", "z", "p", "95", "%", "interval"]


def test_tiny_huge_and_undetermined_numbers() -> None:
    b = [1.5e9, -3.16e-15, 12345.678, 0.25, 0.0]
    lines = format_coefficients(
        coefficient_table(b, np.diag([1e16, 1e-34, 4.0, np.nan, 1.0]), list("abcde"), df=9)
    )
    text = "\n".join(lines)
    assert "1.5e9" in lines[1]
    assert "−3.16e−15" in lines[2]
    assert "12345.678" in lines[3]
    assert "<0.001" in lines[2]
    assert lines[4].count("—") == 5
    assert "nan" not in text
    assert "-" not in text


def test_decimal_points_stand_below_each_other() -> None:
    lines = format_coefficients(
        coefficient_table([1829.15146, 0.05, -3482.2586], np.eye(3) * 0.01, list("abc"))
    )
    points = {line.index(".") for line in lines[1:]}
    assert len(points) == 1


def test_several_tables_have_titles_and_long_notes_wrap() -> None:
    table = coefficient_table([1.0], [[1.0]], ["x"])
    note = "word " * 40
    text = format_summary(
        FitSummary("", "", (Block(table, "class a"), Block(table, "class b")), (), (note.strip(),))
    )
    assert text.startswith("class a\n")
    assert "\n\nclass b\n" in text
    assert max(map(len, text.splitlines())) <= 100
    assert text.splitlines()[-1].startswith("  word")


def test_likelihood_facts() -> None:
    m = likelihood_metrics("binomial", [0, 0, 1, 1], [0.1, 0.4, 0.6, 0.9], 2)
    first, second, third = likelihood_facts(m)
    assert dict(first) == {
        "log-likelihood": "−1.23237",
        "deviance": "2.46474",
        "null deviance": "5.54518",
        "McFadden R²": "0.5555",
    }
    assert dict(second) == {"LR χ²": "3.08 (1)", "p(LR)": "0.079", "AIC": "6.46474", "BIC": "5.23733"}
    assert dict(third) == {"residual df": "2"}


def test_facts_keep_to_the_width() -> None:
    facts = ((("R²", "0.9998"), ("residual df", "1"), ("condition number", "2600")),)
    table = coefficient_table([1.0], [[1.0]], ["x"])
    text = format_summary(FitSummary("", "", (Block(table),), facts), width=30)
    assert text.splitlines()[-2:] == ["R² 0.9998   residual df 1", "condition number 2600"]


def test_a_fit_without_a_degree_of_freedom_has_no_f() -> None:
    facts = dict(regression_facts(regression_metrics([1.0, 2.0], [1.0, 2.0], 2))[0])
    assert facts == {"R²": "1.0000", "residual df": "0"}


def test_an_equation_of_many_terms_is_cut() -> None:
    text = format_equation("y", [f"x{j}" for j in range(12)], np.ones(12), limit=3)
    assert text == "y = 1.000 x0 + 1.000 x1 + 1.000 x2 + … (9 more)"
    assert format_equation("y", ["a"], [-1e-6]) == "y = −1e−6 a"


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (short(0.0), "0"),
        (short(float("inf")), "∞"),
        (short(float("nan")), "—"),
        (short(54321.9), "54322"),
        (short(1e7), "1e7"),
        (power(0.0), "0"),
        (power(float("inf")), "∞"),
        (fixed(-1e-9, 3), "0.000"),
        (p_value(0.9999), "1.000"),
        (p_value(0.0), "<0.001"),
        (p_value(float("nan")), "—"),
    ],
)
def test_numbers(got: str, expected: str) -> None:
    assert got == expected
