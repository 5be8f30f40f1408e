"""Models in files of ONNX compute what the models compute, and are not written otherwise."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

import rga
from rga.classification.model import ClassificationModel
from rga.deploy import graphs
from rga.deploy.agreement import BATCHES, DisagreementError, compared, difference, example_images
from rga.deploy.as_model import as_model, fingerprint_of, placed
from rga.deploy.exporting import Exported, export
from rga.deploy.targets import onnx as onnx_target
from rga.deploy.targets.catalog import TARGETS
from rga.deploy.targets.exported_program import ExportedProgram
from rga.deploy.targets.order import Order
from rga.errors import ExistingFileError, InputError
from rga.images.images import DamagedImageError
from rga.images.preprocessing import Preprocessing
from rga.ranking.open_set.threshold import Threshold
from rga.reid.model import ReidModel
from rga.runtime.classification import RuntimeClassification
from rga.runtime.reid import RuntimeReid
from rga.runtime.segmentation import RuntimeSegmentation
from rga.segmentation.inference import Inference
from rga.segmentation.model import SegmentationModel
from rga.storage.saved_model import weights_fingerprint

RNG = np.random.default_rng(0)
IMAGES = [Image.fromarray(RNG.integers(0, 256, (*size, 3), dtype=np.uint8)) for size in ((32, 16), (100, 40), (30, 77), (41, 64))]


def test_features_are_those_of_the_model(reid: ReidModel, exported: Exported) -> None:
    model = rga.load(exported.path)
    assert isinstance(model, RuntimeReid)
    ways: tuple[dict[str, Any], ...] = ({}, {"flip": True}, {"feature": "pooled"}, {"batch_size": 3, "num_workers": 2})
    for options in ways:
        np.testing.assert_allclose(model.embed(IMAGES, **options), reid.embed(IMAGES, **{**options, "num_workers": 0}), atol=1e-5)
    assert model.embed([]).shape == (0, reid.neck.num_features)
    assert model.embed(IMAGES[1]).shape == (1, reid.neck.num_features)


def test_the_file_says_what_it_is(reid: ReidModel, exported: Exported) -> None:
    model = rga.load(exported.path)
    assert model.weights == weights_fingerprint(reid)
    assert model.trained_on == reid.trained_on
    assert (model.preprocessing, model.feature, model.threshold) == (reid.preprocessing, "neck", None)
    said = model.description
    assert said.agreement["batches"] == list(BATCHES)
    assert 0 <= said.agreement["cosine"] < 1e-6
    assert said == exported.description
    assert model.session.inputs == {"images": ["batch", 3, 32, 16]}
    assert model.session.outputs == {"pooled": ["batch", reid.neck.num_features], "neck": ["batch", reid.neck.num_features]}


def test_images_of_a_batch_share_the_weights(exported: Exported) -> None:
    graph = onnx.load(exported.path).graph
    copies = {output for node in graph.node if node.op_type == "Expand" for output in node.output}
    products = [node for node in graph.node if node.op_type == "MatMul"]
    assert len(products) > 8
    assert not [node.name for node in products if node.input[1] in copies]


def test_a_threshold_travels_along(reid: ReidModel) -> None:
    threshold = Threshold(0.4, "cosine", "neck", False, 0.01, 0.01, 0.8, 500, 2000, "market1501", "0123456789abcdef")
    reid.threshold = threshold
    try:
        assert graphs.description_of(reid, "normalised").threshold == threshold.to_dict()
    finally:
        reid.threshold = None


@pytest.mark.slow
def test_bytes_of_any_size_are_prepared_within_the_graph(reid: ReidModel, tmp_path: Path) -> None:
    done = export(reid, tmp_path / "bytes.onnx", preprocessing_inside=True)
    model = rga.load(done.path)
    assert model.session.inputs == {"images": ["batch", "rows", "columns", 3]}
    np.testing.assert_allclose(model.embed(IMAGES), reid.embed(IMAGES), atol=2e-3)  # resizing rounds otherwise than Pillow
    np.testing.assert_allclose(model.embed(IMAGES, flip=True), reid.embed(IMAGES, flip=True), atol=2e-3)
    same = np.stack([np.asarray(image.resize((20, 50))) for image in IMAGES])
    (rows,) = model.run(same, "neck")
    np.testing.assert_allclose(rows, reid.embed(list(same)), atol=2e-3)


@pytest.mark.slow
def test_classes_are_those_of_the_model(classifier: ClassificationModel, tmp_path: Path) -> None:
    model = rga.load(export(classifier, tmp_path / "classifier.onnx").path)
    assert isinstance(model, RuntimeClassification)
    assert model.classes == classifier.classes
    np.testing.assert_allclose(model.probabilities(IMAGES), classifier.probabilities(IMAGES), atol=1e-5)
    ours, theirs = (each.classify(IMAGES, top=2) for each in (model, classifier))
    assert [[answer.label for answer in row] for row in ours] == [[answer.label for answer in row] for row in theirs]
    with pytest.raises(InputError, match="top must be at least 1"):
        model.classify(IMAGES, top=0)


INFERENCES = (None, Inference(scales=(0.75, 1.5), flip=True), Inference(window=(48, 48), overlap=0.5))


@pytest.mark.slow
def test_label_maps_are_those_of_the_model(segmenter: SegmentationModel, tmp_path: Path) -> None:
    model = rga.load(export(segmenter, tmp_path / "segmenter.onnx").path)
    assert isinstance(model, RuntimeSegmentation)
    assert model.classes == segmenter.classes
    for inference in INFERENCES:
        for ours, theirs in zip(model.segment(IMAGES, inference=inference), segmenter.segment(IMAGES, inference=inference), strict=True):
            np.testing.assert_allclose(ours.confidence, theirs.confidence, atol=1e-5)
            assert (ours.labels == theirs.labels).mean() > 0.999


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"fit": "spectral"}, {"fit": "pool"}, {"fit": "exact"}], ids=lambda options: options["fit"])
def test_attention_takes_the_sizes_that_it_takes_in_the_model(
    options: dict[str, Any], segmenter: SegmentationModel, tmp_path: Path
) -> None:
    torch.manual_seed(3)
    grid: dict[str, Any] = {"largest_grid": (4, 4)} if options["fit"] == "pool" else {}
    model = SegmentationModel(
        "test_resnet", classes=segmenter.classes.to_dict(), image_size=(40, 56), output_stride=16, attention_options=options, **grid
    ).eval()
    file = rga.load(export(model, tmp_path / "model.onnx").path)
    assert file.fixed_size == model.fixed_size == ((40, 56) if options["fit"] == "exact" else None)
    for ours, theirs in zip(file.segment(IMAGES), model.segment(IMAGES), strict=True):
        np.testing.assert_allclose(ours.confidence, theirs.confidence, atol=1e-5)
    if file.fixed_size:
        with pytest.raises(InputError, match="takes windows of"):
            file.segment(IMAGES, inference=Inference(window=(48, 48)))


@pytest.mark.slow
def test_an_exported_program_needs_pytorch_alone(reid: ReidModel, tmp_path: Path) -> None:
    done = export(reid, tmp_path / "model.pt2", to="exported-program")
    said = {"rga": ""}
    module = torch.export.load(done.path, extra_files=said).module()
    x = torch.stack([torch.from_numpy(reid.preprocessing.as_array(image.resize((16, 32)))) for image in IMAGES])
    with torch.inference_mode():
        torch.testing.assert_close(module(x)[1], reid(x)[1], atol=1e-5, rtol=0)
    assert '"task": "reid"' in said["rga"]


def test_a_file_that_computes_something_else_is_not_written(reid: ReidModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Wrong:
        def __init__(self, order: Order) -> None:
            self.graph = order.graph

        def save(self, path: Path, description: str) -> None:
            path.write_text(description)

        def runner(self, path: Path) -> Any:
            assert path.is_file()

            def run(images: NDArray[Any]) -> Sequence[NDArray[np.float32]]:
                with torch.inference_mode():  # normalised twice, as happens elsewhere
                    return [each.numpy() for each in self.graph((torch.from_numpy(images) - 0.45) / 0.225)]

            return run

    monkeypatch.setitem(TARGETS, "onnx", Wrong)
    with pytest.raises(DisagreementError, match=r"does not compute what the model computes.*0\.0001 is allowed\): nothing was written"):
        export(reid, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_stays(reid: ReidModel, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_text("mine")
    with pytest.raises(ExistingFileError, match="is there already"):
        export(reid, tmp_path / "model.onnx")
    assert (tmp_path / "model.onnx").read_text() == "mine"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"to": "tflite"}, "unknown target 'tflite': choose one of onnx, openvino, exported-program"),
        ({"tolerance": 0}, "tolerance must lie between 0 and 1"),
    ],
)
def test_options_out_of_range(reid: ReidModel, tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        export(reid, tmp_path / "model", **options)


def test_a_graph_that_cannot_prepare_images_is_refused(classifier: ClassificationModel, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="for re-identification alone, and this model is for classification"):
        export(classifier, tmp_path / "model.onnx", preprocessing_inside=True)


def test_weights_beyond_what_a_file_holds(reid: ReidModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_target, "LARGEST", 1000)
    with pytest.raises(InputError, match="holds less than 2 GiB"):
        export(reid, tmp_path / "model.onnx")


def test_differences() -> None:
    ours, theirs = np.array([[1.0, 0.0]], np.float32), np.array([[0.0, 200.0]], np.float32)
    assert difference(ours, theirs) == (1.0, 200.0, 1.0)
    assert difference(ours, np.full((1, 2), np.nan, np.float32)) == (np.inf, np.inf, np.inf)
    nothing = np.zeros((1, 2), np.float32)
    assert difference(nothing, nothing) == (0.0, 0.0, 0.0)
    small = np.full((1, 2), 1e-3, np.float32)
    assert difference(1.05 * small, small)[2] == pytest.approx(0.05, rel=1e-3)  # of the largest number, however small
    assert difference(nothing, small)[::2] == (1.0, 1.0)
    assert difference(small, nothing)[::2] == (1.0, np.inf)


def test_large_images_are_compared_in_small_batches(reid: ReidModel) -> None:
    shown: list[int] = []

    def run(images: NDArray[Any]) -> Sequence[NDArray[np.float32]]:
        shown.append(len(images))
        return [images]

    graph = torch.nn.Module()
    graph.forward = lambda images: [images]
    agreement = compared(run, graph, [(768, 640)], "normalised", Preprocessing(768, 640).as_array)
    assert shown == list(agreement.batches) == [1, 2, 7]


def test_the_callers_model_stays_as_it_is(reid: ReidModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []

    class Agreeing:
        def __init__(self, order: Order) -> None:
            self.graph = order.graph
            seen.append(order.graph.training)

        def save(self, path: Path, description: str) -> None:
            path.write_text(description)

        def runner(self, path: Path) -> Any:
            def run(images: NDArray[Any]) -> Sequence[NDArray[np.float32]]:
                with torch.inference_mode():
                    return [each.numpy() for each in self.graph(torch.from_numpy(images))]

            return run

    monkeypatch.setitem(TARGETS, "onnx", Agreeing)
    own = copy.deepcopy(reid).half().train()
    done = export(own, tmp_path / "model.onnx")
    assert (next(own.parameters()).dtype, own.training, seen) == (torch.float16, True, [False])
    assert done.description.weights == weights_fingerprint(own)
    with torch.no_grad():
        own.neck.running_var.fill_(float("nan"))  # type: ignore[union-attr]
    with pytest.raises(InputError, match="the model's own outputs are not finite"):
        export(own, tmp_path / "other.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


class Branching(torch.nn.Module):
    """What cannot be traced."""

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (images if images.sum() > 0 else -images,)


@pytest.mark.parametrize("target", [onnx_target.Onnx, ExportedProgram])
def test_a_network_that_cannot_be_traced_is_named_in_one_line(target: Any) -> None:
    with pytest.raises(InputError, match=r"^the network cannot be written as a graph \(.*\): .* try another target with --to$"):
        target(Order(Branching(), torch.zeros(2, 3, 4, 4), {0: torch.export.Dim("batch")}, ("scores",)))


@pytest.mark.slow
def test_one_file_holds_all_however_large(reid: ReidModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.onnx._internal.exporter._onnx_program._LARGE_MODEL_THRESHOLD", 1000)
    export(reid, tmp_path / "model.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


def test_a_file_in_an_evaluation_stays_on_the_cpu(exported: Exported, reid: ReidModel) -> None:
    model = as_model(rga.load(exported.path))
    assert placed(model, "auto") is model
    with pytest.raises(InputError, match="runs on the CPU here: leave --device cuda out"):
        placed(model, "cuda")
    assert isinstance(model, ReidModel)
    np.testing.assert_allclose(model.embed(IMAGES), reid.embed(IMAGES), atol=1e-5)
    assert fingerprint_of(model) == fingerprint_of(rga.load(exported.path)) == weights_fingerprint(reid)


def test_damaged_images_and_generators(exported: Exported, tmp_path: Path) -> None:
    model = rga.load(exported.path)
    (tmp_path / "damaged.jpg").write_bytes(b"damaged")
    IMAGES[0].save(tmp_path / "sound.png")
    damaged: list[int] = []
    files = (tmp_path / name for name in ("sound.png", "damaged.jpg", "sound.png"))
    rows = model.embed(files, batch_size=2, num_workers=2, on_damaged=lambda index, _error: damaged.append(index))
    assert (rows.shape[0], damaged) == (2, [1])
    with pytest.raises(DamagedImageError, match=r"damaged\.jpg"):
        model.embed(tmp_path / "damaged.jpg")
    with pytest.raises(InputError, match="has no feature 'head': it has pooled, neck"):
        model.embed(IMAGES, feature="head")
    with pytest.raises(InputError, match="batch-size must be at least 1"):
        model.embed(IMAGES, batch_size=0)


@pytest.mark.parametrize("size", [(64, 32), (48, 80), (32, 32)])
def test_examples_are_images_of_the_size_and_differ(size: tuple[int, int]) -> None:
    first, second = (np.asarray(image) for image, _ in zip(example_images(size), "ab", strict=False))
    assert first.shape == second.shape == (*size, 3)
    assert first.std() > 10
    assert not np.array_equal(first, second)
