"""Links of pages to files of the repository, as the site needs them.

Pages link to each other and to files so that GitHub finds them. On the site some of those files are pages of another name (README.md is
the front page), or the page that includes a file lies in another folder than the file. Folders are no pages at all: their links become
plain text. What is left, such as a Python file, Sphinx copies and offers as a download.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[2]

PAGES = {
    "README.md": "docs/index.md",
    "CONTRIBUTING.md": "docs/reference/contributing.md",
    "CHANGELOG.md": "docs/reference/changelog.md",
    "src/rga/pretrained/small/README.md": "docs/reference/small-model.md",
}
"""Files that are pages of the site -> those pages, both from the root of the repository."""

LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+)\)")
FENCE = re.compile(r"^(```|~~~).*?^\1`*$", flags=re.DOTALL | re.MULTILINE)


def rewritten(text: str, source: Path, page: Path) -> str:
    """A text whose links lead to where the site has their targets.

    Args:
        text: Markdown.
        source: the file that the text stands in; links are relative to its folder.
        page: the page that shows the text; links become relative to its folder.
    """

    def replace(match: re.Match[str]) -> str:
        label, target = match.groups()
        return link(label, target, source.parent, page.parent)

    parts: list[str] = []
    end = 0
    for fence in FENCE.finditer(text):
        parts += [LINK.sub(replace, text[end : fence.start()]), fence[0]]
        end = fence.end()
    return "".join([*parts, LINK.sub(replace, text[end:])])


def link(label: str, target: str, source: Path, page: Path) -> str:
    """A link of a text in the folder ``source``, in Markdown for a page in the folder ``page``."""
    path, mark, heading = target.partition("#")
    found = (source / path).resolve()
    if re.match(r"[a-z]+:", target) or not path or not found.is_relative_to(ROOT) or not found.exists():
        return f"[{label}]({target})"
    if found.is_dir():
        return label
    shown = ROOT / PAGES.get(found.relative_to(ROOT).as_posix(), found.relative_to(ROOT))
    return f"[{label}]({Path(os.path.relpath(shown, page)).as_posix()}{mark}{heading})"


def rewrite_page(app: Sphinx, name: str, content: list[str]) -> None:
    """Rewrites the links of a page that Sphinx has read."""
    page = Path(app.env.doc2path(name))
    if page.suffix == ".md":
        content[0] = rewritten(content[0], page, page)


def rewrite_included(app: Sphinx, path: Path, _name: str, content: list[str]) -> None:
    """Rewrites the links of a file that a page includes. MyST names the page without its folder, so Sphinx is asked for it."""
    if path.suffix == ".md":
        page = Path(app.env.doc2path(app.env.current_document.docname))
        content[0] = rewritten(content[0], Path(app.srcdir, path).resolve(), page)


def setup(app: Sphinx) -> dict[str, bool]:
    """Registers both at Sphinx."""
    app.connect("source-read", rewrite_page)
    app.connect("include-read", rewrite_included)
    return {"parallel_read_safe": True}
