# SPDX-License-Identifier: Apache-2.0
"""SASRec's variants: SwiGLU, and what attention adds to its logits by distance and by time."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from .common import away_from_kink, case, position_rows, segments_of
from .encoders import encoder_tensors, random_histories, random_model, random_times

TIME_BUCKETS = 128


def time_bucket(seconds):
    """HSTU's buckets of an absolute difference of times."""
    return (seconds.abs().clamp(min=1).double().log() / 0.301).long().clamp(max=TIME_BUCKETS - 1)


class Attention(nn.Module):
    """Causal attention of one history with a learned addition to its logits, the weights named as in PyTorch's."""

    def __init__(self, options):
        super().__init__()
        width, self.heads = options["width"], options["heads"]
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.empty(3 * width))
        self.out_proj = nn.Linear(width, width)
        if options["position_bias"]:
            self.position_bias = nn.Parameter(torch.empty(self.heads, options["max_length"]))
        if options["time_bias"]:
            self.time_bias = nn.Parameter(torch.empty(self.heads, TIME_BUCKETS))

    def added(self, times):
        """(H, n, n) of a history, minus infinity where a row would look ahead."""
        rows = torch.arange(len(times))
        distance = rows[:, None] - rows[None, :]
        bias = torch.zeros(self.heads, len(rows), len(rows), dtype=torch.float64)
        if hasattr(self, "position_bias"):
            bias = bias + self.position_bias[:, distance.clamp(min=0)]
        if hasattr(self, "time_bias"):
            bias = bias + self.time_bias[:, time_bucket(times[:, None] - times[None, :])]
        return bias.masked_fill(distance < 0, -math.inf)

    def forward(self, query, keys, times):
        width = query.shape[1]
        wq, wk, wv = self.in_proj_weight.split(width)
        bq, bk, bv = self.in_proj_bias.split(width)
        heads = [
            x.reshape(len(x), self.heads, -1).transpose(0, 1)
            for x in (F.linear(query, wq, bq), F.linear(keys, wk, bk), F.linear(keys, wv, bv))
        ]
        mixed = F.scaled_dot_product_attention(*heads, attn_mask=self.added(times))
        return self.out_proj(mixed.transpose(0, 1).reshape(len(query), width))


class Block(nn.Module):
    def __init__(self, options):
        super().__init__()
        width, hidden = options["width"], options["feed_forward_width"]
        self.norm, self.units = options["norm"], options["units"]
        self.attention_norm = nn.LayerNorm(width, eps=options["norm_epsilon"])
        self.attention = Attention(options)
        self.feed_forward_norm = nn.LayerNorm(width, eps=options["norm_epsilon"])
        if self.units == "swiglu":
            self.w1 = nn.Linear(width, hidden, bias=False)
            self.w2 = nn.Linear(hidden, width, bias=False)
            self.w3 = nn.Linear(width, hidden, bias=False)
        else:
            self.linear1 = nn.Linear(width, hidden)
            self.linear2 = nn.Linear(hidden, width)

    def feed_forward(self, x):
        if self.units == "swiglu":
            return self.w2(F.silu(self.w1(x)) * self.w3(x))
        return self.linear2(torch.relu(away_from_kink(self.linear1(x))))

    def forward(self, x, times):
        if self.norm == "post":
            x = self.attention_norm(x + self.attention(x, x, times))
            return self.feed_forward_norm(x + self.feed_forward(x))
        n = self.attention_norm(x)
        x = n + self.attention(n, x, times) if self.norm == "original" else x + self.attention(n, n, times)
        z = self.feed_forward_norm(x)
        return (z if self.norm == "original" else x) + self.feed_forward(z)


class SasRecVariant(nn.Module):
    def __init__(self, options):
        super().__init__()
        self.item_embedding = nn.Embedding(options["items"], options["width"])
        self.position_embedding = nn.Embedding(options["max_length"], options["width"])
        self.blocks = nn.ModuleList(Block(options) for _ in range(options["blocks"]))
        self.final_norm = nn.LayerNorm(options["width"], eps=options["norm_epsilon"])

    def forward(self, items, offsets, times):
        x = self.item_embedding(items) * math.sqrt(self.item_embedding.embedding_dim)
        x = x + self.position_embedding(position_rows("end", offsets, self.position_embedding.num_embeddings))
        parts = []
        for segment in segments_of(offsets):
            history = x[segment]
            for block in self.blocks:
                history = block(history, times[segment])
            parts.append(self.final_norm(history))
        return torch.cat(parts)


