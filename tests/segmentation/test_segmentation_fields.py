"""Fields of a segmentation recipe: what each does to crops, losses and evaluation. Those of the model are in test_model_fields."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from rga.datasets.spec import DataSpec
from rga.errors import InputError
from rga.segmentation.datasets.check import check_data
from rga.segmentation.datasets.classes import IGNORED, Classes
from rga.segmentation.datasets.samples import Sample, SegmentationData
from rga.segmentation.losses import dice, hard_cross_entropy, lovasz_softmax, pixel_cross_entropy
from rga.segmentation.recipe import SegmentationRecipe
from rga.segmentation.task import read
from rga.segmentation.training import SegmentationTraining
from rga.synthetic.streets.streets import StreetOptions, make_streets

CPU = torch.device("cpu")
CLASSES = Classes(("a", "b", "c"), ((0, 0, 0),) * 3, {0: 0, 1: 1, 2: 2})
TINY = SegmentationRecipe().override(
    backbone="test_resnet",
    attention="none",
    weights="none",
    crop_size=(16, 24),
    scale=(1.0, 1.0),
    random_flip=0.0,
    color_jitter=0.0,
    batch_size=2,
    num_workers=0,
)


@pytest.fixture
def data(tmp_path: Path) -> SegmentationData:
    """Noise in images of 16x24; five to train on, two to choose by, one more with a mask."""
    generator = np.random.default_rng(0)
    samples = []
    for number in range(8):
        image, mask = tmp_path / f"{number}.png", tmp_path / f"{number}_mask.png"
        Image.fromarray(generator.integers(0, 256, (16, 24, 3), dtype=np.uint8)).save(image)
        Image.fromarray(generator.integers(0, 3, (16, 24), dtype=np.uint8)).save(mask)
        samples.append(Sample(image, mask))
    return SegmentationData("noise", CLASSES, tuple(samples[:5]), tuple(samples[5:7]), tuple(samples[7:]), tmp_path)


def first(data: SegmentationData, **fields: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The first batch, and its images and masks as they are in the files."""
    batch = next(iter(SegmentationTraining(TINY.override(**fields), data).batches(0)))
    samples = [data.train[index] for index in batch.indices]
    images = torch.stack([torch.from_numpy(np.array(Image.open(each.image))).permute(2, 0, 1) for each in samples])
    masks = torch.stack([torch.from_numpy(np.array(Image.open(each.mask or ""))).long() for each in samples])
    return batch.images, batch.labels, images, masks


def test_without_augmentation_batches_hold_the_files(data: SegmentationData) -> None:
    images, labels, files, masks = first(data)
    assert torch.equal(images, files)
    assert torch.equal(labels, masks)


def test_flips_are_those_of_their_field(data: SegmentationData) -> None:
    images, labels, files, masks = first(data, random_flip=1.0)
    assert torch.equal(images, files.flip(-1))
    assert torch.equal(labels, masks.flip(-1))


def test_colours_change_as_much_as_the_field_says_and_masks_do_not(data: SegmentationData) -> None:
    shift = {}
    for strength in (0.05, 0.8):
        images, labels, files, masks = first(data, color_jitter=strength)
        assert torch.equal(labels, masks)
        shift[strength] = (images.float() - files.float()).abs().mean().item()
    assert 0 < shift[0.05] < 12 < shift[0.8]


def test_scale_resolution_and_crop_are_those_of_the_fields(data: SegmentationData) -> None:
    for fields, (height, width) in (
        ({"scale": (0.5, 0.5)}, (8, 12)),
        ({"resolution": 0.5}, (8, 12)),
        ({"scale": (0.5, 0.5), "resolution": 0.5}, (4, 6)),
        ({"scale": (2.0, 2.0)}, (16, 24)),
        ({"crop_size": (8, 32)}, (8, 24)),
    ):
        images, labels, _, _ = first(data, **fields)
        size = fields.get("crop_size", (16, 24))
        assert (images.shape[2:], labels.shape[1:]) == (size, size)
        counted = labels[0] != IGNORED
        assert (int(counted.any(1).sum()), int(counted.any(0).sum())) == (height, width)
    heights = {int((mask != IGNORED).any(1).sum()) for seed in range(4) for mask in first(data, scale=(0.25, 0.75), seed=seed)[1]}
    assert len(heights) > 3
    assert min(heights) >= 4
    assert max(heights) <= 12


