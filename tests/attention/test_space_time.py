"""RGA over time and space: against the equations, node by node and pair by pair, and against RGA of one larger map."""

import itertools

import pytest
import torch
from torch import Tensor, nn

import rga
from rga.attention.acceleration.gate import FastRelationGate
from rga.attention.modules import RelationAttention
from rga.attention.relation import LinearNorm, RelationEmbedding, RelationGate
from rga.attention.space_time import SpaceTimeAttention, SpaceTimeSpatialAttention
from rga.errors import InputError

TRACKLETS, FRAMES, CHANNELS, GRID = 2, 3, 4, (2, 2)


def built(name: str, **options: object) -> nn.Module:
    """Attention with weights and statistics that matter, in float64."""
    module = rga.create_attention(name, CHANNELS, GRID, **{"reduction": 2, "hidden_reduction": 2, "frames": FRAMES, **options}).double()
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.5)
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm1d):
            nn.init.normal_(norm.running_mean, std=0.3)  # type: ignore[arg-type]
            nn.init.uniform_(norm.running_var, 0.5, 1.5)  # type: ignore[arg-type]
    return module


def normed(layer: LinearNorm | RelationEmbedding, y: Tensor, relu: bool = True) -> Tensor:
    """BN in evaluation mode, and ReLU."""
    norm = layer.norm
    assert norm.running_mean is not None
    assert norm.running_var is not None
    y = (y - norm.running_mean) / (norm.running_var + norm.eps).sqrt() * norm.weight + norm.bias
    return y.relu() if relu else y


def equations(gate: RelationGate, nodes: list[Tensor]) -> Tensor:
    """a_i of every node x_i, from all pairs of nodes."""
    assert gate.theta_phi_psi is not None
    assert gate.varphi is not None
    width = gate.widths[0]
    embedded = [normed(gate.theta_phi_psi, gate.theta_phi_psi.linear.weight @ x) for x in nodes]
    theta, phi, psi = ([e[start : start + width] for e in embedded] for start in (0, width, 2 * width))
    gates = []
    for i, _ in enumerate(nodes):
        relations = [theta[i].dot(phi[j]) for j, _ in enumerate(nodes)], [theta[j].dot(phi[i]) for j, _ in enumerate(nodes)]
        row, column = map(torch.stack, relations)
        relation = normed(gate.varphi, gate.varphi.rows.weight @ row + gate.varphi.columns.weight @ column)
        hidden = normed(gate.w1, gate.w1.linear.weight @ torch.cat([psi[i].mean()[None], relation]))
        assert isinstance(gate.w2, LinearNorm)
        gates.append(torch.sigmoid(normed(gate.w2, gate.w2.linear.weight @ hidden, relu=False)))
    return torch.cat(gates)


def over_positions(gate: RelationGate, maps: Tensor) -> Tensor:
    """RGA-S of one tracklet's maps (T, C, H, W): its T*H*W positions are nodes of C features."""
    places = list(itertools.product(range(FRAMES), range(GRID[0]), range(GRID[1])))
    gates = equations(gate, [maps[t, :, y, x] for t, y, x in places])
    out = torch.zeros_like(maps)
    for (t, y, x), each in zip(places, gates, strict=True):
        out[t, :, y, x] = maps[t, :, y, x] * each
    return out


def over_channels(gate: RelationGate, maps: Tensor) -> Tensor:
    """RGA-C of one tracklet's maps (T, C, H, W): its C channels are nodes of T*H*W features."""
    gates = equations(gate, [maps[:, channel].reshape(-1) for channel in range(CHANNELS)])
    return maps * gates[:, None, None]


def results(out: Tensor, learning: list[Tensor]) -> list[Tensor]:
    weights = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view_as(out)
    return [out.detach(), *torch.autograd.grad(out, learning, weights)]


