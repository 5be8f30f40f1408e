"""Batch normalisation over the batches of all processes."""

from collections.abc import Callable
from typing import Any

import pytest
import timm
import torch
from timm.layers import BatchNormAct2d
from torch import Tensor, nn

from rga.attachment import attach
from rga.training.distributed import processes
from rga.training.distributed.norms import GatheredBatchNorm, synchronise_norms

InProcesses = Callable[[int, Callable[[], Any]], list[Any]]
CPU = torch.device("cpu")


def network(momentum: float | None = 0.1) -> nn.Module:
    torch.manual_seed(0)
    layers = [
        nn.Conv2d(3, 4, 3),
        nn.BatchNorm2d(4, momentum=momentum),
        BatchNormAct2d(4),
        nn.Flatten(),
        nn.BatchNorm1d(4 * 9, affine=False),
    ]
    return nn.Sequential(nn.Sequential(*layers), nn.Linear(36, 2))


def batch() -> Tensor:
    torch.manual_seed(1)
    return 10 * torch.rand(6, 3, 5, 5) + torch.arange(6.0)[:, None, None, None]


def two_steps(model: nn.Module, x: Tensor) -> dict[str, Any]:
    together = processes.wrapped(model)
    for _ in range(2):
        model.zero_grad()
        out = together(x)
        out.square().mean().backward()
    gradients = {name: p.grad.tolist() for name, p in model.named_parameters() if p.grad is not None}
    return {"out": out.tolist(), "gradients": gradients, "buffers": {name: b.tolist() for name, b in model.named_buffers()}}


def of_a_process() -> list[dict[str, Any]]:
    found = []
    for momentum in (0.1, None):
        model = network(momentum)
        synchronise_norms(model, CPU)
        found.append(two_steps(model, batch()[list(processes.share(range(6)))]))
    return found


def test_two_processes_normalise_as_one_and_so_do_gradients_and_statistics(in_processes: InProcesses) -> None:
    expected = [two_steps(network(momentum), batch()) for momentum in (0.1, None)]
    first, second = in_processes(2, of_a_process)
    for one, mine, other in zip(expected, first, second, strict=True):
        torch.testing.assert_close(torch.tensor(mine["out"] + other["out"]), torch.tensor(one["out"]), rtol=1e-4, atol=1e-5)
        for found in (mine, other):
            for kind in ("gradients", "buffers"):
                assert found[kind].keys() == one[kind].keys()
                for name, value in one[kind].items():
                    torch.testing.assert_close(torch.tensor(found[kind][name]), torch.tensor(value), rtol=1e-4, atol=1e-5)


def test_keys_weights_and_evaluation_stay_what_they_are() -> None:
    plain, together = network(), network()
    synchronise_norms(together, CPU)
    synchronise_norms(together, CPU)
    assert sum(isinstance(module, GatheredBatchNorm) for module in together.modules()) == 3
    assert list(together.state_dict()) == list(plain.state_dict())
    for mode in (True, False):
        assert torch.equal(together.train(mode)(batch()), plain.train(mode)(batch()))
    with pytest.raises(ValueError, match=r"expected a batch"):
        GatheredBatchNorm(nn.BatchNorm1d(3))(torch.rand(3))


def test_attention_inside_of_blocks_stays_at_work() -> None:
    model = attach(timm.create_model("resnet18", zero_init_last=False), "se", image_size=(32, 32), after="blocks").eval()
    images = torch.rand(2, 3, 32, 32)
    before = model(images)
    synchronise_norms(model, CPU)
    torch.testing.assert_close(model(images), before)
