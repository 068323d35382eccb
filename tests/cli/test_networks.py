"""`gradwork fit --model mlp|conv|rnn|gru|lstm`: from tables, images and sequences to saved networks and back."""

from __future__ import annotations

import csv
import io
import json
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gradwork.learn.callbacks import Callback
from tests.cli.conftest import Ran, bad, good, made, write

Run = Callable[..., Ran]


def table_of(text: str) -> tuple[list[str], list[list[str]]]:
    rows = list(csv.reader(io.StringIO(text)))
    return rows[0], rows[1:]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a table of flowers, one of prices, one of bars (4×4 images) and one of walks."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 3, 150)
    x = rng.normal(size=(150, 2)) + 3 * np.array([[0, 0], [1, 0], [0, 1]])[codes]
    names = np.array(["rose", "tulip", "lily"])[codes]
    write(tmp_path / "flowers.csv", ["a", "b", "soil", "flower"], [
        [f"{a:.4f}", f"{b:.4f}", "wet" if s else "dry", n] for (a, b), s, n in zip(x, rng.random(150) < 0.5, names)
    ])  # fmt: skip
    price = 5e5 + 1e5 * np.sin(x[:, 0]) + 2e4 * x[:, 1]
    write(
        tmp_path / "prices.csv",
        ["a", "b", "price"],
        [[*r, p] for r, p in zip(x.round(4).tolist(), price.round(1))],
    )
    images, bars = np.zeros((120, 4, 4)), rng.integers(0, 2, 120)
    for image, bar in zip(images, bars):
        at = rng.integers(1, 4)  # the first row and column stay empty but for a bar that crosses them
        image[(at, slice(None)) if bar else (slice(None), at)] = 9
    images[:, 0, 0] = 0
    pixels = [f"p{i}" for i in range(16)]
    write(
        tmp_path / "bars.csv",
        [*pixels, "bar"],
        np.column_stack([images.reshape(120, 16), bars]).astype(int).tolist(),
    )
    np.savez(tmp_path / "bars.npz", X=images, y=np.array(["down", "across"])[bars])
    rows: list[list[object]] = []
    for k in range(60):
        up = k % 2
        steps = np.cumsum(rng.normal(1 if up else -1, 1, rng.integers(2, 7))).round(3)
        rows += [[f"w{k}", t, s, "up" if up else "down"] for t, s in enumerate(steps.tolist())]
    rng.shuffle(rows)
    write(tmp_path / "walks.csv", ["walk", "day", "x", "trend"], rows)
    return tmp_path


# --- a fit --------------------------------------------------------------------------------------------------

FLOWERS = ["flowers.csv", "--target", "flower", "--model", "mlp:8", "--learning-rate", "0.02"]


def test_a_table_of_classes(run: Run, here: Path):
    out = good(run("fit", *FLOWERS, "--epochs", "40"))
    for part in (
        "flowers.csv: 150 rows, 3 features (a, b, soil), target flower: 3 classes → multilayer perceptron, Adam",
        "Dense(8, relu)  n×8             32  W₁: 3×8, b₁: 8", "59 parameters", "training   135", "held out    15",
        "held out: true class by row, predicted class by column", "lily  rose  tulip",
        "saved in flowers-mlp/ (report.html, model.json, …)",
    ):  # fmt: skip
        assert part in out, part
    names = sorted(p.name for p in (here / "flowers-mlp").iterdir())
    assert names == ["history.parquet", "model.json", "parameters.safetensors", "report.html", "summary.txt"]
    spec = json.loads((here / "flowers-mlp/model.json").read_text(encoding="utf-8"))
    assert spec["model"]["network"]["design"] == {"hidden": [8], "activation": "relu"}
    page = (here / "flowers-mlp/report.html").read_text(encoding="utf-8")
    assert "gradwork fit flowers.csv" in page and "<script" not in page and "Dense(8, relu)" in page
    shown = good(run("show", "flowers-mlp"))
    assert shown.startswith(out[: out.index("saved in")].rstrip("\n").split("\n\nwhy")[0])
    head, rows = table_of(good(run("predict", "flowers-mlp", "flowers.csv", "--probabilities")))
    assert head == ["prediction", "probability lily", "probability rose", "probability tulip"]
    _, given = table_of((here / "flowers.csv").read_text(encoding="utf-8"))
    assert np.mean([a[0] == b[3] for a, b in zip(rows, given, strict=True)]) > 0.8
    assert all(abs(sum(map(float, row[1:])) - 1) < 1e-9 for row in rows)


