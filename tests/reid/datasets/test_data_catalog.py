"""Every dataset by its name."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rga.errors import MissingFileError
from rga.reid.datasets.catalog import CATALOG, EXPECTED, READERS


@pytest.mark.parametrize("name", [name for name in READERS if name != "walks"])  # which are rendered where they are not there
def test_missing_data_say_what_was_expected_and_where_to_have_it(name: str, tmp_path: Path) -> None:
    with pytest.raises(MissingFileError) as caught:
        CATALOG.load(name, tmp_path / "nowhere")
    message = str(caught.value)
    assert str(tmp_path / "nowhere") in message
    assert "home page" in message or "your own" in message


def test_an_unknown_name_answers_with_the_nearest_or_all(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"unknown dataset 'market': did you mean market1501\?"):
        CATALOG.load("market", tmp_path)
    with pytest.raises(ValueError, match=r"unknown dataset 'grid07': choose one of market1501, msmt17, .*walks"):
        CATALOG.load("grid07", tmp_path)


def test_an_unknown_option_answers_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'cuhk03-labeled' has no option 'subset': it takes allow_subset"):
        CATALOG.load("cuhk03-labeled", tmp_path, subset=True)
    with pytest.raises(ValueError, match="'market1501' has no option 'split': it takes none"):
        CATALOG.load("market1501", tmp_path, split=1)


def test_options_of_each() -> None:
    assert {name: list(CATALOG.options(name)) for name in READERS if CATALOG.options(name)} == {
        "ilids-vid": ["split"],
        "prid2011": ["split", "splits", "min_frames"],
        "tracklets": ["test_fraction", "seed", "splits", "case"],
        "walks": ["identities", "cameras", "tracklets_per_camera", "frames", "seed"],
        "cuhk03-labeled": ["allow_subset"],
        "cuhk03-detected": ["allow_subset"],
        "cuhk03-classic-labeled": ["split", "single_shot"],
        "cuhk03-classic-detected": ["split", "single_shot"],
        "folder": ["camera", "test_fraction", "seed", "known", "splits", "case"],
        "names": ["identity", "camera", "test_fraction", "seed", "known", "case"],
    }


def test_options_reach_the_reader(tmp_path: Path, write_image: Callable[[Path], Path]) -> None:
    for name in ("train/ann/c1.jpg", "query/bob/c1.jpg", "gallery/bob/c2.jpg"):
        write_image(tmp_path / name)
    assert CATALOG.load("folder", tmp_path, camera=r"c(\d)").has_cameras
    assert CATALOG.load("folder", str(tmp_path)).root == tmp_path


def test_counts_of_the_protocols() -> None:
    images = {name: tuple(counts[split].images for split in ("train", "query", "gallery")) for name, counts in EXPECTED.items()}
    assert set(images) <= set(READERS)
    assert images == {
        "market1501": (12_936, 3_368, 15_913),
        "msmt17": (32_621, 11_659, 82_161),
        "dukemtmc": (16_522, 2_228, 17_661),
        "veri": (37_778, 1_678, 11_579),
        "cuhk03-labeled": (7_368, 1_400, 5_328),
        "cuhk03-detected": (7_365, 1_400, 5_332),
        "mars": (8_298, 1_980, 9_330),
        "ilids-vid": (300, 150, 150),
        "prid2011": (178, 89, 89),
    }
