"""Helpers for special functions that a target's own library does not have."""

from __future__ import annotations

from gradwork.run.library.helper import Helper

_GAMMA = '''
def gamma_function(x):
    """The gamma function, with its sign to the left of 0."""
    odd = torch.remainder(torch.floor(x), 2) == 1
    sign = torch.where((x < 0) & odd, -1.0, 1.0)
    return sign * torch.exp(torch.lgamma(x))
'''

# DiDonato and Morris's continued fraction, by Lentz's method; it converges fast for x < (a + 1)/(a + b + 2).
_BETAINC = '''
def betainc(a, b, x):
    """The regularised incomplete beta function I_x(a, b)."""
    turned = x > (a + 1) / (a + b + 2)
    p, q, z = torch.where(turned, b, a), torch.where(turned, a, b), torch.where(turned, 1 - x, x)
    tiny = 1e-300
    c = torch.ones_like(z)
    d = 1 / (1 - (p + q) * z / (p + 1))
    h = d
    for m in range(1, 200):
        for numerator in (
            m * (q - m) * z / ((p + 2 * m - 1) * (p + 2 * m)),
            -(p + m) * (p + q + m) * z / ((p + 2 * m) * (p + 2 * m + 1)),
        ):
            d = 1 / (1 + numerator * d + tiny)
            c = 1 + numerator / c + tiny
            h = h * d * c
    front = torch.lgamma(p + q) - torch.lgamma(p) - torch.lgamma(q)
    tail = h * torch.exp(front + torch.xlogy(p, z) + torch.xlogy(q, 1 - z)) / p
    return torch.where(turned, 1 - tail, tail)
'''

_T_CDF = '''
def t_cdf(x, df):
    """The distribution function of Student's t."""
    tail = special.betainc(df / 2, 0.5, df / (df + x * x)) / 2
    return np.where(x > 0, 1 - tail, tail)
'''

_TORCH_T_CDF = '''
def t_cdf(x, df):
    """The distribution function of Student's t."""
    x, df = torch.broadcast_tensors(x, df)
    tail = betainc(df / 2, torch.full_like(x, 0.5), df / (df + x * x)) / 2
    return torch.where(x > 0, 1 - tail, tail)
'''

# The angle whose tangent the quantile is, halved in.
_T_PPF = '''
def t_ppf(p, df):
    """The quantile function of Student's t."""
    p, df = np.broadcast_arrays(p, df)
    low, high = np.full_like(p, -np.pi / 2), np.full_like(p, np.pi / 2)

    def halve(_, ends):
        low, high = ends
        middle = (low + high) / 2
        below = t_cdf(np.tan(middle), df) < p
        return np.where(below, middle, low), np.where(below, high, middle)

    low, high = jax.lax.fori_loop(0, 60, halve, (low, high))
    return np.tan((low + high) / 2)
'''

_TORCH_T_PPF = '''
def t_ppf(p, df):
    """The quantile function of Student's t."""
    p, df = torch.broadcast_tensors(p, df)
    low, high = torch.full_like(p, -torch.pi / 2), torch.full_like(p, torch.pi / 2)
    for _ in range(60):
        middle = (low + high) / 2
        below = t_cdf(torch.tan(middle), df) < p
        low, high = torch.where(below, middle, low), torch.where(below, high, middle)
    return torch.tan((low + high) / 2)
'''

SPECIAL_HELPERS: dict[str, Helper] = {
    "gamma_function": Helper(_GAMMA),
    "betainc": Helper(_BETAINC),
    "t_cdf": Helper(_T_CDF, {"torch": _TORCH_T_CDF}, needs_there={"torch": ("betainc",)}),
    "t_ppf": Helper(_T_PPF, {"torch": _TORCH_T_PPF}, ("t_cdf",), {"torch": ("t_cdf", "betainc")}),
}
