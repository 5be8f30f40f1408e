"""Which BNs become part of the weights before them, and that nothing changes by it: attentions, backbones, and networks made to mislead."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils import prune
from torch.nn.utils.parametrizations import weight_norm

import rga
from rga.attention.catalog import OF_A_GRID, create_attention, list_attentions
from rga.attention.spectral.conversion import make_exact, make_spectral
from rga.deploy.folding import Folding, fold, fold_relations
from rga.deploy.optimising import AnyOutputs


def settled(network: nn.Module) -> Any:
    """A network whose BNs are far from the identity."""
    for module in network.modules():
        if isinstance(module, _BatchNorm):
            if module.running_mean is not None:
                nn.init.normal_(module.running_mean, std=0.5)
                assert module.running_var is not None
                nn.init.uniform_(module.running_var, 0.5, 2)
            if module.affine:
                nn.init.uniform_(module.weight, 0.5, 2)
                nn.init.normal_(module.bias)
    return network.eval()


def folded(network: nn.Module, x: Tensor) -> Folding:
    """What became of the BNs of a network, whose outputs must stay what they are."""
    own, x = AnyOutputs(settled(network).double()), x.double()  # in which no rounding hides a mistake
    with torch.no_grad():
        before = [each.clone() for each in own(x)]
        found = fold(own, x, {})
        for one, other in zip(own(x), before, strict=True):
            torch.testing.assert_close(one, other, atol=1e-11 * float(other.abs().max()), rtol=0)
    assert len(found.left) == sum(isinstance(module, _BatchNorm) for module in network.modules())
    return found


X = torch.randn(3, 4, 8, 6)


def small(*parts: nn.Module) -> nn.Sequential:
    """A network of parts in a row."""
    return nn.Sequential(*parts)


FOLDED: dict[str, Callable[[], nn.Module]] = {
    "bias": lambda: small(nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6)),
    "no bias": lambda: small(nn.Conv2d(4, 6, 3, bias=False), nn.BatchNorm2d(6)),
    "padding": lambda: small(nn.Conv2d(4, 6, 3, padding="same", padding_mode="reflect"), nn.BatchNorm2d(6)),
    "strided, dilated": lambda: small(nn.Conv2d(4, 6, 3, stride=2, dilation=2, padding=3), nn.BatchNorm2d(6)),
    "depthwise": lambda: small(nn.Conv2d(4, 8, 3, groups=4), nn.BatchNorm2d(8)),
    "groups": lambda: small(nn.Conv2d(4, 6, 3, groups=2), nn.BatchNorm2d(6)),
    "transposed": lambda: small(nn.ConvTranspose2d(4, 6, 3, stride=2), nn.BatchNorm2d(6)),
    "transposed, groups": lambda: small(nn.ConvTranspose2d(4, 6, 3, groups=2, bias=False), nn.BatchNorm2d(6)),
    "without affine": lambda: small(nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6, affine=False)),
    "linear": lambda: small(nn.Flatten(), nn.Linear(4 * 8 * 6, 5, bias=False), nn.BatchNorm1d(5)),
    "1d": lambda: small(nn.Flatten(2), nn.Conv1d(4, 6, 3), nn.BatchNorm1d(6)),
    "1d, transposed": lambda: small(nn.Flatten(2), nn.ConvTranspose1d(4, 6, 3), nn.BatchNorm1d(6)),
    "3d": lambda: small(nn.Unflatten(1, (2, 2)), nn.Conv3d(2, 5, (1, 3, 3)), nn.BatchNorm3d(5)),
    "synchronised": lambda: small(nn.Conv2d(4, 6, 3), nn.SyncBatchNorm(6)),
    "two in a row": lambda: small(nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6), nn.BatchNorm2d(6)),
    "with activation": lambda: small(nn.Conv2d(4, 6, 3), timm.layers.BatchNormAct2d(6)),
    "with another one": lambda: small(nn.Conv2d(4, 6, 3), timm.layers.BatchNormAct2d(6, act_layer=nn.SiLU)),
}
"""Networks all of whose BNs are folded."""


@pytest.mark.parametrize("name", FOLDED)
def test_what_is_folded(name: str) -> None:
    network = FOLDED[name]()
    count = sum(isinstance(module, _BatchNorm) for module in network.modules())
    assert folded(network, X) == Folding(count, ())


class Wired(nn.Module):
    """A network of two convolutions and two BNs, which a function puts together."""

    def __init__(self, forward: Callable[[Any, Tensor], Any]) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.p, self.q = nn.BatchNorm2d(4), nn.BatchNorm2d(4)
        self.pass_through = forward

    def forward(self, x: Tensor) -> Any:
        return self.pass_through(self, x)


def changed_in_place(n: Any, x: Tensor) -> Tensor:
    y = n.a(x)
    y.mul_(2)
    return n.p(y)  # type: ignore[no-any-return]


def changed_through_a_view(n: Any, x: Tensor) -> Tensor:
    y = n.a(x)
    y[:, 0].add_(1)
    return n.p(y)  # type: ignore[no-any-return]


WIRED: dict[str, tuple[Callable[[Any, Tensor], Any], int]] = {
    "in a row": (lambda n, x: n.q(n.b(n.p(n.a(x)).relu())), 2),
    "registered in another order": (lambda n, x: n.p(n.b(n.q(n.a(x)).relu())), 2),
    "a convolution that runs twice": (lambda n, x: n.p(n.a(x)) + n.q(n.a(x)), 0),
    "a convolution that runs again without BN": (lambda n, x: n.a(n.p(n.a(x))), 0),
    "a BN that runs twice": (lambda n, x: n.p(n.a(x)) + n.p(n.b(x)), 0),
    "two BNs of one map": (lambda n, x: n.p(y := n.a(x)) + n.q(y), 0),
    "a map that is added later": (lambda n, x: n.p(y := n.a(x)) + y, 0),
    "a map that is also an output": (lambda n, x: (n.p(y := n.a(x)), y), 0),
    "a map whose mean is used": (lambda n, x: n.p(y := n.a(x)) * y.mean((2, 3), keepdim=True), 0),
    "a BN whose output is used twice": (lambda n, x: (y := n.p(n.a(x))) + n.q(n.b(y)), 2),
    "a BN that is read elsewhere": (lambda n, x: n.p(n.a(x)) * n.p.weight.sum(), 0),
    "a weight that is read elsewhere": (lambda n, x: n.p(n.a(x)) * n.a.weight.sum(), 0),
    "BN first": (lambda n, x: n.a(n.p(x)), 0),
    "an activation between": (lambda n, x: n.p(n.a(x).relu()), 0),
    "in-place activation between": (lambda n, x: n.p(n.a(x).relu_()), 0),
    "changed in place": (changed_in_place, 0),
    "changed through a view": (changed_through_a_view, 0),
    "a function with the weights of a BN": (
        lambda n, x: nn.functional.batch_norm(n.a(x), n.p.running_mean, n.p.running_var, n.p.weight, n.p.bias, eps=1e-2),
        0,
    ),
    "a function with the weights of a convolution": (lambda n, x: n.p(nn.functional.conv2d(x, n.a.weight, n.a.bias, padding=1)), 0),
    "a sum of two": (lambda n, x: n.p(n.a(x) + n.b(x)), 0),
    "a BN of a batch": (lambda n, x: nn.functional.batch_norm(n.a(x), None, None, training=True), 0),
    "the statistics of another": (lambda n, x: nn.functional.batch_norm(n.a(x), n.p.running_mean, n.q.running_var), 0),
}
"""What is computed -> how many of the two BNs are folded."""


@pytest.mark.parametrize("name", WIRED)
def test_the_flow_of_data_decides(name: str) -> None:
    forward, count = WIRED[name]
    found = folded(Wired(forward), X)
    assert (found.folded, len(found.left)) == (count, 2 - count)


def tied(network: Wired) -> None:
    network.b.weight = network.a.weight


def pruned(network: Wired) -> None:
    prune.l1_unstructured(network.a, "weight", 0.5)


def parametrised(network: Wired) -> None:
    weight_norm(network.a)


def hooked(network: Wired) -> None:
    network.a.register_forward_hook(lambda _module, _args, output: output * 2)


def watched(network: Wired) -> None:
    network.p.register_forward_hook(lambda _module, _args, _output: None)


def of_the_batch(network: Wired) -> None:
    network.p = nn.BatchNorm2d(4, track_running_stats=False)


def of_another_kind(network: Wired) -> None:
    class Doubled(nn.BatchNorm2d):
        def forward(self, x: Tensor) -> Tensor:
            return 2 * super().forward(x)

    network.p = Doubled(4)


@pytest.mark.parametrize("change", [tied, pruned, parametrised, hooked, watched, of_the_batch, of_another_kind])
def test_what_stays(change: Callable[[Wired], None]) -> None:
    network = Wired(lambda n, x: n.q(n.b(n.p(n.a(x)).relu())))
    change(network)
    found = folded(network, X)
    assert found.left == (("network.p", "network.q") if change is tied else ("network.p",))


def test_a_module_with_two_names_goes_from_both() -> None:
    network = Wired(lambda n, x: n.again(n.a(x)))
    network.again = network.p
    assert folded(network, X).folded == 1
    assert network.again is network.p


@pytest.mark.parametrize("name", list_attentions())
def test_attentions(name: str) -> None:
    class Around(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16)
            self.attention = create_attention(name, 16, (8, 4) if name in OF_A_GRID else None)

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.attention(self.norm(self.conv(x)).relu())
            return out

    assert folded(Around(), torch.randn(2, 3, 8, 4)).left == ()


OPTIONS: list[dict[str, Any]] = [
    {"fit": "spectral"},
    {"fit": "pool"},
    {"dense": True},
    {"gate_norm": "none"},
    {"embedding": "none"},
    {"embedding": "symmetric"},
    {"relation": False},
    {"original": False},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_relations(options: dict[str, Any]) -> None:
    attention = settled(create_attention("rga-sc", 16, (8, 4), **options))
    sizes = [(8, 4), (12, 6)] if "fit" in options else [(8, 4)]
    maps = [torch.rand(3, 16, *size) for size in sizes]
    with torch.no_grad():
        before = [attention(x.clone()) for x in maps]
        fold_relations(attention)
        for x, wanted in zip(maps, before, strict=True):
            torch.testing.assert_close(attention(x.clone()), wanted, atol=2e-6, rtol=1e-5)
        if "dense" not in options:
            half = maps[0].bfloat16()
            torch.testing.assert_close(attention(half).float(), before[0], atol=0.02, rtol=0.02)
    assert not [module for module in attention.modules() if isinstance(module, _BatchNorm)]


def test_relations_after_a_conversion() -> None:
    attention = settled(create_attention("rga-sc", 16, (8, 4)))
    x = torch.rand(2, 16, 8, 4)
    with torch.no_grad():
        wanted = attention(x.clone())
        fold_relations(attention)
        make_spectral(attention)
        torch.testing.assert_close(attention(x.clone()), wanted, atol=2e-6, rtol=1e-5)
        make_exact(attention)
        torch.testing.assert_close(attention(x.clone()), wanted, atol=2e-6, rtol=1e-5)


def test_relations_whose_layers_are_watched_stay() -> None:
    attention = settled(create_attention("rga-s", 16, (8, 4)))
    gate = attention.get_submodule("spatial.gate")
    gate.get_submodule("varphi.rows").register_forward_hook(lambda _module, _args, output: 2 * output)
    gate.get_submodule("w1.norm").register_forward_hook(lambda *_: None)
    with torch.no_grad():
        wanted = attention(x := torch.rand(2, 16, 8, 4))
        fold_relations(attention)
        torch.testing.assert_close(attention(x), wanted, atol=2e-6, rtol=1e-5)
    left = [name for name, module in attention.named_modules() if isinstance(module, _BatchNorm)]
    assert left == ["spatial.gate.varphi.norm", "spatial.gate.w1.norm"]


def test_relations_of_weights_that_learn_go_on_to_learn() -> None:
    attention = settled(create_attention("rga-c", 16, (8, 4)))
    fold_relations(attention)
    attention(torch.rand(2, 16, 8, 4)).sum().backward()
    assert all(weight.grad is not None for weight in attention.parameters())


BACKBONES: dict[str, int] = {
    "test_resnet": 0,
    "test_efficientnet": 0,
    "test_byobnet": 0,
    "test_mambaout": 0,
    "tf_efficientnet_lite0": 0,
    "mobilenetv3_small_050": 0,
    "hrnet_w18_small": 0,
    "densenet121": 62,  # those after a concatenation
}
"""Backbone -> how many of its BNs stay."""


@pytest.mark.slow
@pytest.mark.parametrize("name", BACKBONES)
def test_backbones(name: str) -> None:
    torch.manual_seed(0)
    network = timm.create_model(name)
    rga.attach(network, "rga-sc", image_size=(64, 32), fit="pool")
    found = folded(network, torch.randn(2, 3, 64, 32))
    assert len(found.left) == BACKBONES[name], found


class Remembering(nn.Module):
    """A network that keeps what depends on the size of images in an attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)
        self.kept: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        if self.kept is None:
            self.kept = torch.linspace(0, 1, x.shape[-1], dtype=x.dtype)
        out: Tensor = self.norm(self.conv(x)) * self.kept
        return out


def test_what_a_network_keeps_keeps_its_values() -> None:
    network = AnyOutputs(settled(Remembering()))
    with torch.no_grad():
        assert fold(network, X, {}).folded == 1
        assert network(X)[0].isfinite().all()


@pytest.mark.parametrize("watched", ["stem", "stem.0", "norm", "norm.0"])
def test_a_map_that_a_hook_waits_for_stays(watched: str) -> None:
    parts = {"stem": nn.Sequential(nn.Conv2d(4, 6, 3)), "norm": nn.Sequential(nn.BatchNorm2d(6))}
    network = small(nn.Sequential(OrderedDict(parts)))
    assert folded(copy.deepcopy(network), X).folded == 1
    network[0].get_submodule(watched).register_forward_hook(lambda *_: None)
    assert folded(network, X).folded == 0
