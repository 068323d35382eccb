"""English: models."""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    "heading": "{source}: {rows:,} rows, {features}, target {target}: {kind} → {model}, {how}",
    "one feature": "1 feature ({names})",
    "features": "{count} features ({names})",
    "closed form": "closed form ({how})",
    "solver": "{solver}",
    "formula heading": "{source}: {rows:,} rows → {formula}, {how}",
    "chosen": "{target} is {kind} ({reason}), so the model is {model}",
    "penalised": (
        "the penalty pulls estimates towards zero: standard errors are those of the penalised estimate, which is "
        "biased; {df:short 4} effective parameters"
    ),
    "penalty scale": "the loss is the mean over rows plus {penalty:g} Σ b², with columns scaled to deviation 1",
    "sandwich": "standard errors: sandwich ({kind}{more})",
    "no errors": "the loss {loss} has no curvature at its minimum, so there are no standard errors",
    "robust errors": "standard errors: sandwich (HC0), since {loss} is no likelihood",
    "not converged": (
        "the run had not converged ({reason}); the estimates are up to {distance:short 2} standard errors from the minimum, "
        "so they are not tested"
    ),
    "level": "level",
    "validation": "validation: {count:,} rows held out, loss {loss:.6g}{held}",
    "held r2": ", R² {r2:fixed 4}",
    "held accuracy": ", accuracy {accuracy:percent}",
    "separated at": "stopped at step {step}: {why}",
    "separated": "every row is nearly certain of its class, and would only grow more so",
    "many classes": (
        "'{target}' has {count} classes in {rows} rows, {typical} in a typical class: too few to learn from; merge "
        "classes, or leave rare ones out"
    ),
    "many classes, numbers": (
        "'{target}' has {count} values in {rows} rows, {typical} rows for a typical one: too few to learn each as a "
        "class; take them as numbers (the model linear or poisson), or merge them"
    ),
    "small delta": (
        "δ = {delta:short} of the Huber loss leaves {share:percent 0} of the rows in its quadratic part: it is nearly the absolute "
        "loss; --loss huber chooses δ by the spread of the residuals"
    ),
    "because of": "{error}",
    "rows missing values": "{dropped} of {rows} rows miss values and were left out",
    "wald": "; F is the Wald test with them",
    "more parameters": "{parameters} parameters from {rows} rows: infinitely many fits are equally good",
    "rank": (
        "the {parameters} parameters have rank {rank}: the estimates are one choice of many that fit equally well, "
        "and the undetermined ones ({columns:quoted 6}) have no standard error"
    ),
    "rank penalised": (
        "the {parameters} parameters have rank {rank} on {rows} rows: without the penalty infinitely many fits would "
        "be equally good, and it is the penalty that chooses among them"
    ),
    "overdispersed": (
        "the counts vary more than Poisson's do (Pearson χ² is {ratio:short 3} times its degrees of freedom): these standard "
        "errors are about {times:short 2} times too small; --std-errors HC0 gives such as do not rest on it"
    ),
    "few values": "{target} holds {reason}",
    "no curvature": "the loss is too flat where the run ended, so there are no standard errors",
    "no errors, penalty": (
        "the loss is no mean or sum over rows with a penalty beside it, so there are no standard errors"
    ),
    "no errors, many": "there are no standard errors for as many as {count:,} parameters",
    "reference class": "the reference class is {label}",
    "fit at bound": (
        "at a bound ({bounds:names}): no standard error, and those of other parameters are with this one held there"
    ),
    "nearly converged": (
        "the run had not converged ({reason}), but ended within {distance:short 2} standard errors of the minimum"
    ),
    "undetermined": (
        "the rows determine {rank} of {p} parameters: {names:names} are not separately determined (any multiple of "
        "{direction} may be added) and have no standard error"
    ),
    "undetermined one": (
        "the rows determine {rank} of {p} parameters: {names:names} does not change the fit and has no standard error"
    ),
    "penalty kinks": (
        "the penalty has kinks ({ops:names}), so the estimate has no standard errors of this kind; a bootstrap gives some"
    ),
    "kinked errors": (
        "the loss has kinks ({ops:names}) whose share in the curvature no second derivative shows, so there are no "
        "standard errors; a bootstrap gives some"
    ),
    "no rows errors": "no standard errors: the formula is no sum over rows ({why})",
    "not a likelihood": (
        "standard errors: sandwich (HC0), since the loss is not recognised as a likelihood ({why}); "
        "--std-errors observed takes the inverse Hessian"
    ),
    "derivatives not finite": "the derivatives at the estimate are not finite: no standard errors",
    "curved": "a function of a sum",
    "free terms": "it has a penalty",
    "no scale": "it measures residuals {residual} without a scale of their own",
    "scores differ": "the scores of {name} have {ratio:short 2} times the variance that its Hessian says",
    "few rows": "{n} rows are too few to check whether the loss is a negative log-likelihood, as is assumed",
    "unfinished": (
        "the run had not converged ({reason}): these are the values where it stopped, and nothing is tested"
    ),
    "no interval undetermined": "{names} are not determined by the rows of the fit: there are no intervals",
    "no interval weights": (
        "the prediction interval of a weighted fit needs the weights of the new rows: column '{name}'"
    ),
    "no interval": "the formula {formula} is no sum of squares of a column minus a prediction: it has no intervals",
    "least squares errors": "standard errors: s²(JᵀJ)⁻¹ with s² = {s2:short} from {df} degrees of freedom",
    "likelihood errors": ("standard errors: inverse of the observed information"),
    "constants": "the log-likelihood has the constants that the formula has, and no others",
    "mean likelihood": (
        "the formula is a mean over rows; its {n:,}-fold is taken as the negative log-likelihood for standard errors"
    ),
    # networks
    "own layer": "the layer {title} is code of your own, and a saved model holds no code: it cannot be saved",
    "own option": (
        "the {option} of {title} is a {kind}, and a saved model holds names and numbers only: it cannot be saved"
    ),
    "network damaged": "the description of the network is damaged: {why}",
    "network entry": "an entry is missing or not what was written",
    "network kind": "there is no kind {kind!r}",
    "network arrays": "array '{name}' is missing, or belongs to no layer",
    "network array": "array '{name}' has the shape {shape}, expected {expected}",
    "network array not finite": "array '{name}' does not hold finite numbers",
    "no network": "no network is called '{name}'; there are {known}",
    "network units": "after {name}: stand {what}; got '{given}'",
    "units mlp": "the units of each hidden layer, as in mlp:64,32",
    "units conv": "the filters of each block, as in conv:8,16",
    "units recurrent": "the units of each layer, as in lstm:64",
    "no activation": "{name} has activations of its own; --activation belongs to mlp and conv",
    "image for conv": "{name} reads no images; --image belongs to conv",
    "sequence for rnn": "{name} reads no sequences; --sequence belongs to rnn, gru and lstm",
    "no sequence": (
        "{name} reads sequences from a table with one row for each step: name the columns of the id and of the time, "
        "--sequence id,time"
    ),
    "no image": "conv needs the size of the images, as in --image 28x28 or --image 32x32x3{hint}",
    "image hint": " ({count} columns: --image {side}x{side}?)",
    "arrays have no columns": "{source} holds arrays, which have no columns to name",
    "no y": "{source} has no array {name}, the labels or numbers to predict",
    "text is no number": "{source}: y holds text, which is no number to predict",
    "one sample": "{source} has one sample; a fit needs at least two",
    "one sequence": "{source}: '{id}' names one sequence; a fit needs at least two",
    "images": "images of {shape}",
    "samples of": "samples of {shape}",
    "sequences": "{count:,} sequences of {steps} steps, {features}",
    "last feature": "the last feature is 1 where there is a step",
    "steps dropped": "{dropped} of {rows} steps were left out for missing values",
    "classes counted": "{count} classes",
    "whole numbers are classes": (
        "{target} holds {count} whole numbers, taken as classes (--task numbers takes them as numbers)"
    ),
    "penalty in loss": "the loss holds the penalty {l2:g} Σ W² of the weights",
    "training": "training",
    "held out": "held out",
    "confusion held out": "held out: true class by row, predicted class by column",
    "do overfit network": "its best epoch is kept; an l2 penalty of {l2:rate}, fewer units or more rows help",
    "do overfit network flag": "its best epoch is kept; --l2 {l2:rate}, fewer units or more rows help",
    "do stop network": "patience={patience} stops there and keeps the best; an l2 penalty of {l2:rate} or more rows help",
    "do stop network flag": "--patience {patience} stops there and keeps the best; --l2 {l2:rate} or more rows help",
    "why network diverged": "the steps are too large: each overshoots, and the next starts farther out.",
    "do rate network": "a learning rate of {rate:rate}",
    "do rate network flag": "--learning-rate {rate:rate}",
    "layer not finite": "layer {layer}, {title}, gives {value:value} at unit {unit} for sample {sample}",
    # solvers and targets
    "solver gd": "gradient descent",
    "solver lbfgs": "L-BFGS",
    "solver newton": "Newton's method",
    "solver lm": "Levenberg-Marquardt",
    "kind continuous": "continuous",
    "kind binary": "two classes",
    "kind categorical": "classes",
    "kind count": "counts",
}
