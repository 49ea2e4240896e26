# SPDX-License-Identifier: Apache-2.0
"""The register of cases, jagged helpers, and the checks that every case uses."""

import torch

AGREEMENT = 1e-11  # PyTorch against the formula, relative to the largest element
KINK = 1e-4  # no ReLU input may be closer to 0: a rounding difference must not switch a unit

CASES = {}


def case(name, *arguments):
    """Registers a function returning (tensors, metadata) as the maker of `name`.safetensors."""

    def register(function):
        CASES[name] = lambda: function(*arguments)
        return function

    return register


def normal(*shape, scale=1.0, mean=0.0):
    return mean + scale * torch.randn(*shape, dtype=torch.float64)


def int32(values):
    return torch.tensor(values, dtype=torch.int32)


def offsets_of(lengths):
    return int32([0] + torch.tensor(lengths).cumsum(0).tolist())


def segments_of(offsets):
    """The row ranges of a jagged array, oldest segment first."""
    bounds = offsets.tolist()
    return [slice(first, last) for first, last in zip(bounds, bounds[1:])]


def leaves(*tensors):
    return [tensor.clone().requires_grad_() for tensor in tensors]


def gradients(outputs, incoming, inputs):
    """The gradient of sum(outputs * incoming) with respect to each input."""
    return torch.autograd.grad(outputs, inputs, incoming)


def agree(what, given, expected):
    if given.numel() == 0 and expected.numel() == 0:
        return
    error = (given - expected).abs().max().item()
    bound = AGREEMENT * max(1.0, expected.abs().max().item())
    if not error <= bound:
        raise AssertionError(f"{what}: PyTorch and the formula differ by {error:.3g}, allowed {bound:.3g}")


def away_from_kink(values):
    if values.numel() == 0:
        return values
    closest = values.abs().min().item()
    if closest < KINK:
        raise AssertionError(f"a ReLU input is {closest:.3g} from 0, wanted {KINK:.3g}: choose other values")
    return values


def position_rows(origin, offsets, positions):
    """The row of a table of `positions` rows that each packed row uses."""
    rows = []
    for segment in segments_of(offsets):
        length = segment.stop - segment.start
        first = positions - length if origin == "end" else 0
        rows.extend(range(first, first + length))
    return torch.tensor(rows)
