"""COCO's metrics: simple cases by hand, and random ones against pycocotools as its own users call it."""

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rga.detection.datasets.categories import Categories
from rga.detection.datasets.masks import Segmentation, encode
from rga.detection.datasets.samples import AnnotatedObject
from rga.detection.found import Detections
from rga.detection.metrics import EncodedDetections, Kind, Precision, coco_metrics
from rga.detection.result import DetectionResult
from rga.errors import InputError
from rga.synthetic.streets.coco import box_of, run_lengths

coco: Any = pytest.importorskip("pycocotools.coco")
cocoeval: Any = pytest.importorskip("pycocotools.cocoeval")

SIZE = (120, 160)
TWO = Categories(("cat", "brush"), (2, 90))


def drawn(left: int, top: int, width: int, height: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    mask = np.zeros(SIZE, np.bool_)
    mask[top : top + height, left : left + width] = True
    return mask


def true_object(box: tuple[int, int, int, int], category: int = 0, *, crowd: bool = False) -> AnnotatedObject:
    mask = drawn(*box)
    segmentation = Segmentation(SIZE, counts=np.array(run_lengths(mask), np.uint32))
    return AnnotatedObject(category, (float(box[0]), float(box[1]), float(box[2]), float(box[3])), segmentation, float(mask.sum()), crowd)


def found(*boxes: tuple[tuple[int, int, int, int], float, int]) -> EncodedDetections:
    count = len(boxes)
    corners = np.array([[x, y, x + w, y + h] for (x, y, w, h), _, _ in boxes], np.float32).reshape(count, 4)
    masks = np.array([drawn(*box) for box, _, _ in boxes], np.bool_).reshape(count, *SIZE)
    scores = np.array([score for _, score, _ in boxes], np.float32)
    return EncodedDetections.of(Detections(corners, np.array([label for *_, label in boxes], np.int64), scores, masks))


def metrics(objects: list[AnnotatedObject], answers: EncodedDetections, kind: Kind = "bbox") -> Precision:
    return coco_metrics([objects], [answers], [SIZE], TWO, kind)


@pytest.mark.parametrize("kind", ["bbox", "segm"])
def test_simple_cases_by_hand(kind: Kind) -> None:
    box = (10, 10, 20, 20)
    perfect = metrics([true_object(box)], found((box, 0.9, 0)), kind)
    assert pytest.approx((1, 1, 1, 1)) == (perfect.AP, perfect.AP50, perfect.AP75, perfect.AR)
    assert perfect.by_size == {
        "small": pytest.approx(1),
        "medium": pytest.approx(float("nan"), nan_ok=True),
        "large": pytest.approx(float("nan"), nan_ok=True),
    }
    assert perfect.by_class[0] == pytest.approx(1)
    assert np.isnan(perfect.by_class[1])  # a category without objects counts nowhere
    nothing = metrics([true_object(box)], found(), kind)
    assert (nothing.AP, nothing.AR) == (0, 0)
    other = metrics([true_object(box)], found((box, 0.9, 1)), kind)
    assert other.AP == 0
    # 20 rows of 24 agree: an IoU of 5/6 is right at .50 to .80, seven of ten thresholds
    part = metrics([true_object(box)], found(((10, 10, 20, 24), 0.9, 0)), kind)
    assert pytest.approx((0.7, 1, 1)) == (part.AP, part.AP50, part.AP75)
    # a surer wrong one before the right one halves the precision at every recall
    second = metrics([true_object(box)], found(((90, 60, 20, 20), 0.95, 0), (box, 0.9, 0)), kind)
    assert pytest.approx(0.5) == second.AP
    # one of two objects: a precision of 1 at recalls up to .5, 51 of 101 points
    half = metrics([true_object(box), true_object((60, 60, 20, 20))], found((box, 0.9, 0)), kind)
    assert pytest.approx(51 / 101) == half.AP
    assert pytest.approx(0.5) == half.AR
    # what lies on a crowd is neither right nor wrong
    crowd = metrics([true_object(box), true_object((80, 0, 60, 60), crowd=True)], found((box, 0.9, 0), ((90, 10, 10, 10), 0.95, 0)), kind)
    assert pytest.approx(1) == crowd.AP
    only = metrics([true_object(box, crowd=True)], found((box, 0.9, 0)), kind)
    assert np.isnan(only.AP)


@pytest.mark.parametrize("seed", range(3))
def test_random_cases_are_those_of_pycocotools_on_files(seed: int, tmp_path: Path) -> None:
    """Annotations and results are written as files and measured as COCO's own demo does."""
    generator = np.random.default_rng(seed)

    def box(large: int) -> tuple[int, int, int, int]:
        width, height = (int(generator.integers(3, large)) for _ in range(2))
        return int(generator.integers(0, SIZE[1] - width)), int(generator.integers(0, SIZE[0] - height)), width, height

    objects, answers = [], []
    for image in range(6):
        own = [true_object(box(110 if index % 3 else 30), int(generator.integers(2)), crowd=index == 3) for index in range(image)]
        near = []
        for each in own:
            x, y, w, h = map(int, each.box)
            moved = (max(0, x + int(generator.integers(-3, 4))), max(0, y + int(generator.integers(-3, 4))), w, h)
            near.append((moved, float(generator.random()), each.category if generator.random() < 0.8 else 1 - each.category))
        near += [(box(60), float(generator.random()), int(generator.integers(2))) for _ in range(3)]
        objects.append(own)
        answers.append(found(*near))
    ids = (2, 90)
    annotations = [
        {"image_id": 5 * image, "category_id": ids[each.category], "bbox": list(each.box), "area": each.area, "iscrowd": int(each.crowd)}
        | {"segmentation": {"size": list(SIZE), "counts": encode(drawn(*map(int, each.box)))["counts"].decode()}}
        for image, own in enumerate(objects)
        for each in own
    ]
    images = [{"id": 5 * image, "height": SIZE[0], "width": SIZE[1]} for image in range(6)]
    categories = [{"id": number, "name": name} for number, name in zip(ids, TWO.names, strict=True)]
    whole = {"images": images, "categories": categories, "annotations": [{**each, "id": 1 + i} for i, each in enumerate(annotations)]}
    (tmp_path / "truth.json").write_text(json.dumps(whole))
    for kind in ("bbox", "segm"):
        results = [
            {"image_id": 5 * image, "category_id": ids[label], "score": score}
            | ({"bbox": row} if kind == "bbox" else {"segmentation": {"size": list(SIZE), "counts": mask["counts"].decode()}})
            for image, each in enumerate(answers)
            for row, label, score, mask in zip(each.boxes.tolist(), each.labels.tolist(), each.scores.tolist(), each.masks, strict=True)
        ]
        (tmp_path / "results.json").write_text(json.dumps(results))
        with contextlib.redirect_stdout(io.StringIO()):
            truth = coco.COCO(str(tmp_path / "truth.json"))
            theirs = cocoeval.COCOeval(truth, truth.loadRes(str(tmp_path / "results.json")), kind)
            theirs.evaluate()
            theirs.accumulate()
            theirs.summarize()
        ours = coco_metrics(objects, answers, [SIZE] * 6, TWO, "bbox" if kind == "bbox" else "segm")
        sizes = ours.by_size
        mine = (ours.AP, ours.AP50, ours.AP75, sizes["small"], sizes["medium"], sizes["large"], ours.AR)
        expected = [*theirs.stats[:6], theirs.stats[8]]
        assert list(mine) == pytest.approx([np.nan if value == -1 else value for value in expected], abs=1e-12, nan_ok=True)
        assert 0.05 < ours.AP < 0.95
        for index in range(2):
            precision = theirs.eval["precision"][:, :, index, 0, -1]
            assert ours.by_class[index] == pytest.approx(precision[precision > -1].mean())


def test_a_result_is_told_in_words_and_as_json() -> None:
    precision = metrics([true_object((10, 10, 20, 20))], found(((10, 10, 20, 24), 0.9, 0)))
    result = DetectionResult(precision, precision, TWO.names, 1, 1)
    assert result.main == pytest.approx(0.7)
    told = json.loads(json.dumps(result.to_dict()))
    assert told["boxes"]["AP"] == pytest.approx(0.7)
    assert (told["boxes"]["AP_large"], told["masks"]["by_class"]["brush"]) == (None, None)
    assert "box AP 70.0%, AP50 100.0%, AP75 100.0%, AR 70.0%; AP of small 70.0%, medium -, large -" in str(result)
    assert list(result.figures()) == ["box_AP", "box_AP50", "box_AP75", "mask_AP", "mask_AP50", "mask_AP75"]
    boxes = DetectionResult(precision, None, TWO.names, 1, 1)
    assert (boxes.main, boxes.to_dict()["masks"]) == (result.main, None)
    with pytest.raises(InputError, match="no object counts"):
        DetectionResult(precision, None, TWO.names, 1, 0)
    with pytest.raises(InputError, match="are of 2 categories, and there are 1 names"):
        DetectionResult(precision, None, ("cat",), 1, 1)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match="objects of 1 images, detections in 0 and sizes of 1"):
        coco_metrics([[]], [], [SIZE], TWO, "bbox")
    bare = AnnotatedObject(0, (0.0, 0.0, 5.0, 5.0), None, 25.0)
    assert pytest.approx(1) == metrics([bare], found(((0, 0, 5, 5), 0.9, 0))).AP
    with pytest.raises(InputError, match="no segmentation: masks cannot be measured"):
        metrics([bare], found(), "segm")
    masks = np.zeros((1, 4, 4), np.bool_)
    box, label, score = np.array([[0, 0, 1, 1]], np.float32), np.array([0]), np.array([0.5], np.float32)
    for wrong, message in (
        ((box, label, score, masks[0]), "do not fit together"),
        ((box[:, ::-1] - 2 * box, label, score, masks), "ends before it begins"),
        ((box, label, score + 1, masks), "scores lie between 0 and 1"),
        ((box, label - 1, score, masks), "labels are indices of categories"),
    ):
        with pytest.raises(InputError, match=message):
            Detections(*wrong)
    assert box_of(drawn(3, 4, 5, 6)) == (3, 4, 5, 6)
