"""English: data."""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    # why a target is of its kind
    "boolean": "true or false; true is what is predicted",
    "two values": "two values, {first} and {second}; {second} is what is predicted",
    "classes": "{count} classes: {levels:names 6}",
    "numbers": "{count} different numbers",
    "whole numbers": (
        "whole numbers from {low:plain} to {high:plain}, taken as numbers (--model poisson takes them as counts)"
    ),
    "whole numbers, negative": "whole numbers from {low:plain} to {high:plain}",
    "few whole numbers": (
        "{count} whole numbers from {low:plain} to {high:plain}, taken as numbers "
        "(--model softmax takes them as classes, poisson as counts)"
    ),
    "few whole numbers, negative": (
        "{count} whole numbers from {low:plain} to {high:plain}, taken as numbers (--model softmax takes them as classes)"
    ),
    "kind asked": "{kind}, as asked",
    # notes of a design
    "rows dropped": "{dropped} of {rows} rows were left out for missing values",
    "rows without target": "{dropped} of {rows} rows were left out, for their target is missing",
    "filled": "{count} missing values of '{column}' were filled with its mean, {mean:plain}",
    "filled one": "1 missing value of '{column}' was filled with its mean, {mean:plain}",
    "reference level": "'{column}' has {count} categories; '{level}' is the reference",
    "no reference": "'{column}' has {count} categories, each with a coefficient: there is no intercept",
    "counts rows": "'{column}' merely numbers the rows; leave it out with --features if it means nothing",
    "left out": "left out: {reason}",
    # columns that cannot be features
    "all missing": "'{column}' has no values at all",
    "constant": "'{column}' is {value} in every row",
    "date": "'{column}' holds dates (write them as numbers, say days since the first)",
    "written number": "'{column}' holds numbers that are written as text ('{value}'); write them plainly, as 1234.5",
    "looks like numbers": (
        "the values of '{column}' look like numbers ('{value}') but are taken as categories; "
        "write them plainly, as 1234.5"
    ),
    "identifier": "'{column}' is a different text in each row (an identifier?)",
    "too many levels": "'{column}' has {count} different texts in {rows} rows",
    "index": "'{column}' has no name and numbers the rows",
    "other": "'{column}' holds {detail}",
}
