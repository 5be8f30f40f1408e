"""Fields of a classification recipe: what each does to batches, the loss, evaluation and data. Those of the model: test_model_fields."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from rga.classification.datasets.samples import ClassificationData, LabeledImages
from rga.classification.image_sources import PixelImages
from rga.classification.recipe import ClassificationRecipe
from rga.classification.task import read
from rga.classification.training import ClassificationTraining
from rga.datasets.spec import DataSpec

CPU = torch.device("cpu")
TINY = ClassificationRecipe().override(
    backbone="test_resnet",
    attention="none",
    image_size=16,
    crop="none",
    random_flip=0.0,
    batch_size=6,
    num_workers=0,
    mean=(0.0, 0.0, 0.0),
    std=(1.0, 1.0, 1.0),
)


def noise(count: int, seed: int) -> LabeledImages:
    """Images of 16x16 bytes from 1 to 255, of three classes in turn."""
    pixels = np.random.default_rng(seed).integers(1, 256, (count, 16, 16, 3)).astype(np.uint8)
    return LabeledImages(PixelImages(pixels, "noise"), np.arange(count) % 3)


@pytest.fixture
def data(tmp_path: Path) -> ClassificationData:
    return ClassificationData("noise", ("a", "b", "c"), noise(20, 0), noise(7, 1), tmp_path)


def first(data: ClassificationData, **fields: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Images and targets of the first batch, and its images and labels as they are in the data."""
    batch = next(iter(ClassificationTraining(TINY.override(**fields), data).batches(0)))
    files = torch.stack([torch.from_numpy(np.array(data.train.images[index])).permute(2, 0, 1) / 255 for index in batch.indices])
    return batch.images, batch.targets, files, torch.from_numpy(data.train.labels[batch.indices.numpy()])


def test_without_augmentation_batches_hold_the_data(data: ClassificationData) -> None:
    images, targets, files, labels = first(data)
    torch.testing.assert_close(images, files)
    assert torch.equal(targets, labels)


def test_flips_are_those_of_their_field(data: ClassificationData) -> None:
    images, _, files, _ = first(data, random_flip=1.0)
    torch.testing.assert_close(images, files.flip(-1))


def test_crops_are_those_of_their_fields(data: ClassificationData) -> None:
    images, _, files, _ = first(data, crop="padded", padding=2)
    for shown, file in zip(images, F.pad(files, (2, 2, 2, 2)), strict=True):
        windows = [file[:, top : top + 16, left : left + 16] for top in range(5) for left in range(5)]
        assert any(torch.allclose(shown, window) for window in windows)
    images, _, files, _ = first(data, crop="padded", padding=0)
    torch.testing.assert_close(images, files)
    rough = {}
    for share in (0.05, 1.0):
        images, _, _, _ = first(data, crop="resized", scale=(share, share))
        rough[share] = (images[..., 1:] - images[..., :-1]).abs().mean().item()
    assert rough[0.05] < rough[1.0] / 2  # a small part of the noise, enlarged, is smooth


def test_erasing_and_colours_are_those_of_their_fields(data: ClassificationData) -> None:
    images, _, files, _ = first(data, random_erasing=1.0)
    erased = images == 0
    assert erased.flatten(1).any(1).all()
    assert torch.allclose(images[~erased], files[~erased])
    shift = {strength: (first(data, color_jitter=strength)[0] - files).abs().mean().item() for strength in (0.05, 0.8)}
    assert 0 < shift[0.05] < 0.05 < shift[0.8]


def test_images_and_labels_are_mixed_as_the_fields_say(data: ClassificationData) -> None:
    _, _, files, labels = first(data)
    names = F.one_hot(labels, 3).float()
    mixed, shares, _, _ = first(data, mixup=5.0)
    of_own = torch.stack([fit_share(image, own, other) for image, own, other in zip(mixed, files, files.roll(1, 0), strict=True)])
    assert ((of_own > 0.01) & (of_own < 0.99)).all()
    torch.testing.assert_close(shares, of_own[:, None] * names + (1 - of_own[:, None]) * names.roll(1, 0))
    mixed, shares, _, _ = first(data, cutmix=5.0)
    of_own = torch.isclose(mixed, files).all(1).float().mean((1, 2))
    assert (torch.isclose(mixed, files) | torch.isclose(mixed, files.roll(1, 0))).all()
    assert ((of_own > 0.01) & (of_own < 0.99)).all()
    torch.testing.assert_close(shares, of_own[:, None] * names + (1 - of_own[:, None]) * names.roll(1, 0), atol=0.02, rtol=0)
    hardly, halves = (first(data, mixup=alpha)[1].max(1).values for alpha in (0.02, 1e4))
    assert (hardly > 0.9).all()
    assert ((halves < 0.55) | (halves > 0.99)).all()  # 1 where the other image is of the same class
    assert (halves < 0.55).any()


def fit_share(image: Tensor, own: Tensor, other: Tensor) -> Tensor:
    """The share of one of two images in a mixture."""
    difference = own - other
    return ((image - other) * difference).sum() / difference.square().sum()


