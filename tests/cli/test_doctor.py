"""What ``rga doctor`` says of packages, devices and the hub, on machines of which all is known."""

from types import SimpleNamespace

import pytest
import torch

from cli.terminal import Done, rga
from rga.cli.commands import doctor as module


def row(done: Done, name: str) -> list[str]:
    """The cells of a row of the table."""
    (line,) = [line for line in done.out.splitlines() if line.replace("│", "").strip().startswith(name)]
    return [cell.strip() for cell in line.strip("│ ").split("│")]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """All packages, a wide terminal, no GPU, the hub within reach."""
    monkeypatch.setenv("COLUMNS", "220")
    monkeypatch.setattr(module, "installed", lambda name: f"1.0-{name}")
    monkeypatch.setattr("rga.backbones.weights.hub.out_of_reach", lambda _url: None)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr("shutil.disk_usage", lambda _path: SimpleNamespace(free=3 * 2**30))
    return monkeypatch


def test_a_machine_that_has_all(machine: pytest.MonkeyPatch) -> None:
    done = rga("doctor")
    assert done.code == 0
    for name in (*module.REQUIRED, *module.OPTIONAL):
        assert row(done, f"{name} ")[1] == f"1.0-{name}"
    assert row(done, "torch ")[2:] in ([], [""])
    assert row(done, "matplotlib")[2] == "reports and drawings"
    assert row(done, "--device auto")[1:] == ["cpu", f"{torch.get_num_threads()} threads"]
    assert row(done, "disk")[1] == "3.0 GiB free"
    assert row(done, "Hugging Face hub")[1:] == ["reachable", "pretrained weights can be downloaded"]
    assert {"torch", "torchvision", "timm", "numpy", "pillow", "pydantic", "tyro", "safetensors", "rich", "jinja2", "filelock"} < set(
        module.REQUIRED
    )
    assert {"matplotlib", "simplejpeg", "scikit-learn", "tensorboard"} < set(module.OPTIONAL)


def test_packages_that_are_missing(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(module, "installed", lambda name: None if name == "matplotlib" else "1.0")
    done = rga("doctor")
    assert (done.code, row(done, "matplotlib")[1]) == (0, "not installed")
    for name in ("torch", "huggingface-hub", "numpy"):
        machine.setattr(module, "installed", lambda each, name=name: None if each == name else "1.0")
        done = rga("doctor")
        assert (done.code, row(done, f"{name} ")[1:]) == (1, ["missing", "needed: pip install rga"])
        assert ("--device auto" in done.out) is (name != "torch")
        assert ("Hugging Face hub" in done.out) is (name != "huggingface-hub")


def test_gpus_and_a_hub_out_of_reach(machine: pytest.MonkeyPatch) -> None:
    about = SimpleNamespace(name="Big GPU", total_memory=24 * 2**30, major=9, minor=0)
    machine.setattr(torch.cuda, "device_count", lambda: 2)
    machine.setattr(torch.cuda, "is_available", lambda: True)
    machine.setattr(torch.cuda, "get_device_properties", lambda _number: about)
    machine.setattr(torch.backends.mps, "is_available", lambda: True)
    machine.setattr("rga.backbones.weights.hub.out_of_reach", lambda _url: "no network")
    done = rga("doctor")
    for number in (0, 1):
        assert row(done, f"cuda:{number}")[1:] == ["Big GPU", "24 GiB, compute capability 9.0"]
    assert row(done, "mps")[1] == "Apple GPU"
    assert row(done, "--device auto")[1] == "cuda"
    assert row(done, "Hugging Face hub")[1:] == ["out of reach", "no network"]


def test_versions_are_those_of_the_packages() -> None:
    assert module.installed("torch") == torch.__version__.split("+")[0] or module.installed("torch") == torch.__version__
    assert module.installed("a-package-that-nobody-has") is None
