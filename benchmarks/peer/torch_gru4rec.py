# SPDX-License-Identifier: Apache-2.0
"""GRU4Rec over histories in PyTorch: nn.GRU, padded or packed."""

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from batches import Batch
from torch_training import Group, Style, loss_of_rows, next_item_loss

PADDING = "right"


def styles(objective: str) -> list[Style]:
    """nn.GRU is one operation, which torch.compile leaves as it is."""
    return [
        Style("plain", "PyTorch plain: padded to the maximum, nn.GRU", select=False, fused=False),
        Style("expert", "PyTorch expert: trimmed to the longest, fused Adam", 1),
        Style("expert", "PyTorch expert: 4 length buckets, fused Adam", 4),
        Style("expert", "PyTorch expert: packed sequences, fused Adam", 1, form="packed"),
    ]


def targets(batch: Batch) -> int:
    return batch.rows


def gru_flops(width: int, hidden: int) -> float:
    """Of one row's forward pass: three gates from an input and a state."""
    return 2 * 3 * hidden * (width + hidden)


def useful_flops(batch: Batch, options: dict[str, int], objective: str) -> float:
    width = options["width"]
    scores = 2 * width * (options["items"] if objective == "softmax" else 2)
    return 3 * batch.rows * (gru_flops(width, width) + scores)


def packed(x: torch.Tensor, lengths: torch.Tensor):
    return pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)


class Model(nn.Module):
    """Item 0 is padding here; all other names and shapes are seqrec's."""

    def __init__(self, options: dict[str, int], objective: str, style: Style):
        super().__init__()
        self.objective, self.style = objective, style
        width = options["width"]
        self.item_embedding = nn.Embedding(options["items"] + 1, width, padding_idx=0)
        self.gru = nn.GRU(width, width, batch_first=True)
        self.dropout = nn.Dropout(options["dropout"])
        self.state_dropout = nn.Dropout(options["state_dropout"])

    def forward(self, group: Group) -> torch.Tensor:
        x = self.dropout(self.item_embedding(group.items))
        if self.style.form != "packed":
            states = self.state_dropout(self.gru(x)[0])
            return next_item_loss(self.objective, self.style.select, states, self.item_embedding, group)
        states = self.state_dropout(self.gru(packed(x, group.host_lengths))[0].data)
        labels = packed(group.padded_labels, group.host_lengths).data
        return loss_of_rows(self.objective, states, self.item_embedding, labels)
