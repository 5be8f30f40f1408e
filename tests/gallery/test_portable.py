"""A gallery in a file, and again from it."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gallery.conftest import MakeUrl
from gallery.people import PixelEmbedder, crop_of, crowd, image_of
from rga.errors import InputError, MissingFileError
from rga.gallery.gallery import Gallery
from rga.gallery.store import portable
from rga.gallery.store.errors import GalleryError
from rga.gallery.store.writing import sighting_of


def test_a_gallery_is_the_same_after_export_and_import(
    make_url: MakeUrl, gallery: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portable, "PART", 7)
    crops = crowd(10, 3)
    gallery.add(crops)
    people = gallery.people()
    gallery.merge(people[0].id, [people[1].id])
    gallery.hide(people[2].id)
    query = gallery.search([image_of(5, 99)]).query[0]
    gallery.not_same(query, sighting_of("content 5 0"))
    gallery.remove(person=gallery.find("p009").id)
    gallery.calibrate(0.1, 0.5) if len(gallery.people()) >= 10 else None
    reports: list[tuple[int, int]] = []
    assert gallery.export(tmp_path / "g.zip", lambda done, total: reports.append((done, total))) == 27
    assert reports == [(7, 27), (14, 27), (21, 27), (27, 27)]
    url = make_url()
    with Gallery.import_from(tmp_path / "g.zip", url) as copy:
        assert copy.people() == gallery.people()
        assert copy.stats().fingerprint == "pixels"
        copy.loaded = PixelEmbedder()
        for person in range(10):
            one, other = (each.search([image_of(person, 99)]) for each in (gallery, copy))
            assert one.groups == other.groups
        assert copy.thumbnail(sighting_of("content 4 1")) == gallery.thumbnail(sighting_of("content 4 1"))
        assert copy.add(crops).kept_out == 3  # the salt came along
        assert all(finding.healthy for finding in copy.doctor())
    with pytest.raises(GalleryError, match="holds a gallery already"):
        Gallery.import_from(tmp_path / "g.zip", url)


def test_a_file_without_recordings_is_read(make_url: MakeUrl, gallery: Gallery, tmp_path: Path) -> None:
    gallery.add([crop_of(1, number, named=False, source="a.mp4", track=3, recording="r") for number in range(2)])
    gallery.export(tmp_path / "g.zip")
    with zipfile.ZipFile(tmp_path / "g.zip") as archive, zipfile.ZipFile(tmp_path / "old.zip", "w") as old:
        for name in archive.namelist():
            contents = archive.read(name)
            if name.startswith("sightings/"):
                rows = [json.loads(line) for line in contents.splitlines()]
                assert {row.pop("recording") for row in rows} == {"r"}
                contents = "".join(f"{json.dumps(row)}\n" for row in rows).encode()
            old.writestr(name, contents)
    with Gallery.import_from(tmp_path / "old.zip", make_url()) as copy:
        copy.loaded = PixelEmbedder()
        (group,) = copy.search([image_of(1)]).groups
        assert (group.total, group.best.sighting.recording) == (2, "a.mp4")


def test_other_files_are_refused(make_url: MakeUrl, tmp_path: Path) -> None:
    url = make_url()
    with pytest.raises(MissingFileError):
        Gallery.import_from(tmp_path / "nothing.zip", url)
    (tmp_path / "text.zip").write_text("hello")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("a.txt", "a")
    for name in ("text.zip", "other.zip"):
        with pytest.raises(InputError, match="no exported gallery"):
            Gallery.import_from(tmp_path / name, url)
    Gallery.create(url, PixelEmbedder()).close()  # nothing was left in the database


def saved(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def changed(contents: bytes, change: Callable[[np.ndarray], np.ndarray]) -> bytes:
    return saved(change(np.load(io.BytesIO(contents))))


DAMAGES: dict[str, tuple[str, Callable[[bytes], bytes | None], str]] = {
    "a shortened array": ("embeddings/000000.npy", lambda contents: contents[:50], ""),
    "an array without an end": ("embeddings/000000.npy", lambda contents: contents[:-7], ""),
    "fewer rows": ("embeddings/000000.npy", lambda contents: changed(contents, lambda array: array[:1]), r"of the shape \(1, 72\)"),
    "fewer numbers": ("embeddings/000000.npy", lambda contents: changed(contents, lambda array: array[:, :8]), r"of the shape \(4, 8\)"),
    "integers": ("embeddings/000000.npy", lambda contents: changed(contents, lambda array: array.astype(int)), "holds int64"),
    "NaN": ("embeddings/000000.npy", lambda contents: changed(contents, lambda array: array * np.float16("nan")), "NaN or infinite"),
    "no embeddings": ("embeddings/000000.npy", lambda _: None, "embeddings/000000.npy"),
    "no sightings": ("sightings/000000.jsonl", lambda _: None, "holds 0 of 4 sightings"),
    "a sighting of nobody": ("people.jsonl", lambda _: b"", "foreign key"),
    "no identifier": ("people.jsonl", lambda contents: contents.replace(b'"person": "', b'"person": "x'), "invalid input"),
    "a list": ("gallery.json", lambda _: b"[]", ""),
    "no dimensions": ("gallery.json", lambda contents: json.dumps({**json.loads(contents), "dimensions": "many"}).encode(), ""),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_refused_as_a_whole(make_url: MakeUrl, tmp_path: Path, damage: str) -> None:
    with Gallery.create(make_url(), PixelEmbedder()) as gallery:
        gallery.add(crowd(2, 2))
        gallery.export(tmp_path / "g.zip")
    damaged, change, told = DAMAGES[damage]
    with zipfile.ZipFile(tmp_path / "g.zip") as whole, zipfile.ZipFile(tmp_path / "damaged.zip", "w") as archive:
        for name in whole.namelist():
            contents = change(whole.read(name)) if name == damaged else whole.read(name)
            if contents is not None:
                archive.writestr(name, contents)
    url = make_url()
    with pytest.raises(InputError, match=rf"damaged.zip is no exported gallery, or a damaged one \(.*{told}"):
        Gallery.import_from(tmp_path / "damaged.zip", url)
    with Gallery.import_from(tmp_path / "g.zip", url) as copy:  # nothing was left in the database
        assert copy.stats().sightings == 4
