"""``rga cost`` with spectral attention: fewer weights, and as many at any size of the images."""

import re

import pytest

from rga.cli.commands.cost import cost


def counted(capsys: pytest.CaptureFixture[str]) -> dict[str, tuple[float, float]]:
    rows = re.findall(r"(rga-c|se|none)\W+([\d.]+)\W+([\d.]+)", capsys.readouterr().out)
    return {name: (float(parameters), float(macs)) for name, parameters, macs in rows}


def test_spectral_attention_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    found = {}
    for size in ((256, 128), (512, 256)):
        for fit in ("exact", "spectral"):
            cost("resnet10t", attentions=("rga-c", "se"), image_size=size, fit=fit)  # type: ignore[arg-type]
            found[size, fit] = counted(capsys)
    for size in ((256, 128), (512, 256)):
        assert found[size, "spectral"]["rga-c"] < found[size, "exact"]["rga-c"]
        assert found[size, "spectral"]["se"] == found[size, "exact"]["se"]
