"""``rga gates``, as a user types it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rga.__main__ import main


def test_it_prints_the_cost_and_draws_the_gates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["gates"]) == 0
    assert "ResNet-18 with RGA-SC" in capsys.readouterr().out
    with Image.open(tmp_path / "gates.png") as picture:
        pixels = np.asarray(picture.convert("RGB"))
    assert pixels.shape[1] > 1000
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 500  # something is drawn
