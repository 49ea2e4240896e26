# SPDX-License-Identifier: Apache-2.0
"""Optimisers over three steps of two tensors, and learning-rate schedules."""

import math

import torch
from torch import nn

from .common import agree, case, normal


@case("optimizer_adam", torch.optim.Adam, 0.0, 0.0)
@case("optimizer_adamw", torch.optim.AdamW, 0.1, 0.0)
@case("optimizer_adam_clipped", torch.optim.Adam, 0.0, 4.0)
def optimizer(kind, weight_decay, max_norm):
    steps, learning_rate, betas, epsilon = 3, 0.01, (0.9, 0.98), 1e-8
    named = {"first": nn.Parameter(normal(5, 3)), "second": nn.Parameter(normal(7))}
    algorithm = kind(named.values(), lr=learning_rate, betas=betas, eps=epsilon, weight_decay=weight_decay)
    tensors, norms = {}, []
    own = {}
    for name, value in named.items():
        tensors[f"{name}.0"] = value.detach().clone()
        own[name] = [value.detach().clone(), torch.zeros_like(value), torch.zeros_like(value)]
    for step in range(1, steps + 1):
        for name, value in named.items():
            value.grad = normal(*value.shape, scale=0.2 if step == 2 else 2.0)  # step 2 stays below the clipping norm
            value.grad[0] = 0  # an element (a row) that never moves but by weight decay
            tensors[f"{name}.gradient.{step}"] = value.grad.clone()
        norm = math.sqrt(sum((value.grad**2).sum().item() for value in named.values()))
        factor = 1.0
        if max_norm:
            returned = nn.utils.clip_grad_norm_(named.values(), max_norm)
            agree("gradient norm", returned, torch.tensor(norm, dtype=torch.float64))
            factor = min(1.0, max_norm / (norm + 1e-6))  # PyTorch's guard against a zero norm
            assert (factor == 1.0) == (step == 2)
        norms.append(norm)
        algorithm.step()
        for name, value in named.items():
            gradient = factor * tensors[f"{name}.gradient.{step}"]
            adam_formula(own[name], gradient, step, learning_rate, betas, epsilon, weight_decay)
            agree(f"{name} after step {step}", value.detach(), own[name][0])
            tensors[f"{name}.{step}"] = value.detach().clone()
    for name, value in named.items():
        tensors[f"{name}.first_moment"] = algorithm.state[value]["exp_avg"]
        tensors[f"{name}.second_moment"] = algorithm.state[value]["exp_avg_sq"]
    tensors["gradient_norm"] = torch.tensor(norms, dtype=torch.float64)
    return tensors, dict(
        steps=steps, learning_rate=learning_rate, beta1=betas[0], beta2=betas[1], epsilon=epsilon,
        weight_decay=weight_decay, max_norm=max_norm,
    )


def adam_formula(state, gradient, step, learning_rate, betas, epsilon, weight_decay):
    """One step of Adam, with decoupled weight decay, on state = [value, first moment, second moment]."""
    value, first, second = state
    value = value - learning_rate * weight_decay * value
    first = betas[0] * first + (1 - betas[0]) * gradient
    second = betas[1] * second + (1 - betas[1]) * gradient**2
    unbiased_first = first / (1 - betas[0] ** step)
    unbiased_second = second / (1 - betas[1] ** step)
    state[:] = [value - learning_rate * unbiased_first / (unbiased_second.sqrt() + epsilon), first, second]


@case("schedule_warmup_cosine", 5)
@case("schedule_cosine", 0)
def schedule(warmup):
    total = 20

    def factor(step):
        if step < warmup:
            return (step + 1) / warmup
        return 0.5 * (1 + math.cos(math.pi * (step - warmup) / (total - warmup)))

    def walk(make, steps):
        algorithm = torch.optim.SGD([nn.Parameter(torch.zeros(1, dtype=torch.float64))], lr=1.0)
        rule, values = make(algorithm), []
        for _ in range(steps):
            values.append(algorithm.param_groups[0]["lr"])
            algorithm.step()
            rule.step()
        return torch.tensor(values, dtype=torch.float64)

    rules = torch.optim.lr_scheduler
    factors = walk(lambda algorithm: rules.LambdaLR(algorithm, factor), total)
    cosine = walk(lambda algorithm: rules.CosineAnnealingLR(algorithm, T_max=total - warmup), total - warmup)
    agree("cosine", cosine, factors[warmup:])
    if warmup:
        linear = walk(
            lambda algorithm: rules.LinearLR(algorithm, start_factor=1 / warmup, total_iters=warmup - 1), warmup
        )
        agree("warm-up", linear, factors[:warmup])
    return dict(factors=factors), dict(warmup_steps=warmup, total_steps=total)
