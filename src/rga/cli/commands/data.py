"""``rga data``: check a dataset before training on it, propose its classes, generate one, or list those that can be read."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from rga.checks import nearest
from rga.cli.parsing import Grouped
from rga.cli.progress import progress
from rga.datasets.report import Report
from rga.datasets.spec import DataSpec
from rga.errors import InputError
from rga.printable import printable
from rga.storage.files import write_json
from rga.storage.outputs import check_output
from rga.synthetic.fruit import GENERATOR as FRUIT_GENERATOR
from rga.synthetic.fruit import FruitOptions
from rga.synthetic.generated import Generator
from rga.synthetic.people.album import GENERATOR as ALBUM_GENERATOR
from rga.synthetic.people.album import AlbumOptions
from rga.synthetic.people.people import GENERATOR as PEOPLE_GENERATOR
from rga.synthetic.people.people import PeopleOptions
from rga.synthetic.people.walks import GENERATOR as WALKS_GENERATOR
from rga.synthetic.people.walks import WalkOptions
from rga.synthetic.streets.streets import GENERATOR as STREETS_GENERATOR
from rga.synthetic.streets.streets import StreetOptions
from rga.tasks import SHORT, TASKS, get_task

TaskName = Literal["reid", "segmentation", "classification", "detection"]

NewFolder = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DIR")]

ALBUM, FRUIT, PEOPLE, STREETS, WALKS = AlbumOptions(), FruitOptions(), PeopleOptions(), StreetOptions(), WalkOptions()


def check(
    data: Annotated[DataSpec, tyro.conf.Positional],
    *,
    task: TaskName | None = None,
    trained_by: Path | None = None,
    subset: bool = False,
    open_images: bool = False,
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None,
    overwrite: bool = False,
) -> int:
    """Check a dataset for wrong counts, duplicates, overlaps of splits and other faults that make results meaningless.

    Args:
        data: The dataset, as NAME:FOLDER?option=value; see rga data list.
        task: Task of the dataset, if several tasks have a dataset of this name, such as folder.
        trained_by: Folder of a run or of a saved model: options of the dataset that are not given are those of its training, if the reader
            is the same.
        subset: The images are a part of the dataset: do not compare their counts with the protocol's.
        open_images: Decode every image and mask. This finds damaged files and checks the masks' values. It takes minutes for a large
            dataset.
        output: Also write the report to this file, as JSON.
        overwrite: Replace the file if it is there already.

    Returns:
        Exit code: 0 if the data are fit to use, 1 if they have a problem.
    """
    check_output(output, overwrite=overwrite)
    name: str | None = task
    if trained_by is not None:
        name, data = as_trained(data, task, trained_by)
    catalog = get_task(task_for(data.name, name)).datasets
    with progress("opening images" if open_images else "reading") as bar:
        report: Report = catalog.check(data, subset=subset, open_images=open_images, progress=bar if open_images else None)
    if output is not None:
        write_json(output, report.to_dict())
    print(printable(str(report)))
    return 0 if report.ok else 1


def task_for(name: str, task: str | None) -> str:
    """The task that a dataset is for.

    Raises:
        InputError: no task has a dataset of this name, or several have and none was chosen.
    """
    known = {each: get_task(each).datasets.readers for each in TASKS}
    having = [each for each, readers in known.items() if name in readers]
    if task is not None:
        if task not in having:
            raise InputError(f"{task} has no dataset {name!r}{nearest(name, known[task])}")
        return task
    if not having:
        names = dict.fromkeys(each for readers in known.values() for each in readers)
        hint = f"; for a folder of your own write folder:{name}" if Path(name).exists() else ""
        raise InputError(f"unknown dataset {name!r}{nearest(name, names)}{hint}")
    if len(having) > 1:
        raise InputError(f"{name!r} is a dataset of {', '.join(having[:-1])} and {having[-1]}: choose one with --task")
    return having[0]


def make_fruit(folder: NewFolder, *, options: Grouped[FruitOptions] = FRUIT) -> None:
    """Generate fruit as a classification dataset: a folder per class, inside train, val and test.

    Args:
        folder: A new folder for it.
        options: What to draw.
    """
    made = generate("drawing", FRUIT_GENERATOR, folder, options)
    print(f"{made}; train on it with rga train cls/tiny --data folder:{folder}")


def as_trained(data: DataSpec, task: str | None, source: Path) -> tuple[str, DataSpec]:
    """The task of a model, and a dataset with the options of the model's training where it has none of its own; they are printed.

    Raises:
        MissingFileError: there is no model.
        InputError: the model is of another task, or does not say how its data were read.
    """
    from rga.chosen_data import recipe_of_model  # noqa: PLC0415
    from rga.loading import read_config, task_of  # noqa: PLC0415  PyTorch, which a check does not need otherwise

    own = task_of(source)
    if task not in (None, own):
        raise InputError(f"the model at {source} is for {own}, not for {task}: leave --task out")
    recipe = recipe_of_model(own, source, read_config(source)[0].get("trained_on") or {})
    if recipe is None:
        raise InputError(f"the model at {source} does not say how its data were read: leave --trained-by out, and give the options")
    known = data.like(*recipe.datasets())
    print(f"read as {known}")
    return own, known


def make_people(folder: NewFolder, *, options: Grouped[PeopleOptions] = PEOPLE) -> None:
    """Generate people as a re-identification dataset in the layout of Market-1501.

    Args:
        folder: A new folder for it.
        options: What to render.
    """
    made = generate("rendering", PEOPLE_GENERATOR, folder, options)
    print(f"{made}; train on it with rga train reid/generated --data market1501:{folder}")


def make_album(folder: NewFolder, *, options: Grouped[AlbumOptions] = ALBUM) -> None:
    """Generate a few images of a few people for re-identification: a folder per person, inside train and query.

    Args:
        folder: A new folder for it.
        options: What to render.
    """
    made = generate("rendering", ALBUM_GENERATOR, folder, options)
    print(f"{made}; train on it with rga train reid/tiny --data 'folder:{folder}?known=true'")


def make_walks(folder: NewFolder, *, options: Grouped[WalkOptions] = WALKS) -> None:
    """Generate tracklets of people who walk past cameras for re-identification by video: folders of frames.

    Args:
        folder: A new folder for it.
        options: What to render.
    """
    made = generate("rendering", WALKS_GENERATOR, folder, options)
    print(f"{made}; train on it with rga train reid/video-small --data tracklets:{folder}")


def make_streets(folder: NewFolder, *, options: Grouped[StreetOptions] = STREETS) -> None:
    """Generate street scenes: for segmentation in the layout of Cityscapes or as folders of images and masks, for detection in COCO's.

    Args:
        folder: A new folder for it.
        options: What to paint.
    """
    made = generate("painting", STREETS_GENERATOR, folder, options)
    if options.layout == "folder":
        print(f"{made}; name the classes with rga data classes {folder}, then train with rga train seg/tiny --data folder:{folder}")
    elif options.layout == "coco":
        print(f"{made}; train on it with rga train detection/generated --data coco:{folder}")
    else:
        print(f"{made}; train on it with rga train seg/generated --data streets:{folder}")


def generate(what: str, generator: Generator[Any], folder: Path, options: Any) -> str:
    """Makes a dataset, if it was not made before, and says where it is and how long it took."""
    if generator.made(folder, options):
        return f"{folder}: generated before, from the same options; nothing was changed"
    started = time.perf_counter()
    with progress(what) as bar:
        path = generator.make(folder, options, bar)
    return f"{path}: generated in {time.perf_counter() - started:.0f} s"


def classes(
    folder: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FOLDER")],
    *,
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None,
) -> None:
    """Propose the table of classes of a segmentation dataset from its masks: each number or colour with its pixels, to be named by you.

    Args:
        folder: The dataset, with a folder of masks in it, or the folder of masks.
        output: Also write the table to this file, such as FOLDER/classes.csv; an existing file is never replaced.
    """
    from rga.segmentation.datasets.own_folders import find_masks  # noqa: PLC0415  with what other verbs do not need
    from rga.segmentation.datasets.proposal import check_new_table, propose, write_table  # noqa: PLC0415

    check_new_table(output)
    with progress("reading masks") as bar:
        proposal = propose(find_masks(folder), bar)
    if output is not None:
        write_table(output, proposal)
    print(f"{proposal}\n\nfrom {proposal.masks:,} masks")
    if output is None:
        print(f"write it with -o {folder / 'classes.csv'}, and edit the names")
    else:
        print(f"written to {output}: edit the names, then check the dataset with rga data check folder:{folder} --task segmentation")


def list_all() -> None:
    """List all datasets that can be read, with the options of their readers."""
    print("Write a dataset as NAME:FOLDER?option=value&option=value. These are the names and their options.")
    for task in TASKS:
        catalog = get_task(task).datasets
        print(f"\n{task} (rga train {SHORT[task]}/...)")
        for name, reader in catalog.readers.items():
            folder = f":{catalog.root_name(name).upper()}" if catalog.needs_root(name) else ""
            options = "&".join(f"{option}={word(kind)}" for option, kind in catalog.options(name).items())
            print(f"  {name}{folder}{f' ?{options}' if options else ''}")
            print(f"      {summary(reader)}")


def word(kind: Any) -> str:
    """A type in capitals, as help has it."""
    names = [getattr(each, "__name__", str(each)) for each in getattr(kind, "__args__", (kind,)) if each is not type(None)]
    return "|".join("TEXT" if name == "str" else name.upper() for name in names)


def summary(reader: Any) -> str:
    """The first sentence about a reader."""
    return (getattr(reader, "func", reader).__doc__ or "").splitlines()[0].replace("``", "")
