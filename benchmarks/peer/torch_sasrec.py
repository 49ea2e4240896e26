# SPDX-License-Identifier: Apache-2.0
"""SASRec in PyTorch: the padded one that people write, and the best we know how to make it."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from batches import Batch
from torch_training import Group, Style, next_item_loss

PADDING = "left"  # positions count from the end


def styles(objective: str) -> list[Style]:
    plain = Style("plain", "PyTorch plain: padded to the maximum, nn.MultiheadAttention", form="module", fused=False,
                  select=objective == "softmax")
    expert = [
        Style("expert", f"PyTorch expert: {buckets} length buckets, {form} attention, fused Adam", buckets, form=form)
        for buckets in (4, 8)
        for form in ("sdpa", "explicit")
    ]
    compiled = Style("compiled", "PyTorch compiled: 4 length buckets of fixed lengths, sdpa attention, fused Adam", 4,
                     form="sdpa", select=False)
    return [plain, *expert, compiled]


def targets(batch: Batch) -> int:
    return batch.rows


def useful_flops(batch: Batch, options: dict[str, int], objective: str) -> float:
    """Operations that a training step needs, without padding and with the causal half of attention only.

    Six D x D products a row and block, and per pair (row, earlier row) one score and one weighted sum; a backward
    pass costs twice its forward.
    """
    width, blocks, rows = options["width"], options["blocks"], batch.rows
    pairs = (batch.lengths.astype(float) * (batch.lengths + 1) / 2).sum()
    products = blocks * 6 * 2 * width * width * rows
    attention = blocks * 2 * 2 * width * pairs
    scores = 2 * width * rows * (options["items"] if objective == "softmax" else 2)
    return 3 * (products + attention + scores)


class Block(nn.Module):
    """Norm placement as published: queries, and what the residuals add, are normalised; keys and values are not."""

    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        self.attention_norm = nn.LayerNorm(width, eps=1e-8)
        self.attention = nn.MultiheadAttention(width, heads, dropout, batch_first=True)
        self.feed_forward_norm = nn.LayerNorm(width, eps=1e-8)
        self.linear1 = nn.Linear(width, width)
        self.linear2 = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor, mask: torch.Tensor, form: str) -> torch.Tensor:
        n = self.attention_norm(x)
        if form == "module":
            mixed, _ = self.attention(n, x, x, attn_mask=mask, need_weights=False)
        else:
            mixed = self.attend(n, x, mask, form)
        z = self.feed_forward_norm(n + mixed)
        return z + self.dropout(self.linear2(self.dropout(F.relu(self.linear1(z)))))

    def attend(self, n: torch.Tensor, x: torch.Tensor, mask: torch.Tensor, form: str) -> torch.Tensor:
        """nn.MultiheadAttention without its generality."""
        module, (users, length, width) = self.attention, x.shape
        split = (users, length, module.num_heads, width // module.num_heads)
        weight, bias = module.in_proj_weight, module.in_proj_bias
        q = F.linear(n, weight[:width], bias[:width]).view(split).transpose(1, 2)
        k, v = F.linear(x, weight[width:], bias[width:]).chunk(2, dim=-1)
        k, v = k.view(split).transpose(1, 2), v.view(split).transpose(1, 2)
        dropout = module.dropout if self.training else 0.0
        if form == "sdpa":
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


class Model(nn.Module):
    """Item 0 is padding here, at the left; all other names and shapes are seqrec's."""

    def __init__(self, options: dict[str, int], objective: str, style: Style):
        super().__init__()
        self.objective, self.style = objective, style
        self.width, self.heads = options["width"], options["heads"]
        # Timed steps do not hide padding: common code does not, and it is the cheaper way.
        self.hide_padding = False
        self.item_embedding = nn.Embedding(options["items"] + 1, self.width, padding_idx=0)
        self.position_embedding = nn.Embedding(options["max_length"], self.width)
        self.blocks = nn.ModuleList(
            Block(self.width, self.heads, options["dropout"]) for _ in range(options["blocks"])
        )
        self.final_norm = nn.LayerNorm(self.width, eps=1e-8)
        self.dropout = nn.Dropout(options["dropout"])
        later = torch.full((options["max_length"], options["max_length"]), -math.inf).triu(1)
        self.register_buffer("later", later, persistent=False)

    def forward(self, group: Group) -> torch.Tensor:
        return next_item_loss(
            self.objective, self.style.select, self.encode(group.items), self.item_embedding, group
        )

    def encode(self, items: torch.Tensor) -> torch.Tensor:
        length = items.shape[1]
        x = self.item_embedding(items) * math.sqrt(self.width) + self.position_embedding.weight[-length:]
        x = self.dropout(x)
        mask = self.mask(items)
        for block in self.blocks:
            x = block(x, mask, self.style.form)
        return self.final_norm(x)

    def mask(self, items: torch.Tensor) -> torch.Tensor:
        """Added to the scores."""
        length = items.shape[1]
        later = self.later[:length, :length]
        if not self.hide_padding:
            return later
        hidden = later + (items == 0).float()[:, None, None, :] * -1e9  # (B, 1, L, L)
        if self.style.form == "module":
            return hidden.expand(-1, self.heads, -1, -1).flatten(0, 1)
        return hidden
