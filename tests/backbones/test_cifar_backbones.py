"""DenseNets and ResNeXts for small images, against torchvision's blocks and the papers' tables; and every attention on small grids."""

import pytest
import torch
from torch import nn
from torchvision.models.densenet import _DenseBlock, _Transition
from torchvision.models.resnet import Bottleneck

import rga
from rga.attachment.stages import find_blocks, find_stages
from rga.backbones.catalog import OWN, create_backbone
from rga.backbones.small.cifar_densenet import CifarDenseNet, Transition, dense_block
from rga.backbones.small.cifar_resnet import CifarResNet
from rga.backbones.small.cifar_resnext import CifarResNext, CifarResNextBlock


@pytest.mark.parametrize(
    ("name", "million"),
    [
        ("cifar-densenet100-k12", 0.8),  # arXiv 1608.06993, table 2
        ("cifar-densenet250-k24", 15.3),
        ("cifar-densenet190-k40", 25.6),
        ("cifar-resnext29-8x64d", 34.4),  # arXiv 1611.05431, table 7
        ("cifar-resnext29-16x64d", 68.1),
    ],
)
def test_sizes_are_the_papers(name: str, million: float) -> None:
    with torch.device("meta"):
        model = create_backbone(name, num_classes=10)
    assert sum(parameter.numel() for parameter in model.parameters()) / 1e6 == pytest.approx(million, abs=0.06)


def test_depths_count_convolutions_and_the_classifier() -> None:
    for name, depth in (("cifar-densenet100-k12", 100), ("cifar-resnext29-32x4d", 29), ("cifar-resnet110", 110)):
        with torch.device("meta"):
            model = create_backbone(name, num_classes=10)
        layers = [n for n, module in model.named_modules() if isinstance(module, (nn.Conv2d, nn.Linear)) and "shortcut" not in n]
        assert len(layers) == depth
    assert len([name for name in OWN if name.startswith("cifar-")]) == 12


def copied(source: nn.Module, target: nn.Module, renamed: dict[str, str]) -> nn.Module:
    """A module with the weights of another, whose names differ."""
    state = source.state_dict()
    for theirs, ours in renamed.items():
        state = {name.replace(theirs, ours): value for name, value in state.items()}
    target.load_state_dict(state)
    return target


def test_dense_blocks_and_transitions_are_torchvisions() -> None:
    theirs = nn.Sequential(_DenseBlock(3, 16, bn_size=4, growth_rate=8, drop_rate=0.0), _Transition(40, 20))
    ours = nn.Sequential(dense_block(16, 8, 3), Transition(40, 20))
    names = {f"denselayer{place + 1}": str(place) for place in range(3)} | {"norm": "bn"}
    copied(theirs[0], ours[0], names)
    copied(theirs[1], ours[1], names)
    x = torch.rand(2, 16, 8, 6)
    torch.testing.assert_close(ours(x), theirs(x))


@pytest.mark.parametrize(("channels_in", "stride"), [(64, 2), (256, 1)])
def test_resnext_blocks_are_torchvisions(channels_in: int, stride: int) -> None:
    shortcut = nn.Sequential(nn.Conv2d(channels_in, 256, 1, stride, bias=False), nn.BatchNorm2d(256))
    theirs = Bottleneck(channels_in, 64, stride, shortcut if stride > 1 else None, groups=4, base_width=16)
    ours = copied(theirs, CifarResNextBlock(channels_in, 256, 64, 4, stride), {"downsample": "shortcut"})
    x = torch.rand(2, channels_in, 8, 6)
    torch.testing.assert_close(ours(x), theirs(x))


@pytest.mark.parametrize(
    ("model", "channels", "blocks"),
    [(CifarDenseNet(16, 8), [32, 32, 32], 6), (CifarResNext(11, 2, 8), [256, 512, 1024], 3), (CifarResNet(14), [16, 32, 64], 6)],
    ids=["densenet", "resnext", "resnet"],
)
def test_stages_and_blocks(model: nn.Module, channels: list[int], blocks: int) -> None:
    grids = [(32, 32), (16, 16), (8, 8)]
    stages = find_stages(model, (32, 32))
    assert [(stage.channels, stage.grid) for stage in stages] == list(zip(channels, grids, strict=True))
    assert [info["num_chs"] for info in model.feature_info] == channels  # type: ignore[union-attr]
    assert len(find_blocks(model, (32, 32))) == blocks
    plain = model.get_submodule("fc")
    assert model.get_classifier() is plain  # type: ignore[operator]
    assert rga.detach(rga.attach(model, "rga-sc", image_size=(32, 32)))(torch.rand(2, 3, 32, 32)).shape == (2, 10)


def test_wrong_depths_and_widths_are_named() -> None:
    with pytest.raises(ValueError, match=r"6n \+ 4 layers .*, got 101"):
        CifarDenseNet(101, 12)
    with pytest.raises(ValueError, match="growth rate must be at least 1, got 0"):
        CifarDenseNet(100, 0)
    with pytest.raises(ValueError, match=r"9n \+ 2 layers .*, got 30"):
        CifarResNext(30, 8, 64)
    with pytest.raises(ValueError, match="cardinality and base width must be at least 1, got 0 and 64"):
        CifarResNext(29, 0, 64)


@pytest.mark.parametrize("after", [None, "blocks"], ids=["stages", "blocks"])
@pytest.mark.parametrize("name", rga.list_attentions())
def test_every_attention_serves_the_small_grids(name: str, after: str | None) -> None:
    """32x32, 16x16 and 8x8 positions with 16, 32 and 64 channels."""
    model = rga.attach(CifarResNet(8), name, image_size=(32, 32), after=after)
    images = torch.rand(2, 3, 32, 32)
    model(images).square().sum().backward()
    own = [p for each in rga.attached(model).values() for p in each.parameters()]
    assert own or name == "simam"  # which has no parameters
    assert all(parameter.grad is not None and bool(parameter.grad.isfinite().all()) for parameter in own)
    with torch.no_grad():
        assert bool(model.eval()(images).isfinite().all())
