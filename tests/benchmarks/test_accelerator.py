"""The benchmark of GPUs, on a CPU and at sizes so small that its numbers mean nothing."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch


@pytest.fixture
def accelerator(script: Callable[[str], ModuleType], project: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """``benchmarks/accelerator.py`` as a module."""
    monkeypatch.syspath_prepend(project / "benchmarks")
    return script("accelerator")


def read(path: Path) -> tuple[list[tuple[str, int]], list[str]]:
    """The titles of a part's tables with their numbers of rows, and its failures."""
    found = json.loads(path.read_text())
    return [(table["title"].split(":")[0].split(",")[0], len(table["rows"])) for table in found["tables"]], found["failures"]


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("correct", [("Against the reference's tensors", 1), ("Logits before the sigmoid", 8)]),
        ("modules", [("RGA-SC alone", 6)]),
        pytest.param("networks", [("resnet10t", 10), ("The input alone", 1)], marks=pytest.mark.slow),
        pytest.param("graphs", [("resnet10t", 2)], marks=pytest.mark.slow),
        pytest.param("group", [("Trainings that should end alike", 1)], marks=pytest.mark.slow),
        pytest.param("resume", [("Trainings that should end alike", 2)], marks=pytest.mark.slow),
        pytest.param("compiled", [("resnet10t", 2)], marks=pytest.mark.slow),
    ],
)
def test_a_part_fills_its_tables_and_its_checks_hold(
    accelerator: ModuleType, tmp_path: Path, part: str, expected: list[tuple[str, int]]
) -> None:
    accelerator.run_part(part, "cpu", True, tmp_path / "part.json")
    assert read(tmp_path / "part.json") == (expected, [])


def test_logits_that_differ_are_found(accelerator: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules["accelerators.correct"].LOGITS, "bfloat16", 1e-6)
    accelerator.run_part("correct", "cpu", True, tmp_path / "part.json")
    _, failures = read(tmp_path / "part.json")
    assert len(failures) == 8
    assert failures[0].startswith("logits after stage 1, exact, x 1, training: [")


def test_precision_is_what_was_chosen(accelerator: ModuleType) -> None:
    part = sys.modules["accelerators.part"]
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    try:
        for name, on, dtype in (("float32", False, None), ("TF32", True, None), ("float16", True, torch.float16)):
            assert part.set_precision(name) == dtype
            assert (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32) == (on, on)
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


@pytest.mark.slow
def test_parts_that_do_not_end_are_stopped_and_the_others_run(project: Path, tmp_path: Path) -> None:
    """All are out of time after a second; what is written says so."""
    command = [sys.executable, str(project / "benchmarks/accelerator.py"), "modules", "group", "--device", "cpu", "--toy"]
    ended = subprocess.run([*command, "--minutes", "0.01", "-o", str(tmp_path / "out")], check=False, capture_output=True, text=True)
    assert ended.returncode == 1
    assert "modules did not end: stopped after 1 s\ngroup did not end: stopped after 1 s\n" in ended.stdout
    written = json.loads((tmp_path / "out" / "accelerator.json").read_text())
    assert list(written["parts"]) == ["modules", "group"]
    text = (tmp_path / "out" / "accelerator.md").read_text()
    assert text.startswith(f"# {written['machine']}")
    assert "**group did not end: stopped after 1 s**" in text


def test_what_a_part_found_before_it_failed_is_kept(accelerator: ModuleType, tmp_path: Path) -> None:
    report = accelerator.Report(tmp_path / "part.json")
    table = report.table("Times", "what", "ms")
    report.row(table, "exact", 1.5)
    kept = accelerator.Report.read(tmp_path / "part.json")
    assert kept.tables[0].to_markdown() == "### Times\n\n| what | ms |\n| --- | --- |\n| exact | 1.5 |"


def test_the_dry_run_lists_the_parts_and_their_limits(accelerator: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert accelerator.main(["--dry-run", "--device", "cpu"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [*accelerator.PARTS, "together"]
    assert lines[0].split(maxsplit=5)[1:5] == ["at", "most", str(accelerator.PARTS["correct"].seconds), "s"]
    assert lines[-1].startswith("together at most 600 s, on ")
