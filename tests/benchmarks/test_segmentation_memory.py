"""The memory benchmark: every case runs, tiny, and the table says what was kept."""

import json
from collections.abc import Callable
from types import ModuleType, SimpleNamespace

import pytest

from rga.attention.modules import SpatialRelationAttention
from rga.attention.relation import RelationGate

Script = Callable[[str], ModuleType]


@pytest.fixture
def tiny(script: Script, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmark on small crops and a small backbone."""
    module = script("segmentation_memory")
    whole = module.SegmentationModel
    monkeypatch.setattr(module, "CROP", (64, 64))
    monkeypatch.setattr(module, "SegmentationModel", lambda _backbone, **options: whole("resnet10t", **options))
    return module


def test_cases_are_what_they_say(tiny: ModuleType) -> None:
    def spatial(name: str) -> list[SpatialRelationAttention]:
        return [module for module in tiny.build(tiny.CASES[name]).modules() if isinstance(module, SpatialRelationAttention)]

    assert spatial("plain") == []
    assert [(module.grid, module.fit) for module in spatial("exact")] == [((8, 8), "exact")]
    assert [type(module.gate) for module in spatial("dense")] == [RelationGate]
    assert [(module.grid, module.fit) for module in spatial("pool")] == [((16, 16), "pool"), *[((8, 8), "pool")] * 3]
    assert {tiny.CASES[name].limit for name in ("exact", "pool")} == {8}
    assert {tiny.CASES[name].limit for name in ("predict-exact", "predict-pool")} == {6}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["plain", "exact", "dense", "pool", "predict-plain", "predict-exact", "predict-pool"])
def test_every_case_runs(tiny: ModuleType, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiny.resource, "getrusage", lambda _: SimpleNamespace(ru_maxrss=3 * 2**20))  # KiB
    monkeypatch.setattr(tiny.sys, "platform", "linux")
    found = tiny.run_case(tiny.CASES[name], crop=(64, 64), image=(80, 96))
    weights = sum(parameter.numel() for parameter in tiny.build(tiny.CASES[name]).parameters())
    assert found == {"peak": 3.0, "parameters": weights / 1e6}
    assert weights > 4_000_000


def test_the_table_says_what_was_kept(tiny: ModuleType) -> None:
    text = tiny.memory(["exact", "dense", "predict-pool"], lambda _: {"parameters": 50.0, "peak": 7.5})
    assert "| RGA-SC after the last stage, exact (96x96) | 50.0 M | 7.50 GiB | 8 GiB: kept |" in text
    assert "| the same with the affinity built | 50.0 M | 7.50 GiB |  |" in text
    assert "pooled to 32x32, whole | 50.0 M | 7.50 GiB | 6 GiB: BROKEN |" in text


def test_the_command_line(tiny: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiny, "run_case", lambda _: {"parameters": 1.0, "peak": 2.0})
    assert json.loads(tiny.main(["--here", "pool"])) == {"parameters": 1.0, "peak": 2.0}
    with pytest.raises(ValueError, match="unknown cases pol: choose from plain, exact"):
        tiny.main(["pol"])
    monkeypatch.setattr(tiny, "in_a_child", lambda _: {"parameters": 1.0, "peak": 2.0})
    assert tiny.main([]).count("GiB: kept") == 4