def test_a_table_of_numbers(run: Run, here: Path):
    out = good(
        run(
            "fit", "prices.csv", "--target", "price", "--model", "mlp", "--activation", "tanh", "--epochs", "60",
            "--learning-rate", "0.01", "--no-page",
        )
    )  # fmt: skip
    assert "Dense(64, tanh)" in out and "Dense(32, tanh)" in out and "R²" in out and "RMSE" in out
    head, rows = table_of(good(run("predict", "prices-mlp", "prices.csv")))
    y = np.array([r[2] for r in table_of((here / "prices.csv").read_text(encoding="utf-8"))[1]], float)
    p = np.array([r[0] for r in rows], float)
    assert head == ["prediction"] and 1 - ((y - p) ** 2).sum() / ((y - y.mean()) ** 2).sum() > 0.7
    assert "is a number" in bad(run("predict", "prices-mlp", "prices.csv", "--probabilities"))
    assert "no intervals" in bad(run("predict", "prices-mlp", "prices.csv", "--intervals"))
    assert "lacks 2 columns that the model needs: 'a', 'b'" in bad(run("predict", "prices-mlp", "walks.csv"))


def test_images_in_a_table_and_in_a_file_learn_alike(run: Run, here: Path):
    common = [
        "--model",
        "conv:4",
        "--epochs",
        "12",
        "--learning-rate",
        "0.02",
        "--batch-size",
        "8",
        "--no-page",
    ]
    out = good(run("fit", "bars.csv", "--target", "bar", "--image", "4x4x1", *common))
    assert "bars.csv: 120 rows, images of 4×4×1, target bar: two classes → convolutional network" in out
    assert "Conv2D(4, 3×3, relu, padding=same)" in out
    said = good(run("fit", "bars.npz", *common, "--out", "filed"))
    assert "bars.npz: 120 rows, images of 4×4, target y: two classes" in said
    _, rows = table_of(good(run("predict", "bars-conv", "bars.csv")))
    _, labels = table_of(good(run("predict", "filed", "bars.npz")))
    given = [r[16] for r in table_of((here / "bars.csv").read_text(encoding="utf-8"))[1]]
    assert np.mean([a[0] == b for a, b in zip(rows, given, strict=True)]) > 0.9
    # In the file the labels are text, so their order is another, and the two runs differ; what they learn does not.
    assert np.mean([(a[0] == "across") == (b == "1") for a, b in zip(labels, given, strict=True)]) > 0.9


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_sequences_of_unequal_lengths(run: Run, here: Path, cell: str):
    out = good(
        run(
            "fit", "walks.csv", "--target", "trend", "--model", f"{cell}:6", "--sequence", "walk,day", "--epochs", "20",
            "--learning-rate", "0.03", "--no-page",
        )
    )  # fmt: skip
    assert "60 sequences of 2 … 6 steps, 1 feature (x), target trend: two classes" in out
    head, rows = table_of(good(run("predict", f"walks-{cell}", "walks.csv", "--probabilities")))
    assert head == ["prediction", "walk", "probability down", "probability up"] and len(rows) == 60
    first = list(dict.fromkeys(r[0] for r in table_of((here / "walks.csv").read_text(encoding="utf-8"))[1]))
    assert [row[1] for row in rows] == first
    assert np.mean([(row[0] == "up") == (int(row[1][1:]) % 2 == 1) for row in rows]) > 0.8
    # The target is not needed, and other lengths are.
    write(
        here / "new.csv",
        ["day", "walk", "x"],
        [[1, "n", 2.0], [0, "n", 1.0], *([t, "m", -t] for t in range(9))],
    )
    assert [row[1] for row in table_of(good(run("predict", f"walks-{cell}", "new.csv")))[1]] == ["n", "m"]


