"""The benchmark of inference, tiny."""

from collections.abc import Callable
from types import ModuleType

import pytest


@pytest.mark.slow
def test_all_networks_are_measured_in_all_ways(script: Callable[[str], ModuleType], capsys: pytest.CaptureFixture[str]) -> None:
    inference = script("inference")
    columns = [column for column in inference.RUNNERS if column != "compiled"]  # which takes minutes
    tiny = ["--backbone", "test_resnet", "--size", "32", "16", "--batches", "1", "2", "--rounds", "1"]
    table = inference.main([*tiny, "--columns", *columns])
    rows = [line for line in table.splitlines() if line.startswith("| ") and "network" not in line]
    assert [row.split(" | ")[:2] for row in rows] == [[f"| {batch}", name] for batch in (1, 2) for name in inference.NETWORKS]
    assert all(len(row.split(" | ")) == 2 + len(columns) for row in rows)
    compared = [column for column in columns if column != "eager" and "int8" not in column]
    assert capsys.readouterr().out.count("largest differences to the model") == len(inference.NETWORKS) * len(compared)
