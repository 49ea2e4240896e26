# SPDX-License-Identifier: Apache-2.0
"""Training in PyTorch, whatever the model: padded groups, the step, and what all the models' losses share."""

import dataclasses
import math
from collections.abc import Callable, Iterator

import numpy
import torch
import torch.nn.functional as F
from torch import nn

from batches import Batch


@dataclasses.dataclass(frozen=True)
class Style:
    """How a step is written. The defaults are the plain form: one batch, padded to the maximum."""

    side: str  # "plain", "expert", "compiled" or "graph"
    label: str
    buckets: int = 0  # that many groups by length, each padded to its longest; 0: one group, padded to the maximum
    select: bool = True  # losses of the real rows alone; else of all, the padding's multiplied by 0
    fused: bool = True  # the optimiser
    sparse: bool = False  # gradients of the item table, and SparseAdam for it
    form: str = ""  # of the model: what its family knows
    autocast: bool = False  # to bfloat16

    @property
    def static(self) -> bool:
        """Whether the groups of all batches must have the same shapes."""
        return self.side == "compiled"


@dataclasses.dataclass
class Group:
    """Some histories of a batch, padded at one side. Item 0 is padding; seqrec's items follow."""

    items: torch.Tensor  # (b, L)
    real: torch.Tensor  # (b, L), 1 where there is an item
    rows: torch.Tensor  # the flat numbers of the real rows, history by history
    lengths: torch.Tensor  # (b)
    host_lengths: torch.Tensor  # the same where nn.GRU's packing wants them
    labels: torch.Tensor  # as seqrec's, of the real rows or of the histories: 1 is added to items
    padded_labels: torch.Tensor  # (b, L, columns), where labels are those of rows


def make_group(batch: Batch, users: numpy.ndarray, length: int, side: str, clicks: bool) -> Group:
    """Padding is at the `side` "left" or "right"."""
    items = numpy.zeros((len(users), length), numpy.int64)
    padded = numpy.zeros((len(users), length, batch.labels.shape[1]), numpy.int64)
    labels = []
    for place, user in enumerate(users):
        first, last = batch.offsets[user], batch.offsets[user + 1]
        where = slice(length - (last - first), None) if side == "left" else slice(0, last - first)
        items[place, where] = batch.items[first:last] + 1
        if not clicks:
            padded[place, where] = batch.labels[first:last] + 1
            labels.append(batch.labels[first:last] + 1)
    if clicks:
        labels = [batch.labels[users] + [1, 0]]
    real = items != 0
    lengths = batch.lengths[users].astype(numpy.int64)
    return Group(
        items=on_device(items),
        real=on_device(real.astype(numpy.float32)),
        rows=on_device(real.ravel().nonzero()[0]),
        lengths=on_device(lengths),
        host_lengths=torch.from_numpy(lengths),
        labels=on_device(numpy.concatenate(labels).astype(numpy.int64)),
        padded_labels=on_device(padded),
    )


def on_device(values: numpy.ndarray) -> torch.Tensor:
    """Where the models are."""
    return torch.from_numpy(values).to(torch.get_default_device())


def groups_of(batch: Batch, style: Style, max_length: int, longest: list[int], side: str, clicks: bool) -> list[Group]:
    """@param longest  of each group over all batches, for static shapes"""
    if style.buckets == 0:
        return [make_group(batch, numpy.arange(batch.users), max_length, side, clicks)]
    found = []
    for place, users in enumerate(split_by_length(batch, style.buckets)):
        length = longest[place] if style.static else int(batch.lengths[users].max())
        found.append(make_group(batch, users, length, side, clicks))
    return found


def split_by_length(batch: Batch, buckets: int) -> list[numpy.ndarray]:
    return numpy.array_split(numpy.argsort(batch.lengths, kind="stable"), buckets)


class TorchTraining:
    """A model, its optimiser and its prepared batches, as seqrec_library.Seqrec has them.

    A family is a module with Model(options, objective, style), whose call with a group gives the sum of its losses;
    PADDING, the side at which it wants it; and targets(batch), over which a loss is a mean.
    """

    def __init__(self, family, options: dict[str, object], objective: str, style: Style, batches: list[Batch],
                 learning_rate: float = 1e-3):
        self.label, self.side, self.style = style.label, style.side, style
        self.device = torch.get_default_device().type
        self.model = family.Model(options, objective, style)
        self.loss: Callable = torch.compile(self.model, dynamic=False) if style.static else self.model
        self.optimizers = list(make_optimizers(self.model, style, learning_rate))
        buckets = max(style.buckets, 1)
        longest = [
            max(int(batch.lengths[split_by_length(batch, buckets)[place]].max()) for batch in batches)
            for place in range(buckets)
        ]
        self.targets = [family.targets(batch) for batch in batches]
        self.batches = [
            groups_of(batch, style, int(options["max_length"]), longest, family.PADDING, objective == "click")
            for batch in batches
        ]

    def backward(self, index: int) -> torch.Tensor:
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        losses = []
        for group in self.batches[index]:
            # Without its cache: a CUDA graph would keep what the cache held when it was captured.
            with torch.autocast(self.device, torch.bfloat16, enabled=self.style.autocast, cache_enabled=False):
                loss = self.loss(group) / self.targets[index]
            loss.backward()
            losses.append(loss.detach())
        return torch.stack(losses).sum()

    def launch(self, index: int) -> torch.Tensor:
        total = self.backward(index)
        for optimizer in self.optimizers:
            optimizer.step()
        return total

    def step(self, index: int) -> float:
        """One training step, to its end; returns its loss."""
        return self.launch(index).item()

    def parameters(self) -> dict[str, numpy.ndarray]:
        """Names and values as seqrec has them: without the padding item."""
        return {name: as_seqrec(name, value.detach()) for name, value in self.model.named_parameters()}

    def gradients(self, index: int) -> tuple[float, dict[str, numpy.ndarray]]:
        loss = self.backward(index).item()
        found = {}
        for name, value in self.model.named_parameters():
            gradient = value.grad if value.grad is not None else torch.zeros_like(value)
            found[name] = as_seqrec(name, gradient.to_dense() if gradient.is_sparse else gradient)
        return loss, found


