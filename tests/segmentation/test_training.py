"""A segmentation training: its batches, losses, weights, evaluation, and its recipe."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import rga
from rga.attention.grid import Fit
from rga.datasets.layout import DataError
from rga.datasets.spec import DataSpec
from rga.errors import InputError
from rga.images.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from rga.segmentation.confusion import confusion_matrix
from rga.segmentation.datasets.cityscapes import read_cityscapes, read_generated
from rga.segmentation.datasets.classes import IGNORED, Classes, spread_colours
from rga.segmentation.datasets.masks import read_sample
from rga.segmentation.datasets.samples import Sample, SegmentationData
from rga.segmentation.evaluation import evaluate_model
from rga.segmentation.inference import Inference
from rga.segmentation.losses import hard_cross_entropy, pixel_cross_entropy
from rga.segmentation.model import SegmentationModel
from rga.segmentation.recipe import SegmentationRecipe
from rga.segmentation.task import TASK
from rga.segmentation.training import SegmentationBatch, SegmentationTraining
from rga.synthetic.streets.streets import StreetOptions, make_streets
from rga.training.loop import fit
from rga.training.run.log import RunLog

Precisions = Callable[[Any, Any], set[tuple[torch.dtype, bool]]]
InProcesses = Callable[[int, Callable[[], Any]], list[Any]]

CPU = torch.device("cpu")
TINY = SegmentationRecipe().override(
    data=DataSpec("streets"),
    backbone="resnet10t",
    weights="none",
    crop_size=(32, 48),
    batch_size=2,
    epochs=1,
    largest_grid=4,
    num_workers=0,
    color_jitter=0,
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_streets(tmp_path_factory.mktemp("data") / "streets", StreetOptions(train=5, val=3, test=1, height=48, width=96))


@pytest.fixture
def data(root: Path) -> SegmentationData:
    return read_generated(root)


def test_losses_are_those_of_both_heads(data: SegmentationData) -> None:
    task = SegmentationTraining(TINY, data)
    batch = next(iter(task.batches(0)))
    assert (batch.images.shape, batch.labels.shape, batch.labels.dtype) == ((2, 3, 32, 48), (2, 32, 48), torch.int64)
    expected = (batch.images / 255 - torch.tensor(IMAGENET_MEAN).view(3, 1, 1)) / torch.tensor(IMAGENET_STD).view(
        3, 1, 1
    )  # those of resnet10t
    torch.testing.assert_close(task.inputs(batch, CPU), expected)
    assert task.images(batch) == 2
    parts, (scores, auxiliary) = both(task, batch)
    torch.testing.assert_close(parts["pixels"], pixel_cross_entropy(scores, batch.labels))
    assert auxiliary is not None
    torch.testing.assert_close(parts["auxiliary"], 0.4 * pixel_cross_entropy(auxiliary, batch.labels))
    parts, (scores, auxiliary) = both(
        SegmentationTraining(TINY.override(ohem_threshold=0.6, ohem_min_kept=7, auxiliary_weight=0), data), batch
    )
    assert auxiliary is None
    assert set(parts) == {"pixels"}
    torch.testing.assert_close(parts["pixels"], hard_cross_entropy(scores, batch.labels, 0.6, 7))


@pytest.mark.parametrize("hard", [0.0, 0.6])
def test_losses_are_outside_of_autocast(data: SegmentationData, hard: float, precisions: Precisions) -> None:
    task = SegmentationTraining(TINY.override(ohem_threshold=hard), data)
    assert precisions(task, next(iter(task.batches(0)))) == {(torch.float32, False)}


def both(task: SegmentationTraining, batch: SegmentationBatch) -> tuple[dict[str, torch.Tensor], tuple[torch.Tensor, torch.Tensor | None]]:
    """The losses of a batch and the scores that they are of: both drop the same channels."""
    torch.manual_seed(3)
    parts = task.losses(batch, CPU)
    torch.manual_seed(3)
    return parts, task.model(task.inputs(batch, CPU))


def test_batches_depend_on_the_epoch_alone_and_hold_every_image_once(data: SegmentationData) -> None:
    task, again = SegmentationTraining(TINY, data), SegmentationTraining(TINY, data)
    list(task.batches(0))
    ours = [batch.indices.tolist() for batch in task.batches(3)]
    assert ours == [batch.indices.tolist() for batch in again.batches(3)]
    assert ours != [batch.indices.tolist() for batch in task.batches(4)]
    assert task.steps_per_epoch == len(ours) == 2
    assert len({index for batch in ours for index in batch}) == 4


def test_a_batch_is_named_by_its_files(data: SegmentationData) -> None:
    task = SegmentationTraining(TINY, data)
    batch = next(iter(task.batches(0)))
    assert task.describe(batch).split(", ")[0] == data.train[batch.indices[0]].image.name
    assert "streets, 8 classes, fingerprint" in task.describe_data()
    assert "  test: 1 images, 0 with a mask" in task.describe_data()


def test_evaluation_is_the_pooled_matrix_of_full_size_predictions(data: SegmentationData) -> None:
    task = SegmentationTraining(TINY.override(resolution=0.5), data)
    matrix = np.zeros((8, 8), np.int64)
    for sample in data.val:
        image, labels = read_sample(sample, data.classes)
        matrix += confusion_matrix(labels, task.model.segment([image])[0].labels, 8)
    result = evaluate_model(task.model, data.val, data.classes)
    assert (result.matrix == matrix).all()
    assert result.images == 3
    assert result.matrix.sum() < 3 * 48 * 96  # some are ignored
    figures = task.evaluate()
    assert figures == {"mIoU": result.mIoU, "pixel_accuracy": result.pixel_accuracy, "mean_accuracy": result.mean_accuracy}
    assert task.model.training


def test_several_processes_predict_a_part_each_and_all_have_the_result(data: SegmentationData, in_processes: InProcesses) -> None:
    task = SegmentationTraining(TINY, data)
    asked: list[tuple[int, int]] = []

    def measure() -> tuple[list[list[int]], int, tuple[int, int]]:
        result = evaluate_model(task.model, data.val, data.classes, progress=lambda *done: asked.append(done))
        return result.matrix.tolist(), result.images, asked[-1]

    matrix, images, _ = measure()
    assert in_processes(2, measure) == [(matrix, images, (2, 2)), (matrix, images, (1, 1))]


@pytest.mark.slow
def test_evaluation_says_how_it_was_done(data: SegmentationData) -> None:
    exact = SegmentationTraining(TINY.override(fit="exact"), data)
    assert evaluate_model(exact.model, data.val, data.classes).method == "single scale, windows of 32x48"
    told: list[tuple[int, int]] = []
    many = Inference((32, 32), scales=(0.5, 1.0), flip=True)
    result = evaluate_model(
        SegmentationTraining(TINY, data).model, data.val, data.classes, inference=many, progress=lambda *done: told.append(done)
    )
    assert result.method == "scales 0.5, 1, windows of 32x32, flip"
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert SegmentationTraining(TINY.override(eval_windows=True), data).inference.window == (32, 48)


def test_other_classes_than_the_models_are_refused(data: SegmentationData, root: Path) -> None:
    other = read_cityscapes(root)
    with pytest.raises(ValueError, match=r"the model has 8 classes \(road, sidewalk, building, pole, ...\), the data have 19"):
        evaluate_model(SegmentationTraining(TINY, data).model, other.val, other.classes)


def test_a_class_table_with_other_values_colours_and_ignored_ones_is_decoded_by_itself(data: SegmentationData, tmp_path: Path) -> None:
    model = SegmentationTraining(TINY, data).model
    expected = evaluate_model(model, data.val, data.classes)
    moved = {100 + index: index for index in range(len(data.classes))} | {7: IGNORED}
    other = Classes(data.classes.names, spread_colours(len(data.classes)), moved)
    samples = []
    for number, sample in enumerate(data.val):
        _, labels = read_sample(sample, data.classes)
        Image.fromarray(np.where(labels == IGNORED, 7, 100 + labels).astype(np.uint8)).save(tmp_path / f"{number}.png")
        samples.append(Sample(sample.image, tmp_path / f"{number}.png"))
    found = evaluate_model(model, samples, other)
    assert found.matrix.tolist() == expected.matrix.tolist()
    turned = replace(other, names=other.names[::-1])
    with pytest.raises(
        InputError, match=r"the data have the model's 8 classes in another order \(car, person, .*, the model road, sidewalk"
    ):
        evaluate_model(model, samples, turned)
    renamed = replace(other, names=(*other.names[:-1], "boat"))
    with pytest.raises(InputError, match=rf"the data lack {other.names[-1]} and have besides boat: evaluate it on the classes"):
        evaluate_model(model, samples, renamed)


@pytest.mark.slow
def test_val_chooses_and_test_is_measured_once_at_the_end(data: SegmentationData, tmp_path: Path) -> None:
    both = replace(data, test=data.train[:2])
    task = SegmentationTraining(TINY.override(epochs=2, evaluate_every=1), both)
    assert "val chooses the best model; test is measured once, at the end, with the best model" in task.describe_data()
    with RunLog(tmp_path) as log:
        outcome = fit(task, task.optimizer(), task.schedule(), tmp_path, log, task.recipe, device=CPU)
    best = rga.load(tmp_path / "best")
    assert outcome.test == best.metrics["test"] != {}
    assert outcome.test["mIoU"] == pytest.approx(evaluate_model(best, both.test, both.classes).mIoU)
    assert best.metrics["mIoU"] == outcome.best == pytest.approx(evaluate_model(best, both.val, both.classes).mIoU)
    assert "test" not in rga.load(tmp_path / "last").metrics
    events = [json.loads(line)["kind"] for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert (events.count("evaluate"), events.count("test"), events[-1]) == (2, 1, "test")
    last = rga.load(tmp_path / "last").state_dict()
    assert all(torch.equal(value, last[name]) for name, value in task.model.state_dict().items())


def test_where_there_is_no_val_test_chooses_and_it_is_said(data: SegmentationData, tmp_path: Path) -> None:
    task = SegmentationTraining(TINY, replace(data, val=(), test=data.val))
    assert "test chooses the best model, as there is no val: the figure of the best model on test is too good" in task.describe_data()
    assert (task.tested, task.test()) == (data.val, {})
    Image.fromarray(np.zeros((48, 96), np.uint8)).save(tmp_path / "blank.png")
    blank = tuple(Sample(sample.image, tmp_path / "blank.png") for sample in data.val)
    with pytest.raises(DataError, match="every pixel of all masks of test is ignored"):
        SegmentationTraining(TINY, replace(data, val=(), test=blank))


def test_without_a_split_to_choose_by_there_is_nothing_to_evaluate(data: SegmentationData) -> None:
    untested = SegmentationTraining(TINY, replace(data, val=()))
    assert untested.evaluate() == {}
    assert "val is empty: the training is not evaluated, and there is no best model" in untested.describe_data()
    assert "empty" not in SegmentationTraining(TINY, data).describe_data()
    by_test = SegmentationTraining(TINY.override(eval_split="test"), replace(data, test=data.val)).describe_data()
    assert "test chooses the best model, so its figure there is too good\n" in f"{by_test}\n"
    with pytest.raises(ValueError, match="the masks of test of dataset 'streets' are not there"):
        SegmentationTraining(TINY.override(eval_split="test"), data)


def test_data_without_a_training_split_or_with_too_few_images_are_named(data: SegmentationData) -> None:
    with pytest.raises(ValueError, match="has no training split"):
        SegmentationTraining(TINY, replace(data, train=()))
    with pytest.raises(ValueError, match=r"a batch of 6 .*cannot be drawn from 5"):
        SegmentationTraining(TINY.override(batch_size=6), data)


def test_parts_of_a_batch_share_the_hard_pixels_and_one_crop_is_too_few_for_aspp(data: SegmentationData) -> None:
    task = SegmentationTraining(TINY.override(ohem_threshold=1e-9, ohem_min_kept=9, gradient_accumulation=2, auxiliary_weight=0), data)
    part = next(iter(task.batches(0)))
    assert task.images(part) == 1
    parts, (scores, _) = both(task, part)
    torch.testing.assert_close(parts["pixels"], hard_cross_entropy(scores, part.labels, 1e-9, 5))
    with pytest.raises(ValueError, match=r"comes as one image at a time, and the batch normalisation head\.\S+ has one value a channel"):
        SegmentationTraining(TINY.override(head="aspp", gradient_accumulation=2), data)


@pytest.mark.parametrize("num_workers", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_what_cannot_be_tested_on_is_one_line_wherever_it_was_read(tmp_path: Path, num_workers: int) -> None:
    root = make_streets(tmp_path / "streets", StreetOptions(train=2, val=1, test=0, height=48, width=96))
    data = read_generated(root)
    task = SegmentationTraining(TINY.override(num_workers=num_workers), data)
    mask = data.val[0].mask
    assert mask is not None
    Image.fromarray(np.full((48, 96), 99, np.uint8)).save(mask)
    with pytest.raises(DataError, match=f"^mask {mask}.*99") as caught:
        task.evaluate()
    assert "Traceback" not in str(caught.value)
    shutil.copy(mask, data.train[0].mask or "")
    with pytest.raises(DataError, match=r"^mask .*99"):
        list(task.batches(0))


def test_a_mask_that_does_not_fit_stops_with_its_name(tmp_path: Path) -> None:
    root = make_streets(tmp_path / "streets", StreetOptions(train=2, val=0, test=0, height=48, width=96))
    data = read_generated(root)
    mask = data.train[0].mask
    assert mask is not None
    mask.write_bytes(mask.read_bytes()[:100])
    with pytest.raises(ValueError, match=f"mask {mask} cannot be read"):
        list(SegmentationTraining(TINY, data).batches(0))
    other = data.train[1].mask
    assert other is not None
    mask.write_bytes(other.read_bytes())
    data.train[0].image.write_bytes(data.train[0].image.read_bytes()[:200])
    with pytest.raises(ValueError, match="cannot be read as an image"):
        list(SegmentationTraining(TINY, data).batches(0))
    assert DataError.__bases__ == (InputError,)


def test_the_same_seed_gives_the_same_weights(data: SegmentationData) -> None:
    first, second, other = (SegmentationTraining(TINY.override(seed=seed), data).model.state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert not torch.equal(first["head.0.weight"], other["head.0.weight"])


def test_the_optimiser_and_schedule_are_the_fields(data: SegmentationData) -> None:
    task = SegmentationTraining(TINY.override(backbone_lr_scale=0.1), data)
    optimizer = task.optimizer()
    assert isinstance(optimizer, torch.optim.SGD)
    backbone, others = optimizer.param_groups
    assert (backbone["scale"], others["scale"], backbone["momentum"]) == (0.1, 1.0, 0.9)
    assert len(backbone["params"]) + len(others["params"]) == len(list(task.model.parameters()))
    assert task.schedule()(0) == pytest.approx(0.01)
    assert task.schedule()(0.5) == pytest.approx(0.01 * 0.5**0.9)


def test_the_attention_has_its_own_learning_rate_and_weight_decay(data: SegmentationData) -> None:
    task = SegmentationTraining(TINY.override(attention_lr_scale=3.0, attention_weight_decay=0.25), data)
    *_, own = groups = task.optimizer().param_groups
    assert [(group["scale"], group["weight_decay"]) for group in groups] == [(1.0, 1e-4), (1.0, 1e-4), (3.0, 0.25)]
    assert {id(p) for p in own["params"]} == {id(p) for each in rga.attached(task.model.backbone).values() for p in each.parameters()}
    assert sum(len(group["params"]) for group in groups) == len(list(task.model.parameters()))


def test_what_is_saved_is_the_model(data: SegmentationData, tmp_path: Path) -> None:
    task = SegmentationTraining(TINY.override(channels_last=True), data)
    task.save_model(tmp_path / "saved", {"mIoU": 0.5})
    back = SegmentationModel.from_pretrained(tmp_path / "saved")
    assert back.metrics == {"data": "streets", "fingerprint": data.fingerprint, "mIoU": 0.5}
    assert back.trained_on == {
        "name": "streets",
        "fingerprint": data.fingerprint,
        "data": "streets",
        "weights": "none: random from the start",
    }
    assert back.classes == data.classes
    for name, value in back.state_dict().items():
        torch.testing.assert_close(value, task.model.state_dict()[name], rtol=0, atol=0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"crop_size": (0, 48)}, "crop_size must be at least 1 by 1, got 0 48"),
        ({"random_flip": 1.5}, "random_flip must lie between 0 and 1"),
        ({"ohem_threshold": -0.1}, "ohem_threshold must lie between 0 and 1"),
        ({"scale": (3.0, 2.0)}, r"scale must be two positive numbers, the smaller first, got 3.0 2.0"),
        ({"resolution": 0.0}, "resolution must be above 0"),
        ({"auxiliary_weight": -1.0}, "auxiliary_weight must be at least 0"),
        ({"attention": "se", "reduction": 4}, "reduction: options of RGA only, and attention is 'se'"),
    ],
)
def test_bad_recipes_are_named(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TINY.override(**wrong)


@pytest.mark.parametrize(
    "row",
    [
        {"attention": "none"}, {"attention": "rga-s"}, {"attention": "rga-c"}, {"attention": "rga-sc", "fit": "exact"},
        {"attention": "rga-sc", "relation": False}, {"attention": "fc-s"}, {"attention": "cbam-cs"}, {"attention": "non-local"},
        {"attention": "dual"}, {"head": "psp"}, {"head": "object-context", "attention": "none"}, {"head": "dual", "after": ("layer4",)},
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.slow
def test_compared_methods_are_one_override_away(data: SegmentationData, row: dict[str, object]) -> None:
    task = SegmentationTraining(TINY.override(**row), data)
    loss = sum(task.losses(next(iter(task.batches(0))), CPU).values())
    assert isinstance(loss, torch.Tensor)
    loss.backward()
    assert (loss.dtype, bool(loss.isfinite())) == (torch.float32, True)


@pytest.mark.parametrize("fit", ["exact", "pool"])
def test_crops_that_are_no_multiple_of_the_stride(data: SegmentationData, fit: Fit) -> None:
    task = SegmentationTraining(TINY.override(crop_size=(29, 41), fit=fit), data)
    batch = next(iter(task.batches(0)))
    parts, scores = both(task, batch)
    padded = torch.nn.functional.pad(task.inputs(batch, CPU), (0, 7, 0, 3))
    torch.manual_seed(3)
    for part, found, whole, weight in zip(parts.values(), scores, task.model(padded), (1, 0.4), strict=True):
        assert found is not None
        torch.testing.assert_close(found, whole)
        on_all = torch.nn.functional.interpolate(whole, scale_factor=8, mode="bilinear")[..., :29, :41]
        torch.testing.assert_close(part, weight * pixel_cross_entropy(on_all, batch.labels))
    assert set(task.evaluate()) == {"mIoU", "pixel_accuracy", "mean_accuracy"}


def test_a_recipe_finds_its_data(root: Path) -> None:
    recipe = TINY.override(data=DataSpec("streets", root))
    training = TASK.build(recipe, TASK.read(recipe))
    assert training.data.name == "streets"
    labels = next(iter(training.batches(0))).labels
    assert set(labels.unique().tolist()) <= {*range(8), IGNORED}
