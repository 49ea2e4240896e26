# SPDX-License-Identifier: Apache-2.0
"""Single operations: the op itself comes from torch.nn.functional, the check beside it from its definition."""

import math

import torch
import torch.nn.functional as F

from .common import agree, away_from_kink, case, gradients, leaves, normal, offsets_of, position_rows, segments_of


@case("linear_none", "none")
@case("linear_relu", "relu")
def linear(activation):
    x, weight, bias = leaves(normal(7, 5), normal(6, 5), normal(6))
    y = F.linear(x, weight, bias)
    formula = torch.stack([(weight * row).sum(1) for row in x]) + bias
    if activation == "relu":
        y = torch.relu(away_from_kink(y))
        formula = formula.clamp_min(0)
    agree("linear", y, formula)
    dy = normal(7, 6)
    dx, dweight, dbias = gradients(y, dy, [x, weight, bias])
    return dict(x=x, weight=weight, bias=bias, y=y, dy=dy, dx=dx, dweight=dweight, dbias=dbias), dict(
        activation=activation
    )


@case("gated_silu")
def gated_silu():
    gate, x = leaves(normal(6, 7, scale=3), normal(6, 7))
    y = F.silu(gate) * x
    agree("gated_silu", y, gate / (1 + (-gate).exp()) * x)
    dy = normal(6, 7)
    dgate, dx = gradients(y, dy, [gate, x])
    return dict(gate=gate, x=x, y=y, dy=dy, dgate=dgate, dx=dx), {}


@case("dropout_residual_layer_norm", 1e-5)
def residual_layer_norm(epsilon):
    width = 7
    x, residual, gamma, beta = leaves(
        normal(6, width), normal(6, width, mean=2), normal(width, scale=0.3, mean=1), normal(width)
    )
    total = residual + x
    y, mean, rstd = torch.native_layer_norm(total, [width], gamma, beta, epsilon)
    check_layer_norm(y, mean, rstd, total, gamma, beta, epsilon)
    dy, dsum = normal(6, width), normal(6, width)
    dx, dresidual, dgamma, dbeta = gradients([y, total], [dy, dsum], [x, residual, gamma, beta])
    return dict(
        x=x, residual=residual, gamma=gamma, beta=beta, sum=total, y=y, mean=mean.flatten(), rstd=rstd.flatten(),
        dy=dy, dsum=dsum, dx=dx, dresidual=dresidual, dgamma=dgamma, dbeta=dbeta,
    ), dict(epsilon=epsilon)


@case("layer_norm", 1e-8)
def layer_norm(epsilon):
    width = 10
    x, gamma, beta = leaves(normal(5, width), normal(width, scale=0.3, mean=1), normal(width))
    y, mean, rstd = torch.native_layer_norm(x, [width], gamma, beta, epsilon)
    check_layer_norm(y, mean, rstd, x, gamma, beta, epsilon)
    dy = normal(5, width)
    dx, dgamma, dbeta = gradients(y, dy, [x, gamma, beta])
    return dict(
        x=x, gamma=gamma, beta=beta, y=y, mean=mean.flatten(), rstd=rstd.flatten(),
        dy=dy, dx=dx, dgamma=dgamma, dbeta=dbeta,
    ), dict(epsilon=epsilon)


def check_layer_norm(y, mean, rstd, x, gamma, beta, epsilon):
    centred = x - x.mean(1, keepdim=True)
    inverse = ((centred**2).mean(1, keepdim=True) + epsilon).rsqrt()
    agree("mean", mean, x.mean(1, keepdim=True))
    agree("rstd", rstd, inverse)
    agree("layer norm", y, centred * inverse * gamma + beta)


@case("embed_sequence_end", "end")
@case("embed_sequence_start", "start")
def embed_sequence(origin):
    width, items_in_table, table_rows = 6, 9, 7
    offsets = offsets_of([3, 0, 1, 7, 4])
    rows = int(offsets[-1])
    items = torch.randint(items_in_table, (rows,)).int()
    items[1] = items[0]  # twice in one history; with 15 rows of 9 items also in several
    table, positions = leaves(normal(items_in_table, width), normal(table_rows, width))
    scale = math.sqrt(width)
    gathered = F.embedding(items.long(), table)
    used = position_rows(origin, offsets, table_rows)
    y = gathered * scale + F.embedding(used, positions)
    dy = normal(rows, width)
    ditems, dtable, dpositions = gradients(y, dy, [gathered, table, positions])
    expected_dtable, expected_dpositions = torch.zeros_like(table), torch.zeros_like(positions)
    for row in range(rows):
        agree("embed_sequence", y[row], scale * table[items[row]] + positions[used[row]])
        expected_dtable[items[row]] += scale * dy[row]
        expected_dpositions[used[row]] += dy[row]
    agree("dtable", dtable, expected_dtable)
    agree("dpositions", dpositions, expected_dpositions)
    return dict(
        items=items, offsets=offsets, table=table, positions=positions, y=y,
        dy=dy, ditems=ditems, dtable=dtable, dpositions=dpositions,
    ), dict(origin=origin, scale=scale)