def formula(parameters, items, offsets, times, options):
    """The same encoder row by row: every logit is written out."""
    width, heads, norm = options["width"], options["heads"], options["norm"]
    each = width // heads

    def normalise(x, name):
        centred = x - x.mean(-1, keepdim=True)
        scaled = centred / ((centred**2).mean(-1, keepdim=True) + options["norm_epsilon"]).sqrt()
        return scaled * parameters[name + ".weight"] + parameters[name + ".bias"]

    def attend(query, keys, seconds, name):
        q, k, v = (
            x @ parameters[name + ".in_proj_weight"][part].T + parameters[name + ".in_proj_bias"][part]
            for x, part in zip((query, keys, keys), (slice(0, width), slice(width, 2 * width), slice(2 * width, None)))
        )
        rows = []
        for i in range(len(query)):
            parts = []
            for head in range(heads):
                of_head = slice(head * each, (head + 1) * each)
                logits = []
                for j in range(i + 1):
                    logit = (q[i, of_head] * k[j, of_head]).sum() / math.sqrt(each)
                    if options["position_bias"]:
                        logit = logit + parameters[name + ".position_bias"][head, i - j]
                    if options["time_bias"]:
                        bucket = min(int(math.log(max(1, abs(seconds[i] - seconds[j]))) / 0.301), TIME_BUCKETS - 1)
                        logit = logit + parameters[name + ".time_bias"][head, bucket]
                    logits.append(logit)
                weights = torch.stack(logits).exp()
                parts.append((weights / weights.sum()) @ v[: i + 1, of_head])
            rows.append(torch.cat(parts))
        mixed = torch.stack(rows)
        return mixed @ parameters[name + ".out_proj.weight"].T + parameters[name + ".out_proj.bias"]

    def feed_forward(x, name):
        if options["units"] == "swiglu":
            gate = x @ parameters[name + ".w1.weight"].T
            return (gate / (1 + (-gate).exp()) * (x @ parameters[name + ".w3.weight"].T)) @ parameters[
                name + ".w2.weight"
            ].T
        hidden = x @ parameters[name + ".linear1.weight"].T + parameters[name + ".linear1.bias"]
        return hidden.clamp_min(0) @ parameters[name + ".linear2.weight"].T + parameters[name + ".linear2.bias"]

    parts = []
    for segment in segments_of(offsets):
        length = segment.stop - segment.start
        x = parameters["item_embedding.weight"][items[segment]] * math.sqrt(width)
        x = x + parameters["position_embedding.weight"][options["max_length"] - length :]
        seconds = times[segment].tolist()
        for block in range(options["blocks"]):
            name = f"blocks.{block}"
            first, second = name + ".attention_norm", name + ".feed_forward_norm"
            if norm == "original":
                n = normalise(x, first)
                z = normalise(n + attend(n, x, seconds, name + ".attention"), second)
                x = z + feed_forward(z, name)
            elif norm == "pre":
                n = normalise(x, first)
                x = x + attend(n, n, seconds, name + ".attention")
                x = x + feed_forward(normalise(x, second), name)
            else:
                x = normalise(x + attend(x, x, seconds, name + ".attention"), first)
                x = normalise(x + feed_forward(x, name), second)
        parts.append(normalise(x, "final_norm"))
    return torch.cat(parts)


@case("sasrec_swiglu", "pre", "softmax", "swiglu", False, False)
@case("sasrec_position_bias", "original", "softmax", "relu", True, False)
@case("sasrec_time_bias", "post", "bce", "relu", False, True)
@case("sasrec_all_variants", "pre", "softmax", "swiglu", True, True)
def sasrec_variant(norm, objective, units, position_bias, time_bias):
    options = dict(
        items=17, width=10, blocks=2, heads=2, max_length=8, norm=norm, norm_epsilon=1e-8, feed_forward_width=7,
        units=units, position_bias=position_bias, time_bias=time_bias,
    )
    model = random_model(SasRecVariant(options))
    offsets, items, following = random_histories(options["items"], objective)
    times = random_times(offsets)
    tensors = encoder_tensors(
        model, lambda: model(items, offsets, times), lambda own: formula(own, items, offsets, times, options),
        offsets, items, following, objective,
    )
    if time_bias:
        tensors["times"] = times.int()  # before 2038
    negatives = following.shape[1] - 1
    metadata = {key: str(value).lower() if isinstance(value, bool) else value for key, value in options.items()}
    return tensors, dict(metadata, dropout=0, objective=objective, negatives=negatives, position_origin="end")
