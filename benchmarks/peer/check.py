# SPDX-License-Identifier: Apache-2.0
"""Whether two sides compute the same. A race whose contenders do not is not run."""

import dataclasses
from collections.abc import Mapping

import numpy


@dataclasses.dataclass(frozen=True)
class Tolerance:
    loss: float  # relative, from the same weights
    gradient: float


# Of a parameter's gradient: the length of the difference, relative to that of the gradient. Rounding alone leaves 1e-6
# to 1e-5, a unit that a rounding error switches at its ReLU's kink 1e-4; what is really different leaves 1e-2 and more.
# In bfloat16 an operand alone is off by up to 4e-3.
TOLERANCE = {"full": Tolerance(2e-6, 1e-3), "bf16": Tolerance(1e-4, 1e-2)}
# There all of a model's products are in bfloat16. From the same weights PyTorch's autocast is off by up to 9e-4 of
# SASRec's loss and 5e-2 of a gradient, seqrec was by 1e-4 and 4e-2.
ON_GPU = {"full": TOLERANCE["full"], "bf16": Tolerance(2e-3, 1e-1)}
# Gradients that are nothing but rounding have no direction: their difference counts relative to the whole model's.
NEGLIGIBLE = 1e-5
SAME_SCORES = 1e-4  # relative to the largest; long histories through two blocks leave 2e-5


class Disagreement(Exception):
    """Says who differs, in what and by how much."""


class GradientsDiffer(Disagreement):
    """The losses are the same."""


def same_gradients(expected: tuple[str, float, Mapping[str, numpy.ndarray]],
                   found: tuple[str, float, Mapping[str, numpy.ndarray]], tolerance: Tolerance) -> tuple[float, float]:
    """Compares (label, loss, gradients by name).

    Returns the relative difference of the losses and the largest of the gradients.
    """
    ours, expected_loss, expected_gradients = expected
    theirs, loss, gradients = found
    loss_error = abs(loss / expected_loss - 1)
    if not loss_error <= tolerance.loss:
        raise Disagreement(f"{ours} has loss {expected_loss:.8f} and {theirs} {loss:.8f}")
    if gradients.keys() != expected_gradients.keys():
        raise Disagreement(f"{ours} and {theirs} have different parameters")
    floor = NEGLIGIBLE * max(length(gradient) for gradient in expected_gradients.values())
    worst = 0.0
    for name, gradient in expected_gradients.items():
        error = length(gradients[name] - gradient) / max(length(gradient), floor)
        if not error <= tolerance.gradient:
            raise GradientsDiffer(
                f"the gradient of {name} differs by {error:.1e} of its length between {ours} and {theirs}"
            )
        worst = max(worst, error)
    return loss_error, worst


def same_scores(what: str, expected: numpy.ndarray, found: numpy.ndarray) -> float:
    """Returns the largest difference, relative to the largest score."""
    if expected.shape != found.shape:
        raise Disagreement(f"{what}: {found.shape} scores instead of {expected.shape}")
    error = float(numpy.abs(expected - found).max() / numpy.abs(expected).max())
    if not error <= SAME_SCORES:
        raise Disagreement(f"{what}: scores differ by {error:.1e} of the largest")
    return error


def length(values: numpy.ndarray) -> float:
    return float(numpy.linalg.norm(values.astype(numpy.float64)))
