"""``rga search``: the images of the same person."""

import json
from pathlib import Path

import numpy as np
import pytest

from cli.terminal import rga
from rga.loading import load


@pytest.fixture
def query(people: Path) -> list[Path]:
    """Three images to search for."""
    return sorted((people / "query").iterdir())[:3]


def test_the_nearest_are_those_of_the_cosine(reid_run: Path, people: Path, query: list[Path], tmp_path: Path) -> None:
    known = sorted((people / "bounding_box_test").iterdir())
    done = rga("search", reid_run, *query, "--gallery", people / "bounding_box_test", "-o", tmp_path / "m.json", "--num-workers", 0)
    assert done.code == 0, done.said
    found = json.loads((tmp_path / "m.json").read_text())
    assert list(found) == [str(path) for path in query]
    features = load(reid_run).embed([*query, *known])
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    for row, path in zip(features[:3] @ features[3:].T, query, strict=True):
        best = np.argsort(-row)[:3]
        assert [each["image"] for each in found[str(path)]] == [str(known[index]) for index in best]
        assert [each["similarity"] for each in found[str(path)]] == pytest.approx(row[best].tolist(), abs=2e-4)
    assert "1." in done.out
    assert "3." in done.out
    assert f"written to {tmp_path / 'm.json'}" in done.said


def test_an_image_does_not_find_its_own_file(reid_run: Path, people: Path, query: list[Path], tmp_path: Path) -> None:
    words = (
        "--gallery",
        people / "query",
        people / "bounding_box_test",
        "--top",
        2,
        "--flip",
        "-o",
        tmp_path / "m.json",
        "--num-workers",
        0,
    )
    done = rga("search", reid_run, query[0], *words)
    assert done.code == 0, done.said
    (found,) = json.loads((tmp_path / "m.json").read_text()).values()
    assert len(found) == 2
    assert str(query[0]) not in {each["image"] for each in found}
    alone = rga("search", reid_run, query[0], "--gallery", query[0], "--num-workers", 0)
    assert (alone.code, "no other image" in alone.said) == (2, True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--gallery nowhere", "there is no image at nowhere"),
        ("--gallery . --top 0", "top must be at least 1, got 0"),
        ("", "--gallery"),
    ],
)
def test_mistakes_are_one_clear_error(reid_run: Path, query: list[Path], words: str, message: str, tmp_path: Path) -> None:
    done = rga("search", reid_run, query[0], *words.split(), cwd=tmp_path)
    assert done.code == 2
    assert message in done.said


def test_a_model_of_another_task_is_refused(digits_run: Path, query: list[Path]) -> None:
    done = rga("search", digits_run, query[0], "--gallery", query[1])
    assert done.code == 2
    assert "is for classification: use rga classify or rga evaluate with it" in done.said
