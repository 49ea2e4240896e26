# SPDX-License-Identifier: Apache-2.0
"""Gated recurrent units: nn.GRU, the variant of GRU4Rec's authors, and the model made of them."""

import torch
import torch.nn.functional as F
from torch import nn

from .common import agree, case, gradients, leaves, normal, offsets_of, segments_of
from .encoders import encoder_tensors, random_histories


def unit(x, h, weights, reset):
    """One step for one row, gate by gate, from the papers. `weights` are w_ih, w_hh, b_ih, b_hh; b_hh may be None."""
    w_ih, w_hh, b_ih, b_hh = weights
    w, u, b = w_ih.chunk(3), w_hh.chunk(3), b_ih.chunk(3)
    c = b_hh.chunk(3) if b_hh is not None else [torch.zeros_like(part) for part in b]
    r = 1 / (1 + torch.exp(-(w[0] @ x + b[0] + u[0] @ h + c[0])))
    z = 1 / (1 + torch.exp(-(w[1] @ x + b[1] + u[1] @ h + c[1])))
    if reset == "after_product":  # Cho et al. 2014 as PyTorch and cuDNN have it
        n = torch.tanh(w[2] @ x + b[2] + r * (u[2] @ h + c[2]))
        return (1 - z) * n + z * h
    n = torch.tanh(w[2] @ x + b[2] + u[2] @ (r * h) + c[2])  # Hidasi et al. 2016, equations 1 to 4
    return (1 - z) * h + z * n


def states(x, offsets, parameters, layers, reset, initial=None):
    """The last layer's state after each row, history by history."""
    width = parameters["weight_hh_l0"].shape[1]
    for layer in range(layers):
        weights = [parameters.get(f"{name}_l{layer}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        rows, final = [], []
        for user, segment in enumerate(segments_of(offsets)):
            h = torch.zeros(width, dtype=torch.float64) if initial is None else initial[user].chunk(layers)[layer]
            for row in range(segment.start, segment.stop):
                h = unit(x[row], h, weights, reset)
                rows.append(h)
            final.append(h)
        x = torch.stack(rows)
        ends = torch.stack(final) if layer == 0 else torch.cat([ends, torch.stack(final)], 1)
    return x, ends


def pytorch_states(x, offsets, module, initial):
    """The same by nn.GRU, one history after the other."""
    rows, final = [], []
    for user, segment in enumerate(segments_of(offsets)):
        h = initial[user].reshape(module.num_layers, -1)
        if segment.stop > segment.start:
            y, h = module(x[segment], h)
            rows.append(y)
        final.append(h.flatten())
    return torch.cat(rows), torch.stack(final)


def randomised(module):
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(normal(*parameter.shape, scale=0.5))
    return module


@case("gru_one_layer", 1, "after_product")
@case("gru_two_layers", 2, "after_product")
@case("gru_reset_before", 1, "before_product")
def gru(layers, reset):
    inputs, width = 5, 4
    offsets = offsets_of([4, 0, 1, 9])
    module = randomised(nn.GRU(inputs, width, layers).double())
    parameters = dict(module.named_parameters())
    if reset == "before_product":  # one bias, and nothing of PyTorch's to compare with
        del parameters["bias_hh_l0"]
    x, initial = leaves(normal(int(offsets[-1]), inputs), normal(4, layers * width))
    y, final = states(x, offsets, parameters, layers, reset, initial)
    dy = normal(len(y), width)
    wanted = [x] + list(parameters.values())
    found = gradients(y, dy, wanted)
    if reset == "after_product":
        given, given_final = pytorch_states(x, offsets, module, initial)
        agree("gru", given, y)
        agree("final", given_final, final)
        for one, other in zip(gradients(given, dy, wanted), found):
            agree("gradient", one, other)
    tensors = dict(offsets=offsets, x=x, initial=initial, y=y, final=final, dy=dy, dx=found[0])
    for (name, parameter), gradient in zip(parameters.items(), found[1:]):
        tensors["parameter." + name] = parameter
        tensors["gradient." + name] = gradient
    return tensors, dict(inputs=inputs, width=width, layers=layers, reset=reset)


class Gru4Rec(nn.Module):
    """Item vectors, a GRU, a projection where widths differ, an output table with a bias; names as seqrec has them."""

    def __init__(self, items, width, hidden, layers, output_table, item_bias):
        super().__init__()
        self.item_embedding = nn.Embedding(items, width)
        self.gru = nn.GRU(width, hidden, layers)
        self.projection = nn.Linear(hidden, width) if hidden != width else nn.Identity()
        if output_table == "separate":
            self.output_embedding = nn.Embedding(items, width)
        if item_bias:
            self.item_bias = nn.Parameter(torch.zeros(items))

    def forward(self, items, offsets):
        initial = torch.zeros(len(offsets) - 1, self.gru.num_layers * self.gru.hidden_size, dtype=torch.float64)
        y, _ = pytorch_states(self.item_embedding(items), offsets, self.gru, initial)
        return self.projection(y)


@case("gru4rec_tied_bce", 6, 6, 1, "tied", False, "bce")
@case("gru4rec_separate_softmax", 4, 7, 2, "separate", True, "softmax")
def gru4rec(width, hidden, layers, output_table, item_bias, objective):
    options = dict(items=17, width=width, hidden=hidden, layers=layers, output_table=output_table, item_bias=item_bias)
    model = randomised(Gru4Rec(**options).double())
    offsets, items, following = random_histories(options["items"], objective)

    def formula(own):
        chosen = F.one_hot(items, options["items"]).double() @ own["item_embedding.weight"]
        of_gru = {name.removeprefix("gru."): value for name, value in own.items() if name.startswith("gru.")}
        encoded, _ = states(chosen, offsets, of_gru, layers, "after_product")
        if "projection.weight" in own:
            encoded = encoded @ own["projection.weight"].T + own["projection.bias"]
        return encoded

    tensors = encoder_tensors(model, lambda: model(items, offsets), formula, offsets, items, following, objective)
    negatives = following.shape[1] - 1
    metadata = dict(options, max_length=8, objective=objective, negatives=negatives)
    metadata["item_bias"] = "true" if item_bias else "false"
    return tensors, metadata
