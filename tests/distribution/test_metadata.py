"""What an index of packages is told, and that all files agree about the version."""

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from cli.terminal import rga as command
from hatchling.metadata.core import ProjectMetadata
from hatchling.plugin.manager import PluginManager

import rga

ROOT = Path(__file__).resolve().parents[2]


@cache
def metadata() -> Any:
    """What hatchling makes of pyproject.toml."""
    return ProjectMetadata(str(ROOT), PluginManager())


@cache
def workflow(name: str) -> Any:
    """A workflow of GitHub's."""
    return yaml.safe_load((ROOT / ".github" / "workflows" / name).read_text())


def test_the_version_stands_in_one_place() -> None:
    assert metadata().version == rga.__version__
    assert command("--version").out == f"rga {rga.__version__}\n"
    assert "version" not in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_changelog_and_citation_are_of_this_version() -> None:
    versions = re.findall(r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert versions[:2] == ["Unreleased", rga.__version__]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == rga.__version__
    assert citation["license"] == "Apache-2.0"
    assert citation["preferred-citation"]["identifiers"][0]["value"] == "arXiv:1904.02998"


def test_what_an_index_shows_has_no_dead_links() -> None:
    text = metadata().core.readme
    assert metadata().core.readme_content_type == "text/markdown"
    targets = re.findall(r"\]\(([^)]*)\)", text)
    assert len(targets) >= 2
    assert [target for target in targets if not target.startswith("https://")] == []
    assert "![" not in text
    assert "Drawn by" not in text
    readme = (ROOT / "README.md").read_text()
    assert readme.count("```") == text.count("```")  # nothing but links and images is changed
    assert "[Costs]" in readme
    assert "| Costs |" in text


def test_the_versions_of_python_are_those_that_are_tested() -> None:
    found = metadata().core
    listed = [name.rpartition(" ")[2] for name in found.classifiers if re.search(r":: 3\.\d+$", name)]
    assert workflow("ci.yml")["jobs"]["test"]["strategy"]["matrix"]["python"] == listed
    assert found.requires_python == f">={listed[0]}"


def test_what_an_index_asks_for() -> None:
    found = metadata().core
    assert len(found.description) <= 140
    assert set(found.urls) >= {"Paper"}
    assert found.license_expression == "Apache-2.0 AND 0BSD"
    assert (ROOT / "src" / "rga" / "gallery" / "web" / "static" / "htmx.LICENSE").read_text().startswith("Zero-Clause BSD")
    assert sorted(found.classifiers) == found.classifiers


def test_workflows_may_read_and_no_more() -> None:
    for name in ("ci.yml", "release.yml"):
        assert workflow(name)["permissions"] == {"contents": "read"}
        for job in workflow(name)["jobs"].values():
            assert job.get("permissions", {}) in ({}, {"id-token": "write"})
            assert all(re.search(r"@v\d+$|@release/v1$", step["uses"]) for step in job["steps"] if "uses" in step)
    assert "bash .ci/run" in [step.get("run") for step in workflow("ci.yml")["jobs"]["test"]["steps"]]
