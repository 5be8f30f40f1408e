"""The relation explorer: one file that is whole in itself, and that computes what the model computes."""

import base64
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reports.browser import Browser, browser
from rga.errors import InputError
from rga.explanation import Relations
from rga.reid.model import ReidModel
from rga.reports import explorer
from rga.reports.explorer import Explored, explored, render_explorer, write_explorer

__all__ = ["browser"]

NAMES = ("</script><b>one", "two")


@pytest.fixture(scope="module")
def shown() -> list[Explored]:
    """Two images, one of which has a name that would end a script."""
    model = ReidModel("test_resnet", image_size=(64, 32)).eval()
    gradient = Image.radial_gradient("L").resize((64, 128))
    return explored(model, {NAMES[0]: gradient, NAMES[1]: gradient.rotate(180)})


def embedded(page: str) -> Any:
    """The data of a page."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_the_page_loads_nothing_and_runs_its_own_script_alone(shown: list[Explored]) -> None:
    page = render_explorer("1 < 2", shown)
    assert "<h1>1 &lt; 2</h1>" in page
    assert not re.search(r'(?:src|href)="(?!#|data:)', page)
    assert "http" not in page.replace("http-equiv", "")
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert len(scripts) == 1
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'\"" in page
    assert "default-src 'none'" in page
    assert [each["name"] for each in embedded(page)["images"]] == list(NAMES)


def test_what_is_embedded_is_small_and_says_its_error(shown: list[Explored]) -> None:
    modules = embedded(render_explorer("a", shown))["images"][0]["modules"]
    assert len(modules) == 8
    for module, relations in zip(modules, shown[0].relations, strict=True):
        factor = np.frombuffer(base64.b64decode(module["theta"]), np.uint8).reshape(relations.theta.shape)
        assert factor.max() in {0, 255}
        assert len(base64.b64decode(module["theta"])) == relations.theta.size
        np.testing.assert_array_equal(np.frombuffer(base64.b64decode(module["gates"]), "<f4"), relations.gates)
        assert 0 <= module["mean_error"] <= module["largest_error"] < 0.01


def test_nothing_and_too_much_are_refused(shown: list[Explored], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="no images to explore"):
        render_explorer("a", [])
    size = len(render_explorer("a", shown).encode())
    monkeypatch.setattr(explorer, "LARGEST_FILE", size - 1)
    with pytest.raises(InputError, match=rf"of 2 images has {size:,} bytes, and at most {size - 1:,} are sent: show 1 at a time"):
        render_explorer("a", shown)
    monkeypatch.setattr(explorer, "LARGEST_FILE", 10_000)
    with pytest.raises(InputError, match="make a model of smaller images"):
        render_explorer("a", shown[:1])


def test_the_papers_largest_maps_fit() -> None:
    """ResNet-50 at 256x128, two images: 2,048 positions, and 2,048 channels."""
    generator = np.random.default_rng(0)
    relations = []
    for channels, grid in ((256, (64, 32)), (512, (32, 16)), (1024, (16, 8)), (2048, (16, 8))):
        positions = grid[0] * grid[1]
        for kind, nodes, features in (("spatial", positions, channels // 8), ("channel", channels, positions // 8)):
            theta, phi = generator.random((2, nodes, features), np.float32)
            relations.append(Relations(f"layer.{kind}", "layer", kind, grid, theta, phi, generator.random(nodes, np.float32)))  # type: ignore[arg-type]
    image = Image.fromarray(generator.integers(0, 255, (256, 128, 3), np.uint8))
    page = render_explorer("a", [Explored(name, image, relations) for name in "ab"])
    assert len(page.encode()) < 3_000_000


def test_negative_numbers_are_kept() -> None:
    theta, phi = np.array([[-2.0], [1.0]], np.float32), np.array([[0.5], [-0.25]], np.float32)
    relations = Relations("a", "layer1", "spatial", (1, 2), theta, phi, np.array([0.5, 0.5], np.float32))
    (module,) = embedded(render_explorer("a", [Explored("a", Image.new("RGB", (8, 4)), [relations])]))["images"][0]["modules"]
    assert module["signed"] == {"theta": True, "phi": True}
    assert np.frombuffer(base64.b64decode(module["theta"]), np.int8).tolist() == [-127, 64]


Page = Callable[..., Any]


@pytest.fixture
def page(browser: Browser, shown: list[Explored], tmp_path: Path) -> Page:
    """Opens the explorer in a browser."""

    def opened(**options: Any) -> Any:
        path = tmp_path / "explorer.html"
        write_explorer(path, "Relations", shown)
        return browser.open(path, **options)

    return opened


def values(page: Any, panel: int = 0) -> np.ndarray:
    """What a panel's colours show."""
    return np.array(page.evaluate(f"Array.from(explorer.panels()[{panel}].values)"))


