"""What people say about people: it holds in every later search, and can be undone."""

import unicodedata
import zipfile
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from gallery.people import crop_of, crowd, image_of
from rga.errors import InputError
from rga.gallery.gallery import Gallery
from rga.gallery.results import Person
from rga.gallery.store.errors import GalleryError
from rga.gallery.store.postgresql.database import SCHEMA
from rga.gallery.store.writing import sighting_of


@pytest.fixture
def people(gallery: Gallery) -> list[Person]:
    gallery.add(crowd(4, 3))
    return gallery.people()


def found(gallery: Gallery, person: int) -> list[str]:
    return [group.name for group in gallery.search([image_of(person, 99)]).groups]


def sightings(person: int, *numbers: int) -> list:  # type: ignore[type-arg]
    return [sighting_of(f"content {person} {number}") for number in numbers]


def test_names(gallery: Gallery, people: list[Person]) -> None:
    gallery.name(people[0].id, " Anna ")
    assert found(gallery, 0)[0] == "Anna"
    assert gallery.find("Anna").id == gallery.find(str(people[0].id)).id == people[0].id
    assert [each.name for each in gallery.people("ANN")] == ["Anna"]
    with pytest.raises(GalleryError, match="another person is called 'Anna'"):
        gallery.name(people[1].id, "Anna")
    with pytest.raises(GalleryError, match="no person 'Berta'"):
        gallery.find("Berta")
    assert gallery.undo().kind == "name"
    assert gallery.person(people[0].id).name == "p000"


@pytest.mark.parametrize("name", ["", " ", "\t\n"])
def test_an_empty_name_is_nobodys(gallery: Gallery, people: list[Person], name: str) -> None:
    gallery.split(sightings(0, 0))  # somebody without a name
    with pytest.raises(GalleryError, match="an empty name is nobody's"):
        gallery.find(name)
    assert len(gallery.people()) == 5


def test_a_name_is_the_same_however_its_letters_are_written(gallery: Gallery) -> None:
    composed, apart = (unicodedata.normalize(form, "José Müller") for form in ("NFC", "NFD"))
    gallery.add([replace(crop_of(0, 0), person=f" {apart} ")])
    gallery.add([replace(crop_of(0, 1), person=composed)])
    assert [(each.name, each.sightings) for each in gallery.people()] == [(composed, 2)]
    assert gallery.find(apart).id == gallery.find(f" {composed}").id == gallery.people()[0].id
    gallery.add([crop_of(1, 0)])
    with pytest.raises(GalleryError, match="another person is called"):
        gallery.name(gallery.find("p001").id, apart)
    gallery.name(gallery.find("p001").id, "ÉMILE GROSS")
    for part in ("müller", "MÜLLER", unicodedata.normalize("NFD", "Müller"), "émile groß"):
        assert len(gallery.people(part)) == 1
    assert [each.name for each in gallery.people("É")] == ["José Müller", "ÉMILE GROSS"]
    gallery.merge(gallery.find("ÉMILE GROSS").id, [gallery.find("José Müller").id])
    assert [(each.name, each.sightings) for each in gallery.people("émile")] == [("ÉMILE GROSS", 3)]
    assert gallery.people("josé") == []


@pytest.mark.parametrize("name", ["a\0b", "a\udcff"])
def test_a_name_that_is_no_text_is_refused(gallery: Gallery, people: list[Person], name: str) -> None:
    for refused in (lambda: gallery.name(people[0].id, name), lambda: gallery.split(sightings(1, 1), name), lambda: gallery.find(name)):
        with pytest.raises(InputError, match="that is no text"):
            refused()
    assert gallery.people() == people


def test_merging_and_its_undoing(gallery: Gallery, people: list[Person]) -> None:
    gallery.merge(people[0].id, [people[1].id, people[2].id])
    merged = gallery.person(people[2].id)
    assert (merged.id, merged.name, merged.sightings) == (people[0].id, "p000", 9)
    assert [each.name for each in gallery.people()] == ["p000", "p003"]
    assert found(gallery, 1)[0] == "p000"
    assert len(gallery.sightings(people[0].id)) == 9
    gallery.merge(people[3].id, [people[0].id])
    assert gallery.person(people[1].id).id == people[3].id
    gallery.undo()
    gallery.undo()
    assert gallery.people() == people
    with pytest.raises(GalleryError, match="nothing to undo"):
        gallery.undo()
    with pytest.raises(GalleryError, match="nobody to merge"):
        gallery.merge(people[0].id, [people[0].id])


