"""``rga data``: look a data set over before it is trained on, or generate one."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, Any, Protocol

import tyro
from rich.progress import Progress

from rga.classification.datasets import catalog as classes_catalog
from rga.classification.datasets import check as classes_check
from rga.cli.outputs import check_output
from rga.datasets.layout import DataError
from rga.reid.datasets import catalog as people_catalog
from rga.reid.datasets import check as people_check
from rga.segmentation.datasets import catalog as scenes_catalog
from rga.segmentation.datasets import check as scenes_check
from rga.storage.files import write_json
from rga.synthetic.people.people import PeopleOptions, make_people
from rga.synthetic.streets.scenes import SceneOptions, make_scenes


class Report(Protocol):
    """What a check found; as text it is for people."""

    @property
    def ok(self) -> bool:
        """Whether the data are fit to use."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """The same for programs."""
        ...


def check(name: str, /, root: Path = Path("data"), open_images: bool = False, json_out: Path | None = None, subset: bool = False) -> int:
    """Reads a data set and prints what is in it and what is wrong with it.

    Args:
        name: of the data set: market1501, msmt17, cuhk03-labeled, cuhk03-detected, cuhk03-classic-labeled, cuhk03-classic-detected, folder
            or csv for re-identification; cityscapes, camvid, mask-folder or scenes for segmentation; digits, cifar10, cifar100, imagenet,
            class-folders or class-zips for classification.
        root: its folder; for csv the file; digits need none.
        open_images: decode every picture, which finds damaged ones and takes minutes on a large data set; and every mask, of which values
            are checked and the pixels of each class counted.
        json_out: also write the report there as JSON.
        subset: take what is there of the data set's images (cuhk03 and cityscapes) and do not compare counts with the protocol.

    Returns:
        Exit code: 0 if the data are fit to use, 1 if they have a problem or cannot be read.
    """
    check_output(json_out)
    try:
        report = report_on(name, root, open_images, subset)
    except (DataError, FileNotFoundError, TypeError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    if json_out is not None:
        write_json(json_out, report.to_dict())
    print(report)
    return 0 if report.ok else 1


def report_on(name: str, root: Path, open_images: bool, subset: bool) -> Report:
    """Checks a data set of any task.

    Raises:
        ValueError: there is no data set of this name.
    """
    progress = report_progress if open_images else None
    if name in people_catalog.READERS:
        people = people_catalog.load_data(name, root, **({"allow_subset": True} if subset else {}))
        return people_check.check_data(people, None if subset else people_catalog.EXPECTED.get(name), open_images, progress)
    if name in scenes_catalog.READERS:
        scenes = scenes_catalog.load_data(name, root)
        return scenes_check.check_data(scenes, None if subset else scenes_catalog.EXPECTED.get(name), open_images, progress)
    if name in classes_catalog.READERS:
        classes = classes_catalog.load_data(name, root)
        return classes_check.check_data(classes, None if subset else classes_catalog.EXPECTED.get(name), open_images, progress)
    known = ", ".join([*people_catalog.READERS, *scenes_catalog.READERS, *classes_catalog.READERS])
    raise ValueError(f"unknown data set {name!r}: choose one of {known}")


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


def make_streets(folder: Path, /, options: Annotated[SceneOptions, tyro.conf.arg(name="")] = SceneOptions()) -> None:  # noqa: B008  frozen
    """Paints generated street scenes as a segmentation data set in the layout of Cityscapes.

    Args:
        folder: where; it must not hold anything yet.
        options: what to paint.
    """
    started = time.perf_counter()
    with Progress() as progress:
        bar = progress.add_task("painting", total=None)
        made = make_scenes(folder, options, lambda done, total: progress.update(bar, completed=done, total=total))
    print(f"{made}: made in {time.perf_counter() - started:.0f} s; train on it with rga train seg-generated --root {made}")


def report_progress(done: int, total: int) -> None:
    """Says now and then on standard error how many pictures were opened."""
    if done % 1000 == 0 or done == total:
        print(f"\ropened {done:,} of {total:,} pictures", end="\n" if done == total else "", file=sys.stderr, flush=True)
