# SPDX-License-Identifier: Apache-2.0
"""Mixtures of experts: each expert on the tokens that chose it, checked against every expert on every token, masked."""

import torch
from torch import nn

from .common import agree, away_from_kink, case, leaves, normal


def router_gates(logits, gate):
    return torch.sigmoid(logits) if gate == "sigmoid" else logits.softmax(-1)


def dispatched(x, logits, experts, shared, options, bias):
    """Tokens gathered for each expert, results added where they came from: what Mixtral's PyTorch code does."""
    gates = router_gates(logits, options["gate"])
    scores = gates if bias is None else gates + bias
    best = torch.topk(scores, options["top_k"], dim=-1).indices
    weights = gates.gather(1, best)
    if options["normalise"]:
        weights = weights / weights.sum(-1, keepdim=True)
    y = torch.zeros_like(x) if shared is None else shared(x)
    for number, expert in enumerate(experts):
        token, slot = torch.where(best == number)
        y = y.index_add(0, token, expert(x[token]) * weights[token, slot, None])
    counts = torch.bincount(best.flatten(), minlength=len(experts)).double()
    shares = gates / gates.sum(-1, keepdim=True)
    balance = len(experts) * torch.dot(counts / counts.sum(), shares.mean(0))
    return y, balance, counts


def masked(x, router, linear1, linear2, shared, options, bias):
    """The same from stacked parameters, without choosing anything: zeros where fewer than K others are better."""
    logits = x @ router.T
    gates = 1 / (1 + (-logits).exp()) if options["gate"] == "sigmoid" else logits.exp() / logits.exp().sum(1, True)
    scores = gates if bias is None else gates + bias
    better = (scores[:, None, :] > scores[:, :, None]).sum(-1)
    mask = (better < options["top_k"]).double()
    weights = gates * mask
    if options["normalise"]:
        weights = weights / weights.sum(1, keepdim=True)
    number, units, width = len(router), linear1[1].shape[1], x.shape[1]
    y = torch.zeros_like(x)
    for e in range(number):
        h = (x @ linear1[0][e * units : (e + 1) * units].T + linear1[1][e]).clamp_min(0)
        y = y + weights[:, e, None] * (h @ linear2[0][e * width : (e + 1) * width].T + linear2[1][e])
    if shared is not None:
        (w1, b1), (w2, b2) = shared
        y = y + (x @ w1.T + b1).clamp_min(0) @ w2.T + b2
    balance = number * ((mask.sum(0) / mask.sum()) * (gates / gates.sum(1, keepdim=True)).mean(0)).sum()
    return y, balance


class Expert(nn.Module):
    def __init__(self, width, units):
        super().__init__()
        self.linear1, self.linear2 = nn.Linear(width, units), nn.Linear(units, width)

    def forward(self, x):
        return self.linear2(torch.relu(away_from_kink(self.linear1(x))))


@case("moe_sigmoid", "sigmoid", True, 2, 1, True, 0.0)
@case("moe_softmax", "softmax", True, 2, 0, False, 0.3)
@case("moe_switch", "softmax", False, 1, 0, False, 0.01)
@case("moe_plain_sigmoid", "sigmoid", False, 3, 2, False, 0.2)
def moe(gate, normalise, top_k, shared_experts, biased, alpha):
    number, width, units, rows = 5, 6, 4, 23
    options = dict(gate=gate, normalise=normalise, top_k=top_k)
    router = nn.Linear(width, number, bias=False).double()
    experts = [Expert(width, units).double() for _ in range(number)]
    shared = Expert(width, shared_experts * units).double() if shared_experts else None
    modules = [router, *experts] + ([shared] if shared else [])
    with torch.no_grad():
        for module in modules:
            for parameter in module.parameters():
                parameter.copy_(normal(*parameter.shape, scale=0.5))
    bias = None
    if biased:  # nobody goes to the last expert
        bias = normal(number, scale=0.2)
        bias[-1] = -9
    (x,) = leaves(normal(rows, width))
    dy = normal(rows, width)
    y, balance, counts = dispatched(x, router(x), experts, shared, options, bias)
    loss = (y * dy).sum() + alpha * balance
    loss.backward()

    def stacked(pick, join):
        return join([pick(expert).detach() for expert in experts])

    def slopes(pick, join):
        grads = [pick(expert).grad for expert in experts]
        return join([torch.zeros_like(pick(experts[0])) if g is None else g for g in grads])

    picks = {
        "experts.linear1.weight": (lambda e: e.linear1.weight, torch.cat),
        "experts.linear1.bias": (lambda e: e.linear1.bias, torch.stack),
        "experts.linear2.weight": (lambda e: e.linear2.weight, torch.cat),
        "experts.linear2.bias": (lambda e: e.linear2.bias, torch.stack),
    }
    values = {"router.weight": router.weight.detach()}
    found = {"router.weight": router.weight.grad}
    for name, (pick, join) in picks.items():
        values[name], found[name] = stacked(pick, join), slopes(pick, join)
    if shared:
        for name, parameter in shared.named_parameters():
            values["shared." + name], found["shared." + name] = parameter.detach(), parameter.grad

    own = {name: value.clone().requires_grad_() for name, value in values.items()}
    own_x = x.detach().clone().requires_grad_()
    pair = lambda name: (own[name + ".weight"], own[name + ".bias"])
    of_shared = (pair("shared.linear1"), pair("shared.linear2")) if shared else None
    own_y, own_balance = masked(
        own_x, own["router.weight"], pair("experts.linear1"), pair("experts.linear2"), of_shared, options, bias
    )
    own_loss = (own_y * dy).sum() + alpha * own_balance
    own_loss.backward()
    agree("y", y, own_y)
    agree("balance", balance, own_balance)
    agree("dx", x.grad, own_x.grad)
    for name in values:
        agree("gradient of " + name, found[name], own[name].grad)

    tensors = dict(x=x, dy=dy, y=y, dx=x.grad, loads=counts, balance=balance.reshape(1))
    if biased:
        tensors["selection_bias"] = bias
    for name in values:
        tensors["parameter." + name], tensors["gradient." + name] = values[name], found[name]
    metadata = dict(options, experts=number, expert_width=units, shared_experts=shared_experts, auxiliary_weight=alpha)
    metadata["normalise"] = "true" if normalise else "false"
    return tensors, metadata
