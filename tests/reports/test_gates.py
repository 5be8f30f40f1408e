"""Gates of a small model, and models whose gates cannot be drawn."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rga.reid.model import ReidModel
from rga.reports.gates import Panel, draw_gates, panels_of, share_scale


@pytest.fixture
def person(tmp_path: Path) -> Path:
    path = tmp_path / "person.jpg"
    Image.radial_gradient("L").resize((64, 128)).save(path)
    return path


def test_gates_of_all_stages_and_relations_of_a_node(person: Path) -> None:
    model = ReidModel("test_resnet", image_size=(64, 32))
    panels = panels_of(model, person, (0.4, 0.5))
    assert [panel.title for panel in panels] == [
        "64\u00d732",
        "stage 1, 16\u00d78",
        "stage 2, 8\u00d74",
        "stage 3, 4\u00d72",
        "stage 4, 4\u00d72",
        "to all, R(i,:)",
        "from all, R(:,i)",
    ]
    assert all(panel.values.shape == (16, 8) for panel in panels[-2:])
    assert model.training
    with Image.open(io.BytesIO(draw_gates(model, [person, person]))) as drawn:
        assert drawn.width > 500


def test_the_gates_of_a_stage_share_one_scale() -> None:
    panels = [Panel("stage 1", np.array([[0.2, 0.4]])), Panel("stage 1", np.array([[0.3, 0.9]]))]
    share_scale(panels)
    assert [panel.title for panel in panels] == 2 * ["stage 1\n0.20 to 0.90"]
    assert [panel.colours for panel in panels] == 2 * [{"vmin": 0.2, "vmax": 0.9}]


def test_models_without_spatial_relations_are_refused(person: Path) -> None:
    with pytest.raises(ValueError, match="no spatial attention with relations"):
        draw_gates(ReidModel("test_resnet", image_size=(64, 32), attention="rga-c"), [person])
    with pytest.raises(ValueError, match="no attention with a gate"):
        draw_gates(ReidModel("test_resnet", image_size=(64, 32), attention="none"), [person])
    with pytest.raises(ValueError, match="no images"):
        draw_gates(ReidModel("test_resnet", image_size=(64, 32)), [])
