"""``python -m rga.study.results``: writes the page of results from the recorded runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import tyro

from rga.errors import RgaError
from rga.storage.outputs import check_output
from rga.study.results.page import FOLDER, make_page


def write(*, evidence: Path = Path("evidence"), page: Path = Path("docs/results.md")) -> None:
    """Write the page of results and its figures from the recorded runs.

    Args:
        evidence: Folder with a line of JSON for each finished run.
        page: The page; its figures, and the paragraphs that it includes, are in the folder results beside it.
    """
    check_output(page)
    made = make_page(evidence, page.parent / FOLDER)
    made.write(page)
    print(f"{page} and {len(made.figures)} figures")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; the exit code as shells have it."""
    try:
        tyro.cli(write, prog="python -m rga.study.results", args=arguments)
    except (RgaError, OSError) as error:
        print(f"rga: error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
