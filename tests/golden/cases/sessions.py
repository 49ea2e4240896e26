# SPDX-License-Identifier: Apache-2.0
"""GRU4Rec's session-parallel training: twenty steps of a plain port of the papers' formulas.

Hidasi et al. 2016 (arXiv 1511.06939) for the mini-batches, the recurrent unit and TOP1; Hidasi & Karatzoglou 2018 (arXiv
1706.03847) for additional negatives, TOP1-max and BPR-max.
"""

import torch
import torch.nn.functional as F
from torch import nn

from .common import agree, case, normal, offsets_of
from .gru import unit
from .losses import bpr_max, top1, top1_max

STEPS, LANES, ITEMS, WIDTH, SAMPLED, SEED = 20, 4, 15, 5, 6, 21
MASK64 = (1 << 64) - 1


def mix(x):
    """SplitMix64's finaliser."""
    x = (x + 0x9E3779B97F4A7C15) & MASK64
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK64
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK64
    return x ^ (x >> 31)


def philox(counter, key):
    """Philox-4x32-10 (Salmon et al. 2011)."""
    c, (low, high) = list(counter), key
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ low, b & 0xFFFFFFFF, (a >> 32) ^ c[3] ^ high, a & 0xFFFFFFFF]
        low, high = (low + 0x9E3779B9) & 0xFFFFFFFF, (high + 0xBB67AE85) & 0xFFFFFFFF
    return c


