"""Training curves of written logs."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rga.reports.curves import draw_runs, total_loss
from rga.training.run.log import RunLog


def run(folder: Path) -> Path:
    folder.mkdir()
    with RunLog(folder) as log:
        for epoch in range(1, 5):
            log.write("train", epoch, {"epoch": epoch, "lr": 0.1, "identity": 4.0 / epoch, "triplet": 1.0 / epoch})
        log.write("evaluate", 4, {"epoch": 4, "mAP_neck": 0.5})
    return folder


def drawn_of(runs: dict[str, Path]) -> bytes:
    return draw_runs(runs, ("identity", "triplet"), "mAP_neck", loss_label="loss", title="mAP by epoch", metric_label="mAP (%)")


def test_training_curves(tmp_path: Path) -> None:
    with Image.open(io.BytesIO(drawn_of({"plain": run(tmp_path / "a"), "RGA-SC": run(tmp_path / "b")}))) as drawn:
        assert drawn.format == "PNG"
        assert len(np.unique(np.asarray(drawn.convert("L")))) > 20  # there are curves on it
        assert drawn.width > drawn.height > 200


def test_the_total_loss_is_the_sum_of_the_named_losses() -> None:
    assert total_loss({"identity": 2.0, "triplet": 0.5, "lr": 7.0}, ("identity", "triplet", "other")) == 2.5


def test_nothing_to_draw(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text("")
    with pytest.raises(ValueError, match="has no training in it"):
        drawn_of({"empty": tmp_path})
    with pytest.raises(ValueError, match="no runs"):
        drawn_of({})
