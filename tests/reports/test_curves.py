"""Curves of made logs and results."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rga.ranking.result import RankingResult
from rga.reports.curves import draw_cmc, draw_training, loss_of
from rga.training.run.log import RunLog


def run(folder: Path) -> Path:
    folder.mkdir()
    with RunLog(folder) as log:
        for epoch in range(1, 5):
            log.write("train", epoch, {"epoch": epoch, "lr": 0.1, "identity": 4.0 / epoch, "triplet": 1.0 / epoch})
        log.write("evaluate", 4, {"epoch": 4, "mAP_neck": 0.5})
    return folder


def result(first: float) -> RankingResult:
    return RankingResult(0.5, 0.5, 0.2, np.array([first, 0.95, 1.0]), 10, 0, 20, "cosine", "applied")


def size_of(png: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(png)) as image:
        assert image.format == "PNG"
        assert len(np.unique(np.asarray(image.convert("L")))) > 20  # something is drawn
        return image.size


def test_training_curves(tmp_path: Path) -> None:
    width, height = size_of(draw_training({"plain": run(tmp_path / "a"), "RGA-SC": run(tmp_path / "b")}))
    assert width > height > 200


def test_cmc_curves() -> None:
    assert min(size_of(draw_cmc({"plain": result(0.4), "RGA-SC": result(0.9)}))) > 200


def test_the_loss_is_the_sum_of_its_parts() -> None:
    assert loss_of({"identity": 2.0, "triplet": 0.5, "lr": 7.0}, ("identity", "triplet", "other")) == 2.5


def test_nothing_to_draw(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text("")
    with pytest.raises(ValueError, match="has no training in it"):
        draw_training({"empty": tmp_path})
    with pytest.raises(ValueError, match="no runs"):
        draw_training({})
    with pytest.raises(ValueError, match="no results"):
        draw_cmc({})