class GraphedTraining(TorchTraining):
    """The same on a GPU, with each batch's whole step captured in a CUDA graph, its optimiser included."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        side_stream = torch.cuda.Stream()
        side_stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side_stream):  # what is made once must be there before anything is captured
            for index in range(len(self.batches)):
                self.launch(index)
        torch.cuda.current_stream().wait_stream(side_stream)
        self.graphs = []
        for index in range(len(self.batches)):
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                loss = self.launch(index)
            self.graphs.append((graph, loss))

    def step(self, index: int) -> float:
        graph, loss = self.graphs[index]
        graph.replay()
        return loss.item()


def graphed(styles: list[Style]) -> list[Style]:
    """Of these styles those whose steps ask nothing of the host, in a CUDA graph."""
    return [
        dataclasses.replace(style, side="graph", label=style.label.replace("expert", "in a CUDA graph"))
        for style in styles if style.side == "expert" and not style.sparse and style.form not in ("packed", "rows")
    ]


def autocast(styles: list[Style]) -> list[Style]:
    """These styles in bfloat16, as PyTorch's users have it."""
    return [dataclasses.replace(style, label=style.label + ", autocast", autocast=True) for style in styles]


def as_seqrec(name: str, values: torch.Tensor) -> numpy.ndarray:
    return (values[1:] if name == "item_embedding.weight" else values).contiguous().cpu().numpy()


def make_optimizers(model: nn.Module, style: Style, learning_rate: float) -> Iterator[torch.optim.Optimizer]:
    tables, others = [], []
    for name, parameter in model.named_parameters():
        (tables if style.sparse and name == "item_embedding.weight" else others).append(parameter)
    fused = True if style.fused else None
    yield torch.optim.Adam(others, lr=learning_rate, fused=fused, capturable=style.side == "graph")
    if tables:
        yield torch.optim.SparseAdam(tables, lr=learning_rate)


def randomise(model: nn.Module) -> None:
    """No parameter may be zero or one, or an error in its use would not show.

    Matrices keep the size of what they multiply: larger ones would make a recurrence chaotic, whose gradients rounding
    decides.
    """
    with torch.no_grad():
        for name, value in model.named_parameters():
            is_matrix = value.dim() == 2 and "embedding" not in name
            deviation = 1 / math.sqrt(value.shape[1]) if is_matrix else 0.3
            value.copy_(deviation * torch.randn_like(value) + (1.0 if "norm.weight" in name else 0.0))
        model.item_embedding.weight[0] = 0


def next_item_loss(objective: str, select: bool, states: torch.Tensor, table: nn.Embedding, group: Group):
    """The sum over the real rows of a group of the loss of the next item."""
    if select:
        states = states.flatten(0, 1).index_select(0, group.rows)
        return loss_of_rows(objective, states, table, group.labels)
    if objective == "softmax":
        scores = states @ table.weight[1:].T
        targets = (group.padded_labels[..., 0] - 1).flatten()  # -1 where there is padding
        return F.cross_entropy(scores.flatten(0, 1), targets, ignore_index=-1, reduction="sum")
    positive = (states * table(group.padded_labels[..., 0])).sum(-1).float()
    negative = (states * table(group.padded_labels[..., 1])).sum(-1).float()
    return ((F.softplus(-positive) + F.softplus(negative)) * group.real).sum()


def loss_of_rows(objective: str, states: torch.Tensor, table: nn.Embedding, labels: torch.Tensor):
    if objective == "softmax":
        return F.cross_entropy(states @ table.weight[1:].T, labels[:, 0] - 1, reduction="sum")
    scores = (table(labels) @ states.unsqueeze(-1)).squeeze(-1).float()  # autocast leaves losses in float too
    return F.softplus(-scores[:, 0]).sum() + F.softplus(scores[:, 1]).sum()
