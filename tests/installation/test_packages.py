"""Which packages are there, missing or broken, and what is said of each."""

import tomllib
from pathlib import Path

import pytest

from rga.extras import OPTIONAL
from rga.installation import packages as module
from rga.installation.packages import NEEDED, Package, installed, packages

PROJECT = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text())["project"]


def test_the_packages_that_are_needed_are_those_of_the_project() -> None:
    assert list(NEEDED.values()) == [each.partition(">")[0] for each in PROJECT["dependencies"]]
    assert not set(NEEDED) & set(OPTIONAL)


def test_every_package_has_its_version_and_its_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def failures(modules: list[str]) -> dict[str, str]:
        asked.extend(modules)
        return {"numpy": "ImportError: old", "cv2": "ImportError: libGL.so.1"}

    monkeypatch.setattr(module, "failures", failures)
    monkeypatch.setattr(module, "installed", lambda name: None if name in ("tyro", "av", "umap-learn") else "1.0")
    found = {each.name: each for each in packages()}
    assert len(found) == len(NEEDED) + len(OPTIONAL)
    assert {"tyro", "av", "umap"} & set(asked) == set()
    assert set(asked) >= {"torch", "PIL", "matplotlib", "cv2"}
    assert found["torch"] == Package("torch", "1.0", True, "", "rga")
    assert found["av"] == Package("av", None, False, OPTIONAL["av"].purpose, "'rga[video]'")
    assert found["umap-learn"].install == "umap-learn"
    problems = {name: each.problem for name, each in found.items() if each.problem}
    assert problems == {
        "numpy": "numpy 1.0 is installed and cannot be imported (ImportError: old): pip install --force-reinstall numpy",
        "tyro": "tyro is needed and not installed: pip install rga",
        "opencv-python-headless": "opencv-python-headless 1.0 is installed and cannot be imported (ImportError: libGL.so.1): "
        "pip install --force-reinstall opencv-python-headless",
    }


def test_versions_are_those_of_the_packages() -> None:
    assert installed("pytest") == pytest.__version__
    assert installed("a-package-that-nobody-has") is None
