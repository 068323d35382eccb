"""The sentences of a derivation, in English and Korean, looked up by key; rules and the calculus hold none."""

from __future__ import annotations

import re

LANGUAGES = ("en", "ko")

WORDS: dict[str, dict[str, str]] = {
    "en": {
        "forward": "forward",
        "backward": "backward",
        "differentials": "differentials",
        "check": "check",
        "scalar": "scalar",
        "mean of squares": "mean of squares",
        "sum of squares": "sum of squares",
        "power rule": "(xᵖ)′ = p xᵖ⁻¹",
        "cross-entropy": "cross-entropy of softmax",
        "linear with matrix": "{y} is linear in {x}, with matrix {matrix}",
        "linear": "{y} is linear in {x}",
        "uses": "{x} is used {count} times: the adjoints add up",
        "law": "{law}",
        "through time": "one term for each step",
        "why it fades": "why it fades",
        "factors": "{count} factors",
        "once a step": "once for each step",
        "later steps": "what step t passes back to {x}, beside what f takes from it itself",
        "substitute": "substitute",
        "full convolution": "full convolution with the kernel",
        "correlate": "correlate the input with the adjoint",
        "unrolled": "unrolled",
        "used through": "{y} used {x} through {w}",
        "used again": "{y} through {w}",
        "read off": "what stands before {dx} is the gradient, transposed",
        "read off scalar": "what stands before {dx} is the gradient",
        "result": "written out",
        "second": "second derivative: forward over reverse",
        "rows sum to one (one-hot)": "rows of {symbol} sum to 1 ({symbol} is one-hot)",
        "softmax sums to one": "softmax sums to 1",
        "one-hot is its own square": "{symbol} holds only 0 and 1",
        "inverse times itself": "a matrix times its inverse is I",
        "orthogonal": "QᵀQ = I",
        "cofactor over determinant": "det(A) A⁻ᵀ/det(A) = A⁻ᵀ",
        "inverse of an orthogonal matrix": "Q⁻¹ = Qᵀ",
        "log of a softmax": "log softmax in one step: no log of an underflowed 0",
        "log of a sigmoid": "log σ in one step: no log of an underflowed 0",
        "softplus": "log(1 + eᶻ) = softplus(z): no overflow",
        "log-sum-exp": "log Σ eᶻ in one step: no overflow",
        "log of a determinant": "log det in one step: no overflow",
        "log of the normal distribution function": "log Φ in one step: no underflow",
        "log of an exponential": "log eᶻ = z",
        "log1p": "log(1 + u) = log1p(u): keeps the digits of a small u",
        "expm1": "eᶻ − 1 = expm1(z): keeps the digits of a small z",
        "logistic function": "1/(1 + e⁻ᶻ) = σ(z): no overflow",
        "squared norm": "‖x‖² = Σ x²",
        "root of a sum of squares": "√Σx² = ‖x‖: derivative 0 at 0",
    },
    "ko": {
        "forward": "순방향",
        "backward": "역방향",
        "differentials": "미분",
        "check": "검산",
        "scalar": "스칼라",
        "mean of squares": "제곱의 평균",
        "sum of squares": "제곱의 합",
        "power rule": "(xᵖ)′ = p xᵖ⁻¹",
        "cross-entropy": "소프트맥스의 교차 엔트로피",
        "linear with matrix": "{y}는 {x}에 대해 선형, 행렬은 {matrix}",
        "linear": "{y}는 {x}에 대해 선형",
        "uses": "{x}는 {count}번 쓰인다: 수반값을 더한다",
        "law": "{law}",
        "through time": "단계마다 한 항씩",
        "why it fades": "왜 사라지나",
        "factors": "인수 {count}개",
        "once a step": "단계마다 한 번",
        "later steps": "단계 t가 {x}에 돌려주는 몫, f가 직접 쓰는 몫과 별도",
        "substitute": "대입",
        "full convolution": "뒤집은 커널과의 완전 합성곱",
        "correlate": "입력과 수반값의 상관",
        "unrolled": "펼치면",
        "used through": "{y}는 {w}로 {x}를 썼다",
        "used again": "{y}는 {w}로",
        "read off": "{dx} 앞에 있는 것의 전치가 기울기",
        "read off scalar": "{dx} 앞에 있는 것이 기울기",
        "result": "풀어 쓰면",
        "second": "이계 미분: 역방향을 순방향으로",
        "rows sum to one (one-hot)": "{symbol}의 각 행의 합은 1 ({symbol}는 원-핫)",
        "softmax sums to one": "소프트맥스의 합은 1",
        "one-hot is its own square": "{symbol}의 원소는 0과 1뿐",
        "inverse times itself": "행렬과 그 역행렬의 곱은 I",
        "orthogonal": "QᵀQ = I",
        "cofactor over determinant": "det(A) A⁻ᵀ/det(A) = A⁻ᵀ",
        "inverse of an orthogonal matrix": "Q⁻¹ = Qᵀ",
        "log of a softmax": "log softmax를 한 번에: 0으로 언더플로한 값의 로그가 없다",
        "log of a sigmoid": "log σ를 한 번에: 0으로 언더플로한 값의 로그가 없다",
        "softplus": "log(1 + eᶻ) = softplus(z): 오버플로 없음",
        "log-sum-exp": "log Σ eᶻ를 한 번에: 오버플로 없음",
        "log of a determinant": "log det를 한 번에: 오버플로 없음",
        "log of the normal distribution function": "log Φ를 한 번에: 언더플로 없음",
        "log of an exponential": "log eᶻ = z",
        "log1p": "log(1 + u) = log1p(u): 작은 u의 자릿수를 지킨다",
        "expm1": "eᶻ − 1 = expm1(z): 작은 z의 자릿수를 지킨다",
        "logistic function": "1/(1 + e⁻ᶻ) = σ(z): 오버플로 없음",
        "squared norm": "‖x‖² = Σ x²",
        "root of a sum of squares": "√Σx² = ‖x‖: 0에서 도함수는 0",
    },
}


