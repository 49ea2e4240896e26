# SPDX-License-Identifier: Apache-2.0
"""Losses of a target against sampled items beside binary cross-entropy, which is in ops.py."""

import torch
import torch.nn.functional as F

from .common import agree, case, gradients, leaves, normal

ROWS, WIDTH, ITEMS = 9, 6, 23


def generalised_binary_cross_entropy(scores, _, calibration):
    """The target's probability to the power of beta; the formula takes the logarithm first."""
    alpha = (scores.shape[1] - 1) / (ITEMS - 1)
    beta = alpha * (calibration * (1 - 1 / alpha) + 1 / alpha)
    probabilities = torch.sigmoid(scores)
    probabilities = torch.cat([probabilities[:, :1] ** beta, probabilities[:, 1:]], 1)
    labels = torch.zeros_like(scores)
    labels[:, 0] = 1
    losses = F.binary_cross_entropy(probabilities, labels, reduction="none").sum(1)
    return losses, beta * F.softplus(-scores[:, 0]) + F.softplus(scores[:, 1:]).sum(1)


def bpr(scores, _):
    losses = -F.logsigmoid(scores[:, :1] - scores[:, 1:]).sum(1)
    return losses, sum((1 + torch.exp(scores[:, j] - scores[:, 0])).log() for j in range(1, scores.shape[1]))


def sampled_softmax(scores, log_probability, temperature):
    corrected = scores / temperature - log_probability
    losses = F.cross_entropy(corrected, torch.zeros(len(scores), dtype=torch.long), reduction="none")
    weights = torch.exp(scores / temperature) / torch.exp(log_probability)
    return losses, (weights.sum(1) / weights[:, 0]).log()


def info_nce(scores, log_probability, temperature):
    return sampled_softmax(scores, torch.zeros_like(log_probability), temperature)


@case("sampled_loss_gbce", generalised_binary_cross_entropy, 4, dict(calibration=0.75))
@case("sampled_loss_bpr", bpr, 3, dict())
@case("sampled_loss_softmax", sampled_softmax, 5, dict(temperature=0.5))
@case("sampled_loss_info_nce", info_nce, 5, dict(temperature=2.0))
def sampled_loss(loss, negatives, options):
    x, table = leaves(normal(ROWS, WIDTH), normal(ITEMS, WIDTH))
    items = torch.randint(ITEMS, (ROWS, 1 + negatives)).int()
    # As a program has them: single precision.
    log_probability = F.log_softmax(normal(ITEMS), 0).float().double()
    scores = torch.einsum("nd,nkd->nk", x, F.embedding(items.long(), table))
    row_losses, formula = loss(scores, log_probability[items.long()], **options)
    agree("sampled_loss", row_losses, formula)
    loss_scale = 1 / ROWS
    total = (row_losses.sum() * loss_scale).reshape(1)
    one = torch.ones(1, dtype=torch.float64)
    dscores, dx, dtable = gradients(total, one, [scores, x, table])
    agree("dscores", dscores, torch.autograd.grad(formula.sum() * loss_scale, scores)[0])
    return dict(
        x=x, table=table, items=items, log_probability=log_probability, scores=scores, row_losses=row_losses,
        loss=total, dscores=dscores, dx=dx, dtable=dtable,
    ), dict(options, negatives=negatives, loss_scale=loss_scale)