def test_batches_are_as_large_as_the_field_says_and_follow_the_seed(data: SegmentationData) -> None:
    for size in (2, 5):
        task = SegmentationTraining(TINY.override(batch_size=size), data)
        assert [len(batch.indices) for batch in task.batches(0)] == [size] * (5 // size)
    orders = [[batch.indices.tolist() for batch in SegmentationTraining(TINY.override(seed=seed), data).batches(0)] for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]


def test_losses_are_those_of_the_fields(data: SegmentationData) -> None:
    task = SegmentationTraining(TINY.override(auxiliary_weight=0.7), data)
    batch = next(iter(task.batches(0)))
    torch.manual_seed(1)
    parts = task.losses(batch, CPU)
    torch.manual_seed(1)
    scores, auxiliary = task.model(task.inputs(batch, CPU))
    assert auxiliary is not None
    torch.testing.assert_close(parts["pixels"], pixel_cross_entropy(scores, batch.labels))
    torch.testing.assert_close(parts["auxiliary"], 0.7 * pixel_cross_entropy(auxiliary, batch.labels))
    for threshold, kept in ((0.3, 100), (0.9, 100), (1e-9, 100), (1e-9, 30)):
        hard = SegmentationTraining(TINY.override(ohem_threshold=threshold, ohem_min_kept=kept), data)
        torch.testing.assert_close(hard.loss(scores, batch.labels), hard_cross_entropy(scores, batch.labels, threshold, kept))
    few, many = (
        SegmentationTraining(TINY.override(ohem_threshold=1e-9, ohem_min_kept=kept), data).loss(scores, batch.labels) for kept in (30, 100)
    )
    assert few > many > parts["pixels"]
    weights = (1.0, 0.0, 4.0)
    fields = {"pixel_weight": 0.5, "class_weights": weights, "focal_gamma": 2.0, "dice_weight": 3.0, "lovasz_weight": 0.25}
    task = SegmentationTraining(TINY.override(auxiliary_weight=0.7, **fields), data)
    parts = task.parts(scores, batch.labels)
    focal = pixel_cross_entropy(scores, batch.labels, torch.tensor(weights), 2.0)
    expected = {"pixels": 0.5 * focal, "dice": 3 * dice(scores, batch.labels), "lovasz": 0.25 * lovasz_softmax(scores, batch.labels)}
    assert parts.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(parts[name], value)
    torch.manual_seed(1)
    whole = task.losses(batch, CPU)
    torch.manual_seed(1)
    _, auxiliary = task.model(task.inputs(batch, CPU))
    torch.testing.assert_close(whole["auxiliary"], 0.7 * sum(task.parts(auxiliary, batch.labels).values()))
    hardest = SegmentationTraining(TINY.override(ohem_threshold=0.3, class_weights=weights), data).loss(scores, batch.labels)
    torch.testing.assert_close(hardest, hard_cross_entropy(scores, batch.labels, 0.3, class_weights=torch.tensor(weights)))
    assert SegmentationTraining(TINY.override(pixel_weight=0.0, dice_weight=1.0), data).parts(scores, batch.labels).keys() == {"dice"}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"class_weights": (1.0, 2.0)}, r"class_weights needs a number for each of the 3 classes \(a, b, c\), got 2"),
        ({"class_weights": (0.0, 0.0)}, "class_weights must be at least 0, and not all 0, got 0.0 0.0"),
        ({"pixel_weight": 0.0}, "pixel_weight, dice_weight and lovasz_weight must not all be 0"),
        ({"focal_gamma": 2.0, "ohem_threshold": 0.7}, "focal_gamma and ohem_threshold exclude each other"),
    ],
)
def test_losses_that_mean_nothing_are_refused(data: SegmentationData, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        SegmentationTraining(TINY.override(**fields), data)


def test_the_evaluation_goes_by_its_fields(data: SegmentationData, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    def spy(_model: Any, samples: Any, _classes: Any, **more: Any) -> Any:
        asked.append({"samples": samples, **more})
        return type("Result", (), {"mIoU": 0.1, "pixel_accuracy": 0.2, "mean_accuracy": 0.3})

    monkeypatch.setattr("rga.segmentation.training.evaluate_model", spy)
    for split, samples in (("val", data.val), ("test", data.test), ("train", data.train)):
        figures = SegmentationTraining(TINY.override(eval_split=split, num_workers=1), data).evaluate()
        assert figures == {"mIoU": 0.1, "pixel_accuracy": 0.2, "mean_accuracy": 0.3}
        assert asked[-1]["samples"] == samples
        assert asked[-1]["num_workers"] == 1
        assert asked[-1]["inference"].window is None
    SegmentationTraining(TINY.override(eval_windows=True), data).evaluate()
    assert asked[-1]["inference"].window == (16, 24)


def test_one_position_for_each_crop_is_enough_for_aspp_from_two_crops_on(data: SegmentationData) -> None:
    assert SegmentationTraining(TINY.override(head="aspp", batch_size=2), data).steps_per_epoch == 2
    assert SegmentationTraining(TINY.override(head="fcn", batch_size=1), data).steps_per_epoch == 5
    alone = r" comes as one image at a time, and the batch normalisation head\.\S+ has one value a channel there"
    with pytest.raises(ValueError, match=r"^a batch of 1" + alone):
        SegmentationTraining(TINY.override(head="aspp", batch_size=1), data)
    with pytest.raises(ValueError, match=r"^a batch of 4 in 4 parts \(gradient_accumulation\)" + alone):
        SegmentationTraining(TINY.override(head="aspp", batch_size=4, gradient_accumulation=4), data)


def test_the_data_are_those_of_the_field(tmp_path: Path) -> None:
    root = make_streets(tmp_path / "streets", StreetOptions(train=2, val=1, test=0, height=32, width=64))
    found = read(TINY.override(data=DataSpec("streets", root)))
    assert (found.name, len(found.train), len(found.val)) == ("streets", 2, 1)


def test_what_a_training_says_of_itself(data: SegmentationData) -> None:
    task = SegmentationTraining(TINY, data)
    assert task.describe_data().splitlines() == [
        f"noise, 3 classes, fingerprint {data.fingerprint}",
        "  train: 5 images",
        "  val: 2 images",
        "  test: 1 images",
        "  val chooses the best model; test is measured once, at the end, with the best model",
    ]
    batch = next(iter(task.batches(0)))
    assert task.describe(batch) == ", ".join(data.train[index].image.name for index in batch.indices)
    assert (task.images(batch), task.watched) == (2, "mIoU")


def test_images_that_are_the_same_are_listed_by_name(data: SegmentationData) -> None:
    for number in (3, 6):
        data.root.joinpath(f"{number}.png").write_bytes(data.root.joinpath("0.png").read_bytes())
    turned = replace(data, train=data.train[::-1], val=data.val[::-1])
    for each in (data, turned):
        assert check_data(each).leaks == (("0.png", "3.png", "6.png"),)
