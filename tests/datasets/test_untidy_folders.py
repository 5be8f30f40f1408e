"""Datasets as people have them: the same splits and labels from linked folders, other suffixes and hidden files as from a tidy copy."""

import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image

from rga.classification.datasets.catalog import CATALOG as CLASSIFICATION
from rga.datasets.layout import DataError
from rga.reid.datasets.catalog import CATALOG as REID
from rga.segmentation.datasets.catalog import CATALOG as SEGMENTATION

JUNK = ("._0001_c1s1_000001_01.jpg", ".thumbs/a.jpg", "__MACOSX/a.jpg", ".ipynb_checkpoints/a-checkpoint.png", "Thumbs.db")

FILES: dict[str, tuple[Any, tuple[str, ...], dict[str, str]]] = {
    "market1501": (
        REID,
        (
            *(f"bounding_box_train/000{n}_c1s1_000001_0{n}.jpg" for n in (1, 2)),
            "query/0003_c1s1_000001_01.jpg",
            "bounding_box_test/0003_c2s1_000001_01.jpg",
        ),
        {},
    ),
    "msmt17": (
        REID,
        (
            "train/0000/0000_000_01_morning_1_0.jpg",
            "train/0001/0001_000_02_morning_1_0.jpg",
            "test/0000/0000_001_01_morning_1_0.jpg",
            "test/0000/0000_002_02_morning_1_0.jpg",
        ),
        {
            "list_train.txt": "0000/0000_000_01_morning_1_0.jpg 0\n",
            "list_val.txt": "0001/0001_000_02_morning_1_0.jpg 1\n",
            "list_query.txt": "0000/0000_001_01_morning_1_0.jpg 0\n",
            "list_gallery.txt": "0000/0000_002_02_morning_1_0.jpg 0\n",
        },
    ),
    "cuhk03-labeled": (
        REID,
        (
            "labeled/bounding_box_train/0001_c1_1.png",
            "labeled/query/0002_c1_1.png",
            "labeled/bounding_box_test/0002_c2_6.png",
        ),
        {},
    ),
    "reid folder": (
        REID,
        tuple(f"{split}/{who}/{n}.jpg" for split in ("train", "query", "gallery") for who in ("a", "b") for n in (1, 2)),
        {},
    ),
    "cityscapes": (
        SEGMENTATION,
        tuple(
            f"{kind}/{split}/ulm/ulm_00000{n}_000019_{kind}{ending}.png"
            for split in ("train", "val")
            for n in (1, 2)
            for kind, ending in (("leftImg8bit", ""), ("gtFine", "_labelIds"))
        ),
        {},
    ),
    "camvid": (
        SEGMENTATION,
        tuple(f"{split}{kind}/{n}.png" for split in ("train", "val", "test") for n in (1, 2) for kind in ("", "annot")),
        {},
    ),
    "segmentation folder": (
        SEGMENTATION,
        tuple(f"{kind}/train/walk/{n}.png" for kind in ("images", "masks") for n in (1, 2, 3)),
        {"classes.csv": "value,name\n0,road\n1,sky\n"},
    ),
    "imagenet": (CLASSIFICATION, tuple(f"{split}/n0144{n}/{n}.JPEG" for split in ("train", "val") for n in ("0764", "3537")), {}),
    "classification folder": (
        CLASSIFICATION,
        tuple(f"{split}/{name}/x/{n}.png" for split in ("train", "val") for name in ("cat", "dog") for n in (1, 2)),
        {},
    ),
}
"""Name -> catalogue, images and other files of a small dataset in the layout."""


def build(root: Path, images: tuple[str, ...], others: dict[str, str], change: Callable[[str], str] = str) -> Path:
    """Writes a dataset, whose images' names may be changed."""
    for name in images:
        path = root / change(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((4, 6), len(unicodedata.normalize("NFC", name)) % 2, np.uint8)).save(
            path, "JPEG" if "jpe" in name.lower() or "jpg" in name else "PNG"
        )
    for name, text in others.items():
        (root / name).write_text(text)
    return root


