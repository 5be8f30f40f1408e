"""Images in zips of CLASS/NAME.jpg."""

import pickle
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import numpy as np
import pytest
from PIL import Image
from torch.utils.data import Dataset

from classification.conftest import MakeFolders
from rga.classification.datasets.check import check_data
from rga.classification.datasets.zips import read_zips
from rga.classification.image_sources import ZipImages
from rga.datasets.layout import DataError
from rga.datasets.splits import SPLITS
from rga.images.images import DamagedImageError
from rga.training.input.reading import read_samples


@pytest.fixture
def root(tmp_path: Path, make_folders: MakeFolders) -> Path:
    """Two zips, one of which holds what archives made on a Mac hold, too."""
    for name, counts in (("train-2-per-class", {"frog": 2, "cat": 2}), ("test", {"cat": 1, "frog": 1})):
        folder = make_folders(tmp_path / name, counts)
        with ZipFile(tmp_path / f"{name}.zip", "w") as archive:
            for path in sorted(folder.rglob("*.png")):
                archive.write(path, path.relative_to(folder))
    with ZipFile(tmp_path / "test.zip", "a") as archive:
        archive.writestr("__MACOSX/cat/._0000.png", b"attributes")
        archive.writestr("README.txt", b"about")
    return tmp_path


def test_zips_are_read(root: Path) -> None:
    data = read_zips(root)
    assert data.classes == ("cat", "frog")
    assert data.train.labels.tolist() == [0, 0, 1, 1]
    assert data.test.images.name(1) == "test.zip:frog/0000.png"
    expected = Image.open(root / "train-2-per-class" / "frog" / "0001.png")
    np.testing.assert_array_equal(np.asarray(data.train.images[3]), np.asarray(expected))


@pytest.mark.parametrize("compression", [ZIP_STORED, ZIP_DEFLATED])
def test_a_damaged_member_is_a_damaged_image(root: Path, compression: int) -> None:
    file = root / "train-2-per-class.zip"
    folder = root / "train-2-per-class"
    with ZipFile(file, "w", compression) as archive:
        for path in sorted(folder.rglob("*.png")):
            archive.write(path, path.relative_to(folder))
        at = archive.infolist()[1].header_offset + 60
    contents = bytearray(file.read_bytes())
    contents[at : at + 8] = bytes(255 - value for value in contents[at : at + 8])
    file.write_bytes(contents)
    data = read_zips(root)
    with pytest.raises(DamagedImageError, match=r"train-2-per-class\.zip:cat/0001\.png cannot be read: .*; replace the file"):
        data.train.images[1]
    report = check_data(data, open_images=True)
    assert [text.split(" ", maxsplit=1)[0] for text in report.damaged] == ["train-2-per-class.zip:cat/0001.png"]


def test_processes_open_their_own_zip(root: Path) -> None:
    images = read_zips(root).train.images
    assert isinstance(images, ZipImages)
    before = [images.contents(number) for number in range(4)]
    sent = pickle.loads(pickle.dumps(images))
    assert sent.opened is None
    assert [sent.contents(number) for number in range(4)] == before
    assert list(read_samples(Contents(images), num_workers=2)) == before * 20


class Contents(Dataset[bytes]):
    """The stored images, again and again."""

    def __init__(self, images: ZipImages) -> None:
        self.images = images

    def __len__(self) -> int:
        return 20 * len(self.images)

    def __getitem__(self, index: int) -> bytes:
        return self.images.contents(index % len(self.images))


def test_a_changed_image_changes_the_fingerprint(root: Path) -> None:
    before = read_zips(root).fingerprint
    with ZipFile(root / "test.zip", "w") as archive:
        for name in ("cat", "frog"):
            Image.new("RGB", (8, 6)).save(root / "black.png")
            archive.write(root / "black.png", f"{name}/0000.png")
    assert read_zips(root).fingerprint != before


def test_damaged_members_are_named(root: Path) -> None:
    with ZipFile(root / "test.zip", "w") as archive:
        for name in ("cat", "frog"):
            archive.writestr(f"{name}/0000.png", b"no image")
    with pytest.raises(DamagedImageError, match=r"test\.zip:cat/0000\.png cannot be read as an image"):
        read_zips(root).test.images[0]