def test_a_sequence_network_of_one_length_reads_others(run: Run, here: Path):
    rows = [[k, t, (k % 2) + 0.1 * t, "odd" if k % 2 else "even"] for k in range(20) for t in range(3)]
    write(here / "even.csv", ["id", "t", "x", "kind"], rows)
    good(
        run(
            "fit",
            "even.csv",
            "--target",
            "kind",
            "--model",
            "rnn:4",
            "--sequence",
            "id,t",
            "--epochs",
            "5",
            "--no-page",
        )
    )
    write(here / "new.csv", ["id", "t", "x"], [[1, 0, 1.0], [2, 0, 0.0], [2, 1, 0.1], [3, 0, 1.0]])
    _, found = table_of(good(run("predict", "even-rnn", "new.csv", "--probabilities")))
    assert [r[1] for r in found] == ["1", "2", "3"] and found[0][2:] == found[2][2:] != found[1][2:]


def test_a_page_for_images_and_sequences(run: Run, here: Path):
    good(run("fit", "bars.npz", "--model", "conv:2", "--epochs", "2"))
    good(
        run(
            "fit",
            "walks.csv",
            "--target",
            "trend",
            "--model",
            "gru:3",
            "--sequence",
            "walk,day",
            "--epochs",
            "2",
        )
    )
    for folder, layer in (("bars-conv", "Conv2D(2"), ("walks-gru", "GRU(3)")):
        page = (here / folder / "report.html").read_text(encoding="utf-8")
        assert layer in page and "<script" not in page and "Gradwork" in page


def test_whole_numbers_are_classes_where_they_are_few(run: Run, here: Path):
    rng = np.random.default_rng(0)
    x, few = rng.normal(size=100), rng.integers(0, 5, 100)
    write(here / "t.csv", ["x", "digit"], [[f"{a:.3f}", int(c)] for a, c in zip(x, few)])
    common = ["fit", "t.csv", "--target", "digit", "--model", "mlp:3", "--epochs", "2", "--no-page"]
    out = good(run(*common))
    assert "target digit: 5 classes" in out and "--task numbers takes them as numbers" in out
    assert "continuous" in good(run(*common, "--task", "numbers", "--out", "n"))
    assert {r[0] for r in table_of(good(run("predict", "t-mlp", "t.csv")))[1]} <= set("01234")
    write(here / "t.csv", ["x", "digit"], [[f"{a:.3f}", i] for i, a in enumerate(x)])
    assert "continuous" in good(run(*common, "--out", "many"))


def test_the_validation_share_patience_penalty_and_scale(run: Run, here: Path):
    out = good(
        run("fit", *FLOWERS, "--validation", "0", "--epochs", "2", "--no-page", "--no-scale", "--l2", "0.01")
    )
    assert "held out" not in out and "training   150" in out and "the loss holds the penalty 0.01 Σ W²" in out
    spec = json.loads((here / "flowers-mlp/model.json").read_text(encoding="utf-8"))["model"]["network"]
    assert spec["learning"]["normalise"] is None and spec["learning"]["l2"] == 0.01
    out = good(run("fit", *FLOWERS, "--patience", "2", "--epochs", "500", "--no-page", "--out", "p"))
    assert "the validation loss has not improved for 2 epochs" in " ".join(out.split())
    common = ["bars.npz", "--model", "conv:2", "--epochs", "1", "--no-page"]
    good(run("fit", *common, "--normalise", "2.5/4"))
    spec = json.loads((here / "bars-conv/model.json").read_text(encoding="utf-8"))
    assert spec["model"]["network"]["learning"]["normalise"] is not None
    assert "2 means to normalise by, and 1 features or channels" in bad(
        run("fit", *common, "--normalise", "1,2/1,2", "--out", "q")
    )


def test_overfitting_is_said_with_its_epoch(run: Run, here: Path):
    rng = np.random.default_rng(0)
    write(
        here / "noise.csv",
        ["a", "b", "c", "y"],
        np.column_stack([rng.normal(size=(60, 3)), rng.normal(size=60)]).tolist(),
    )
    common = [
        "noise.csv",
        "--target",
        "y",
        "--model",
        "mlp:64",
        "--learning-rate",
        "0.02",
        "--validation",
        "0.3",
        "--no-page",
    ]
    text = " ".join(good(run("fit", *common, "--epochs", "200")).split())
    assert (
        "why the validation loss was lowest at epoch" in text and "from there on the fit learns noise" in text
    )
    assert "do its best epoch is kept; --l2 0.001" in text


