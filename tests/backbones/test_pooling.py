"""Global pooling: values by loops, gradients, half precision, and the networks that can have another one."""

import pytest
import torch
from torch import Tensor, nn

from rga.backbones.catalog import create_backbone
from rga.backbones.pooling import (
    AverageAndMax,
    GeneralizedMean,
    check_pools_last,
    create_pooling,
    generalised_mean,
    pooled_features,
)
from rga.errors import InputError

SIZE = (64, 32)


def naive(maps: Tensor, p: float) -> Tensor:
    """Equation 3 of the paper, by loops in double precision."""
    found = torch.empty(*maps.shape[:2], 1, 1, dtype=torch.float64)
    for image in range(len(maps)):
        for channel in range(maps.shape[1]):
            values = [max(float(value), 1e-6) ** p for value in maps[image, channel].flatten()]
            found[image, channel] = (sum(values) / len(values)) ** (1 / p)
    return found


@pytest.mark.parametrize("p", [1.0, 3.0, 6.5, 10.0])
def test_gem_is_the_papers_equation(p: float) -> None:
    maps = torch.randn(2, 5, 4, 3, generator=torch.Generator().manual_seed(0))
    found = generalised_mean(maps, torch.tensor([p]))
    torch.testing.assert_close(found.double(), naive(maps, p), atol=1e-5, rtol=1e-4)
    assert found.dtype == torch.float32


def test_at_one_it_is_the_mean_and_it_grows_towards_the_maximum() -> None:
    maps = torch.rand(2, 3, 4, 4)
    by_p = [generalised_mean(maps, torch.tensor([p])) for p in (1.0, 3.0, 10.0)]
    torch.testing.assert_close(by_p[0], maps.mean((2, 3), keepdim=True))
    assert (by_p[0] < by_p[1]).all()
    assert (by_p[1] < by_p[2]).all()
    assert (by_p[2] < maps.amax((2, 3), keepdim=True)).all()


def test_gradients_of_gem() -> None:
    maps = (torch.rand(2, 3, 4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) + 0.05).requires_grad_()
    p = torch.tensor([3.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(generalised_mean, (maps, p))
    assert torch.autograd.gradgradcheck(lambda maps: generalised_mean(maps, p.detach()), (maps,))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("largest", [0.0, 1e-7, 1.0, 6e4])
@pytest.mark.parametrize("p", [1.0, 3.0, 10.0])
def test_nothing_overflows_and_gradients_are_finite(dtype: torch.dtype, largest: float, p: float) -> None:
    """6e4 to the tenth power is no float32, nor is 1e-7 to the tenth."""
    maps = (largest * torch.rand(2, 3, 8, 4, generator=torch.Generator().manual_seed(2))).to(dtype)
    maps[0, 0] = 0  # a channel that nothing activates
    maps[0, 1, 1:] = 0
    maps.requires_grad_()
    pooling = GeneralizedMean(p)
    found = pooling(maps)
    assert found.dtype == dtype
    expected = naive(maps.detach().float(), p)
    torch.testing.assert_close(found.detach().double(), expected, rtol=2 * torch.finfo(dtype).eps + 1e-4, atol=1e-6)
    found.float().sum().backward()
    assert maps.grad is not None
    assert maps.grad.isfinite().all()
    assert pooling.p.grad is not None
    assert pooling.p.grad.isfinite().all()


def test_under_autocast_it_is_computed_in_float32() -> None:
    maps = 300 * torch.rand(2, 3, 8, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(GeneralizedMean()(maps), GeneralizedMean()(maps.clone()), rtol=0, atol=0)
        found = GeneralizedMean()(maps)
    torch.testing.assert_close(found.double(), naive(maps, 3.0), rtol=1e-5, atol=0)
    half = GeneralizedMean().half()  # as a model that is told half()
    torch.testing.assert_close(half(maps.half()).double(), naive(maps.half(), 3.0), rtol=1e-3, atol=0)


@pytest.mark.parametrize(("outside", "end"), [(0.2, 1.0), (-4.0, 1.0), (50.0, 10.0)])
def test_an_exponent_outside_of_its_range_counts_as_the_end_and_finds_its_way_back(outside: float, end: float) -> None:
    maps = torch.rand(2, 3, 4, 4)
    pooling = GeneralizedMean(outside)
    found = pooling(maps)
    torch.testing.assert_close(found, generalised_mean(maps, torch.tensor([end])))
    found.sum().backward()
    assert pooling.p.grad is not None
    assert pooling.p.grad.item() != 0


def test_average_and_max() -> None:
    maps = torch.randn(2, 3, 4, 5)
    expected = [[float(channel.mean() + channel.max()) for channel in image] for image in maps]
    torch.testing.assert_close(AverageAndMax()(maps).flatten(1), torch.tensor(expected))


@pytest.mark.parametrize("name", ["resnet18", "mobilenetv3_small_050", "convnext_atto", "osnet_x0_25", "cifar-resnet20", "densenet121"])
def test_networks_keep_what_comes_behind_their_pooling(name: str) -> None:
    backbone = create_backbone(name).eval()
    check_pools_last(backbone, name, SIZE)
    images = torch.rand(2, 3, *SIZE)

    class Mean(nn.Module):
        def forward(self, maps: Tensor) -> Tensor:
            return maps.mean((2, 3), keepdim=True)

    with torch.no_grad():
        own = pooled_features(backbone, None, images)
        torch.testing.assert_close(pooled_features(backbone, Mean(), images), own, atol=1e-5, rtol=1e-4)
        assert pooled_features(backbone, GeneralizedMean(), images).shape == own.shape
        assert not torch.allclose(pooled_features(backbone, GeneralizedMean(), images), own, rtol=1e-3)


@pytest.mark.parametrize("name", ["vgg11_bn", "test_vit"])
def test_a_network_that_does_more_to_its_last_map_is_refused(name: str) -> None:
    """VGG has convolutions of 7x7 there, and a transformer has no map."""
    network = create_backbone(name, image_size=SIZE)
    with pytest.raises(
        InputError, match=f"the features of backbone '{name}' are not those of the mean of its last map.*choose pooling average"
    ):
        check_pools_last(network, name, SIZE)


def test_names() -> None:
    assert create_pooling("average") is None
    assert isinstance(create_pooling("gem"), GeneralizedMean)
    with pytest.raises(InputError, match="pooling is one of average, gem, average\\+max, got 'max'"):
        create_pooling("max")
