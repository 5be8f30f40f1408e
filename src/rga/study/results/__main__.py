"""``python -m rga.study.results``: writes the page of results from the recorded runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import tyro

from rga.errors import MissingFileError, RgaError
from rga.storage.outputs import check_output
from rga.study.results.page import FOLDER, make_page


def write(
    *,
    evidence: Path = Path("evidence"),
    page: Path = Path("docs/results.md"),
    readme: Path = Path("README.md"),
    skip_readme: bool = False,
) -> None:
    """Write the page of results and its figures from the recorded runs.

    Args:
        evidence: Folder with a line of JSON for each finished run.
        page: The page; its figures, and the paragraphs that it includes, are in the folder results beside it.
        readme: A README that holds the main table.
        skip_readme: Leave the README as it is.
    """
    check_output(page)
    if not skip_readme and not readme.is_file():
        raise MissingFileError(f"{readme} is not there: name a README with --readme, or pass --skip-readme")
    made = make_page(evidence, page.parent / FOLDER)
    made.write(page, None if skip_readme else readme)
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
