"""CIFAR's batches for Python, in the real format, with checksums of what the test made."""

import hashlib
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torchvision.datasets import CIFAR10, CIFAR100

from rga.classification.datasets.cifar import read_cifar10, read_cifar100
from rga.classification.datasets.samples import ClassificationData

NAMES = {CIFAR10: ["airplane", "cat", "frog"], CIFAR100: ["apple", "bear", "cloud"]}


def write(path: Path, value: dict[str, Any]) -> str:
    """Pickles a batch; its checksum."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(value, protocol=2))
    return hashlib.md5(path.read_bytes()).hexdigest()


def make(kind: type[CIFAR10], root: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    """Writes batches of three images each; the pixels (n, 3, 32, 32) by the batch."""
    generator = np.random.default_rng(0)
    labels, names = ("labels", "label_names") if kind is CIFAR10 else ("fine_labels", "fine_label_names")
    home = root / kind.base_folder
    pixels: dict[str, np.ndarray] = {}
    for part in ("train_list", "test_list"):
        sums = []
        for name, _ in getattr(kind, part):
            pixels[name] = generator.integers(0, 256, (3, 3, 32, 32), dtype=np.uint8)
            sums.append([name, write(home / name, {"data": pixels[name].reshape(3, -1), labels: [2, 0, 1]})])
        monkeypatch.setattr(kind, part, sums)
    meta = {**kind.meta, "md5": write(home / kind.meta["filename"], {names: NAMES[kind]})}
    monkeypatch.setattr(kind, "meta", meta)
    return pixels


@pytest.mark.parametrize(("kind", "read"), [(CIFAR10, read_cifar10), (CIFAR100, read_cifar100)], ids=["10", "100"])
def test_batches_are_read_in_their_order(
    kind: type[CIFAR10], read: Callable[[Path], ClassificationData], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = make(kind, tmp_path, monkeypatch)
    data = read(tmp_path)
    assert data.classes == tuple(NAMES[kind])
    assert (len(data.train), len(data.test)) == (3 * len(kind.train_list), 3)
    assert data.train.labels.tolist() == [2, 0, 1] * len(kind.train_list)
    for split, names in ((data.train, kind.train_list), (data.test, kind.test_list)):
        expected = np.concatenate([pixels[name] for name, _ in names]).transpose(0, 2, 3, 1)
        shown = np.stack([np.asarray(split.images[number]) for number in range(len(split))])
        np.testing.assert_array_equal(shown, expected)


def test_what_is_not_there_or_not_the_published_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"no folder .*cifar-10-batches-py\. Unpack cifar-10-python.tar.gz .*CIFAR10\('.*download=True"
    ):
        read_cifar10(tmp_path)
    make(CIFAR10, tmp_path, monkeypatch)
    batch = tmp_path / CIFAR10.base_folder / "data_batch_3"
    batch.write_bytes(pickle.dumps({"data": []}))
    with pytest.raises(FileNotFoundError, match="are not all there, or not the published ones"):
        read_cifar10(tmp_path)


def test_a_pickle_that_was_tampered_with_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(CIFAR10, tmp_path, monkeypatch)

    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "sprung",)

    (tmp_path / CIFAR10.base_folder / "test_batch").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(FileNotFoundError):
        read_cifar10(tmp_path)
    assert not (tmp_path / "sprung").exists()
