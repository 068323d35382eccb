"""Small images as PNG, for pages that hold all they show."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Of signed values: below zero, zero, above.
BELOW, ZERO, ABOVE = np.array([31, 95, 168]), np.array([247, 247, 245]), np.array([194, 80, 46])


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Return an image of h×w (grey) or h×w×3 (colour) bytes as a PNG file.

    >>> png(np.zeros((2, 2), np.uint8))[:4]
    b'\\x89PNG'
    """
    h, w = pixels.shape[:2]
    rows = pixels.reshape(h, -1)
    data = b"".join(b"\0" + row.tobytes() for row in rows)  # each row without a filter

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", w, h, 8, 2 if pixels.ndim == 3 else 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(data, 9))
        + chunk(b"IEND", b"")
    )


def coloured(values: ArrayLike, signed: bool = False) -> NDArray[np.uint8]:
    """Return values from 0 to 1 as grey, those from −1 to 1 (`signed`) as blue, white and orange; RGB as it is.

    >>> coloured([[0.0, 1.0]]).tolist(), coloured([[0.0]], signed=True).tolist()
    ([[0, 255]], [[[247, 247, 245]]])
    """
    v = np.nan_to_num(np.asarray(values, dtype=float))
    if not signed:
        return np.round(255 * np.clip(v, 0, 1)).astype(np.uint8)
    if v.ndim == 3:
        return np.round(127.5 * (1 + np.clip(v, -1, 1))).astype(np.uint8)
    v = np.clip(v, -1, 1)[..., None]
    ends = np.where(v < 0, BELOW, ABOVE)
    return np.round(ZERO + np.abs(v) * (ends - ZERO)).astype(np.uint8)


def thumbnail(values: Any, most: int = 96) -> Any:
    """Return an image of at most `most` pixels a side: larger ones by means of blocks.

    >>> thumbnail(np.ones((200, 100))).shape
    (67, 34)
    """
    v = np.asarray(values, dtype=float)
    k = -(-max(v.shape[:2]) // most)
    if k <= 1:
        return v
    pad = [(0, -size % k) for size in v.shape[:2]] + [(0, 0)] * (v.ndim - 2)
    v = np.pad(v, pad, mode="edge")
    return v.reshape(v.shape[0] // k, k, v.shape[1] // k, k, *v.shape[2:]).mean(axis=(1, 3))


def address(values: ArrayLike, signed: bool = False) -> str:
    """Return an image as an address that holds it."""
    body = base64.b64encode(png(coloured(thumbnail(values), signed))).decode("ascii")
    return f"data:image/png;base64,{body}"