def upper(name: str) -> str:
    """A name with its suffix in capitals."""
    stem, _, suffix = name.rpartition(".")
    return f"{stem}.{suffix.upper()}"


def link_all(root: Path) -> None:
    """Moves each folder that holds images elsewhere, puts a link to it in its place, and links from there to the folders above."""
    homes = sorted({path.parent for path in root.rglob("*.*") if path.suffix not in (".txt", ".csv")})
    for number, home in enumerate(homes):
        store = root.parent / f"{root.name}-store" / str(number)
        store.parent.mkdir(exist_ok=True)
        home.rename(store)
        home.symlink_to(store)
        (store / "loop").symlink_to(root)


def litter(root: Path) -> None:
    """Puts hidden and other files in each folder."""
    for folder in [path for path in (root, *root.rglob("*")) if path.is_dir()]:
        for name in JUNK:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(b"no image")


def content(data: Any) -> dict[str, list[Any]]:
    """What a dataset holds, by the names of its files without their suffixes."""

    def stem(path: Path) -> str:
        return unicodedata.normalize("NFC", path.relative_to(data.root).with_suffix("").as_posix())

    if hasattr(data, "query"):
        return {
            split: [(stem(each.path), each.identity, each.camera) for each in data.split(split)] for split in ("train", "query", "gallery")
        }
    if hasattr(data, "masks_given"):
        return {
            split: [(stem(each.image), each.mask and stem(each.mask)) for each in data.split(split)] for split in ("train", "val", "test")
        }
    return {
        split: [(stem(data.root / part.images.name(n)), data.classes[part.labels[n]]) for n in range(len(part))]
        for split, part in (("train", data.train), ("val", data.val), ("test", data.test))
    }


@pytest.mark.parametrize("mess", [link_all, litter, upper], ids=["linked folders", "hidden files", "suffixes in capitals"])
@pytest.mark.parametrize("name", FILES)
def test_untidy_folders_are_read_as_tidy_ones(tmp_path: Path, name: str, mess: Any) -> None:
    catalog, images, others = FILES[name]
    spec = name.rsplit(maxsplit=1)[-1]
    tidy = catalog.load(spec, build(tmp_path / "tidy", images, others))
    untidy = build(tmp_path / "untidy", images, others, mess if mess is upper else str)
    if mess is not upper:
        mess(untidy)
    found = catalog.load(spec, untidy)
    assert content(found) == content(tidy)
    assert sum(map(len, content(tidy).values())) > 1
    for split in content(found):
        part = found.split(split)
        for index in range(len(part)):
            sample = (
                part.images.root / part.images.names[index]
                if hasattr(part, "images")
                else getattr(part[index], "path", None) or part[index].image
            )
            assert sample.is_file()


def test_names_in_another_form_of_unicode_meet(tmp_path: Path) -> None:
    composed, decomposed = (unicodedata.normalize(form, "größe") for form in ("NFC", "NFD"))
    root = build(
        tmp_path / "masks",
        (f"images/{composed}.png", "images/a.png", f"masks/{decomposed}.png", "masks/a.png"),
        FILES["segmentation folder"][2],
    )
    assert len(SEGMENTATION.load("folder", root).train) == 1
    folders = [f"{split}/{name}/1.png" for split, name in (("train", composed), ("train", "a"), ("val", decomposed), ("val", "a"))]
    data = CLASSIFICATION.load("folder", build(tmp_path / "classes", tuple(folders), {}))
    assert data.classes == ("a", composed)
    people = [f"{split}/{name}/1.png" for split, name in (("train", "a"), ("query", composed), ("gallery", decomposed))]
    people_data = REID.load("folder", build(tmp_path / "people", tuple(people), {}))
    assert people_data.query[0].identity == people_data.gallery[0].identity
    table = "path,identity,camera,split\n" + "".join(f"{composed}{n}.png,1,{n},{split}\n" for n, split in ((1, "query"), (2, "gallery")))
    root = build(tmp_path / "table", tuple(f"{decomposed}{n}.png" for n in (1, 2)), {"table.csv": table})
    assert len(REID.load("csv", root / "table.csv").query) == 1


