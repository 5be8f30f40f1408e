"""The album of generated people: layout, determinism and refusals."""

from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from rga.errors import InputError
from rga.reid.datasets.catalog import CATALOG
from rga.synthetic.people.album import AlbumOptions, make_album

TINY = AlbumOptions(people=3, train=4, query=2, height=32, width=16)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_album(tmp_path_factory.mktemp("data") / "album", TINY)


def contents(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*.jpg"))}


def test_layout_is_a_folder_per_person_and_queries_are_searched_for_in_train(root: Path) -> None:
    people = ("person01", "person02", "person03")
    found = Counter(path.relative_to(root).parts[:2] for path in root.rglob("*.jpg"))
    assert found == {(split, person): count for split, count in (("train", 4), ("query", 2)) for person in people}
    data = CATALOG.load("folder", root, known=True)
    assert (len(data.train), len(data.query), data.gallery) == (12, 6, data.train)
    assert {sample.identity for sample in data.query} == {1, 2, 3}
    with Image.open(data.query[0].path) as image:
        assert (image.format, image.size) == ("JPEG", (16, 32))


def test_same_seed_same_bytes_and_no_image_is_there_twice(root: Path, tmp_path: Path) -> None:
    assert contents(make_album(tmp_path / "again", TINY)) == contents(root)
    assert len(set(contents(root).values())) == 18
    other = contents(make_album(tmp_path / "other", AlbumOptions(**{**vars(TINY), "seed": 1})))
    assert all(other[name] != data for name, data in contents(root).items())


def test_wrong_options_are_refused() -> None:
    with pytest.raises(InputError, match="people is 1: expected a whole number from 2 to 999"):
        AlbumOptions(people=1)
