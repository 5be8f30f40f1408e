"""IBN-a in timm's ResNets, against a plain implementation and the public layout of weights."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn

from rga.attachment.costs import cost
from rga.backbones.catalog import BackboneOptionError, create_backbone
from rga.backbones.ibn import InstanceBatchNorm2d, use_ibn
from rga.backbones.weights import pretrained
from rga.backbones.weights.pretrained import load_backbone_weights
from rga.errors import HubError, InputError
from rga.segmentation.network.backbone import create_dilated

State = dict[str, Tensor]


def of_ibn_net(depths: tuple[int, ...], bottleneck: bool, classes: int = 1000) -> dict[str, tuple[int, ...]]:
    """Names and shapes in the public files, written down from the paper and the layout of torchvision's ResNets."""
    found: dict[str, tuple[int, ...]] = {
        "conv1.weight": (64, 3, 7, 7),
        "fc.weight": (classes, 512 * (4 if bottleneck else 1)),
        "fc.bias": (classes,),
    }

    def norm(name: str, channels: int) -> None:
        found.update({f"{name}.{key}": (channels,) for key in ("weight", "bias", "running_mean", "running_var")})

    norm("bn1", 64)
    into = 64
    for stage, (planes, depth) in enumerate(zip((64, 128, 256, 512), depths, strict=True), start=1):
        out = planes * (4 if bottleneck else 1)
        for index in range(depth):
            at = f"layer{stage}.{index}"
            kernels = ((planes, into, 1), (planes, planes, 3), (out, planes, 1)) if bottleneck else ((planes, into, 3), (planes, planes, 3))
            for number, (channels, before, side) in enumerate(kernels, start=1):
                found[f"{at}.conv{number}.weight"] = (channels, before, side, side)
                if number == 1 and stage < 4:
                    found |= {f"{at}.bn1.IN.weight": (planes // 2,), f"{at}.bn1.IN.bias": (planes // 2,)}
                    norm(f"{at}.bn1.BN", planes // 2)
                else:
                    norm(f"{at}.bn{number}", channels)
            if index == 0 and (stage > 1 or bottleneck):
                found[f"{at}.downsample.0.weight"] = (out, into, 1, 1)
                norm(f"{at}.downsample.1", out)
            into = out
    return found


@pytest.mark.parametrize(
    ("name", "depths", "bottleneck"),
    [("resnet18", (2, 2, 2, 2), False), ("resnet50", (3, 4, 6, 3), True)],
)
def test_the_layout_is_that_of_the_public_weights(name: str, depths: tuple[int, ...], bottleneck: bool) -> None:
    with torch.device("meta"):
        ours = create_backbone(name, num_classes=1000, ibn="a").state_dict()
    shapes = {key: tuple(value.shape) for key, value in ours.items() if not key.endswith("num_batches_tracked")}
    assert shapes == of_ibn_net(depths, bottleneck)


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_it_costs_what_the_plain_network_costs(name: str) -> None:
    """IBN-Net's table: the same number of parameters, and of multiply-accumulates."""
    assert cost(create_backbone(name, ibn="a"), (1, 3, 64, 32)) == cost(create_backbone(name), (1, 3, 64, 32))


@pytest.mark.parametrize("training", [True, False])
def test_halves_are_normalised_by_image_and_by_batch(training: bool) -> None:
    norm = InstanceBatchNorm2d(5)
    for parameter in norm.parameters():
        nn.init.uniform_(parameter, 0.5, 2)
    nn.init.uniform_(norm.BN.running_var, 0.5, 2)  # type: ignore[arg-type]
    x = torch.randn(3, 5, 4, 2)
    mean, variance = norm.BN.running_mean, norm.BN.running_var
    assert mean is not None
    assert variance is not None
    expected = torch.empty_like(x)
    for channel in range(5):
        for image in range(3):
            if channel < 2:  # half of 5, rounded down
                seen, affine, at = x[image, channel], norm.IN, channel
                one, two = seen.mean(), seen.var(correction=0)
            else:
                affine, at = norm.BN, channel - 2  # type: ignore[assignment]
                batch = x[:, channel]
                one, two = (batch.mean(), batch.var(correction=0)) if training else (mean[at].clone(), variance[at].clone())
            expected[image, channel] = (x[image, channel] - one) / (two + 1e-5).sqrt() * affine.weight[at] + affine.bias[at]
    torch.testing.assert_close(norm.train(training)(x), expected)


def test_a_map_of_one_position_is_refused() -> None:
    with pytest.raises(InputError, match="instance normalisation needs maps of two positions or more, got one: take larger images"):
        InstanceBatchNorm2d(4)(torch.rand(2, 4, 1, 1))


@pytest.mark.parametrize("name", ["resnet10t", "resnet50d", "resnext50_32x4d", "seresnet18", "wide_resnet50_2", "ecaresnet26t"])
def test_any_resnet_of_timm_can_have_it(name: str) -> None:
    with torch.device("meta"):
        network = create_backbone(name, ibn="a")
    norms = {key for key, module in network.named_modules() if isinstance(module, InstanceBatchNorm2d)}
    blocks = {
        f"{stage}.{index}.bn1"
        for stage in ("layer1", "layer2", "layer3")
        for index, _ in enumerate(network.get_submodule(stage).children())
    }
    assert norms == blocks


def test_of_maps_for_segmentation_too() -> None:
    dilated = create_dilated("resnet18", 8, {"ibn": "a"})
    assert isinstance(dilated.get_submodule("layer3.0.bn1"), InstanceBatchNorm2d)
    assert dilated(torch.rand(1, 3, 64, 64)).shape == (1, 512)


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("resnet18", {"ibn": "b"}, "the backbone's option ibn is none or a, got 'b'"),
        (
            "efficientnet_lite0",
            {"ibn": "a"},
            "ibn is of ResNets, whose stages layer1, layer2, layer3 are made of .*, and not of a EfficientNet",
        ),
        ("hrnet_w18_small", {"ibn": "a"}, "ibn is of ResNets"),
        ("resnet18", {"ibn": "a", "norm_layer": "groupnorm"}, "ibn takes the place of a BatchNorm2d, and the blocks have a GroupNorm"),
        ("osnet_x0_25", {"ibn": "a"}, "does not take the options {'ibn': 'a'}"),
    ],
)
def test_what_cannot_have_it_is_said(name: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(BackboneOptionError, match=said):
        create_backbone(name, **options)
    assert not any(isinstance(module, InstanceBatchNorm2d) for module in create_backbone("test_resnet", ibn="none").modules())


@pytest.fixture
def public() -> State:
    """Weights in the layout of the public files, whose parallel training put ``module.`` before the names of some."""
    made = {name: torch.randn(shape) for name, shape in of_ibn_net((2, 2, 2, 2), bottleneck=False).items()}
    return {name: value.abs() if name.endswith("running_var") else value for name, value in made.items()}


@pytest.mark.parametrize("wrap", [dict, lambda state: {"state_dict": {f"module.{name}": value for name, value in state.items()}}])
def test_public_weights_are_read_from_a_file(wrap: Callable[[State], State], public: State, tmp_path: Path) -> None:
    torch.save(wrap(public), tmp_path / "resnet18_ibn_a.pth")
    network = create_backbone("resnet18", ibn="a")
    said = load_backbone_weights(network, "resnet18", str(tmp_path / "resnet18_ibn_a.pth"))
    assert said.endswith("left out: fc")
    state = network.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in public.items() if not name.startswith("fc."))
    with pytest.raises(InputError, match="they are of a ResNet with IBN-a: choose --backbone-options ibn a"):
        load_backbone_weights(create_backbone("resnet18"), "resnet18", str(tmp_path / "resnet18_ibn_a.pth"))
    torch.save(create_backbone("resnet18").state_dict(), tmp_path / "plain.pth")
    with pytest.raises(InputError, match="they are of a ResNet without IBN: leave the option ibn out"):
        load_backbone_weights(network, "resnet18", str(tmp_path / "plain.pth"))


def test_checkpoints_of_fast_reid(public: State, tmp_path: Path) -> None:
    """Of its SBS on ResNet-IBN: non-local blocks, GeM and a BN neck, which this network does not have, are named."""
    state: dict[str, Any] = {f"backbone.{name}": value for name, value in public.items() if not name.startswith("fc.")}
    state |= {
        "pixel_mean": torch.zeros(1, 3, 1, 1),
        "pixel_std": torch.ones(1, 3, 1, 1),
        "backbone.NL_2.0.g.weight": torch.zeros(64, 128, 1, 1),
    }
    state |= {
        "heads.pool_layer.p": torch.tensor([3.0]),
        "heads.bottleneck.0.weight": torch.ones(512),
        "heads.weight": torch.zeros(751, 512),
    }
    torch.save({"model": state, "optimizer": {"state": {}}, "scheduler": {"last_epoch": 59}, "epoch": 59}, tmp_path / "model_best.pth")
    network = create_backbone("resnet18", ibn="a")
    said = load_backbone_weights(network, "resnet18", str(tmp_path / "model_best.pth"))
    assert said.endswith("under 'model', names after 'backbone.'; left out: NL_2, pixel_mean, pixel_std, heads")
    assert torch.equal(network.state_dict()["layer2.0.bn1.BN.running_var"], public["layer2.0.bn1.BN.running_var"])


def test_pretrained_ones_are_those_of_ibn_net(public: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not timm's, which are of the plain network; the cache is that of ``torch.hub``."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(pretrained, "out_of_reach", lambda _url: "no network")
    network = create_backbone("resnet18", ibn="a")
    with pytest.raises(
        HubError, match=r"resnet18 with IBN-a are not on this machine.*IBN-Net/releases/.*/resnet18_ibn_a-2f571257\.pth \(no network"
    ):
        load_backbone_weights(network, "resnet18.tv_in1k", "pretrained")
    (tmp_path / "checkpoints").mkdir()
    torch.save(public, tmp_path / "checkpoints" / "resnet18_ibn_a-2f571257.pth")
    said = load_backbone_weights(network, "resnet18.tv_in1k", "pretrained")
    assert said == "resnet18 with IBN-a, from the cache of this machine (resnet18_ibn_a-2f571257.pth)"
    assert torch.equal(network.state_dict()["layer3.1.bn1.IN.weight"], public["layer3.1.bn1.IN.weight"])
    with pytest.raises(InputError, match="no pretrained weights of 'resnet26' with IBN-a, but of resnet18, resnet34, resnet50, resnet101"):
        load_backbone_weights(create_backbone("resnet26", ibn="a"), "resnet26", "pretrained")


def test_fetched_ones_are_checked_by_their_name(public: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(pretrained, "out_of_reach", lambda _url: None)
    asked: dict[str, Any] = {}

    def fetch(url: str, **options: Any) -> State:
        asked.update(options, url=url)
        return public

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", fetch)
    said = load_backbone_weights(create_backbone("resnet18", ibn="a"), "resnet18", "pretrained")
    assert said == f"resnet18 with IBN-a, from {asked['url']}"
    assert asked["check_hash"]
    assert asked["weights_only"]


def test_the_maps_that_timm_takes_out_have_it() -> None:
    features = timm.create_model("resnet18", features_only=True, pretrained=False)
    use_ibn(features)
    assert isinstance(features.get_submodule("layer1.0.bn1"), InstanceBatchNorm2d)
    assert len(features(torch.rand(1, 3, 64, 32))) == 5
