"""``rga demo gallery``: people are generated, enrolled and looked for."""

import csv
from functools import partial
from pathlib import Path

import pytest

from rga.demos.demonstration import MARKER
from rga.demos.gallery import GALLERY, LOOK_FOR, PEOPLE, TABLE, demo_gallery
from rga.errors import ExistingFileError, InputError
from rga.gallery.gallery import Gallery

IDENTITIES, STRANGERS = 20, 4
small_demo = partial(demo_gallery, identities=IDENTITIES, strangers=STRANGERS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished demo."""
    folder = tmp_path_factory.mktemp("demo") / "out"
    assert small_demo(folder) == 0
    return folder


@pytest.mark.slow
def test_the_gallery_holds_what_the_table_names(folder: Path) -> None:
    rows = list(csv.DictReader((folder / TABLE).open(encoding="utf-8", newline="")))
    with Gallery.open(folder / GALLERY) as gallery:
        assert gallery.stats().sightings == len(rows)
        names = {person.name for person in gallery.people()}
        calibrated = gallery.model.calibration is not None
    assert names == {row["person"] for row in rows} - {""}
    assert len(names) == IDENTITIES
    assert calibrated
    assert len({row["camera"] for row in rows}) == 4
    assert len({row["time"] for row in rows}) == len(rows)


@pytest.mark.slow
def test_images_that_are_searched_with_are_not_in_the_gallery(folder: Path) -> None:
    enrolled, strangers = ({path.stem for path in (folder / LOOK_FOR / name).iterdir()} for name in ("enrolled", "strangers"))
    assert (len(enrolled), len(strangers)) == (IDENTITIES, STRANGERS)
    assert not enrolled & strangers
    rows = list(csv.DictReader((folder / TABLE).open(encoding="utf-8", newline="")))
    assert {row["person"] for row in rows} - {""} == enrolled
    in_gallery = {(folder / row["image"]).read_bytes() for row in rows}
    assert not in_gallery & {path.read_bytes() for path in (folder / LOOK_FOR).rglob("*.jpg")}


@pytest.mark.slow
def test_a_second_demo_uses_what_is_there_and_opens_its_page(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    served: list[Path] = []

    assert small_demo(folder, serve=served.append) == 0
    assert served == [folder / GALLERY]
    text = " ".join(capsys.readouterr().out.split())
    assert "the people are there already" in text
    assert "0 sightings are new" in text
    assert "strangers" in text


@pytest.mark.slow
def test_another_world_replaces_the_gallery(folder: Path) -> None:
    assert small_demo(folder, seed=1) == 0
    rows = list(csv.DictReader((folder / TABLE).open(encoding="utf-8", newline="")))
    with Gallery.open(folder / GALLERY) as gallery:
        assert gallery.stats().sightings == len(rows)


@pytest.mark.parametrize("name", [PEOPLE, GALLERY, LOOK_FOR])
def test_what_no_demo_made_is_not_touched(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "mine.txt").write_text("mine")
    with pytest.raises(ExistingFileError, match=f"{name} was not made by rga demo"):
        small_demo(tmp_path)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["mine.txt"]
    assert MARKER not in {path.name for path in tmp_path.rglob("*")}


@pytest.mark.parametrize(("identities", "strangers"), [(19, 4), (20, 0)])
def test_too_few_people_are_refused(tmp_path: Path, identities: int, strangers: int) -> None:
    with pytest.raises(InputError, match="at least 20 people to enrol and one stranger"):
        demo_gallery(tmp_path / "out", identities=identities, strangers=strangers)
    assert not (tmp_path / "out").exists()
