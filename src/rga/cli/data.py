"""``rga data``: check a dataset before it is trained on, or generate one."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

import tyro
from rich.progress import Progress

from rga.classification.datasets import catalog as classes_catalog
from rga.classification.datasets import check as classes_check
from rga.cli.outputs import check_output
from rga.datasets.layout import DataError
from rga.reid.datasets import catalog as people_catalog
from rga.reid.datasets import check as people_check
from rga.segmentation.datasets import catalog as streets_catalog
from rga.segmentation.datasets import check as streets_check
from rga.storage.files import write_json
from rga.synthetic.people.people import PeopleOptions, make_people
from rga.synthetic.streets import streets as street_scenes
from rga.synthetic.streets.streets import StreetOptions


class Report(Protocol):
    """What a check found; as text it is for people."""

    @property
    def ok(self) -> bool:
        """Whether the data are fit to use."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """The same for programs."""
        ...


TaskName = Literal["reid", "segmentation", "classification"]

CATALOGUES: dict[TaskName, Mapping[str, object]] = {
    "reid": people_catalog.READERS,
    "segmentation": streets_catalog.READERS,
    "classification": classes_catalog.READERS,
}
"""Task -> its datasets."""


def check(
    name: str,
    /,
    root: Path = Path("data"),
    *,
    task: TaskName | None = None,
    open_images: bool = False,
    json_out: Path | None = None,
    subset: bool = False,
) -> int:
    """Reads a dataset and prints what is in it and what is wrong with it.

    Args:
        name: of the dataset: market1501, msmt17, cuhk03-labeled, cuhk03-detected, cuhk03-classic-labeled, cuhk03-classic-detected, folder
            or csv for re-identification; cityscapes, camvid, folder or streets for segmentation; digits, cifar10, cifar100, imagenet,
            folder or zips for classification.
        root: its folder; for csv the file; digits need none.
        task: what the dataset is for; needed for folder, which all tasks have.
        open_images: decode every image, which finds damaged ones and takes minutes on a large dataset; and every mask, of which values
            are checked and the pixels of each class counted.
        json_out: also write the report there as JSON.
        subset: take what is there of the dataset's images (cuhk03 and cityscapes) and do not compare counts with the protocol.

    Returns:
        Exit code: 0 if the data are fit to use, 1 if they have a problem or cannot be read.
    """
    check_output(json_out)
    try:
        report = report_on(name, root, task, open_images, subset)
    except (DataError, FileNotFoundError, TypeError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    if json_out is not None:
        write_json(json_out, report.to_dict())
    print(report)
    return 0 if report.ok else 1


def task_of(name: str, task: TaskName | None) -> TaskName:
    """The task whose catalogue has a dataset.

    Raises:
        ValueError: no task has a dataset of this name, or not the one that is given, or several have it and none is given.
    """
    having = [each for each, readers in CATALOGUES.items() if name in readers and task in (None, each)]
    if not having:
        known = [each for other, readers in CATALOGUES.items() if task in (None, other) for each in readers]
        raise ValueError(f"unknown dataset {name!r}{f' for {task}' if task else ''}: choose one of {', '.join(dict.fromkeys(known))}")
    if len(having) > 1:
        raise ValueError(f"there is a dataset {name!r} for {', '.join(having)}: choose one of them with --task")
    return having[0]


def report_on(name: str, root: Path, task: TaskName | None, open_images: bool, subset: bool) -> Report:
    """Checks a dataset of any task.

    Raises:
        ValueError: no task has a dataset of this name, or several have it and none is given.
    """
    progress = report_progress if open_images else None
    task = task_of(name, task)
    if task == "reid":
        people = people_catalog.load_data(name, root, **({"allow_subset": True} if subset else {}))
        return people_check.check_data(people, None if subset else people_catalog.EXPECTED.get(name), open_images, progress)
    if task == "segmentation":
        streets = streets_catalog.load_data(name, root)
        return streets_check.check_data(streets, None if subset else streets_catalog.EXPECTED.get(name), open_images, progress)
    classes = classes_catalog.load_data(name, root)
    return classes_check.check_data(classes, None if subset else classes_catalog.EXPECTED.get(name), open_images, progress)


def make(folder: Path, /, options: Annotated[PeopleOptions, tyro.conf.arg(name="")] = PeopleOptions()) -> None:  # noqa: B008  frozen
    """Renders generated people as a re-identification dataset in the layout of Market-1501.

    Args:
        folder: where; it must not hold anything yet.
        options: what to render.
    """
    started = time.perf_counter()
    with Progress() as progress:
        bar = progress.add_task("rendering", total=None)
        made = make_people(folder, options, lambda done, total: progress.update(bar, completed=done, total=total))
    print(f"{made}: made in {time.perf_counter() - started:.0f} s; train on it with rga train reid-generated --root {made}")


def make_streets(folder: Path, /, options: Annotated[StreetOptions, tyro.conf.arg(name="")] = StreetOptions()) -> None:  # noqa: B008  frozen
    """Paints generated street scenes as a segmentation dataset in the layout of Cityscapes.

    Args:
        folder: where; it must not hold anything yet.
        options: what to paint.
    """
    started = time.perf_counter()
    with Progress() as progress:
        bar = progress.add_task("painting", total=None)
        made = street_scenes.make_streets(folder, options, lambda done, total: progress.update(bar, completed=done, total=total))
    print(f"{made}: made in {time.perf_counter() - started:.0f} s; train on it with rga train seg-generated --root {made}")


def report_progress(done: int, total: int) -> None:
    """Says now and then on standard error how many images were opened."""
    if done % 1000 == 0 or done == total:
        print(f"\ropened {done:,} of {total:,} images", end="\n" if done == total else "", file=sys.stderr, flush=True)
