# SPDX-License-Identifier: Apache-2.0
"""Optimisers over three steps of two tensors, learning-rate schedules, and averages of weights."""

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


def run_steps(algorithm, named, steps, formula, sparse=False):
    """Steps with random gradients, each checked against formula(name, value, gradient, step) -> value."""
    tensors = {}
    own = {name: value.detach().clone() for name, value in named.items()}
    for name, value in named.items():
        tensors[f"{name}.0"] = value.detach().clone()
    for step in range(1, steps + 1):
        for name, value in named.items():
            gradient = normal(*value.shape, scale=2.0)
            gradient[step % 3] = 0  # a row that this step does not touch
            tensors[f"{name}.gradient.{step}"] = gradient
            rows = [row for row in range(len(gradient)) if row != step % 3]
            value.grad = gradient.clone()
            if sparse:
                value.grad = torch.sparse_coo_tensor(torch.tensor([rows]), gradient[rows], gradient.shape)
        algorithm.step()
        for name, value in named.items():
            own[name] = formula(name, own[name], tensors[f"{name}.gradient.{step}"], step)
            agree(f"{name} after step {step}", value.detach(), own[name])
            tensors[f"{name}.{step}"] = value.detach().clone()
    return tensors


def two_tensors():
    return {"first": nn.Parameter(normal(5, 3)), "second": nn.Parameter(normal(7))}


@case("optimizer_sgd", 0.0, False, 0.0)
@case("optimizer_sgd_decayed", 0.0, False, 0.1)
@case("optimizer_sgd_momentum", 0.9, False, 0.1)
@case("optimizer_sgd_nesterov", 0.9, True, 0.1)
def sgd(momentum, nesterov, weight_decay):
    steps, learning_rate = 4, 0.05
    named, velocity = two_tensors(), {}
    algorithm = torch.optim.SGD(
        named.values(), lr=learning_rate, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay
    )

    def formula(name, value, gradient, step):
        slope = gradient + weight_decay * value
        velocity[name] = momentum * velocity.get(name, 0) + slope
        return value - learning_rate * (slope + momentum * velocity[name] if nesterov else velocity[name])

    return run_steps(algorithm, named, steps, formula), dict(
        steps=steps, learning_rate=learning_rate, momentum=momentum, nesterov=int(nesterov), weight_decay=weight_decay
    )


@case("optimizer_adagrad", 0.0, 0.0, 0.0)
@case("optimizer_adagrad_decayed", 0.2, 0.5, 0.1)
def adagrad(learning_rate_decay, initial_accumulator, weight_decay):
    steps, learning_rate, epsilon = 4, 0.1, 1e-10
    named, squares = two_tensors(), {}
    algorithm = torch.optim.Adagrad(
        named.values(), lr=learning_rate, lr_decay=learning_rate_decay, weight_decay=weight_decay,
        initial_accumulator_value=initial_accumulator, eps=epsilon,
    )

    def formula(name, value, gradient, step):
        slope = gradient + weight_decay * value
        squares[name] = squares.get(name, initial_accumulator) + slope**2
        rate = learning_rate / (1 + (step - 1) * learning_rate_decay)
        return value - rate * slope / (squares[name].sqrt() + epsilon)

    return run_steps(algorithm, named, steps, formula), dict(
        steps=steps, learning_rate=learning_rate, learning_rate_decay=learning_rate_decay,
        initial_accumulator=initial_accumulator, epsilon=epsilon, weight_decay=weight_decay,
    )


@case("optimizer_adagrad_momentum")
def adagrad_momentum():
    # PyTorch has no such rule, but both halves of it: SGD with momentum follows the steps of an Adagrad elsewhere.
    steps, learning_rate, epsilon, momentum, initial_accumulator = 4, 0.1, 1e-6, 0.8, 0.25
    named, squares, velocity = two_tensors(), {}, {}
    shadows = [value.detach().clone().requires_grad_() for value in named.values()]
    scale = torch.optim.Adagrad(shadows, lr=learning_rate, initial_accumulator_value=initial_accumulator, eps=epsilon)
    move = torch.optim.SGD(named.values(), lr=1.0, momentum=momentum)

    class Both:
        def step(self):
            before = [shadow.detach().clone() for shadow in shadows]
            for value, shadow in zip(named.values(), shadows):
                shadow.grad = value.grad.clone()
            scale.step()
            for value, shadow, start in zip(named.values(), shadows, before):
                value.grad = start - shadow.detach()
            move.step()

    def formula(name, value, gradient, step):
        squares[name] = squares.get(name, initial_accumulator) + gradient**2
        step_alone = learning_rate * gradient / (squares[name].sqrt() + epsilon)
        velocity[name] = momentum * velocity.get(name, 0) + step_alone
        return value - velocity[name]

    return run_steps(Both(), named, steps, formula), dict(
        steps=steps, learning_rate=learning_rate, learning_rate_decay=0.0, initial_accumulator=initial_accumulator,
        epsilon=epsilon, weight_decay=0.0, momentum=momentum,
    )


