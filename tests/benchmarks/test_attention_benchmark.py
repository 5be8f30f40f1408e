"""The benchmarks run: on shapes so small that their numbers mean nothing."""

import sys
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

import rga
from rga.attention.grid import GridAttention


@pytest.fixture
def benchmark(script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """``benchmarks/attention.py`` as a module, with tiny shapes."""
    module = script("attention")
    monkeypatch.setattr(module, "RESNET50_STAGES", {"256x128": ((16, 8, 4), (32, 4, 2)), "384x192": ((16, 12, 6),)})
    monkeypatch.setattr(module, "CROP", ("1 of 32x16", (16, 8, 4)))
    monkeypatch.setattr(module, "IMAGE_SIZE", (64, 32))
    return module


def tables(text: str) -> list[list[str]]:
    """The rows of the printed tables, without heads and rules."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    return [row for row in rows if not row[0].startswith("---") and "images" not in row and "attention" not in row]


def tiny_network(attention: str, **options: Any) -> nn.Module:
    layers = [nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 8, 3, 2, 1), nn.Conv2d(8, 16, 3, 2, 1)]
    return rga.attach(nn.Sequential(*layers), attention, image_size=(64, 32), **options)


def test_modules(benchmark: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    benchmark.modules(batch=4, rounds=1)
    rows = tables(capsys.readouterr().out)
    assert [row[:2] for row in rows] == [
        ["4 of 256x128", "16 x 8x4"],
        ["4 of 256x128", "32 x 4x2"],
        ["4 of 256x128", "**all four together**"],
        ["1 of 384x192", "16 x 12x6"],
        ["1 of 384x192", "**all four together**"],
        ["1 of 32x16", "16 x 8x4"],
    ]
    assert all(len(row) == 14 for row in rows)


def test_accelerations_are_left_out_and_put_back(benchmark: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    before = [benchmark.gate.can_tile, benchmark.FastLinearNorm.forward, benchmark.gate.BLOCK_BYTES, benchmark.gate.recompute]
    benchmark.accelerations(batch=4, rounds=1)
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert [row.split("|")[1].strip() for row in rows[1:]] == list(benchmark.ACCELERATIONS)
    after = [benchmark.gate.can_tile, benchmark.FastLinearNorm.forward, benchmark.gate.BLOCK_BYTES, benchmark.gate.recompute]
    assert after == before


def counted(function: Callable[..., object], calls: list[str]) -> Callable[..., object]:
    """A function that also notes its calls."""

    def call(*arguments: object) -> object:
        calls.append("called")
        return function(*arguments)

    return call


def test_an_acceleration_that_is_left_out_is_not_used(benchmark: ModuleType) -> None:
    module = rga.create_attention("rga-s", 16, (16, 8))  # large enough for tiles
    x = torch.randn(2, 16, 16, 8)
    for name, acceleration in benchmark.ACCELERATIONS.items():
        for where, value in acceleration.without.items():
            if callable(value):
                calls: list[str] = []
                benchmark.patched(partial(module, x), {**acceleration.given, where: counted(value, calls)})()
                assert calls, name


@pytest.mark.parametrize("compiled", [False, True])
def test_networks(benchmark: ModuleType, compiled: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(benchmark, "resnet50", tiny_network)
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))  # needs no compiler
    benchmark.networks(batch=2, rounds=1, names=["none", "rga-s"], compiled=compiled)
    rows = tables(capsys.readouterr().out)
    assert [row[0] for row in rows] == ["none", "rga-s"]
    assert all(len(row) == 10 for row in rows)
    assert all((row[-1] != "") == compiled for row in rows)


def test_fits(benchmark: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(benchmark, "resnet50", tiny_network)
    monkeypatch.setitem(benchmark.FITS, "pool", {"fit": "pool", "largest_grid": (2, 2)})
    benchmark.fits(batch=2, rounds=2)
    _, plain, exact, *others = tables(capsys.readouterr().out)
    assert [row[0] for row in (plain, exact, *others)] == ["plain", "exact", "spectral", "pool"]
    assert all(len(row) == 8 for row in (plain, exact, *others))
    assert (plain[2], plain[4], plain[6], exact[4], exact[6]) == ("0", "0.00", "0.00", "1.00", "1.00")
    assert float(others[1][1]) <= float(exact[1])


def test_the_backbone_is_the_papers(benchmark: ModuleType) -> None:
    model = benchmark.resnet50("rga-s")
    assert list(rga.attached(model)) == ["layer1", "layer2", "layer3", "layer4"]
    assert [module.grid for module in model.modules() if isinstance(module, GridAttention)] == [
        (16, 8),
        (8, 4),
        (4, 2),
        (4, 2),
    ]


def test_memory_is_the_peak_of_what_is_held(benchmark: ModuleType) -> None:
    def run() -> None:
        large = torch.empty(1 << 20)  # 4 MiB
        del large
        torch.empty(1 << 18)

    assert benchmark.peak_memory(run) == pytest.approx(4, abs=0.01)


def test_the_command_line_chooses_the_part(benchmark: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[object] = []
    monkeypatch.setattr(benchmark, "modules", lambda *arguments: called.append(arguments))
    monkeypatch.setattr(benchmark, "networks", lambda *arguments: called.append(arguments))
    monkeypatch.setattr(sys, "argv", ["attention.py", "networks", "--attentions", "rga-s", "--batch-size", "1", "--rounds", "1", "--eager"])
    benchmark.main()
    assert called == [(1, 1, ["rga-s"], False)]
    monkeypatch.setattr(sys, "argv", ["attention.py", "modules", "--batch-size", "2", "--rounds", "3"])
    benchmark.main()
    assert called[1:] == [(2, 3)]
