# SPDX-License-Identifier: Apache-2.0
"""The whole SASRec: PyTorch's modules history by history, checked against a padded batch written out."""

import math

import torch
from torch import nn

from .common import away_from_kink, case, position_rows, segments_of
from .encoders import encoder_tensors, random_histories, random_model


class Block(nn.Module):
    """A Transformer block of one history (n, D), from PyTorch's own modules."""

    def __init__(self, width, heads, epsilon, norm):
        super().__init__()
        self.norm = norm
        self.attention_norm = nn.LayerNorm(width, eps=epsilon)
        self.attention = nn.MultiheadAttention(width, heads)
        self.feed_forward_norm = nn.LayerNorm(width, eps=epsilon)
        self.linear1 = nn.Linear(width, width)
        self.linear2 = nn.Linear(width, width)

    def attend(self, query, keys):
        later = torch.ones(len(query), len(query), dtype=torch.bool).triu(1)
        return self.attention(query, keys, keys, attn_mask=later, need_weights=False)[0]

    def feed_forward(self, x):
        return self.linear2(torch.relu(away_from_kink(self.linear1(x))))

    def forward(self, x):
        if self.norm == "post":
            x = self.attention_norm(x + self.attend(x, x))
            return self.feed_forward_norm(x + self.feed_forward(x))
        n = self.attention_norm(x)
        x = n + self.attend(n, x) if self.norm == "original" else x + self.attend(n, n)
        z = self.feed_forward_norm(x)
        return (z if self.norm == "original" else x) + self.feed_forward(z)


class SasRec(nn.Module):
    """SASRec (Kang & McAuley 2018) over packed histories; its state_dict has the names that seqrec uses."""

    def __init__(self, items, width, blocks, heads, max_length, epsilon, norm):
        super().__init__()
        self.item_embedding = nn.Embedding(items, width)
        self.position_embedding = nn.Embedding(max_length, width)
        self.blocks = nn.ModuleList(Block(width, heads, epsilon, norm) for _ in range(blocks))
        self.final_norm = nn.LayerNorm(width, eps=epsilon)

    def forward(self, items, offsets):
        width, positions = self.item_embedding.embedding_dim, self.position_embedding.num_embeddings
        x = self.item_embedding(items) * math.sqrt(width)
        x = x + self.position_embedding(position_rows("end", offsets, positions))
        parts = []
        for segment in segments_of(offsets):
            history = x[segment]
            for block in self.blocks:
                history = block(history)
            parts.append(self.final_norm(history))
        return torch.cat(parts)


def padded_formula(parameters, items, offsets, options):
    """The same encoder written out on a padded (B, L, D) batch, without any module."""
    width, heads, norm = options["width"], options["heads"], options["norm"]
    segments = segments_of(offsets)
    longest = max(segment.stop - segment.start for segment in segments)
    users, each = len(segments), width // heads
    real = torch.zeros(users, longest, dtype=torch.bool)
    for user, segment in enumerate(segments):
        real[user, : segment.stop - segment.start] = True  # padding follows: no real row looks at it

    def normalise(x, name):
        centred = x - x.mean(-1, keepdim=True)
        scaled = centred / ((centred**2).mean(-1, keepdim=True) + options["epsilon"]).sqrt()
        return scaled * parameters[name + ".weight"] + parameters[name + ".bias"]

    def attend(query, keys, name):
        weight, bias = parameters[name + ".in_proj_weight"], parameters[name + ".in_proj_bias"]
        inputs = [query, keys, keys]
        q, k, v = (
            (x @ weight[i * width : (i + 1) * width].T + bias[i * width : (i + 1) * width])
            .reshape(users, longest, heads, each)
            .transpose(1, 2)
            for i, x in enumerate(inputs)
        )
        scores = q @ k.transpose(2, 3) / math.sqrt(each)
        later = torch.ones(longest, longest, dtype=torch.bool).triu(1)
        mixed = scores.masked_fill(later, -math.inf).softmax(-1) @ v
        mixed = mixed.transpose(1, 2).reshape(users, longest, width)
        return mixed @ parameters[name + ".out_proj.weight"].T + parameters[name + ".out_proj.bias"]

    def feed_forward(x, name):
        hidden = x @ parameters[name + ".linear1.weight"].T + parameters[name + ".linear1.bias"]
        return hidden.clamp_min(0) @ parameters[name + ".linear2.weight"].T + parameters[name + ".linear2.bias"]

    x = torch.zeros(users, longest, width, dtype=torch.float64)
    gathered = parameters["item_embedding.weight"][items] * math.sqrt(width)
    gathered = gathered + parameters["position_embedding.weight"][
        position_rows("end", offsets, options["max_length"])
    ]
    x = x.index_put(torch.where(real), gathered)
    for block in range(options["blocks"]):
        name = f"blocks.{block}"
        first, second = name + ".attention_norm", name + ".feed_forward_norm"
        if norm == "original":
            n = normalise(x, first)
            z = normalise(n + attend(n, x, name + ".attention"), second)
            x = z + feed_forward(z, name)
        elif norm == "pre":
            n = normalise(x, first)
            x = x + attend(n, n, name + ".attention")
            x = x + feed_forward(normalise(x, second), name)
        else:
            x = normalise(x + attend(x, x, name + ".attention"), first)
            x = normalise(x + feed_forward(x, name), second)
    return normalise(x, "final_norm")[real]


@case("sasrec_original_bce", "original", "bce")
@case("sasrec_original_softmax", "original", "softmax")
@case("sasrec_pre_bce", "pre", "bce")
@case("sasrec_pre_softmax", "pre", "softmax")
@case("sasrec_post_bce", "post", "bce")
@case("sasrec_post_softmax", "post", "softmax")
def sasrec(norm, objective):
    options = dict(items=17, width=10, blocks=2, heads=2, max_length=8, epsilon=1e-8, norm=norm)
    model = random_model(SasRec(**options))
    offsets, items, following = random_histories(options["items"], objective)
    tensors = encoder_tensors(
        model, lambda: model(items, offsets), lambda own: padded_formula(own, items, offsets, options),
        offsets, items, following, objective,
    )
    negatives = following.shape[1] - 1
    return tensors, dict(options, objective=objective, negatives=negatives, position_origin="end")
