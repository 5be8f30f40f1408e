"""mAP by condition: how well queries are found that are occluded, misaligned, before clutter, or from another viewpoint than their matches.

The generated people say in ``conditions.csv`` under which conditions each image was taken (``rga.synthetic.people.conditions``). The groups
of queries were fixed before any model was measured by them, so that each has enough of some 600 queries of the default options.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rga.datasets.layout import DataError, relative
from rga.datasets.tables import Row, read_rows, whole_number
from rga.ranking.details import QueryDetails
from rga.reid.datasets.samples import ReidData, Sample, by_identity
from rga.synthetic.people.conditions import FILE, NONE

COLUMNS = ("path", "background", "clutter", "company", "occlusion", "offset_x", "offset_y", "zoom", "yaw")
"""Columns of the table that the groups need."""

WHERE = f"{FILE} in a dataset's folder is the table that rga data make people writes: give another file of this name another name"

OCCLUDED, HEAVILY_OCCLUDED = 0.05, 0.15
"""Above these shares of covered pixels, a person counts as occluded, and as heavily occluded."""

MISALIGNED = 0.1
"""Above this offset, in box sizes, a box counts as misaligned."""

PLAIN = ("bricks", "plaster")
"""Backgrounds without things in them."""

TURNED = 60.0
"""Degrees of yaw; a query that is turned further from each of its matches is seen from another viewpoint."""

Masks = dict[str, npt.NDArray[np.bool_]]


@dataclass(frozen=True)
class Taken:
    """What the table says of an image; see ``rga.synthetic.people.conditions.Conditions``.

    Attributes:
        occlusion: share of the person that is covered; 0 where all of it is outside of the image.
        offset: distance of the person's middle from the image's, in box sizes.
        zoom: height of the person / height of the image.
        yaw: in degrees.
        cluttered: whether there is somebody else, or things behind the person.
        plain: whether the background is one of ``PLAIN``.
    """

    occlusion: float
    offset: float
    zoom: float
    yaw: float
    cluttered: bool
    plain: bool


def by_condition(details: QueryDetails, groups: Mapping[str, npt.NDArray[np.bool_]]) -> dict[str, dict[str, float]]:
    """The figures of each group of queries; a group without a query that has a match is left out.

    Args:
        details: what each query reached, from ``rga.ranking.examination.query_details``.
        groups: name -> which of all queries are in the group, from ``query_groups``.

    Returns:
        Name -> mAP and R1, as fractions, and queries, the number of them.

    Example:
        >>> details = QueryDetails(np.array([0, 2]), np.array([1.0, 0.5]), np.array([1, 3]), np.array([1, 2]), np.zeros(101))
        >>> by_condition(details, {"occluded": np.array([False, True, True]), "not occluded": np.array([True, False, False])})
        {'occluded': {'mAP': 0.5, 'R1': 0.0, 'queries': 1}, 'not occluded': {'mAP': 1.0, 'R1': 1.0, 'queries': 1}}
    """
    figures = {}
    for name, mask in groups.items():
        inside = mask[details.queries]
        if inside.any():
            figures[name] = {
                "mAP": float(details.average_precision[inside].mean()),
                "R1": float((details.first_rank[inside] == 1).mean()),
                "queries": int(inside.sum()),
            }
    return figures


def query_groups(data: ReidData) -> Masks | None:
    """The groups of a dataset's queries, by the conditions under which they were taken.

    - ``all``;
    - ``occluded``, ``heavily occluded`` (a part of them) and ``not occluded``: whether more than 5 %, or 15 %, of the person is covered;
    - ``misaligned`` and ``aligned``: whether the box cuts the person or lies off by more than a tenth of its size;
    - ``cluttered`` and ``uncluttered``: whether there is somebody else in the image, or things stand behind the person;
    - ``busy background`` and ``plain background``: leaves, cars, shops or a fence, and walls;
    - ``other viewpoint`` and ``same viewpoint``: whether the query's yaw is more than 60 degrees from that of each of its matches.

    Args:
        data: with query and gallery, or without, which have no groups.

    Returns:
        Name -> which queries, (queries,) each; None if a query or a gallery image has no ``conditions.csv`` above it, up to the dataset's
        folder.

    Raises:
        DataError: such a table is not what ``rga data make people`` writes, or has no row for one of the images.
    """
    taken = read_conditions(data)
    if not taken:
        return None
    rows = [taken[sample.path] for sample in data.query]
    turned = turns(data, taken)
    occlusion = np.array([row.occlusion for row in rows])
    misaligned = np.array([row.zoom > 1 or row.offset > MISALIGNED for row in rows])
    cluttered = np.array([row.cluttered for row in rows])
    plain = np.array([row.plain for row in rows])
    return {
        "all": np.ones(len(rows), bool),
        "occluded": occlusion > OCCLUDED,
        "heavily occluded": occlusion > HEAVILY_OCCLUDED,
        "not occluded": occlusion <= OCCLUDED,
        "misaligned": misaligned,
        "aligned": ~misaligned,
        "cluttered": cluttered,
        "uncluttered": ~cluttered,
        "busy background": ~plain,
        "plain background": plain,
        "other viewpoint": turned > TURNED,
        "same viewpoint": turned <= TURNED,
    }


def turns(data: ReidData, taken: Mapping[Path, Taken]) -> npt.NDArray[np.float64]:
    """How far each query is turned from the nearest of its matches, in degrees of yaw: (queries,); infinite without a match."""
    gallery = by_identity(data.gallery)

    def turn(query: Sample) -> float:
        matches = [each for each in gallery.get(query.identity, ()) if not data.has_cameras or each.camera != query.camera]
        return min((abs(math.remainder(taken[each.path].yaw - taken[query.path].yaw, 360)) for each in matches), default=math.inf)

    return np.array([turn(query) for query in data.query])


def read_conditions(data: ReidData) -> dict[Path, Taken] | None:
    """What the tables say of a dataset's queries and of the people of its gallery.

    Returns:
        Path of the image -> its conditions; None as for ``query_groups``.

    Raises:
        DataError: as for ``query_groups``.
    """
    known = {query.identity for query in data.query}
    samples = [*data.query, *(sample for sample in data.gallery if sample.identity in known)]
    folders: dict[Path, Path | None] = {}
    for sample in samples:
        parent = sample.path.parent
        if parent not in folders:
            folders[parent] = folder_of_table(parent, data.root)
        if folders[parent] is None:
            return None
    tables = {folder: read_table(folder / FILE) for folder in folders.values() if folder is not None}
    taken = {}
    for sample in samples:
        folder = folders[sample.path.parent]
        assert folder is not None
        name = relative(sample.path, folder)
        if name not in tables[folder]:
            raise DataError(f"{folder / FILE} has no row for {name}: generate the people anew, or remove the table")
        taken[sample.path] = conditions_of(tables[folder][name])
    return taken


def folder_of_table(folder: Path, root: Path) -> Path | None:
    """The nearest folder with a table: this one, or one above it up to the dataset's."""
    folder = folder.absolute()
    above = [each for each in (folder, *folder.parents) if each.is_relative_to(root.absolute())]
    return next((each for each in above if (each / FILE).is_file()), None)


def read_table(file: Path) -> dict[str, Row]:
    """The rows of a table by the path of the image.

    Raises:
        DataError: a column is missing, or an image is there twice.
    """
    rows: dict[str, Row] = {}
    for row in read_rows(file, COLUMNS, (), WHERE):
        if rows.setdefault(row["path"], row) is not row:
            raise DataError(f"{row.location}: {row['path']} is there twice: {rows[row['path']].location}")
    return rows


def conditions_of(row: Row) -> Taken:
    """What a row says of an image with a person.

    Raises:
        DataError: a cell is not a number where one is expected.
    """
    return Taken(
        occlusion=number(row, "occlusion") if row["occlusion"] else 0.0,
        offset=math.hypot(number(row, "offset_x"), number(row, "offset_y")),
        zoom=number(row, "zoom"),
        yaw=number(row, "yaw"),
        cluttered=row["company"] != NONE or whole_number(row["clutter"], "clutter", row.location) > 0,
        plain=row["background"] in PLAIN,
    )


def number(row: Row, column: str) -> float:
    """A cell's number.

    Raises:
        DataError: it is none, or not a finite one.
    """
    try:
        value = float(row[column])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DataError(f"{row.location}: {column} is {row[column]!r}, expected a number. {WHERE}")
    return value
