"""``rga embed``: features in a file, and nothing overwritten."""

from pathlib import Path

import numpy as np
import pytest

from cli.terminal import rga
from rga.loading import load


def test_it_writes_features_and_paths(reid_run: Path, people: Path, tmp_path: Path) -> None:
    done = rga("embed", reid_run, people / "query", "-o", tmp_path / "features.npz", "--num-workers", 0)
    assert done.code == 0, done.err
    assert str(tmp_path / "features.npz") in done.out
    assert done.err == ""
    with np.load(tmp_path / "features.npz") as saved:
        names = saved["paths"].tolist()
        assert names == sorted(path.name for path in (people / "query").iterdir())
        expected = load(reid_run).embed([people / "query" / name for name in names])
        np.testing.assert_allclose(saved["features"], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("-o .", "is a folder: name a file to write to"),
        ("-o people/people.json/f.npz", "people.json is a file"),
        ("-o there.npz", "there.npz is there already: name another file with --output, or replace it with --overwrite"),
        ("--batch-size 0", "batch-size must be at least 1, got 0"),
        ("--num-workers -1", "num-workers must lie between 0 and 256, got -1"),
        ("--flipp", "Perhaps you meant: --flip"),
    ],
)
def test_mistakes_are_told_before_the_model_is_loaded(
    reid_run: Path, people: Path, words: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_early(*_: object, **__: object) -> None:
        raise AssertionError("the model was loaded for nothing")

    monkeypatch.setattr("rga.cli.opened.load", too_early)
    there = people.parent / "there.npz"
    there.write_bytes(b"features of another model")
    done = rga("embed", reid_run, people / "query", *words.split(), cwd=people.parent)
    assert done.code == 2
    assert message in done.said
    assert there.read_bytes() == b"features of another model"


def test_a_folder_without_images_is_named(reid_run: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = rga("embed", reid_run, "empty", "-o", "none.npz", cwd=tmp_path)
    assert (done.code, "no images" in done.err) == (2, True)
    assert not (tmp_path / "none.npz").exists()


def test_progress_goes_to_standard_error_so_that_results_can_be_piped(
    reid_run: Path, people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # as if both were terminals
    done = rga("embed", reid_run, people / "query", "-o", tmp_path / "features.npz", "--num-workers", 0)
    assert done.code == 0, done.err
    assert "embedding" in done.err
    assert "embedding" not in done.out
    assert "images, " in done.out
