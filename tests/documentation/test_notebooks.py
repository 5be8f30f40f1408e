"""The notebooks run, and are stored without what they print."""

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "notebooks"
NOTEBOOKS = sorted(path.stem for path in FOLDER.glob("*.ipynb"))

SHORTER = {"identities=80": "identities=20", "epochs=10": "max_steps=2"}
"""What stands in a notebook -> what runs in the tests."""


def read(name: str) -> Any:
    """A notebook, checked against its schema."""
    notebook = nbformat.reads((FOLDER / f"{name}.ipynb").read_text(), as_version=4)  # type: ignore[no-untyped-call]
    nbformat.validate(notebook)
    return notebook


def test_there_are_three() -> None:
    assert NOTEBOOKS == ["explanation", "module", "people"]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_nothing_that_was_printed_is_stored(name: str) -> None:
    for cell in read(name).cells:
        assert cell.cell_type in ("code", "markdown")
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_links_lead_to_pages(name: str) -> None:
    text = "\n".join(cell.source for cell in read(name).cells if cell.cell_type == "markdown")
    links = re.findall(r"\]\((?!https?:)([^)#]+)", text)
    assert links
    assert [link for link in links if not (FOLDER / link).exists()] == []


@pytest.mark.parametrize("name", ["module", *(pytest.param(name, marks=pytest.mark.slow) for name in ("explanation", "people"))])
def test_a_notebook_runs_from_top_to_bottom(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In this process, shortened; ``test_site.py`` builds the site and with it runs each as it is, in a kernel."""
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    import matplotlib.pyplot as plt  # noqa: PLC0415  after its backend is chosen

    plt.switch_backend("agg")
    names: dict[str, Any] = {}
    for cell in read(name).cells:
        if cell.cell_type == "code":
            source = cell.source
            for shown, short in SHORTER.items():
                source = source.replace(shown, short)
            exec(source, names)
    plt.close("all")
