"""Networks as a short text names them: mlp:64,32, conv:8,16, gru:64. Light: no network is imported here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gradwork.errors import GradworkError
from gradwork.words.say import say

NETWORKS = ("mlp", "conv", "rnn", "gru", "lstm")
RECURRENT = ("rnn", "gru", "lstm")


@dataclass(frozen=True)
class NetworkName:
    """A network's name and the units of its layers; none where the text leaves them to the default."""

    name: str
    units: tuple[int, ...] = ()


def names_network(model: Any) -> bool:
    """Return whether a text names a network.

    >>> names_network("mlp:64,32"), names_network("ridge:0.1"), names_network(None)
    (True, False, False)
    """
    return isinstance(model, str) and model.strip().lower().partition(":")[0] in NETWORKS


def parse_network(text: str) -> NetworkName:
    """Return the network that a text names.

    >>> parse_network("mlp:64,32")
    NetworkName(name='mlp', units=(64, 32))
    """
    name, colon, rest = text.strip().lower().partition(":")
    if name not in NETWORKS:
        raise GradworkError("no network", name=text, known=", ".join(NETWORKS))
    parts = [p.strip() for p in rest.split(",")] if colon else []
    if not all(p.isascii() and p.isdigit() and int(p) > 0 for p in parts):
        raise GradworkError("network units", name=name, what=say("units " + _layers(name)), given=text)
    return NetworkName(name, tuple(map(int, parts)))


def _layers(name: str) -> str:
    return "recurrent" if name in RECURRENT else name
