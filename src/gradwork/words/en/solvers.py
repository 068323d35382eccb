"""English: solvers."""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    # which solver, and why
    "auto closed linear": "the loss is a sum of squares and linear in {what:and}: solved by QR, no descent is needed",
    "auto closed quadratic": "the loss is quadratic in {what:and}: one linear system gives the minimum",
    "auto lm": "the loss is a sum of squares of residuals that are not linear in {what:and}: Levenberg-Marquardt",
    "auto newton": "{size} parameters and a smooth loss: Newton with the exact Hessian",
    "auto newton sampled": (
        "{size} parameters, a smooth loss that is a sum over {rows:,} rows: Newton, with a start and a Hessian "
        "from some of the rows, then exact gradients of all"
    ),
    "auto lbfgs size": "{size} parameters are many for a Hessian: L-BFGS",
    "auto lbfgs kinks": "the loss has kinks ({ops:names}), where a Hessian tells little: L-BFGS",
    "auto smoothed": "the loss has absolute values: Newton on √(u² + ε²) in place of |u|, with ε falling to 0",
    # why a solver ended
    "closed": "solved in closed form ({how})",
    "closed qr": "QR",
    "closed svd": "SVD, the shortest of many answers",
    "closed cholesky": "Cholesky",
    "small step": "converged at step {step}: the next step would change the parameters by {change:.1e} of their size",
    "orthogonal residuals": (
        "converged at step {step}: the residuals are orthogonal to every column of the Jacobian to {cosine:.0e}"
    ),
    "floor": (
        "converged at step {step}: the loss cannot be lowered further in {dtype} (the gradient's norm is {norm:.3g})"
    ),
    "perfect": "converged at step {step}: the residuals are zero",
    "stuck": (
        "stopped at step {step}: no step along the search direction lowers the loss "
        "(the gradient's norm is {norm:.3g})"
    ),
    "stuck kink": "the formula may have a kink or a jump here",
    "bound": "converged at step {step}: the gradient's norm is {norm:.3g}",
    "at bound": "{names:and} is at its bound ({bounds:names})",
    "at bounds": "{names:and} are at their bounds ({bounds:names})",
    "start is minimum": "converged at the start: the gradient is zero there, and the Hessian positive definite",
    "flat start": (
        "stopped before the first step: the gradient is zero at the start; "
        "start elsewhere, say from 'glorot' or 'normal'"
    ),
    "smoothed": (
        "converged at step {step}: with ε = {epsilon:.1e} the smooth neighbour of |u| is |u| to working precision"
    ),
    # plans
    "plan solver": "solver: {solver} ({why})",
    "plan closed": "once: least squares of {rows:,}×{columns} by Householder QR with iterative refinement",
    "plan quadratic": "once: the {size}×{size} Hessian, which holds no parameter, and its Cholesky factor",
    "plan gd": "each step: the gradient, then losses until enough is won (Armijo)",
    "plan lbfgs": "each step: a direction from the last {memory} gradients, then a strong Wolfe search",
    "plan newton": "each step: gradient and Hessian {shape}, Cholesky (damped where not definite), line search",
    "plan smoothed": "each step: Newton to the end for one ε, then a tenth of it",
    "plan newton structure": "Hessian: {expression}",
    "plan lm": "each step: residuals and Jacobian of {rows:,}×{columns}, QR, a trust region in scaled variables",
    "plan sampled": (
        "start: Newton on {first:,} of the {rows:,} rows; Hessian from {second:,} rows; then {target} passes over "
        "all rows in blocks of {block:,}, the inverse Hessian updated by BFGS"
    ),
    # diagnosis
    "why limit": (
        "the steepest curvature of this loss is L = {largest:.6g}, so descent is stable only for "
        "learning rates below {bound} = {limit:.4g}; yours is {rate:rate}."
    ),
    "why below limit": (
        "the steepest curvature of this loss is L = {largest:.6g}: learning rates below {bound} = {limit:.4g} are "
        "stable, and yours, {rate:rate}, is."
    ),
    "why far step": (
        "The slope there is steep: a step at your rate, {rate:rate}, takes {label} from {before:.4g} to {after:.4g}."
    ),
    "why spans": (
        "The curvatures span {largest:.6g} … {smallest:.2g} (condition number {condition:power}): even at the best rate "
        "the error along the flattest direction shrinks by a factor of {contraction:nines} a step."
    ),
    "why crawls": (
        "At your rate it shrinks by a factor of {contraction:nines} a step: one decimal takes {steps:,} steps."
    ),
    "why one curvature": (
        "The loss bends alike in every direction, by {largest:.6g}: at a rate of {rate_best:rate} the error is gone in one "
        "step."
    ),
    "why little left": "What is left to gain is about {gain:.2g}, little beside the loss of {loss:.6g}.",
    "why noise": (
        "Near the end the gradient of a batch of {size} rows strays by {spread:.3g} from that of all rows, which is "
        "{norm:.3g} long: a step loses by this noise about what it wins, so the loss hovers at its noise floor{above}."
    ),
    "why noise above": ", about {gain:.2g} above the minimum",
    "why adaptive": (
        "{name}'s steps are about its learning rate, {rate:rate}, whatever the slope; {label}, the farthest from the "
        "minimum, has about {left:.2g} to go."
    ),
    "why out of reach": (
        "In {steps:,} steps {name} moves a parameter by at most about {reach:.2g} (the sum of its rates); {label} has "
        "{left:.3g} to go."
    ),
    "why out of reach, epochs": (
        "In {epochs:,} epochs of {per_epoch:,} steps {name} moves a parameter by at most about {reach:.2g} (the sum of "
        "its rates); {label} has {left:.3g} to go."
    ),
    "why flat": (
        "The smallest curvature is {smallest:.2g}, nothing beside the largest: some direction is not determined."
    ),
    "why saddle": (
        "The smallest curvature is negative, {smallest:.2g}: the loss bends down along some direction here, "
        "so this is not (yet) near a minimum."
    ),
    "do scale": (
        "scale the columns of {data}: then stable below {limit:short 3}, condition number {condition:power}"
    ),
    "do scale flag": "leave scaling on (the default): then stable below {limit:short 3}, condition number {condition:power}",
    "do rate": "a learning rate of {rate:rate}",
    "do rate flag": "--learning-rate {rate:rate}",
    "do decay": "let the rate decay: learning_rate=gw.learn.cosine({rate:rate}, {steps})",
    "do batch": "batch_size={size}",
    "do batch flag": "--batch-size {size}",
    "do newton": "solver='newton', which the condition number does not slow down",
    "do newton flag": "--solver newton",
    "do lbfgs": "solver='lbfgs'",
    "do closed": "solver='closed': this loss has a closed form",
    "any of": "{lines:alternatives}.",
    "why": "why",
    "do": "do",
    "where": "where",
    "nonfinite": "{part:clip} is {value:value} in {row}: {reason}",
    "nonfinite scalar": "{part:clip} is {value:value}: {reason}",
    "numbered row": "row {row}",
    "domain where": "{reason}, where {inner} = {argument:short 6}",
    "domain log": "the logarithm of {argument:short 6}",
    "domain sqrt": "the root of {argument:short 6}",
    "domain power": "{argument:short 6} to the power {exponent:short 6}",
    "domain divide": "a division by {argument:short 6}",
    "domain overflow": "{op} of {argument:short 6} is too large for {dtype}",
    "domain other": "{op} of {argument:short 6}",
    "domain sum": "its parts overflow {dtype}",
    "overfit": (
        "the validation loss was lowest at epoch {epoch} ({best:.6g}) and rose to {last:.6g} while the training "
        "loss fell from {train_then:.6g} to {train_now:.6g}: from there on the fit learns noise"
    ),
    "do overfit": "patience={patience} stops there; a penalty (ridge) or more rows help",
    "do overfit flag": "--patience {patience} stops there; a penalty (ridge) or more rows help",
    "Hessian infinite there": "the Hessian is not finite there",
    "loss not finite at start": "the loss at the start is {called}",
    "loss not finite at start, where": "the loss at the start is {called}: {why}",
    "value left its domain": "{why}",
    "is nan": "nan",
    "is infinite": "infinite",
    "gradient is infinite": "finite, but its gradient is not",
    "curvature unknown": "the curvature cannot be computed: {why:first line}",
}
