"""Weights that were saved before the layers became children of PyTorch's own classes."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import load_model, save_file
from torch import Tensor, nn

import rga
from rga.attention.first_edition import from_first_edition
from rga.attention.relation import RelationGate

NORM = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
CHANNELS, GRID = 16, (4, 2)
SHAPES = {
    "gate.embedding.project.weight": (6, 16),
    **{f"gate.embedding.project.norm.{entry}": (6,) for entry in NORM[:4]},
    "gate.embedding.project.norm.num_batches_tracked": (),
    "gate.varphi.weight": (1, 16),
    **{f"gate.varphi.norm.{entry}": (1,) for entry in NORM[:4]},
    "gate.varphi.norm.num_batches_tracked": (),
    "gate.w1.weight": (1, 2),
    **{f"gate.w1.norm.{entry}": (1,) for entry in NORM[:4]},
    "gate.w1.norm.num_batches_tracked": (),
    "gate.w2.weight": (1, 1),
    **{f"gate.w2.norm.{entry}": (1,) for entry in NORM[:4]},
    "gate.w2.norm.num_batches_tracked": (),
}
"""Keys and shapes of the first edition's RGA-S with 16 channels on a 4x2 grid."""


def first_edition(prefix: str = "spatial.") -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(5)
    return {prefix + key: torch.rand(shape, generator=generator) if shape else torch.tensor(7) for key, shape in SHAPES.items()}


def expected_of(module: nn.Module, state: dict[str, Tensor]) -> None:
    """All weights of a module are where they belong."""
    gate = module.get_submodule("spatial.gate")
    assert isinstance(gate, RelationGate)
    assert gate.theta_phi_psi is not None
    assert gate.varphi is not None
    old = {key.removeprefix("spatial.gate."): value for key, value in state.items()}
    assert torch.equal(gate.theta_phi_psi.linear.weight, old["embedding.project.weight"])
    assert torch.equal(gate.varphi.rows.weight, old["varphi.weight"][:, :8])
    assert torch.equal(gate.varphi.columns.weight, old["varphi.weight"][:, 8:])
    assert torch.equal(gate.w1.linear.weight, old["w1.weight"])
    assert torch.equal(gate.w2.linear.weight, old["w2.weight"])
    for ours, theirs in (("theta_phi_psi", "embedding.project"), ("varphi", "varphi"), ("w1", "w1"), ("w2", "w2")):
        for entry in NORM:
            assert torch.equal(gate.get_submodule(ours).norm.state_dict()[entry], old[f"{theirs}.norm.{entry}"])  # type: ignore[union-attr]


@pytest.mark.parametrize("dense", [False, True])
def test_a_state_dict_of_the_first_edition_loads_by_itself(dense: bool) -> None:
    state = first_edition()
    module = rga.create_attention("rga-s", CHANNELS, GRID, dense=dense)
    module.load_state_dict(state)
    expected_of(module, state)
    assert state.keys() == first_edition().keys()  # the argument stays as it is
    again = rga.create_attention("rga-s", CHANNELS, GRID, dense=dense)
    again.load_state_dict(state, assign=True)
    expected_of(again, state)
    assert again.get_parameter("spatial.gate.varphi.rows.weight").is_contiguous()


def test_it_loads_into_a_gate_and_an_attention_by_themselves() -> None:
    module = rga.create_attention("rga-s", CHANNELS, GRID)
    state = first_edition()
    module.get_submodule("spatial").load_state_dict(first_edition(""))
    expected_of(module, state)
    module = rga.create_attention("rga-s", CHANNELS, GRID)
    module.get_submodule("spatial.gate").load_state_dict({key.removeprefix("gate."): value for key, value in first_edition("").items()})
    expected_of(module, state)


def test_the_conversion_is_a_function_too() -> None:
    state = first_edition()
    module = rga.create_attention("rga-s", CHANNELS, GRID)
    converted = from_first_edition(state)
    assert converted.keys() == module.state_dict().keys()
    assert from_first_edition(converted).keys() == converted.keys()
    others = {"mlp.w1.weight": torch.zeros(1), "varphi.weight": torch.zeros(2, 2), "gate.w1.weight": torch.zeros(1)}
    assert from_first_edition(others) == others  # other people's modules


