"""Processes that train together: what each of them gets, and that gradients are those of one process."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from rga.reid.losses import batch_hard_triplet
from rga.training.distributed import processes

InProcesses = Callable[[int, Callable[[], Any]], list[Any]]


def test_alone_nothing_is_exchanged() -> None:
    assert (processes.rank(), processes.count(), processes.first(), processes.together()) == (0, 1, True, False)
    x = torch.rand(3, requires_grad=True)
    assert processes.gather_with_gradients(x) is x
    assert processes.share([1, 2, 3]) == [1, 2, 3]
    assert processes.largest(3, 4) == [3, 4]
    assert processes.mean([0.5]) == [0.5]
    assert processes.from_first("a") == "a"


def exchange() -> dict[str, object]:
    rank = processes.rank()
    model = nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1))
    with torch.no_grad():
        for tensor in (*model.parameters(), *model.buffers()):
            tensor.fill_(rank + 1)
    processes.copy_from_first(model, buffers_alone=True)
    buffers = [float(buffer) for buffer in model.buffers()]
    own = [float(parameter) for parameter in model.parameters()]
    processes.copy_from_first(model)
    return {
        "rank": (rank, processes.count(), processes.first()),
        "share": list(processes.share(range(8))),
        "rows": processes.gather_rows(torch.full((rank + 1, 2), float(rank))).tolist(),
        "objects": processes.gather({"rank": rank}),
        "first": processes.from_first(rank + 5),
        "largest": processes.largest(rank, -rank),
        "mean": processes.mean([float(rank), 1.0]),
        "own": own,
        "buffers": buffers,
        "weights": [float(parameter) for parameter in model.parameters()],
    }


def test_what_every_process_gets(in_processes: InProcesses) -> None:
    answers = in_processes(3, exchange)
    for rank, answer in enumerate(answers):
        assert answer["rank"] == (rank, 3, rank == 0)
        assert answer["rows"] == [[0.0, 0.0]] + [[1.0, 1.0]] * 2 + [[2.0, 2.0]] * 3
        assert answer["objects"] == [{"rank": 0}, {"rank": 1}, {"rank": 2}]
        assert (answer["first"], answer["largest"], answer["mean"]) == (5, [2, 0], [1.0, 1.0])
        assert set(answer["own"]) == {rank + 1}
        assert set(answer["buffers"]) == set(answer["weights"]) == {1.0}
    assert [answer["share"] for answer in answers] == [[0, 1, 2], [3, 4, 5], [6, 7]]


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3), nn.Linear(3, 3, bias=False)).double()


LABELS = torch.tensor([0, 0, 1, 1, 2, 2, 3, 3])


def images() -> Tensor:
    torch.manual_seed(1)
    return torch.randn(8, 4, dtype=torch.float64)


def mine_together() -> tuple[float, list[list[float]]]:
    """Loss and averaged gradients of triplets that are mined over the batches of all processes, and of a mean over each's own."""
    model, mine = network(), list(processes.share(range(8)))
    model.get_submodule("3").requires_grad_(False)
    together = processes.wrapped(model)  # which is looked for again in the backward pass
    features = together(images()[mine])
    labels = processes.gather_rows(LABELS[mine])
    loss = batch_hard_triplet(processes.gather_with_gradients(features), labels) + features.square().mean()
    loss.backward()
    return processes.mean([loss.item()])[0], [p.grad.flatten().tolist() for p in model.parameters() if p.grad is not None]


def test_triplets_mined_over_all_processes_have_the_gradients_of_one(in_processes: InProcesses) -> None:
    model = network()
    features = model(images())
    loss = batch_hard_triplet(features, LABELS) + features.square().mean()
    loss.backward()
    expected = [p.grad for p in model.parameters() if p.grad is not None][:4]
    for value, gradients in in_processes(2, mine_together):
        assert abs(value - loss.item()) < 1e-6
        assert len(gradients) == 4
        for found, wanted in zip(gradients, expected, strict=True):
            torch.testing.assert_close(torch.tensor(found, dtype=torch.float64), wanted.flatten(), rtol=1e-5, atol=1e-7)


class Partly(nn.Module):
    """A network of which one layer is never used."""

    def __init__(self) -> None:
        super().__init__()
        self.used = network()
        self.unused = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        used: Tensor = self.used(x)
        return used


def parts_together() -> list[list[list[float]]]:
    """Averaged gradients of two steps whose batches come in two parts."""
    model, mine = Partly(), list(processes.share(range(8)))
    together = processes.wrapped(model)
    found = []
    for _ in range(2):
        model.zero_grad()
        for number, part in enumerate((mine[:2], mine[2:]), start=1):
            with processes.averaging(together, number == 2):
                (together(images()[part]).square().mean() / 2).backward()
        found.append([p.grad.flatten().tolist() for p in model.used.parameters() if p.grad is not None])
    return found


def test_batches_in_parts_have_the_gradients_of_the_whole(in_processes: InProcesses) -> None:
    model = network()
    model(images()).square().mean().backward()
    for steps in in_processes(2, parts_together):
        for gradients in steps:
            for found, parameter in zip(gradients, model.parameters(), strict=True):
                assert parameter.grad is not None
                torch.testing.assert_close(torch.tensor(found, dtype=torch.float64), parameter.grad.flatten(), rtol=1e-6, atol=1e-9)