def test_batches_are_as_large_as_the_field_says_and_follow_the_seed(data: ClassificationData) -> None:
    for size in (3, 20):
        task = ClassificationTraining(TINY.override(batch_size=size), data)
        assert [len(batch.indices) for batch in task.batches(0)] == [size] * (20 // size)
    orders = [[batch.indices.tolist() for batch in ClassificationTraining(TINY.override(seed=seed), data).batches(0)] for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]


def test_classes_come_equally_often_if_the_field_says_so(data: ClassificationData) -> None:
    rare = LabeledImages(data.train.images, np.array([0] * 15 + [1] * 4 + [2]))
    for balanced, counts in ((True, [6, 6, 6]), (False, None)):
        task = ClassificationTraining(TINY.override(class_balanced=balanced), replace(data, train=rare))
        batches = list(task.batches(0))
        assert len(batches) == task.steps_per_epoch == 3
        found = torch.cat([batch.targets for batch in batches]).bincount(minlength=3).tolist()
        assert (found == counts) == balanced


def test_parts_of_a_batch_are_mixed_each_by_itself_wherever_an_epoch_begins(data: ClassificationData) -> None:
    task = ClassificationTraining(TINY.override(mixup=1.0, gradient_accumulation=2), data)
    parts = list(task.batches(0))
    assert [len(part.indices) for part in parts] == [3] * 6
    later = list(task.batches(0, start=1))
    assert len(later) == 4
    for expected, found in zip(parts[2:], later, strict=True):
        assert torch.equal(found.images, expected.images)
        assert torch.equal(found.targets, expected.targets)
    shares = [part.targets.max(1).values for part in parts]
    assert len({float(each.min()) for each in shares}) > 1


def test_labels_are_smoothed_as_the_field_says(data: ClassificationData) -> None:
    for smoothing in (0.0, 0.3):
        task = ClassificationTraining(TINY.override(label_smoothing=smoothing), data)
        task.model.eval()
        batch = next(iter(task.batches(0)))
        logs = F.log_softmax(task.model(batch.images), 1)
        expected = -((1 - smoothing) * logs[torch.arange(6), batch.targets] + smoothing * logs.mean(1)).mean()
        torch.testing.assert_close(task.losses(batch, CPU)["cross_entropy"], expected)


def test_the_evaluation_goes_by_its_fields(data: ClassificationData, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    def spy(_model: Any, of: Any, options: Any, **more: Any) -> Any:
        asked.append({"data": of, "split": options.split, **more})
        return type("Result", (), {"top1": 0.1, "top5": 0.2, "calibration_error": 0.3, "cross_entropy": 0.4})

    monkeypatch.setattr("rga.classification.training.evaluate_model", spy)
    recipe = TINY.override(eval_batch_size=5, num_workers=1)
    plain = ClassificationTraining(recipe, data)
    chosen = ClassificationTraining(recipe, replace(data, val=noise(4, 2)))
    found = {"top1": 0.1, "top5": 0.2, "calibration_error": 0.3}
    assert plain.evaluate() == {**found, "test_cross_entropy": 0.4}
    assert plain.test() == {}
    assert chosen.evaluate() == {**found, "val_cross_entropy": 0.4}
    assert chosen.test() == {**found, "test_cross_entropy": 0.4}
    assert asked == [
        {"data": task.data, "split": split, "batch_size": 5, "num_workers": 1}
        for task, split in ((plain, "test"), (chosen, "val"), (chosen, "test"))
    ]


def test_data_are_read_and_held_out_as_the_fields_say(tmp_path: Path) -> None:
    for number in range(32):
        path = tmp_path / ("cat" if number % 2 else "dog") / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.full((4, 4, 3), number, np.uint8)).save(path)
    recipe = TINY.override(data=DataSpec("folder", tmp_path))
    whole = read(recipe)
    assert whole.classes == ("cat", "dog")
    held = [read(recipe.override(hold_out=0.25, seed=seed)) for seed in (0, 0, 1, 2)]
    names = [names_of(each.test) for each in held]
    for each, tested in zip(held, names, strict=True):
        assert set(names_of(each.train)) == set(names_of(whole.train)) - set(tested)
        assert set(tested) < set(names_of(whole.train))
        assert all(each.counts[split].all() for split in ("train", "test"))
    assert names[0] == names[1]
    assert len(set(names)) == 3
    shares = [len(read(recipe.override(hold_out=0.25, seed=seed)).test) / len(whole.train) for seed in range(12)]
    assert sum(shares) / len(shares) == pytest.approx(0.25, abs=0.05)  # by a hash: each about the share, their mean nearer
    assert set(names[0]) < set(names_of(read(recipe.override(hold_out=0.75, seed=0)).test))


def names_of(images: LabeledImages) -> tuple[str, ...]:
    return tuple(images.images.name(number) for number in range(len(images)))


def test_what_a_training_says_of_itself(data: ClassificationData) -> None:
    task = ClassificationTraining(TINY, data)
    assert task.describe_data().splitlines() == [
        f"noise, fingerprint {data.fingerprint}",
        "  train: 20 images of 3 classes",
        "  val: 0 images of 3 classes",
        "  test: 7 images of 3 classes",
        "  test chooses the best model, as there is no val: the figure of the best model on test is too good, as test chose it",
    ]
    chosen = ClassificationTraining(TINY, replace(data, val=noise(4, 2)))
    assert chosen.describe_data().splitlines()[2:] == [
        "  val: 4 images of 3 classes",
        "  test: 7 images of 3 classes",
        "  val chooses the best model; test is measured once, at the end, with the best model",
    ]
    batch = next(iter(task.batches(0)))
    assert task.describe(batch) == ", ".join(data.train.images.name(index) for index in batch.indices.tolist())
    assert (task.images(batch), task.watched) == (6, "top1")
