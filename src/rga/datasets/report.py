"""The report on a dataset as text, whatever the task: a table of its splits, what was found, a verdict."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from rga.images.defects import examples

Split = TypeVar("Split", bound=str)
Finding = tuple[bool, str]
"""Whether it is a problem, and a sentence."""

UNOPENED = "images were not opened, damaged ones are not known"


class Report(Protocol):
    """What every report on a dataset has."""

    @property
    def name(self) -> str:
        """The dataset."""
        ...

    @property
    def root(self) -> Path:
        """Where it lies."""
        ...

    @property
    def fingerprint(self) -> str:
        """Of its files."""
        ...

    @property
    def ok(self) -> bool:
        """Whether results on these data mean what they say."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """The report for programs, as JSON can hold it."""
        ...

    def findings(self) -> list[Finding]:
        """What was found."""
        ...


def sentences(found: Iterable[tuple[bool, Sequence[object], str]]) -> list[Finding]:
    """Sentences with a few examples; there is none for a finding without items.

    Args:
        found: whether it is a problem, the items, and what they are, as ``[one of them|several of them]`` where these differ.

    Example:
        >>> sentences([(True, ["sky"], "[class has|classes have] no pixel in any mask"), (False, [], "images are large")])
        [(True, '1 class has no pixel in any mask: sky')]
    """
    return [(problem, f"{len(items):,} {in_number(text, len(items))}: {examples(items)}") for problem, items, text in found if items]


def in_number(text: str, count: int) -> str:
    """A text with ``[one|several]`` chosen by a count."""
    return re.sub(r"\[([^|\]]*)\|([^\]]*)\]", r"\1" if count == 1 else r"\2", text)


def wrong_counts(found: Mapping[Split, object], expected: Mapping[Split, object] | None) -> tuple[Split, ...]:
    """The splits that do not hold what they should."""
    return tuple(name for name, counts in (expected or {}).items() if found[name] != counts)


def compose(report: Report, head: str, rows: Iterable[str], more: Sequence[str] = (), unopened: str = "") -> str:
    """The whole text.

    Args:
        report: what is reported.
        head: of the table of splits.
        rows: of the table; what is missing at their ends is left out.
        more: lines below the table.
        unopened: what is not known since files were not opened; empty if they were.
    """
    lines = [f"{report.name} at {report.root}", f"fingerprint {report.fingerprint}", "", head]
    lines += [*(row.rstrip() for row in rows), ""]
    lines += [*more, ""] if more else []
    notes = [*report.findings(), *([(False, unopened)] if unopened else [])]
    lines += [f"{'PROBLEM' if problem else 'note':<8} {text}" for problem, text in notes]
    return "\n".join([*lines, "ok" if report.ok else "not ok"])
