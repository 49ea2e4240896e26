# SPDX-License-Identifier: Apache-2.0
"""DIN: activations of hidden layers, attention of candidates to histories, and the model made of them."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from .common import agree, away_from_kink, case, gradients, leaves, normal, offsets_of, segments_of

DICE_EPSILON = 1e-8
TIME_BUCKETS = 128


def time_bucket(seconds):
    """HSTU's: floor(log(max(1, seconds)) / 0.301)."""
    return min(TIME_BUCKETS - 1, int(math.log(max(1, int(seconds))) / 0.301))


class Dice(nn.Module):
    """x (p + alpha (1 - p)), p = sigmoid of x under fixed statistics (Zhou et al. 2018, equation 3)."""

    def __init__(self, units):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(units))
        self.register_buffer("running_mean", torch.zeros(units))
        self.register_buffer("running_var", torch.ones(units))
        self.register_buffer("num_batches_tracked", torch.zeros(1))

    def forward(self, x):
        p = torch.sigmoid(F.batch_norm(x, self.running_mean, self.running_var, training=False, eps=DICE_EPSILON))
        self.sums = dict(  # from which the statistics would move; tests take them about the running mean
            running_mean=x.sum(0), running_var=(x**2).sum(0), num_batches_tracked=torch.tensor([len(x)]).double()
        )
        return p * x + self.weight * (1 - p) * x


class PRelu(nn.PReLU):
    """PyTorch's, away from the kink."""

    def forward(self, x):
        return super().forward(away_from_kink(x))


ACTIVATIONS = dict(prelu=PRelu, dice=Dice, sigmoid=lambda units: nn.Sigmoid())


def randomise(module):
    """Every parameter and statistic away from where training starts it."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(normal(*parameter.shape, scale=0.4))
        for name, statistic in module.named_buffers():
            statistic.copy_(normal(*statistic.shape, scale=0.3, mean=3.0 if "batches" in name else 0.0).abs() + 0.1)
    return module


def activation_formula(x, module):
    """What a module of ACTIVATIONS does, without PyTorch's functions."""
    if isinstance(module, nn.Sigmoid):
        return 1 / (1 + torch.exp(-x))
    if isinstance(module, nn.PReLU):
        return torch.where(x > 0, x, module.weight * x)
    z = (x - module.running_mean) / (module.running_var + DICE_EPSILON).sqrt()
    p = 1 / (1 + torch.exp(-z))
    return x * (p + module.weight * (1 - p))


@case("unit_activation_prelu", "prelu")
@case("unit_activation_dice", "dice")
def unit_activation(kind):
    units = 6
    module = randomise(ACTIVATIONS[kind](units).double())
    (x,) = leaves(normal(9, units))
    y = module(x)
    agree(kind, y, activation_formula(x, module))
    dy = normal(9, units)
    dx, dalpha = gradients(y, dy, [x, module.weight])
    tensors = dict(x=x, alpha=module.weight, y=y, dy=dy, dx=dx, dalpha=dalpha)
    if kind == "dice":
        tensors.update(mean=module.running_mean, variance=module.running_var)
        tensors.update({"sum." + name: value for name, value in module.sums.items()})
    return tensors, dict(kind=kind, epsilon=DICE_EPSILON)


