"""Errors about families, the models made of them, and the texts that name them."""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    # families
    "name of a family": "a family is called by letters, digits and underscores, not {name!r}",
    "family twice": "there is a family {name!r} already",
    "no family": "no family is called {name!r}; there are {known:names}",
    "no family given": "name a family: a block, or its name",
    "no density": "the loss {loss} is no likelihood: it has no density",
    "no constant": "the loss {loss} has no constant {name!r}; it has {known:names}",
    "no constants": "the loss {loss} has no constant {name!r}; it has none",
    "value of a constant": "{name} of {model} is {what}, not {value!r}",
    "penalty of a model": "the penalty of {model} is a number from 0, say 0.1; not {penalty!r}",
    "outside the support": "the target is {value}; {model} needs {what} in each row",
    "own model": (
        "the model '{name}' is code of your own, and a saved model holds no code: it cannot be saved; a family that "
        "names its model (gradwork.families) can"
    ),
    # intervals
    "no observations": (
        "the loss {loss} is no likelihood, so nothing is known of where new observations lie; kind='mean' gives the "
        "interval of the prediction"
    ),
    "no inverse": "the prediction is no function of the linear predictor alone, so it has no interval",
    # texts that name models
    "no such model": (
        "no model is called '{model}'; there are linear, poly:3, ridge:0.1, {plain:names} (or, with a penalty, "
        "logistic:0.1, …), and the networks {networks:names}"
    ),
    "no built model": "no model is called {model!r}; there are {known:names}",
    "no loss of linear models": "the loss of a linear model is {known:or}, not {loss!r}",
    "degree of a polynomial": "the degree of a polynomial is 1, 2, …, 30; not {degree}",
    "after the loss": (
        "after the loss may stand δ of the Huber loss, as in huber:1.5, or τ of the pinball loss, as in pinball:0.9; "
        "got '{given}'"
    ),
    "model needs": "{model} needs {what}, as in {model}:0.1; got '{given}'",
    "its penalty": "its penalty",
    "a number, its penalty": "a number after the colon, its penalty",
    "nothing after a colon": "'{model}' takes nothing after a colon; got '{given}'",
    "polynomial without degree": "a polynomial needs its degree, as in poly:3; got '{given}'",
    "after the degree": "after the degree may stand 'interactions', as in poly:2:interactions; got '{given}'",
    "loss of another model": "the loss of a {model} model is its own; {loss!r} belongs to linear models",
}
