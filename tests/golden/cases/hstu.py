# SPDX-License-Identifier: Apache-2.0
"""HSTU: PyTorch's modules on a padded batch, as the reference code has it, checked row by row."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from .common import case, segments_of
from .encoders import encoder_tensors, random_histories, random_model, random_times
from .sasrec_variants import TIME_BUCKETS, time_bucket


class Unit(nn.Module):
    """A unit on histories padded at their ends, (B, L, D)."""

    def __init__(self, options):
        super().__init__()
        width, self.heads, self.max_length = options["width"], options["heads"], options["max_length"]
        self.input_norm = nn.LayerNorm(width, eps=options["norm_epsilon"])
        self.uvqk = nn.Linear(width, 4 * width, bias=False)
        if options["position_bias"]:
            self.position_bias = nn.Parameter(torch.empty(self.heads, self.max_length))
        if options["time_bias"]:
            self.time_bias = nn.Parameter(torch.empty(self.heads, TIME_BUCKETS))
        self.attention_norm = nn.LayerNorm(width, eps=options["norm_epsilon"])
        self.o = nn.Linear(width, width)

    def forward(self, x, times):
        users, length, width = x.shape
        u, v, q, k = F.silu(self.uvqk(self.input_norm(x))).split(width, dim=-1)
        v, q, k = (part.reshape(users, length, self.heads, -1).transpose(1, 2) for part in (v, q, k))
        logits = q @ k.transpose(2, 3)
        rows = torch.arange(length)
        distance = rows[:, None] - rows[None, :]
        if hasattr(self, "position_bias"):
            logits = logits + self.position_bias[:, distance.clamp(min=0)]
        if hasattr(self, "time_bias"):
            buckets = time_bucket(times[:, :, None] - times[:, None, :])
            logits = logits + self.time_bias[:, buckets].transpose(0, 1)
        weights = F.silu(logits) / self.max_length * (distance >= 0)
        mixed = (weights @ v).transpose(1, 2).reshape(users, length, width)
        return x + self.o(u * self.attention_norm(mixed))


class Hstu(nn.Module):
    def __init__(self, options):
        super().__init__()
        self.item_embedding = nn.Embedding(options["items"], options["width"])
        self.position_embedding = nn.Embedding(options["max_length"], options["width"])
        self.blocks = nn.ModuleList(Unit(options) for _ in range(options["blocks"]))
        self.final_norm = nn.LayerNorm(options["width"], eps=options["norm_epsilon"])

    def forward(self, items, offsets, times):
        segments = segments_of(offsets)
        longest = max(segment.stop - segment.start for segment in segments)
        real = torch.tensor([[row < segment.stop - segment.start for row in range(longest)] for segment in segments])
        padded, seconds = torch.zeros(real.shape, dtype=torch.long), torch.zeros(real.shape, dtype=torch.long)
        padded[real], seconds[real] = items, times
        x = self.item_embedding(padded) * math.sqrt(self.item_embedding.embedding_dim)
        x = x + self.position_embedding(torch.arange(longest))
        for block in self.blocks:
            x = block(x, seconds)
        return self.final_norm(x)[real]


def formula(parameters, items, offsets, times, options):
    """The same encoder, every weight of attention written out."""
    width, heads = options["width"], options["heads"]
    each = width // heads

    def silu(x):
        return x / (1 + (-x).exp())

    def normalise(x, name):
        centred = x - x.mean(-1, keepdim=True)
        scaled = centred / ((centred**2).mean(-1, keepdim=True) + options["norm_epsilon"]).sqrt()
        return scaled * parameters[name + ".weight"] + parameters[name + ".bias"]

    parts = []
    for segment in segments_of(offsets):
        length, seconds = segment.stop - segment.start, times[segment].tolist()
        x = parameters["item_embedding.weight"][items[segment]] * math.sqrt(width)
        x = x + parameters["position_embedding.weight"][:length]
        for block in range(options["blocks"]):
            name = f"blocks.{block}"
            uvqk = silu(normalise(x, name + ".input_norm") @ parameters[name + ".uvqk.weight"].T)
            u, v, q, k = (uvqk[:, part * width : (part + 1) * width] for part in range(4))
            rows = []
            for i in range(length):
                mixed = []
                for head in range(heads):
                    of_head = slice(head * each, (head + 1) * each)
                    total = torch.zeros(each, dtype=torch.float64)
                    for j in range(i + 1):
                        logit = (q[i, of_head] * k[j, of_head]).sum()
                        if options["position_bias"]:
                            logit = logit + parameters[name + ".position_bias"][head, i - j]
                        if options["time_bias"]:
                            bucket = int(math.log(max(1, abs(seconds[i] - seconds[j]))) / 0.301)
                            logit = logit + parameters[name + ".time_bias"][head, min(bucket, TIME_BUCKETS - 1)]
                        total = total + silu(logit) / options["max_length"] * v[j, of_head]
                    mixed.append(total)
                rows.append(torch.cat(mixed))
            gated = u * normalise(torch.stack(rows), name + ".attention_norm")
            x = x + gated @ parameters[name + ".o.weight"].T + parameters[name + ".o.bias"]
        parts.append(normalise(x, "final_norm"))
    return torch.cat(parts)


@case("hstu_biased_softmax", "softmax", True)
@case("hstu_plain_bce", "bce", False)
def hstu(objective, biased):
    options = dict(
        items=17, width=10, blocks=2, heads=2, max_length=8, norm_epsilon=1e-6, position_bias=biased, time_bias=biased
    )
    model = random_model(Hstu(options))
    offsets, items, following = random_histories(options["items"], objective)
    times = random_times(offsets)
    tensors = encoder_tensors(
        model, lambda: model(items, offsets, times), lambda own: formula(own, items, offsets, times, options),
        offsets, items, following, objective,
    )
    if biased:
        tensors["times"] = times.int()  # before 2038
    negatives = following.shape[1] - 1
    metadata = {key: str(value).lower() if isinstance(value, bool) else value for key, value in options.items()}
    return tensors, dict(metadata, dropout=0, objective=objective, negatives=negatives, position_origin="start")
