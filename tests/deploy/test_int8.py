"""Files in 8-bit integers: what is quantised, what it costs, and that nothing is written where it costs too much."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from PIL import Image

import rga
from rga.attachment import attachments
from rga.classification.model import ClassificationModel
from rga.datasets.spec import DataSpec
from rga.deploy.exporting import Exported, export
from rga.deploy.int8 import calibration, figures
from rga.deploy.int8.calibration import calibration_batches
from rga.deploy.int8.figures import AccuracyDropError, Int8, Int8Figures, check_drop
from rga.deploy.int8.onnx import has_vnni, quantise
from rga.errors import InputError, MissingPackageError
from rga.images.inputs import as_image
from rga.reid.model import ReidModel
from rga.reid.task import TASK
from rga.runtime.opening import open_model
from rga.segmentation.model import SegmentationModel
from rga.storage.saved_model import weights_fingerprint
from rga.synthetic.people.people import PeopleOptions, make_people

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Few people, as a dataset."""
    options = PeopleOptions(identities=6, test_identities=4, cameras=2, images_per_camera=2, distractors=0, junk=0)
    return f"market1501:{make_people(tmp_path_factory.mktemp('data') / 'people', options)}"


FIGURES = Int8Figures("mAP", "market1501", "0123", 8, 0.8, 0.79, 4 << 20, 1 << 20, {1: (2.0, 1.0)})


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time is measured, but not for long."""
    monkeypatch.setattr(figures, "ROUNDS", 1)
    monkeypatch.setattr(figures, "WARM_UP", 0)


@pytest.fixture(scope="module")
def quantised(reid: ReidModel, people: str, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """A re-ID network in 8-bit integers."""
    return export(reid, tmp_path_factory.mktemp("int8") / "model.onnx", int8=Int8(people, images=8, max_drop=0.99))


def quantised_nodes(path: Path) -> set[str]:
    """The names of the products of a file of ONNX whose both inputs come from integers."""
    graph = onnx.load(path).graph
    integers = {name for node in graph.node if node.op_type == "DequantizeLinear" for name in node.output}
    return {node.name for node in graph.node if node.op_type in ("Conv", "MatMul") and set(node.input[:2]) <= integers}


def of_quantised_weights(path: Path) -> set[str]:
    """The names of all nodes that read weights in integers."""
    graph = onnx.load(path).graph
    kept = {each.name for each in graph.initializer}
    weights = {node.output[0] for node in graph.node if node.op_type == "DequantizeLinear" and node.input[0] in kept}
    return {node.name for node in graph.node if weights & set(node.input)}


def test_a_model_in_8_bit_integers(reid: ReidModel, quantised: Exported, people: str) -> None:
    done, path = quantised, quantised.path
    found = quantised_nodes(path)
    assert {name.partition("/")[0] for name in found if ".attention" in name} == {
        f"model.backbone.layer3.attention.{kind}.gate.theta_phi_psi" for kind in ("spatial", "channel")
    }
    assert any(name.startswith("model.backbone.layer1") for name in found)
    assert not any("bmm" in name for name in found)
    assert not {name for name in of_quantised_weights(path) if ".attention" in name and "theta_phi_psi" not in name}
    model = rga.load(path)
    assert done.int8 is not None
    assert model.description == done.description
    assert model.description.int8 == done.int8.to_dict()
    assert model.weights.startswith(f"{weights_fingerprint(reid)}-int8-")  # features of both are not taken for the same
    assert model.description.agreement["relative"] > 1e-4 > done.agreement.relative
    images = [Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 16, 3), dtype=np.uint8)) for _ in range(3)]
    ours, theirs = model.embed(images), reid.embed(images)
    cosines = (ours * theirs).sum(1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)
    assert (cosines > 0.98).all()
    assert not np.allclose(ours, theirs, atol=1e-4)
    result: Any = rga.evaluate(path, people).result
    assert done.int8.after == pytest.approx(result.results[reid.feature].mAP, abs=1e-6)
    before: Any = rga.evaluate(reid, people).result
    assert done.int8.before == pytest.approx(before.results[reid.feature].mAP, abs=1e-3)
    assert done.int8.bytes_after == pytest.approx(path.stat().st_size, abs=1000)  # what it says of them is written later
    assert done.int8.bytes_after < 0.6 * done.int8.bytes_before
    assert set(done.int8.milliseconds) == {1, 16}


@pytest.mark.slow
def test_gates_inside_of_blocks_stay_in_float(people: str, tmp_path: Path) -> None:
    model = ReidModel("test_resnet", image_size=(32, 16), attention_after="blocks")
    for module in model.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):  # as trained: equal tensors are one in a graph, quantised or not
            torch.nn.init.normal_(module.running_mean)  # type: ignore[arg-type]
    model.eval()
    path = export(model, tmp_path / "model.onnx", int8=Int8(people, images=4, max_drop=0.99)).path
    attached = tuple(f"model.{each.name}." for each in attachments(model))
    assert any("_attention." in name for name in attached)
    of_gates = {name for name in of_quantised_weights(path) | quantised_nodes(path) if name.startswith(attached)}
    assert of_gates
    assert {name for name in of_gates if ".theta_phi_psi" not in name} == set()


def test_nothing_is_written_where_too_much_is_lost(reid: ReidModel, people: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = iter((0.9, 0.85))
    task = replace(TASK, main_metric=("mAP", lambda _: next(values)))
    monkeypatch.setattr("rga.deploy.int8.quantising.get_task", lambda _: task)
    with pytest.raises(
        AccuracyDropError, match=r"mAP on market1501 falls from 90.00% to 85.00%, and 4.00% may be lost: nothing was written"
    ):
        export(reid, tmp_path / "model.onnx", int8=Int8(people, images=2, max_drop=0.04))
    assert not list(tmp_path.iterdir())


def test_the_drop_is_that_of_the_metric() -> None:
    check_drop(FIGURES, 0.011)
    check_drop(replace(FIGURES, after=0.9), 0.0)
    for figures_, allowed in ((FIGURES, 0.009), (replace(FIGURES, after=float("nan")), 0.5)):
        with pytest.raises(AccuracyDropError):
            check_drop(figures_, allowed)
    assert str(FIGURES) == (
        "int8, weights of 8 bits, calibrated on 8 images: mAP on market1501 80.00% -> 79.00%; 4.0 -> 1.0 MiB; batch 1: 2.0 -> 1.0 ms"
    )


def test_images_of_the_training_calibrate_as_the_network_sees_them(
    exported: Exported, people: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = open_model(exported.path)
    data = TASK.datasets.read(DataSpec.parse(people))
    batches, images = calibration_batches(model, data, 5)
    assert images == 5
    assert [batch.shape for batch in batches] == [(1, 3, 32, 16)] * 5
    seen = {each.tobytes() for each in batches}
    trained = {
        model.preprocessing.as_array(as_image(sample.path, "").resize((16, 32), Image.Resampling.BILINEAR))[None].tobytes()
        for sample in data.train
    }
    assert len(seen) == 5
    assert seen <= trained
    assert calibration_batches(model, data, 10_000)[1] == len(data.train)
    monkeypatch.setattr(calibration, "MOST_BYTES", 2 * batches[0].nbytes)
    assert calibration_batches(model, data, 10_000)[1] == 2
    with pytest.raises(InputError, match="has no images to train on, which int8 is calibrated on"):
        calibration_batches(model, replace(data, train=()), 5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"to": "exported-program", "int8": Int8()}, "exported-program is not written in 8-bit integers: choose one of onnx, openvino"),
        ({"preprocessing_inside": True, "int8": Int8()}, "measured on normalised images"),
        ({"int8": Int8()}, "name a dataset with --data NAME:FOLDER"),
    ],
)
def test_orders_that_cannot_be(reid: ReidModel, tmp_path: Path, options: Mapping[str, Any], message: str) -> None:
    name = "model.pt2" if "to" in options else "model.onnx"
    with pytest.raises(InputError, match=message):
        export(reid, tmp_path / name, **options)


@pytest.mark.parametrize("values", [{"images": 0}, {"max_drop": -0.1}, {"max_drop": 1.0}])
def test_numbers_out_of_their_range(values: Mapping[str, Any]) -> None:
    with pytest.raises(InputError):
        Int8(**values)


def test_seven_bits_where_products_would_saturate(exported: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    batches = [np.random.default_rng(0).normal(size=(1, 3, 32, 16)).astype(np.float32)]
    largest = []
    for there in (True, False):
        monkeypatch.setattr("rga.deploy.int8.onnx.has_vnni", lambda there=there: there)
        weights = quantise(exported.path, batches, []).model.graph.initializer
        numbers = [onnx.numpy_helper.to_array(each) for each in weights if each.name.endswith("conv1.weight_quantized")]
        largest.append(max(int(np.abs(each.astype(np.int64)).max()) for each in numbers))
    assert largest == [127, 64]
    assert isinstance(has_vnni(), bool)


@pytest.mark.slow
def test_classes_in_8_bit_integers(classifier: ClassificationModel, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        for name in classifier.classes:
            (tmp_path / "data" / split / name).mkdir(parents=True)
            for number in range(4):
                pixels = rng.integers(0, 256, (40, 48, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(tmp_path / "data" / split / name / f"{number}.png")
    done = export(classifier, path := tmp_path / "model.onnx", int8=Int8(f"folder:{tmp_path / 'data'}", images=6, max_drop=0.99))
    assert done.int8 is not None
    assert (done.int8.metric, done.int8.images) == ("top-1 accuracy", 6)
    assert len(quantised_nodes(path)) > 5
    result: Any = rga.evaluate(tmp_path / "model.onnx", f"folder:{tmp_path / 'data'}").result
    assert result.top1 == pytest.approx(done.int8.after)


@pytest.mark.slow
@pytest.mark.parametrize("to", ["onnx", "openvino"])
def test_label_maps_in_8_bit_integers(segmenter: SegmentationModel, tmp_path: Path, to: Any) -> None:
    rng = np.random.default_rng(0)
    classes = segmenter.classes
    for split in ("train", "val"):
        for kind in ("images", "masks"):
            (tmp_path / "data" / kind / split).mkdir(parents=True)
        for number in range(3):
            pixels = rng.integers(0, 256, (60, 70, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "data" / "images" / split / f"{number}.png")
            labels = rng.integers(0, len(classes), (60, 70), dtype=np.uint8)
            Image.fromarray(labels).save(tmp_path / "data" / "masks" / split / f"{number}.png")
    lines = ["value,name", *(f"{index},{name}" for index, name in enumerate(classes.names))]
    (tmp_path / "data" / "classes.csv").write_text("\n".join(lines))
    path = tmp_path / ("model.onnx" if to == "onnx" else "model.xml")
    done = export(segmenter, path, to=to, int8=Int8(f"folder:{tmp_path / 'data'}", images=3, max_drop=0.99))
    assert done.int8 is not None
    assert done.int8.metric == "mIoU"
    assert to != "onnx" or len(quantised_nodes(path)) > 5
    assert rga.load(path).segment(np.zeros((50, 90, 3), np.uint8))[0].labels.shape == (50, 90)


@pytest.mark.slow
def test_openvino_in_8_bit_integers(reid: ReidModel, people: str, tmp_path: Path) -> None:
    pytest.importorskip("nncf")
    path = tmp_path / "model.xml"
    done = export(reid, path, to="openvino", int8=Int8(people, images=8, max_drop=0.99))
    assert done.int8 is not None
    model = rga.load(path)
    assert model.description.int8 == done.int8.to_dict()
    images = [np.random.default_rng(0).integers(0, 256, (32, 16, 3), dtype=np.uint8)] * 2
    ours, theirs = model.embed(images), reid.embed(images)
    assert ((ours * theirs).sum(1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1) > 0.98).all()
    integers = {
        each.get_friendly_name()
        for each in model.session.model.get_ops()
        if each.get_type_name() in ("Convolution", "MatMul") and each.input_value(0).get_node().get_type_name() == "FakeQuantize"
    }
    assert any("layer1" in name for name in integers)
    within = {name.partition("/")[0] for name in integers if ".attention" in name}
    assert within
    assert all("theta_phi_psi" in name for name in within)


@pytest.mark.slow
def test_openvino_puts_layers_back_where_too_much_is_lost(reid: ReidModel, people: str, tmp_path: Path) -> None:
    pytest.importorskip("nncf")
    from rga.deploy.int8.openvino import quantise as quantise_openvino  # noqa: PLC0415  skipped above where it is not there

    source = export(reid, tmp_path / "model.xml", to="openvino").path
    batches = [np.random.default_rng(each).normal(size=(1, 3, 32, 16)).astype(np.float32) for each in range(4)]
    attached = [f"model.{each.name}" for each in attachments(reid)]
    expected = open_model(source).run(batches[0], "neck")[0]
    asked = []

    def measure(session: Any) -> float:  # how near the features are: the lower, the more layers go back
        apart = float(np.abs(session.run("images", batches[0], ["neck"])[0] - expected).max())
        asked.append(apart)
        return 1.0 - apart

    found = quantise_openvino(source, batches, attached, measure, 1e-6)
    found.save(tmp_path / "int8.xml", "{}")
    assert asked[0] < 1e-5 < asked[1]
    assert min(asked[2:]) < asked[1]

    def broken(session: Any) -> float:
        raise RuntimeError("the data are gone")

    with pytest.raises(RuntimeError, match="the data are gone"):
        quantise_openvino(source, batches, attached, broken, 0.01)


def test_without_nncf(reid: ReidModel, people: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openvino")
    monkeypatch.setitem(sys.modules, "nncf", None)
    with pytest.raises(MissingPackageError, match=r"nncf.*rga\[openvino\]"):
        export(reid, tmp_path / "model.xml", to="openvino", int8=Int8(people, images=2))
    assert not list(tmp_path.iterdir())