def test_splitting_and_assigning(gallery: Gallery, people: list[Person]) -> None:
    gallery.add([crop_of(9, 0, named=False)])
    new = gallery.split(sightings(0, 0, 1), "Carla")
    assert (new.name, new.sightings) == ("Carla", 2)
    assert gallery.person(people[0].id).sightings == 1
    gallery.assign(sightings(9, 0), new.id)
    assert gallery.person(new.id).sightings == 3
    assert [action.kind for action in gallery.actions()] == ["assign", "split"]
    with pytest.raises(GalleryError, match="a later action"):
        gallery.undo(gallery.actions()[1].id)
    gallery.undo()
    gallery.undo()
    assert gallery.people() == people
    with pytest.raises(GalleryError, match="has 0 of the 1"):
        gallery.split(sightings(8, 8))
    with pytest.raises(GalleryError, match="is called"):
        gallery.split(sightings(1, 1), "p000")
    assert gallery.people() == people


def test_hidden_people_are_not_found(gallery: Gallery, people: list[Person]) -> None:
    gallery.hide(people[1].id)
    assert "p001" not in found(gallery, 1)
    assert gallery.person(people[1].id).hidden
    gallery.merge(people[1].id, [people[2].id])
    assert "p002" not in found(gallery, 2)
    gallery.undo()
    gallery.hide(people[1].id, False)
    assert found(gallery, 1)[0] == "p001"


def test_who_is_merged_with_somebody_hidden_is_hidden(gallery: Gallery, people: list[Person]) -> None:
    gallery.hide(people[1].id)
    gallery.merge(people[0].id, [people[1].id])
    assert gallery.person(people[0].id).hidden
    assert not {"p000", "p001"} & set(found(gallery, 1))
    gallery.undo()
    assert [each.hidden for each in gallery.people()] == [False, True, False, False]
    gallery.same(sightings(0, 0)[0], sightings(1, 0)[0])
    assert gallery.person(people[0].id).hidden


def test_not_the_same_is_never_suggested_again(gallery: Gallery, people: list[Person]) -> None:
    query = image_of(1, 99)
    result = gallery.search([query])
    assert result.groups[0].name == "p001"
    gallery.not_same(result.query[0], result.groups[0].best.sighting.id)
    assert "p001" not in [group.name for group in gallery.search([query]).groups]
    gallery.add([crop_of(1, 50)])  # more of that person
    assert "p001" not in [group.name for group in gallery.search([query]).groups]
    assert found(gallery, 1) != []  # 99 is the same image
    assert gallery.search([image_of(1, 98)]).groups[0].name == "p001"  # another image is another question
    gallery.undo()
    assert gallery.search([query]).groups[0].name == "p001"


def test_not_the_same_holds_when_the_sighting_has_expired(gallery: Gallery, people: list[Person], tmp_path: Path) -> None:
    query = image_of(0, 99)
    result = gallery.search([query])
    judged = result.groups[0].best.sighting
    gallery.not_same(result.query[0], judged.id)
    gallery.remove(sightings=[judged.id])
    assert "p000" not in found(gallery, 0)
    assert result.query[0].hex in pairs_of(gallery)
    gallery.export_person(people[0].id, tmp_path / "p.zip")
    with zipfile.ZipFile(tmp_path / "p.zip") as archive:
        assert str(result.query[0]) in archive.read("pairs.jsonl").decode()
    gallery.remove(sightings=[each.id for each in gallery.sightings(people[0].id)][:1])
    gallery.merge(people[1].id, [people[0].id])
    assert "p001" not in found(gallery, 0)
    gallery.undo()
    left = gallery.sightings(people[0].id)[0].id
    gallery.same(result.query[0], left)  # somebody thinks again
    assert found(gallery, 0)[0] == "p000"
    gallery.undo()
    receipt = gallery.remove(person=people[0].id)
    assert receipt.proven
    assert pairs_of(gallery) == ""


def test_what_was_said_of_two_sightings_is_dropped_with_both(gallery: Gallery, people: list[Person]) -> None:
    one, other = (sightings(person, 0)[0] for person in (0, 1))
    gallery.not_same(one, other)
    gallery.remove(sightings=[one])
    assert "p000" not in [group.name for group in gallery.search([], like=[other]).groups]
    assert gallery.remove(sightings=[other]).proven
    assert pairs_of(gallery) == ""
    gallery.same(*sightings(2, 0, 1))
    gallery.remove(sightings=sightings(2, 0))
    assert pairs_of(gallery) == ""


@pytest.mark.parametrize("exact", [None, False])
def test_not_the_same_is_said_of_a_whole_track(gallery: Gallery, exact: bool | None) -> None:
    track = [crop_of(0, number, named=False, source="v.mp4", track=3) for number in range(4)]
    other_track = [crop_of(0, 10 + number, named=False, source="v.mp4", track=4) for number in range(2)]
    gallery.add([*track, *other_track, crop_of(1, 0)])
    query = [image_of(0, 9)]
    result = gallery.search(query, exact=exact)
    assert {group.track for group in result.groups[:2]} == {("v.mp4", 3), ("v.mp4", 4)}
    (group,) = (group for group in result.groups if group.track == ("v.mp4", 3))

    def tracks() -> set[tuple[str, int] | None]:
        return {group.track for group in gallery.search(query, exact=exact).groups}

    gallery.not_same(result.query[0], group.best.sighting.id)
    assert tracks() == {("v.mp4", 4), None}
    gallery.add([crop_of(0, 4, named=False, source="v.mp4", track=3)])  # the track goes on
    assert tracks() == {("v.mp4", 4), None}
    gallery.remove(sightings=[group.best.sighting.id])
    assert tracks() == {("v.mp4", 4), None}
    rest = next(found for found in sightings(0, 0, 1) if found != group.best.sighting.id)
    gallery.same(result.query[0], rest)
    assert ("v.mp4", 3) in tracks()
    gallery.undo()
    gallery.remove(source="v.mp4")
    assert pairs_of(gallery) == ""


