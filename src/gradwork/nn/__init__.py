"""Layers as functions that build expressions, and networks of them."""

from gradwork.nn.layers import (
    ACTIVATIONS,
    Activation,
    AvgPool1D,
    AvgPool2D,
    BatchNorm,
    Conv1D,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAvgPool,
    GlobalMaxPool,
    LayerNorm,
    MaxPool1D,
    MaxPool2D,
)
from gradwork.nn.network import Network, network
from gradwork.nn.recurrent import GRU, LSTM, SimpleRNN
from gradwork.nn.scope import Layer, Scope, Sequential
from gradwork.nn.starts import orthogonal
from gradwork.nn.trace import Trace, trace

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "AvgPool1D",
    "AvgPool2D",
    "BatchNorm",
    "Conv1D",
    "Conv2D",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "GRU",
    "GlobalAvgPool",
    "GlobalMaxPool",
    "LSTM",
    "Layer",
    "LayerNorm",
    "MaxPool1D",
    "MaxPool2D",
    "Network",
    "Scope",
    "Sequential",
    "SimpleRNN",
    "Trace",
    "network",
    "orthogonal",
    "trace",
]
