"""Made-up fits for the page and the folder: real numbers by plain NumPy, no model of Gradwork."""

from __future__ import annotations

import numpy as np

import gradwork as gw
from gradwork.learn.history import History
from gradwork.report.content import Classes, ColumnFacts, Content, Numbers
from gradwork.stats import (
    Block,
    FitSummary,
    classification_metrics,
    coefficient_table,
    format_equation,
    regression_facts,
    regression_metrics,
)


def diabetes() -> Content:
    """Return the content of a linear regression on scikit-learn's diabetes data."""
    from sklearn.datasets import load_diabetes

    X, y = load_diabetes(return_X_y=True, scaled=False)
    names = ["age", "sex", "bmi", "bp", "tc", "ldl", "hdl", "tch", "ltg", "glu"]
    A = np.column_stack([np.ones(len(y)), X])
    b, *_ = np.linalg.lstsq(A, y, rcond=None)
    fitted = A @ b
    r = y - fitted
    m = regression_metrics(y, fitted, A.shape[1])
    cov = np.linalg.inv(A.T @ A) * m.sigma**2
    table = coefficient_table(b, cov, ["intercept", *names], df=m.df_residual)
    summary = FitSummary(
        "",
        format_equation("progression", ["intercept", *names], b),
        (Block(table),),
        regression_facts(m, 227.0),
    )
    h = History()
    for k in range(60):
        h.add(
            epoch=k,
            step=k,
            loss=2860 + 24000 * 0.8**k,
            validation_loss=3010 + 25000 * 0.79**k + 2 * max(0, k - 40),
            gradient_norm=900 * 0.8**k,
        )
    f = gw.parse("mean((y - X@b)^2)", "X: n d, y: n, b: d")
    derivation = gw.grad(f, "b").derivation

    def shown() -> str:
        from gradwork.show.derivation import render

        return render(derivation, "html")

    columns = [
        ColumnFacts(
            n,
            "feature",
            "number",
            f"{X[:, j].min():.4g} … {X[:, j].max():.4g}, mean {X[:, j].mean():.4g}",
            0,
            tuple(np.histogram(X[:, j], 16)[0].tolist()),
        )
        for j, n in enumerate(names)
    ]
    columns.append(
        ColumnFacts(
            "progression",
            "target",
            "whole number",
            "25 … 346, mean 152.1",
            0,
            tuple(np.histogram(y, 16)[0].tolist()),
        )
    )
    return Content(
        title="progression, predicted from 10 columns of diabetes.csv",
        heading="442 rows; progression holds whole numbers from 25 to 346, taken as numbers: linear regression, closed form (QR)",
        target="progression",
        source="diabetes.csv",
        rows=442,
        facts=(
            ("R²", f"{m.r2:.3f}"),
            ("RMSE", f"{m.rmse:.2f}"),
            ("rows", "442"),
            ("parameters", "11"),
            ("F", "46.27"),
            ("AIC", f"{m.aic:.0f}"),
        ),
        outcome=Numbers(y, fitted, r),
        columns=tuple(columns),
        model_formulas=("<mi>y</mi><mo>=</mo><mi>X</mi><mi>b</mi>",),
        model_where="X holds a column of ones and the 10 features, standardised; b is reported on the original scale",
        equation=summary.equation,
        summary=summary,
        scales=(0.0, *X.std(axis=0).tolist()),
        objective="<mi>f</mi><mo>=</mo><mi>b</mi>",
        derivation=shown,
        certificate="check ✓ 20 random points, complex step, worst component 2e-15",
        history=h,
        best=40,
        reason="stopped after epoch 60: the validation loss has not improved for 20 epochs; the parameters are those of epoch 40",
        diagnosis=(
            "why   the steepest curvature of this loss is L = 4.02, so descent is stable below 2/L = 0.4975",
            "do    nothing: it went well",
        ),
        notes=(
            "tc, ldl are nearly collinear (condition number 227 after scaling): their separate estimates are uncertain",
        ),
        plan="target: numpy (a step costs about 12 µs there, so 60 steps take 0.0007 s)\ncomputed once: XᵀX, Xᵀy",
        command="gradwork fit diabetes.csv --target progression --solver gd --validation 0.2 --seed 0",
        provenance=(
            ("seed", "0"),
            ("versions", "Gradwork 0.1.0, Python 3.12.3, NumPy 2.4.6"),
            ("made", "2025-11-21 02:10"),
            ("table", "diabetes.csv, 18 402 bytes, SHA-256 5f1c…"),
        ),
        sample="Measured on the 442 rows that it was fitted to.",
    )


def cancer() -> Content:
    """Return the content of a classifier with probabilities, three classes if asked."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    data = load_breast_cancer()
    X = StandardScaler().fit_transform(data.data[:, :6])
    y = data.target
    model = LogisticRegression().fit(X, y)
    P = model.predict_proba(X)
    names = [n.replace(" ", "_") for n in data.feature_names[:6]]
    A = np.column_stack([np.ones(len(y)), X])
    b = np.r_[model.intercept_, model.coef_[0]]
    w = P[:, 0] * P[:, 1]
    cov = np.linalg.inv(A.T @ (A * w[:, None]) + 0.1 * np.eye(7))
    table = coefficient_table(b, cov, ["intercept", *names])
    m = classification_metrics(y, P, ["malignant", "benign"])
    return Content(
        title="diagnosis, predicted from 6 columns of cancer.csv",
        heading="569 rows; diagnosis has two values, benign and malignant: logistic regression, Newton",
        target="diagnosis",
        source="cancer.csv",
        rows=569,
        facts=(
            ("accuracy", f"{m.accuracy:.3f}"),
            ("ROC AUC", f"{m.auc:.3f}"),
            ("log loss", f"{m.log_loss:.3f}"),
            ("rows", "569"),
        ),
        outcome=Classes(y, P, ("malignant", "benign")),
        model_formulas=("<mi>Pr</mi><mo>=</mo><mi>σ</mi>",),
        summary=FitSummary("", "", (Block(table),)),
        scales=(0.0, *[1.0] * 6),
        reason="converged at step 7: the gradient's norm, 3.1e-11, is below 1e-10",
        command="gradwork fit cancer.csv --target diagnosis",
    )