@case("self_attention_heads_1", 7, 1)
@case("self_attention_heads_2", 10, 2)
def self_attention(width, heads):
    offsets = offsets_of([4, 0, 1, 37])  # 37: longer than any tile of a CPU kernel's row block
    rows = int(offsets[-1])
    q, k, v = leaves(normal(rows, width, scale=1.5), normal(rows, width, scale=1.5), normal(rows, width))

    def split(x):  # (n, D) -> (H, n, D / H)
        return x.unflatten(1, (heads, width // heads)).transpose(0, 1)

    parts = []
    for segment in segments_of(offsets):
        part = F.scaled_dot_product_attention(split(q[segment]), split(k[segment]), split(v[segment]), is_causal=True)
        parts.append(part.transpose(0, 1).flatten(1))
        agree("self_attention", parts[-1], causal_attention(q[segment], k[segment], v[segment], heads))
    y = torch.cat(parts)
    dy = normal(rows, width)
    dq, dk, dv = gradients(y, dy, [q, k, v])
    return dict(offsets=offsets, q=q, k=k, v=v, y=y, dy=dy, dq=dq, dk=dk, dv=dv), dict(heads=heads)


def causal_attention(q, k, v, heads):
    """Row i of head h is the mean of the head's v_0 .. v_i, weighted by softmax_j(q_i . k_j / sqrt(D / H))."""
    length, width = q.shape
    y = torch.zeros_like(v)
    each = width // heads
    for head in range(heads):
        columns = slice(head * each, (head + 1) * each)
        for i in range(length):
            scores = k[: i + 1, columns] @ q[i, columns] / math.sqrt(each)
            weights = (scores - scores.max()).exp()
            y[i, columns] = weights @ v[: i + 1, columns] / weights.sum()
    return y


@case("catalogue_loss_without_seen")
def catalogue_loss_without_seen():
    """The items of a history so far are left out of the softmax, but for the target."""
    width, items_in_table = 6, 11
    offsets = offsets_of([4, 1, 6])
    rows = int(offsets[-1])
    x, table = leaves(normal(rows, width), normal(items_in_table, width))
    seen = torch.randint(items_in_table, (rows,)).int()
    items = torch.randint(items_in_table, (rows, 1)).int()
    items[3, 0], items[10, 0] = seen[1], seen[10]  # targets that were seen
    left_out = torch.zeros(rows, items_in_table, dtype=torch.bool)
    for segment in segments_of(offsets):
        for row in range(segment.start, segment.stop):
            left_out[row, seen[segment.start : row + 1].long()] = True
            left_out[row, items[row, 0]] = False
    scores = (x @ table.T).masked_fill(left_out, -math.inf)
    row_losses = F.cross_entropy(scores, items[:, 0].long(), reduction="none")
    loss_scale = 1 / rows
    loss = (row_losses.sum() * loss_scale).reshape(1)
    for row in range(rows):
        kept = [x[row] @ table[item] for item in range(items_in_table) if not left_out[row, item]]
        formula = torch.stack(kept).exp().sum().log() - x[row] @ table[items[row, 0]]
        agree("catalogue_loss", row_losses[row], formula)
    dx, dtable = gradients(loss, torch.ones(1, dtype=torch.float64), [x, table])
    return dict(
        x=x, table=table, items=items, seen=seen, offsets=offsets, row_losses=row_losses, loss=loss, dx=dx,
        dtable=dtable,
    ), dict(loss_scale=loss_scale)


@case("catalogue_loss", 1.0)
@case("catalogue_loss_large_scores", 300.0)  # scores near 1000: their exponentials overflow float64
def catalogue_loss(size):
    rows, width, items_in_table = 9, 6, 23
    x, table = leaves(normal(rows, width, scale=size), normal(items_in_table, width))
    items = torch.randint(items_in_table, (rows, 1)).int()
    scores = x @ table.T
    row_losses = F.cross_entropy(scores, items[:, 0].long(), reduction="none")
    loss_scale = 1 / rows
    loss = (row_losses.sum() * loss_scale).reshape(1)
    agree("loss", loss, F.cross_entropy(scores, items[:, 0].long()).reshape(1))
    for row in range(rows):
        top = scores[row].max()
        formula = top + (scores[row] - top).exp().sum().log() - scores[row, items[row, 0]]
        agree("catalogue_loss", row_losses[row], formula)
    dx, dtable = gradients(loss, torch.ones(1, dtype=torch.float64), [x, table])
    return dict(x=x, table=table, items=items, row_losses=row_losses, loss=loss, dx=dx, dtable=dtable), dict(
        loss_scale=loss_scale
    )


@case("sampled_loss_bce_1", 1)
@case("sampled_loss_bce_3", 3)
def sampled_loss(negatives):
    rows, width, items_in_table = 9, 6, 23
    size = torch.ones(rows, 1, dtype=torch.float64)
    size[0] = 300  # scores near 1000: exp overflows float64, softplus must not
    x, table = leaves(size * normal(rows, width), normal(items_in_table, width))
    items = torch.randint(items_in_table, (rows, 1 + negatives)).int()
    scores = torch.einsum("nd,nkd->nk", x, F.embedding(items.long(), table))
    labels = torch.zeros_like(scores)
    labels[:, 0] = 1
    row_losses = F.binary_cross_entropy_with_logits(scores, labels, reduction="none").sum(1)
    formula = F.softplus(-scores[:, 0]) + sum(F.softplus(scores[:, 1 + n]) for n in range(negatives))
    agree("sampled_loss", row_losses, formula)
    loss_scale = 1 / rows
    loss = (row_losses.sum() * loss_scale).reshape(1)
    one = torch.ones(1, dtype=torch.float64)
    dscores, dx, dtable = gradients(loss, one, [scores, x, table])
    agree("dscores", dscores, (torch.sigmoid(scores) - labels) * loss_scale)
    return dict(
        x=x, table=table, items=items, scores=scores, row_losses=row_losses, loss=loss,
        dscores=dscores, dx=dx, dtable=dtable,
    ), dict(negatives=negatives, loss_scale=loss_scale)
