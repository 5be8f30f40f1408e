"""MSMT17 on a few files with its names and lists."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rga.datasets.layout import DataError
from rga.reid.datasets.msmt17 import read_msmt17

LISTS = {
    "list_train.txt": ["0000/0000_000_01_0303morning_0008_0.jpg 0", "0001/0001_000_15_0303noon_0032_1.jpg 1"],
    "list_val.txt": ["0000/0000_001_02_0303morning_0015_0.jpg 0"],
    "list_query.txt": ["0000/0000_003_07_0303morning_0033_0.jpg 0", "0001/0001_000_05_0303noon_0033_0.jpg 1"],
    "list_gallery.txt": ["0000/0000_001_03_0303morning_0020_0.jpg 0", "0001/0001_002_14_0303afternoon_1259_0.jpg 1"],
}


@pytest.fixture(params=[("train", "test"), ("mask_train_v2", "mask_test_v2")], ids=["v1", "v2"])
def root(request: pytest.FixtureRequest, tmp_path: Path, write_image: Callable[[Path], Path]) -> Path:
    train, test = request.param
    for name, lines in LISTS.items():
        (tmp_path / name).write_text("\n".join(lines) + "\n")
        for line in lines:
            write_image(tmp_path / (train if name in {"list_train.txt", "list_val.txt"} else test) / line.split()[0])
    return tmp_path


def test_train_and_val_are_trained_on(root: Path) -> None:
    data = read_msmt17(root)
    assert [(sample.identity, sample.camera) for sample in data.train] == [(0, 1), (1, 15), (0, 2)]


def test_test_identities_are_other_persons(root: Path) -> None:
    data = read_msmt17(root)
    assert [(sample.identity, sample.camera) for sample in data.query] == [(2, 7), (3, 5)]
    assert [(sample.identity, sample.camera) for sample in data.gallery] == [(2, 3), (3, 14)]
    assert all(sample.path.is_file() for sample in (*data.train, *data.query, *data.gallery))


def test_the_folder_above_will_do(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    above = tmp_path_factory.mktemp("above")
    root.rename(above / "MSMT17_V2")
    assert read_msmt17(above).root == above / "MSMT17_V2"


def test_a_list_is_missing(root: Path) -> None:
    (root / "list_val.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"lacks list_val\.txt: .*PKU-VMC"):
        read_msmt17(root)


def test_the_images_are_missing(root: Path) -> None:
    next(path for path in root.iterdir() if "test" in path.name).rename(root / "elsewhere")
    with pytest.raises(FileNotFoundError, match=r"lacks (test|mask_test_v2): expected"):
        read_msmt17(root)


def test_a_listed_image_is_missing(root: Path) -> None:
    read_msmt17(root).gallery[1].path.unlink()
    with pytest.raises(DataError, match=r"lacks 1 of 4 listed images, the first: .*0001_002_14_0303afternoon_1259_0\.jpg"):
        read_msmt17(root)


@pytest.mark.parametrize("line", ["0000/0000_000_01_0303morning_0008_0.jpg", "0000/0000_000_01_0303morning_0008_0.jpg one"])
def test_a_line_that_is_none(root: Path, line: str) -> None:
    with (root / "list_query.txt").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(DataError, match=r"list_query\.txt, line 3: expected 'FOLDER/FILE IDENTITY', found '0000/"):
        read_msmt17(root)


def test_lists_as_other_machines_write_them(root: Path) -> None:
    expected = read_msmt17(root)
    for name, lines in LISTS.items():
        (root / name).write_bytes("\r\n".join(line.replace(" ", "\t") + "  " for line in lines).encode("utf-16"))
    assert read_msmt17(root) == expected
    (root / "list_query.txt").write_bytes(b"0000/0000_003_07_0303morning_0033_0.jpg 0\n0000/0000_003_07_0303morning_0033_0.jpg \xe4\n")
    with pytest.raises(DataError, match=r"list_query\.txt, line 2: byte 0xe4 is not text in UTF-8"):
        read_msmt17(root)
    (root / "list_query.txt").write_text("/0000/0000_003_07_0303morning_0033_0.jpg 0\n")
    with pytest.raises(DataError, match=r"list_query\.txt, line 1: '/0000/.* is not below .*, as all images of the list are"):
        read_msmt17(root)


def test_an_image_that_is_listed_twice(root: Path) -> None:
    (root / "list_val.txt").write_text(LISTS["list_train.txt"][0] + "\n")
    with pytest.raises(DataError, match=r"train holds .*0000_000_01_0303morning_0008_0\.jpg twice"):
        read_msmt17(root)


def test_a_name_that_says_nothing(root: Path) -> None:
    (root / "list_train.txt").write_text("0000/walk.jpg 0\n")
    with pytest.raises(DataError, match=r"walk\.jpg: the file name does not follow IDENTITY_NUMBER_CAMERA"):
        read_msmt17(root)


def test_an_empty_list(root: Path) -> None:
    (root / "list_gallery.txt").write_text("\n")
    with pytest.raises(DataError, match=r"list_gallery\.txt lists no image"):
        read_msmt17(root)
