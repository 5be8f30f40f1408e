"""``rga cost``, as a user types it."""

import pytest
import timm

import rga
from rga.cli.main import main


def test_costs_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "resnet50", "--attentions", "rga-sc", "--image-size", "256", "128"]) == 0
    printed = capsys.readouterr().out
    row = next(line for line in printed.splitlines() if "rga-sc" in line)
    assert "29.81" in row  # M parameters, with the last stride 2 and without a classifier
    assert "attention after layer1 (64x32), layer2 (32x16), layer3 (16x8), layer4 (8x4)" in " ".join(printed.split())


@pytest.mark.slow
def test_by_default_every_attention_has_its_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "test_resnet", "--image-size", "64", "32"]) == 0
    rows = [[cell.strip() for cell in line.split("\u2502")] for line in capsys.readouterr().out.splitlines()]
    printed = {row[1]: row[2] for row in rows if len(row) > 3}
    parameters = sum(each.numel() for each in timm.create_model("test_resnet", num_classes=0).parameters())
    assert list(printed) == ["none", *rga.list_attentions()]
    assert float(printed["none"]) == pytest.approx(parameters / 1e6, abs=0.005)


def test_networks_for_small_images_and_attention_inside_of_blocks(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["cost", "cifar-resnet20", "--attentions", "rga-c", "--image-size", "32", "32"]
    printed = []
    for more in ([], ["--inside-blocks"]):
        assert main([*words, *more]) == 0
        printed.append(capsys.readouterr().out)
    assert all("0.27" in each for each in printed)  # M parameters, table 6 of arXiv 1512.03385
    after, inside = (float(next(line for line in each.splitlines() if "rga-c" in line).split("\u2502")[2]) for each in printed)
    assert inside - 0.27 == pytest.approx(3 * (after - 0.27), rel=0.05)  # nine blocks, three stages
    assert main(["cost", "resnet5O"]) == 2
    assert "unknown backbone 'resnet5O'" in capsys.readouterr().err


def test_an_unknown_attention_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "--attentions", "rga"]) == 2
    assert "unknown attention 'rga'" in capsys.readouterr().err


def test_spectral_attention_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    printed = []
    for fit in ("exact", "spectral"):
        assert main(["cost", "test_resnet", "--attentions", "rga-c", "se", "--image-size", "512", "256", "--fit", fit]) == 0
        rows = [[cell.strip() for cell in line.split("\u2502")] for line in capsys.readouterr().out.splitlines()]
        printed.append({row[1]: float(row[2]) for row in rows if len(row) > 3})
    assert printed[1]["rga-c"] < printed[0]["rga-c"]
    assert printed[1]["se"] == printed[0]["se"]


def test_a_transformer_is_built_for_the_size_of_the_images(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "vit_tiny_patch16_224", "--attentions", "rga-sc", "--image-size", "128", "64"]) == 0
    assert "attention after blocks.2 (8x4), blocks.5 (8x4), blocks.8 (8x4), blocks.11 (8x4)" in capsys.readouterr().out