def back(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Today's state dict as the first edition wrote it."""
    out = {}
    for key, value in state.items():
        if key.endswith("varphi.columns.weight"):
            continue
        renamed = key.replace("varphi.rows.weight", "varphi.weight").replace("theta_phi_psi.norm", "embedding.project.norm")
        for ours, theirs in (("theta_phi_psi", "embedding.project"), ("w1", "w1"), ("w2", "w2")):
            renamed = renamed.replace(f"{ours}.linear.weight", f"{theirs}.weight")
        out[renamed] = torch.cat([value, state[key.replace("rows", "columns")]], 1) if "varphi.rows" in key else value
    return out


@pytest.mark.parametrize("way", ["state dict", "strict=False", "safetensors"])
def test_a_whole_network_of_the_first_edition_loads(way: str, tmp_path: Path) -> None:
    def network() -> nn.Module:
        return rga.attach(timm.create_model("test_resnet", num_classes=0), "rga-sc", image_size=(64, 32)).eval()

    trained, fresh = network(), network()
    old = back(trained.state_dict())
    assert "layer1.attention.channel.gate.varphi.weight" in old
    assert not any(".linear." in key and "gate" in key for key in old)
    if way == "safetensors":
        save_file(old, tmp_path / "model.safetensors")
        load_model(fresh, tmp_path / "model.safetensors", strict=True)
    else:
        missing = fresh.load_state_dict(old, strict=way == "state dict")
        assert missing == ([], [])
    x = torch.rand(2, 3, 64, 32)
    assert torch.equal(fresh(x), trained(x))


@pytest.mark.parametrize("name", ["rga-sc", "rga-parallel", "rga-cs"])
@pytest.mark.parametrize(
    "options", [{}, {"embedding": "symmetric"}, {"embedding": "none"}, {"original": False}, {"relation": False}], ids=str
)
def test_every_arrangement_loads(name: str, options: dict[str, object]) -> None:
    trained, fresh = (rga.create_attention(name, CHANNELS, GRID, **options) for _ in range(2))
    fresh.load_state_dict(back(trained.state_dict()))
    for ours, theirs in zip(fresh.state_dict().values(), trained.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs)


def test_weights_for_another_grid_are_explained() -> None:
    module = rga.create_attention("rga-s", CHANNELS, (8, 4))
    with pytest.raises(RuntimeError, match=r"'spatial' was built for a 8x4 grid, the weights for another.*rga\.resample"):
        module.load_state_dict(first_edition())


def test_a_missing_or_odd_key_is_named_by_todays_name() -> None:
    module = rga.create_attention("rga-s", CHANNELS, GRID)
    state = first_edition()
    del state["spatial.gate.varphi.weight"]
    with pytest.raises(RuntimeError, match=r"Missing key.*spatial\.gate\.varphi\.rows\.weight"):
        module.load_state_dict(state)
    with pytest.raises(RuntimeError, match=r"Unexpected key.*spatial\.gate\.oddity"):
        module.load_state_dict({**first_edition(), "spatial.gate.oddity": torch.zeros(1)})


def test_a_seed_gives_the_initial_weights_of_the_first_edition() -> None:
    """One random draw for theta, phi and psi, one for all of varphi, one each for W1 and W2, in this order."""
    torch.manual_seed(3)
    module = rga.create_attention("rga-sc", CHANNELS, GRID)
    torch.manual_seed(3)
    for role, shapes in (("spatial", [(6, 16), (1, 16), (1, 2), (1, 1)]), ("channel", [(3, 8), (2, 32), (1, 3), (1, 1)])):
        drawn = [nn.init.kaiming_uniform_(torch.empty(shape), a=math.sqrt(5)) for shape in shapes]
        gate = module.get_submodule(f"{role}.gate")
        assert isinstance(gate, RelationGate)
        assert gate.theta_phi_psi is not None
        assert gate.varphi is not None
        varphi = torch.cat([gate.varphi.rows.weight, gate.varphi.columns.weight], 1)
        held = [gate.theta_phi_psi.linear.weight, varphi, gate.w1.linear.weight, gate.w2.linear.weight]
        assert all(torch.equal(ours, theirs) for ours, theirs in zip(held, drawn, strict=True))
