"""What is in the wheel and in the source distribution: all that git tracks in the package, and nothing else."""

import subprocess
from pathlib import Path

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).resolve().parents[2]
KINDS = {".py", ".html", ".css", ".js", ".svg", ".jinja", ".md", ".sql", ".json", ".safetensors", ".typed", ".LICENSE"}
"""Endings of the files of the package."""
SAMPLES = {
    "rga/py.typed",
    "rga/backbones/cards/card.md.jinja",
    "rga/gallery/store/migrations/0001_gallery.sql",
    "rga/gallery/web/static/htmx.min.js",
    "rga/gallery/web/templates/base.html",
    "rga/pretrained/card.md.jinja",
    "rga/pretrained/small/README.md",
    "rga/pretrained/small/model.safetensors",
    "rga/reports/templates/explorer.js",
    "rga/study/results/templates/results.md",
}
"""One file of each kind, by whose absence something would fail."""


def tracked(folder: str) -> set[str]:
    """What git tracks in a folder; what is not there any more is left out."""
    done = subprocess.run(["git", "ls-files", "-z", folder], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip("this is no clone of the repository")
    return {name for name in done.stdout.split("\0") if name and (ROOT / name).exists()}


def files_of(builder: type[WheelBuilder | SdistBuilder]) -> set[str]:
    """The files that are taken from the project, as they are called in the distribution."""
    found = builder(str(ROOT)).recurse_included_files()
    return {Path(file.distribution_path).as_posix() for file in found}


def test_the_wheel_holds_all_of_the_package_and_nothing_else() -> None:
    expected = {name.removeprefix("src/") for name in tracked("src")}
    assert files_of(WheelBuilder) & expected == expected
    assert files_of(WheelBuilder) - expected == untracked("src")
    assert expected >= SAMPLES
    assert {"".join(Path(name).suffixes[-1:]) for name in expected} == KINDS


def untracked(folder: str) -> set[str]:
    """New files that are not committed yet."""
    words = ["git", "ls-files", "-z", "--others", "--exclude-standard", folder]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    return {name.removeprefix("src/") for name in done.stdout.split("\0") if name}


def test_the_source_distribution_builds_the_wheel_and_says_what_changed() -> None:
    found = files_of(SdistBuilder)
    assert found >= tracked("src")
    pages = {"CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "LICENSE", "README.md", "SECURITY.md", "pyproject.toml"}
    named = {name for name in found if not name.startswith("src/")}
    assert pages - named <= {"LICENSE", "README.md", "pyproject.toml"}  # which are always in it
    assert named - pages <= {".gitignore"}
