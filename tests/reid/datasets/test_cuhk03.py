"""CUHK03 in each of its forms: a small HDF5 archive with object references, a folder of its images, CUHK03-NP, and a real camera pair."""

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from scipy.io import savemat  # type: ignore[import-untyped]

from rga.datasets.layout import DataError
from rga.reid.datasets.cuhk03 import read_cuhk03, read_cuhk03_classic
from rga.reid.datasets.cuhk03_archive import extract_images
from rga.reid.datasets.samples import SplitCounts

Array = npt.NDArray[Any]

PERSONS = (3, 2, 1, 1, 1)
"""Of the five pairs: identities 1-3, 4-5, 6, 7, 8."""

THERE = (1, 2, 6, 7, 8)
"""Images of every person, of 1 to 10; person 2 of pair 1 has but the first camera's."""

TESTED = [(1, 1), (2, 2)]
"""Persons of the first classic split; identities 1 and 5."""


def images_of(pair: int, person: int) -> tuple[int, ...]:
    return (1, 2) if (pair, person) == (1, 2) else THERE


def pixels(pair: int, person: int, image: int, boxes: str) -> Array:
    generator = np.random.default_rng([pair, person, image, len(boxes)])
    return generator.integers(0, 256, (6 + person, 3 + pair, 3), dtype=np.uint8)  # (H, W, 3)


def file_names() -> list[str]:
    return [
        f"{pair}_{person:03d}_{1 if image <= 5 else 2}_{image:02d}.png"
        for pair, persons in enumerate(PERSONS, start=1)
        for person in range(1, persons + 1)
        for image in images_of(pair, person)
    ]


def write_archive(path: Path) -> Path:
    """A ``cuhk-03.mat`` as MATLAB 7.3 writes it: transposed, with empty arrays as their size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        heap = file.create_group("#refs#")

        def store(content: Array, dtype: object = None) -> h5py.Reference:
            return heap.create_dataset(f"r{len(heap)}", data=content, dtype=dtype).ref

        def cell(references: Sequence[Sequence[h5py.Reference]]) -> Array:
            array: Array = np.empty((len(references), len(references[0])), dtype=h5py.ref_dtype)
            for row, line in enumerate(references):
                array[row] = line
            return array

        for boxes in ("labeled", "detected"):
            pairs = []
            for pair, persons in enumerate(PERSONS, start=1):
                rows = [
                    [
                        store(pixels(pair, person, image, boxes).T if image in images_of(pair, person) else np.zeros(2, dtype=np.uint64))
                        for person in range(1, persons + 1)
                    ]
                    for image in range(1, 11)
                ]
                pairs.append(store(cell(rows), h5py.ref_dtype))  # (10, persons)
            file.create_dataset(boxes, data=cell([pairs]), dtype=h5py.ref_dtype)  # (1, 5)
        testsets = [store(np.array(TESTED if split == 0 else [(1, 3)], dtype=np.float64).T) for split in range(20)]
        file.create_dataset("testsets", data=cell([testsets]), dtype=h5py.ref_dtype)  # (1, 20)
    return path


def write_protocol(path: Path, **changes: Array) -> Path:
    """A protocol: pair 1 is trained on; of the others each identity's images 1 and 6 are queries."""
    names = file_names()
    first = np.concatenate([[1], 1 + np.cumsum(PERSONS)])
    fields = [[int(field) for field in name.removesuffix(".png").split("_")] for name in names]
    filelist: Array = np.empty((len(names), 1), dtype=object)
    filelist[:, 0] = names
    numbers = np.arange(1, len(names) + 1)
    trained = np.array([pair == 1 for pair, *_ in fields])
    asked = np.array([image in {1, 6} for *_, image in fields])
    content = {
        "filelist": filelist,
        "labels": np.array([[first[pair - 1] + person - 1] for pair, person, *_ in fields], dtype=np.uint16),
        "camId": np.array([[camera] for *_, camera, _ in fields], dtype=np.uint8),
        "train_idx": numbers[trained][:, None].astype(np.uint16),
        "query_idx": numbers[~trained & asked][:, None].astype(np.uint16),
        "gallery_idx": numbers[~trained & ~asked][:, None].astype(np.uint16),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, {key: value for key, value in (content | changes).items() if value.size})
    return path


@pytest.fixture
def original(tmp_path: Path) -> Path:
    write_archive(tmp_path / "cuhk-03.mat")
    for boxes in ("labeled", "detected"):
        write_protocol(tmp_path / f"cuhk03_new_protocol_config_{boxes}.mat")
    return tmp_path


@pytest.fixture
def extracted(tmp_path: Path, write_image: Callable[[Path], Path]) -> Path:
    write_protocol(tmp_path / "protocol" / "cuhk03_new_protocol_config_labeled.mat")
    for name in file_names():
        write_image(tmp_path / "images_labeled" / Path(name).with_suffix(".jpg"))
    return tmp_path


