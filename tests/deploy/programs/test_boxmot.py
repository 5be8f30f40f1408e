"""Files for BoxMOT give its trackers the features of the model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from PIL import Image

import rga
from deploy.conftest import settled
from rga.classification.model import ClassificationModel
from rga.deploy.agreement import DisagreementError
from rga.deploy.programs import boxmot
from rga.deploy.programs.boxmot import ARCHITECTURES, NAMES, as_boxmot_normalises, size_said_by
from rga.errors import ExistingFileError, InputError
from rga.images.preprocessing import Preprocessing
from rga.reid.model import ReidModel
from rga.runtime.onnxruntime_session import OnnxruntimeSession

Rows = np.ndarray[Any, Any]

RNG = np.random.default_rng(0)
SIZE = (32, 16)
FRAME = RNG.integers(0, 256, (2 * SIZE[0], 4 * SIZE[1], 3), dtype=np.uint8)
"""A frame of a video, BGR."""
CORNERS = [(x, y) for y in (0, SIZE[0]) for x in range(0, FRAME.shape[1], SIZE[1])]
BOXES = np.array([(x, y, x + SIZE[1], y + SIZE[0]) for x, y in CORNERS], float)


def crops() -> list[Rows]:
    """What the boxes show, RGB: of the model's size, at which BoxMOT's resizing changes nothing."""
    return [np.ascontiguousarray(FRAME[y : y + SIZE[0], x : x + SIZE[1], ::-1]) for x, y in CORNERS]


def unit(rows: Rows) -> Rows:
    """Rows of length 1, as BoxMOT returns them."""
    found: Rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return found


@pytest.fixture(scope="module")
def other() -> ReidModel:
    """A model that was trained with another mean and deviation than ImageNet's, and embeds before its neck."""
    torch.manual_seed(5)
    model: ReidModel = settled(
        ReidModel("test_resnet", image_size=SIZE, attention_after=("layer3",), mean=(0.3, 0.5, 0.6), std=(0.2, 0.3, 0.5), feature="pooled")
    )
    return model


