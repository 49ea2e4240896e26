# SPDX-License-Identifier: Apache-2.0
"""One module a subject; importing it registers its cases."""

<<<<<<< HEAD
from . import avg_pool, din, gru, losses, narm, ops, optim, sasrec, two_towers
from .common import CASES

__all__ = ["CASES", "avg_pool", "din", "gru", "losses", "narm", "ops", "optim", "sasrec", "two_towers"]
=======
from . import avg_pool, din, gru, losses, moe, narm, ops, optim, sasrec
from .common import CASES

__all__ = ["CASES", "avg_pool", "din", "gru", "losses", "moe", "narm", "ops", "optim", "sasrec"]
>>>>>>> 3132a7a (feat: a mixture of experts in a transformer block's place of FeedForward)
