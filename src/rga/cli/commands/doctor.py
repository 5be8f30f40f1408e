"""``rga doctor``: reports what this installation and this machine can do."""

from __future__ import annotations

import json
from typing import Annotated

import tyro
from rich.table import Table

from rga.installation.checkup import Checkup, check_up
from rga.installation.fact import Fact, discreet
from rga.installation.packages import Package
from rga.terminal import PlainConsole, folding_table

TITLES = {"machine": "machine", "models": "models and weights", "galleries": "galleries of people"}
"""Subject -> the title of its table."""


def doctor(json_: Annotated[bool, tyro.conf.arg(name="json"), tyro.conf.FlagCreatePairsOff] = False) -> int:
    """Print versions, packages that are missing or broken, devices, pretrained weights at hand and the database of galleries.

    Attach the output to a bug report: it holds no secrets, and no paths with your name.

    Args:
        json_: Print JSON for programs instead of tables.

    Returns:
        Exit code: 0 if nothing is wrong, 1 if a package that is needed is missing, or one that is installed cannot be imported.
    """
    with PlainConsole(stderr=True).status("importing all packages ..."):
        found = check_up()
    console = PlainConsole()
    if json_:
        console.sentence(json.dumps(found.as_json(), indent=2))
    else:
        print_tables(console, found)
    return 1 if found.problems else 0


def print_tables(console: PlainConsole, found: Checkup) -> None:
    """Prints a table of packages, one for each subject, and what is wrong."""
    table = folding_table("package", "found", "remark", title=f"rga {found.version}")
    for package in found.packages:
        table.add_row(*row_of(package))
    console.print(table)
    for subject, facts in found.facts.items():
        if facts:
            console.print(table_of(TITLES[subject], facts))
    for problem in found.problems:
        console.sentence(f"problem: {problem}")
    if not found.problems:
        console.sentence("nothing is wrong")


def row_of(package: Package) -> tuple[str, str, str]:
    """A package's row."""
    if package.broken is not None:
        return package.name, f"{package.version}, broken", discreet(package.broken)
    if package.version is None:
        remark = f"pip install {package.install}" + (f" for {package.purpose}" if package.purpose else "")
        return package.name, "missing" if package.needed else "not installed", remark
    return package.name, package.version, package.purpose


def table_of(title: str, facts: tuple[Fact, ...]) -> Table:
    """A subject's table."""
    table = folding_table("what", "found", "remark", title=title)
    for fact in facts:
        table.add_row(fact.name, fact.text, fact.remark)
    return table
