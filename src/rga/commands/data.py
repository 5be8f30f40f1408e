"""``rga data``: look a data set over before it is trained on."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Annotated

import tyro
from rich.progress import Progress

from rga.data.layout import DataError
from rga.data.people import PeopleOptions, make_people
from rga.reid.check import check_data
from rga.reid.sources.catalog import EXPECTED, load_data


def check(name: str, /, root: Path, open_images: bool = False, json_out: Path | None = None, subset: bool = False) -> int:
    """Reads a data set and prints what is in it and what is wrong with it.

    Args:
        name: of the data set: market1501, msmt17, cuhk03-labeled, cuhk03-detected, cuhk03-classic-labeled, cuhk03-classic-detected, folder
            or csv.
        root: its folder; for csv the file.
        open_images: decode every picture, which finds damaged ones and takes minutes on a large data set.
        json_out: also write the report there as JSON.
        subset: take what is there of the data set's images (cuhk03 alone) and do not compare counts with the protocol.

    Returns:
        Exit code: 0 if the data are fit to use, 1 if they have a problem or cannot be read.
    """
    try:
        data = load_data(name, root, **({"allow_subset": True} if subset else {}))
        report = check_data(data, None if subset else EXPECTED.get(name), open_images, report_progress if open_images else None)
    except (DataError, FileNotFoundError, TypeError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print(report)
    if json_out is not None:
        json_out.write_text(json.dumps(report.to_dict(), indent=2) + "\n")
    return 0 if report.ok else 1


def make(folder: Path, /, options: Annotated[PeopleOptions, tyro.conf.arg(name="")] = PeopleOptions()) -> None:  # noqa: B008  frozen
    """Renders generated people as a re-identification data set in the layout of Market-1501.

    Args:
        folder: where; it must not hold anything yet.
        options: what to render.
    """
    started = time.perf_counter()
    with Progress() as progress:
        bar = progress.add_task("rendering", total=None)
        made = make_people(folder, options, lambda done, total: progress.update(bar, completed=done, total=total))
    print(f"{made}: made in {time.perf_counter() - started:.0f} s; train on it with rga train reid-generated --root {made}")


def report_progress(done: int, total: int) -> None:
    """Says now and then on standard error how many pictures were opened."""
    if done % 1000 == 0 or done == total:
        print(f"\ropened {done:,} of {total:,} pictures", end="\n" if done == total else "", file=sys.stderr, flush=True)