def test_a_seed_makes_a_run_repeat_exactly(run: Run, here: Path):
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        good(run("fit", *FLOWERS, "--epochs", "3", "--seed", seed, "--out", name, "--no-page"))
    weights = [(here / name / "parameters.safetensors").read_bytes() for name in "abc"]
    assert weights[0] == weights[1] != weights[2]


def test_ctrl_c_keeps_the_best_so_far_and_the_run(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch):
    from gradwork.cli import progress

    class Pressed(Callback):
        every = 5

        def after(self, progress: object) -> str | None:
            if progress.unit == 10:
                signal.raise_signal(signal.SIGINT)
            return None

    common = [*FLOWERS, "--epochs", "20", "--no-page"]
    good(run("fit", *common, "--out", "whole"))
    with monkeypatch.context() as patched:
        patched.setattr(progress, "view", lambda quiet: Pressed())
        ran = run("fit", *common, "--out", "cut")
    text = " ".join(ran.out.split())
    assert ran.code == 130 and "interrupted after epoch 10" in text and "(validation loss" in text
    assert "--resume --overwrite" in ran.err and made(here) == ["cut", "cut.checkpoint", "whole"]
    good(run("fit", *common, "--out", "cut", "--resume", "--overwrite"))
    assert made(here) == ["cut", "whole"]
    whole, cut = ((here / name / "parameters.safetensors").read_bytes() for name in ("whole", "cut"))
    assert whole == cut


# --- bad input ----------------------------------------------------------------------------------------------


