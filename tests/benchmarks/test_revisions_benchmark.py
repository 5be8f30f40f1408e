"""The benchmark of two revisions runs, each on its own sources."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_two_revisions_take_turns(
    script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if subprocess.run(["git", "rev-parse", "HEAD"], cwd=REPOSITORY, capture_output=True, check=False).returncode:
        pytest.skip("needs a clone of the repository")
    module = script("revisions")
    monkeypatch.setattr(sys, "argv", ["revisions.py", "HEAD", "--tasks", "modules inference", "--batch-size", "1", "--rounds", "2"])
    module.main()
    row = capsys.readouterr().out.splitlines()[-1].strip("|").split("|")
    assert row[0].strip() == "modules inference"
    assert all(float(cell) > 0 for cell in row[1:4])


def test_the_median_lies_in_its_interval_as_often_as_it_is_said(script: Callable[[str], ModuleType]) -> None:
    interval = script("revisions").interval
    assert interval([3.0, 1.0, 2.0]) == (1.0, 3.0)  # too few for 95 %
    assert interval([float(value) for value in range(1, 16)]) == (4.0, 12.0)  # 1 - 2 (1 + 15 + 105 + 455) / 2^15 = .965
