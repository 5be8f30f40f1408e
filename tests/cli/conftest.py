"""Tiny datasets and one trained run a task, made once by the commands themselves. No test writes to them: it copies what it changes."""

import shutil
from pathlib import Path

import pytest

from cli.terminal import TINY_REID, rga
from rga.classification.datasets.digits import read_digits


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a user works."""
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="session")
def people(work: Path) -> Path:
    """Twelve people under two cameras: six to train on with 24 images, six to test on."""
    words = ("--identities", 12, "--cameras", 2, "--images-per-camera", 2, "--distractors", 4, "--junk", 2, "--height", 64, "--width", 32)
    done = rga("data", "make", "people", "people", *words, cwd=work)
    assert done.code == 0, done.said
    assert "train on it with rga train reid/generated --data market1501:people" in done.said
    return work / "people"


@pytest.fixture(scope="session")
def reid_run(work: Path, people: Path) -> Path:
    """A re-ID run of two epochs."""
    words = ("train", "reid/generated", "--data", f"market1501:{people}", "-o", "reid-run", *TINY_REID)
    done = rga(*words, "--epochs", 2, "--evaluate-every", 1, cwd=work)
    assert done.code == 0, done.said
    assert "fingerprint" in done.out
    return work / "reid-run"


@pytest.fixture
def my_reid_run(reid_run: Path, tmp_path: Path) -> Path:
    """A copy of the re-ID run, to be written to."""
    return Path(shutil.copytree(reid_run, tmp_path / "run"))


@pytest.fixture(scope="session")
def streets(work: Path) -> Path:
    """Seven street scenes."""
    words = ("--train", 3, "--val", 2, "--test", 2, "--height", 48, "--width", 96)
    done = rga("data", "make", "streets", "streets", *words, cwd=work)
    assert done.code == 0, done.said
    assert "train on it with rga train seg/generated --data streets:streets" in done.said
    return work / "streets"


@pytest.fixture(scope="session")
def segmentation_run(work: Path, streets: Path) -> Path:
    """A segmentation run of one epoch."""
    tiny = "--backbone resnet10t --crop-size 48 64 --batch-size 2 --epochs 1 --largest-grid 4 --num-workers 0 --threads 1"
    done = rga("train", "seg/generated", "--data", f"streets:{streets}", "-o", "segmentation-run", *tiny.split(), cwd=work)
    assert done.code == 0, done.said
    return work / "segmentation-run"


@pytest.fixture(scope="session")
def digits_run(work: Path) -> Path:
    """A classification run of two short epochs on the digits."""
    tiny = "--epochs 2 --evaluate-every 1 --image-size 8 --batch-size 256 --attention se --threads 1"
    done = rga("train", "cls/digits", "-o", "digits-run", *tiny.split(), cwd=work)
    assert done.code == 0, done.said
    return work / "digits-run"


@pytest.fixture(scope="session")
def digit_images(work: Path) -> Path:
    """A folder with three images of digits."""
    folder = work / "digits"
    folder.mkdir()
    for number in range(3):
        read_digits(Path()).test.images[number].save(folder / f"{number}.png")
    return folder