def say(key: str, language: str = "en", **slots: str) -> str:
    """Return the sentence of that key with its slots filled.

    >>> say("linear", y="r", x="b")
    'r is linear in b'
    """
    return WORDS[language][key].format(**slots)


_GLYPHS = (
    (r"\\operatorname\{([^}]*)\}", r"\1"),
    (r"\\mathrm\{([^}]*)\}", r"\1"),
    (r"\\text\{([^}]*)\}", r"\1"),
    (r"\^\{-x\^2/2\}", "^(−x²/2)"),
    (r"\^\{-x\^2\}", "^(−x²)"),
    (r"\^\{-1\}", "⁻¹"),
    (r"\^\{-\\mathsf T\}", "⁻ᵀ"),
    (r"\^\{\\mathsf T\}", "ᵀ"),
    (r"\^\{p-1\}", "^(p−1)"),
    (r"\^2", "²"),
    (r"\\tfrac\{?1\}?\{?2\}?|\\tfrac12", "½"),
    (r"\\tfrac\{([^{}]*(?:\{[^{}]*\})?[^{}]*)\}\{([^{}]*(?:\{[^{}]*\})?[^{}]*)\}", r"\1/\2"),
    (r"\\sqrt\{([^}]*)\}", r"√(\1)"),
    (r"\\sqrt\\pi", "√π"),
    (r"\\lVert ?| ?\\rVert", "‖"),
    (r" / ", "/"),
    (r"\\lfloor", "⌊"),
    (r"\\rfloor", "⌋"),
    (r"\\nabla", "∇"),
    (r"\\partial", "∂"),
    (r"\\sigma", "σ"),
    (r"\\delta", "δ"),
    (r"\\Phi", "Φ"),
    (r"\\varphi", "φ"),
    (r"\\Gamma", "Γ"),
    (r"\\psi", "ψ"),
    (r"\\pi", "π"),
    (r"\\sum", "Σ"),
    (r"\\prod", "Π"),
    (r"\\quad|\\,|\\ ", " "),
    (r"\\ne", "≠"),
    (r"\\le", "≤"),
    (r"\\(log|exp|sin|cos|tan|sinh|cosh|tanh|arcsin|arccos|arctan|det|max|min)", r"\1"),
    (r"\\Big", ""),
    (r"_\{ij\}", "ᵢⱼ"),
    (r"_i", "ᵢ"),
    (r"_j", "ⱼ"),
    (r"'", "′"),
    (r"-", "−"),
    (r"[{}]", ""),
    (r"\s+", " "),
)


def law_unicode(latex: str) -> str:
    """Return a law, which operations state in LaTeX, in Unicode.

    >>> law_unicode(r"\\tanh' = 1 - \\tanh^2")
    'tanh′ = 1 − tanh²'
    """
    for pattern, glyph in _GLYPHS:
        latex = re.sub(pattern, glyph, latex)
    return latex.strip()
