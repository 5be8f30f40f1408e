"""Detection trainings: they go on to the bit where they were stopped, learn, and refuse data that they cannot learn from."""

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import rga
from detection.conftest import WriteCoco, content
from rga.datasets.layout import DataError
from rga.datasets.spec import DataSpec
from rga.detection.datasets.categories import Categories
from rga.detection.datasets.coco import read_coco
from rga.detection.evaluation import evaluate_model
from rga.detection.recipes import RECIPES
from rga.detection.result import DetectionResult
from rga.detection.task import TASK, fit
from rga.detection.training import DetectionTraining
from rga.errors import InputError
from rga.images.images import read_image
from rga.synthetic.streets.streets import StreetOptions, make_streets
from rga.training.run.log import read_log

pytest.importorskip("pycocotools")

TINY: dict[str, Any] = {
    "backbone": "test_resnet",
    "image_size": (32, 64),
    "largest_grid": 4,
    "pyramid_channels": 8,
    "head_width": 8,
    "rois_per_image": 16,
    "batch_size": 2,
    "num_workers": 0,
    "threads": 1,
    "log_every": 1,
    "scale": (0.8, 1.0),
}


def test_a_stopped_training_goes_on_as_if_nothing_had_happened(scenes: Path, tmp_path: Path) -> None:
    """The first steps are in a checkpoint; what a process that was killed had done since is done again, to the same bits."""
    whole = rga.train("detection/generated", f"coco:{scenes}", output=tmp_path / "whole", epochs=1, **TINY)
    assert whole.step == 2
    rga.train("detection/generated", f"coco:{scenes}", output=tmp_path / "part", epochs=1, max_steps=1, **TINY)
    rga.resume(tmp_path / "part", changes={"max_steps": 0})
    logs = [[{**event, "time": 0} for event in read_log(tmp_path / run, "step")] for run in ("whole", "part")]
    assert logs[0] == logs[1]
    assert {"classifier", "box_reg", "mask", "objectness", "rpn_box_reg"} <= logs[0][0].keys()
    files = [(tmp_path / run / "last/model.safetensors").read_bytes() for run in ("whole", "part")]
    assert files[0] == files[1]
    measured = rga.evaluate(tmp_path / "whole", folder=tmp_path)
    assert isinstance(measured.result, DetectionResult)
    assert measured.result.images == 2
    stored = json.loads((tmp_path / "evaluation-scenes-val.json").read_text())
    assert stored["masks"]["AP"] == pytest.approx(read_log(tmp_path / "whole", "evaluate")[-1]["mask_AP"])


def test_half_precision_computes_coordinates_in_float32(scenes: Path) -> None:
    recipe = RECIPES["generated"]().override(data=DataSpec("coco", scenes), **TINY)
    training = DetectionTraining(recipe, TASK.read(recipe))
    training.model.train()
    batch = next(iter(training.batches(0)))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses = training.losses(batch, torch.device("cpu"))
    assert {each.dtype for each in losses.values()} == {torch.float32}
    assert all(torch.isfinite(each) for each in losses.values())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert training.model.detect(training.data.val[0].image, min_score=0.0)[0].boxes.dtype == np.float32


def test_a_batch_has_no_more_images_than_are_trained_on(scenes: Path) -> None:
    recipe = RECIPES["generated"]().override(data=DataSpec("coco", scenes), batch_size=64)
    assert fit(recipe, TASK.read(recipe), 1).batches.batch_size == 4


def test_objects_without_masks_are_refused(write_coco: WriteCoco, tmp_path: Path) -> None:
    values = copy.deepcopy(content())
    for each in values["annotations"]:
        del each["segmentation"]
    write_coco(values)
    recipe = RECIPES["generated"]().override(**TINY)
    with pytest.raises(DataError, match="nothing can be learnt from the 2 objects in train: they have no masks"):
        DetectionTraining(recipe, read_coco(tmp_path))
    write_coco()
    names = copy.deepcopy(values)
    names["images"] = [{**each, "file_name": f"v{each['file_name']}"} for each in names["images"]]
    write_coco(names, where="annotations/instances_val.json", images="images/val")
    with pytest.raises(DataError, match=r"3 objects in val have no mask, such as one in .*va\.png: the mask AP chooses the best model"):
        DetectionTraining(recipe, read_coco(tmp_path))


def test_models_are_measured_on_their_own_categories(write_coco: WriteCoco, tmp_path: Path) -> None:
    write_coco()
    data = read_coco(tmp_path)
    model = DetectionTraining(RECIPES["generated"]().override(**{**TINY, "batch_size": 1}), data).model
    turned = Categories(data.classes.names[::-1], data.classes.ids)
    with pytest.raises(InputError, match=r"categories in another order .*: bring their numbers into the model's order"):
        evaluate_model(model, data.train, turned)


@pytest.mark.slow
def test_it_learns_ten_street_scenes_by_heart(tmp_path: Path) -> None:
    """Box AP and mask AP of 0.9 and more on the images that it is trained on, with attention in the backbone."""
    options = StreetOptions(train=10, val=2, test=0, layout="coco")
    scenes = make_streets(tmp_path / "scenes", options)
    outcome = rga.train("detection/generated", f"coco:{scenes}", output=tmp_path / "run", **BY_HEART)
    assert outcome.metrics["box_AP"] > 0.9
    assert outcome.metrics["mask_AP"] > 0.9


BY_HEART: dict[str, Any] = {
    "epochs": 200,
    "lr": 1.5e-3,
    "batch_size": 2,
    "random_flip": 0.0,
    "scale": (1.0, 1.0),
    "eval_split": "train",
    "evaluate_every": 0,
    "num_workers": 0,
}
"""The training whose figures docs/detection.md names."""


@pytest.mark.slow
def test_the_recipe_for_coco_does_a_step_at_full_size(write_coco: WriteCoco, tmp_path: Path) -> None:
    values: Any = {
        "images": [{"id": number, "file_name": f"{number}.png", "width": 640, "height": 480} for number in (1, 2)],
        "categories": [{"id": number, "name": f"category {number}"} for number in range(1, 81)],
        "annotations": [
            {"id": number, "image_id": number, "category_id": 3, "bbox": [100, 90, 200, 150], "area": 30_000, "iscrowd": 0}
            | {"segmentation": [[100, 90, 300, 90, 300, 240, 100, 240]]}
            for number in (1, 2)
        ],
    }
    write_coco(values, where="annotations/instances_train2017.json", images="train2017")
    free = {"weights": "none", "frozen_stages": 0, "frozen_norms": False}
    recipe = RECIPES["coco"]().override(data=DataSpec("coco", tmp_path), batch_size=2, num_workers=0, max_steps=1, **free)
    outcome = rga.train(recipe, output=tmp_path / "run")
    assert outcome.step == 1
    model = rga.load(tmp_path / "run")
    assert model.resized(read_image(tmp_path / "train2017/1.png")).shape == (3, 800, 1067)
    data = TASK.read(recipe)
    assert evaluate_model(model, data.train[:1], data.classes).images == 1
