# SPDX-License-Identifier: Apache-2.0
"""NARM: additive attention to all earlier rows, and the model made of it and a GRU."""

import torch
import torch.nn.functional as F
from torch import nn

from .common import agree, case, gradients, leaves, normal, offsets_of, segments_of
from .encoders import encoder_tensors, random_histories
from .gru import pytorch_states, randomised, states

SQUASH = dict(sigmoid=torch.sigmoid, hard_sigmoid=lambda x: (x / 5 + 0.5).clamp(0, 1))


def attend(queries, keys, weight, x, offsets, squash, softmax):
    """All rows of a history at once, later ones masked."""
    parts = []
    for segment in segments_of(offsets):
        q, k, values = queries[segment], keys[segment], x[segment]
        scores = SQUASH[squash](q[:, None, :] + k[None, :, :]) @ weight
        causal = torch.ones_like(scores).tril()
        if softmax:
            scores = torch.softmax(scores.masked_fill(causal == 0, -torch.inf), 1)
        parts.append((scores * causal) @ values)
    return torch.cat(parts)


def attend_row_by_row(queries, keys, weight, x, offsets, squash, softmax):
    """The same from the definition."""
    rows = []
    for segment in segments_of(offsets):
        for t in range(segment.start, segment.stop):
            pairs = []
            for j in range(segment.start, t + 1):
                total = queries[t] + keys[j]
                unit = 1 / (1 + torch.exp(-total)) if squash == "sigmoid" else (0.2 * total + 0.5).clamp(0, 1)
                pairs.append((weight * unit).sum())
            pairs = torch.stack(pairs)
            if softmax:
                pairs = torch.exp(pairs) / torch.exp(pairs).sum()
            rows.append(sum(pair * x[segment.start + j] for j, pair in enumerate(pairs)))
    return torch.stack(rows)


@case("additive_attention_paper", "sigmoid", False)
@case("additive_attention_official_code", "hard_sigmoid", True)
def additive_attention(squash, softmax):
    offsets = offsets_of([4, 0, 1, 12])
    rows, width, units = int(offsets[-1]), 5, 7
    wanted = leaves(normal(rows, units), normal(rows, units), normal(units), normal(rows, width))
    y = attend(*wanted, offsets, squash, softmax)
    formula = attend_row_by_row(*wanted, offsets, squash, softmax)
    agree("additive_attention", y, formula)
    dy = normal(rows, width)
    found = gradients(y, dy, wanted)
    for one, other in zip(found, gradients(formula, dy, wanted)):
        agree("gradient", one, other)
    names = ("queries", "keys", "weight", "x")
    tensors = dict(zip(names, wanted), offsets=offsets, y=y, dy=dy)
    tensors.update({"d" + name: gradient for name, gradient in zip(names, found)})
    return tensors, dict(squash=squash, softmax="true" if softmax else "false")


class Attention(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, width, bias=False)
        self.weight = nn.Parameter(torch.zeros(width))


class Narm(nn.Module):
    """Its state_dict has the names that seqrec uses."""

    def __init__(self, items, width, hidden, squash, softmax):
        super().__init__()
        self.how = squash, softmax
        self.item_embedding = nn.Embedding(items, width)
        self.gru = nn.GRU(width, hidden)
        self.attention = Attention(hidden)
        self.decoder = nn.Linear(2 * hidden, width, bias=False)

    def forward(self, items, offsets):
        initial = torch.zeros(len(offsets) - 1, self.gru.hidden_size, dtype=torch.float64)
        h, _ = pytorch_states(self.item_embedding(items), offsets, self.gru, initial)
        local = attend(self.attention.query(h), self.attention.key(h), self.attention.weight, h, offsets, *self.how)
        return self.decoder(torch.cat([h, local], 1))


@case("narm_paper_bce", "sigmoid", False, "bce")
@case("narm_official_code_softmax", "hard_sigmoid", True, "softmax")
def narm(squash, softmax, objective):
    options = dict(items=17, width=5, hidden=6, squash=squash, softmax=softmax)
    model = randomised(Narm(**options).double())
    with torch.no_grad():  # so that hard sigmoids reach their ends: where none does, a softmax cancels all queries
        model.attention.query.weight *= 6
        model.attention.key.weight *= 6
    offsets, items, following = random_histories(options["items"], objective)

    def formula(own):
        chosen = F.one_hot(items, options["items"]).double() @ own["item_embedding.weight"]
        of_gru = {name.removeprefix("gru."): value for name, value in own.items() if name.startswith("gru.")}
        h, _ = states(chosen, offsets, of_gru, 1, "after_product")
        local = attend_row_by_row(
            h @ own["attention.query.weight"].T, h @ own["attention.key.weight"].T, own["attention.weight"], h, offsets,
            squash, softmax,
        )
        return torch.cat([h, local], 1) @ own["decoder.weight"].T

    tensors = encoder_tensors(model, lambda: model(items, offsets), formula, offsets, items, following, objective)
    negatives = following.shape[1] - 1
    metadata = dict(options, max_length=8, objective=objective, negatives=negatives)
    metadata["softmax"] = "true" if softmax else "false"
    return tensors, metadata
