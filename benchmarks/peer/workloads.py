# SPDX-License-Identifier: Apache-2.0
"""What is raced: models, sizes and lengths of histories."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Training:
    """A training step."""

    name: str
    title: str
    family: str  # torch_FAMILY.py, and what seqrec calls the model
    objective: str
    histories: str  # whose lengths: batches.Histories
    users: int  # of a batch
    options: dict[str, object]  # of the model, as seqrec names them
    products: str = "full"  # of seqrec's; PyTorch's are float, on a GPU also autocast to bfloat16 beside "bf16"

    @property
    def max_length(self) -> int:
        return int(self.options["max_length"])

    @property
    def items(self) -> int:
        return int(self.options["items"])


@dataclasses.dataclass(frozen=True)
class Serving:
    """Answers to requests."""

    name: str
    title: str
    family: str
    users: int  # of a request
    length: int  # of each history; 0: lengths of MovieLens-1M
    candidates: int  # to score; 0: the best 10 of the catalogue are wanted
    options: dict[str, object]


ML_ITEMS = 3416


def sasrec(max_length: int) -> dict[str, object]:
    return dict(items=ML_ITEMS, width=64, blocks=2, heads=1, max_length=max_length, dropout=0.2)


def gru4rec(width: int, max_length: int) -> dict[str, object]:
    return dict(items=ML_ITEMS, width=width, max_length=max_length, dropout=0.2, state_dropout=0.2)


def narm(items: int, width: int, hidden: int, max_length: int) -> dict[str, object]:
    return dict(items=items, width=width, hidden=hidden, max_length=max_length, dropout=0.25, state_dropout=0.5)


def din(max_length: int = 50) -> dict[str, object]:
    """Sigmoids and no softmax, as the paper's code has it; no features and no dropout."""
    return {
        "items": 63001, "width": 64, "max_length": max_length, "attention_hidden": "80-40",
        "attention_activation": "sigmoid", "attention_softmax": "false", "hidden": "200-80", "activation": "sigmoid",
        "dropout": 0, "dot_product": "false", "item_bias": "false",
    }


TRAINING = [
    Training("sasrec-bce-ml", "SASRec, BCE, ml-1m lengths, d64, B128", "sasrec", "bce", "ml-1m", 128, sasrec(200)),
    Training("sasrec-bce-amazon", "SASRec, BCE, Amazon lengths", "sasrec", "bce", "amazon", 128, sasrec(50)),
    Training("sasrec-softmax-ml", "SASRec, full softmax of 3,416 items, ml-1m lengths", "sasrec", "softmax", "ml-1m",
             128, sasrec(200)),
    Training("sasrec-softmax-amazon", "SASRec, full softmax, Amazon lengths", "sasrec", "softmax", "amazon", 128,
             sasrec(50)),
    Training("sasrec-softmax-bf16-ml", "SASRec, full softmax in bfloat16, ml-1m lengths", "sasrec", "softmax", "ml-1m",
             128, sasrec(200), "bf16"),
    Training("sasrec-softmax-bf16-amazon", "SASRec, full softmax in bfloat16, Amazon lengths", "sasrec", "softmax",
             "amazon", 128, sasrec(50), "bf16"),
    Training("gru4rec-64-ml", "GRU4Rec, BCE, h64, ml-1m lengths", "gru4rec", "bce", "ml-1m", 128, gru4rec(64, 200)),
    Training("gru4rec-128-ml", "GRU4Rec, BCE, h128, ml-1m lengths", "gru4rec", "bce", "ml-1m", 128,
             gru4rec(128, 200)),
    Training("gru4rec-64-amazon", "GRU4Rec, BCE, h64, Amazon lengths", "gru4rec", "bce", "amazon", 128,
             gru4rec(64, 50)),
    Training("gru4rec-128-amazon", "GRU4Rec, BCE, h128, Amazon lengths", "gru4rec", "bce", "amazon", 128,
             gru4rec(128, 50)),
    Training("din-5-50", "DIN, B4096, histories of 5 to 50, 63 k items", "din", "click", "5-50", 4096, din()),
    Training("din-amazon", "DIN, B4096, Amazon lengths", "din", "click", "amazon", 4096, din()),
    Training("narm-3416", "NARM, softmax of 3,416 items, B128, n50, h64", "narm", "last_softmax", "amazon", 128,
             narm(ML_ITEMS, 64, 64, 50)),
    Training("narm-37484", "NARM, softmax of 37,484 items, B512, n19, h100", "narm", "last_softmax", "amazon", 512,
             narm(37484, 50, 100, 19)),
]

SERVING = [
    Serving("serve-sasrec-50", "SASRec, 1 user, L=50, top 10 of 3,416", "sasrec", 1, 50, 0, sasrec(50)),
    Serving("serve-sasrec-200", "SASRec, 1 user, L=200, top 10 of 3,416", "sasrec", 1, 200, 0, sasrec(200)),
    Serving("serve-sasrec-users", "SASRec, 128 users, ml-1m lengths, top 10 each", "sasrec", 128, 0, 0, sasrec(200)),
    Serving("serve-din-50", "DIN, 1 user, L=50, 500 candidates", "din", 1, 50, 500, din(50)),
    Serving("serve-din-200", "DIN, 1 user, L=200, 500 candidates", "din", 1, 200, 500, din(200)),
]

ALL = TRAINING + SERVING

# A device wants larger batches than two cores; names and sizes that both have mean the same.
ON_GPU = [
    Training("sasrec-bce-ml", "SASRec, BCE, ml-1m lengths, d64, B128", "sasrec", "bce", "ml-1m", 128, sasrec(200)),
    Training("sasrec-bce-ml-512", "SASRec, BCE, ml-1m lengths, d64, B512", "sasrec", "bce", "ml-1m", 512, sasrec(200)),
    Training("sasrec-bce-ml-2048", "SASRec, BCE, ml-1m lengths, d64, B2048", "sasrec", "bce", "ml-1m", 2048,
             sasrec(200)),
    Training("sasrec-bce-amazon", "SASRec, BCE, Amazon lengths", "sasrec", "bce", "amazon", 128, sasrec(50)),
    Training("sasrec-softmax-ml", "SASRec, full softmax of 3,416 items, ml-1m lengths", "sasrec", "softmax", "ml-1m",
             128, sasrec(200)),
    Training("sasrec-bce-bf16-ml", "SASRec, BCE in bfloat16, ml-1m lengths, d64, B128", "sasrec", "bce", "ml-1m", 128,
             sasrec(200), "bf16"),
    Training("sasrec-bce-bf16-ml-2048", "SASRec, BCE in bfloat16, ml-1m lengths, d64, B2048", "sasrec", "bce", "ml-1m",
             2048, sasrec(200), "bf16"),
    Training("sasrec-softmax-bf16-ml", "SASRec, full softmax in bfloat16, ml-1m lengths", "sasrec", "softmax", "ml-1m",
             128, sasrec(200), "bf16"),
    Training("gru4rec-100-ml", "GRU4Rec, BCE, 100 units, ml-1m lengths", "gru4rec", "bce", "ml-1m", 128,
             gru4rec(100, 200)),
    Training("din-5-50", "DIN, B4096, histories of 5 to 50, 63 k items", "din", "click", "5-50", 4096, din()),
    Training("din-bf16-5-50", "DIN in bfloat16, B4096, histories of 5 to 50, 63 k items", "din", "click", "5-50", 4096,
             din(), "bf16"),
]
