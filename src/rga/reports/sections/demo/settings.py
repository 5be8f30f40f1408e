"""What the demo generated, and how long each part took."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rga.reports.report import Part, Section, Table


def section(generated: str, options: Mapping[str, Any], seconds: Mapping[str, float], *details: Part) -> Section:
    """A table of options and a table of times.

    Args:
        generated: what the demo generated: "people", "scenes".
        options: name -> value of each option of the generator.
        seconds: part of the demo -> seconds that it took.
        details: what comes before, such as the counts of the dataset.
    """
    facts = Table((), ((f"generated {generated}", listed(options)),))
    times = Table(("part", "seconds"), tuple((part, f"{value:.0f}") for part, value in seconds.items()))
    return Section("The demo", (*details, facts, times))


def listed(values: Mapping[str, Any]) -> str:
    """Names and values in a line; empty values are visible.

    Example:
        >>> listed({"epochs": 3, "test": ""})
        "epochs 3, test ''"
    """
    return ", ".join(f"{name} {value if value != '' else repr(value)}" for name, value in values.items())
