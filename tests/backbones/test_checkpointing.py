"""Activation checkpointing: what is computed stays what it is, and memory is saved."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn

import rga
from rga.backbones.checkpointing import checkpoint_blocks


def network(name: str, attention: str = "rga-sc", *, after: Any = None, **options: Any) -> nn.Module:
    torch.manual_seed(0)
    return rga.attach(timm.create_model(name, num_classes=5, **options), attention, image_size=(64, 32), after=after)


def train_a_step(model: nn.Module) -> tuple[Tensor, list[Tensor], dict[str, Tensor]]:
    """Loss, gradients and state after two steps, with everything random from a seed."""
    torch.manual_seed(1)
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        loss: Tensor = model(torch.rand(4, 3, 64, 32)).square().mean()
        loss.backward()
        optimizer.step()
    return loss, [p.grad for p in model.parameters() if p.grad is not None], model.state_dict()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "attention", "options"),
    [
        ("resnet10t", "rga-sc", {}),
        ("test_resnet", "rga-parallel", {"drop_path_rate": 0.3}),
        ("test_efficientnet", "rga-cs", {}),
        ("test_convnext", "se", {}),
        ("test_resnet", "none", {}),
        ("test_resnet", "rga-sc", {"after": "blocks"}),
    ],
)
def test_losses_gradients_and_statistics_are_the_same(name: str, attention: str, options: dict[str, object]) -> None:
    plain, again = network(name, attention, **options), network(name, attention, **options)
    checkpoint_blocks(again)
    assert list(again.state_dict()) == list(plain.state_dict())
    expected, found = train_a_step(plain), train_a_step(again)
    assert torch.equal(found[0], expected[0])
    assert len(found[1]) == len(expected[1])
    assert all(torch.equal(a, b) for a, b in zip(found[1], expected[1], strict=True))
    assert all(torch.equal(found[2][key], expected[2][key]) for key in expected[2])


def held_by(model: nn.Module) -> int:
    """Bytes that autograd keeps between the passes."""
    kept: dict[int, int] = {}
    parameters = {p.data_ptr() for p in model.parameters()}

    def pack(x: Tensor) -> Tensor:
        if x.data_ptr() not in parameters:
            kept[x.untyped_storage().data_ptr()] = x.untyped_storage().nbytes()
        return x

    alive: list[Tensor] = []  # an address that is free again would be counted once
    with torch.autograd.graph.saved_tensors_hooks(lambda x: alive.append(x) or pack(x), lambda x: x):  # type: ignore[func-returns-value]
        model(torch.rand(4, 3, 64, 32)).sum()
    return sum(kept.values())


def test_less_is_kept_for_the_backward_pass() -> None:
    plain, again = network("resnet26"), network("resnet26")
    checkpoint_blocks(again)
    assert held_by(again) < 0.5 * held_by(plain)


def test_blocks_and_attentions_run_twice_in_training_and_once_otherwise() -> None:
    model = network("resnet10t")
    checkpoint_blocks(model)
    calls: list[str] = []

    def count(name: str) -> Callable[..., None]:
        return lambda *_: calls.append(name)

    model.get_submodule("layer2.0.conv1").register_forward_hook(count("block"))
    model.get_submodule("layer2.attention.spatial.gate.w1").norm.register_forward_hook(count("attention"))  # type: ignore[union-attr]
    model.train()
    model(torch.rand(2, 3, 64, 32)).sum().backward()
    assert sorted(calls) == ["attention"] * 2 + ["block"] * 2
    with torch.no_grad():
        model(torch.rand(2, 3, 64, 32))
    model.eval()
    model(torch.rand(2, 3, 64, 32)).sum().backward()
    assert calls.count("block") == 4
    assert calls.count("attention") == 4


def test_copies_compute_their_own_blocks_again() -> None:
    model = network("test_resnet")
    checkpoint_blocks(model)
    copied = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    copied.train()
    out = copied(torch.rand(2, 3, 64, 32))
    out.sum().backward()
    assert out.abs().sum() > 0
    assert all(p.grad is None for p in model.parameters())


def test_half_precision_goes_through() -> None:
    model = network("test_resnet")
    checkpoint_blocks(model)
    with torch.autocast("cpu", torch.bfloat16):
        loss = model.train()(torch.rand(2, 3, 64, 32)).float().square().mean()
    loss.backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


def test_a_network_without_blocks_is_refused() -> None:
    with pytest.raises(ValueError, match="Linear has no blocks in a row"):
        checkpoint_blocks(nn.Linear(3, 3))


def test_synchronised_norms_have_their_counter_in_the_second_pass() -> None:
    """torch's SyncBatchNorm, which runs on GPUs alone, does not train without one."""
    model, counted = network("test_resnet"), []
    checkpoint_blocks(model)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_hook(lambda norm, *_: counted.append(norm.num_batches_tracked is not None))
    model.train()
    model(torch.rand(2, 3, 64, 32)).sum().backward()
    assert len(counted) > sum(isinstance(module, nn.BatchNorm2d) for module in model.modules())  # some of them twice
    assert all(counted)
