"""DukeMTMC-reID on a few files with its names."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rga.datasets.layout import DataError
from rga.reid.datasets.dukemtmc import read_dukemtmc

FILES = {
    "bounding_box_train": ["0001_c2_f0046182.jpg", "0001_c5_f0051341.jpg", "0005_c2_f0046985.jpg"],
    "query": ["0002_c1_f0044158.jpg"],
    "bounding_box_test": ["0002_c2_f0044158.jpg", "0002_c1_f0044278.jpg", "7140_c6_f0140912.jpg.jpg"],
}


@pytest.fixture
def root(tmp_path: Path, write_image: Callable[[Path], Path]) -> Path:
    for folder, names in FILES.items():
        for name in names:
            write_image(tmp_path / "DukeMTMC-reID" / folder / name)
    return tmp_path


def test_names_say_identity_and_camera(root: Path) -> None:
    data = read_dukemtmc(root)
    assert (data.name, data.root) == ("dukemtmc", root / "DukeMTMC-reID")
    assert [(sample.identity, sample.camera) for sample in data.train] == [(1, 2), (1, 5), (5, 2)]
    assert [(sample.identity, sample.camera) for sample in data.query] == [(2, 1)]
    assert [(sample.identity, sample.camera) for sample in data.gallery] == [(2, 1), (2, 2), (7140, 6)]
    assert read_dukemtmc(root / "DukeMTMC-reID") == data


def test_that_the_data_were_withdrawn_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"was withdrawn by its authors in 2019, and its home page is gone"):
        read_dukemtmc(tmp_path / "nowhere")


def test_a_name_of_another_dataset(root: Path, write_image: Callable[[Path], Path]) -> None:
    write_image(root / "DukeMTMC-reID" / "query" / "0002_c1s1_000451_03.jpg")
    with pytest.raises(DataError, match=r"does not follow IDENTITY_cCAMERA_fFRAME\.jpg, as 0002_c1_f0044158\.jpg"):
        read_dukemtmc(root)
