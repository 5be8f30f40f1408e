"""The benchmark of attentions on CIFAR: what it trains, what it keeps, and its table."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

import pytest

from rga.classification.model import ClassificationModel
from rga.cli.main import main
from rga.storage.saved_model import save_model
from rga.training.run.log import RunLog

Script = Callable[[str], ModuleType]


def finish(folder: Path, top1: float) -> None:
    """Leaves what a finished training leaves."""
    folder.mkdir(parents=True)
    with RunLog(folder) as log:
        log.write("train", 1, {"epoch": 1, "images_per_second": 200.0})
        log.write("evaluate", 1, {"epoch": 1, "top1": top1, "test_cross_entropy": 1.25, "calibration_error": 0.031})
    attention = folder.name.rpartition("-")[0]
    save_model(ClassificationModel("cifar-resnet20", ["cat", "dog"], size=32, attention=attention), folder / "last", {})


@pytest.mark.slow
def test_what_is_missing_is_trained_and_tabled(tmp_path: Path, script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    module = script("cifar")
    typed: list[list[str]] = []

    def trained(runs: Sequence[object], commands: Sequence[list[str]], at_once: int) -> None:
        assert at_once == 2
        for run, words in zip(runs, commands, strict=True):
            typed.append(words)
            finish(run.folder, 0.6 + 0.02 * run.seed)  # type: ignore[attr-defined]

    monkeypatch.setattr(module, "train_all", trained)
    arguments = [
        "--data",
        "zips:images",
        "--output",
        str(tmp_path),
        "--epochs",
        "3",
        "--seeds",
        "2",
        "--at-once",
        "2",
        "--",
        "--mixup",
        "0.2",
    ]
    finish(tmp_path / "se-0", 0.5)
    text = module.main(arguments)
    assert [words[words.index("--output") + 1] for words in typed] == [
        str(tmp_path / name) for name in ("none-0", "rga-s-0", "rga-c-0", "rga-sc-0", "cbam-cs-0", "non-local-0", "none-1", "rga-sc-1")
    ]
    for words in typed:
        attention, _, seed = Path(words[words.index("--output") + 1]).name.rpartition("-")
        assert words[:5] == [sys.executable, "-m", "rga", "train", "cls/cifar10"]
        given = {flag: words[words.index(flag) + 1] for flag in ("--attention", "--seed", "--data", "--epochs", "--threads", "--mixup")}
        assert ("--after" in words) == (attention == "non-local")
        assert list(given.values()) == [attention, seed, "zips:images", "3", "1", "0.2"]
    lines = text.splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:]] == list(module.ARMS)
    assert lines[2] == "| plain | 269,202 | 40.6 | 60.00, 62.00 | 61.00 ± 1.41 | 1.250 ± 0.000 | 3.1 ± 0.0 | 200 |"
    assert "| 50.00 | 50.00 | 1.250 | 3.1 | 200 |" in lines[6]
    typed.clear()
    assert module.main(arguments) == text
    assert typed == []
    assert module.main([*arguments[:4], "--seeds", "3", "--at-once", "2", "--table"]) == text


def test_an_interrupted_training_goes_on(tmp_path: Path, script: Script) -> None:
    module = script("cifar")
    run = module.plan(tmp_path, 1, 1)[3]
    assert run.arm == "RGA-SC"
    assert "resume" not in module.command(run, "cifar10:data", 5, [])
    run.folder.mkdir()
    (run.folder / "last.pt").touch()
    assert module.command(run, "cifar10:data", 5, ["--mixup", "0.2"]) == [sys.executable, "-m", "rga", "resume", str(run.folder)]


def test_the_options_are_those_of_the_recipe(tmp_path: Path, script: Script, capsys: pytest.CaptureFixture[str]) -> None:
    module = script("cifar")
    for run in module.plan(tmp_path, 1, 1):
        words = module.command(run, f"zips:{tmp_path / 'nowhere'}", 5, ["--max-steps", "1"])
        assert main(words[3:]) == 2  # read to the end: only the data are missing
        assert "nowhere" in capsys.readouterr().err


def test_so_many_run_at_once_and_one_that_fails_is_named(tmp_path: Path, script: Script, capsys: pytest.CaptureFixture[str]) -> None:
    module = script("cifar")
    runs = module.plan(tmp_path, 1, 1)[:4]
    code = (  # ends when another one has begun
        "import os, pathlib, sys\n"
        "here = pathlib.Path(sys.argv[1])\n"
        "here.mkdir()\n"
        "while len(list(here.parent.glob('*-0'))) < 2: pass\n"
        "print(os.environ['OMP_NUM_THREADS'])\n"
        "sys.exit(int(sys.argv[2]))"
    )
    commands = [[sys.executable, "-c", code, str(run.folder), "1"] for run in runs]
    with pytest.raises(RuntimeError, match=r"a training failed: see .*-0\.txt"):
        module.train_all(runs, commands, at_once=2)
    assert {path.name for path in tmp_path.glob("*-0")} == {"none-0", "rga-s-0"}
    assert (tmp_path / "none-0.txt").read_text().split() == ["1"]
    assert "plain, seed 0: training, see" in capsys.readouterr().out
