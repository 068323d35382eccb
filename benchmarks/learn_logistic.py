"""Exact logistic regression, 200,000×50 float64, to a gradient norm of 1e-8: ours and the peers, in one run.

    python -m benchmarks.learn_logistic

The gradient is that of the mean loss, without intercept and without penalty, for everyone. The answers are
checked: every contestant's own gradient norm is printed, and must be at most 1e-8.
"""

from __future__ import annotations

from benchmarks.timing import THREADS, alternate, report, same_threads

same_threads()

import warnings  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402

N, D, EPS = 200_000, 50, 1e-8


def main() -> None:
    """Print medians, ratios and the gradient norms that were reached."""
    import statsmodels.api as sm
    from scipy.special import expit
    from sklearn.linear_model import LogisticRegression

    import gradwork as gw

    rng = np.random.default_rng(0)
    Xs = rng.normal(size=(N, D))
    ys = (rng.random(N) < expit(Xs @ (0.3 * rng.normal(size=D)))).astype(float)
    n, d = gw.dims("n", "d")
    X, y, w = gw.matrix("X", n, d), gw.vector("y", n), gw.vector("w", d)
    loss = gw.mean(gw.softplus(X @ w) - y * (X @ w))
    answers: dict[str, Any] = {}

    def ours() -> None:
        stopping = gw.Stopping(gradient_norm=EPS, growth=None)
        answers["gradwork"] = gw.minimize(loss, {w: None}, {X: Xs, y: ys}, stopping=stopping)["w"]

    def peer(solver: str, tol: float) -> Any:
        def run() -> None:
            model = LogisticRegression(C=np.inf, fit_intercept=False, solver=solver, tol=tol, max_iter=1000)
            answers[f"scikit-learn {solver}"] = model.fit(Xs, ys).coef_[0]

        return run

    def statsmodels() -> None:
        answers["statsmodels Logit newton"] = sm.Logit(ys, Xs).fit(disp=0, method="newton", tol=1e-10).params

    contestants = {
        "gradwork": ours,
        "scikit-learn lbfgs": peer("lbfgs", 2e-9),
        "scikit-learn newton-cholesky": peer("newton-cholesky", 1e-8),
        "scikit-learn newton-cg": peer("newton-cg", 1e-8),
        "statsmodels Logit newton": statsmodels,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        seconds = alternate(contestants, settled=True)
    report(f"exact logistic, {N:,}×{D} float64, gradient norm ≤ {EPS:g}, {THREADS} threads", seconds)
    for name, b in answers.items():
        norm = float(np.linalg.norm(Xs.T @ (expit(Xs @ b) - ys) / N))
        print(f"  {name:<34} gradient norm {norm:.1e}")


if __name__ == "__main__":
    main()
