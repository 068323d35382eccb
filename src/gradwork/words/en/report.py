"""The sentences of the page and of the folder, looked up by name, so that another language is another table."""

from __future__ import annotations

ENGLISH: dict[str, str] = {
    # page
    "kicker": "Gradwork · a fit that shows its work",
    "model": "The model",
    "coefficients": "What each column does",
    "outcome numbers": "How well it fits",
    "outcome classes": "How well it tells the classes apart",
    "learned": "How it was learned",
    "inside": "Inside the network",
    "graph": "The computation",
    "graph caption": "Each row is a quantity with its formula, shape and the norm of its adjoint; from the left come "
    "parameters (orange), data (blue) and the state before a step (dashed).",
    "derivation": "The gradient, line by line",
    "all lines": "all {count} lines",
    "no estimates": "There are no estimates here: see the warning above.",
    "no errors": "There are no standard errors for these estimates.",
    "estimates formula": "The parameters",
    "scalar": "scalar",
    "layers": "The layers",
    "layers layer": "layer",
    "layers output": "output",
    "layers parameters": "parameters",
    "layers holds": "named",
    "layers size": "size",
    "layers total": "together",
    "data": "The data",
    "made": "How this page was made",
    "estimate": "estimate",
    "std_error": "std. error",
    "p": "p",
    "interval": "{level} % interval",
    "effect": "effect of one standard deviation, with its interval",
    "effect of one": "estimate with its interval",
    "effect caption": (
        "The bar is the {level} % interval of the effect of one standard deviation of the column, so columns in "
        "different units compare. Blue ones stay clear of zero."
    ),
    "effect caption plain": "The bar is the {level} % interval. Blue ones stay clear of zero.",
    "shown": "The {shown} of {all} coefficients that are farthest from zero in standard errors are shown; "
    "summary.txt has all.",
    "residuals": "Residuals against fitted values",
    "residual": "residual",
    "residual pearson": "Pearson residual",
    "residuals caption": (
        "Level and even where the model holds; a bend is a curve it misses, a funnel a spread that grows."
    ),
    "quantiles": "Residuals against the normal distribution",
    "quantiles caption": (
        "Inside the band: as normal as {rows} rows can show. Intervals and p-values rest on it when rows are few."
    ),
    "observed": "Observed against fitted",
    "observed caption": "On the line, prediction and truth agree.",
    "curve": "The rows and the fitted curve",
    "curve caption": "The band is the 95 % interval of the mean.",
    "curve caption plain": "Each dot is a row.",
    "confusion": "Who was taken for whom",
    "confusion corner": "true",
    "confusion predicted": "predicted",
    "confusion caption": "Rows of each true class by the class predicted as most probable.",
    "calibration of": "Are the probabilities of {label} true?",
    "calibration": "Are the probabilities true?",
    "calibration rest": "Shown are the {shown} of {all} classes with the most rows.",
    "calibration sure": "Every probability here is within {off} of 0 or 1 and points to the right class: the model "
    "tells these rows apart without doubt, so there is little to calibrate.",
    "calibration caption": "Of the rows given 30 %, 30 % should be so. Bars are 95 % intervals of the share.",
    "roc": "Ranking",
    "roc caption": "How many true cases are found for the false alarms allowed. Area 0.5 is guessing, 1 perfect.",
    "loss": "The loss over the run",
    "loss caption": "Training in blue{validation}.",
    "loss validation": ", validation in orange",
    "loss best": "; the dotted line marks the parameters that were kept",
    "gradient": "The gradient's norm",
    "gradient caption": "It falls to zero at an optimum.",
    "no descent": "The optimum was computed directly; there is no descent to show.",
    "target": "The target, {name}",
    "target caption": "Of the {count:,} rows, of {rows:,}, on which it was measured.",
    "column": "column",
    "kind": "type",
    "values": "values",
    "missing": "missing",
    "shape": "shape",
    "more columns": "… and {count} more columns",
    "derivation lead closed": "The fit is where this gradient is zero; the equations ∇f = 0 were solved directly.",
    "derivation lead": "This derivation is not an illustration: the program that fitted the model was made from it.",
    "command": "The command",
    "footer": "Made by {b}Gradwork{/b} {version}. One file, no scripts; formulas are MathML, pictures SVG.",
    "plan": "What was computed",
    # the content
    "title": "{target}, predicted from {count} columns of {source}",
    "title one": "{target}, predicted from {feature} in {source}",
    "formula title": "A formula fitted to {source}",
    "where scaled": "learned on standardised columns; coefficients are reported in the units of the table",
    "where raw": "X holds the columns in the units of the table",
    "where one": "y = 1 where {target} is {label}; ",
    "sample": "Measured on the {rows} rows that it was fitted to.",
    "sample held": "Measured on the {rows} rows that it was fitted to; on {held} rows held out the loss is {loss}.",
    "kind number": "number",
    "kind whole": "whole number",
    "kind boolean": "true or false",
    "kind text": "text",
    "kind date": "date",
    "kind empty": "empty",
    "kind mixed": "mixed",
    "kind other": "other",
    "values number": "{low} … {high}, mean {mean}",
    "values boolean": "true {yes}, false {no}",
    "values text": "{count} different: {shown}",
    "accuracy": "accuracy",
    "auc": "ROC AUC",
    "log loss": "log loss",
    "r2": "R²",
    "rmse": "RMSE",
    "mae": "MAE",
    "pseudo r2": "McFadden R²",
    "aic": "AIC",
    "rows": "rows",
    "parameters": "parameters",
    "loss value": "loss",
    # networks
    "network heading": "{rows:,} samples of {shape}, target {target}: {kind} → {network}, {how}",
    "network classes": "{count} classes",
    "network numbers": "numbers",
    "network outputs": "{count} numbers",
    "network where features": "each feature normalised to mean 0 and deviation 1; ",
    "network where channels": "each channel normalised to mean 0 and deviation 1; ",
    "network where given": "normalised by the given means and deviations; ",
    "network where raw": "as they were given; ",
    "network where": "X holds a batch of {n} samples, {normalised}{count:,} parameters",
    "network where numbers": "; the numbers are predicted in units of their deviation",
    "network sample": "Measured on the {held:,} of {rows:,} samples that were held out from learning.",
    "network sample all": "Measured on all {rows:,} samples, those that it learned from among them.",
    "network sample first": "Of {count} outputs the first is shown.",
    "samples": "samples",
    "epochs": "epochs",
    "mistakes": "Its {count} surest mistakes",
    "mistakes one": "Its only mistake",
    "mistakes caption": "Samples that were taken for another class, the most confident first, of {all} in {rows:,}.",
    "mistake": "{true}, taken for {predicted} ({share})",
    "filters": "The filters of the first convolution",
    "filters caption": "{letter}, {shape}: each filter scaled by its largest weight; orange adds, blue takes away, "
    "white leaves out.",
    "filters caption colour": "{letter}, {shape}: each filter scaled by its largest weight; grey leaves out, a colour "
    "adds what it shows.",
    "filters caption mean": "{letter}, {shape}: the mean over {channels} channels, each filter scaled by its largest "
    "weight; orange adds, blue takes away, white leaves out.",
    "filter": "{number}",
    "gradients by layer": "The gradient by parameter",
    "gradients by layer caption": "The norm ‖∂f/∂θ‖ of each, at the learned parameters.",
    "adjoints by layer": "The adjoint by quantity",
    "adjoints by layer caption": "The norm ‖∂f/∂z‖ from the input to the loss: where it falls towards the input, "
    "gradients vanish; where it rises, they explode.",
    "adjoints by step": "The adjoint by time step",
    "adjoints by step caption": "The norm ‖∂f/∂hₜ‖: how strongly the loss feels the state that leaves step t.",
    "dead": "{dead} of {units} units of {name} are 0 for every one of these {rows:,} samples: they are dead, and no "
    "gradient reaches them.",
    "none dead": "No unit of {names} is dead: each is above 0 for at least one of these {rows:,} samples.",
    "vanishing": "Vanishing: from the last step to the first, ‖∂f/∂{letter}ₜ‖ shrinks by a factor of {factor} "
    "({rate} a step). What happened early hardly counts in learning.",
    "exploding": "Exploding: from the last step to the first, ‖∂f/∂{letter}ₜ‖ grows by a factor of {factor} "
    "({rate} a step).",
    "steady": "From the last step to the first, ‖∂f/∂{letter}ₜ‖ changes by a factor of {factor}: gradients reach all "
    "steps.",
    "traced": "Measured at the learned parameters on {rows:,} samples.",
    "directions": "check {mark} at the learned parameters and {rows} samples: a random direction in each of "
    "{parameters} parameters, central differences, largest error {worst}",
    "directions missing": "check — not made: the loss is not finite at the learned parameters",
    # roles
    "role target": "target",
    "role feature": "feature",
    "role unused": "not used",
    # folder
    "exists": "{folder} exists already\n  choose another with --out, or replace it with --overwrite",
    "exists not ours": "{folder} exists and holds no model of Gradwork; choose another with --out",
    "is a file": "{folder} is a file; --out names a folder",
    "no space": "no space is left on the disk for {folder}; nothing was written",
    "cannot read": "{folder} cannot be read: {why}",
    "cannot write": "{folder} cannot be written: {why}; nothing was left behind",
    "no folder": "there is no folder {folder}{nearest}",
    "no model": "{folder} holds no model: {file} is not there",
    "damaged": (
        "{folder} cannot be used: {why}\n  it was changed or cut short after Gradwork wrote it; fit the model again"
    ),
    "newer": "{folder} was written by a newer Gradwork (format {format}; this one reads {known})",
    "not json": "{file} is not the JSON that was written",
    "too large": "{file} is {size}; at most {limit} is read",
    "checksum": "{file} is not what was written (its checksum differs)",
    "length": "{file} has {size} bytes, {expected} were written",
    "gone": "{file} is missing",
    "entry": "{file} has no valid '{entry}'",
    "tensors": "{file} holds other arrays than model.json names",
    "tensor": "{file}: array '{name}' has the shape {shape}, expected {expected}",
}

TABLES: dict[str, dict[str, str]] = {"en": ENGLISH}


def say(key: str, language: str = "en", **values: object) -> str:
    """Return the sentence named `key` with its values in place.

    >>> say("target", name="price")
    'The target, price'
    """
    table = TABLES.get(language, ENGLISH)
    return table.get(key, ENGLISH[key]).format(**values)
