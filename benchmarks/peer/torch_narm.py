# SPDX-License-Identifier: Apache-2.0
"""NARM in PyTorch, one target a session."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pad_packed_sequence

from batches import Batch
from torch_gru4rec import gru_flops, packed
from torch_training import Group, Style

PADDING = "right"


def styles(objective: str) -> list[Style]:
    return [
        Style("plain", "PyTorch plain: padded to the maximum, nn.GRU", fused=False),
        Style("expert", "PyTorch expert: trimmed to the longest, fused Adam", 1),
        Style("expert", "PyTorch expert: 4 length buckets, fused Adam", 4),
        Style("expert", "PyTorch expert: packed sequences, fused Adam", 1, form="packed"),
        Style("compiled", "PyTorch compiled: 1 group of fixed length, fused Adam", 1),
    ]


def targets(batch: Batch) -> int:
    return batch.users


def useful_flops(batch: Batch, options: dict[str, int], objective: str) -> float:
    """Keys and weights of all rows for the last query; a backward pass costs twice its forward."""
    width, hidden = options["width"], options["hidden"]
    rows = gru_flops(width, hidden) + 2 * hidden * hidden + 4 * hidden
    users = 2 * hidden * hidden + 2 * 2 * hidden * width + 2 * width * options["items"]
    return 3 * (rows * batch.rows + users * batch.users)


class Attention(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, width, bias=False)
        self.weight = nn.Parameter(torch.zeros(width))

    def forward(self, last: torch.Tensor, h: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """As the paper's equations have it: sigmoids, and weights that need not add up to 1."""
        weights = torch.sigmoid(self.query(last)[:, None, :] + self.key(h)) @ self.weight
        return torch.bmm((weights * real)[:, None, :], h)[:, 0]


class Model(nn.Module):
    """Item 0 is padding here; all other names and shapes are seqrec's."""

    def __init__(self, options: dict[str, int], objective: str, style: Style):
        super().__init__()
        self.style = style
        width, hidden = options["width"], options["hidden"]
        self.item_embedding = nn.Embedding(options["items"] + 1, width, padding_idx=0)
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.attention = Attention(hidden)
        self.decoder = nn.Linear(2 * hidden, width, bias=False)
        self.dropout = nn.Dropout(options["dropout"])
        self.state_dropout = nn.Dropout(options["state_dropout"])

    def forward(self, group: Group) -> torch.Tensor:
        x = self.dropout(self.item_embedding(group.items))
        if self.style.form == "packed":
            h, _ = pad_packed_sequence(self.gru(packed(x, group.host_lengths))[0], batch_first=True)
        else:
            h, _ = self.gru(x)
        users, last = torch.arange(len(h)), group.lengths - 1
        newest = h[users, last]
        both = torch.cat([newest, self.attention(newest, h, group.real[:, : h.shape[1]])], 1)
        states = self.decoder(self.state_dropout(both))
        wanted = group.padded_labels[users, last, 0] - 1
        return F.cross_entropy(states @ self.item_embedding.weight[1:].T, wanted, reduction="sum")
