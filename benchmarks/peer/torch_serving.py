# SPDX-License-Identifier: Apache-2.0
"""Requests answered by PyTorch's models: the best items of the catalogue, and scores of candidates."""

import dataclasses

import numpy
import torch
from torch import nn

import torch_din
import torch_sasrec
from batches import Batch
from torch_training import Style, make_group, split_by_length
from workloads import Serving

BEST = 10


@dataclasses.dataclass
class Request:
    """The histories of its users; and of one user, what to score, or nothing: then the best items are wanted."""

    histories: Batch
    candidates: numpy.ndarray


class BestItems(nn.Module):
    """SASRec's scores of the catalogue after the last item of each history, and the best of them."""

    def __init__(self, options: dict[str, object], form: str, hide_padding: bool):
        super().__init__()
        self.model = torch_sasrec.Model(options, "softmax", Style("", "", form=form))
        self.model.hide_padding = hide_padding

    def forward(self, items: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """items (B, L)   returns scores and items (B, 10)"""
        last = self.model.encode(items)[:, -1]
        return torch.topk(last @ self.model.item_embedding.weight[1:].T, BEST)


class CandidateScores(nn.Module):
    """DIN's scores of some candidates under one history."""

    def __init__(self, options: dict[str, object], form: str):
        super().__init__()
        self.form = form
        self.model = torch_din.Model(options, "click", Style("", ""))

    def forward(self, items: torch.Tensor, candidates: torch.Tensor) -> torch.Tensor:
        """items (L), candidates (C)   returns (C)"""
        attention = self.model.attention
        k, q = self.model.item_embedding(items), self.model.item_embedding(candidates)
        if self.form == "split":
            of_q = attention.of_queries(q)[:, None, :]
            weights = attention.split(of_q, attention.of_keys(k), q[:, None, :] * k)
        else:
            both = (len(q), len(k), q.shape[-1])
            weights = attention(q[:, None, :].expand(both), k.expand(both))
        return self.model.judge(weights.squeeze(-1) @ k, q)


def make_module(workload: Serving, options: dict[str, object], form: str) -> nn.Module:
    if workload.candidates:
        return CandidateScores(options, form).eval()
    return BestItems(options, form, hide_padding=workload.users > 1).eval()


def inputs(workload: Serving, request: Request, buckets: int) -> list[tuple[tuple[torch.Tensor, ...], numpy.ndarray]]:
    """What the module is called with, part by part, and which users are in each part. Item 0 is padding."""
    batch = request.histories
    if workload.candidates:
        arrays = (torch.from_numpy(batch.items.astype(numpy.int64) + 1),
                  torch.from_numpy(request.candidates.astype(numpy.int64) + 1))
        return [(arrays, numpy.arange(1))]
    parts = []
    for users in split_by_length(batch, buckets):
        longest = int(batch.lengths[users].max()) if buckets > 1 else int(workload.options["max_length"])
        group = make_group(batch, users, longest, "left", clicks=True)
        parts.append(((group.items,), users))
    return parts


class TorchServing:
    """A PyTorch module with prepared requests."""

    def __init__(self, workload: Serving, options: dict[str, object], side: str, label: str, form: str, buckets: int,
                 requests: list[Request], weights: dict[str, torch.Tensor] | None = None):
        self.side, self.label, self.workload = side, label, workload
        self.module = make_module(workload, options, form)
        if weights is not None:
            self.module.model.load_state_dict(weights)
        self.call = torch.compile(self.module, dynamic=False) if side == "compiled" else self.module
        self.requests = [inputs(workload, request, buckets) for request in requests]
        self.users = [request.histories.users for request in requests]

    def run(self, number: int) -> list:
        with torch.inference_mode():
            return [self.call(*arrays) for arrays, _ in self.requests[number]]

    def answer(self, number: int) -> tuple[numpy.ndarray, numpy.ndarray]:
        """Scores, and the items they belong to where the best are wanted."""
        return collect(self.workload, self.users[number], self.requests[number], self.run(number))


def collect(workload: Serving, users: int, parts: list, found: list) -> tuple[numpy.ndarray, numpy.ndarray]:
    if workload.candidates:
        return numpy.asarray(found[0]), numpy.empty(0)
    scores, items = numpy.empty((users, BEST), numpy.float32), numpy.empty((users, BEST), numpy.int64)
    for (_, where), (part_scores, part_items) in zip(parts, found):
        scores[where], items[where] = numpy.asarray(part_scores), numpy.asarray(part_items)
    return scores, items