@pytest.mark.parametrize("dense", [False, True], ids=["factorised", "dense"])
@pytest.mark.parametrize("name", ["rga-s", "rga-c", "rga-sc"])
def test_outputs_and_gradients_are_those_of_the_equations(name: str, dense: bool) -> None:
    module = built(name, dense=dense).eval()
    maps = torch.randn(TRACKLETS * FRAMES, CHANNELS, *GRID, dtype=torch.float64, requires_grad=True)
    learning = [maps, *module.parameters()]
    found = results(module(maps), learning)
    tracklets = []
    for one in maps.unflatten(0, (TRACKLETS, FRAMES)):
        out = one
        for part in module.children():
            assert isinstance(part, SpaceTimeAttention)
            out = (over_positions if isinstance(part, SpaceTimeSpatialAttention) else over_channels)(part.gate, out)
        tracklets.append(out)
    for ours, theirs in zip(found, results(torch.cat(tracklets), learning), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("options", [{}, {"embedding": "symmetric"}, {"embedding": "none"}, {"relation": False}, {"original": False}])
@pytest.mark.parametrize("name", ["rga-sc", "rga-parallel"])
def test_in_training_it_is_rga_of_the_frames_as_one_map(name: str, options: dict[str, object]) -> None:
    """With the frames one above the other; outputs, gradients and running statistics."""
    ours = built(name, **options)
    plain = rga.create_attention(name, CHANNELS, (FRAMES * GRID[0], GRID[1]), reduction=2, hidden_reduction=2, **options).double()
    plain.load_state_dict(ours.state_dict())
    maps = torch.randn(TRACKLETS, FRAMES, CHANNELS, *GRID, dtype=torch.float64, requires_grad=True)
    found = ours(maps.flatten(0, 1)).unflatten(0, (TRACKLETS, FRAMES))
    expected = plain(maps.transpose(1, 2).flatten(2, 3)).unflatten(2, (FRAMES, GRID[0])).transpose(1, 2)
    pairs = zip(results(found, [maps, *ours.parameters()]), results(expected, [maps, *plain.parameters()]), strict=True)
    for own, theirs in [*pairs, *zip(ours.buffers(), plain.buffers(), strict=True)]:
        torch.testing.assert_close(own, theirs, rtol=1e-9, atol=1e-11)


def test_no_affinity_is_built() -> None:
    gates = [part.gate for part in built("rga-sc").children() if isinstance(part, RelationAttention)]
    assert [type(gate) for gate in gates] == [FastRelationGate, FastRelationGate]


def test_every_frame_changes_the_gates_of_the_others_and_of_no_other_tracklet() -> None:
    module = built("rga-s").eval()
    maps = torch.randn(TRACKLETS * FRAMES, CHANNELS, *GRID, dtype=torch.float64)
    changed = maps.clone()
    changed[1] += 1
    moved = (module(maps) - module(changed)).flatten(1).abs().amax(1)
    assert (moved[[0, 2]] > 1e-6).all()
    assert not moved[FRAMES:].any()


def test_maps_of_a_part_of_a_tracklet_are_refused() -> None:
    with pytest.raises(InputError, match="over 3 frames takes the maps of whole tracklets, a multiple of 3, got 4"):
        built("rga-s")(torch.zeros(4, CHANNELS, *GRID, dtype=torch.float64))
    with pytest.raises(InputError, match="frames=3 belongs to attention over time, and fit='spectral' has no axis of time"):
        rga.create_attention("rga-s", CHANNELS, GRID, frames=3, fit="spectral")
    with pytest.raises(InputError, match="frames must be at least 1, got 0"):
        rga.create_attention("rga-s", CHANNELS, GRID, frames=0)


def test_weights_move_to_another_grid_frame_by_frame() -> None:
    """On the new grid a module answers a map as it did the map resized to the old one, where only sums over positions count."""
    module = built("rga-c", relation=False, fit="pool").eval()
    part = module.get_submodule("channel")
    assert isinstance(part, SpaceTimeAttention)
    assert part.gate.theta_phi_psi is not None
    maps = torch.randn(FRAMES, CHANNELS, 4, 4, dtype=torch.float64)
    pooled = part.gate.theta_phi_psi.linear(part.over_frames(maps))
    rga.resample(module, grid=(4, 4))
    torch.testing.assert_close(part.gate.theta_phi_psi.linear(part.over_frames(maps)), pooled, rtol=1e-6, atol=1e-8)
    spatial = rga.resample(built("rga-s"), grid=(3, 3)).double()
    assert spatial(torch.randn(FRAMES, CHANNELS, 3, 3, dtype=torch.float64)).shape == (FRAMES, CHANNELS, 3, 3)


def test_a_recording_has_a_gate_for_each_position_of_each_frame() -> None:
    module = built("rga-sc").eval()
    maps = torch.randn(TRACKLETS * FRAMES, CHANNELS, *GRID, dtype=torch.float64)
    with rga.record(module, positions=[(0.9, 0.9)]) as recording:
        out = module(maps)
    spatial, channel = recording["spatial"], recording["channel"]
    assert spatial.rows is not None
    assert [tuple(each.shape) for each in (spatial.gate, channel.gate)] == [(6, 1, *GRID), (TRACKLETS, CHANNELS, 1, 1)]
    assert (spatial.nodes, tuple(spatial.rows.shape)) == ((3,), (TRACKLETS, 1, 12))
    torch.testing.assert_close(out, maps * spatial.gate * channel.gate.repeat_interleave(FRAMES, 0))


def test_pooled_frames_have_gates_of_their_own_size() -> None:
    module = built("rga-sc", fit="pool").eval()
    assert module(torch.randn(FRAMES, CHANNELS, 5, 3, dtype=torch.float64)).shape == (FRAMES, CHANNELS, 5, 3)
