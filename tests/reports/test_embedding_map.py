"""The map of images by their features, in a browser."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reports.browser import Browser, browser
from rga.errors import InputError
from rga.reid.datasets.samples import ReidData, Sample
from rga.reid.model import ReidModel
from rga.reports.embedding_map import IDENTITIES, Mapped, chosen_samples, mapped, scaled, write_map

__all__ = ["browser"]


def samples(folder: Path, *labels: tuple[int, int | None]) -> tuple[Sample, ...]:
    found = []
    for number, (identity, camera) in enumerate(labels):
        path = folder / f"{number}_{identity}_{camera}.png"
        Image.new("RGB", (16, 32), (40 * identity % 256, 30 * number % 256, 90)).save(path)
        found.append(Sample(path, identity, camera))
    return tuple(found)


@pytest.fixture
def data(tmp_path: Path) -> ReidData:
    """Three people, a distractor and junk."""
    gallery = samples(tmp_path, (1, 2), (2, 2), (3, 1), (0, 1), (-1, 1))
    query = tuple(Sample(Path(shutil.copy(each.path, tmp_path / f"query_{each.path.name}")), each.identity, 3) for each in gallery[:2])
    return ReidData("photos", (), query, gallery, tmp_path)


@pytest.mark.slow  # the layout is compiled first
def test_the_people_of_a_test_are_laid_out_by_their_features(data: ReidData) -> None:
    model = ReidModel("test_resnet", image_size=(64, 32))
    found = mapped(model, data)
    assert [sample.identity for sample in found.samples] == [1, 1, 2, 2, 3]
    points = found.points["principal components"]
    assert points.shape == (5, 2)
    np.testing.assert_allclose(points[0], points[1], atol=1e-5)  # the same file twice
    assert 0 < found.kept <= 1


def test_of_many_people_some_are_chosen_evenly(tmp_path: Path) -> None:
    query, gallery = (
        tuple(Sample(tmp_path / f"{identity}_{camera}.png", identity, camera) for identity in range(1, 201)) for camera in (1, 2)
    )
    found = chosen_samples(ReidData("photos", (), query, gallery, tmp_path))
    identities = sorted({sample.identity for sample in found})
    assert len(identities) == IDENTITIES
    assert set(np.diff(identities)) == {5}
    assert len(found) == 2 * IDENTITIES


def test_a_map_of_nobody_is_refused(tmp_path: Path) -> None:
    empty = ReidData("photos", (), (Sample(tmp_path / "a.png", 1, 1),), (Sample(tmp_path / "b.png", 0, 1),), tmp_path)
    with pytest.raises(InputError, match="photos has fewer than two images of people"):
        mapped(ReidModel("test_resnet", image_size=(64, 32)), empty)


def test_points_fill_the_square_without_being_stretched() -> None:
    found = scaled(np.array([[0.0, 0.0], [4.0, 2.0]]))
    np.testing.assert_allclose(found, [[0, 0.25], [1, 0.75]])
    np.testing.assert_allclose(scaled(np.zeros((2, 2))), 0.5)


def page(browser: Browser, data: ReidData, tmp_path: Path, *, cameras: bool = True) -> Any:
    points = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [0.5, 0.5]])
    chosen = chosen_samples(data)
    if not cameras:
        chosen = [Sample(each.path, each.identity, None) for each in chosen]
    path = tmp_path / "map.html"
    write_map(path, "1 < 2", Mapped(chosen, {"principal components": points, "UMAP": points[::-1].copy()}, 0.6))
    return browser.open(path)


def test_pointing_shows_the_image(browser: Browser, data: ReidData, tmp_path: Path) -> None:
    opened = page(browser, data, tmp_path)
    assert opened.inner_text("h1") == "1 < 2"
    box = opened.locator("#points").bounding_box()
    embedded = json.loads(re.search(r'id="data">(.*?)</script>', opened.content(), re.DOTALL)[1])  # type: ignore[index]
    for index in (4, 2):
        x, y = opened.evaluate(f"embeddingMap.spot({index})")
        scale = box["width"] / 720
        opened.mouse.move(box["x"] + x * scale + 2, box["y"] + y * scale + 2)
        sample = chosen_samples(data)[index]
        assert opened.inner_text("#readout") == f"Identity {sample.identity}, camera {sample.camera}: {sample.path.name}"
        assert opened.get_attribute("#shown", "src") == embedded["images"][index]["source"]
    assert opened.evaluate("embeddingMap.state.at") == 2
    opened.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 0.5 * box["height"])  # near nothing
    assert opened.evaluate("embeddingMap.state.at") == 2


def test_keys_colours_and_projections(browser: Browser, data: ReidData, tmp_path: Path) -> None:
    opened = page(browser, data, tmp_path)
    opened.locator("#points").focus()
    for key, at in (("ArrowRight", 0), ("ArrowRight", 1), ("ArrowLeft", 0), ("ArrowLeft", 4)):
        opened.keyboard.press(key)
        assert opened.evaluate("embeddingMap.state.at") == at
    by_identity = opened.locator("#points").screenshot()
    opened.check("input[value=camera]")
    assert opened.locator("#points").screenshot() != by_identity
    before = opened.evaluate("embeddingMap.spot(0)")
    assert "keeps 60 % of the variance" in opened.inner_text("#words")
    opened.select_option("#projection", "1")
    assert opened.evaluate("embeddingMap.spot(0)") != before
    assert "distances between groups mean nothing" in opened.inner_text("#words")


def test_unknown_cameras_are_no_colours(browser: Browser, data: ReidData, tmp_path: Path) -> None:
    opened = page(browser, data, tmp_path, cameras=False)
    assert opened.is_disabled("input[value=camera]")
