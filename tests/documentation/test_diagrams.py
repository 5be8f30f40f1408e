"""The diagrams are what their code draws, and can be read in the light and in the dark."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from diagrams.catalog import DIAGRAMS
from diagrams.svg import Drawing

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "diagrams"


def test_every_diagram_is_in_the_catalogue() -> None:
    assert {path.stem for path in FOLDER.glob("*.svg")} == set(DIAGRAMS)


@pytest.mark.parametrize("name", DIAGRAMS)
def test_a_diagram_is_what_its_code_draws(name: str) -> None:
    assert (FOLDER / f"{name}.svg").read_text(encoding="utf-8") == DIAGRAMS[name](), "cd docs && python -m diagrams"


@pytest.mark.parametrize("name", DIAGRAMS)
def test_words_are_inside_and_can_be_read_on_a_phone(name: str) -> None:
    """390 pixels hold a drawing of 480 without making letters of 12 smaller than 9."""
    root = ET.fromstring(DIAGRAMS[name]())
    width, height = (float(root.attrib[side]) for side in ("width", "height"))
    assert width <= 480
    for each in root.iter("{http://www.w3.org/2000/svg}text"):
        letters = 6.5 if "small" in each.get("class", "") else 7.6
        wide = letters * len(each.text or "")
        left = float(each.attrib["x"]) - {"start": 0, "middle": wide / 2, "end": wide}[each.attrib["text-anchor"]]
        assert left >= -12, each.text
        assert left + wide <= width + 12, each.text
        assert 0 < float(each.attrib["y"]) < height


def test_colours_have_contrast_in_both_modes() -> None:
    """4.5 to 1 for words, as WCAG demands, on furo's paper: white, and nearly black."""
    light, dark = (re.findall(r"--(ink|soft|rows|columns|own): (#\w{6})", part) for part in str(Drawing(1, 1, "")).split("@media")[:2])
    for colours, paper in ((light, "#ffffff"), (dark, "#131416")):
        assert len(colours) == 5
        for name, colour in colours:
            lighter, darker = sorted((luminance(colour), luminance(paper)), reverse=True)
            assert (lighter + 0.05) / (darker + 0.05) >= 4.5, (name, paper)


def luminance(colour: str) -> float:
    """Relative luminance of a colour #rrggbb, as WCAG defines it."""
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_arrows_end_where_they_are_sent() -> None:
    drawing = Drawing(100, 100, "An arrow")
    drawing.arrow((0, 10), (50, 10))
    assert 'class="head" d="M50 10L' in str(drawing)
