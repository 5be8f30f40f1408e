"""What ``rga doctor`` prints, of packages and facts that are known."""

import json

import pytest

from cli.terminal import Done, rga
from rga.installation import checkup, packages


def row(done: Done, name: str) -> list[str]:
    """The cells of a row of a table."""
    (line,) = [line for line in done.out.splitlines() if line.replace("│", "").strip().startswith(name)]
    return [cell.strip() for cell in line.strip("│ ").split("│")]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """All packages, none of which is imported, a wide terminal, the hub within reach, and secrets in the environment."""
    monkeypatch.setenv("COLUMNS", "250")
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("PGPASSWORD", "hf_secret")
    monkeypatch.setattr(packages, "installed", lambda name: f"1.0-{name}")
    monkeypatch.setattr(packages, "failures", lambda _modules: {})
    monkeypatch.setattr("rga.backbones.weights.hub.out_of_reach", lambda _url: None)
    return monkeypatch


def test_a_machine_that_has_all(machine: pytest.MonkeyPatch) -> None:
    done = rga("doctor")
    assert (done.code, done.err) == (0, "")
    for name in packages.projects().values():
        assert row(done, f"{name} ")[1] == f"1.0-{name}"
    assert row(done, "matplotlib")[2] == "reports and drawings"
    for name in ("Python", "CPU cores", "threads", "oneDNN", "--device auto", "model 'small'", "cache of the hub", "PostgreSQL"):
        assert row(done, name)
    assert row(done, "Hugging Face hub")[1:] == ["reachable", "pretrained weights can be downloaded"]
    assert done.out.endswith("nothing is wrong\n")
    assert "secret" not in done.out


def test_what_is_missing_and_what_is_broken(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(packages, "installed", lambda name: None if name == "av" else "1.0")
    done = rga("doctor")
    assert (done.code, row(done, "av ")[1:]) == (0, ["not installed", "pip install 'rga[video]' for people from video"])
    machine.setattr(packages, "failures", lambda _modules: {"cv2": "ImportError: libGL.so.1"})
    done = rga("doctor")
    assert (done.code, row(done, "opencv")[1:]) == (1, ["1.0, broken", "ImportError: libGL.so.1"])
    assert "problem: opencv-python-headless 1.0 is installed and cannot be imported" in done.out
    assert "nothing is wrong" not in done.out
    assert row(done, "--device auto")  # the rest of it works


@pytest.mark.parametrize("name", ["torch", "numpy", "huggingface-hub"])
def test_what_nothing_works_without(name: str, machine: pytest.MonkeyPatch) -> None:
    machine.setattr(packages, "installed", lambda each: None if each == name else "1.0")
    machine.setattr(checkup, "computing", lambda: pytest.fail("PyTorch is not asked"))
    done = rga("doctor")
    assert (done.code, row(done, f"{name} ")[1:]) == (1, ["missing", "pip install rga"])
    assert "--device auto" not in done.out
    assert row(done, "CPU cores")


def test_json_for_programs(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(packages, "failures", lambda _modules: {"av": "ImportError: gone"})
    done = rga("doctor", "--json")
    found = json.loads(done.out)
    assert (done.code, len(found["problems"])) == (1, 1)
    assert list(found) == ["rga", "problems", "packages", "machine", "models", "galleries"]
    assert found["packages"]["av"] == {
        "version": "1.0-av",
        "needed": False,
        "purpose": "people from video",
        "install": "'rga[video]'",
        "broken": "ImportError: gone",
    }
    assert isinstance(found["machine"]["memory"]["value"], int)
    assert found["models"]["hub_reachable"]["value"] is True
    assert "secret" not in done.out
