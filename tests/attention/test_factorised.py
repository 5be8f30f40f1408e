"""One function, computed in three ways: by the definition, without the affinity, and on the fast paths."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from rga.attention.acceleration.gate import FastRelationGate
from rga.attention.factorised import FactorisedRelationGate, is_linear_map
from rga.attention.relation import RelationGate

WAYS = (RelationGate, FactorisedRelationGate, FastRelationGate)

OPTIONS = st.fixed_dictionaries(
    {
        "embedding": st.sampled_from(["asymmetric", "symmetric", "none"]),
        "relation": st.booleans(),
        "original": st.booleans(),
        "gate_norm": st.sampled_from(["batch", "none"]),
        "embedding_width": st.integers(1, 3),
        "relation_width": st.integers(1, 9),
        "hidden_width": st.integers(1, 3),
    }
).filter(lambda options: options["relation"] or options["original"])


def build(nodes: int, features: int, options: dict[str, object]) -> list[RelationGate]:
    """The same gate in each way, with weights and statistics that matter."""
    gates: list[RelationGate] = [way(nodes, features, **options).double() for way in WAYS]  # type: ignore[arg-type]
    for module in gates[0].modules():
        if isinstance(module, nn.BatchNorm1d):
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
            nn.init.normal_(module.running_mean)  # type: ignore[arg-type]
            nn.init.uniform_(module.running_var, 0.5, 2.0)  # type: ignore[arg-type]
    for gate in gates[1:]:
        gate.load_state_dict(gates[0].state_dict())
    return gates


def passes(gate: RelationGate, x: Tensor) -> list[Tensor]:
    """The gates, the gradients of nodes and weights, and the statistics."""
    leaf = x.clone().requires_grad_()
    out = gate(leaf)
    learning = [leaf, *gate.parameters()]
    gradients = torch.autograd.grad(out, learning, torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view_as(out))
    return [out.detach(), *gradients, *(buffer.clone() for buffer in gate.buffers())]


@settings(max_examples=80)
@given(
    sizes=st.tuples(st.integers(2, 4), st.integers(1, 9), st.integers(1, 6)),
    options=OPTIONS,
    training=st.booleans(),
    transposed=st.booleans(),
    block_bytes=st.sampled_from([1, 200, 1 << 20]),
    seed=st.integers(0, 999),
)
def test_three_ways_are_one_function(
    sizes: tuple[int, int, int], options: dict[str, object], training: bool, transposed: bool, block_bytes: int, seed: int
) -> None:
    images, nodes, features = sizes
    torch.manual_seed(seed)
    gates = [gate.train(training) for gate in build(nodes, features, options)]
    x = torch.randn(images, features, nodes, dtype=torch.float64).mT if transposed else torch.randn(images, nodes, features).double()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rga.attention.acceleration.gate.BLOCK_BYTES", block_bytes)
        patch.setattr("rga.attention.acceleration.tiles.TILE_BYTES", block_bytes)
        definition, *others = [passes(gate, x) for gate in gates]
        for other in others:
            for ours, theirs in zip(other, definition, strict=True):
                torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-7)
        with torch.no_grad():
            expected, *found = [gate.eval()(x) for gate in gates]
        for ours in found:
            torch.testing.assert_close(ours, expected, rtol=1e-9, atol=1e-10)


def test_keys_are_the_same_in_each_way() -> None:
    states = [way(6, 4, embedding_width=2, relation_width=3, hidden_width=2).state_dict() for way in WAYS]
    assert [list(state) for state in states] == [list(states[0])] * 3


def test_the_affinity_is_built_only_by_the_definition() -> None:
    largest: dict[type[RelationGate], int] = {}

    class Watch(torch.overrides.TorchFunctionMode):
        def __init__(self, way: type[RelationGate]) -> None:
            self.way = way

        def __torch_function__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            out = func(*args, **(kwargs or {}))
            if isinstance(out, Tensor):
                largest[self.way] = max(largest.get(self.way, 0), out.numel())
            return out

    for way in WAYS:
        gate = way(256, 8, embedding_width=1, relation_width=32, hidden_width=4)
        with Watch(way):
            gate(torch.randn(2, 256, 8)).sum().backward()
    assert largest[RelationGate] == 2 * 256 * 256
    assert largest[FactorisedRelationGate] <= 2 * 256 * (1 + 32)
    assert largest[FastRelationGate] <= 2 * 256 * 32


class Offset(nn.Linear):
    """A linear layer that does something else besides."""

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = super().forward(x) + 1
        return out


def test_what_counts_as_a_linear_map() -> None:
    assert is_linear_map(nn.Linear(3, 2, bias=False))
    assert not is_linear_map(nn.Linear(3, 2))
    assert not is_linear_map(Offset(3, 2, bias=False))
    assert not is_linear_map(nn.Sequential(nn.Linear(3, 2, bias=False)))
    changed = nn.Linear(3, 2, bias=False)
    changed.forward = lambda x: x  # type: ignore[method-assign, assignment]
    assert not is_linear_map(changed)


@pytest.mark.parametrize("child", ["rows", "columns"])
@pytest.mark.parametrize(
    "build_replacement", [lambda: nn.Linear(6, 5), lambda: nn.Sequential(nn.Linear(6, 5), nn.Tanh()), lambda: Offset(6, 5)]
)
def test_a_replacement_that_is_no_linear_map_is_applied_to_the_affinity(child: str, build_replacement: object) -> None:
    gates = build(6, 4, {"embedding_width": 2, "relation_width": 5, "hidden_width": 2})
    replacement = build_replacement().double()  # type: ignore[operator]
    for gate in gates:
        setattr(gate.varphi, child, replacement)
    x = torch.randn(3, 6, 4, dtype=torch.float64)
    definition, *others = [gate(x) for gate in gates]
    for other in others:
        torch.testing.assert_close(other, definition)
