"""Options that are wrong or mean nothing are refused at every door, in one line; none is accepted in silence."""

from __future__ import annotations

import numpy as np
import pytest

import gradwork as gw
from gradwork.learn.settings import MINIMIZE
from gradwork.models import MLP
from gradwork.models.networks.learn import fit_network
from gradwork.models.settings import COMMAND, FIT, FIT_NETWORK
from gradwork.words.say import known

RNG = np.random.default_rng(0)
TABLE = {"a": RNG.normal(size=40), "b": RNG.normal(size=40), "y": RNG.normal(size=40)}
NAN = float("nan")
STOPPING = gw.Stopping(patience=3)

# What no door takes, as it stands or in a descent.
EVERYWHERE = [
    {"learning_rate": "0.1"}, {"learning_rate": -0.1}, {"learning_rate": 0}, {"learning_rate": NAN},
    {"learning_rate": True}, {"learning_rate": float("inf")}, {"epochs": -1}, {"epochs": 2.5}, {"epochs": "5"},
    {"epochs": True}, {"epochs": NAN}, {"batch_size": 0}, {"batch_size": -3}, {"batch_size": "8"},
    {"batch_size": 4.0}, {"batch_size": True}, {"batch_size": 10_000}, {"seed": -1}, {"seed": "1"}, {"seed": 1.5},
    {"seed": True}, {"dtype": "int32"}, {"dtype": "float16"}, {"dtype": "number"}, {"optimizer": "adm"},
    {"optimizer": gw.Adam}, {"optimizer": 3}, {"patience": 0}, {"patience": True}, {"patience": 2.5},
    {"stopping": {"patience": 3}}, {"stopping": 1e-6}, {"schedule": 0.1}, {"schedule": "cosin:0.1,10"},
    {"schedule": "cosine:0.1,x"}, {"shuffle": "yes"}, {"resume": True}, {"resume": 1}, {"solver": "magic"},
    {"solver": 3}, {"epoch": 3}, {"lr": 0.1}, {"optimizer": "adam", "run_on": "gpu"},
    {"optimizer": "adam", "record": "batch"},
    {"optimizer": "adam", "learning_rate": 0.1, "schedule": "cosine:0.1,10"},
]  # fmt: skip

# What belongs to a descent, or to another way of solving.
SOLVED = [
    {"solver": "newton", "epochs": 5}, {"solver": "newton", "batch_size": 8}, {"solver": "newton", "learning_rate": 0.1},
    {"solver": "lbfgs", "schedule": "cosine:0.1,10"}, {"solver": "lm", "optimizer": "adam"}, {"solver": "closed", "steps": 5},
    {"solver": "closed", "stopping": STOPPING}, {"solver": "newton", "patience": 5}, {"patience": 5},
    {"solver": "newton", "shuffle": False}, {"shuffle": False}, {"optimizer": "adam", "shuffle": False},
    {"record": "step"}, {"run_on": "xla"}, {"seed": 7}, {"solver": "closed", "seed": 7},
    {"solver": "newton", "checkpoint": "c"}, {"optimizer": "adam", "epochs": 2, "seed": 7},
]  # fmt: skip

TABLES = [
    {"activation": "tanh"}, {"image": (2, 2)}, {"sequence": ("a", "b")}, {"l2": 0.1}, {"task": "classes"},
    {"normalise": "features"}, {"params": "a=1"}, {"bounds": {"a": (0, 1)}}, {"validation": 1.5}, {"validation": 0},
    {"validation": "0.2"}, {"validation": True}, {"validation": NAN}, {"level": 95}, {"level": 0}, {"level": "0.95"},
    {"level": NAN}, {"intercept": 0}, {"intercept": "no"}, {"scale": "no"}, {"scale": 1}, {"missing": "guess"},
    {"missing": None}, {"unusable": "drop"}, {"cov": "HC7"}, {"cov": 1}, {"features": "a"}, {"features": 3},
    {"loss": 3}, {"loss": "mze"}, {"sizes": {"n": 3}}, {"target_column": "y"},
]  # fmt: skip

