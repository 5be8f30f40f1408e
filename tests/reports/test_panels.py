"""Figures of images and maps: what is drawn where, and by which scale."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rga.errors import InputError
from rga.reports.panels import COVER, Group, Panel, draw_panels, share_scale
from rga.reports.plotting import save_figure

IMAGE = Image.new("RGB", (32, 64), (200, 10, 10))


def test_panels_lie_in_their_groups_and_rows() -> None:
    values = np.arange(8.0).reshape(4, 2)
    rows = [
        [
            Group("image", [Panel(f"row {row}", image=IMAGE, mark=(0.25, 0.5))]),
            Group("gates", [Panel("a", values, IMAGE), Panel("b", values)], "low", "high"),
        ]
        for row in range(2)
    ]
    figure = draw_panels(rows)
    panels = [axes for axes in figure.axes if axes.get_title()]
    assert [axes.get_title() for axes in panels] == ["row 0", "a", "b", "row 1", "a", "b"]
    assert [text.get_text() for text in figure.texts] == ["image", "gates", "low  \u2192  high"]
    first, over, alone = panels[:3]
    np.testing.assert_array_equal(first.images[0].get_array(), np.asarray(IMAGE))  # in its colours
    (mark,) = first.lines
    assert (np.asarray(mark.get_xdata()).item(), np.asarray(mark.get_ydata()).item()) == (0.5, 0.25)
    below, cover = over.images
    assert len(np.unique(np.asarray(below.get_array()).reshape(-1, 3), axis=0)) == 1
    assert np.ptp(np.asarray(below.get_array())[0, 0]) == 0  # in shades of grey
    assert cover.get_alpha() == COVER
    assert alone.images[0].get_alpha() == 1
    boxes = [axes.get_position() for axes in panels]
    assert boxes[0].x1 < boxes[1].x0 < boxes[1].x1 < boxes[2].x0
    assert boxes[3].y1 < boxes[0].y0
    sizes = [(box.width * figure.get_figwidth(), box.height * figure.get_figheight()) for box in boxes]
    np.testing.assert_allclose([height / width for width, height in sizes], 2, rtol=0.06)


def test_maps_that_share_a_scale_say_its_range() -> None:
    panels = [Panel("stage 1", np.array([[0.2, 0.4]])), Panel("stage 1", np.array([[0.3, 0.9]]))]
    share_scale(panels)
    assert [panel.title for panel in panels] == 2 * ["stage 1\n0.20 to 0.90"]
    assert [panel.colours for panel in panels] == 2 * [{"vmin": 0.2, "vmax": 0.9}]


@pytest.mark.parametrize("rows", [[], [[]], [[Group("image", [])]]], ids=str)
def test_nothing_to_draw_is_refused(rows: list[list[Group]]) -> None:
    with pytest.raises(InputError, match="no images to draw"):
        draw_panels(rows)


@pytest.mark.parametrize(("ending", "begins"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_figures_are_saved_by_the_ending_of_their_file(tmp_path: Path, ending: str, begins: bytes) -> None:
    path = tmp_path / "new" / f"figure.{ending}"
    save_figure(draw_panels([[Group("some heading", [Panel("a title", image=IMAGE)])]]), path)
    data = path.read_bytes()
    assert data.startswith(begins)
    assert ending != "svg" or b">some heading</text>" in data  # text stays text
    assert [each.name for each in path.parent.iterdir()] == [path.name]
