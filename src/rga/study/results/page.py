"""The page of results: all tables with their figures, from recorded runs and from paragraphs whose numbers come from those.

The paragraphs are files of Markdown beside the figures, written by hand (``prose``): ``summary.md``, ``groups.md``, ``claims.md``, and one
for each table, by its name. A file that is missing leaves its place empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import PackageLoader

from rga.errors import InputError
from rga.reports.forest import Forest
from rga.reports.seed_curves import SeedCurves
from rga.storage.files import write_atomically
from rga.study.evidence import Evidence
from rga.study.results.appendix import all_runs_table, machines_of, recipes_of, settings_table
from rga.study.results.columns import cells, markdown_table, papers_table, write_gain
from rga.study.results.comparison import Comparison, Runs, compare
from rga.study.results.figures import curves_of, drawn_rows, forest, forest_of
from rga.study.results.groups import contrasts, gains_by_group
from rga.study.results.main_results import Gain, gains, gains_table
from rga.study.results.prose import Prose, markdown_environment
from rga.study.results.readme import with_results
from rga.study.settings import SETTINGS, Setting
from rga.study.tables import TABLES, Table
from rga.study.trial import trials_of

FOLDER = "results"
"""Folder of the paragraphs and of the figures, beside the page."""
SUMMARY, GROUPS, CLAIMS = "summary", "groups", "claims"


NONE_YET = "No run of RGA-SC and of the plain network is recorded yet."


@dataclass(frozen=True)
class Page:
    """The page.

    Attributes:
        text: in Markdown.
        main: the table of RGA-SC against the plain network in every setting, in Markdown; a sentence while there is none.
        figures: file name -> what is drawn into it.
    """

    text: str
    main: str
    figures: Mapping[str, Forest | SeedCurves]

    def write(self, path: Path, readme: Path | None = None) -> None:
        """Writes the page, and the figures into a folder beside it. Older figures there are removed.

        Args:
            path: of the page.
            readme: a README that holds the main table; None for none.

        Raises:
            InputError: the README has no place for the table.
            MissingPackageError: matplotlib is not installed.
            OSError: something cannot be written.
        """
        folder = path.parent / FOLDER
        shown = {} if readme is None else {readme: with_results(readme, self.main)}
        folder.mkdir(parents=True, exist_ok=True)
        drawn = {name: figure.draw() for name, figure in self.figures.items()}
        for name, text in {path: self.text, **shown, **{folder / name: svg for name, svg in drawn.items()}}.items():
            if not name.is_file() or name.read_text(encoding="utf-8") != text:
                write_atomically(name, lambda temporary, text=text: temporary.write_text(text, encoding="utf-8"))  # type: ignore[misc]
        for old in folder.glob("*.svg"):
            if old.name not in drawn:
                old.unlink()


def make_page(evidence: Path, prose: Path) -> Page:
    """Makes the page of results.

    Args:
        evidence: folder of the recorded runs.
        prose: folder of the paragraphs.

    Raises:
        InputError: a recorded run or a paragraph is wrong.
        MissingPackageError: scipy is not installed.
    """
    store = Evidence(evidence)
    runs = store.of(trials_of(block for table in TABLES.values() for block in table.blocks))
    recorded = sum(len(store.runs(path.stem)) for path in sorted(evidence.glob("*.jsonl")))
    paragraphs = read_paragraphs(prose, Prose(runs))
    figures: dict[str, Forest | SeedCurves] = {}
    main = main_of(gains(runs), "setting", "RGA-SC minus plain, first metric of each setting", "main-differences.svg", figures)
    groups = [groups_of(setting, runs, figures) for setting in SETTINGS if gains_by_group(runs, setting)]
    sections = [section_of(table, runs, paragraphs.get(table.name, ""), figures) for table in TABLES.values()]
    environment = markdown_environment()
    environment.loader = PackageLoader("rga.study.results")
    text = environment.get_template("results.md").render(
        summary=paragraphs.get(SUMMARY, ""),
        main=main,
        groups=groups,
        groups_answer=paragraphs.get(GROUPS, ""),
        claims=paragraphs.get(CLAIMS, ""),
        runs=len(runs),
        hours=f"{sum(run.hours for run in runs.values()):.1f}",
        others=recorded - len(runs),
        evidence=f"../{evidence.name}",
        folder=FOLDER,
        sections=sections,
        settings=settings_table(runs.values()) if runs else "",
        recipes=recipes_of(runs.values()),
        machines=machines_of(runs.values()),
        all_runs=all_runs_table(runs.values()),
    )
    return Page(re.sub(r"\n{3,}", "\n\n", text.rstrip()) + "\n", main["table"] or NONE_YET, figures)


def read_paragraphs(folder: Path, prose: Prose) -> dict[str, str]:
    """The paragraphs of a folder by their names, with their numbers.

    Raises:
        InputError: a file belongs to no table, or a placeholder is wrong.
    """
    known = (SUMMARY, GROUPS, CLAIMS, *TABLES)
    files = sorted(folder.glob("*.md"))
    for path in files:
        if path.stem not in known:
            raise InputError(f"{path} belongs to no part of the page: name it after a table, or one of {', '.join(known)}")
    return {path.stem: prose.fill(path) for path in files}


def section_of(table: Table, runs: Runs, answer: str, figures: dict[str, Forest | SeedCurves]) -> dict[str, Any]:
    """A table's section; its figures are added to ``figures``."""
    comparisons = compare(table.blocks, runs)
    return {
        "title": table.title,
        "about": table.about,
        "answer": answer,
        "parts": [part_of(table, comparison, figures) for comparison in comparisons if comparison.runs],
        "missing": missing_of(table, comparisons),
        "paper": papers_table(comparison for comparison in comparisons if not comparison.runs),
    }


