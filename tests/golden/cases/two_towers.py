# SPDX-License-Identifier: Apache-2.0
"""A static encoder that reads what is known of users and items: towers of an embedding and the sum of categories."""

import torch
import torch.nn.functional as F
from torch import nn

from .avg_pool import averaging_matrix, prefix_means
from .common import agree, case, normal, offsets_of
from .encoders import next_item_loss

ITEMS, WIDTH, ITEM_CATEGORIES, USER_CATEGORIES = 11, 5, 4, 3


class Tower(nn.Module):
    """An item's vector is its own and those of its categories."""

    def __init__(self):
        super().__init__()
        self.own = nn.Embedding(ITEMS, WIDTH)
        self.categories = nn.EmbeddingBag(ITEM_CATEGORIES, WIDTH, mode="sum")

    def forward(self, values, offsets):
        return self.own.weight + self.categories(values, offsets[:-1])


def counts(values, offsets, categories):
    """How often each owner has each category (owners, categories)."""
    owner = torch.repeat_interleave(torch.arange(len(offsets) - 1), offsets.diff().long())
    return torch.zeros(len(offsets) - 1, categories, dtype=torch.float64).index_put_(
        (owner, values.long()), torch.ones(len(values), dtype=torch.float64), accumulate=True
    )


@case("two_towers")
def two_towers():
    towers = {"item_embedding": Tower().double(), "output_embedding": Tower().double()}
    users = nn.EmbeddingBag(USER_CATEGORIES, WIDTH, mode="sum").double()
    names = {"user_features.weight": users.weight}
    for name, tower in towers.items():
        names[name + ".own"] = tower.own.weight
        names[name + ".categories"] = tower.categories.weight
    with torch.no_grad():
        for parameter in names.values():
            parameter.copy_(normal(*parameter.shape, scale=0.5))
    of_items = torch.randint(ITEM_CATEGORIES, (14,), dtype=torch.int32)
    item_offsets = offsets_of([1, 2, 0, 1, 3, 1, 1, 2, 0, 2, 1])  # of two items nothing is known
    of_users = torch.tensor([0, 1, 2, 2], dtype=torch.int32)
    user_offsets = offsets_of([1, 0, 2, 1])
    offsets = offsets_of([3, 1, 0, 4])
    rows = int(offsets[-1])
    items = torch.randint(ITEMS, (rows,))
    following = torch.randint(ITEMS, (rows, 1))

    vectors = {name: tower(of_items, item_offsets) for name, tower in towers.items()}
    for table in vectors.values():
        table.retain_grad()
    of_rows = torch.repeat_interleave(users(of_users, user_offsets[:-1]), offsets.diff().long(), dim=0)
    encoded = prefix_means(vectors["item_embedding"][items] + of_rows, offsets)
    loss = next_item_loss(encoded, vectors["output_embedding"], following, "softmax")
    loss.backward()

    own = {name: value.detach().clone().requires_grad_() for name, value in names.items()}
    known = counts(of_items, item_offsets, ITEM_CATEGORIES)
    tables = {name: own[name + ".own"] + known @ own[name + ".categories"] for name in towers}
    owners = torch.repeat_interleave(torch.arange(4), offsets.diff().long())
    profiles = counts(of_users, user_offsets, USER_CATEGORIES) @ own["user_features.weight"]
    chosen = F.one_hot(items, ITEMS).double() @ tables["item_embedding"] + F.one_hot(owners, 4).double() @ profiles
    own_loss = next_item_loss(averaging_matrix(offsets) @ chosen, tables["output_embedding"], following, "softmax")
    own_loss.backward()
    agree("loss", loss, own_loss)

    tensors = dict(
        items=items.int(), offsets=offsets, next=following.int(), encoded=encoded, loss=loss.reshape(1),
        of_items=of_items, item_offsets=item_offsets, of_users=of_users, user_offsets=user_offsets,
    )
    for name, parameter in names.items():
        agree("gradient of " + name, parameter.grad, own[name].grad)
        tensors["parameter." + name] = parameter
        tensors["gradient." + name] = parameter.grad
    for name, table in vectors.items():
        tensors["parameter." + name + ".weight"] = table
        tensors["gradient." + name + ".weight"] = table.grad
    return tensors, dict(
        items=ITEMS, width=WIDTH, output_table="separate", user_categories=USER_CATEGORIES,
        item_categories=ITEM_CATEGORIES, max_length=8, objective="softmax", negatives=0,
    )
