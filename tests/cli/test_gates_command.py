"""``rga gates``, as a user types it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rga.cli.main import main


def test_it_prints_the_cost_and_draws_the_gates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["gates"]) == 0
    assert "ResNet-18 with RGA-SC" in capsys.readouterr().out
    with Image.open(tmp_path / "gates.png") as image:
        pixels = np.asarray(image.convert("RGB"))
    assert pixels.shape[1] > 1000
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 500  # something is drawn


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("gates.xyz", "has no ending of a drawing: choose one of ."),
        ("gates", "has no ending of a drawing"),
        ("mine.png", "is there already: name another file with --output, or replace it with --overwrite"),
        ("mine.png/gates.png", "mine.png is a file"),
    ],
)
def test_what_cannot_be_drawn_to_is_told_first(
    tmp_path: Path, output: str, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def attached(*_: object, **__: object) -> None:
        raise AssertionError("a network was built for nothing")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("rga.demos.gates.attach", attached)
    (tmp_path / "mine.png").write_text("an image of mine")
    assert main(["gates", "--output", output]) == 2
    assert message in capsys.readouterr().err
    assert (tmp_path / "mine.png").read_text() == "an image of mine"
