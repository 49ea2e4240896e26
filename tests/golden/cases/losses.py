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


def top1(scores, _):
    """Hidasi et al. 2016: the mean over the negatives."""
    losses = (torch.sigmoid(scores[:, 1:] - scores[:, :1]) + torch.sigmoid(scores[:, 1:] ** 2)).mean(1)
    terms = [
        1 / (1 + torch.exp(scores[:, 0] - scores[:, j])) + 1 / (1 + torch.exp(-scores[:, j] * scores[:, j]))
        for j in range(1, scores.shape[1])
    ]
    return losses, sum(terms) / len(terms)


def bent(scores, elu):
    """The exponential linear unit; with 0 none."""
    return torch.where(scores > 0, scores, elu * (torch.exp(scores) - 1)) if elu else scores


def shares(scores):
    """Of each negative in the softmax over all of them, term by term."""
    powers = [torch.exp(scores[:, j]) for j in range(1, scores.shape[1])]
    return [power / sum(powers) for power in powers]


def top1_max(scores, _, elu):
    """Hidasi & Karatzoglou 2018: the same, weighed by shares."""
    own, scores = bent(scores, elu), F.elu(scores, elu)
    weights = torch.softmax(scores[:, 1:], 1)
    losses = (weights * (torch.sigmoid(scores[:, 1:] - scores[:, :1]) + torch.sigmoid(scores[:, 1:] ** 2))).sum(1)
    terms = [
        w * (1 / (1 + torch.exp(own[:, 0] - own[:, j])) + 1 / (1 + torch.exp(-own[:, j] * own[:, j])))
        for j, w in enumerate(shares(own), 1)
    ]
    return losses, sum(terms)


def bpr_max(scores, _, score_regularisation, elu):
    """Hidasi & Karatzoglou 2018, with the regularisation of the scores."""
    own, scores = bent(scores, elu), F.elu(scores, elu) if elu else scores
    log_weights = F.log_softmax(scores[:, 1:], 1)
    losses = -torch.logsumexp(log_weights + F.logsigmoid(scores[:, :1] - scores[:, 1:]), 1)
    losses = losses + score_regularisation * (log_weights.exp() * scores[:, 1:] ** 2).sum(1)
    weights = shares(own)
    above = sum(w / (1 + torch.exp(own[:, j] - own[:, 0])) for j, w in enumerate(weights, 1))
    squares = sum(w * own[:, j] * own[:, j] for j, w in enumerate(weights, 1))
    return losses, -torch.log(above) + score_regularisation * squares


@case("sampled_loss_top1", top1, 4, dict())
@case("sampled_loss_top1_max", top1_max, 4, dict(elu=0.5))
@case("sampled_loss_bpr_max", bpr_max, 5, dict(score_regularisation=1.5, elu=0.0))
@case("sampled_loss_bpr_max_elu", bpr_max, 5, dict(score_regularisation=0.5, elu=1.0))
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
