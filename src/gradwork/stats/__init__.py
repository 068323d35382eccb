"""Statistics of a fit: standard errors, tests, measures of fit, separation, the summary. No calculus here."""

from gradwork.stats.classification import (
    Calibration,
    ClassificationMetrics,
    brier_score,
    calibration,
    classification_metrics,
    confusion_matrix,
    log_loss,
    roc_auc,
    roc_curve,
)
from gradwork.stats.collinearity import Collinear, find_collinear
from gradwork.stats.inference import Inference, Information, coefficient_table, observed_information, sandwich
from gradwork.stats.least_squares import LeastSquares, least_squares, with_intercept
from gradwork.stats.likelihoods import (
    LikelihoodMetrics,
    aic,
    bic,
    deviance,
    likelihood_metrics,
    log_likelihood,
    null_fit,
)
from gradwork.stats.metrics import RegressionMetrics, mae, regression_metrics, rmse
from gradwork.stats.separation import Separation, find_separation, looks_separated
from gradwork.stats.summary import (
    Block,
    FitSummary,
    format_coefficients,
    format_equation,
    format_summary,
    likelihood_facts,
    regression_facts,
)

__all__ = [
    "Block",
    "Calibration",
    "ClassificationMetrics",
    "Collinear",
    "FitSummary",
    "Inference",
    "Information",
    "LeastSquares",
    "LikelihoodMetrics",
    "RegressionMetrics",
    "Separation",
    "aic",
    "bic",
    "brier_score",
    "calibration",
    "classification_metrics",
    "coefficient_table",
    "confusion_matrix",
    "deviance",
    "find_collinear",
    "find_separation",
    "format_coefficients",
    "format_equation",
    "format_summary",
    "least_squares",
    "likelihood_facts",
    "likelihood_metrics",
    "log_likelihood",
    "log_loss",
    "looks_separated",
    "mae",
    "null_fit",
    "observed_information",
    "regression_facts",
    "regression_metrics",
    "rmse",
    "roc_auc",
    "roc_curve",
    "sandwich",
    "with_intercept",
]
