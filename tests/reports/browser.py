"""A headless Chromium, where Playwright and a browser are installed; other tests are skipped."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

CALLED = ("chromium", "chromium-browser", "google-chrome")


@dataclass
class Browser:
    """A browser.

    Attributes:
        chromium: Playwright's.
        complaints: errors of pages, and what their policy forbade.
    """

    chromium: Any
    complaints: list[str] = field(default_factory=list)

    def open(self, path: Path, *, width: int = 1100, height: int = 900, **options: Any) -> Any:
        """A file in a new window."""
        page = self.chromium.new_context(viewport={"width": width, "height": height}, **options).new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.goto(path.as_uri())
        return page


def started() -> Iterator[Any]:
    """Playwright's Chromium, as long as somebody wants it."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = next(filter(None, map(shutil.which, CALLED)), None)
    if found is None:
        pytest.skip("there is no Chromium")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        yield chromium
        chromium.close()


@pytest.fixture
def browser() -> Iterator[Browser]:
    """A browser whose pages must not complain."""
    for chromium in started():
        opened = Browser(chromium)
        yield opened
    assert opened.complaints == []
