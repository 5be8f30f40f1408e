"""Segmentation from the command line, as a user types it: make data, check, train, evaluate, segment."""

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import rga
from rga.__main__ import main
from rga.segmentation.datasets.cityscapes import read_generated
from rga.segmentation.model import SegmentationModel

TINY = shlex.split("--backbone resnet10t --height 48 --width 64 --batch-size 2 --epochs 1 --attention-grid 4 --num-workers 0 --threads 1")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with scenes and a run, made as a user would."""
    folder = tmp_path_factory.mktemp("work")
    scenes, run = str(folder / "streets"), str(folder / "run")
    assert main(["data", "make-streets", scenes, *shlex.split("--train 3 --val 2 --test 2 --height 48 --width 96")]) == 0
    assert main(["train", "seg-generated", "--root", scenes, "--out", run, *TINY]) == 0
    return folder


def test_street_scenes_are_checked_and_named(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "check", "streets", "--root", str(work / "streets"), "--open-images"]) == 0
    assert capsys.readouterr().out.endswith("ok\n")


def test_a_run_is_loaded_by_its_task(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = rga.load(work / "run")
    assert isinstance(model, SegmentationModel)
    assert not model.training
    assert model.trained_on["name"] == "streets"
    for wrong in (["evaluate", str(work / "run"), "--data", "market1501", "--root", "x"], ["embed", "x", "--model", str(work / "run")]):
        assert main(wrong) == 2
        assert "is for segmentation, which serves rga segment, rga evaluate-segmentation" in capsys.readouterr().err


def test_evaluate(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate-segmentation", str(work / "run"), "--data", "streets", "--root", str(work / "streets"), "--num-workers", "0"]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "streets, val, fingerprint" in out
    assert "2 images" in out
    report = json.loads((work / "run" / "evaluation-streets-val.json").read_text())
    assert re.fullmatch("[0-9a-f]{16}", report["weights"])
    log = [json.loads(line) for line in (work / "run" / "log.jsonl").read_text().splitlines()]
    assert report["mIoU"] == pytest.approx([event for event in log if event["kind"] == "evaluate"][-1]["mIoU"])
    assert report["fingerprint"] == report["trained_on"]["fingerprint"] == read_generated(work / "streets").fingerprint
    assert main([*words, "--flip", "--scales", "0.75", "1.0", "--window", "48", "48", "--out", str(work / "many.json")]) == 0
    assert json.loads((work / "many.json").read_text())["method"] == "scales 0.75, 1, windows of 48x48, flip"
    before = (work / "run" / "evaluation-streets-val.json").read_bytes()
    assert main([*words, "--flip"]) == 0
    assert (work / "run" / "evaluation-streets-val.json").read_bytes() == before
    assert json.loads((work / "run" / "evaluation-streets-val-2.json").read_text())["options"] == "single scale, flip"
    assert main([*words, "--split", "test"]) == 2
    assert "the masks of test of dataset 'streets' are not there" in capsys.readouterr().err


def test_segment_writes_three_images_for_each(work: Path, tmp_path: Path) -> None:
    folder = work / "streets" / "leftImg8bit" / "test"
    Image.new("L", (31, 17), 90).save(tmp_path / "grey.jpg")
    assert main(["segment", str(folder), str(tmp_path / "grey.jpg"), "--model", str(work / "run"), "-o", str(tmp_path / "out")]) == 0
    written = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*"))
    names = ["grey", *(f"tempera/tempera_{number:06d}_000019_leftImg8bit" for number in range(2))]
    parts = (("confidence", "png"), ("labels", "png"), ("overlays", "jpg"))
    assert written == sorted(f"{part}/{name}.{kind}" for part, kind in parts for name in names)
    for part, kind in parts:
        with Image.open(tmp_path / "out" / part / f"grey.{kind}") as image:
            assert image.size == (31, 17)
    path = next(folder.rglob("*.png"))
    found = rga.load(work / "run").segment([path])[0]
    with Image.open(tmp_path / "out" / "labels" / f"tempera/{path.stem}.png") as image:
        assert (np.asarray(image) == found.labels).all()


def test_prediction_files_for_the_benchmarks_server(work: Path, tmp_path: Path) -> None:
    words = ["segment", str(work / "streets/leftImg8bit/test"), "--model", str(work / "run"), "-o", str(tmp_path)]
    assert main([*words, "--dataset-values", "--write", "labels"]) == 0
    files = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    assert [path.name for path in files] == [f"tempera_{number:06d}_000019_leftImg8bit.png" for number in range(2)]
    for path in files:
        with Image.open(path) as image:
            assert image.mode == "L"
            assert set(np.unique(np.asarray(image)).tolist()) <= {7, 8, 11, 17, 21, 23, 24, 26}


def test_nothing_is_written_over_unless_that_is_wanted(work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = tmp_path / "images" / "labels" / "a.png"
    image.parent.mkdir(parents=True)
    Image.new("RGB", (40, 30)).save(image)
    before = image.read_bytes()
    words = ["segment", str(image), "--model", str(work / "run"), "--write", "labels", "-o"]
    for more in ([], ["--overwrite"]):
        assert main([*words, str(tmp_path / "images"), *more]) == 2
        assert "is to be segmented and would be written over" in capsys.readouterr().err
    assert image.read_bytes() == before
    assert main([*words, str(tmp_path / "out")]) == 0
    assert main([*words, str(tmp_path / "out")]) == 2
    assert "is there already: name another folder with --output, or --overwrite" in capsys.readouterr().err
    assert main([*words, str(tmp_path / "out"), "--overwrite"]) == 0


def test_a_model_from_elsewhere_leaves_no_results_in_its_name(work: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    model = rga.load(work / "run")
    monkeypatch.setattr("rga.cli.evaluate_segmentation.load", lambda *_: model)
    monkeypatch.chdir(tmp_path)
    words = ["evaluate-segmentation", "owner/name", "--data", "streets", "--root", str(work / "streets"), "--num-workers", "0"]
    assert main(words) == 0
    assert not list(tmp_path.iterdir())
    assert main([*words, "--out", "found.json"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["found.json"]


def test_what_cannot_work_is_told_before_any_image_is_predicted(
    work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def loaded(*_: object) -> None:
        raise AssertionError("the model was loaded for nothing")

    for command in ("evaluate_segmentation", "segment"):
        monkeypatch.setattr(f"rga.cli.{command}.load", loaded)
    (tmp_path / "file").write_text("no folder")
    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    evaluating = ["evaluate-segmentation", str(work / "run"), "--data", "streets", "--root", str(work / "streets")]
    segmenting = ["segment", str(tmp_path / "a.png"), "--model", str(work / "run")]
    for words, message in (
        ([*evaluating, "--out", str(tmp_path)], "is a folder: name a file to write to"),
        ([*evaluating, "--out", str(tmp_path / "file" / "x.json")], "file is a file"),
        ([*evaluating, "--scales", "0"], "one or more positive numbers"),
        ([*evaluating, "--window", "0", "8"], "a window is (height, width) in pixels"),
        ([*evaluating, "--num-workers", "-1"], "num_workers must be at least 0, got -1"),
        ([*segmenting, "-o", str(tmp_path / "file")], "file is a file"),
        ([*segmenting, "-o", str(tmp_path / "out"), "--window", "0", "8"], "a window is (height, width) in pixels"),
    ):
        assert main(words) == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_mistakes_are_one_line(work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = ["--model", str(work / "run"), "-o", str(tmp_path / "out")]
    for name in ("a.png", "a.jpg"):
        Image.new("L", (8, 8)).save(tmp_path / name)
    (tmp_path / "b.png").write_bytes(b"no image")
    for words, message in (
        ([], "name images, or folders of them"),
        ([str(tmp_path / "nowhere.png")], "there is no image at"),
        ([str(tmp_path / "a.png"), str(tmp_path / "a.jpg")], "would both be written as 'a'"),
        ([str(tmp_path / "b.png")], "b.png cannot be read as an image"),
        ([str(tmp_path / "a.png"), "--scales", "0"], "one or more positive numbers"),
    ):
        assert main(["segment", *words, *model]) == 2
        assert message in capsys.readouterr().err
