"""Sentences by key, records and errors that hold facts, and languages as tables."""

from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import pytest

from gradwork.errors import FormulaError, GradworkError, ShapeError, TableError
from gradwork.words import say as words
from gradwork.words.forms import written
from gradwork.words.notes import Caution, Line, Note, Reason, apart, from_data, to_data
from gradwork.words.say import current, languages, say, sentences, slots, speaking


def test_a_language_is_its_tables():
    assert languages() == ("en", "ko")
    assert sentences("ko").keys() <= sentences("en").keys()
    for key, text in sentences("ko").items():
        assert words._slots(text) <= slots(key), key  # a translation tells no fact that English lacks


def test_an_unknown_language_is_an_error():
    with pytest.raises(GradworkError) as caught:
        say("asked", "xx")
    assert caught.value.key == "language not spoken" and caught.value.facts["language"] == "xx"


def test_what_a_language_lacks_is_told_in_english():
    lacking = next(key for key in sentences("en") if key not in sentences("ko") and not slots(key))
    assert say(lacking, "ko") == say(lacking)


def test_the_current_language_is_that_of_the_edge():
    note = Note("uses", x="b", count=2)
    assert "add up" in str(note)
    with speaking("ko"):
        assert "쓰인다" in str(note) and current() == "ko"
        assert "add up" in note.tell("en")
    assert current() == "en" and note.tell("ko") != note.tell("en")


@pytest.mark.parametrize(
    "value, form, text",
    [
        (1234.5, ",", "1,234.5"),
        (0.00012345, "short 2", "0.00012"),
        (-3.5, "short", "−3.5"),
        (float("inf"), "short", "∞"),
        (2619.24, "power", "2.6e3"),
        (0.5, "percent", "50.0 %"),
        (3.0, "plain", "3"),
        (["a", "b", "c"], "", "a, b, c"),
        (["a", "b", "c"], "names 2", "a, b, …"),
        (["a", "b", "c"], "and", "a, b and c"),
        (["a", "b"], "or", "a or b"),
        (["a"], "or", "a"),
        (["a", "b"], "quoted", "'a', 'b'"),
        ((3, "n"), "shape", "3×n"),
        ((), "shape", "scalar"),
        (1, "row|rows", "row"),
        (0, "row|rows", "rows"),
        (np.int64(2), "row|rows", "rows"),
        ("abcdef", "clip 4", "abc…"),
        (None, "", ""),
        (Line("asked"), "", "as asked"),
    ],
)
def test_facts_are_written_by_one_mechanism(value, form, text):
    assert written(value, form, "en", words._home("en")) == text


def test_a_record_lacks_no_fact_and_no_sentence():
    with pytest.raises(KeyError, match="no sentence"):
        Note("no such thing at all")
    with pytest.raises(KeyError, match="rows"):
        Note("rows dropped", dropped=1)
    with pytest.raises(KeyError, match="no sentence"):
        GradworkError("no such thing at all", rows=3)
    with pytest.raises(KeyError, match="known"):
        GradworkError("language not spoken", language="xx")


def test_records_are_values():
    a, b = Caution("rows dropped", dropped=1, rows=3), Caution("rows dropped", dropped=1, rows=3)
    assert a == b and hash(a) == hash(b) and a != Note("rows dropped", dropped=1, rows=3)
    assert a != a.with_facts(rows=4) and list(dict.fromkeys([a, b])) == [a]
    assert pickle.loads(pickle.dumps(a)) == a and copy.deepcopy(a) == a
    with pytest.raises(AttributeError):
        a.key = "other"  # type: ignore[misc]


def test_records_hold_records():
    reason = Reason("asked").plus(Line("one class"), None)
    assert reason.says("one class") is not None and reason.says("closed") is None
    assert str(reason) == f"{reason.alone}; {Line('one class')}" and reason.alone.also == ()
    outer = Reason("closed", how=Line("closed qr"))
    assert str(outer) == "solved in closed form (QR)" and outer.says("closed qr") is not None


@pytest.mark.parametrize(
    "line",
    [
        Note("rows dropped", dropped=np.int64(1), rows=3),
        Caution("rows dropped", dropped=1, rows=3, place="t.csv"),
        Reason("closed", how=Line("closed qr")).plus(Line("one class")),
    ],
)
def test_records_are_saved(line):
    again = from_data(json.loads(json.dumps(to_data(line))))
    assert again == line and type(again) is type(line) and str(again) == str(line)


def test_a_text_of_an_older_file_is_said_as_it_was():
    old = from_data("3 of 9 rows were left out")
    assert str(old) == "3 of 9 rows were left out" and old.severity == "warning"


def test_notes_stand_apart_by_what_they_are():
    warn, inform = apart([Note("asked"), Caution("no curvature")])
    assert inform == ("As asked.",) and warn[0].startswith("The loss is too flat")


def test_an_error_says_which_it_is():
    error = TableError("rows have different lengths", place="t.csv")
    assert (error.key, error.place, str(error)) == (
        "rows have different lengths",
        "t.csv",
        "t.csv: the rows have different lengths",
    )
    assert (
        str(error.at("row 3")) == "row 3: t.csv: the rows have different lengths" and error.place == "t.csv"
    )
    own = ShapeError("my own words, {and} braces")
    assert own.key == "told" and str(own) == "my own words, {and} braces"


@pytest.mark.parametrize(
    "error",
    [
        TableError("rows have different lengths", place="t.csv"),
        FormulaError("wrong here", "a + b", ((0, 1, "^"),), ("a note",)),
        GradworkError("language not spoken", language="xx", known=["en"]),
    ],
)
def test_errors_travel_between_processes(error):
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is type(error) and str(again) == str(error) and again.facts == error.facts


def test_a_formula_error_marks_its_place():
    error = FormulaError("wrong here", "a + b", ((4, 5, "^"),), (Line("asked"),))
    assert str(error) == "wrong here\n  a + b\n      ^\n  as asked" and error.message == "wrong here"
