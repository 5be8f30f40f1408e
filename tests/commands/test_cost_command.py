"""``rga cost``, as a user types it."""

import pytest

import rga
from rga.__main__ import main


def test_costs_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "--trunk", "resnet50", "--attentions", "rga-sc", "--image-size", "256", "128"]) == 0
    row = next(line for line in capsys.readouterr().out.splitlines() if "rga-sc" in line)
    assert "29.81" in row  # M parameters, with the last stride 2 and without a classifier


def test_by_default_every_attention_has_its_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "--trunk", "resnet18"]) == 0
    rows = [[cell.strip() for cell in line.split("\u2502")] for line in capsys.readouterr().out.splitlines()]
    printed = {row[1]: row[2] for row in rows if len(row) > 3}
    assert list(printed) == ["none", *rga.list_attentions()]
    assert printed["none"] == "11.18"


def test_an_unknown_attention_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "--attentions", "rga"]) == 2
    assert "unknown attention 'rga'" in capsys.readouterr().err
