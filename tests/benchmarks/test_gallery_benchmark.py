"""The benchmark of galleries runs: on sizes so small that its times mean nothing."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from rga.gallery.store import indexing, searching

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="galleries in folders need unix sockets")


@pytest.fixture
def benchmark(script: Callable[[str], ModuleType]) -> ModuleType:
    """``benchmarks/galleries.py`` as a module."""
    return script("galleries")


@pytest.mark.slow
def test_a_table_of_figures(benchmark: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "EXACT_ROWS", 300)
    monkeypatch.setattr(searching, "FEW_ROWS", 60)
    text = benchmark.main(["--sizes", "1200x16", "--queries", "8", "--folder", str(tmp_path)])
    assert "1,200 x 16" in text
    assert "index built in" in text
    for line in ("nearest", "nearest, exact", "search", "numpy"):
        row = next(row for row in text.splitlines() if re.match(rf"{line}  ", row))
        recalls = [float(each) for each in re.findall(r"ms, ([\d.]+)", row)]
        assert len(recalls) == 3
        assert min(recalls) > (0.999 if line == "numpy" else 0.95)
    assert list(tmp_path.iterdir()) == []


def test_people_are_drawn_around_known_ones(benchmark: ModuleType, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(40, 24))
    labels = np.repeat(np.arange(40), 6)
    features = centres[labels] + 0.3 * generator.normal(size=(240, 24))
    np.savez(tmp_path / "known.npz", gallery_feat=features.astype(np.float16), gallery_pid=labels)
    people = benchmark.draw(500, 24, 30, tmp_path / "known.npz")
    assert people.gallery.shape == (500, 24)
    assert people.queries.shape == (30, 24)
    np.testing.assert_allclose(np.linalg.norm(people.gallery, axis=1), 1, rtol=1e-5)
    own = np.arange(500) % 50
    similar = people.gallery @ people.gallery.T
    same = (own[:, None] == own[None]) & ~np.eye(500, dtype=bool)
    assert similar[same].mean() > 0.7
    assert abs(similar[own[:, None] != own[None]].mean()) < 0.2
