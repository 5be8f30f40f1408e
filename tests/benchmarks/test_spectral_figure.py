"""The figure of the cosine basis is drawn from a saved model."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

from rga.errors import InputError
from rga.reid.model import ReidModel


@pytest.mark.slow
def test_basis_and_a_row_are_drawn(script: Callable[[str], ModuleType], tmp_path: Path) -> None:
    drawing = script("spectral_figure")
    ReidModel("resnet10t", image_size=(64, 32)).save_pretrained(tmp_path / "model")
    said = drawing.main([str(tmp_path / "model"), "-o", str(tmp_path / "figure.png")])
    assert said.startswith("backbone.layer1.attention.spatial, grid 16x8; energy kept by frequencies 16x8: 100%, 8x4: ")
    with Image.open(tmp_path / "figure.png") as image:
        assert image.width > 600
    ReidModel("resnet10t", image_size=(64, 32), attention="se").save_pretrained(tmp_path / "other")
    with pytest.raises(InputError, match="has no exact RGA-S"):
        drawing.main([str(tmp_path / "other"), "-o", str(tmp_path / "none.png")])
