"""Relations equal the affinity that the paper's definition builds, and 8 bits lose as little as they say."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from torch import Tensor

from explanation.conftest import Build
from rga.attention.relation import RelationEmbedding
from rga.errors import InputError
from rga.explanation import Relations, read_gates, read_relations
from rga.explanation.quantised import quantise


@pytest.mark.parametrize("options", [{}, {"embedding": "symmetric"}, {"embedding": "none"}], ids=str)
@pytest.mark.parametrize("attention", ["rga-sc", "rga-parallel"])
def test_relations_and_gates_are_those_of_the_dense_computation(
    build: Build, photo: Image.Image, monkeypatch: pytest.MonkeyPatch, attention: str, options: dict[str, str]
) -> None:
    model = build("reid", attention=attention, attention_options=options)
    dense = build("reid", attention=attention, attention_options={**options, "dense": True})
    dense.load_state_dict(model.state_dict())
    affinities: list[Tensor] = []
    linear = RelationEmbedding.linear

    def watched(self: RelationEmbedding, theta: Tensor, phi: Tensor) -> Tensor:
        affinities.append(torch.bmm(theta, phi.mT)[0])
        return linear(self, theta, phi)

    found = read_relations(model, photo)
    monkeypatch.setattr(RelationEmbedding, "linear", watched)
    gates = read_gates(dense, photo)
    assert len(found) == len(affinities) == len(gates) == 8
    for each, expected, gate in zip(found, affinities, gates, strict=True):
        scale = expected.abs().max().item()
        for node in range(len(each.gates)):
            np.testing.assert_allclose(each.to_all(node), expected[node], rtol=1e-4, atol=1e-5 * scale)
            np.testing.assert_allclose(each.from_all(node), expected[:, node], rtol=1e-4, atol=1e-5 * scale)
        np.testing.assert_allclose(each.gates, gate.gates.ravel(), rtol=1e-4)


def test_spectral_relations_are_on_the_grid_of_the_map(build: Build) -> None:
    model = build("segmentation", attention="rga-s", attention_options={"fit": "spectral"})
    first, *_ = read_relations(model, Image.new("RGB", (96, 80)))
    assert first.grid == (20, 24)
    assert len(first.gates) == 480


def test_positions_are_shares_of_the_image() -> None:
    zeros = np.zeros((6, 1), np.float32)
    relations = Relations("a", "layer1", "spatial", (3, 2), zeros, zeros, np.zeros(6, np.float32))
    assert [relations.node_at(*position) for position in ((0, 0), (0.34, 0.5), (1, 1))] == [0, 3, 5]
    assert relations.as_map(np.arange(6, dtype=np.float32)).tolist() == [[0, 1], [2, 3], [4, 5]]
    with pytest.raises(InputError, match=r"from 0 to 1; got \(1.2, 0\)"):
        relations.node_at(1.2, 0)
    with pytest.raises(InputError, match="nodes 0 to 5, and no node 6"):
        relations.to_all(6)
    channels = Relations("a", "layer1", "channel", (3, 2), zeros, zeros, np.zeros(6, np.float32))
    with pytest.raises(InputError, match="channels, which have no position"):
        channels.node_at(0, 0)


@pytest.mark.parametrize("attention", ["se", "none"])
def test_models_without_relations_are_refused(build: Build, photo: Image.Image, attention: str) -> None:
    with pytest.raises(InputError, match="no attention with relations"):
        read_relations(build("reid", attention=attention), photo)


NUMBERS = st.floats(-100, 100, width=32)


@settings(deadline=None, max_examples=40)
@given(arrays(np.float32, (9, 3), elements=NUMBERS), arrays(np.float32, (9, 3), elements=NUMBERS), st.booleans())
def test_eight_bits_lose_what_they_say_and_not_more_than_their_steps(theta: np.ndarray, phi: np.ndarray, rectified: bool) -> None:
    if rectified:
        theta, phi = np.maximum(theta, 0), np.maximum(phi, 0)
    quantised = quantise(Relations("a", "layer1", "spatial", (3, 3), theta, phi, np.zeros(9, np.float32)))
    exact = theta.astype(np.float64) @ phi.T.astype(np.float64)
    found = quantised.affinities(slice(None))
    largest = np.abs(exact).max() or 1.0
    assert np.abs(found - exact).max() / largest == pytest.approx(quantised.largest_error, rel=1e-6, abs=1e-12)
    assert np.sqrt(np.square(found - exact).mean()) / largest == pytest.approx(quantised.mean_error, rel=1e-6, abs=1e-12)
    assert quantised.theta.dtype == (np.int8 if (theta < 0).any() else np.uint8)
    steps = np.abs(theta).max(0) * np.abs(phi).max(0)
    assert np.abs(found - exact).max() <= 1.02 * (steps / 127).sum() + 1e-9
