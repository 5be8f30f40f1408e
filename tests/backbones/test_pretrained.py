"""Weights that a backbone starts from."""

import hashlib
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

import rga
from rga.backbones.last_stride import keep_last_resolution
from rga.backbones.weights.pretrained import load_backbone_weights
from rga.reid.model import ReidModel


def attended_backbone() -> nn.Module:
    """A small backbone with attention, whose own weights alone are in files."""
    backbone: nn.Module = timm.create_model("test_resnet", num_classes=0)
    return rga.attach(backbone, "rga-sc", image_size=(64, 32))


def test_weights_from_a_file(tmp_path: Path) -> None:
    donor: nn.Module = timm.create_model("test_resnet", num_classes=7)
    save_file(donor.state_dict(), tmp_path / "backbone.safetensors")
    torch.save({"state_dict": {f"module.{key}": value for key, value in donor.state_dict().items()}}, tmp_path / "backbone.pth")
    for name in ("backbone.safetensors", "backbone.pth"):
        backbone = attended_backbone()
        source = load_backbone_weights(backbone, "test_resnet", str(tmp_path / name))
        digest = hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()[:16]
        where = "; under 'state_dict', names after 'module.'" if name.endswith(".pth") else ""
        assert source == f"the file {name}, SHA-256 {digest}{where}; left out: fc"
        state = backbone.state_dict()
        assert all(torch.equal(state[key], value) for key, value in donor.state_dict().items() if key in state)


def test_a_classifier_of_as_many_classes_is_taken_along_and_another_one_is_not(tmp_path: Path) -> None:
    donor: nn.Module = timm.create_model("test_resnet", num_classes=7)
    save_file(donor.state_dict(), tmp_path / "backbone.safetensors")
    for classes in (7, 5):
        backbone: nn.Module = timm.create_model("test_resnet", num_classes=classes)
        before = backbone.get_submodule("fc").state_dict()["weight"].clone()
        load_backbone_weights(backbone, "test_resnet", str(tmp_path / "backbone.safetensors"))
        state = backbone.state_dict()
        assert all(torch.equal(value, donor.state_dict()[name]) for name, value in state.items() if not name.startswith("fc."))
        assert torch.equal(state["fc.weight"], donor.state_dict()["fc.weight"] if classes == 7 else before)


def test_a_file_that_is_cut_short_is_named(tmp_path: Path) -> None:
    file = tmp_path / "broken.safetensors"
    save_file({"weight": torch.zeros(100)}, file)
    file.write_bytes(file.read_bytes()[:-50])
    with pytest.raises(ValueError, match=r"broken\.safetensors is damaged, or no safetensors file"):
        load_backbone_weights(attended_backbone(), "test_resnet", str(file))


def test_wrong_weights_are_named(tmp_path: Path) -> None:
    save_file(timm.create_model("resnet18", num_classes=0).state_dict(), tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match=r"are not those of 'test_resnet': .* are missing"):
        load_backbone_weights(attended_backbone(), "test_resnet", str(tmp_path / "other.safetensors"))
    with pytest.raises(FileNotFoundError, match="no file of weights"):
        load_backbone_weights(attended_backbone(), "test_resnet", str(tmp_path / "nowhere.pth"))
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(ValueError, match="cannot be read as a file of weights"):
        load_backbone_weights(attended_backbone(), "test_resnet", str(tmp_path / "text.pth"))


def test_no_weights_are_said_to_be_none() -> None:
    backbone = attended_backbone()
    before = {key: value.clone() for key, value in backbone.state_dict().items()}
    assert load_backbone_weights(backbone, "test_resnet", "none") == "none: random from the start"
    assert all(torch.equal(value, before[key]) for key, value in backbone.state_dict().items())


@pytest.mark.parametrize(("image_size", "taken"), [((64, 32), True), ((32, 64), False)], ids=["the same", "turned"])
def test_attention_of_a_turned_grid_is_left_out(image_size: tuple[int, int], taken: bool, tmp_path: Path) -> None:
    donor = ReidModel("test_resnet", image_size=image_size)
    donor.save_pretrained(tmp_path)
    backbone: nn.Module = timm.create_model("test_resnet", num_classes=0)
    keep_last_resolution(backbone, (64, 32))
    rga.attach(backbone, "rga-sc", image_size=(64, 32))
    said = load_backbone_weights(backbone, "test_resnet", str(tmp_path), "rga-sc")
    theirs, ours = donor.backbone.state_dict(), backbone.state_dict()
    key = "layer2.attention.spatial.gate.varphi.rows.weight"
    assert torch.equal(ours["layer2.0.conv1.weight"], theirs["layer2.0.conv1.weight"])
    assert torch.equal(ours[key], theirs[key]) == taken
    assert ("tensors of its attention" in said) == taken
