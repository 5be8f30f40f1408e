"""Rank lists of a small case whose order and marks are known."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rga.ranking.blocks import row_distances
from rga.reid.datasets.samples import Sample
from rga.reports.rank_list import FRAME, GAP, RIGHT, UNCOUNTED, WRONG, RankList, draw_rank_lists, rank_lists, rank_lists_by

QUERY = np.array([[1.0, 0.0]])
GALLERY = np.array([[1.0, 0.0], [1.0, 0.1], [0.9, 0.3], [0.5, 0.9], [0.8, 0.5], [2.0, 0.05]])


def images(folder: Path, *labels: tuple[int, int | None]) -> list[Sample]:
    samples = []
    for number, (identity, camera) in enumerate(labels):
        path = folder / f"{number}_{identity}_{camera}.png"
        Image.new("RGB", (10, 20), (90, 90, 200)).save(path)
        samples.append(Sample(path, identity, camera))
    return samples


def small_case(folder: Path) -> list[RankList]:
    """Nearest first: own camera (left out), junk (left out), a distractor, the person, somebody else, the person."""
    query = images(folder, (7, 1))
    gallery = images(folder, (7, 1), (0, 2), (7, 2), (7, 3), (8, 2), (-1, 2))
    return rank_lists(query, QUERY, gallery, GALLERY, top=5)


def test_the_rules_and_the_marks(tmp_path: Path) -> None:
    (ranked,) = small_case(tmp_path)
    assert [(found.sample.identity, found.sample.camera, found.right) for found in ranked.found] == [
        (0, 2, False),
        (7, 2, True),
        (8, 2, False),
        (7, 3, True),
    ]
    assert (ranked.first_right, ranked.matches) == (2, 2)
    assert ranked.found[1].similarity == pytest.approx(0.9 / np.hypot(0.9, 0.3))


def test_without_cameras_all_images_of_the_person_count(tmp_path: Path) -> None:
    query, gallery = images(tmp_path, (7, None)), images(tmp_path, (7, None), (8, None))
    (ranked,) = rank_lists(query, QUERY, gallery, GALLERY[:2])
    assert [found.right for found in ranked.found] == [True, False]


def test_a_query_that_is_in_the_gallery_is_not_in_its_own_list(tmp_path: Path) -> None:
    query, gallery = images(tmp_path, (7, None)), images(tmp_path, (7, None), (8, None), (7, None))
    distances = row_distances(QUERY, GALLERY[:3])
    (ranked,) = rank_lists_by(distances, query, gallery, [0], (np.array([4]), np.array([4, 5, 6])))
    assert [found.sample.identity for found in ranked.found] == [8, 7]
    assert (ranked.first_right, ranked.matches) == (2, 1)
    (ranked,) = rank_lists_by(distances, query, gallery, [0])
    assert [found.sample.identity for found in ranked.found] == [7, 8, 7]


def test_a_person_who_is_not_in_the_gallery(tmp_path: Path) -> None:
    (ranked,) = rank_lists(images(tmp_path, (7, 1)), QUERY, images(tmp_path, (8, 1)), GALLERY[:1])
    assert (ranked.first_right, ranked.matches) == (None, 0)


def test_equal_similarities_keep_the_gallery_order(tmp_path: Path) -> None:
    gallery = images(tmp_path, (5, 2), (6, 2), (7, 2))
    (ranked,) = rank_lists(images(tmp_path, (7, 1)), QUERY, gallery, np.ones((3, 2)))
    assert [found.sample.identity for found in ranked.found] == [5, 6, 7]


def test_wrong_input(tmp_path: Path) -> None:
    query, gallery = images(tmp_path, (7, 1)), images(tmp_path, (7, 2))
    with pytest.raises(ValueError, match="gallery features must be one row for each of 1 images"):
        rank_lists(query, QUERY, gallery, GALLERY)
    with pytest.raises(ValueError, match="top=0"):
        rank_lists(query, QUERY, gallery, GALLERY[:1], top=0)
    with pytest.raises(ValueError, match="nothing to draw"):
        draw_rank_lists([])


def test_frames_and_marks_in_the_image(tmp_path: Path) -> None:
    (ranked,) = small_case(tmp_path)
    sheet = np.asarray(draw_rank_lists([ranked], cell=(40, 20)))
    frames = {"right": np.array(RIGHT), "wrong": np.array(WRONG)}
    row = sheet[GAP + 12 + 6 + FRAME + 30]  # through the images, below the marks
    edges = [next((name for name, colour in frames.items() if (pixel == colour).all()), None) for pixel in row]
    order = [name for name, before in zip(edges, [None, *edges], strict=False) if name and name != before]
    assert order == [side for found in ranked.found for side in 2 * ["right" if found.right else "wrong"]]
    marks = sheet[GAP + 12 + 6 : GAP + 12 + 6 + 15]
    assert (marks == 255).all(2).sum() > 0


def test_what_does_not_count_is_shown_at_its_place_with_a_mark_of_its_own(tmp_path: Path) -> None:
    query = images(tmp_path, (7, 1))
    gallery = images(tmp_path, (7, 1), (0, 2), (7, 2), (7, 3), (8, 2), (-1, 2))
    distances = row_distances(QUERY, GALLERY)
    (ranked,) = rank_lists_by(distances, query, gallery, [0], top=5, junk=True)
    assert [(found.sample.identity, found.sample.camera, found.right) for found in ranked.found] == [
        (7, 1, None),
        (-1, 2, None),
        (0, 2, False),
        (7, 2, True),
        (8, 2, False),
    ]
    assert (ranked.first_right, ranked.matches) == (2, 2)  # as without them
    (itself,) = rank_lists_by(distances, query, gallery, [0], (np.array([0]), np.arange(6)), top=2, junk=True)
    assert [found.sample.identity for found in itself.found] == [-1, 0]  # the query is never in its own list
    drawn = draw_rank_lists([ranked])
    middle = GAP + 12 + 6 + 40
    across = 64 + 2 * FRAME + GAP
    frames = [drawn.getpixel((GAP + column * across + 16, middle)) for column in range(1, 6)]
    assert frames == [UNCOUNTED, UNCOUNTED, WRONG, RIGHT, WRONG]


def test_rows_have_names_and_images_may_be_replaced(tmp_path: Path) -> None:
    (ranked,) = small_case(tmp_path)
    asked: list[Sample] = []

    def image_of(row: RankList, sample: Sample) -> Image.Image:
        assert row is ranked
        asked.append(sample)
        return Image.new("RGB", (4, 8), (1, 200, 3))

    plain, named = draw_rank_lists([ranked]), draw_rank_lists([ranked], names=["by colour"], image_of=image_of)
    assert named.height > plain.height
    assert asked == [ranked.query, *(found.sample for found in ranked.found)]
    colours = {colour for _, colour in named.getcolors(1 << 20) or []}
    assert (1, 200, 3) in colours
    assert (90, 90, 200) not in colours
