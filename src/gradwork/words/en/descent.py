"""English: descent."""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    # why a run ended
    "gradient": "converged at step {step}: the gradient's norm, {norm:.3g}, is below {limit:g}",
    "step": "converged at step {step}: the parameters moved by {norm:.3g}, which is below {limit:g} of their size",
    "loss": "converged at step {step}: the loss changed by {change:.3g}, which is below {limit:g} of its size",
    "epochs": "ran the {epochs} epochs that were asked for",
    "epochs allowed": "ran {epochs} epochs, the default",
    "one epoch": "ran the 1 epoch that was asked for",
    "steps": "ran the {steps} steps that were asked for",
    "one step": "ran the 1 step that was asked for",
    "steps allowed": "stopped without converging after {steps:,} steps, the most by default",
    "nothing left, epochs": "nothing was left to do: the checkpoint holds the whole run of {unit:,} {unit:epoch|epochs}",
    "nothing left, steps": "nothing was left to do: the checkpoint holds the whole run of {unit:,} {unit:step|steps}",
    "patience": (
        "stopped after epoch {epoch}: the {what} has not improved for {patience} epochs; "
        "the parameters are those of epoch {best}, where it was {value:.6g}"
    ),
    "patience, last kept": (
        "stopped after epoch {epoch}: the {what} has not improved for {patience} epochs "
        "(best {value:.6g} at epoch {best})"
    ),
    "best kept": "{reason}; the parameters are those of epoch {best}, with the lowest {what} ({value:.6g})",
    "growth": "stopped at step {step}: the loss grew {count} times in a row ({first:.5g} → {last:.2g})",
    "growth, epochs": "stopped after epoch {step}: the loss grew {count} times in a row ({first:.5g} → {last:.2g})",
    "non-finite": (
        "stopped at step {step}: the loss is {value}; the parameters are those of step {best}, the last finite ones"
    ),
    "non-finite, epochs": (
        "stopped after epoch {step}: the loss is {value}; "
        "the parameters are those of epoch {best}, the last finite ones"
    ),
    "non-finite start": "stopped before the first step: the loss at the start is {value}",
    "unbounded": "unbounded below: the loss fell to {value:.3g} while ‖{name}‖ grew to {size:.3g}; check the sign",
    "unbounded, shrank": (
        "unbounded below: the loss fell to {value:.3g} while ‖{name}‖ shrank to {size:.3g}; check the sign"
    ),
    "unbounded above": (
        "unbounded above: the value rose to {value:.3g} while ‖{name}‖ grew to {size:.3g}; check the sign"
    ),
    "unbounded above, shrank": (
        "unbounded above: the value rose to {value:.3g} while ‖{name}‖ shrank to {size:.3g}; check the sign"
    ),
    "validation loss": "validation loss",
    "training loss": "training loss",
    "unsaved": "{error}",
    "endless": (
        "stopped after {steps:,} steps: the loss approaches {value:.3g} while ‖{name}‖, now {size:.3g}, grows without "
        "end; it has no minimum"
    ),
    "endless above": (
        "stopped after {steps:,} steps: the value approaches {value:.3g} while ‖{name}‖, now {size:.3g}, grows without "
        "end; it has no maximum"
    ),
    "seconds": "stopped at step {step}: the time limit of {limit:g} s is over",
    "interrupted": (
        "interrupted at step {step}; the parameters are the best so far, those of step {best} (loss {value:.6g})"
    ),
    "interrupted, epochs": (
        "interrupted after epoch {step}; the parameters are the best so far, those of epoch {best} (loss {value:.6g})"
    ),
    "interrupted, validation": (
        "interrupted after epoch {step}; the parameters are the best so far, those of epoch {best} "
        "(validation loss {value:.6g})"
    ),
    "callback": "stopped at step {step} by a callback: {why}",
    # what a plan says
    "plan target": "target: {target} ({why})",
    "asked": "as asked",
    "compile pays": "compiled: about {ours:.2g} s with the compilation, {other:.2g} s without",
    "compile does not pay": "not compiled: about {other:.2g} s as it is, {ours:.2g} s with the compilation",
    "compile pays in time": "compiled: about {ours:,} steps in {limit:.2g} s with the compilation, {other:,} without",
    "compile does not pay in time": (
        "not compiled: about {other:,} steps in {limit:.2g} s as it is, {ours:,} with the compilation"
    ),
    "batches": "each epoch: {count} batches of {size} of the {rows} rows, {order}",
    "batches, rest": "each epoch: {count} batches of {size} of the {rows} rows and one of {rest}, {order}",
    "shuffled": "drawn without replacement by seed {seed}",
    "in order": "in the order of the data",
    "full batch": "each step: all rows at once",
    "once": "computed once: {what}",
    "quadratic": (
        "the loss is quadratic in {what}, so a step needs no pass over the data: "
        "its gradient at an anchor and its curvature are computed once"
    ),
    "anchor": "guard: the gradient is computed anew from the data at an anchor, {count} times in this run",
    "not quadratic": "each step passes over the data",
    "hoist does not pay": "nothing is computed beforehand: for {steps:,} steps it costs more than it saves",
    # refusals of minibatches
    "no row axis": "the data share no axis that could be rows: {detail}",
    "the loss": "the loss",
    "not rows": "{what} is not a sum over the rows {rows}: {why}",
    "mixes": "each row's term needs all rows (through {part})",
    "mixes rows": "each row's term needs all rows",
    "nonlinear": "{op} is applied to a sum over rows",
    "pairs": "it pairs rows with rows",
    "over rows": "{op} runs over the rows",
    "product of sums": "it multiplies sums over rows",
    "open rows": "its value has one component a row",
    "no rows": "it holds no data with rows",
    "unknown": "{op} does not say how it treats rows",
    "both axes": "{name} has the rows on two of its axes",
    "fixed size": "its sizes are plain numbers; declare the number of rows by a name, such as n",
}
