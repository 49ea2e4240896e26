# SPDX-License-Identifier: Apache-2.0
"""DIN in PyTorch: the padded one that people write, and the best we know how to make it."""

import torch
import torch.nn.functional as F
from torch import nn

from batches import Batch
from torch_training import Group, Style

PADDING = "right"


def styles(objective: str) -> list[Style]:
    """`split`: [q, k, q - k, q * k] W is k A + q B + (q * k) C, which is less work. `rows`: no padding at all."""
    return [
        Style("plain", "PyTorch plain: padded to the maximum", fused=False),
        Style("expert", "PyTorch expert: 4 length buckets, fused Adam", 4),
        Style("expert", "PyTorch expert: 4 length buckets, first layer split, fused Adam", 4, form="split"),
        Style("expert", "PyTorch expert: packed rows, first layer split, fused Adam", 1, form="rows"),
        Style("expert", "PyTorch expert: packed rows, first layer split, SparseAdam", 1, form="rows", sparse=True),
        Style("compiled", "PyTorch compiled: 4 length buckets of fixed lengths, first layer split, fused Adam", 4,
              form="split"),
    ]


def targets(batch: Batch) -> int:
    return batch.users


def widths(text: object) -> list[int]:
    return [int(width) for width in str(text).split("-")]


def chain(sizes: list[int]) -> int:
    """Operations of one row through linear layers."""
    return sum(2 * i * o for i, o in zip(sizes, sizes[1:]))


def useful_flops(batch: Batch, options: dict[str, int], objective: str) -> float:
    """With the first layer of the attention factored: a matrix for each candidate, which its whole history passes."""
    width, attention = options["width"], widths(options["attention_hidden"])
    rows = 2 * width * attention[0] + chain([*attention, 1]) + 2 * width
    users = 2 * 2 * width * attention[0] + chain([3 * width, *widths(options["hidden"]), 1])
    return 3 * (rows * batch.rows + users * batch.users)


class Layers(nn.Module):
    """Linear layers with sigmoids between; the last is apart where it has a name of its own."""

    def __init__(self, sizes: list[int]):
        super().__init__()
        self.linears = nn.ModuleList(nn.Linear(i, o) for i, o in zip(sizes, sizes[1:]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for linear in self.linears[:-1]:
            x = torch.sigmoid(linear(x))
        return self.linears[-1](x)


class Attention(nn.Module):
    def __init__(self, width: int, hidden: list[int]):
        super().__init__()
        sizes = [4 * width, *hidden]
        self.linears = nn.ModuleList(nn.Linear(i, o) for i, o in zip(sizes, sizes[1:]))
        self.output = nn.Linear(hidden[-1], 1)

    def forward(self, q: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
        """Weights (..., 1) of keys k (..., D) for queries q of the same shape."""
        return self.rest(self.linears[0](torch.cat([q, k, q - k, q * k], -1)))

    def split(self, of_q: torch.Tensor, of_k: torch.Tensor, product: torch.Tensor) -> torch.Tensor:
        """The same, from what `parts` makes of queries and keys, and from their product."""
        return self.rest(of_q + of_k + F.linear(product, self.linears[0].weight.chunk(4, 1)[3]))

    def of_queries(self, q: torch.Tensor) -> torch.Tensor:
        wq, _, wd, _ = self.linears[0].weight.chunk(4, 1)
        return F.linear(q, wq + wd, self.linears[0].bias)

    def of_keys(self, k: torch.Tensor) -> torch.Tensor:
        _, wk, wd, _ = self.linears[0].weight.chunk(4, 1)
        return F.linear(k, wk - wd)

    def rest(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.sigmoid(x)
        for linear in self.linears[1:]:
            x = torch.sigmoid(linear(x))
        return self.output(x)


class Model(nn.Module):
    """Item 0 is padding here; all other names and shapes are seqrec's."""

    def __init__(self, options: dict[str, int], objective: str, style: Style):
        super().__init__()
        self.style = style
        width = options["width"]
        self.item_embedding = nn.Embedding(options["items"] + 1, width, padding_idx=0, sparse=style.sparse)
        self.attention = Attention(width, widths(options["attention_hidden"]))
        self.network = Layers([3 * width, *widths(options["hidden"]), 1])

    def forward(self, group: Group) -> torch.Tensor:
        q = self.item_embedding(group.labels[:, 0])
        interest = self.packed_interest(q, group) if self.style.form == "rows" else self.interest(q, group)
        return F.binary_cross_entropy_with_logits(
            self.judge(interest, q), group.labels[:, 1].float(), reduction="sum"
        )

    def judge(self, interest: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
        return self.network(torch.cat([interest, q, interest * q], -1)).squeeze(-1)

    def interest(self, q: torch.Tensor, group: Group) -> torch.Tensor:
        k, q = self.item_embedding(group.items), q[:, None, :]
        if self.style.form == "split":
            weights = self.attention.split(self.attention.of_queries(q), self.attention.of_keys(k), q * k)
        else:
            weights = self.attention(q.expand_as(k), k)
        return torch.bmm((weights.squeeze(-1) * group.real)[:, None, :], k)[:, 0]

    def packed_interest(self, q: torch.Tensor, group: Group) -> torch.Tensor:
        k = self.item_embedding(group.items.flatten().index_select(0, group.rows))
        user = torch.repeat_interleave(group.lengths)
        of_q = self.attention.of_queries(q).index_select(0, user)
        weights = self.attention.split(of_q, self.attention.of_keys(k), q.index_select(0, user) * k)
        return torch.zeros_like(q).index_add(0, user, weights * k)
