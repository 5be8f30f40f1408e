"""Every page is in the table of contents, and every public name in the reference."""

import importlib
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
SOURCE = DOCS.parent / "src" / "rga"

PARAGRAPHS = "results"
"""The folder of paragraphs that are no pages."""
PACKAGES = sorted(
    path.parent.relative_to(SOURCE.parent).as_posix().replace("/", ".")
    for path in [SOURCE / "__init__.py", *SOURCE.glob("*/__init__.py")]
    if re.search(r"^__all__ = ", path.read_text(), flags=re.MULTILINE)
)
"""The packages that hand names on."""


def contents(page: Path) -> set[Path]:
    """The pages in the tables of contents of a page, and in theirs."""
    named: set[Path] = set()
    for table in re.findall(r"```\{toctree\}\n(.*?)```", page.read_text(), flags=re.DOTALL):
        for line in filter(None, (each.strip() for each in table.splitlines() if not each.startswith(":"))):
            name = re.sub(r".*<(.+)>", r"\1", line)
            found = [page.parent / f"{name}{suffix}" for suffix in (".md", ".ipynb") if (page.parent / f"{name}{suffix}").exists()]
            assert len(found) == 1, line
            named |= {found[0], *(contents(found[0]) if found[0].suffix == ".md" else ())}
    return named


def test_every_page_is_in_the_table_of_contents() -> None:
    """A page that is missing here belongs in ``docs/index.md``, in one of its four parts."""
    pages = {path for suffix in ("md", "ipynb") for path in DOCS.rglob(f"*.{suffix}") if "_build" not in path.parts}
    pages = {path for path in pages if path.parent.name != PARAGRAPHS}
    assert pages - contents(DOCS / "index.md") == {DOCS / "index.md"}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_in_the_reference(package: str) -> None:
    """Names that a page leaves out are on the page of ``rga``."""
    page = (DOCS / "reference" / "python" / f"{package.removeprefix('rga.')}.md").read_text()
    left_out = set(re.findall(r"\w+", "".join(re.findall(r":exclude-members:(.*)", page))))
    assert f".. automodule:: {package}\n" in page
    assert left_out <= set(importlib.import_module("rga").__all__)
    assert left_out <= set(importlib.import_module(package).__all__)
