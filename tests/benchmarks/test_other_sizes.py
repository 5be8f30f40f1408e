"""Trained attention on images of other sizes, by each way to serve them."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

import rga
from rga.datasets.spec import DataSpec
from rga.reid.recipes import tiny
from rga.synthetic.people.people import PeopleOptions, make_people


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs of a step, plain and with RGA-SC."""
    folder = tmp_path_factory.mktemp("sizes")
    few = PeopleOptions(identities=8, images_per_camera=2, distractors=0, junk=0, height=64, width=32)
    data = DataSpec("market1501", make_people(folder / "people", few))
    for name, attention in (("plain", "none"), ("rga-sc", "rga-sc")):
        fields = {"image_size": (64, 32), "max_steps": 1, "ids_per_batch": 2, "device": "cpu", "attention": attention}
        rga.train(tiny().override(data=data, **fields), output=folder / name / "seed-0")
    return folder


@pytest.mark.slow
def test_each_way_has_its_row(script: Callable[[str], ModuleType], runs: Path) -> None:
    table = script("other_sizes").main([str(runs), "--seeds", "0", "--ratios", "1", "1.5"]).splitlines()
    assert table[0] == "| 1 seeds | 1x | 1.5x |"
    rows = {line.split("|")[1].strip(): line for line in table[2:]}
    assert list(rows) == list(script("other_sizes").WAYS)
    for name in ("plain", "RGA-SC, resampled", "RGA-SC, pooled", "RGA-SC, spectral, all frequencies"):
        assert "(+0.0)" in rows[name].split("|")[2]  # at the size of the training all are one function


@pytest.mark.slow
def test_the_ways_are_what_they_say(script: Callable[[str], ModuleType], runs: Path) -> None:
    sizes = script("other_sizes")
    found = {}
    for name, (variant, way) in sizes.WAYS.items():
        model = rga.load(runs / variant / "seed-0" / "last")
        way(model, (96, 48))
        found[name] = [(each.fit, each.grid) for each in sizes.attentions(model)][:1]
    assert found["plain"] == []
    assert found["RGA-SC, resampled"] == [("exact", (24, 12))]
    assert found["RGA-SC, pooled"] == [("pool", (16, 8))]
    assert found["RGA-SC, spectral, all frequencies"] == [("spectral", (16, 8))]
    model = rga.load(runs / "rga-sc" / "seed-0" / "last")
    sizes.half_the_cosines(model, (96, 48))
    assert sizes.attentions(model)[0].basis.frequencies == (8, 4)