def test_a_run_that_leaves_the_numbers_names_layer_unit_and_sample(run: Run, here: Path):
    ran = run("fit", *FLOWERS[:-1], "1e30", "--optimizer", "sgd", "--no-page")
    text = " ".join(ran.err.split())
    assert ran.code == 2 and ran.out == "" and made(here) == []
    assert text.startswith("stopped after epoch 1: the loss is")
    assert "layer 2, Dense(3), gives" in text and " at unit " in text and " for sample " in text
    assert "do --learning-rate 0.01." in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["flowers.csv", "--target", "flower", "--model", "mlp:8,x"], "after mlp: stand the units of each hidden layer"),
        (["flowers.csv", "--target", "flower", "--model", "mlp:0"], "after mlp: stand the units of each hidden layer"),
        (["flowers.csv", "--target", "flower", "--model", "mlp:"], "after mlp: stand the units of each hidden layer"),
        (["flowers.csv", "--model", "mlp"], "name the column to predict with --target"),
        (["flowers.csv", "--target", "flour", "--model", "mlp"], "no column 'flour'; did you mean 'flower'?"),
        (["flowers.csv", "--target", "flower", "--model", "mlp", "--activation", "rely"], "an activation is one of relu"),
        (["flowers.csv", "--target", "flower", "--model", "mlp", "--loss", "mae"], "--loss does not go with --model mlp"),
        (["flowers.csv", "--target", "flower", "--model", "mlp", "--solver", "newton"], "--solver does not go with"),
        (["flowers.csv", "--target", "flower", "--model", "mlp", "--no-intercept"], "--no-intercept does not go with"),
        (["flowers.csv", "--target", "flower", "--model", "mlp", "--std-errors", "HC1"], "--std-errors does not go with"),
        (["flowers.csv", "--target", "flower", "--model", "mlp", "--image", "2x2"], "--image belongs to conv"),
        (["flowers.csv", "--target", "flower", "--model", "mlp", "--sequence", "a,b"], "--sequence belongs to rnn"),
        (["flowers.csv", "--target", "flower", "--model", "mlp", "--l2", "-1"], "--l2 is a number from 0"),
        (["flowers.csv", "--target", "flower", "--model", "mlp", "--task", "sort"], "--task is classes or numbers"),
        (["flowers.csv", "--target", "flower", "--model", "mlp", "--task", "numbers"], "holds text"),
        (["flowers.csv", "--target", "flower", "--model", "mlp", "--optimizer", "adm"], "did you mean 'adam'?"),
        (["flowers.csv", "--target", "flower", "--model", "mlp", "--normalise", "rows"], "--normalise is features, channels"),
        (["flowers.csv", "--target", "flower", "--model", "mlp", "--normalise", "1,2/3"], "2 means and 1 deviations"),
        (["flowers.csv", "--target", "flower", "--model", "mlp", "--normalise", "0/0"], "the deviations positive"),
        (["flowers.csv", "--target", "flower", "--model", "mlp", "--normalise", "0/1", "--no-scale"], "leave out --normalise"),
        (["flowers.csv", "--target", "flower", "--l2", "0.1"], "--l2 belongs to networks"),
        (["flowers.csv", "--target", "flower", "--model", "softmax", "--activation", "tanh"], "--activation belongs to networks"),
        (["bars.csv", "--target", "bar", "--model", "conv"], "conv needs the size of the images, as in --image 28x28 or --image 32x32x3 (16 columns: --image 4x4?)"),
        (["bars.csv", "--target", "bar", "--model", "conv", "--image", "4x5"], "bars.csv: 16 columns do not fill an image of 4×5×1 (20 pixels)"),
        (["bars.csv", "--target", "bar", "--model", "conv", "--image", "four"], "an image is height x width x channels"),
        (["bars.csv", "--target", "bar", "--model", "conv:2,2,2", "--image", "4x4"], "layer 6, MaxPool2D(2×2): the window 2×2 is larger than its input 1×1"),
        (["flowers.csv", "--target", "flower", "--model", "conv", "--image", "1x3"], "column 'soil' holds text ('wet')" ),
        (["bars.npz", "--model", "softmax"], "bars.npz holds arrays; --model names the network"),
        (["bars.npz", "--model", "mlp", "--target", "z"], "bars.npz has no array z"),
        (["bars.npz", "--model", "mlp", "--features", "p1"], "bars.npz holds arrays, which have no columns"),
        (["bars.npz", "--model", "mlp", "--task", "numbers"], "y holds text, which is no number"),
        (["bars.npz", "--model", "rnn", "--sequence", "a,b"], "bars.npz holds arrays, which have no columns"),
        (["walks.csv", "--target", "trend", "--model", "gru"], "name the columns of the id and of the time, --sequence id,time"),
        (["walks.csv", "--target", "trend", "--model", "gru", "--sequence", "walk"], "--sequence names two columns"),
        (["walks.csv", "--target", "trend", "--model", "gru", "--sequence", "walk,night"], "no column 'night'"),
        (["walks.csv", "--target", "x", "--model", "gru", "--sequence", "walk,day"], "column 'trend' holds text"),
        (["walks.csv", "--target", "x", "--features", "day", "--model", "gru", "--sequence", "walk,day"], "'day' is the id, the time or the target"),
        (["walks.csv", "--target", "trend", "--model", "lstm", "--sequence", "walk,day", "--activation", "relu"], "lstm has activations of its own"),
    ],
)  # fmt: skip
def test_options_and_tables_that_make_no_network(run: Run, here: Path, arguments: list[str], message: str):
    err = bad(run("fit", *arguments, "--epochs", "1"))
    assert message in err and len(err.splitlines()) <= 2
    assert made(here) == []


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([["a", 1, 1, "u"], ["a", 1, 2, "u"], ["b", 1, 2, "v"]], "s.csv row 2 (line 3), column 't': 'a' has a step at 1 already, in row 1"),
        ([["a", 1, 1, "u"], ["a", "", 2, "u"], ["b", 1, 2, "v"]], "s.csv row 2 (line 3), column 't': the value is missing"),
        ([["a", 1, 1, "u"], ["a", 2, 2, "v"], ["b", 1, 2, "v"]], "s.csv row 2 (line 3), column 'y': 'a' has v here and u in row 1"),
        ([["a", 1, "low", "u"], ["a", 2, "high", "u"], ["b", 1, "low", "v"]], "s.csv row 1 (line 2), column 'x' holds text ('low'), not numbers"),
        ([["a", 1, 1, "u"], ["a", 2, "k", "u"], ["b", 1, 2, "v"]], "s.csv row 2 (line 3), column 'x': 'k' is not a number (the other 2 values are)"),
        ([["a", 1, 1, "u"], ["a", 2, 2, "u"]], "s.csv: 'id' names one sequence; a fit needs at least two"),
        ([["a", 1, 1, "u"], ["b", 2, 2, "u"]], "target 'y' has one class, 'u'"),
    ],
)  # fmt: skip
def test_long_tables_that_hold_no_sequences(run: Run, here: Path, rows: list, message: str):
    write(here / "s.csv", ["id", "t", "x", "y"], rows)
    err = bad(run("fit", "s.csv", "--target", "y", "--model", "gru:2", "--sequence", "id,t"))
    assert message in err and len(err.splitlines()) <= 2 and made(here) == []