@pytest.mark.slow
@pytest.mark.parametrize("which", ["reid", "other"])
def test_features_are_those_of_the_model(which: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """The normalisation is restated here; it was compared with boxmot 25.0.0 itself by the test at the end of this file."""
    model: ReidModel = request.getfixturevalue(which)
    done = rga.export_for("boxmot", model, tmp_path / "people.onnx")
    assert done.files == (tmp_path / "people.onnx", tmp_path / "people.onnx.metadata.json")
    session = OnnxruntimeSession(done.path)
    assert session.inputs == {"images": ["batch", 3, *SIZE]}
    assert session.outputs == {model.feature: ["batch", model.neck.num_features]}
    shown = ((np.stack(crops()) / 255.0 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]).transpose(0, 3, 1, 2).astype(np.float32)
    np.testing.assert_allclose(as_boxmot_normalises(np.stack(crops())), shown, atol=1e-6)
    (rows,) = session.run("images", shown, (model.feature,))
    np.testing.assert_allclose(unit(rows), unit(model.embed(crops())), atol=1e-5)
    opened = rga.load(done.path)
    assert opened.preprocessing == Preprocessing(*SIZE)
    images = [Image.fromarray(RNG.integers(0, 256, (*size, 3), dtype=np.uint8)) for size in ((32, 16), (61, 40))]
    np.testing.assert_allclose(opened.embed(images), model.embed(images), atol=1e-5)
    said = json.loads(done.files[1].read_text())
    assert said["model_kwargs"] == {"img_size": list(SIZE)}
    assert (said["preprocess"], said["schema_version"], said["model_kwargs_schema_version"]) == ("resize", 1, 1)


def test_a_normalisation_like_boxmots_adds_nothing_to_the_graph(other: ReidModel) -> None:
    alike = ReidModel("test_resnet", image_size=SIZE, attention="none", mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    assert boxmot.ForBoxmot(alike).normalised_alike
    assert not boxmot.ForBoxmot(other).normalised_alike
    seen: list[torch.Tensor] = []
    wrapped = boxmot.ForBoxmot(alike).eval()
    wrapped.feature.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    images = torch.rand(1, 3, *SIZE)
    wrapped(images)
    assert seen[0] is images


@pytest.mark.slow
def test_a_wrong_correction_is_not_written(other: ReidModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boxmot, "IMAGENET_MEAN", (0.5, 0.5, 0.5))
    monkeypatch.setattr(boxmot, "as_boxmot_normalises", as_imagenet)
    with pytest.raises(DisagreementError, match="a file for BoxMOT does not compute what the model computes"):
        rga.export_for("boxmot", other, tmp_path / "people.onnx")
    assert list(tmp_path.iterdir()) == []


def as_imagenet(pixels: Rows) -> Rows:
    """What BoxMOT gives to the graph, whatever the exporter takes for it."""
    shown = (pixels / 255.0 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    return np.ascontiguousarray(shown.transpose(0, 3, 1, 2), np.float32)


@pytest.mark.parametrize(("size", "name"), NAMES.items())
def test_names_say_their_sizes(size: tuple[int, int], name: str) -> None:
    assert size_said_by(name) == size


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("model.onnx", (256, 128)),
        ("LMBN_N.onnx", (384, 128)),
        ("osnet_x1_0_hacnn.onnx", (256, 128)),  # the longest name counts
        ("lmbn_n_veri.onnx", (256, 256)),  # these come first
        ("resnet50_vehicleid.onnx", (256, 256)),
        ("mobilenetv4_hybrid_medium.onnx", (384, 128)),
    ],
)
def test_sizes_by_name(name: str, size: tuple[int, int]) -> None:
    assert size_said_by(name) == size


@pytest.mark.slow
def test_by_default_the_name_says_the_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    model = settled(ReidModel("test_resnet", image_size=(160, 64), attention="none"))
    assert rga.export_for("boxmot", model).path == Path("hacnn_rga.onnx")
    with pytest.raises(InputError, match=r"reads 256x128 from the name people.onnx, and the model takes 160x64: .* hacnn_rga\.onnx"):
        rga.export_for("boxmot", model, "people.onnx")
    assert rga.export_for("boxmot", model, "hacnn_of_mine.onnx").path.is_file()


def test_what_cannot_be_written(reid: ReidModel, classifier: ClassificationModel, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"name one that ends in \.onnx, got people\.pt"):
        rga.export_for("boxmot", reid, tmp_path / "people.pt")
    with pytest.raises(InputError, match="boxmot takes features of people, and this model is for classification"):
        rga.export_for("boxmot", classifier, tmp_path / "people.onnx")
    with pytest.raises(InputError, match="unknown program 'torchreid': choose one of boxmot, roboflow-reid"):
        rga.export_for("torchreid", reid, tmp_path / "people.onnx")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="tolerance must lie between 0 and 1"):
        rga.export_for("boxmot", reid, tmp_path / "people.onnx", tolerance=1)
    (tmp_path / "people.onnx.metadata.json").write_text("mine")
    with pytest.raises(ExistingFileError, match=r"metadata\.json is there already"):
        rga.export_for("boxmot", reid, tmp_path / "people.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["people.onnx.metadata.json"]


@pytest.mark.slow
def test_the_graph_has_one_output_and_a_free_batch(reid: ReidModel, tmp_path: Path) -> None:
    graph = onnx.load(rga.export_for("boxmot", reid, tmp_path / "people.onnx").path).graph
    assert [each.name for each in graph.output] == ["neck"]
    assert graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"  # BoxMOT fixes it by this name for some runtimes


def test_the_names_are_those_of_boxmot() -> None:
    registry = pytest.importorskip("boxmot.reid.backbones.registry")
    assert {name: tuple(spec.default_img_size) for name, spec in registry.BACKBONE_SPECS.items()} == ARCHITECTURES


@pytest.mark.parametrize("which", ["reid", "other"])
def test_boxmot_itself(which: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    runtime = pytest.importorskip("boxmot.reid.core.runtime")
    model: ReidModel = request.getfixturevalue(which)
    theirs = runtime.ReID(rga.export_for("boxmot", model, tmp_path / "people.onnx").path)
    assert tuple(theirs.model.input_shape) == SIZE
    wanted = unit(model.embed(crops()))
    np.testing.assert_allclose(theirs.model.get_features(BOXES, FRAME), wanted, atol=1e-5)
    np.testing.assert_allclose(theirs(FRAME, boxes=BOXES), wanted, atol=1e-5)
