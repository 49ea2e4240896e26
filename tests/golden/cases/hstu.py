# SPDX-License-Identifier: Apache-2.0
"""HSTU: PyTorch's modules on a padded batch, as the reference code has it, checked row by row."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from .common import agree, case, normal, offsets_of, segments_of
from .sasrec import next_item_loss
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
    model = Hstu(options).double()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            is_scale = "norm" in name and name.endswith("weight")
            parameter.copy_(normal(*parameter.shape, scale=0.3, mean=1.0 if is_scale else 0.0))
    offsets = offsets_of([5, 1, 8, 4])
    rows = int(offsets[-1])
    items = torch.randint(options["items"], (rows,))
    negatives = 1 if objective == "bce" else 0
    following = torch.randint(options["items"], (rows, 1 + negatives))
    gaps = (10 ** (8 * torch.rand(rows, dtype=torch.float64))).long()
    gaps[::4] = 0
    times = 900_000_000 + torch.cat([gaps[segment].cumsum(0) for segment in segments_of(offsets)])

    encoded = model(items, offsets, times)
    loss = next_item_loss(encoded, model.item_embedding.weight, following, objective)
    loss.backward()
    parameters = dict(model.named_parameters())

    own = {name: value.detach().clone().requires_grad_() for name, value in parameters.items()}
    own_encoded = formula(own, items, offsets, times, options)
    own_loss = next_item_loss(own_encoded, own["item_embedding.weight"], following, objective)
    own_loss.backward()
    agree("encoded", encoded, own_encoded)
    agree("loss", loss, own_loss)
    for name, parameter in parameters.items():
        agree("gradient of " + name, parameter.grad, own[name].grad)

    last_rows = encoded[offsets[1:].long() - 1]
    tensors = dict(
        items=items.int(), offsets=offsets, next=following.int(), encoded=encoded, loss=loss.reshape(1),
        scores=last_rows @ model.item_embedding.weight.T,
    )
    if biased:
        tensors["times"] = times.int()  # before 2038
    for name, parameter in parameters.items():
        tensors["parameter." + name] = parameter
        tensors["gradient." + name] = parameter.grad
    metadata = {key: str(value).lower() if isinstance(value, bool) else value for key, value in options.items()}
    return tensors, dict(metadata, dropout=0, objective=objective, negatives=negatives, position_origin="start")
