"""Links of pages lead to what the site has."""

from pathlib import Path

import pytest
from extensions.repository_links import PAGES, rewritten

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a](costs.md#on-a-gpu)", "[a](costs.md#on-a-gpu)"),
        ("[a](../README.md)", "[a](index.md)"),
        ("[a](../src/rga/pretrained/small/README.md)", "[a](reference/small-model.md)"),
        ("[all of it](../evidence)", "all of it"),
        ("[`relation.py`](../src/rga/attention/relation.py)", "[`relation.py`](../src/rga/attention/relation.py)"),
        ("[a](https://example.org/README.md)", "[a](https://example.org/README.md)"),
        ("[a](#below)", "[a](#below)"),
        ("![a](../README.md)", "![a](../README.md)"),
        ("```\n[a](../README.md)\n```", "```\n[a](../README.md)\n```"),
        ("[a](missing.md)", "[a](missing.md)"),
    ],
)
def test_links_of_a_page(text: str, expected: str) -> None:
    page = DOCS / "index.md"
    assert rewritten(text, page, page) == expected


def test_links_of_an_included_file_become_those_of_its_page() -> None:
    page = DOCS / "reference" / "changelog.md"
    text = "[a](docs/costs.md), [b](CONTRIBUTING.md#rules-for-code)"
    assert rewritten(text, ROOT / "CHANGELOG.md", page) == "[a](../costs.md), [b](contributing.md#rules-for-code)"


@pytest.mark.parametrize(("file", "page"), PAGES.items())
def test_pages_that_stand_for_files_are_there(file: str, page: str) -> None:
    assert (ROOT / file).is_file()
    assert (ROOT / page).is_file()
    if file != "README.md":
        assert Path(file).name in (ROOT / page).read_text()
