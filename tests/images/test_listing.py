"""Which files of a folder are images."""

import os
import unicodedata
from pathlib import Path

import pytest
from PIL import Image

from rga.errors import MissingFileError
from rga.images.listing import LOSSLESS, SUFFIXES, existing, folders_in, image_names, list_images
from rga.images.named import images_at, named_images

JUNK = ("._a.jpg", ".thumbs/a.jpg", "__MACOSX/a.jpg", ".ipynb_checkpoints/a-checkpoint.png", "@eaDir/a.jpg", "Thumbs.db", "readme.txt")
"""What is found in folders of images and is none."""


def touched(root: Path, *names: str) -> Path:
    """A folder with empty files."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def test_suffixes_count_in_any_case_and_hidden_files_do_not(tmp_path: Path) -> None:
    wanted = ["B.JPG", "a.png", "b/c.TIFF", "b/d.e.Jpeg"]
    touched(tmp_path, *wanted, *JUNK, *(f"b/{name}" for name in JUNK), "jpg", "b/.jpg")
    assert image_names(tmp_path) == wanted
    assert image_names(tmp_path, deep=False) == wanted[:2]
    assert [path.name for path in folders_in(tmp_path)] == ["b"]
    assert images_at([tmp_path]) == [tmp_path / name for name in wanted] == list_images(tmp_path)
    assert list(named_images([tmp_path])) == ["B", "a", "b/c", "b/d.e"]


def test_a_hidden_folder_that_is_named_is_read(tmp_path: Path) -> None:
    assert image_names(touched(tmp_path / ".cache" / "data", "a.jpg")) == ["a.jpg"]
    assert images_at([touched(tmp_path, "._b.jpg") / "._b.jpg"]) == [tmp_path / "._b.jpg"]


def test_links_are_followed_and_end(tmp_path: Path) -> None:
    store = touched(tmp_path / "store", "1.jpg", "deep/2.jpg")
    root = touched(tmp_path / "root", "cat/0.jpg")
    (root / "dog").symlink_to(store)
    (root / "cat" / "one.jpg").symlink_to(store / "1.jpg")
    for loop, target in (("again", "."), ("cat/up", ".."), ("cat/top", "../.."), ("self", "self")):
        (root / loop).symlink_to(target)
    (store / "deep" / "back").symlink_to(root)
    with pytest.raises(MissingFileError, match=r"root/self is a link to self, which is not there: restore it, or remove the link"):
        image_names(root)
    (root / "self").unlink()
    assert image_names(root) == ["cat/0.jpg", "cat/one.jpg", "dog/1.jpg", "dog/deep/2.jpg"]
    assert [path.name for path in folders_in(root)] == ["cat", "dog"]


def test_a_folder_that_is_linked_twice_counts_twice(tmp_path: Path) -> None:
    root = touched(tmp_path, "cat/0.jpg")
    (root / "kitten").symlink_to("cat")
    assert image_names(root) == ["cat/0.jpg", "kitten/0.jpg"]


@pytest.mark.parametrize("name", ["a.jpg", "cat"])
def test_a_link_to_nothing_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).symlink_to("gone")
    with pytest.raises(MissingFileError, match=rf"{name} is a link to gone, which is not there"):
        list_images(tmp_path)


def test_a_folder_that_cannot_be_read_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touched(tmp_path, "a/b.jpg", "c/d.jpg")
    scan = os.scandir

    def refused(path: str) -> object:
        if os.fspath(path).endswith("c"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refused)
    with pytest.raises(PermissionError, match=r"Permission denied: .*/c'"):
        image_names(tmp_path)


def test_the_order_does_not_depend_on_the_form_of_letters(tmp_path: Path) -> None:
    orders = []
    for form in ("NFC", "NFD"):
        root = touched(tmp_path / form, *(unicodedata.normalize(form, name) for name in ("f.jpg", "é.jpg", "ez.jpg")))
        orders.append([unicodedata.normalize("NFC", name) for name in image_names(root)])
        assert existing(root / "é.jpg").exists()
        assert existing(root / unicodedata.normalize("NFD", "é.jpg")).exists()
    assert orders[0] == orders[1]
    assert existing(tmp_path / "ü.jpg") == tmp_path / "ü.jpg"


def test_names_that_are_not_utf8_are_listed(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.jpg")).touch()
    assert [os.fsencode(name) for name in image_names(tmp_path)] == [b"caf\xe9.jpg"]


def test_there_are_no_images(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"no images \(\.jpg, .*\) below"):
        list_images(touched(tmp_path, *JUNK))
    with pytest.raises(MissingFileError, match=r"no folder .*nowhere"):
        image_names(tmp_path / "nowhere")


def test_the_suffixes_are_read_by_pillow() -> None:
    assert {*SUFFIXES} <= {suffix for suffix, kind in Image.registered_extensions().items() if kind in Image.OPEN}
    assert {*LOSSLESS} < {*SUFFIXES}
