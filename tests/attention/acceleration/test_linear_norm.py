"""Normalisations of all kinds and in all modes inside of RGA: folded, called, and never over a part of the batch."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import rga
from rga.attention.acceleration.gate import FastRelationGate
from rga.attention.acceleration.linear_norm import FastLinearNorm, folds
from rga.attention.factorised import FactorisedRelationEmbedding
from rga.attention.relation import LinearNorm, RelationEmbedding, RelationGate
from rga.training.distributed.norms import GatheredBatchNorm

Layer = LinearNorm | RelationEmbedding
Change = Callable[[Layer], object]


class Doubled(nn.BatchNorm1d):
    """A batch normalisation that does something else besides."""

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = 2 * super().forward(x)
        return out


def replaced(build: Callable[[int], nn.Module]) -> Change:
    def change(layer: Layer) -> None:
        layer.norm = build(layer.norm.num_features).double().train(layer.norm.training)  # type: ignore[assignment]

    return change


def forgotten(layer: Layer) -> None:
    """What ``torch.func.replace_all_batch_norm_modules_`` does."""
    layer.norm.running_mean = layer.norm.running_var = layer.norm.num_batches_tracked = None
    layer.norm.track_running_stats = False


def uncounted(layer: Layer) -> None:
    layer.norm.momentum = layer.norm.num_batches_tracked = None


CHANGES: dict[str, Change] = {
    "training": lambda layer: layer.norm.train(),
    "evaluation": lambda layer: layer.norm.eval(),
    "no statistics": replaced(lambda n: nn.BatchNorm1d(n, track_running_stats=False)),
    "statistics forgotten": forgotten,
    "statistics no longer tracked": lambda layer: setattr(layer.norm, "track_running_stats", False),
    "cumulative": lambda layer: setattr(layer.norm, "momentum", None),
    "cumulative, not counted": uncounted,
    "not counted": lambda layer: setattr(layer.norm, "num_batches_tracked", None),
    "without weights": replaced(lambda n: nn.BatchNorm1d(n, affine=False)),
    "group": replaced(lambda n: nn.GroupNorm(1, n)),
    "layer": replaced(nn.LayerNorm),
    "none": replaced(lambda _: nn.Identity()),
    "another": replaced(Doubled),
    "gathered": lambda layer: setattr(layer, "norm", GatheredBatchNorm(layer.norm)),
    "hooked": lambda layer: layer.norm.register_forward_hook(lambda _norm, _args, out: 3 * out),
}


def by_the_equations(gate: RelationGate, nodes: Tensor) -> Tensor:
    """The gates by the equations, with each normalisation called on all rows."""

    def layer(module: Layer, weight: Tensor, x: Tensor, relu: bool = True) -> Tensor:
        rows: Tensor = module.norm((x @ weight.T).flatten(0, 1))
        out: Tensor = (rows.relu() if relu else rows).unflatten(0, x.shape[:2])
        return out

    assert gate.theta_phi_psi is not None
    assert gate.varphi is not None
    theta, phi, psi = layer(gate.theta_phi_psi, gate.theta_phi_psi.linear.weight, nodes).chunk(3, -1)
    affinity = theta @ phi.mT
    relations = torch.cat([affinity, affinity.mT], -1)
    varphi = layer(gate.varphi, torch.cat([gate.varphi.rows.weight, gate.varphi.columns.weight], 1), relations)
    y = torch.cat([psi.mean(-1, keepdim=True), varphi], -1)
    hidden = layer(gate.w1, gate.w1.linear.weight, y)
    assert isinstance(gate.w2, LinearNorm)
    return torch.sigmoid(layer(gate.w2, gate.w2.linear.weight, hidden, relu=False)).squeeze(-1)


@pytest.mark.parametrize("gradients", [True, False], ids=["gradients", "no gradients"])
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("where", ["varphi", "w1", "w2", "theta_phi_psi"])
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("dense", [pytest.param(False, id="factorised"), pytest.param(True, id="dense", marks=pytest.mark.slow)])
def test_gates_are_those_of_the_whole_batch(
    change: str, where: str, training: bool, gradients: bool, dense: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rga.attention.acceleration.gate.BLOCK_BYTES", 1)  # blocks of one image, where they are used
    module = rga.create_attention("rga-s", 8, (8, 4), reduction=2, dense=dense).double()
    x = torch.randn(5, 8, 8, 4, dtype=torch.float64)
    module(x + 1)  # statistics that are not those of the batch
    module.train(training)
    gate = module.get_submodule("spatial.gate")
    assert isinstance(gate, RelationGate)
    layer = gate.get_submodule(where)
    assert isinstance(layer, (LinearNorm, RelationEmbedding))
    CHANGES[change](layer)
    again = copy.deepcopy(gate)
    nodes = x.flatten(2).mT
    with torch.set_grad_enabled(gradients):
        torch.testing.assert_close(gate(nodes), by_the_equations(again, nodes), rtol=1e-9, atol=1e-11)
    for ours, theirs in zip(gate.buffers(), again.buffers(), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_images_are_independent_only_by_running_statistics() -> None:
    x = torch.randn(5, 8, 8, 4)
    module = rga.create_attention("rga-sc", 8, (8, 4)).eval()
    gate = module.get_submodule("spatial.gate")
    assert isinstance(gate, FastRelationGate)
    with torch.no_grad():
        torch.testing.assert_close(module(x)[:2], module(x[:2]))
        for layer in (gate.varphi, gate.w1):
            assert layer is not None
            assert folds(layer.norm)
            layer.norm.train()
            assert not folds(layer.norm)
            assert isinstance(gate.varphi, FactorisedRelationEmbedding)
            theta_phi, unary = gate.embed(x.flatten(2).mT)
            assert len(gate.blocks(gate.varphi, theta_phi, gate.sums(gate.varphi, theta_phi), unary)) == 1
            layer.norm.eval()


def test_weights_that_are_narrower_than_the_nodes_are_widened() -> None:
    layer = FastLinearNorm(6, 4).eval()
    x = torch.randn(2, 5, 6)
    expected = layer(x)
    layer.linear.weight = nn.Parameter(layer.linear.weight.detach().bfloat16())
    torch.testing.assert_close(layer(x), expected, rtol=0.02, atol=0.02)
    assert layer(x).dtype == torch.float32
