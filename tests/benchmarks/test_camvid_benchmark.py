"""The comparison on CamVid: what is typed, what is run again, and the table."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from rga.cli.main import main
from rga.training.run.log import RunLog

Script = Callable[[str], ModuleType]


@pytest.fixture
def module(script: Script) -> ModuleType:
    return script("camvid")


def test_every_variant_is_typed_trained_and_tabled(module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    typed: list[list[str]] = []

    class Done:
        returncode = 0

    def run(command: list[str], **options: object) -> Done:
        typed.append(command)
        folder = Path(command[command.index("--output") + 1])
        if "train" in command:
            folder.mkdir(exist_ok=True)
            (folder / "recipe.json").touch()
            with RunLog(folder) as log:
                log.write("evaluate", 1, {"epoch": 1, "mIoU": 0.3})
        else:
            seed = int(folder.parent.name[-1])
            folder.write_text(json.dumps({"mIoU": 0.4 + seed / 10, "pixel_accuracy": 0.8}))
        return Done()

    monkeypatch.setattr(module.subprocess, "run", run)
    words = ["--data", "camvid:images", "--output", str(tmp_path), "--processes", "1"]
    text = module.main([*words, "--", "--epochs", "2"])
    trainings, tests = typed[::2], typed[1::2]
    assert len(trainings) == len(tests) == 10
    for command in trainings:
        assert command[:5] == [sys.executable, "-m", "rga", "train", "seg/camvid"]
        assert command[-2:] == ["--epochs", "2"]
        assert command[command.index("--data") + 1] == "camvid:images"
    for command in tests:
        assert command[3] == "evaluate"
        assert command[command.index("--data") + 1] == "camvid:images"
        assert command[4].endswith("/last")
        assert command[command.index("--split") + 1] == "test"
    assert {command[command.index("--attention") + 1] for command in trainings} == {"none", "rga-sc", "cbam-cs", "non-local"}
    assert text.splitlines()[0] == "| attention | seed 0 | seed 1 | mean | pixel accuracy | minutes |"
    assert "| RGA-SC, exact | 40.0 | 50.0 | 45.0 | 80.0 | 0.0 |" in text
    typed.clear()
    assert module.main(words) == text
    assert typed == []  # what is there is not computed again


def test_variants_and_seeds_can_be_chosen(module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run: list[tuple[str, int]] = []
    monkeypatch.setattr(module, "run_training", lambda training, *_: run.append((training.variant, training.seed)))
    monkeypatch.setattr(module, "table", lambda _: "")
    module.main(["--data", "camvid:x", "--output", str(tmp_path), "--processes", "1", "--variants", "plain", "CBAM", "--seeds", "3"])
    assert run == [("plain", 3), ("CBAM", 3)]


def test_a_training_that_fails_is_named(module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.sys, "executable", "false")
    with pytest.raises(RuntimeError, match=r"the training plain, seed 0, failed: see .*plain-0-seed0\.txt"):
        module.main(["--data", "camvid:x", "--output", str(tmp_path), "--variants", "plain", "--seeds", "0"])


def test_the_options_are_those_of_the_recipe(module: ModuleType, tmp_path: Path) -> None:
    for variant in module.VARIANTS:
        training = module.Training(variant, 0, tmp_path / "run")
        command = training.commands(f"camvid:{tmp_path / 'nowhere'}", ["--max-steps", "1"])[0]
        assert main(command[3:]) == 2  # read to the end: only the data are missing
