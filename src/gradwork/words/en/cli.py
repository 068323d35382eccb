"""English: cli."""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    # entry
    "was interrupted": "interrupted",
    "memory": "this needs more memory than there is",
    "output": "the output cannot be written: {why}",
    "misused": "{message}\n  see {command} --help",
    "did you mean": "; did you mean {name}?",
    "fault": (
        "something went wrong inside Gradwork ({kind}{what})\n"
        "  please report it, with the command; GRADWORK_DEBUG=1 shows where"
    ),
    # derive
    "name a variable": "by which variable? the symbols of this formula are {names}: --wrt {first}",
    "no symbols": "this formula holds no symbol to take a derivative by",
    "not a symbol": "'{name}' is not a symbol of the formula{nearest}\n  its symbols are {names}",
    "twice": "--wrt {name} is given twice",
    "not scalar": (
        "a gradient needs a scalar, and this formula has shape {shape}\n"
        "  take its sum(…) or mean(…), or ask for the Jacobian: --jacobian"
    ),
    "order": "--order is a whole number from 1, not {order}",
    "order one variable": "--order {order} takes one --wrt; the blocks for several are those of --order 2 of a scalar",
    "jacobian order": "--jacobian with --order {order}: the derivatives of a Jacobian are asked for with --order alone",
    "choice": "{option} is {choices}, not '{given}'{nearest}",
    "steps order": "--steps shows how a gradient or a Hessian was found; leave out --order {order}",
    "differential first": "--manner differential derives a gradient; leave out {option}",
    "to with steps": "--to {to} writes the derivative itself; the derivation is written by --to {formats}",
    "check failed": "the numerical check contradicts this derivative: please report the formula",
    "assumed": "assumed  {line}",
    "no value": "{names} without a value: give {first}=…, or --with a table that has the column\n  given: {given}",
    "value of shape": "{shape}, norm {norm}, from {low} to {high}",
    # ops
    "subject arithmetic": "arithmetic",
    "subject elementwise": "component by component",
    "subject reduction": "over an axis",
    "subject contraction": "sums and products",
    "subject linalg": "matrices",
    "subject indexing": "shape and position",
    "operators": (
        "operators\n"
        "  + − * / ^ (or **)   component by component, with broadcasting\n"
        "  @                   the product of matrices\n"
        "  A' or A.T           the transpose\n"
        "  ‖x‖                 the norm\n"
        "  < <= > >=           comparisons: 0 or 1"
    ),
    "ops footer": "gradwork ops NAME says more of one",
    "law word": "law",
    "no operation": "there is no operation '{name}'{nearest}\n  `gradwork ops` lists all",
    "use": "use it for: {when}",
    "optimizers footer": (
        "w: the parameter, g: its gradient, η: the learning rate, t: the step; everything component by component\n"
        "gradwork optimizers NAME says more of one"
    ),
    # fit
    "target or formula": "name the column to predict with --target, or a --formula",
    "not with formula": "{option} does not go with --formula, which names its columns itself",
    "no params": 'name the parameters of the formula with their starts: --params "a=1, k=0.1"',
    "params without formula": "--params belongs to a --formula",
    "learning rate": "--learning-rate is a positive number, such as 0.01; not {rate}",
    "count": "{option} is a whole number from 1, not {count}",
    "share": "--validation is a share of the rows between 0 and 1, such as 0.2; not {share}",
    "level bounds": "--level lies between 0 and 1, such as 0.95; not {level}",
    "seed": "--seed is a whole number from 0, not {seed}",
    "nothing to resume": "--resume goes on with a descent: name its --optimizer, --epochs, … again",
    "patience needs descent": "--patience belongs to a descent: name an --optimizer, and a --validation share",
    "checkpoint is there": (
        "note: {path} holds an unfinished run; --resume goes on with it, this run starts anew and replaces it"
    ),
    "no checkpoint": "there is no unfinished run: {path} is not there",
    "interrupted fit": (
        "interrupted; the run is kept in {path}: the same command with --resume --overwrite goes on with it"
    ),
    "no script": "--script writes a descent down: name an --optimizer, such as adam",
    "script reads csv": "the program of --script reads CSV, not {table}: save the table as CSV",
    "no network script": "--script is not written for networks",
    "script": "the run as a program in {path}: python {path} {table}",
    "saved": "saved in {folder}/ ({files})",
    "made": "made",
    "seed word": "seed",
    "time": "time of the run",
    "table word": "table",
    "table facts": "{name}, {size} bytes, SHA-256 {digest}",
    "versions": "versions",
    # networks
    "option of networks": "{option} belongs to networks (--model {networks})",
    "arrays need a network": "{table} holds arrays; --model names the network that learns from them: {networks}",
    "not with network": "{option} does not go with --model {model}",
    "normalise without scale": "--no-scale takes the features as they are; leave out --normalise",
    "normalise": (
        "--normalise is features, channels, or means and deviations with commas, as in 0.5/0.25 or 0.5,0.4/0.2,0.2; "
        "not '{given}'"
    ),
    "normalise lengths": "--normalise has {means} means and {deviations} deviations",
    "task": "--task is classes or numbers, not '{task}'",
    "l2": "--l2 is a number from 0, such as 0.001; not {l2}",
    "sequence": "--sequence names two columns, of the id and of the time, as in id,time; not '{given}'",
    "network title": "{target}, learned from {source}",
    # predict
    "level without intervals": "--level belongs to --intervals",
    "no probabilities": "{target} is a number: there are no probabilities of classes",
    "no intervals": "this model has no intervals of predictions",
    "formula word": "what the formula predicts",
    # race
    "name target": "name the column to predict with --target",
    "no network races": (
        "a race is of linear models, not of --model {model}: fit the network once with each --optimizer instead"
    ),
    "no racers": "name the optimizers to race: --optimizers sgd,adam",
    "racer twice": "{name} is in the race twice",
    "racer rate": "the rate after the colon is a number, as in adam:0.01; not '{text}'",
    "file exists": "{path} exists already\n  choose another with {option}, or replace it with --overwrite",
    "picture format": "a picture is one of {formats}, not {path}",
    "not written": "{path} cannot be written: {why}",
    "picture": "picture in {path}",
    "all diverged": "every run diverged, so there is nothing to draw: try smaller rates (--learning-rate)",
    "racer": "optimizer",
    "curve word": "curve",
    "over seeds": "over seeds",
    "epochs there": "epochs",
    "held": "held out",
    "seconds unit": "s",
    "diverged": "diverged",
    "race heading": "{source}: {model} of {target}",
    "race runs": "{epochs} epochs of batches of {batch}; each from the same start over the same batches; {seeds}",
    "one seed": "seed {seed}",
    "seeds": "{count} seeds ({first} … {last})",
    "race footer": (
        "loss: median over the seeds, on all rows at the end; epochs: until within {share} % of the way from the "
        "start to the best"
    ),
    # demo
    "demo least squares": "where least squares comes from",
    "demo logistic loss": "the gradient of logistic regression, and its curvature",
    "demo diabetes": "a table and a column to predict",
    "demo cancer": "two classes",
    "demo wrong": "a descent that goes wrong, explained",
    "demo race": "which optimizer?",
    "demo end": "that took {seconds} s; everything is in {folder}/ (open {folder}/diabetes-linear/report.html)",
    "demo needs": "the demo reads scikit-learn's bundled tables: pip install scikit-learn",
    "demo failed": "error: this did not end as it should: {command}",
    # progress
    "loss word": "loss",
    "validation word": "validation",
    "rate": "rate",
    "left": "{time} left",
    "no optimizer": "there is no optimizer '{name}'{nearest}\n  `gradwork optimizers` lists all",
}