def dropout_mask(probability, step, site, rows, columns):
    """seqrec's mask: inverted dropout, a 16-bit lane of a Philox block for each element."""
    threshold = round(65536 * probability)
    bits = mix(mix(SEED) ^ 4)  # 4 is the stream of dropout
    key = (bits & 0xFFFFFFFF, bits >> 32)
    mask = torch.zeros(rows, columns, dtype=torch.float64)
    for row in range(rows):
        for column in range(columns):
            words = philox((column // 8, row, site, step), key)
            lane = words[column % 8 // 2] >> (16 * (column % 2)) & 0xFFFF
            mask[row, column] = 65536 / (65536 - threshold) if lane >= threshold else 0.0
    return mask


def lane_steps(sessions):
    """Session-parallel mini-batches: per step a list of (session, position, state or None), by what is left of each."""
    waiting = list(range(len(sessions)))
    lanes = [[waiting.pop(0), 0, None] for _ in range(LANES)]
    while lanes:
        yield lanes
        following = []
        for row, (session, position, _) in enumerate(lanes):
            if position + 2 < len(sessions[session]):
                following.append([session, position + 1, row])
            elif waiting:
                following.append([waiting.pop(0), 0, None])
        lanes = following


def cross_entropy(scores, log_probability):
    """Corrected for how likely an item is to be a negative."""
    corrected = scores - log_probability
    return F.cross_entropy(corrected, torch.zeros(len(scores), dtype=torch.long), reduction="none"), (
        torch.exp(corrected).sum(1).log() - corrected[:, 0]
    )


LOSSES = dict(
    cross_entropy=cross_entropy,
    top1=top1,
    top1_max=lambda scores, log_probability: top1_max(scores, log_probability, 0.5),
    bpr_max=lambda scores, log_probability: bpr_max(scores, log_probability, 1.5, 0.5),
)


def step_losses(loss, h, table, bias, targets, shared, log_probability):
    """The mean over the lanes: of each against the shared items that are not its own target."""
    losses = []
    for row, target in enumerate(targets):
        items = torch.tensor([target] + [item for item in shared if item != target])
        scores = (table[items] @ h[row] + bias[items])[None]
        given, formula = LOSSES[loss](scores, log_probability[items][None])
        agree(loss, given, formula)
        losses.append(given)
    return torch.cat(losses).mean()


@case("session_training_cross_entropy", "cross_entropy", 1, "before_product", "tied", 0.0)
@case("session_training_top1", "top1", 1, "after_product", "separate", 0.0)
@case("session_training_top1_max", "top1_max", 2, "before_product", "separate", 0.0)
@case("session_training_bpr_max", "bpr_max", 2, "before_product", "tied", 0.25)
def session_training(loss, layers, reset, output_table, dropout):
    learning_rate, momentum, epsilon = 0.05, 0.2, 1e-6
    lengths = torch.randint(2, 8, (30,)).tolist()
    sessions = [torch.randint(ITEMS, (length,)).tolist() for length in lengths]
    log_probability = F.log_softmax(normal(ITEMS), 0).float().double()  # as a program has it: single precision
    named = {"item_embedding.weight": normal(ITEMS, WIDTH, scale=0.5)}
    for layer in range(layers):
        named[f"gru.weight_ih_l{layer}"] = normal(3 * WIDTH, WIDTH, scale=0.5)
        named[f"gru.weight_hh_l{layer}"] = normal(3 * WIDTH, WIDTH, scale=0.5)
        named[f"gru.bias_ih_l{layer}"] = normal(3 * WIDTH, scale=0.5)
        if reset == "after_product":
            named[f"gru.bias_hh_l{layer}"] = normal(3 * WIDTH, scale=0.5)
    if output_table == "separate":
        named["output_embedding.weight"] = normal(ITEMS, WIDTH, scale=0.5)
    named["item_bias"] = normal(ITEMS, scale=0.5)
    tensors = {"parameter." + name: value.clone() for name, value in named.items()}
    named = {name: nn.Parameter(value) for name, value in named.items()}
    squares = {name: torch.zeros_like(value) for name, value in named.items()}
    velocity = {name: torch.zeros_like(value) for name, value in named.items()}

    states, all_losses, all_scores, all_sampled, rows_of_steps = [], [], [], [], []
    for step, lanes in enumerate(lane_steps(sessions)):
        if step == STEPS:
            break
        read = torch.tensor([sessions[session][position] for session, position, _ in lanes])
        targets = [sessions[session][position + 1] for session, position, _ in lanes]
        sampled = torch.randint(ITEMS, (SAMPLED,)).tolist()
        masks = [
            dropout_mask(dropout, step, site, len(lanes), WIDTH) if dropout else torch.ones(len(lanes), WIDTH).double()
            for site in range(layers + 1)
        ]
        x, following = named["item_embedding.weight"][read] * masks[0], []
        for layer in range(layers):
            weights = [named.get(f"gru.{part}_l{layer}") for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
            before = [
                torch.zeros(WIDTH, dtype=torch.float64) if row is None else states[row][layer] for _, _, row in lanes
            ]  # no gradient goes back to the step before
            h = torch.stack([unit(x[row], before[row], weights, reset) for row in range(len(lanes))])
            if reset == "after_product":
                agree("gru", torch.func.functional_call(
                    nn.GRUCell(WIDTH, WIDTH).double(),
                    dict(zip(("weight_ih", "weight_hh", "bias_ih", "bias_hh"), weights)), (x, torch.stack(before)),
                ), h)
            x = h * masks[1 + layer]
            following.append(x)
        states = [[layer[row].detach() for layer in following] for row in range(len(lanes))]
        table = named.get("output_embedding.weight", named["item_embedding.weight"])
        value = step_losses(loss, x, table, named["item_bias"], targets, targets + sampled, log_probability)
        slopes = torch.autograd.grad(value, list(named.values()))
        all_losses.append(value.detach())
        all_scores.append((x @ table.T + named["item_bias"]).detach())
        all_sampled.append(sampled)
        rows_of_steps.append(len(lanes))
        with torch.no_grad():
            for (name, parameter), slope in zip(named.items(), slopes):
                squares[name] += slope**2
                velocity[name] = momentum * velocity[name] + learning_rate * slope / (squares[name].sqrt() + epsilon)
                parameter -= velocity[name]
    assert len(rows_of_steps) == STEPS and set(rows_of_steps) == {LANES}
    tensors.update({"after." + name: value.detach() for name, value in named.items()})
    tensors.update(
        items=torch.tensor(sum(sessions, [])).int(), offsets=offsets_of(lengths), log_probability=log_probability,
        sampled=torch.tensor(all_sampled).int(), losses=torch.stack(all_losses), scores=torch.cat(all_scores),
    )
    return tensors, dict(
        items=ITEMS, width=WIDTH, layers=layers, reset=reset, output_table=output_table, item_bias="true",
        dropout=dropout, state_dropout=dropout, lanes=LANES, steps=STEPS, seed=SEED, loss=loss,
        learning_rate=learning_rate, momentum=momentum, epsilon=epsilon,
    )