@pytest.mark.parametrize("boxes", ["labeled", "detected"])
def test_the_original_archive_is_unpacked_once(original: Path, boxes: str) -> None:
    data = read_cuhk03(original, boxes)  # type: ignore[arg-type]
    folder = original / f"images_{boxes}"
    assert sorted(path.name for path in folder.iterdir()) == sorted(file_names())
    with Image.open(folder / "2_001_2_07.png") as image:
        assert np.array_equal(np.asarray(image), pixels(2, 1, 7, boxes))
    assert data.name == f"cuhk03-{boxes}"
    assert data.counts == {"train": SplitCounts(3, 12, 2), "query": SplitCounts(5, 10, 2), "gallery": SplitCounts(5, 15, 2)}
    assert sorted(path.name for path in original.iterdir() if path.is_dir()) == [folder.name]

    (original / "cuhk-03.mat").unlink()
    assert read_cuhk03(original, boxes) == data  # type: ignore[arg-type]


def test_identities_and_cameras_are_the_protocols(original: Path) -> None:
    data = read_cuhk03(original, "labeled")
    people = {sample.path.name: (sample.identity, sample.camera) for sample in (*data.train, *data.query, *data.gallery)}
    assert people["1_003_2_06.png"] == (3, 2)
    assert people["2_002_1_01.png"] == (5, 1)
    assert people["5_001_2_08.png"] == (8, 2)


def test_the_release_folder_holds_the_archive(original: Path) -> None:
    (original / "cuhk03_release").mkdir()
    (original / "cuhk-03.mat").rename(original / "cuhk03_release" / "cuhk-03.mat")
    assert read_cuhk03(original, "labeled").train[0].path.parent == original / "cuhk03_release" / "images_labeled"
    assert read_cuhk03(original, "labeled").counts["train"].images == 12


def test_a_stopped_extraction_leaves_nothing(original: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved: list[object] = []

    def save(image: Image.Image, path: Path) -> None:
        if len(saved) == 5:
            raise KeyboardInterrupt
        saved.append(path)

    monkeypatch.setattr(Image.Image, "save", save)
    with pytest.raises(KeyboardInterrupt):
        read_cuhk03(original, "labeled")
    assert not [path for path in original.iterdir() if path.is_dir()]


def test_a_folder_of_images_in_another_format(extracted: Path) -> None:
    data = read_cuhk03(extracted, "labeled")
    assert data.counts["gallery"] == SplitCounts(5, 15, 2)
    assert data.gallery[0].path.suffix == ".jpg"


def test_a_subset_has_to_be_declared(extracted: Path) -> None:
    for path in (extracted / "images_labeled").glob("[45]_*"):
        path.unlink()
    with pytest.raises(DataError, match=r"has 27 of the 37 images of .*first missing is 4_001_1_01\.png.*allow_subset=True"):
        read_cuhk03(extracted, "labeled")
    data = read_cuhk03(extracted, "labeled", allow_subset=True)
    assert data.name == "cuhk03-labeled-subset"
    assert data.counts == {"train": SplitCounts(3, 12, 2), "query": SplitCounts(3, 6, 2), "gallery": SplitCounts(3, 9, 2)}


def test_a_subset_without_a_split(extracted: Path) -> None:
    for path in (extracted / "images_labeled").glob("1_*"):
        path.unlink()
    with pytest.raises(DataError, match="none of the 12 images of the split train"):
        read_cuhk03(extracted, "labeled", allow_subset=True)


def test_a_whole_set_is_no_subset(extracted: Path) -> None:
    assert read_cuhk03(extracted, "labeled", allow_subset=True) == read_cuhk03(extracted, "labeled")


def test_cuhk03_np_folders(tmp_path: Path, write_image: Callable[[Path], Path]) -> None:
    for name in ("bounding_box_train/0001_c1_1.png", "query/0003_c1_21.png", "bounding_box_test/0003_c2_26.png"):
        write_image(tmp_path / "detected" / name)
    data = read_cuhk03(tmp_path, "detected")
    assert [(s.identity, s.camera) for s in (*data.train, *data.query, *data.gallery)] == [(1, 1), (3, 1), (3, 2)]


def test_nothing_is_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"cuhk03_new_protocol_config_labeled\.mat.*Multimedia Laboratory.*person-re-ranking"):
        read_cuhk03(tmp_path, "labeled")


def test_the_protocol_is_missing(original: Path) -> None:
    (original / "cuhk03_new_protocol_config_labeled.mat").unlink()
    with pytest.raises(
        FileNotFoundError, match=r"lacks cuhk03_new_protocol_config_labeled\.mat: expected .*, images_labeled or cuhk-03\.mat"
    ):
        read_cuhk03(original, "labeled")


