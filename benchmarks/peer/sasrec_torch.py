# SPDX-License-Identifier: Apache-2.0
"""SASRec's training step in PyTorch: the padded one that people write, and the best we know how to make it."""

import dataclasses
import math

import numpy
import torch
import torch.nn.functional as F
from torch import nn


@dataclasses.dataclass(frozen=True)
class Style:
    """How the step is written. The defaults are the plain form."""

    label: str = "PyTorch plain: padded to the maximum, nn.MultiheadAttention"
    attention: str = "module"  # or "sdpa", "explicit"
    buckets: int = 0  # 0: one batch padded to the maximum; else this many groups by length, each trimmed to its longest
    fused: bool = False  # the optimiser


def expert_styles():
    return [
        Style(f"PyTorch expert: {buckets} length buckets, {attention} attention, fused Adam", attention, buckets, True)
        for buckets in (4, 8)
        for attention in ("sdpa", "explicit")
    ]


class Block(nn.Module):
    """Norm placement as published: queries, and what the residuals add, are normalised; keys and values are not."""

    def __init__(self, width, heads, dropout):
        super().__init__()
        self.attention_norm = nn.LayerNorm(width, eps=1e-8)
        self.attention = nn.MultiheadAttention(width, heads, dropout, batch_first=True)
        self.feed_forward_norm = nn.LayerNorm(width, eps=1e-8)
        self.linear1 = nn.Linear(width, width)
        self.linear2 = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, mask, attention):
        n = self.attention_norm(x)
        if attention == "module":
            mixed, _ = self.attention(n, x, x, attn_mask=mask, need_weights=False)
        else:
            mixed = self.attend(n, x, mask, attention)
        z = self.feed_forward_norm(n + mixed)
        return z + self.dropout(self.linear2(self.dropout(F.relu(self.linear1(z)))))

    def attend(self, n, x, mask, attention):
        """nn.MultiheadAttention without its generality."""
        module, (users, length, width) = self.attention, x.shape
        split = (users, length, module.num_heads, width // module.num_heads)
        weight, bias = module.in_proj_weight, module.in_proj_bias
        q = F.linear(n, weight[:width], bias[:width]).view(split).transpose(1, 2)
        k, v = F.linear(x, weight[width:], bias[width:]).chunk(2, dim=-1)
        k, v = k.view(split).transpose(1, 2), v.view(split).transpose(1, 2)
        dropout = module.dropout if self.training else 0.0
        if attention == "sdpa":
            mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout)
        else:
            q, k, v = q.flatten(0, 1), k.flatten(0, 1), v.flatten(0, 1)
            if mask.dim() == 4:
                mask = mask.expand(-1, module.num_heads, -1, -1).flatten(0, 1)
            else:
                mask = mask.expand(len(q), -1, -1)
            scores = torch.baddbmm(mask, q, k.transpose(1, 2), alpha=1 / math.sqrt(q.shape[-1]))
            mixed = F.dropout(scores.softmax(-1), dropout, self.training) @ v
            mixed = mixed.view(users, module.num_heads, length, -1)
        return module.out_proj(mixed.transpose(1, 2).reshape(users, length, width))


class SasRec(nn.Module):
    """Item 0 is padding here, at the left; all other names and shapes are seqrec's."""

    def __init__(self, options, style):
        super().__init__()
        self.style, self.width, self.heads = style, options.width, options.heads
        self.item_embedding = nn.Embedding(options.items + 1, options.width, padding_idx=0)
        self.position_embedding = nn.Embedding(options.max_length, options.width)
        self.blocks = nn.ModuleList(
            Block(options.width, options.heads, options.dropout) for _ in range(options.blocks)
        )
        self.final_norm = nn.LayerNorm(options.width, eps=1e-8)
        self.dropout = nn.Dropout(options.dropout)
        later = torch.full((options.max_length, options.max_length), -math.inf).triu(1)
        self.register_buffer("later", later, persistent=False)

    def forward(self, items, mask):
        length = items.shape[1]
        x = self.item_embedding(items) * math.sqrt(self.width) + self.position_embedding.weight[-length:]
        x = self.dropout(x)
        for block in self.blocks:
            x = block(x, mask, self.style.attention)
        return self.final_norm(x)

    def mask(self, items, hide_padding):
        """Added to the scores. Timed steps do not hide padding: common code does not, and it is the cheaper way."""
        length = items.shape[1]
        later = self.later[:length, :length]
        if not hide_padding:
            return later
        hidden = later + (items == 0).float()[:, None, None, :] * -1e9  # (B, 1, L, L)
        if self.style.attention == "module":
            return hidden.expand(-1, self.heads, -1, -1).flatten(0, 1)
        return hidden


@dataclasses.dataclass
class Padded:
    """One padded group of histories: items (B, L), next (B, L, 2), real (B, L), rows: where `real` is true, flat."""

    items: torch.Tensor
    next: torch.Tensor
    real: torch.Tensor
    rows: torch.Tensor


class TorchStep:
    """A model, its optimiser and its prepared batches."""

    def __init__(self, options, style, batches):
        self.label = style.label
        self.style = style
        self.model = SasRec(options, style)
        self.optimizer = torch.optim.Adam(
            self.model.parameters(), lr=options.learning_rate, fused=True if style.fused else None
        )
        self.batches = [self.prepare(batch, options.max_length) for batch in batches]
        self.targets = [len(batch.items) for batch in batches]

    def prepare(self, batch, max_length):
        if self.style.buckets == 0:
            return [pad(batch, range(len(batch.lengths)), max_length)]
        by_length = numpy.argsort(batch.lengths, kind="stable")
        groups = numpy.array_split(by_length, self.style.buckets)
        return [pad(batch, group, int(batch.lengths[group].max())) for group in groups]

    def step(self, index, hide_padding=False):
        """One training step; returns its loss."""
        self.optimizer.zero_grad(set_to_none=True)
        total = 0.0
        for group in self.batches[index]:
            states = self.model(group.items, self.model.mask(group.items, hide_padding))
            loss = self.sum_of_losses(states, group) / self.targets[index]
            loss.backward()
            total += loss.item()
        self.optimizer.step()
        return total

    def sum_of_losses(self, states, group):
        table = self.model.item_embedding
        if self.style.buckets == 0:
            positive = (states * table(group.next[..., 0])).sum(-1)
            negative = (states * table(group.next[..., 1])).sum(-1)
            return ((F.softplus(-positive) + F.softplus(negative)) * group.real).sum()
        states = states.flatten(0, 1).index_select(0, group.rows)
        following = group.next.flatten(0, 1).index_select(0, group.rows)
        scores = (table(following) @ states.unsqueeze(-1)).squeeze(-1)
        return F.softplus(-scores[:, 0]).sum() + F.softplus(scores[:, 1]).sum()

    def parameters(self):
        """Name and values as seqrec has them: without the padding item."""
        for name, value in self.model.named_parameters():
            values = value.detach()[1:] if name == "item_embedding.weight" else value.detach()
            yield name, values.contiguous().numpy()


def pad(batch, users, length):
    items = numpy.zeros((len(users), length), dtype=numpy.int64)
    following = numpy.zeros((len(users), length, 2), dtype=numpy.int64)
    for place, user in enumerate(users):
        first, last = batch.offsets[user], batch.offsets[user + 1]
        items[place, length - (last - first) :] = batch.items[first:last] + 1
        following[place, length - (last - first) :] = batch.next[first:last] + 1
    items = torch.from_numpy(items)
    real = items != 0
    return Padded(items, torch.from_numpy(following), real.float(), real.flatten().nonzero().squeeze(-1))
