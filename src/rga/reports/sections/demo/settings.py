"""What is needed to run the demo again: recipe, options of the generator, software, and how long each part took."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

import rga
from rga.reports.demo_runs import counted
from rga.reports.report import Part, Section, Table


def section(
    recipe: Mapping[str, Any],
    defaults: Mapping[str, Any],
    generated: str,
    options: Mapping[str, Any],
    seconds: Mapping[str, float],
    *details: Part,
) -> Section:
    """A table of settings and a table of times.

    Args:
        recipe: name -> value of each field.
        defaults: name -> value of each field of the recipe that it is compared with; only differences are shown.
        generated: what the demo generated: "people", "scenes".
        options: name -> value of each option of the generator.
        seconds: part of the demo -> seconds that it took.
        details: what comes before the settings, such as the counts of the dataset.
    """
    chosen = {name: value for name, value in recipe.items() if value != defaults[name] and name != "data"}
    facts = Table(
        (),
        (
            ("recipe, where it differs from the default", listed(chosen)),
            (f"generated {generated}", listed(options)),
            ("software", f"rga {rga.__version__}, PyTorch {torch.__version__}, {counted(torch.get_num_threads(), 'CPU thread')}"),
        ),
    )
    times = Table(("part", "seconds"), tuple((part, f"{value:.0f}") for part, value in seconds.items()))
    return Section("Settings", (*details, facts, times))


def listed(values: Mapping[str, Any]) -> str:
    """Names and values in a line; empty values are visible.

    Example:
        >>> listed({"epochs": 3, "test": ""})
        "epochs 3, test ''"
    """
    return ", ".join(f"{name} {value if value != '' else repr(value)}" for name, value in values.items())
