"""Temporal poolings: against loops over the equations, and in a network."""

import pytest
import timm
import torch
from torch import Tensor, nn

from rga.backbones.pooling import GeneralizedMean
from rga.errors import InputError
from rga.reid.video.pooling import (
    SpatialTemporalFusion,
    WeightedFrames,
    create_temporal_pooling,
    part_of_rows,
    part_scores,
    tracklet_features,
    tracklet_width,
)


def sta(maps: Tensor, parts: int) -> tuple[Tensor, Tensor, Tensor]:
    """Scores and both fused maps of one tracklet (T, C, H, W), by loops over section 3.2 and 3.3 of STA."""
    frames, _, height, width = maps.shape
    scores = torch.zeros(frames, parts, dtype=maps.dtype)
    for n in range(frames):
        attention = torch.zeros(height, width, dtype=maps.dtype)
        for y in range(height):
            for x in range(width):
                attention[y, x] = sum(value**2 for value in maps[n, :, y, x])
        attention = attention / attention.sum()
        for y in range(height):
            scores[n, y * parts // height] += attention[y].abs().sum()
    scores = scores / scores.sum(0)
    best, mean = torch.zeros_like(maps[0]), torch.zeros_like(maps[0])
    for y in range(height):
        part = y * parts // height
        best[:, y] = maps[scores[:, part].argmax(), :, y]
        for n in range(frames):
            mean[:, y] += scores[n, part] * maps[n, :, y]
    return scores, best, mean


@pytest.mark.parametrize(("height", "parts"), [(4, 4), (8, 4), (5, 2), (3, 1)])
def test_sta_is_that_of_its_equations(height: int, parts: int) -> None:
    maps = torch.randn(2, 3, 4, height, 2, dtype=torch.float64)
    scores, fused = part_scores(maps, parts), SpatialTemporalFusion(parts)(maps)
    for number, tracklet in enumerate(maps):
        expected, best, mean = sta(tracklet, parts)
        torch.testing.assert_close(scores[number], expected, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(fused[number], torch.stack([best, mean]), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(scores.sum(1), torch.ones(2, parts, dtype=torch.float64))


def test_gradients_of_sta_reach_all_frames() -> None:
    maps = torch.randn(1, 3, 2, 4, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(SpatialTemporalFusion(2), (maps,))
    (gradient,) = torch.autograd.grad(SpatialTemporalFusion(2)(maps).sum(), maps)
    assert (gradient.flatten(2).abs().amax(2) > 0).all()


def test_scores_of_maps_without_activations_are_equal_and_finite() -> None:
    maps = torch.zeros(1, 2, 3, 4, 2, requires_grad=True)
    assert torch.equal(part_scores(maps, 4), torch.full((1, 2, 4), 0.5))
    (gradient,) = torch.autograd.grad(SpatialTemporalFusion(4)(maps).sum(), maps)
    assert gradient.isfinite().all()
    large = torch.full((1, 2, 64, 4, 2), 200.0, dtype=torch.float16)
    assert torch.equal(part_scores(large, 4), torch.full((1, 2, 4), 0.5))  # whose squares overflow float16


def test_a_part_has_as_many_rows_as_the_others_or_one_more() -> None:
    assert part_of_rows(8, 4).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert part_of_rows(7, 3).bincount().tolist() == [3, 2, 2]
    with pytest.raises(InputError, match="a map of 3 rows cannot be divided into 4 horizontal parts: lower sta_parts"):
        part_of_rows(3, 4)
    with pytest.raises(InputError, match="sta_parts must be at least 1"):
        SpatialTemporalFusion(0)


def test_mean_max_and_learned_weights() -> None:
    features = torch.randn(2, 3, 5)
    torch.testing.assert_close(create_temporal_pooling("mean", 5, 4)(features), sum(features.unbind(1)) / 3)
    torch.testing.assert_close(create_temporal_pooling("max", 5, 4)(features), torch.stack(features.unbind(1)).max(0).values)
    learned = create_temporal_pooling("attention", 5, 4)
    assert isinstance(learned, WeightedFrames)
    torch.testing.assert_close(learned(features), features.mean(1))  # at the start
    nn.init.normal_(learned.score.weight)
    found = learned(features)
    for number, tracklet in enumerate(features):
        scores = torch.stack([learned.score.weight[0] @ torch.tanh(learned.hidden.weight @ f + learned.hidden.bias) for f in tracklet])
        weights = scores.exp() / scores.exp().sum()
        torch.testing.assert_close(found[number], sum(w * f for w, f in zip(weights, tracklet, strict=True)))
    with pytest.raises(InputError, match="temporal_pooling is one of mean, max, attention, sta, got 'median'"):
        create_temporal_pooling("median", 5, 4)


@pytest.mark.parametrize("gem", [False, True], ids=["average", "gem"])
@pytest.mark.parametrize("name", ["mean", "max", "attention", "sta"])
def test_features_of_tracklets_are_those_of_their_frames_joined(name: str, gem: bool) -> None:
    backbone = timm.create_model("test_resnet", num_classes=0).eval()
    width = 96
    pooling = GeneralizedMean() if gem else None
    temporal = create_temporal_pooling(name, width, 2)
    images = torch.randn(2, 3, 3, 64, 32)
    found = tracklet_features(backbone, pooling, temporal, images)
    assert found.shape == (2, tracklet_width(name, width))
    alone = torch.cat([tracklet_features(backbone, pooling, temporal, one[None]) for one in images])
    torch.testing.assert_close(found, alone, rtol=1e-4, atol=1e-5)
    once = tracklet_features(backbone, pooling, temporal, images[:, :1])
    thrice = tracklet_features(backbone, pooling, temporal, images[:, :1].expand(-1, 3, -1, -1, -1))
    torch.testing.assert_close(once, thrice, rtol=1e-4, atol=1e-5)
    if name != "sta":
        frames = tracklet_features(backbone, pooling, create_temporal_pooling("mean", width, 4), images.flatten(0, 1)[:, None])
        torch.testing.assert_close(found, temporal(frames.unflatten(0, (2, 3))), rtol=1e-4, atol=1e-5)
