"""Fields of a detection recipe: what each does to the model, to batches and to the evaluation."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from torch.nn.modules.batchnorm import _BatchNorm

from rga.attachment import attached
from rga.datasets.spec import DataSpec
from rga.detection.datasets.samples import DetectionData
from rga.detection.datasets.targets import read_checked, read_target
from rga.detection.recipe import DetectionRecipe
from rga.detection.task import read
from rga.detection.training import DetectionBatch, DetectionTraining
from rga.errors import InputError
from rga.training.distributed.norms import GatheredBatchNorm, synchronise_norms

pytest.importorskip("pycocotools")

TINY = DetectionRecipe().override(
    backbone="test_resnet",
    attention="none",
    weights="none",
    image_size=(64, 128),
    anchor_sizes=(8, 16, 32, 64, 128),
    pyramid_channels=8,
    head_width=8,
    rois_per_image=16,
    frozen_stages=0,
    frozen_norms=False,
    batch_size=2,
    random_flip=0.0,
    num_workers=0,
)


@pytest.fixture(scope="module")
def data(scenes: Path) -> DetectionData:
    return read(TINY.override(data=DataSpec("coco", scenes)))


def first(data: DetectionData, **fields: Any) -> DetectionBatch:
    return next(iter(DetectionTraining(TINY.override(**fields), data).batches(0)))


def test_the_data_are_those_of_the_field(data: DetectionData) -> None:
    assert (data.name, [len(each) for each in (data.train, data.val, data.test)]) == ("scenes", [4, 2, 1])


def test_without_augmentation_batches_hold_the_files(data: DetectionData) -> None:
    batch = first(data)
    for index, image, boxes, labels, masks in zip(batch.indices.tolist(), *batch[:4], strict=True):
        target = read_target(data.train[index])
        np.testing.assert_array_equal(image.permute(1, 2, 0).numpy(), np.asarray(read_checked(data.train[index])))
        np.testing.assert_allclose(boxes.numpy(), target.boxes)
        np.testing.assert_array_equal(labels.numpy(), target.labels)
        np.testing.assert_array_equal(masks.numpy(), target.masks)


def test_flips_and_colours_are_those_of_their_fields(data: DetectionData) -> None:
    plain, flipped, coloured = (first(data, **fields) for fields in ({}, {"random_flip": 1.0}, {"color_jitter": 0.8}))
    for index in range(2):
        assert torch.equal(flipped.images[index], plain.images[index].flip(-1))
        assert torch.equal(flipped.masks[index], plain.masks[index].flip(-1))
        expected = plain.boxes[index].clone()
        expected[:, [0, 2]] = 128 - expected[:, [2, 0]]
        torch.testing.assert_close(flipped.boxes[index], expected)
        assert torch.equal(coloured.masks[index], plain.masks[index])
        assert not torch.equal(coloured.images[index], plain.images[index])


def test_sizes_are_those_of_image_size_and_scale(data: DetectionData) -> None:
    for fields, size in (({"image_size": (32, 128)}, (32, 64)), ({"image_size": (64, 96)}, (48, 96)), ({"scale": (0.5, 0.5)}, (32, 64))):
        batch = first(data, **fields)
        assert batch.images[0].shape[1:] == batch.masks[0].shape[1:] == size
        target = read_target(data.train[int(batch.indices[0])])
        np.testing.assert_allclose(batch.boxes[0].numpy(), target.boxes * size[1] / 128, atol=1e-4)
    heights = {image.shape[1] for seed in range(4) for image in first(data, scale=(0.5, 1.0), seed=seed).images}
    assert len(heights) > 3
    assert DetectionTraining(TINY.override(image_size=(96, 160)), data).model.preprocessing.size == (96, 160)
    exact = TINY.override(attention="rga-c", fit="exact", image_size=(64, 96))
    training = DetectionTraining(exact, data)
    assert training.model.batched(first(data, attention="rga-c", fit="exact", image_size=(64, 96)).images)[0].shape[2:] == (64, 96)
    with pytest.raises(InputError, match=r"images of fit exact have one size: scale must end at 1, got 1\.2"):
        exact.override(scale=(0.8, 1.2))


def test_batches_are_as_large_as_the_field_says_and_follow_the_seed(data: DetectionData) -> None:
    for size in (2, 4):
        assert [len(batch.indices) for batch in DetectionTraining(TINY.override(batch_size=size), data).batches(0)] == [size] * (4 // size)
    orders = [[batch.indices.tolist() for batch in DetectionTraining(TINY.override(seed=seed), data).batches(0)] for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]


def test_images_without_objects_and_of_other_aspects_are_as_the_fields_say(data: DetectionData, scenes: Path) -> None:
    empty = replace(data.train[0], objects=())
    some = DetectionData("some", data.classes, (*data.train, empty), data.val, (), scenes)
    for fields, images in (({"empty_images": False}, 4), ({"empty_images": True}, 5)):
        assert len(DetectionTraining(TINY.override(**fields), some).samples) == images
    bare = DetectionData("bare", data.classes, (empty,) * 4, data.val, (), scenes)
    with pytest.raises(InputError, match="nothing can be learnt from the 0 objects in train: there is none"):
        DetectionTraining(TINY, bare)
    tall = tuple(replace(each, size=(128, 64), objects=(replace(each.told[0], box=(1.0, 1.0, 5.0, 5.0)),)) for each in data.train[:2])
    mixed = DetectionData("mixed", data.classes, (*data.train[2:], *tall), data.val, (), scenes)
    for group_aspects in (True, False):
        plan = DetectionTraining(TINY.override(group_aspects=group_aspects), mixed).loader.plan
        alike = [len({index < 2 for index in batch}) == 1 for epoch in range(8) for batch in plan.batches(epoch)]
        assert all(alike) is group_aspects


def test_the_network_has_the_parts_of_the_fields(data: DetectionData) -> None:
    model = DetectionTraining(
        TINY.override(pyramid_channels=16, head_width=24, rois_per_image=20, anchor_sizes=(4, 9, 16, 25, 36)), data
    ).model
    shapes = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    assert shapes["pyramid.layer_blocks.0.0.weight"] == (16, 16, 3, 3)
    assert shapes["roi_heads.box_head.fc7.weight"] == (24, 24)
    assert shapes["roi_heads.mask_head.0.0.weight"][:2] == (16, 16)
    assert shapes["roi_heads.box_predictor.cls_score.weight"] == (4, 24)  # three categories and the background
    assert model.rpn.anchor_generator.sizes == ((4,), (9,), (16,), (25,), (36,))
    assert model.roi_heads.fg_bg_sampler.batch_size_per_image == 20


def test_frozen_parts_stay_as_they_are(data: DetectionData, tmp_path: Path) -> None:
    torch.save(timm.create_model("test_resnet").state_dict(), tmp_path / "weights.pth")
    fixed = {"weights": str(tmp_path / "weights.pth"), "attention": "rga-c", "largest_grid": 4}
    for fields, learning, still in (
        ({"frozen_stages": 0, "frozen_norms": False}, {"conv1", "bn1", "layer1"}, set()),
        ({"frozen_stages": 1, "frozen_norms": False}, {"layer1", "layer2"}, {"conv1", "bn1"}),
        ({"frozen_stages": 2, "frozen_norms": True}, {"layer2", "layer3"}, {"conv1", "bn1", "layer1"}),
    ):
        training = DetectionTraining(TINY.override(**fixed, **fields), data)
        model = training.model
        model.train()
        training.begin_epoch(0)
        learns = {name.split(".")[0] for name, each in model.backbone.named_parameters() if each.requires_grad and "attention" not in name}
        assert (learns & (learning | still)) == learning
        attention = list(attached(model.backbone).values())
        assert all(parameter.requires_grad for each in attention for parameter in each.parameters())
        norms = {name: each for name, each in model.backbone.named_modules() if isinstance(each, torch.nn.BatchNorm2d)}
        own = {each.training for name, each in norms.items() if "attention" not in name}
        assert own == ({False} if fields["frozen_norms"] else {True, False} if fields["frozen_stages"] else {True})
        assert all(each.training for module in attention for each in module.modules())
    with pytest.raises(InputError, match="weights none starts from random numbers, which must not be frozen: add --frozen-stages 0"):
        TINY.override(frozen_norms=True)


@pytest.mark.parametrize("fields", [{"frozen_stages": 2, "frozen_norms": False}, {"frozen_stages": 0, "frozen_norms": True}])
def test_frozen_norms_stay_so_where_they_are_synchronised(fields: dict[str, Any], data: DetectionData, tmp_path: Path) -> None:
    """Other modules take the place of those that the training was built with."""
    torch.save(timm.create_model("test_resnet").state_dict(), tmp_path / "weights.pth")
    training = DetectionTraining(TINY.override(weights=str(tmp_path / "weights.pth"), attention="rga-c", largest_grid=4, **fields), data)

    def learning_norms() -> dict[str, bool]:
        training.model.train()
        training.begin_epoch(0)
        return {name: each.training for name, each in training.model.backbone.named_modules() if isinstance(each, _BatchNorm)}

    before = learning_norms()
    assert set(before.values()) == {True, False}
    synchronise_norms(training.model, torch.device("cpu"))
    assert any(isinstance(each, GatheredBatchNorm) for each in training.model.backbone.modules())
    assert learning_norms() == before


def test_the_evaluation_goes_by_its_field(data: DetectionData) -> None:
    assert {split: DetectionTraining(TINY.override(eval_split=split), data).tested for split in ("train", "val", "test")} == {
        "train": data.train,
        "val": data.val,
        "test": data.test,
    }
    training = DetectionTraining(TINY, data)
    assert (training.kept, training.has_test) == (data.test, True)
    figures = training.evaluate()
    assert list(figures) == ["box_AP", "box_AP50", "box_AP75", "mask_AP", "mask_AP50", "mask_AP75"]
    assert training.watched in figures
    alone = DetectionTraining(TINY, DetectionData("x", data.classes, data.train, (), data.test, data.root))
    assert (alone.chooses, alone.kept) == ("test", ())


def test_learning_rates_of_backbone_and_attention_are_those_of_the_fields(data: DetectionData) -> None:
    recipe = TINY.override(attention="rga-c", fit="pool", backbone_lr_scale=0.1, attention_lr_scale=2.0, attention_weight_decay=0.3)
    training = DetectionTraining(recipe, data)
    names = {id(parameter): name for name, parameter in training.model.named_parameters()}
    found = {}
    for group in training.optimizer().param_groups:
        kinds = {"attention" if "attention" in name else name.split(".")[0] for name in (names[id(each)] for each in group["params"])}
        found[frozenset(kinds)] = (group["scale"], group["weight_decay"])
    assert found == {
        frozenset({"backbone"}): (0.1, 1e-4),
        frozenset({"pyramid", "rpn", "roi_heads"}): (1.0, 1e-4),
        frozenset({"attention"}): (2.0, 0.3),
    }


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"image_size": (16, 64)}, "image_size must be at least 32 32, got 16 64"),
        ({"anchor_sizes": (0, 1, 2, 3, 4)}, "anchor_sizes must be at least 1, got 0 1 2 3 4"),
        ({"scale": (1.0, 0.5)}, r"scale must be two positive numbers, the smaller first, got 1\.0 0\.5"),
        ({"rois_per_image": 0}, "rois_per_image must be at least 1"),
        ({"frozen_stages": 6}, "frozen_stages must"),
    ],
)
def test_values_out_of_range_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        TINY.override(**fields)
