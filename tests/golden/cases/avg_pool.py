# SPDX-License-Identifier: Apache-2.0
"""Means of histories: the operation, and the model made of it."""

import torch
import torch.nn.functional as F
from torch import nn

from .common import agree, case, gradients, leaves, normal, offsets_of, segments_of
from .encoders import encoder_tensors, random_histories


def prefix_means(x, offsets):
    """Row r of a history: the mean of its rows 0 .. r."""
    parts = []
    for segment in segments_of(offsets):
        history = x[segment]
        counts = torch.arange(1, len(history) + 1, dtype=torch.float64)
        parts.append(history.cumsum(0) / counts[:, None])
    return torch.cat(parts)


def averaging_matrix(offsets):
    """The same as a matrix (N, N)."""
    weights = torch.zeros(int(offsets[-1]), int(offsets[-1]), dtype=torch.float64)
    for segment in segments_of(offsets):
        for row in range(segment.start, segment.stop):
            weights[row, segment.start : row + 1] = 1 / (row + 1 - segment.start)
    return weights


@case("prefix_mean")
def prefix_mean():
    offsets = offsets_of([4, 0, 1, 37])
    rows, width = int(offsets[-1]), 7
    (x,) = leaves(normal(rows, width))
    y = prefix_means(x, offsets)
    agree("prefix_mean", y, averaging_matrix(offsets) @ x)
    dy = normal(rows, width)
    (dx,) = gradients(y, dy, [x])
    agree("dx", dx, averaging_matrix(offsets).T @ dy)
    return dict(offsets=offsets, x=x, y=y, dy=dy, dx=dx), dict()


def recency_matrix(offsets, recency):
    """The same with softmax weights by distance, those beyond the last one sharing it: a matrix (N, N)."""
    weights = torch.zeros(int(offsets[-1]), int(offsets[-1]), dtype=torch.float64)
    for segment in segments_of(offsets):
        for row in range(segment.start, segment.stop):
            distance = torch.arange(row - segment.start, -1, -1).clamp(max=len(recency) - 1)
            weights[row, segment.start : row + 1] = torch.softmax(recency[distance], 0)
    return weights


def recency_means(x, offsets, recency):
    """The same row by row, without a softmax."""
    means = []
    for segment in segments_of(offsets):
        for row in range(segment.start, segment.stop):
            powers = [torch.exp(recency[min(row - j, len(recency) - 1)]) for j in range(segment.start, row + 1)]
            means.append(sum(p * x[segment.start + i] for i, p in enumerate(powers)) / sum(powers))
    return torch.stack(means)


@case("prefix_mean_recency")
def prefix_mean_recency():
    offsets = offsets_of([4, 0, 1, 9])
    rows, width, distances = int(offsets[-1]), 7, 5
    x, recency = leaves(normal(rows, width), normal(distances))
    y = recency_matrix(offsets, recency) @ x
    own = recency_means(x, offsets, recency)
    agree("prefix_mean", y, own)
    dy = normal(rows, width)
    dx, drecency = gradients(y, dy, [x, recency])
    for name, given, expected in zip(["dx", "drecency"], [dx, drecency], gradients(own, dy, [x, recency])):
        agree(name, given, expected)
    return dict(offsets=offsets, x=x, recency=recency, y=y, dy=dy, dx=dx, drecency=drecency), dict(distances=distances)


class AvgPool(nn.Module):
    """The mean of a history's item vectors; its state_dict has the names that seqrec uses."""

    def __init__(self, items, width, output_table, projection):
        super().__init__()
        self.item_embedding = nn.Embedding(items, width)
        self.projection = nn.Linear(width, width) if projection == "linear" else nn.Identity()
        if output_table == "separate":
            self.output_embedding = nn.Embedding(items, width)

    def forward(self, items, offsets):
        return self.projection(prefix_means(self.item_embedding(items), offsets))


def formula(parameters, items, offsets):
    """The same encoder without any module."""
    chosen = F.one_hot(items, len(parameters["item_embedding.weight"])).double()
    states = averaging_matrix(offsets) @ chosen @ parameters["item_embedding.weight"]
    if "projection.weight" in parameters:
        states = states @ parameters["projection.weight"].T + parameters["projection.bias"]
    return states


@case("avg_pool_tied_none_bce", "tied", "none", "bce")
@case("avg_pool_tied_linear_softmax", "tied", "linear", "softmax")
@case("avg_pool_separate_none_softmax", "separate", "none", "softmax")
@case("avg_pool_separate_linear_bce", "separate", "linear", "bce")
def avg_pool(output_table, projection, objective):
    options = dict(items=17, width=6, output_table=output_table, projection=projection)
    model = AvgPool(**options).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(normal(*parameter.shape, scale=0.5))
    offsets, items, following = random_histories(options["items"], objective)
    tensors = encoder_tensors(
        model, lambda: model(items, offsets), lambda own: formula(own, items, offsets),
        offsets, items, following, objective,
    )
    return tensors, dict(options, max_length=8, objective=objective, negatives=following.shape[1] - 1)
