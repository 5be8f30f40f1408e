"""Weights from files of ONNX: folded normalisations and those that are not, order, shapes, and statistics from images."""

import copy
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import rga
from rga.backbones.catalog import create_backbone
from rga.backbones.weights.onnx_file import onnx_weights
from rga.backbones.weights.pretrained import load_backbone_weights
from rga.backbones.weights.restored_norms import restore_norms
from rga.deploy.folding import fold
from rga.errors import InputError

pytestmark = pytest.mark.slow

onnx = pytest.importorskip("onnx")

PUBLIC = Path(os.environ.get("RGA_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")) / "weights" / "osnet_x0_25_msmt17.onnx"
SIZE = (64, 32)
IMAGES = nn.functional.interpolate(torch.randn(16, 3, 4, 2, generator=torch.Generator().manual_seed(0)), size=SIZE)


def settled(network: nn.Module) -> Any:
    """A network whose BNs are far from the identity, and have the statistics of some images."""
    norms = [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        nn.init.uniform_(norm.weight, 0.5, 2)
        nn.init.normal_(norm.bias, std=0.1)
        norm.momentum = None
    with torch.no_grad():
        network.train()(IMAGES)
    return network.eval()


def written(network: nn.Module, path: Path, *, folded: bool) -> Path:
    """A network in a file of ONNX, its BNs part of its layers or as they are, its weights under names of the exporter's."""
    network = copy.deepcopy(network)
    if folded:
        assert fold(network, IMAGES[:2], {}).folded
    torch.onnx.export(network, (IMAGES[:2],), path, dynamo=True, verbose=False, optimize=False, external_data=False)
    model = onnx.load(path)
    renamed = {each.name: f"stored.{place}" for place, each in enumerate(model.graph.initializer)}
    for each in model.graph.initializer:
        each.name = renamed[each.name]
    for node in model.graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
    onnx.save(model, path)
    return path


@pytest.fixture(scope="module")
def donor() -> nn.Module:
    """An OSNet."""
    torch.manual_seed(0)
    found: nn.Module = settled(create_backbone("osnet_x0_25"))
    return found


@pytest.fixture(scope="module")
def plain(donor: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It in a file, with its BNs."""
    return written(donor, tmp_path_factory.mktemp("plain") / "a.onnx", folded=False)


@pytest.fixture(scope="module")
def folded(donor: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It in a file, its BNs part of its layers."""
    return written(donor, tmp_path_factory.mktemp("folded") / "a.onnx", folded=True)


def far(one: Tensor, other: Tensor) -> float:
    """The largest difference, as a share of the largest number."""
    return float((one - other).abs().max() / other.abs().max())


def assert_read_back(donor: nn.Module, name: str, file: Path) -> None:
    network = rga.attach(create_backbone(name), "se", image_size=SIZE)
    said = load_backbone_weights(network, name, str(file), "se")
    assert said.startswith("the file a.onnx, SHA-256 ")
    assert said.endswith("; its BNs that were part of other layers are there again, without the scale by which they normalise in training")
    with torch.no_grad():
        assert far(rga.detach(network).eval()(IMAGES), donor(IMAGES)) < 1e-4


@pytest.mark.slow
def test_an_osnet_is_read_back(donor: nn.Module, plain: Path, folded: Path) -> None:
    for file in (plain, folded):
        assert_read_back(donor, "osnet_x0_25", file)


@pytest.mark.parametrize(("name", "into_layers"), [("resnet18", True), ("cifar-resnet20", False)])
def test_other_networks_are_read_back(name: str, into_layers: bool, tmp_path: Path) -> None:
    donor = settled(create_backbone(name))
    assert_read_back(donor, name, written(donor, tmp_path / "a.onnx", folded=into_layers))


def test_another_network_is_refused(plain: Path, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"a\.onnx does not hold this ResNet: it has 152 layers, and 20 were expected; choose the backbone"
    ):
        onnx_weights(plain, create_backbone("resnet18"))
    said = r"does not hold this OSNet: its weights at the place of conv1\.conv are \(16, 3, 7, 7\), and \(32, 3, 7, 7\) were expected"
    with pytest.raises(InputError, match=said):
        load_backbone_weights(create_backbone("osnet_x0_5"), "osnet_x0_5", str(plain))
    with pytest.raises(InputError, match=r"networks with batch normalisations alone, and conv1\.bn is none: give a \.pth file"):
        onnx_weights(plain, create_backbone("osnet_ibn_x1_0"))
    biased = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()).eval()
    nn.init.ones_(biased[0].bias)  # type: ignore[arg-type]
    file = written(biased, tmp_path / "b.onnx", folded=False)
    with pytest.raises(InputError, match="its layer 0 has a bias there, and none here"):
        onnx_weights(file, nn.Sequential(nn.Conv2d(3, 4, 3, bias=False)))
    assert onnx_weights(file, biased)["0.bias"].tolist() == [1.0] * 4


def test_a_damaged_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(b"\x08\x08\x12\xffnot")
    with pytest.raises(InputError, match=r"a\.onnx cannot be read as a file of ONNX: it is damaged or cut short"):
        load_backbone_weights(create_backbone("osnet_x0_25"), "osnet_x0_25", str(tmp_path / "a.onnx"))


def test_statistics_come_back_from_images(donor: nn.Module, folded: Path) -> None:
    """Evaluation stays; and in training mode, which normalises by batches, the network then computes the same, as the donor does."""
    network = create_backbone("osnet_x0_25").eval()
    network.load_state_dict(onnx_weights(folded, network), strict=False)
    with torch.no_grad():
        evaluated = donor(IMAGES)
        assert far(copy.deepcopy(network).train()(IMAGES), evaluated) > 0.2
        restore_norms(network, [IMAGES[:10], IMAGES[10:]])
        assert not network.training
        assert far(network(IMAGES), evaluated) < 1e-3
        assert far(network.train()(IMAGES), evaluated) < 1e-3
    with pytest.raises(InputError, match="no image went through the network"):
        restore_norms(network, [])


def test_of_torchreids_network() -> None:
    if not PUBLIC.is_file():
        pytest.skip("the public weights are not here")
    network = create_backbone("osnet_x0_25").eval()
    state = onnx_weights(PUBLIC, network)
    wanted = {key for key in network.state_dict() if not key.endswith("num_batches_tracked")}
    assert state.keys() == wanted
    assert not torch.equal(state["fc.1.running_var"], torch.ones(512) - 1e-5)  # that BN is there as it is
