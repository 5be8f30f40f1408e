"""The benchmark of rankings runs: on sizes so small that its times mean nothing."""

import sys
import types
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from rga.reid import rerank


@pytest.fixture
def benchmark(script: Callable[[str], ModuleType]) -> ModuleType:
    """``benchmarks/ranking.py`` as a module."""
    return script("ranking")


@pytest.fixture
def torchreid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of torchreid's name, whose two files answer as they would."""
    folder = tmp_path / "torchreid"
    for part in ("reid/metrics", "reid/utils"):
        (folder / part).mkdir(parents=True)
    (folder / "__init__.py").write_text("raise ImportError('its dependencies are not here')\n")
    (folder / "reid/metrics/rank.py").write_text("def eval_market1501(distances, *labels):\n    return [0.5, 1.0], 0.25\n")
    (folder / "reid/utils/rerank.py").write_text("def re_ranking(q_g, q_q, g_g):\n    return 2 * q_g\n")
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def test_evaluations_agree(benchmark: ModuleType) -> None:
    for features in ("random", "clustered"):
        data = benchmark.make_data(benchmark.Case("evaluation", "", 20, 150, 16, features))
        ours, naive = benchmark.our_evaluation(data), benchmark.naive_evaluation(data)
        assert ours == pytest.approx(naive, abs=1e-9)
        assert benchmark.bare_product(data) == {}
    assert ours["mAP"] > 0.2  # clusters can be found


def test_torchreid_is_loaded_by_file(benchmark: ModuleType, torchreid: Path) -> None:
    data = benchmark.make_data(benchmark.Case("evaluation", "", 20, 150, 16, "clustered"))
    assert benchmark.torchreid_evaluation(data) == {"mAP": 0.25, "R1": 0.5}
    assert benchmark.published_reranking(data) == pytest.approx(benchmark.our_evaluation(data), abs=1e-9)  # twice the distance
    with pytest.raises(ModuleNotFoundError, match="pip install --no-deps torchreid"):
        benchmark.torchreid_module("utils/another.py")


def test_reranking_is_ours(benchmark: ModuleType) -> None:
    data = benchmark.make_data(benchmark.Case("reranking", "", 20, 150, 16, "clustered"))
    figures = benchmark.our_reranking(data)
    order = np.asarray(rerank(data.query, data.gallery)).argsort(1)
    first = data.gallery_ids[order[:, 0]] == data.query_ids
    assert abs(figures["R1"] - first.mean()) < 0.2  # the nearest may be from the query's camera, which does not count
    assert figures["mAP"] > benchmark.our_evaluation(data)["mAP"]


@pytest.mark.slow
def test_a_case_runs_in_a_process_of_its_own(benchmark: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    case = benchmark.Case("evaluation", "ours", 10, 400, 2048, "random")
    result = benchmark.measure(case, 2**40)
    assert result["mAP"] == pytest.approx(benchmark.our_evaluation(benchmark.make_data(case))["mAP"], abs=1e-6)
    assert result["seconds"] > 0
    assert 0 <= result["MiB"] < 500


def test_the_table(benchmark: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    results: dict[str, dict[str, object]] = {
        "product": {"seconds": 2.0, "MiB": 10.0},
        "ours": {"seconds": 3.0, "MiB": 20.0, "mAP": 0.5, "R1": 0.25},
    }
    measured: list[tuple[str, int]] = []

    def measure(case: types.SimpleNamespace, limit: int) -> dict[str, object]:
        measured.append((case.side, limit))
        return results.get(case.side, {"failed": "out of memory"})

    monkeypatch.setattr(benchmark, "measure", measure)
    words = ["ranking.py", "evaluation", "--sizes", "4000x16000", "--features", "random", "--sides", "product", "ours", "naive"]
    monkeypatch.setattr(sys, "argv", [*words, "--rounds", "2", "--memory", "1"])
    benchmark.main()
    assert measured == [(side, 2**30) for _ in range(2) for side in ("product", "ours", "naive")]
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| random")]
    assert rows == [
        "| random | 4,000 x 16,000 x 2,048 | product | 2.00 | 1.00 | 10 |  |  |",
        "| random | 4,000 x 16,000 x 2,048 | ours | 3.00 | 1.50 | 20 | 0.500000 | 0.250000 |",
        "| random | 4,000 x 16,000 x 2,048 | naive | out of memory | | more than 1,024 | | |",
    ]


def test_too_little_memory_is_said(benchmark: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def starve(data: object) -> dict[str, float]:
        raise MemoryError

    monkeypatch.setitem(benchmark.SIDES["evaluation"], "ours", starve)
    assert benchmark.run_case(benchmark.Case("evaluation", "ours", 10, 40, 8, "random")) == {"failed": "out of memory"}


@pytest.mark.slow
def test_a_failure_is_not_passed_over(benchmark: ModuleType) -> None:
    with pytest.raises(RuntimeError, match="nobody"):
        benchmark.measure(benchmark.Case("evaluation", "nobody", 10, 40, 8, "random"), 2**40)
