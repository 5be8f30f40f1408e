"""The site: it is built without a warning, which also checks all links between pages and to headings, and it needs no network."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from rga.cli.verbs import VERBS

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, as ``make docs`` builds it; notebooks run in kernels of their own."""
    target = tmp_path_factory.mktemp("site")
    words = ["--fail-on-warning", "--keep-going", "--quiet", "--builder", "html", "--doctree-dir", str(target / "trees")]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *words, str(ROOT / "docs"), str(target / "html")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return target / "html"


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    """Scripts, styles, fonts and images all come from the folder of the site."""
    loaded = re.compile(
        r"<(?:script|img|iframe|source)[^>]*\ssrc=\"(https?:[^\"]*)|<link[^>]*rel=\"stylesheet\"[^>]*href=\"(https?:[^\"]*)"
    )
    found = {path.name: loaded.findall(path.read_text()) for path in site.rglob("*.html")}
    assert {name: links for name, links in found.items() if links} == {}
    assert [path.name for path in site.rglob("*.css") if re.search(r"url\([\"']?https?:", path.read_text())] == []


def test_the_search_finds_names_of_the_reference(site: Path) -> None:
    index = (site / "searchindex.js").read_text()
    assert "create_attention" in index
    assert "retention" in index


def test_every_verb_has_its_section(site: Path) -> None:
    page = (site / "reference" / "commands.html").read_text()
    for verb in VERBS:
        assert f"<h2>rga {verb}<" in page


def test_classes_show_what_their_constructors_take(site: Path) -> None:
    """Models inherit a ``__new__`` of the hub that takes anything."""
    page = re.sub(r"<[^>]+>", "", (site / "reference" / "python" / "models.html").read_text())
    assert "image_size: Sequence[int]" in page
    assert "(*args, **kwargs)" not in page


def test_flags_keep_their_dashes(site: Path) -> None:
    """No typographer makes one long dash of two."""
    assert not re.search("\N{EN DASH}[a-z]", (site / "reference" / "commands.html").read_text())


def test_notebooks_have_figures(site: Path) -> None:
    for name in ("explanation", "module", "people"):
        page = (site / "notebooks" / f"{name}.html").read_text()
        assert "image/png" in page or re.search(r"<img[^>]*_images/", page)
        assert "Traceback" not in page
