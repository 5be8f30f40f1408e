"""``rga cost``, as a user types it."""

import pytest

from rga.__main__ import main


def test_costs_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "--trunk", "resnet50", "--attentions", "rga-sc", "--image-size", "256", "128"]) == 0
    row = next(line for line in capsys.readouterr().out.splitlines() if "rga-sc" in line)
    assert "29.82" in row  # M parameters, without a classifier


def test_an_unknown_attention_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "--attentions", "rga"]) == 2
    assert "unknown attention 'rga'" in capsys.readouterr().err