def pairs_of(gallery: Gallery) -> str:
    """All that is said of pairs, as text."""
    with psycopg.connect(gallery.database.url) as connection:
        rows = connection.execute(f"SELECT first, second FROM {SCHEMA}.pairs").fetchall()
    return " ".join(each.hex for row in rows for each in row)


def test_the_same_is_confirmed_and_comes_first(gallery: Gallery, people: list[Person]) -> None:
    query = image_of(1, 99)
    name = gallery.search([query]).query[0]
    gallery.same(name, sightings(3, 0)[0])
    first, second = gallery.search([query]).groups[:2]
    assert (first.name, first.decision, first.confirmed) == ("p003", "match", True)
    assert (second.name, second.confirmed) == ("p001", False)
    elsewhere = gallery.search([query], cameras=["c1"]).groups
    assert [(group.name, len(group.sightings), group.confirmed) for group in elsewhere[:2]] == [("p003", 1, True), ("p001", 1, False)]
    gallery.hide(people[3].id)
    assert "p003" not in [group.name for group in gallery.search([query]).groups]
    gallery.undo()
    only = gallery.search([query], top=1).groups
    assert [group.name for group in only] == ["p003"]
    gallery.undo()
    assert gallery.search([query]).groups[0].name == "p001"


def test_two_sightings_that_are_the_same_are_one_person(gallery: Gallery, people: list[Person]) -> None:
    gallery.add([crop_of(9, 0, named=False), crop_of(9, 1, named=False)])
    gallery.same(*sightings(9, 0, 1))
    person = gallery.sighting(sightings(9, 0)[0]).person
    assert person is not None
    assert gallery.person(person).sightings == 2
    gallery.same(sightings(9, 0)[0], sightings(2, 0)[0])
    assert gallery.person(person).name == "p002"
    assert gallery.person(people[2].id).sightings == 5
    gallery.undo()
    gallery.undo()
    assert gallery.people() == people
    assert gallery.sighting(sightings(9, 0)[0]).person is None
    with pytest.raises(GalleryError, match="no pair"):
        gallery.same(sightings(1, 1)[0], sightings(1, 1)[0])
    with pytest.raises(GalleryError, match="neither"):
        gallery.same(sightings(71, 1)[0], sightings(72, 1)[0])


def test_an_undo_whose_answer_was_lost_undoes_one_action(gallery: Gallery, people: list[Person], lost_answers: None) -> None:
    gallery.name(people[0].id, "Ada")
    gallery.name(people[1].id, "Ben")
    assert gallery.undo().kind == "name"
    assert [each.name for each in gallery.people()] == ["Ada", "p001", "p002", "p003"]
    action = gallery.actions()[0]
    gallery.undo(action.id)
    with pytest.raises(GalleryError, match="is undone already"):
        gallery.undo(action.id)
    with pytest.raises(GalleryError, match="there is no action"):
        gallery.undo(people[0].id)


def test_an_action_whose_name_was_given_to_somebody_else_is_not_undone(gallery: Gallery, people: list[Person]) -> None:
    renamed = gallery.name(people[0].id, "Berta")
    merged = gallery.merge(people[1].id, [people[2].id])
    gallery.name(people[3].id, "p000")
    with pytest.raises(GalleryError, match="another person is called 'p000' now: rename that one first"):
        gallery.undo(renamed.id)
    gallery.name(people[3].id, "p002")
    with pytest.raises(GalleryError, match="another person is called 'p002' now"):
        gallery.undo(merged.id)
    assert [(each.name, each.sightings) for each in gallery.people()] == [("Berta", 3), ("p001", 6), ("p002", 3)]
    gallery.name(people[3].id, "p003")
    gallery.undo(merged.id)
    gallery.undo(renamed.id)
    assert gallery.people() == people


def test_numbers_that_are_too_small(gallery: Gallery) -> None:
    for refused in (
        lambda: gallery.people(limit=-1),
        lambda: gallery.people(offset=-1),
        lambda: gallery.actions(0),
        lambda: gallery.audit(-3),
        lambda: gallery.sightings(sightings(0, 0)[0], limit=0),
    ):
        with pytest.raises(InputError, match="must be at least"):
            refused()
