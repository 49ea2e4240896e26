# SPDX-License-Identifier: Apache-2.0
"""What models of the next item share: histories, the loss, and what their files hold."""

import torch
import torch.nn.functional as F

from .common import agree, normal, offsets_of, segments_of


def next_item_loss(encoded, table, following, objective, bias=None):
    """Summed over rows, divided by their number. `bias` has one number an item."""
    if objective == "softmax":
        logits = encoded @ table.T
        return F.cross_entropy(logits if bias is None else logits + bias, following[:, 0])
    scores = torch.einsum("nd,nkd->nk", encoded, F.embedding(following, table))
    if bias is not None:
        scores = scores + bias[following]
    labels = torch.zeros_like(scores)
    labels[:, 0] = 1
    return F.binary_cross_entropy_with_logits(scores, labels, reduction="sum") / len(encoded)


def random_model(model):
    """Parameters as tests want them: scales of layer norms about 1, all else about 0."""
    model = model.double()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            is_scale = "norm" in name and name.endswith("weight")
            parameter.copy_(normal(*parameter.shape, scale=0.3, mean=1.0 if is_scale else 0.0))
    return model


def random_histories(num_items, objective):
    """Offsets, items, and what follows each, with a negative for bce."""
    offsets = offsets_of([5, 1, 8, 4])
    rows = int(offsets[-1])
    items = torch.randint(num_items, (rows,))
    return offsets, items, torch.randint(num_items, (rows, 2 if objective == "bce" else 1))


def random_times(offsets):
    """Seconds, from none to some years apart, so that most pairs are in buckets of their own."""
    gaps = (10 ** (8 * torch.rand(int(offsets[-1]), dtype=torch.float64))).long()
    gaps[::4] = 0
    return 900_000_000 + torch.cat([gaps[segment].cumsum(0) for segment in segments_of(offsets)])


def head(parameters):
    """An encoder's output table, which may be its input's, and the bias of items, if any."""
    table = parameters.get("output_embedding.weight", parameters["item_embedding.weight"])
    return table, parameters.get("item_bias")


def encoder_tensors(model, encode, formula, offsets, items, following, objective):
    """What an encoder's file holds: inputs, states, loss, scores, parameters, gradients; all agreed with a formula.

    encode() and formula(parameters) give the states of all rows."""
    parameters = dict(model.named_parameters())
    table, bias = head(parameters)
    encoded = encode()
    loss = next_item_loss(encoded, table, following, objective, bias)
    loss.backward()

    own = {name: value.detach().clone().requires_grad_() for name, value in parameters.items()}
    own_table, own_bias = head(own)
    own_encoded = formula(own)
    own_loss = next_item_loss(own_encoded, own_table, following, objective, own_bias)
    own_loss.backward()
    agree("encoded", encoded, own_encoded)
    agree("loss", loss, own_loss)
    for name, parameter in parameters.items():
        agree("gradient of " + name, parameter.grad, own[name].grad)

    scores = encoded[offsets[1:].long() - 1] @ table.T
    tensors = dict(
        items=items.int(), offsets=offsets, next=following.int(), encoded=encoded, loss=loss.reshape(1),
        scores=scores if bias is None else scores + bias,
    )
    for name, parameter in parameters.items():
        tensors["parameter." + name] = parameter
        tensors["gradient." + name] = parameter.grad
    return tensors
