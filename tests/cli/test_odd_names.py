"""Names of files, folders and classes that are not UTF-8 or look like markup work in every command, and are printed as they are."""

import contextlib
import io
import json
import os
import sys
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
import torch
from PIL import Image

from cli.terminal import TINY_REID
from rga.classification.model import ClassificationModel
from rga.cli.main import main
from rga.loading import load
from rga.reid.model import ReidModel
from rga.reports.report import write_report
from rga.segmentation.datasets.classes import numbered
from rga.segmentation.model import SegmentationModel
from rga.storage.saved_model import save_model
from rga.training.run.log import RunLog

ODD = os.fsdecode(b"caf\xe9 [b]x :cat:")
"""A name with a byte that is no UTF-8, with what looks like markup and with what looks like an emoji's code."""

SHOWN = r"caf\xe9 [b]x :cat:"
"""The same on a terminal."""


def rga(*words: object) -> tuple[int, str, str]:
    """A command in a terminal that takes UTF-8 alone: exit code, output, errors."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", errors=errors) for errors in ("strict", "backslashreplace"))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(word) for word in words])
    texts = []
    for stream in (out, err):
        stream.flush()
        assert isinstance(stream.buffer, io.BytesIO)
        texts.append(stream.buffer.getvalue().decode())
    return code, texts[0], texts[1]


def joined(text: str) -> str:
    """A text without the frames and the lines of tables, and without spaces."""
    return "".join(text.replace("\u2502", "").split())


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of an odd name with models and images."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("odd") / ODD
    two = numbered(("road", ODD), ((128, 64, 128), (70, 130, 180))).to_dict()
    save_model(ReidModel("test_resnet", image_size=(32, 16), attention="none"), folder / "embed", {"data": ODD})
    save_model(SegmentationModel("resnet10t", classes=two, image_size=(32, 32), attention="none", auxiliary=False), folder / "segment", {})
    save_model(ClassificationModel("cifar-resnet20", [ODD, "dog"], size=16, attention="none"), folder / "classify", {})
    write_images(folder / "images" / ODD, 3)
    return folder


def write_images(folder: Path, count: int) -> None:
    """Writes images of an odd name each."""
    folder.mkdir(parents=True)
    for number in range(count):
        pixels = np.random.default_rng([number, *os.fsencode(folder)]).integers(0, 256, (40, 20, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}{ODD}.png")


@pytest.mark.parametrize("verb", ["embed", "segment", "classify", "search"])
def test_models_are_used(home: Path, tmp_path: Path, verb: str) -> None:
    images = home / "images"
    output = tmp_path / ODD / (ODD + {"embed": ".npz", "segment": "", "classify": ".json", "search": ".json"}[verb])
    output.parent.mkdir()
    more = {"search": ("--gallery", images)}.get(verb, ("--skip-existing",))
    words = () if verb == "segment" else ("--num-workers", 1)
    for _ in range(1 if verb == "search" else 2):
        code, out, err = rga(verb, home / ("embed" if verb == "search" else verb), images, "-o", output, *words, *more)
        assert (code, err) == (0, "")
        assert joined(SHOWN) in joined(out)
    names = [f"{ODD}/{number}{ODD}.png" for number in range(3)]
    if verb == "embed":
        with np.load(output) as stored:
            assert stored["paths"].tolist() == names
    elif verb == "segment":
        assert sorted(path.relative_to(output / "labels").as_posix() for path in (output / "labels").rglob("*.png")) == names
    else:
        assert list(json.loads(output.read_text())) == [str(images / name) for name in names]


def test_damaged_files_are_named(home: Path, tmp_path: Path) -> None:
    write_images(tmp_path / "images", 2)
    (tmp_path / "images" / f"{ODD}.jpg").write_text("no image")
    code, _, err = rga("classify", home / "classify", tmp_path / "images", "--num-workers", 0)
    assert (code, f"{SHOWN}.jpg cannot be read as an image" in err) == (2, True)
    code, _, err = rga("classify", home / "classify", tmp_path / ODD)
    assert (code, f"there is no image at {tmp_path}/{SHOWN}" in err) == (2, True)


def test_labels_come_back(home: Path) -> None:
    model = load(home / "classify", ClassificationModel)
    assert model.classes == (ODD, "dog")


def write_people(root: Path) -> None:
    """A re-ID dataset of six people under three cameras."""
    for who in range(6):
        (root / f"{who}{ODD}").mkdir(parents=True)
        for camera in range(3):
            pixels = np.random.default_rng([who, camera]).integers(0, 256, (64, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / f"{who}{ODD}" / f"{ODD}_c{camera}.png")


def write_classes(root: Path) -> None:
    """A classification dataset of two classes."""
    for split in ("train", "val"):
        for name in (ODD, "[dog]"):
            write_images(root / split / name, 3)


def write_scenes(root: Path) -> None:
    """A segmentation dataset of four images."""
    write_images(root / "images", 4)
    (root / "masks").mkdir()
    for path in (root / "images").iterdir():
        Image.fromarray(np.arange(800, dtype=np.uint8).reshape(40, 20) % 2).save(root / "masks" / path.name)
    (root / "classes.csv").write_text("value,name\n0,[road]\n1,sky\n")


def write_zips(root: Path) -> None:
    """The classification dataset in zips."""
    write_classes(root / "unpacked")
    for split in ("train", "val"):
        with ZipFile(root / f"{split}.zip", "w") as archive:
            for number, path in enumerate(sorted((root / "unpacked" / split).rglob("*.png"))):
                archive.write(path, f"{'[cat]' if number % 2 else 'größe'}/{number}.png")


@pytest.mark.parametrize(
    ("write", "spec", "task"),
    [
        (write_people, "folder:{}?camera=_c(\\d)", "reid"),
        (write_classes, "folder:{}", "classification"),
        (write_scenes, "folder:{}", "segmentation"),
        (write_zips, "zips:{}", "classification"),
    ],
)
def test_datasets_are_checked(tmp_path: Path, write: Any, spec: str, task: str) -> None:
    write(tmp_path / ODD)
    code, out, err = rga("data", "check", spec.format(tmp_path / ODD), "--task", task, "--open-images", "-o", tmp_path / f"{ODD}.json")
    assert (code in (0, 1), err) == (True, "")
    assert out.startswith(SHOWN)
    assert "cannot" not in out
    assert json.loads((tmp_path / f"{ODD}.json").read_text())["root"] == str(tmp_path / ODD)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("write", "words", "spec"),
    [
        (write_people, ("reid/folder", "--weights", "none", *TINY_REID), "folder:{}?camera=_c(\\d)"),
        (
            write_classes,
            "cls/folder --weights none --backbone cifar-resnet20 --image-size 16 --attention none --batch-size 3 --num-workers 0",
            "folder:{}",
        ),
        (
            write_scenes,
            "seg/folder --weights none --backbone resnet10t --crop-size 32 32 --batch-size 2 --largest-grid 4 --num-workers 0 --threads 1",
            "folder:{}",
        ),
    ],
)
def test_models_are_trained_and_evaluated(tmp_path: Path, write: Any, words: Any, spec: str) -> None:
    write(tmp_path / ODD)
    words = words.split() if isinstance(words, str) else words
    run = tmp_path / f"run {ODD}"
    code, out, err = rga("train", words[0], "--data", spec.format(tmp_path / ODD), "-o", run, *words[1:], "--epochs", 1)
    assert (code, f"the run is in {tmp_path}/run {SHOWN}" in out) == (0, True), err
    assert rga("resume", run)[0] == 0
    report = ("--report", tmp_path / f"report {ODD}") if write is write_people else ()
    code, out, err = rga("evaluate", run, "--num-workers", 0, *report)
    assert code == 0, err
    assert joined(SHOWN) in joined(out)


def test_reports_are_written(tmp_path: Path) -> None:
    write_report(tmp_path / f"{ODD}.html", ODD, ODD, [])
    assert SHOWN in (tmp_path / f"{ODD}.html").read_text(encoding="utf-8")


def test_tensorboard_says_that_it_cannot(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    (tmp_path / ODD).mkdir()
    with pytest.raises(ValueError, match=r"TensorBoard cannot write to .*, whose name is not UTF-8: name another"):
        RunLog(tmp_path / ODD, tensorboard=True)


def test_standard_output_is_left_as_it_was() -> None:
    out = io.TextIOWrapper(io.BytesIO(), "ascii", errors="strict")
    with contextlib.redirect_stdout(out):
        assert main(["--help"]) == 0
        assert sys.stdout.errors == "strict"
