"""Standardising columns, and the exact way back to the original scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gradwork.errors import ShapeError, TableError

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Standardise:
    """Columns moved to mean 0 and standard deviation 1, z = (x − m)/s, and the map back for a linear model.

    A model b + wᵀz with coefficients on the standardised scale is b₀ + w₀ᵀx with

        w₀ = w/s,    b₀ = b − Σ wⱼ mⱼ/sⱼ,

    which is linear: β₀ = T β for β = (b, w), and so cov(β₀) = T cov(β) Tᵀ. Without an intercept columns are
    scaled but not moved (m = 0), for a move would need one.
    Shapes: mean, deviation: p; T: (p+1)×(p+1) with the intercept first, or p×p without one.
    """

    mean: Array
    deviation: Array
    names: tuple[str, ...]
    intercept: bool = True

    @classmethod
    def fit(cls, X: ArrayLike, names: Sequence[str] | None = None, intercept: bool = True) -> Standardise:
        """Return the scaling of the columns of X, n×p.

        s² = Σ (x − m)²/n, as in scikit-learn; without intercept s² = Σ x²/n. Raises TableError for a constant
        column (without intercept: a column of zeros) and for values that are not finite.

        >>> scale = Standardise.fit([[1.0], [3.0]], ["a"])
        >>> scale.transform([[1.0], [3.0]]).tolist(), scale.matrix().tolist()
        ([[-1.0], [1.0]], [[1.0, -2.0], [0.0, 1.0]])
        """
        X = np.asarray(X, dtype=float)
        if X.ndim != 2 or len(X) == 0:
            raise ShapeError("standardising needs X", shape=X.shape)
        labels = tuple(names) if names is not None else tuple(f"x{j + 1}" for j in range(X.shape[1]))
        if len(labels) != X.shape[1]:
            raise ShapeError("X has columns but names", shape=X.shape[1], count=len(labels))
        low, high = X.min(axis=0), X.max(axis=0)
        for j, name in enumerate(labels):
            if not np.isfinite(low[j]) or not np.isfinite(high[j]):
                row = int(np.flatnonzero(~np.isfinite(X[:, j]))[0])
                raise TableError("scaling of a value not finite", row=row + 1, name=name, X=X[row, j])
            if low[j] == high[j] and (intercept or low[j] == 0):
                raise TableError("constant column cannot be scaled", name=name, low=low[j])
        # Dividing by a power of two first keeps 1e200 from overflowing when squared, and costs no rounding.
        unit = np.exp2(np.ceil(np.log2(np.maximum(np.abs(low), np.abs(high)))))
        scaled = X / unit
        mean = scaled.mean(axis=0) if intercept else np.zeros(X.shape[1])
        mean = mean + (scaled - mean).mean(axis=0) if intercept else mean  # the rounding of the first mean
        deviation = np.sqrt(((scaled - mean) ** 2).mean(axis=0))
        return cls(mean * unit, deviation * unit, labels, intercept)

    def transform(self, X: ArrayLike) -> Array:
        """Return (X − m)/s, C-contiguous."""
        X = np.asarray(X, dtype=float)
        if X.ndim != 2 or X.shape[1] != len(self.names):
            raise ShapeError("this scaling is for columns", count=len(self.names), shape=X.shape)
        return np.ascontiguousarray((X - self.mean) / self.deviation)

    def inverse(self, Z: ArrayLike) -> Array:
        """Return Z s + m, the original columns."""
        return np.asarray(Z, dtype=float) * self.deviation + self.mean

    def matrix(self) -> Array:
        """Return T, with β₀ = T β from the standardised to the original scale."""
        if not self.intercept:
            return np.diag(1 / self.deviation)
        T = np.diag(np.append(1.0, 1 / self.deviation))
        T[0, 1:] = -self.mean / self.deviation
        return T

    def to_original(self, coefficients: ArrayLike) -> Array:
        """Return T β; β has the intercept first (if there is one), and may have a column per class.

        >>> Standardise.fit([[1.0], [3.0]]).to_original([5.0, 2.0]).tolist()
        [1.0, 2.0]
        """
        return self.matrix() @ np.asarray(coefficients, dtype=float)

    def to_scaled(self, coefficients: ArrayLike) -> Array:
        """Return T⁻¹ β₀, for starting values that were given on the original scale.

        >>> Standardise.fit([[1.0], [3.0]]).to_scaled([1.0, 2.0]).tolist()
        [5.0, 2.0]
        """
        b = np.asarray(coefficients, dtype=float)
        column = (slice(None),) + (None,) * (b.ndim - 1)
        if not self.intercept:
            return b * self.deviation[column]
        return np.concatenate([b[:1] + self.mean @ b[1:], b[1:] * self.deviation[column]])

    def covariance_to_original(self, covariance: ArrayLike) -> Array:
        """Return T C Tᵀ.

        For k classes C is (k(p+1))×(k(p+1)), the parameters of a class together, and T acts on each.

        >>> Standardise.fit([[1.0], [3.0]]).covariance_to_original([[1.0, 0.0], [0.0, 1.0]]).tolist()
        [[5.0, -2.0], [-2.0, 1.0]]
        """
        C = np.asarray(covariance, dtype=float)
        T = self.matrix()
        if C.ndim != 2 or C.shape[0] != C.shape[1] or C.shape[0] % len(T):
            raise ShapeError("covariance here is k by k", count=len(T), shape=C.shape)
        T = np.kron(np.eye(len(C) // len(T)), T)
        return T @ C @ T.T

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "mean": self.mean.tolist(),
            "deviation": self.deviation.tolist(),
            "names": list(self.names),
            "intercept": self.intercept,
        }

    @classmethod
    def from_dict(cls, data: Any) -> Standardise:
        """Return the scaling from plain data; TableError if it was tampered with."""
        try:
            mean, deviation = (np.array(data[key], dtype=float) for key in ("mean", "deviation"))
            names, intercept = tuple(data["names"]), data["intercept"]
        except (KeyError, TypeError, ValueError) as error:
            raise TableError("scaling of model is damaged") from error
        fine = mean.shape == deviation.shape == (len(names),) and np.isfinite(mean).all()
        if (
            not fine
            or not (np.isfinite(deviation) & (deviation > 0)).all()
            or not isinstance(intercept, bool)
        ):
            raise TableError("scaling of model is damaged")
        return cls(mean, deviation, names, intercept)