def test_files_of_arrays_that_are_none(run: Run, here: Path):
    (here / "a.npz").write_bytes((here / "bars.npz").read_bytes()[:300])
    assert "a.npz cannot be read: it is damaged or truncated" in bad(run("fit", "a.npz", "--model", "conv"))
    np.savez(here / "a.npz", X=np.zeros((4, 2, 2)), y=np.array([{}, 1, 2, 3], dtype=object))
    assert "it holds Python objects, which are not read" in bad(run("fit", "a.npz", "--model", "conv"))
    np.savez(here / "a.npz", X=np.zeros((4, 2, 2, 2, 2)), y=[0, 1, 0, 1])
    assert "layer 1, Conv2D(8, 3×3, relu, padding=same): it takes" in bad(
        run("fit", "a.npz", "--model", "conv")
    )
    np.savez(here / "a.npz", X=np.zeros((4, 0, 2)), y=[0, 1, 0, 1])
    assert "its shape is 4×0×2" in bad(run("fit", "a.npz", "--model", "rnn"))
    assert made(here) == []


def test_a_network_that_was_tampered_with_is_refused(run: Run, here: Path):
    good(run("fit", *FLOWERS, "--epochs", "1", "--no-page"))
    path = here / "flowers-mlp/parameters.safetensors"
    whole = path.read_bytes()
    for content in (whole[:-4], whole[:-1] + bytes([whole[-1] ^ 1])):
        path.write_bytes(content)
        for command in (["predict", "flowers-mlp", "flowers.csv"], ["show", "flowers-mlp"]):
            assert "flowers-mlp cannot be used: parameters.safetensors" in bad(run(*command))


def test_predictions_for_data_that_do_not_fit(run: Run, here: Path):
    good(run("fit", *FLOWERS, "--epochs", "1", "--no-page"))
    assert "lacks 3 columns that the model needs" in bad(run("predict", "flowers-mlp", "walks.csv"))
    assert "is a zip archive" in bad(run("predict", "flowers-mlp", "bars.npz"))
    good(run("fit", "bars.npz", "--model", "conv:2", "--epochs", "1", "--no-page"))
    assert "is not an .npz file of arrays" in bad(run("predict", "bars-conv", "bars.csv"))
    np.savez(here / "wide.npz", X=np.zeros((3, 4, 5)))
    assert "this model takes samples of shape 4×4×1" in bad(run("predict", "bars-conv", "wide.npz"))
    good(
        run(
            "fit",
            "walks.csv",
            "--target",
            "trend",
            "--model",
            "rnn:2",
            "--sequence",
            "walk,day",
            "--epochs",
            "1",
            "--no-page",
        )
    )
    write(here / "new.csv", ["walk", "day", "x"], [["a", 1, 1], ["a", 1, 2]])
    assert "new.csv row 2 (line 3), column 'day': 'a' has a step at 1 already" in bad(
        run("predict", "walks-rnn", "new.csv")
    )


def test_a_network_saved_from_python_predicts_from_arrays(run: Run, here: Path):
    from gradwork.models import MLP

    X = np.random.default_rng(0).normal(size=(30, 3))
    model = MLP(4, epochs=2).fit(X, X[:, 0] > 0)
    model.save("mine")
    np.savez("new.npz", X=X[:5])
    _, rows = table_of(good(run("predict", "mine", "new.npz")))
    assert [r[0] for r in rows] == ["true" if p else "false" for p in model.predict(X[:5])]
    assert "Dense(4, relu)" in good(run("show", "mine"))
