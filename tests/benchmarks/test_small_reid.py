"""The table of two trainings."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import pytest

from rga.cli.main import main
from rga.training.run.log import RunLog

Script = Callable[[str], ModuleType]


def test_both_trainings_are_typed_and_tabled(tmp_path: Path, script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    module = script("small_reid")
    typed: dict[str, list[str]] = {}

    def trained(commands: dict[str, list[str]], logs: dict[str, Path]) -> None:
        typed.update(commands)
        assert list(logs) == list(commands)
        for name, value in (("none", 0.25), ("rga-sc", 0.5)):
            (tmp_path / name).mkdir()
            (tmp_path / name / "recipe.json").touch()
            os.utime(tmp_path / name / "recipe.json", (time.time() - 120,) * 2)
            with RunLog(tmp_path / name) as log:
                log.write("train", 1, {"epoch": 1, "identity": 3.0})
                log.write("evaluate", 1, {"epoch": 1, "mAP_pooled": value, "R1_pooled": value / 2})

    monkeypatch.setattr(module, "train_all", trained)
    text = module.main(["--data", "cuhk03-labeled:images?allow_subset=true", "--output", str(tmp_path), "--", "--seed", "3"])
    assert {name: command[command.index("--attention") + 1] for name, command in typed.items()} == {"plain": "none", "RGA-SC": "rga-sc"}
    for command in typed.values():
        assert command[:3] == [sys.executable, "-m", "rga"]
        assert command[-2:] == ["--seed", "3"]
        assert command[command.index("--data") + 1] == "cuhk03-labeled:images?allow_subset=true"
    assert "| 1 | 12.5 / 25.0 | 2 | 25.0 / 50.0 | 2 |" in text
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_the_options_are_those_of_the_recipe(
    tmp_path: Path, script: Script, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = script("small_reid")
    typed: list[list[str]] = []

    def train(commands: dict[str, list[str]], _logs: dict[str, Path]) -> NoReturn:
        typed.extend(commands.values())
        raise RuntimeError("typed")

    monkeypatch.setattr(module, "train_all", train)
    with pytest.raises(RuntimeError, match="typed"):
        module.main(["--data", f"cuhk03-labeled:{tmp_path / 'nowhere'}?allow_subset=true", "-o", str(tmp_path), "--", "--hold-out", "100"])
    assert len(typed) == 2
    for words in typed:
        assert main(words[3:]) == 2  # read to the end: only the data are missing
        assert "nowhere" in capsys.readouterr().err


def test_a_training_that_fails_is_named(tmp_path: Path, script: Script) -> None:
    command = [sys.executable, "-c", "print('what went wrong'); raise SystemExit(3)"]
    with pytest.raises(RuntimeError, match=r"training plain failed: see .*plain\.txt"):
        script("small_reid").train_all({"plain": command}, {"plain": tmp_path / "plain.txt"})
    assert "what went wrong" in (tmp_path / "plain.txt").read_text()