def missing_of(table: Table, comparisons: Iterable[Comparison]) -> list[dict[str, str]]:
    """The settings of a table without a run: their titles, and the command that runs them."""
    found: dict[str, list[str]] = {}
    for comparison in comparisons:
        if not comparison.runs:
            found.setdefault(command_of(table, comparison.setting), []).append(comparison.setting.title)
    return [{"title": "; ".join(titles), "command": command} for command, titles in found.items()]


def main_of(found: Sequence[Gain], head: str, x_label: str, file: str, figures: dict[str, Forest | SeedCurves]) -> dict[str, Any]:
    """A table of gains, with its figure if it has several rows."""
    drawn = forest([(gain.name, gain.difference) for gain in found], x_label)
    figures |= {file: drawn} if drawn else {}
    return {
        "table": gains_table(found, head) if found else "",
        "figures": [{"file": file, "alternative": drawn.alternative}] if drawn else [],
    }


def groups_of(setting: str, runs: Runs, figures: dict[str, Forest | SeedCurves]) -> dict[str, Any]:
    """A setting's part of the section about groups of test images."""
    found = main_of(gains_by_group(runs, setting), "test images", "RGA-SC minus plain", f"groups-{setting}.svg", figures)
    compared = [(name, write_gain(difference), str(difference.n)) for name, difference in contrasts(runs, setting)]
    table = markdown_table(("groups", "difference of the gains [95 %]", "pairs"), compared) if compared else ""
    return {"title": SETTINGS[setting].title, "contrasts": table, **found}


def part_of(table: Table, comparison: Comparison, figures: dict[str, Forest | SeedCurves]) -> dict[str, Any]:
    """A comparison's part of a section."""
    name = f"{table.name}-{comparison.setting.name}"
    own = {f"{name}-differences.svg": forest_of(comparison), f"{name}-curves.svg": curves_of(comparison)}
    drawn = {file: figure for file, figure in own.items() if figure is not None}
    figures |= drawn
    shown = drawn_rows(comparison)
    return {
        "title": comparison.setting.title,
        "table": markdown_table(*cells(comparison)),
        "figures": [{"file": file, "alternative": figure.alternative} for file, figure in drawn.items()],
        "left_out": listed(row.variant.label for row in comparison.rows if row.runs and row not in shown),
        "command": command_of(table, comparison.setting),
    }


def command_of(table: Table, setting: Setting) -> str:
    """The command that runs a table's part."""
    data = "" if setting.generated is not None or setting.base().data.root is None else f" --data {setting.readers[0]}:DIR"
    return f"rga reproduce {table.name} --scale {setting.scale}{data}"


def listed(names: Iterable[str]) -> str:
    """Names in running text.

    Example:
        >>> listed(["SE", "NL", "ECA"])
        'SE, NL and ECA'
    """
    *first, last = list(names) or [""]
    return f"{', '.join(first)} and {last}" if first else last