@case("item_decay_sgd", "sgd")
@case("item_decay_adam", "adam")
def item_decay(kind):
    """DIN's mini-batch aware regularisation (equation 4): autograd takes the gradient of the loss with its penalty."""
    steps, learning_rate, strength, momentum, betas, epsilon = 4, 0.05, 0.8, 0.9, (0.9, 0.98), 1e-8
    counts = torch.tensor([7.0, 1.0, 3.0, 12.0, 2.0], dtype=torch.float64)  # how often each item is trained
    batches = [[0, 2, 3], [1, 3], [0, 4], [2, 3, 4]]  # item 1 is in one batch alone
    named = {"vectors": nn.Parameter(normal(5, 3)), "biases": nn.Parameter(normal(5, 1))}
    if kind == "sgd":
        algorithm = torch.optim.SGD(named.values(), lr=learning_rate, momentum=momentum)
    else:
        algorithm = torch.optim.Adam(named.values(), lr=learning_rate, betas=betas, eps=epsilon)
    tensors = {"counts": counts}
    own, velocity, moments = {}, {}, {}
    for name, value in named.items():
        tensors[f"{name}.0"] = own[name] = value.detach().clone()
        velocity[name], moments[name] = 0, [torch.zeros_like(own[name]), torch.zeros_like(own[name])]
    for step, batch in enumerate(batches, start=1):
        algorithm.zero_grad()
        loss = torch.zeros((), dtype=torch.float64)
        for name, value in named.items():
            slope = torch.zeros_like(own[name])
            slope[batch] = normal(len(batch), value.shape[1])
            tensors[f"{name}.gradient.{step}"] = slope
            penalty = ((value[batch] ** 2).sum(dim=1) / counts[batch]).sum() * strength / 2
            loss = loss + (slope * value).sum() + penalty
        loss.backward()
        for name, value in named.items():
            tensors[f"{name}.decayed.{step}"] = value.grad.clone()
        algorithm.step()
        in_batch = torch.zeros(5, 1, dtype=torch.float64)
        in_batch[batch] = 1
        for name, value in named.items():
            slope = tensors[f"{name}.gradient.{step}"] + strength * in_batch / counts[:, None] * own[name]  # equation 6
            agree(f"{name} decayed gradient {step}", tensors[f"{name}.decayed.{step}"], slope)
            if kind == "sgd":
                velocity[name] = momentum * velocity[name] + slope
                own[name] = own[name] - learning_rate * velocity[name]
            else:
                state = [own[name], *moments[name]]
                adam_formula(state, slope, step, learning_rate, betas, epsilon, 0.0)
                own[name], moments[name] = state[0], state[1:]
            agree(f"{name} after step {step}", value.detach(), own[name])
            tensors[f"{name}.{step}"] = value.detach().clone()
    return tensors, dict(
        steps=steps, learning_rate=learning_rate, item_decay=strength, momentum=momentum, beta1=betas[0], beta2=betas[1],
        epsilon=epsilon,
    )


@case("optimizer_sparse_adam")
def sparse_adam():
    # PyTorch's SparseAdam adds epsilon before it corrects the second moment's bias, Adam afterwards; so small an epsilon
    # makes no difference.
    steps, learning_rate, betas, epsilon = 6, 0.01, (0.9, 0.98), 1e-20
    named, states = {"first": nn.Parameter(normal(5, 3))}, {}
    algorithm = torch.optim.SparseAdam(list(named.values()), lr=learning_rate, betas=betas, eps=epsilon)

    def formula(name, value, gradient, step):
        before = states.get(name, [value, torch.zeros_like(value), torch.zeros_like(value)])
        state = [value, before[1], before[2]]
        adam_formula(state, gradient, step, learning_rate, betas, epsilon, 0.0)
        touched = (gradient != 0).any(dim=1, keepdim=True)
        states[name] = [torch.where(touched, new, old) for new, old in zip(state, [value, before[1], before[2]])]
        return states[name][0]

    return run_steps(algorithm, named, steps, formula, sparse=True), dict(
        steps=steps, learning_rate=learning_rate, beta1=betas[0], beta2=betas[1], epsilon=epsilon
    )


@case("exponential_average")
def exponential_average():
    steps, decay = 4, 0.8
    model = nn.Linear(3, 5, dtype=torch.float64)
    average = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(decay), use_buffers=False
    )
    tensors, own = {}, None
    for step in range(1, steps + 1):
        with torch.no_grad():
            model.weight.copy_(normal(5, 3))
        average.update_parameters(model)
        weight = model.weight.detach().clone()
        own = weight if own is None else decay * own + (1 - decay) * weight
        agree(f"average after step {step}", average.module.weight.detach(), own)
        tensors[f"weight.{step}"], tensors[f"average.{step}"] = weight, average.module.weight.detach().clone()
    return tensors, dict(steps=steps, decay=decay)


@case("schedule_plateau")
def plateau():
    factor, patience, threshold, least, start = 0.5, 2, 0.01, 0.06, 0.4
    scores = [0.1, 0.2, 0.201, 0.19, 0.2, 0.2021, 0.1, 0.1, 0.1, 0.1, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3]
    algorithm = torch.optim.SGD([nn.Parameter(torch.zeros(1, dtype=torch.float64))], lr=start)
    rule = torch.optim.lr_scheduler.ReduceLROnPlateau(
        algorithm, mode="max", factor=factor, patience=patience, threshold=threshold, threshold_mode="rel", min_lr=least
    )
    rates, rate, best, not_better = [], start, -math.inf, 0
    for score in scores:
        rule.step(score)
        rates.append(algorithm.param_groups[0]["lr"])
        if score > best * (1 + threshold):
            best, not_better = score, 0
        else:
            not_better += 1
        if not_better > patience:
            rate, not_better = max(rate * factor, least), 0
        assert abs(rates[-1] - rate) < 1e-15
    assert least in rates and start in rates
    values = lambda numbers: torch.tensor(numbers, dtype=torch.float64)
    return dict(scores=values(scores), rates=values(rates)), dict(
        factor=factor, patience=patience, threshold=threshold, min_rate=least, start=start
    )


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
