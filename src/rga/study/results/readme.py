"""The part of a README that holds results: the text between two comments, written from the recorded runs."""

from __future__ import annotations

from pathlib import Path

from rga.errors import InputError

BEGIN, END = "<!-- results: written by python -m rga.study.results -->", "<!-- end of results -->"


def with_results(path: Path, results: str) -> str:
    """The text of a README with new results.

    Args:
        path: of the README.
        results: in Markdown; what stands between the two comments.

    Raises:
        InputError: the README does not have the two comments, once each and in their order.
    """
    text = path.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in rest or END in after:
        raise InputError(f"{path} must have the lines {BEGIN!r} and {END!r} once each, in this order, or pass --skip-readme")
    return f"{before}{BEGIN}\n{results}\n{END}{after}"