FORMULAS = [
    {"loss": "huber"}, {"intercept": False}, {"scale": False}, {"unusable": "leave out"}, {"activation": "tanh"},
    {"l2": 0.1}, {"bounds": "k=0:1"}, {"level": 2}, {"features": ["a"]},
]  # fmt: skip

NETWORKS = [
    {"loss": "huber"}, {"cov": "HC1"}, {"intercept": False}, {"level": 0.9}, {"solver": "newton"}, {"params": "a=1"},
    {"bounds": {"a": (0, 1)}}, {"steps": 5}, {"l2": -1}, {"l2": "0.1"}, {"l2": NAN}, {"task": "sort"}, {"normalise": "rows"},
    {"image": (2, 2)}, {"sequence": ("a", "b")}, {"activation": "rely"}, {"validation": 1.0},
    {"normalise": "channels", "scale": False},
]  # fmt: skip


def refused(run, options) -> None:
    with pytest.raises(gw.GradworkError) as caught:
        run(**options)
    assert str(caught.value) and "\n" not in str(caught.value)


def ids(options) -> str:
    return ",".join(f"{k}={v!r}"[:30] for k, v in options.items())


@pytest.mark.parametrize(
    "options", [*EVERYWHERE, *SOLVED, {"level": 0.9}, {"l2": 0.1}, {"validation": 0.2}], ids=ids
)
def test_minimize_refuses(options):
    X, y, b = gw.matrix("X", "n", "d"), gw.vector("y", "n"), gw.vector("b", "d")
    data = {X: np.column_stack([TABLE["a"], TABLE["b"]]), y: TABLE["y"]}
    loss = gw.mean((y - X @ b) ** 2)
    refused(lambda **given: gw.minimize(loss, {b: None}, data, **given), options)
    refused(lambda **given: gw.maximize(-loss, {b: None}, data, **given), options)


@pytest.mark.parametrize("options", [*EVERYWHERE, *SOLVED, *TABLES], ids=ids)
def test_fit_refuses_for_tables(options):
    refused(lambda **given: gw.fit(TABLE, "y", "linear", **given), options)


@pytest.mark.parametrize("options", [*EVERYWHERE, *SOLVED, *FORMULAS], ids=ids)
def test_fit_refuses_for_formulas(options):
    refused(
        lambda **given: gw.fit(TABLE, formula="mean((y - k*a - c)^2)", params="k=1, c=0", **given), options
    )


@pytest.mark.parametrize("options", [*EVERYWHERE, *NETWORKS], ids=ids)
def test_fit_refuses_for_networks(options):
    if options == {"batch_size": 10_000}:
        return  # as many rows as there are: documented
    refused(lambda **given: gw.fit(TABLE, "y", "mlp:3", **given), options)
    refused(lambda **given: fit_network(TABLE, "y", "mlp:3", **given), options)


@pytest.mark.parametrize(
    "options", [{"activation": "rely"}, {"l2": -1}, {"epochs": 0}, {"hiden": 3}, {"steps": 3}], ids=ids
)
def test_networks_refuse(options):
    refused(lambda **given: MLP((3,), **given).fit(np.zeros((4, 2)), np.arange(4.0)), options)


def test_every_setting_has_help_and_a_default_that_its_check_allows():
    for door in (MINIMIZE, FIT, FIT_NETWORK, COMMAND):
        for name, setting in door.records.items():
            assert known(setting.help) and setting.said(), name
            assert setting.default is None or setting.check.holds(setting.default), name
            assert all(known(f"setting {of}") for of in setting.of), name
            assert str(setting.check.line), name


def test_doors_take_the_same_run_under_the_same_names():
    shared = MINIMIZE.records.keys() - {"sizes", "target"}
    assert shared <= FIT.records.keys() and shared - {"bounds"} <= FIT_NETWORK.records.keys()