def test_wrong_folders_are_named(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    empty = tmp_path_factory.mktemp("empty")
    with pytest.raises(FileNotFoundError, match=r"no folder .*nowhere\. Expected train\*\.zip"):
        read_zips(empty / "nowhere")
    with pytest.raises(FileNotFoundError, match="has no such zips"):
        read_zips(empty)
    (empty / "train.zip").write_text("no zip")
    with pytest.raises(DataError, match=r"train\.zip cannot be read as a zip: .*fetch it again"):
        read_zips(empty)
    with ZipFile(empty / "train.zip", "w") as archive:
        archive.writestr("README.txt", b"")
    with pytest.raises(DataError, match=r"train\.zip holds no images"):
        read_zips(empty)
    with ZipFile(empty / "train.zip", "w") as archive:
        archive.writestr("0000.png", b"")
    with pytest.raises(DataError, match=r"0000\.png lies in no folder, which would name its class"):
        read_zips(empty)
    (root / "train.zip").touch()
    with pytest.raises(DataError, match=r"several zips to train on: train-2-per-class\.zip, train\.zip; leave one"):
        read_zips(root)


def test_a_class_that_is_missing_from_the_test_is_named(root: Path) -> None:
    with ZipFile(root / "test.zip", "w") as archive:
        archive.writestr("cat/0000.png", b"")
    with pytest.raises(DataError, match=r"1 of 2 classes have no image to test on \('frog'\)"):
        read_zips(root)
    (root / "train-2-per-class.zip").unlink()
    with pytest.raises(DataError, match=r"has 1 class \(cat\)"):
        read_zips(root)


def write_zips(root: Path, **members: str) -> Path:
    """Zips with images by their names."""
    root.mkdir()
    for name, inside in members.items():
        with ZipFile(root / f"{name.replace('_', '-')}.zip", "w") as archive:
            for member in inside.split():
                archive.writestr(member, b"")
    return root


def test_three_splits_under_any_of_their_usual_names(tmp_path: Path) -> None:
    data = read_zips(write_zips(tmp_path / "a", cifar_Training="a/1.png b/1.png", VALID="a/2.png b/2.png", Test_set="a/3.png b/3.png"))
    assert [data.split(split).images.name(0) for split in SPLITS] == [
        "cifar-Training.zip:a/1.png",
        "VALID.zip:a/2.png",
        "Test-set.zip:a/3.png",
    ]
    assert data.chooses == "val"


def test_zips_and_folders_in_them_that_are_not_clear_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"extra\.zip is named like no split: name it like one, or put it elsewhere"):
        read_zips(write_zips(tmp_path / "a", train="a/1.png b/1.png", extra="a/1.png b/1.png"))
    with pytest.raises(DataError, match=r"train-test\.zip is named like train and test"):
        read_zips(write_zips(tmp_path / "b", train_test="a/1.png b/1.png"))
    with pytest.raises(DataError, match=r"several zips to choose the best model by: val\.zip, valid\.zip; leave one there"):
        read_zips(write_zips(tmp_path / "c", val="a/1.png", valid="a/1.png"))
    swallowed = write_zips(tmp_path / "d", train="Train/a/1.png Train/b/1.png Val/a/1.png Val/b/1.png")
    with pytest.raises(DataError, match=r"train\.zip has the folders Train, Val, called like splits: make a zip of each split"):
        read_zips(swallowed)
    assert read_zips(swallowed, splits=False).classes == ("Train", "Val")


def test_a_folder_that_is_called_like_a_zip_is_none(tmp_path: Path) -> None:
    root = write_zips(tmp_path / "a", train="a/1.png b/1.png", test="a/2.png b/2.png")
    (root / "val.zip").mkdir()
    assert not len(read_zips(root).split("val").images)


def test_folders_in_a_zip_that_differ_in_their_split_alone_are_refused(tmp_path: Path) -> None:
    within = write_zips(tmp_path / "a", train="seg_train/1.png seg_test/1.png")
    with pytest.raises(
        DataError, match=r"train\.zip has seg_test and seg_train: call splits train, val, test and nothing else; if these are"
    ):
        read_zips(within)
    assert read_zips(within, splits=False).classes == ("seg_test", "seg_train")