class CandidateAttention(nn.Module):
    """DIN's activation unit; every pair's [q, k, q - k, q * k] is written out."""

    def __init__(self, width, hidden, activation, softmax, recency=0, heads=1, decay=False):
        super().__init__()
        inputs = [4 * width] + list(hidden)
        self.linears = nn.ModuleList(nn.Linear(i, o) for i, o in zip(inputs, hidden))
        self.activations = nn.ModuleList(ACTIVATIONS[activation](units) for units in hidden)
        self.output = nn.Linear(hidden[-1], heads)
        self.softmax, self.scale, self.heads = softmax, 1 / math.sqrt(width // heads), heads
        self.recency_bias = nn.Parameter(torch.zeros(heads, recency)) if recency else None
        self.time_decay = nn.Parameter(torch.zeros(heads, TIME_BUCKETS)) if decay else None

    def forward(self, keys, queries, seen, times=None):
        """`seen`: the rows of keys that each candidate sees. All pairs pass the network together."""
        candidate = torch.tensor([c for c, rows in enumerate(seen) for _ in rows], dtype=torch.long)
        row = torch.tensor([r for rows in seen for r in rows], dtype=torch.long)
        q, k = queries[candidate], keys[row]
        x = torch.cat([q, k, q - k, q * k], 1)
        for linear, activation in zip(self.linears, self.activations):
            x = activation(linear(x))
        scores = self.output(x).T  # (heads, pairs)
        results, weights, first = [], [], 0
        for rows in seen:
            of_candidate = scores[:, first : first + len(rows)]
            first += len(rows)
            if self.softmax:
                logits = of_candidate * self.scale
                if self.recency_bias is not None:  # 0 is the distance of the newest row
                    distance = torch.arange(len(rows) - 1, -1, -1).clamp(max=self.recency_bias.shape[1] - 1)
                    logits = logits + self.recency_bias[:, distance]
                if self.time_decay is not None:
                    bucket = torch.tensor([time_bucket(times[rows[-1]] - times[r]) for r in rows], dtype=torch.long)
                    logits = logits + self.time_decay[:, bucket]
                of_candidate = torch.softmax(logits, 1)
            weights.append(of_candidate.reshape(-1))
            of_heads = keys[rows].chunk(self.heads, 1)
            results.append(torch.cat([a @ k for a, k in zip(of_candidate, of_heads)]))
        return torch.stack(results), torch.cat(weights)

    def formula(self, keys, queries, seen, times=None):
        """The same pair by pair and head by head."""
        results, all_weights, columns = [], [], keys.shape[1] // self.heads
        for q, rows in zip(queries, seen):
            of_heads = []
            for head in range(self.heads):
                scores = []
                for r in rows:
                    x = torch.cat([q, keys[r], q - keys[r], q * keys[r]])
                    for linear, activation in zip(self.linears, self.activations):
                        x = activation_formula(linear.weight @ x + linear.bias, activation)
                    scores.append(self.output.weight[head] @ x + self.output.bias[head])
                if self.softmax:
                    powers = [torch.exp(score * self.scale) for score in scores]
                    if self.recency_bias is not None:
                        last = self.recency_bias.shape[1] - 1
                        powers = [
                            power * torch.exp(self.recency_bias[head, min(len(rows) - 1 - j, last)])
                            for j, power in enumerate(powers)
                        ]
                    if self.time_decay is not None:
                        powers = [
                            power * torch.exp(self.time_decay[head, time_bucket(times[rows[-1]] - times[r])])
                            for power, r in zip(powers, rows)
                        ]
                    scores = [power / sum(powers) for power in powers]
                all_weights += scores
                own = slice(head * columns, (head + 1) * columns)
                of_heads.append(sum((a * keys[r, own] for a, r in zip(scores, rows)), torch.zeros_like(q[own])))
            results.append(torch.cat(of_heads))
        return torch.stack(results), torch.stack(all_weights)


def rows_seen(offsets, candidate_offsets, visible, window):
    """Of the `visible` first rows of a candidate's history the last `window`."""
    seen = []
    for history, candidates in zip(segments_of(offsets), segments_of(candidate_offsets)):
        for count in visible[candidates]:
            seen.append(list(range(history.start + max(0, count - window), history.start + count)))
    return seen


@case("candidate_attention_paper", (5,), "dice", False)
@case("candidate_attention_official_code", (6, 3), "sigmoid", True)
@case("candidate_attention_recency", (6, 3), "sigmoid", True, 4, 3)
@case("candidate_attention_heads", (6, 3), "sigmoid", True, 4, 3, 2)
@case("candidate_attention_decay", (6, 3), "sigmoid", True, 4, 3, 1, True)
def candidate_attention(hidden, activation, softmax, window=3, recency=0, heads=1, decay=False):
    width = 4
    module = randomise(CandidateAttention(width, hidden, activation, softmax, recency, heads, decay).double())
    offsets, candidate_offsets = offsets_of([4, 0, 1, 6]), offsets_of([3, 1, 2, 4])
    visible = [0, 2, 4, 0, 1, 1, 1, 3, 3, 6]
    keys, queries = leaves(normal(int(offsets[-1]), width), normal(len(visible), width))
    seen = rows_seen(offsets, candidate_offsets, visible, window)
    times = torch.tensor([0, 60, 60, 90000, 5, 7, 7, 8, 3600, 90000, 40000000]) if decay else None
    y, weights = module(keys, queries, seen, times)
    own_y, own_weights = module.formula(keys, queries, seen, times)
    agree("y", y, own_y)
    agree("weights", weights, own_weights)
    dy = normal(*y.shape)
    named = dict(module.named_parameters())
    given = gradients(y, dy, [keys, queries, *named.values()])
    for name, gradient, expected in zip(
        ["keys", "queries", *named], given, gradients(own_y, dy, [keys, queries, *named.values()])
    ):
        agree("gradient of " + name, gradient, expected)
    tensors = dict(
        offsets=offsets, candidate_offsets=candidate_offsets, visible=torch.tensor(visible).int(), keys=keys,
        queries=queries, y=y, weights=weights, dy=dy, dkeys=given[0], dqueries=given[1],
    )
    if decay:
        tensors["times"] = times.int()
    tensors.update(state_of(module, dict(zip(named, given[2:]))))
    return tensors, dict(
        window=window, layers=len(hidden), activation=activation, softmax=int(softmax), scale=module.scale,
        epsilon=DICE_EPSILON,
    )


def state_of(module, slopes):
    """Every parameter with its gradient, every statistic with PyTorch's sum of x or x^2."""
    tensors = {}
    for name, parameter in module.named_parameters():
        tensors["parameter." + name], tensors["gradient." + name] = parameter, slopes[name]
    for path, part in module.named_modules():
        if isinstance(part, Dice):
            for name, value in part.sums.items():
                tensors[f"parameter.{path}.{name}"] = part.get_buffer(name)
                tensors[f"gradient.{path}.{name}"] = value
    return tensors


class Mlp(nn.Module):
    def __init__(self, inputs, hidden, activation):
        super().__init__()
        widths = [inputs] + list(hidden)
        self.linears = nn.ModuleList(nn.Linear(i, o) for i, o in zip(widths, list(hidden) + [1]))
        self.activations = nn.ModuleList(ACTIVATIONS[activation](units) for units in hidden)

    def forward(self, x):
        for linear, activation in zip(self.linears, self.activations):
            x = activation(linear(x))
        return self.linears[-1](x)

    def formula(self, x):
        for linear, activation in zip(self.linears, self.activations):
            x = activation_formula(x @ linear.weight.T + linear.bias, activation)
        return x @ self.linears[-1].weight.T + self.linears[-1].bias


class Din(nn.Module):
    """Deep Interest Network; its state_dict has the names that seqrec uses."""

    def __init__(self, items, width, attention_hidden, hidden, activation, softmax, recency):
        super().__init__()
        self.item_embedding = nn.Embedding(items, width)
        self.attention = CandidateAttention(width, attention_hidden, activation, softmax, recency)
        self.network = Mlp(3 * width, hidden, activation)
        self.item_bias = nn.Embedding(items, 1)

    def forward(self, items, candidates, seen):
        """@return (C) log-odds"""
        q = self.item_embedding(candidates)
        u, _ = self.attention(self.item_embedding(items), q, seen)
        scores = self.network(torch.cat([u, q, u * q], 1)) + self.item_bias(candidates)
        return scores[:, 0] + (u * q).sum(1)

    def formula(self, items, candidates, seen):
        table = self.item_embedding.weight
        q = table[candidates]
        u, _ = self.attention.formula(table[items], q, seen)
        scores = self.network.formula(torch.cat([u, q, u * q], 1))[:, 0]
        return scores + self.item_bias.weight[candidates, 0] + torch.einsum("cd,cd->c", u, q)


@case("din_prelu", "prelu", True, 100)
@case("din_dice", "dice", False, 3)
@case("din_recency", "prelu", True, 3, 3)
def din(activation, softmax, window, recency=0):
    options = dict(
        items=9, width=4, attention_hidden=(5, 3), hidden=(6, 4), activation=activation, softmax=softmax,
        recency=recency,
    )
    model = randomise(Din(**options).double())
    negatives, offsets = 1, offsets_of([4, 1, 5])
    rows = int(offsets[-1])
    items = torch.randint(options["items"], (rows,))
    following = torch.randint(options["items"], (rows, 1 + negatives))
    candidates = following.reshape(-1)
    positions = [r + 1 for segment in segments_of(offsets) for r in range(segment.stop - segment.start)]
    visible = [count for count in positions for _ in range(1 + negatives)]
    seen = rows_seen(offsets, offsets * (1 + negatives), visible, window)
    labels = torch.zeros(rows, 1 + negatives, dtype=torch.float64)
    labels[:, 0] = 1
    labels = labels.reshape(-1)

    scores = model(items, candidates, seen)
    loss = F.binary_cross_entropy_with_logits(scores, labels)
    named = dict(model.named_parameters())
    slopes = dict(zip(named, torch.autograd.grad(loss, list(named.values()), retain_graph=True)))
    own_scores = model.formula(items, candidates, seen)
    own_loss = (torch.log(1 + torch.exp(own_scores)) - labels * own_scores).mean()
    agree("scores", scores, own_scores)
    agree("loss", loss, own_loss)
    for (name, slope), expected in zip(slopes.items(), torch.autograd.grad(own_loss, list(named.values()))):
        agree("gradient of " + name, slope, expected)
    tensors = dict(
        items=items.int(), offsets=offsets, next=following.int(), scores=scores, loss=loss.reshape(1)
    )
    tensors.update(state_of(model, slopes))
    dashed = lambda widths: "-".join(map(str, widths))
    metadata = dict(
        items=options["items"], width=options["width"], attention_hidden=dashed(options["attention_hidden"]),
        hidden=dashed(options["hidden"]), activation=activation, softmax="true" if softmax else "false",
        negatives=negatives, window=window,
    )
    return tensors, dict(metadata, recency_bias="true") if recency else metadata
