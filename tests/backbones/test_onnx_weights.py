"""Weights from files of ONNX: folded normalisations and those that are not, order, shapes, and statistics from images."""

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

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")

PUBLIC = Path(os.environ.get("RGA_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")) / "weights" / "osnet_x0_25_msmt17.onnx"
SIZE = (64, 32)


def settled(network: nn.Module) -> Any:
    """A network whose BNs are far from the identity."""
    for module in network.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.normal_(module.bias, std=0.1)
            nn.init.normal_(module.running_mean, std=0.1)  # type: ignore[arg-type]
            nn.init.uniform_(module.running_var, 0.5, 2)  # type: ignore[arg-type]
    return network.eval()


def written(network: nn.Module, path: Path, *, folded: bool) -> Path:
    """A network in a file of ONNX, its BNs part of its layers or as they are, its weights under names of the exporter's."""
    images = torch.rand(2, 3, *SIZE)
    if folded:
        assert fold(network, images, {}).folded
    torch.onnx.export(network, (images,), path, dynamo=True, verbose=False, optimize=False, external_data=False)
    model = onnx.load(path)
    renamed = {each.name: f"val_{place}" for place, each in enumerate(model.graph.initializer)}
    for each in model.graph.initializer:
        each.name = renamed[each.name]
    for node in model.graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("folded", [True, False])
@pytest.mark.parametrize("name", ["osnet_x0_25", "resnet18", "cifar-resnet20"])
def test_a_network_is_read_back(name: str, folded: bool, tmp_path: Path) -> None:
    images = torch.rand(2, 3, *SIZE)
    donor = settled(create_backbone(name))
    with torch.no_grad():
        expected = donor(images)
    file = written(donor, tmp_path / "a.onnx", folded=folded)
    network = rga.attach(create_backbone(name), "se", image_size=SIZE)
    said = load_backbone_weights(network, name, str(file), "se")
    assert said.startswith("the file a.onnx, SHA-256 ")
    with torch.no_grad():
        found = rga.detach(network).eval()(images)
    assert (found - expected).abs().max() < 1e-5 * expected.abs().max()


def test_another_network_is_refused(tmp_path: Path) -> None:
    file = written(create_backbone("osnet_x0_25").eval(), tmp_path / "a.onnx", folded=False)
    with pytest.raises(
        InputError, match=r"a\.onnx does not hold this ResNet: it has 152 layers, and 20 were expected; choose the backbone"
    ):
        onnx_weights(file, create_backbone("resnet18"))
    said = r"does not hold this OSNet: its weights at the place of conv1\.conv are \(16, 3, 7, 7\), and \(32, 3, 7, 7\) were expected"
    with pytest.raises(InputError, match=said):
        load_backbone_weights(create_backbone("osnet_x0_5"), "osnet_x0_5", str(file))
    with pytest.raises(InputError, match=r"networks with batch normalisations alone, and conv1\.bn is none: give a \.pth file"):
        onnx_weights(file, create_backbone("osnet_ibn_x1_0"))
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


def test_statistics_come_back_from_images(tmp_path: Path) -> None:
    """Evaluation stays; in training mode, too, the network then computes what it did before its BNs were folded."""
    donor = settled(create_backbone("osnet_x0_25"))
    images = torch.rand(16, 3, *SIZE)
    with torch.no_grad():
        for module in donor.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.reset_running_stats()
                module.momentum = None
        donor.train()(images)
        expected, evaluated = donor.train()(images), donor.eval()(images)
    network = create_backbone("osnet_x0_25").eval()
    network.load_state_dict(onnx_weights(written(donor, tmp_path / "a.onnx", folded=True), network), strict=False)

    def outputs() -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            return network.train()(images), network.eval()(images)

    def far(one: Tensor, other: Tensor) -> float:
        return float((one - other).abs().max() / other.abs().max())

    state = {key: value.clone() for key, value in network.state_dict().items()}
    assert far(outputs()[0], expected) > 0.05
    network.load_state_dict(state)  # training mode changed its statistics
    restore_norms(network, [images[:10], images[10:]])
    assert not network.training
    evaluating = network(images)
    assert far(evaluating, evaluated) < 1e-4
    assert far(outputs()[0], evaluating) < 1e-3
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