def point(page: Any, down: float, across: float, panel: int = 0) -> None:
    """Moves the pointer over a panel."""
    box = page.locator("#panels canvas").nth(panel).bounding_box()
    page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])


def drawn(page: Any) -> bytes:
    """The first panel as it looks."""
    found: bytes = page.locator("#panels canvas").first.screenshot()
    return found


@pytest.mark.slow
def test_a_pointer_shows_the_relations_of_every_module(page: Page, shown: list[Explored]) -> None:
    """They equal the dense computation, up to the error that the page states."""
    opened = page()
    for index, relations in enumerate(shown[0].relations):
        opened.select_option("#module", str(index))
        stated = embedded(opened.content())["images"][0]["modules"][index]["largest_error"]
        affinity = relations.theta @ relations.phi.T
        for down, across in ((0.05, 0.05), (0.45, 0.8), (0.95, 0.95)):
            point(opened, down, across)
            node = opened.evaluate("explorer.panels()[0].node")
            if relations.kind == "spatial":
                assert node == relations.node_at(down, across)
            for shows, expected in (("to", affinity[node]), ("from", affinity[:, node])):
                opened.check(f"input[value={shows}]")
                point(opened, down, across)
                assert np.abs(values(opened) - expected).max() <= 1.01 * stated * np.abs(affinity).max() + 1e-6
        opened.check("input[value=gates]")
        np.testing.assert_array_equal(values(opened).astype(np.float32), relations.gates)
        opened.check("input[value=to]")


def test_moving_the_pointer_changes_the_map_and_what_is_said(page: Page, shown: list[Explored]) -> None:
    opened = page()
    point(opened, 0.1, 0.1)
    before, said = drawn(opened), opened.inner_text("#readout-0")
    gate = shown[0].relations[0].gates[shown[0].relations[0].node_at(0.1, 0.1)]
    assert said.startswith(f"Row 2, column 1: gate {gate:.3f}, in this image ")
    assert "Its strongest relations are to row " in said
    point(opened, 0.7, 0.6)
    assert drawn(opened) != before
    assert opened.inner_text("#readout-0").startswith("Row 12, column 5")
    assert opened.inner_text("#readout-1").startswith("Row 12, column 5")  # the same position of the other image
    opened.select_option("#module", "1")
    assert re.match(r"Channel \d+: gate", opened.inner_text("#readout-0"))


def test_the_keyboard_moves_the_mark(page: Page) -> None:
    opened = page()
    opened.locator("#panels canvas").first.focus()
    start = opened.evaluate("explorer.panels()[0].node")
    for key, step in (("ArrowRight", 1), ("ArrowDown", 8), ("ArrowLeft", -1), ("ArrowUp", -8)):
        opened.keyboard.press(key)
        assert opened.evaluate("explorer.panels()[0].node") == start + step
        start += step
    for _ in range(20):
        opened.keyboard.press("ArrowUp")
    assert opened.evaluate("explorer.panels()[0].node") < 8


def test_a_finger_chooses_a_position(page: Page) -> None:
    opened = page(width=390, height=844, has_touch=True)
    box = opened.locator("#panels canvas").first.bounding_box()
    opened.touchscreen.tap(box["x"] + 0.9 * box["width"], box["y"] + 0.5 * box["height"])
    assert opened.evaluate("explorer.panels()[0].node") == 8 * 8 + 7
    assert opened.evaluate("document.documentElement.scrollWidth") <= 390  # nothing sticks out of a phone


def test_images_are_chosen(page: Page) -> None:
    opened = page()
    assert opened.locator("#panels figcaption").all_inner_texts() == list(NAMES)
    opened.select_option("#second", "")
    assert opened.locator("#panels figcaption").all_inner_texts() == [NAMES[0]]
    opened.select_option("#first", "1")
    assert opened.locator("#panels figcaption").all_inner_texts() == [NAMES[1]]


def test_colours_have_a_legend_in_words_and_the_error_is_said(page: Page) -> None:
    opened = page()
    assert opened.inner_text("#words") == "Dark: no relation with the marked position. Bright: a strong one."
    assert re.search(r"off by at most [\d.]+ %, and by [\d.]+ % in the root mean square", opened.inner_text("#error"))
    assert opened.inner_text("#low") == "0.00"
    opened.check("input[value=gates]")
    assert opened.inner_text("#words") == "Dark: the gate weakens the map at this position. Bright: the map passes."
    label = opened.locator("#panels canvas").first.get_attribute("aria-label")
    assert label == f"Map of 16 by 8 positions of {NAMES[0]}. Arrow keys move the mark."


def test_dark_mode_and_light_mode_differ(page: Page) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    assert page(color_scheme="dark").evaluate(background) != page(color_scheme="light").evaluate(background)
