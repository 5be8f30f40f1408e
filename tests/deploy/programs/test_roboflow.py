"""Folders for Roboflow's reid give it the features of the model."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import load_file

import rga
from deploy.conftest import settled
from rga.deploy.agreement import DisagreementError
from rga.deploy.programs import roboflow
from rga.errors import ExistingFileError, FolderError, InputError
from rga.reid.model import ReidModel

RNG = np.random.default_rng(0)
SIZE = (32, 16)
IMAGES = [Image.fromarray(RNG.integers(0, 256, (*size, 3), dtype=np.uint8)) for size in ((32, 16), (100, 40), (41, 64))]


def model_of(**options: Any) -> ReidModel:
    """A small model."""
    torch.manual_seed(3)
    model: ReidModel = settled(ReidModel(**{"backbone": "test_resnet", "image_size": SIZE, "classes": 3, **options}))
    return model


KINDS: dict[str, dict[str, Any]] = {
    "test_resnet_rga_sc_reid": {},
    "test_resnet_rga_parallel_reid": {"attention": "rga-parallel", "mean": (0.4, 0.5, 0.6), "std": (0.2, 0.3, 0.4)},
    "test_resnet_rga_sc_spectral_reid": {"attention_options": {"fit": "spectral"}, "feature": "pooled"},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_features_are_those_of_the_model(name: str, tmp_path: Path) -> None:
    """The loading is restated here; it was compared with reid 0.1.0rc1 itself by the test at the end of this file."""
    model = model_of(**KINDS[name])
    done = rga.export_for("roboflow-reid", model, tmp_path / "new" / "folder")
    assert done.files == (done.path / "reid_config.json", done.path / "weights.safetensors")
    assert "rga.register_timm()" in done.next_step
    config = json.loads(done.files[0].read_text())
    assert config["architecture"] == f"timm:{name}.32x16"
    network = timm.create_model(config["architecture"].removeprefix("timm:"), pretrained=False, num_classes=0).eval()
    tensors, own = load_file(done.files[1]), network.state_dict()
    assert {key: value.shape for key, value in tensors.items()} == {key: value.shape for key, value in own.items()}
    network.load_state_dict(tensors)
    said = config["preprocessing"]
    shown = []
    for image in IMAGES:
        pixels = np.asarray(image.resize(said["input_size"][::-1], Image.Resampling.BILINEAR), np.float32) / 255
        shown.append(((pixels - said["mean"]) / said["std"]).transpose(2, 0, 1).astype(np.float32))
    with torch.inference_mode():
        np.testing.assert_allclose(network(torch.from_numpy(np.stack(shown))).numpy(), model.embed(IMAGES), atol=1e-5)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (
            {"backbone": "test_vit", "image_size": (160, 160), "last_stride": 2},
            "the backbone is test_vit, and names there are for resnet10t",
        ),
        ({"attention": "se"}, "the attention is se with fit=exact, and names there are for rga_s"),
        ({"attention_options": {"reduction": 4}}, r"has other options than this model's \{'reduction': 4\} \("),
        ({"attention_after": ("layer3",)}, r"its attention comes after .*layer3.*, and not after all stages"),
        ({"last_stride": 2}, "its last stage halves the map"),
        ({"backbone_options": {"drop_rate": 0.1}}, r"the backbone has options of its own: \{'drop_rate': 0.1\}"),
    ],
)
def test_models_that_no_name_stands_for(options: dict[str, Any], reason: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=reason):
        rga.export_for("roboflow-reid", model_of(**options), tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


def test_other_features_are_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of()
    wrong = {key: value + (0.1 if key == "neck.running_mean" else 0) for key, value in roboflow.tensors_of(model).items()}
    monkeypatch.setattr(roboflow, "tensors_of", lambda _model: wrong)
    with pytest.raises(DisagreementError, match="a network of timm does not compute"):
        rga.export_for("roboflow-reid", model, tmp_path / "folder")
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "reid_config.json").write_text("mine")
    with pytest.raises(ExistingFileError, match=r"reid_config\.json is there already: name another file"):
        rga.export_for("roboflow-reid", model_of(), tmp_path)
    assert (tmp_path / "reid_config.json").read_text() == "mine"
    rga.export_for("roboflow-reid", model_of(), tmp_path, overwrite=True)
    for name in ("reid_config.json", "weights.safetensors"):
        (tmp_path / "folders" / name / "inside").mkdir(parents=True)
        with pytest.raises(FolderError, match=rf"{name} is a folder"):
            rga.export_for("roboflow-reid", model_of(), tmp_path / "folders", overwrite=True)
        (tmp_path / "folders" / name / "inside").rmdir()  # it is still there
        (tmp_path / "folders" / name).rmdir()
    assert json.loads((tmp_path / "reid_config.json").read_text())["rga"]["task"] == "reid"


EMBED = """
import sys
import numpy as np
import rga
rga.register_timm()
from reid import ReIDModel
folder, output, *files = sys.argv[1:]
np.save(output, ReIDModel.from_pretrained(folder, device="cpu").extract_embeddings_from_paths(files))
"""
"""What its user writes; in a process of its own, as the folder of our tests of re-identification is called ``reid``, too."""


@pytest.mark.parametrize("name", KINDS)
def test_reid_itself(name: str, tmp_path: Path) -> None:
    try:
        distribution("reid")
    except PackageNotFoundError:
        pytest.skip("Roboflow's reid is not installed")
    model = model_of(**KINDS[name])
    folder = rga.export_for("roboflow-reid", model, tmp_path / "folder").path
    for index, image in enumerate(IMAGES):
        image.save(tmp_path / f"{index}.png")
    files = [str(tmp_path / f"{index}.png") for index in range(len(IMAGES))]
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", EMBED, folder, tmp_path / "rows.npy", *files], check=False, capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()
    np.testing.assert_allclose(np.load(tmp_path / "rows.npy"), model.embed(files), atol=1e-5)
