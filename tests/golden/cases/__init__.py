# SPDX-License-Identifier: Apache-2.0
"""One module a subject; importing it registers its cases."""

from . import avg_pool, din, gru, hstu, losses, moe, narm, ops, optim, sasrec, sasrec_variants, sessions, two_towers
from .common import CASES

__all__ = ["CASES", "avg_pool", "din", "gru", "hstu", "losses", "moe", "narm", "ops", "optim", "sasrec", "sasrec_variants", "sessions", "two_towers"]