def test_neither_images_nor_archive(original: Path) -> None:
    (original / "cuhk-03.mat").unlink()
    with pytest.raises(FileNotFoundError, match=r"images_labeled or cuhk-03\.mat"):
        read_cuhk03(original, "labeled")
    with pytest.raises(FileNotFoundError, match=r"lacks cuhk-03\.mat"):
        read_cuhk03_classic(original, "labeled")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"train_idx": np.array([[0], [1]])}, r"train_idx reaches from 0 to 1, the list from 1 to 37"),
        ({"query_idx": np.array([[38]])}, r"query_idx reaches from 38 to 38"),
        ({"labels": np.ones((3, 1))}, "37 files, 3 labels and 37 camId"),
        ({"camId": np.zeros(0)}, "lacks camId"),
    ],
)
def test_a_broken_protocol(extracted: Path, changes: dict[str, Array], says: str) -> None:
    write_protocol(extracted / "protocol" / "cuhk03_new_protocol_config_labeled.mat", **changes)
    with pytest.raises(DataError, match=says):
        read_cuhk03(extracted, "labeled")


def test_files_that_are_not_matlabs(original: Path) -> None:
    (original / "cuhk-03.mat").write_bytes(b"not this")
    with pytest.raises(DataError, match=r"cuhk-03\.mat is not a MATLAB 7\.3 \(HDF5\) file"):
        read_cuhk03(original, "labeled")
    (original / "cuhk03_new_protocol_config_labeled.mat").write_bytes(b"nor this" * 100)
    with pytest.raises(DataError, match=r"config_labeled\.mat is not a MATLAB file"):
        read_cuhk03(original, "labeled")


def test_another_hdf5_file(original: Path) -> None:
    with h5py.File(original / "cuhk-03.mat", "w") as file:
        file["labeled"] = np.zeros(3)
    with pytest.raises(DataError, match="lacks detected, testsets"):
        read_cuhk03(original, "labeled")


def test_classic_split(original: Path) -> None:
    data = read_cuhk03_classic(original, "labeled")
    assert data.name == "cuhk03-classic-labeled-00"
    assert data.counts == {"train": SplitCounts(6, 27, 2), "query": SplitCounts(2, 4, 1), "gallery": SplitCounts(2, 6, 1)}
    assert {sample.identity for sample in data.query} == {1, 5}
    assert {sample.camera for sample in data.query} == {1}
    assert {sample.camera for sample in data.gallery} == {2}


def test_the_other_classic_splits(original: Path) -> None:
    assert {sample.identity for sample in read_cuhk03_classic(original, "detected", split=19).gallery} == {3}
    with pytest.raises(ValueError, match=r"no split 20 in .*: choose one of 0 to 19"):
        read_cuhk03_classic(original, "detected", split=20)


def test_single_shot_draws_one_gallery_image_an_identity(original: Path) -> None:
    galleries = [read_cuhk03_classic(original, "labeled", single_shot=seed).gallery for seed in range(6)]
    assert all([sample.identity for sample in gallery] == [1, 5] for gallery in galleries)
    assert len(set(galleries)) > 1
    assert galleries[0] == read_cuhk03_classic(original, "labeled", single_shot=0).gallery


@pytest.mark.parametrize(
    ("name", "says"),
    [("walk.png", "does not follow PAIR_PERSON_CAMERA_IMAGE.png, as 1_001_1_01.png"), ("5_002_1_01.png", "no person 2 in pair 5")],
)
def test_a_stray_image(original: Path, write_image: Callable[[Path], Path], name: str, says: str) -> None:
    read_cuhk03_classic(original, "labeled")
    write_image(original / "images_labeled" / name)
    with pytest.raises(DataError, match=says):
        read_cuhk03_classic(original, "labeled")


def test_the_real_camera_pair(project: Path) -> None:
    root = project.parent / "shared" / "data" / "cuhk03-pair1"
    if not root.is_dir():
        pytest.skip("camera pair 1 of CUHK03 is not on this machine")
    data = read_cuhk03(root, "labeled", allow_subset=True)
    assert data.counts == {"train": SplitCounts(427, 4_145, 2), "query": SplitCounts(416, 832, 2), "gallery": SplitCounts(416, 3_200, 2)}


def test_images_that_another_process_has_made_in_the_meantime_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rga.reid.datasets.cuhk03_archive.open_archive", lambda _path: contextlib.nullcontext({}))
    monkeypatch.setattr("rga.reid.datasets.cuhk03_archive.cells", lambda _archive, _boxes: [])
    (tmp_path / "made" / "inside").mkdir(parents=True)
    assert extract_images(tmp_path / "cuhk-03.mat", "labeled", tmp_path / "made") == tmp_path / "made"
    assert (tmp_path / "made" / "inside").is_dir()

    def full(_path: Path, _target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(OSError, match="No space left"):
        extract_images(tmp_path / "cuhk-03.mat", "labeled", tmp_path / "new")
    assert not (tmp_path / "new").exists()