def test_fingerprints_do_not_depend_on_the_form_of_letters(tmp_path: Path) -> None:
    found = set()
    for form in ("NFC", "NFD"):
        images = tuple(unicodedata.normalize(form, f"{split}/{name}/ü.png") for split in ("train", "val") for name in ("é", "b"))
        found.add(CLASSIFICATION.load("folder", build(tmp_path / form / "same", images, {})).fingerprint)
    assert len(found) == 1


def test_two_files_for_one_name_are_refused(tmp_path: Path) -> None:
    _, images, others = FILES["cuhk03-labeled"]
    root = build(tmp_path, (*images, "labeled/query/0002_c1_1.jpg"), others)
    with pytest.raises(DataError, match="differ in their ending alone"):
        REID.load("cuhk03-labeled", root)


def zipped(path: Path, members: dict[str, bytes]) -> None:
    """Writes a zip."""
    path.parent.mkdir(exist_ok=True)
    with ZipFile(path, "w") as archive:
        for name, contents in members.items():
            archive.writestr(name, contents)


@pytest.mark.parametrize(
    "form",
    ["{}/x/{}.png", "./{}/{}.png", "pets/{}/{}.png", "./pets/./all/{}/x/{}.PNG", "{}\\x\\{}.png", "/{}/{}.png"],
)
def test_members_of_zips_have_the_classes_of_folders(tmp_path: Path, form: str) -> None:
    Image.new("RGB", (5, 4), (9, 8, 7)).save(tmp_path / "image.png")
    contents = (tmp_path / "image.png").read_bytes()
    for split in ("Train.ZIP", "test.zip"):
        members = {form.format(name, number): contents for name in ("dog", "cat") for number in (1, 2)}
        junk = {f"__MACOSX/cat/{name}": b"no image" for name in ("._1.png", "1.png")} | {"cat/.thumbs/1.png": b"no image"}
        zipped(tmp_path / "zips" / split, members | junk)
    (tmp_path / "zips" / "._train.zip").write_bytes(b"no zip")
    data = CLASSIFICATION.load("zips", tmp_path / "zips")
    assert data.classes == ("cat", "dog")
    assert data.train.labels.tolist() == data.test.labels.tolist() == [0, 0, 1, 1]
    assert all(data.train.images[n].getpixel((0, 0)) == (9, 8, 7) for n in range(4))


def test_a_backslash_beside_a_slash_is_part_of_a_name(tmp_path: Path) -> None:
    Image.new("RGB", (5, 4)).save(tmp_path / "image.png")
    contents = (tmp_path / "image.png").read_bytes()
    for split in ("train.zip", "test.zip"):
        zipped(tmp_path / "zips" / split, {f"{name}/1.png": contents for name in ("back\\slash", "back\\ward")})
    assert CLASSIFICATION.load("zips", tmp_path / "zips").classes == ("back\\slash", "back\\ward")


def test_members_whose_names_are_utf8_unsaid(tmp_path: Path) -> None:
    for split in ("train.zip", "test.zip"):
        zipped(tmp_path / split, {f"{name}/1.png": b"" for name in ("größe", "dog")})
    contents = (tmp_path / "test.zip").read_bytes()
    flagged = contents.replace(b"\x14\x00\x00\x08", b"\x14\x00\x00\x00")  # the bit that says so, in both heads of each member
    assert flagged != contents
    (tmp_path / "test.zip").write_bytes(flagged)
    assert CLASSIFICATION.load("zips", tmp_path).classes == ("dog", "größe")


def test_of_two_members_of_a_name_the_last_counts(tmp_path: Path) -> None:
    for split in ("train.zip", "test.zip"):
        zipped(tmp_path / split, {"cat/1.png": b"first", "dog/1.png": b"", "./cat/1.png": b"last"})
    data = CLASSIFICATION.load("zips", tmp_path)
    assert data.train.labels.tolist() == [0, 1]
    assert data.train.images.contents(0) == b"last"
