"""The benchmarks of training and of its input run: on sizes so small that their numbers mean nothing."""

import types
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from rga.images.preprocessing import Preprocessing
from rga.synthetic.people.people import PeopleOptions
from rga.synthetic.streets.streets import StreetOptions


@pytest.fixture
def inputs(script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """``benchmarks/input.py`` as a module, with tiny images."""
    module = script("input")
    monkeypatch.setattr(module, "PEOPLE", PeopleOptions(identities=4, images_per_camera=2, distractors=0, junk=0, height=64, width=32))
    monkeypatch.setattr(module, "STREETS", StreetOptions(train=4, val=0, test=0, height=64, width=128))
    monkeypatch.setattr(module, "CROP", Preprocessing(64, 32))
    monkeypatch.setattr(module, "STREET", Preprocessing(48, 48))
    return module


@pytest.fixture
def torchreid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package of torchreid's name, whose file answers as it would."""
    folder = tmp_path / "torchreid"
    (folder / "reid/data").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise ImportError('its dependencies are not here')\n")
    (folder / "reid/data/transforms.py").write_text(
        "from torchvision import transforms\n"
        "def build_transforms(height, width, transforms_wanted):\n"
        "    print('+ resize')\n"
        "    steps = [transforms.Resize((height, width)), transforms.ToTensor()]\n"
        "    return transforms.Compose(steps), None\n"
    )
    monkeypatch.syspath_prepend(tmp_path)


def rows(report: str) -> list[list[str]]:
    """The cells of all tables, without heads and rules."""
    found = [[cell.strip() for cell in line.strip("|").split("|")] for line in report.splitlines() if line.startswith("|")]
    return [row for row in found if not row[0].startswith("---") and row[0] not in ("", "network", "recipe")]


def test_input(inputs: ModuleType, torchreid: None) -> None:
    report = inputs.main(["crops", "streets", "--rounds", "1", "--batch-size", "4", "--street-batch", "2"])
    assert [row[0] for row in rows(report)] == ["torchreid", "Pillow", "ours", "Pillow", "ours"]
    assert rows(report)[0][-1] == "1.00"
    assert "+ resize" not in report


def test_decoders(inputs: ModuleType) -> None:
    names = [row[0] for row in rows(inputs.main(["decoders", "--rounds", "1"]))]
    assert names[0] == "Pillow"
    assert len(names) == 2 * len(set(names)) >= 4


def test_all_sides_make_the_same_batches(inputs: ModuleType, tmp_path: Path) -> None:
    paths = inputs.list_images(inputs.make_people(tmp_path / "people", inputs.PEOPLE))
    torch.manual_seed(0)
    assert inputs.plain_crop(paths[0]).shape == (3, 64, 32)
    assert inputs.our_crops(paths[:8], 4)() == 8
    assert inputs.in_batches(paths[:7], 4, inputs.plain_crop)() == 7


def test_an_unknown_part_is_named(inputs: ModuleType) -> None:
    with pytest.raises(SystemExit, match="unknown part crop: choose of crops, streets, decoders"):
        inputs.main(["crop"])


def test_training(script: Callable[[str], ModuleType]) -> None:
    report = script("training").main(["steps", "--backbone", "test_resnet", "--size", "64", "32", "--batch-size", "8", "--rounds", "1"])
    assert [row[0] for row in rows(report)] == ["plain", "RGA-SC", "RGA-SC, affinity built"]
    assert rows(report)[0][2] == "1.000"
    plain, ours, dense = (float(row[4]) for row in rows(report))
    assert dense > ours >= plain  # MiB: at this size varphi's output, which is not kept, would be most of the difference


@pytest.mark.parametrize(("malloc", "said"), [("kept", "kept"), ("default", "given back")])
def test_the_report_says_what_becomes_of_freed_memory(
    script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch, malloc: str, said: str
) -> None:
    module = script("training")
    monkeypatch.setattr(module, "keep_freed_memory", lambda: True)
    tiny = ["--backbone", "test_resnet", "--size", "64", "32", "--batch-size", "8", "--rounds", "1", "--networks", "plain"]
    assert f"freed memory {said}," in module.main(["steps", *tiny, "--malloc", malloc])


def test_the_estimate_is_marked_and_follows_from_what_was_published(
    script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = script("training")
    reference = module.macs(module.timm.create_model("resnet50"), 224, 224)
    assert reference == pytest.approx(4.09e9, rel=0.02)
    monkeypatch.setattr(module, "full_recipes", lambda: [module.Work("one", 938 * 3600, 2 * reference)])
    fake: dict[str, Any] = {name: types.SimpleNamespace(seconds=seconds, memory=1.0) for name, seconds in (("plain", 1.0), ("RGA-SC", 1.5))}
    monkeypatch.setattr(module, "measure", lambda *_: fake)
    report = module.main(["estimate"])
    assert "Estimate, not measured" in report
    row = next(row for row in rows(report) if row[3:4] == ["TF32"])
    assert row[4:] == ["3.0", f"{2 * 1.5 * 938 / (7248 / 2):.2f}", f"{3 * 938 / 7248:.2f}"]


@pytest.mark.slow
def test_the_full_recipes_are_counted(script: Callable[[str], ModuleType]) -> None:
    works = {work.recipe: work for work in script("training").full_recipes()}
    assert works["reid/market1501"].images == 600 * 46 * 64
    assert works["seg/cityscapes"].images == 240 * 371 * 8
    assert works["cls/imagenet"].macs == pytest.approx(4.09e9, rel=0.02)
    assert works["reid/market1501"].macs == pytest.approx(4.05e9, rel=0.01)
