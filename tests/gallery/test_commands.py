"""``rga gallery``: from a folder of images to a receipt."""

import json
from pathlib import Path

import numpy as np
import pytest
from cli.terminal import rga
from PIL import Image

from gallery.conftest import MakeUrl
from rga.cli.commands.gallery.filling import hidden
from rga.gallery.gallery import Gallery
from rga.loading import load


def draw(person: int, number: int) -> Image.Image:
    """Somebody with a shirt and trousers of their own, each time in another light."""
    generator = np.random.default_rng(person)
    pixels = np.empty((64, 32, 3))
    pixels[:30], pixels[30:] = generator.uniform(30, 225, (2, 3))
    light = np.random.default_rng((person, number)).normal(0, 4, pixels.shape)
    return Image.fromarray(np.clip(pixels + light, 0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve people with three images each, named as in Market-1501; and two that are searched with."""
    folder = tmp_path_factory.mktemp("people")
    for name, numbers in (("known", range(3)), ("query", range(9, 10))):
        (folder / name).mkdir()
        for person in range(1, 13):
            for number in numbers:
                draw(person, number).save(folder / name / f"{person:04}_c{number % 2 + 1}s1_{number:06}_00.png")
    return folder


def test_from_images_to_a_receipt(make_url: MakeUrl, images: Path, tmp_path: Path) -> None:
    where = make_url()

    def run(*words: object, code: int = 0) -> str:
        done = rga("gallery", *words)
        assert done.code == code, done.said
        return done.said

    assert "made the gallery" in run("create", where, "--model", "small")
    assert "holds a gallery already" in run("create", where, code=2)
    assert "added 36 sightings" in run("add", where, images / "known")
    assert "added 0 sightings, 36 were there" in run("add", where, images / "known")
    (tmp_path / "other.csv").write_text(f"image,camera\n{min((images / 'known').iterdir())},yard\n")
    assert "1 were there (1 of them with another camera, time or person, which stay as they are)" in run(
        "add", where, tmp_path / "other.csv"
    )
    assert "36, of 36 the person is known" in run("stats", where)
    query = images / "query" / "0005_c2s1_000009_00.png"
    assert "nobody measured at which distance" in run("search", where, query)
    assert "a match is at most" in run("calibrate", where, "--false-alarms", 0.1, "--unsure", 0.3)

    said = run("search", where, query, "--top", 2, "--camera", "1", "-o", tmp_path / "found.json")
    assert "among 24 sightings: a match is at most" in said  # of camera 1
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["groups"][0]["name"] == "0005"
    assert {each["sighting"]["camera"] for each in found["groups"][0]["sightings"]} == {"1"}
    sighting = found["groups"][0]["best"]["sighting"]["id"]
    assert found["groups"][0]["best"]["sighting"]["source"].startswith("0005_c1")
    assert "0005" in run("search", where, "--like", sighting, "--top", 1)
    assert "is no time" in run("search", where, query, "--since", "yesterday", code=2)
    assert "named by its identifier" in run("search", where, "--like", "0005", code=2)
    assert "unknown" in run("search", where, query, "--since", "2030-01-01", code=1)

    assert "0005 is called Anna now" in run("name", where, "0005", "Anna")
    assert "are one person now" in run("merge", where, "Anna", "0006")
    assert "6" in run("show", where, "--part", "ann")
    assert "undone: merge" in run("undo", where)
    run("show", where, "Anna", "--thumbnails", tmp_path / "thumbnails")
    assert len(list((tmp_path / "thumbnails").iterdir())) == 3
    assert "there are more" not in run("show", where, "--limit", 12)
    assert "there are more than these 11 people: raise --limit" in run("show", where, "--limit", 11)
    assert "there are more" not in run("show", where, "Anna", "--limit", 3)
    few = ("show", where, "Anna", "--limit", 2, "--thumbnails", tmp_path / "few")
    assert "there are more than these 2 sightings, also of thumbnails: raise --limit" in run(*few)
    assert len(list((tmp_path / "few").iterdir())) == 2
    for words in (
        ("remove", where, "--person", ""),
        ("merge", where, "Anna", " "),
        ("export", where, "--person", "", "-o", tmp_path / "n.zip"),
    ):
        assert "an empty name is nobody's" in run(*words, code=2)
    assert "no person 'Berta'" in run("show", where, "Berta", code=2)

    assert "wrote 3 sightings" in run("export", where, "--person", "Anna", "-o", tmp_path / "anna.zip")
    assert "removed 3 sightings, 3 embeddings, 3 thumbnails and 1 person" in run(
        "remove", where, "--person", "Anna", "-o", tmp_path / "r.json"
    )
    receipt = json.loads((tmp_path / "r.json").read_text())
    assert (receipt["removed"], receipt["found"], receipt["orphans"], receipt["proven"]) == (3, 0, 0, True)
    assert "3 were removed before and stay out" in run("add", where, images / "known")
    assert "one of sightings, person, source and camera" in run("remove", where, code=2)

    assert "wrote 33 sightings" in run("export", where, "-o", tmp_path / "all.zip")
    copy = make_url()
    assert "imported 33 sightings" in run("import", tmp_path / "all.zip", copy)
    assert "Anna" not in run("search", copy, query, code=1)
    assert "WRONG" not in run("doctor", copy)
    assert "has this model already" in run("rebuild", copy, "small", images / "known", code=2)
    said = run("rebuild", copy, "small", images / "query", "--flip", code=1)
    assert "the images of 33 sightings were not in the sources" in said
    assert "0001_c1s1_000000_00.png, " in said
    assert "the gallery uses small now; calibrate it again" in run("rebuild", copy, "small", images / "known", "--flip")
    assert "flip" in run("stats", copy)
    assert "removed 0 sightings" in run("expire", copy, "--days", 1)
    for days in ("1e12", "nan"):
        assert "--days is the age" in run("expire", copy, "--days", days, code=2)


def test_damaged_images_are_named_and_the_others_added(make_url: MakeUrl, images: Path, tmp_path: Path) -> None:
    where = make_url()
    assert rga("gallery", "create", where, "--thumbnails", "off").code == 0
    draw(1, 1).save(tmp_path / "0001_c1s1_000001_00.png")
    (tmp_path / "0002_c1s1_000001_00.png").write_bytes(b"no image")
    done = rga("gallery", "add", where, tmp_path)
    assert done.code == 2
    assert "added 1 sighting" in done.said
    assert "1 image cannot be read: 0002_c1s1_000001_00.png" in done.said
    assert rga("gallery", "add", where, tmp_path, "--skip-damaged").code == 0


def test_processes_of_torchrun_share_the_work(make_url: MakeUrl, images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    where = make_url()
    assert rga("gallery", "create", where).code == 0
    for rank, said in ((0, "added 18 sightings"), (1, "added 18 sightings")):
        monkeypatch.setenv("RANK", str(rank))
        monkeypatch.setenv("WORLD_SIZE", "2")
        told = rga("gallery", "add", where, images / "known").said
        assert f"{said}; as process {rank + 1} of 2 (RANK, WORLD_SIZE) this one took one in 2 of the images" in told
    with Gallery.open(where) as gallery:
        assert gallery.stats().sightings == 36


def test_boxes_of_one_video_are_not_for_several(make_url: MakeUrl, images: Path, tmp_path: Path) -> None:
    where = make_url()
    assert rga("gallery", "create", where).code == 0
    (tmp_path / "det.txt").write_text("1,-1,1,1,20,60,1\n")
    sources = sorted((images / "known").iterdir())[:2]
    done = rga("gallery", "add", where, *sources, "--detector", tmp_path / "det.txt")
    assert done.code == 2
    assert "has the boxes of one video, and 2 sources are named: add each alone" in done.said
    assert "added 1 sighting" in rga("gallery", "add", where, sources[0], "--detector", tmp_path / "det.txt").said


def test_sources_of_one_name_are_removed_together_only_if_that_is_said(make_url: MakeUrl, images: Path, tmp_path: Path) -> None:
    where = make_url()
    assert rga("gallery", "create", where).code == 0
    for site, image in zip("ab", sorted((images / "known").iterdir()), strict=False):
        (tmp_path / site).mkdir()
        (tmp_path / site / "0001.png").write_bytes(image.read_bytes())
        assert "added 1 sighting" in rga("gallery", "add", where, tmp_path / site, "--camera", site).said
    refused = rga("gallery", "remove", where, "--source", "0001.png")
    assert refused.code == 2
    assert "2 recordings have the name '0001.png': 1 sighting of a" in refused.said
    assert "removed 2 sightings" in rga("gallery", "remove", where, "--source", "0001.png", "--every-recording").said


def test_passwords_are_not_printed() -> None:
    assert hidden("postgresql://anna:secret@host/db") == "postgresql://anna@host/db"
    assert hidden("postgresql://anna@host/db") == "postgresql://anna@host/db"
    assert hidden("folder@home") == "folder@home"


def test_a_model_that_was_moved_is_missed_and_found_again(make_url: MakeUrl, images: Path, tmp_path: Path) -> None:
    where, model, moved = make_url(), tmp_path / "model", tmp_path / "moved"
    load("small").save_pretrained(model)
    assert rga("gallery", "create", where, "--model", model).code == 0
    assert rga("gallery", "add", where, images / "query").code == 0
    assert rga("gallery", "doctor", where).code == 0
    model.rename(moved)
    done = rga("gallery", "doctor", where)
    assert (done.code, "say where it is with rga gallery relocate" in " ".join(done.said.split())) == (1, True), done.said
    served = rga("serve", where, "--port", 0)
    assert (served.code, f"no model at {model}" in served.said) == (2, True), served.said
    other = rga("gallery", "relocate", where, "small", "--flip")
    assert (other.code, "cannot be compared" in other.said) == (2, True), other.said
    assert rga("gallery", "relocate", where, moved).code == 0
    assert rga("gallery", "doctor", where).code == 0
    with Gallery.open(where) as opened:
        assert opened.model.about["model"] == str(moved)
        assert opened.search([np.asarray(draw(3, 9).convert("RGB"))]).searched == 12
