"""mAP by condition: the groups of queries, their figures against a plain loop, and tables that are wrong."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rga.datasets.layout import DataError
from rga.ranking.examination import query_details
from rga.reid.conditions import by_condition, query_groups
from rga.reid.datasets.joining import join
from rga.reid.datasets.market1501 import read_market1501
from rga.reid.datasets.samples import ReidData, validation_split
from rga.synthetic.people.conditions import COLUMNS, Conditions, cells, write_conditions
from rga.synthetic.people.people import PeopleOptions, make_people

CLEAR = Conditions(
    camera=1,
    background="bricks",
    clutter=0,
    company="none",
    obstacle="none",
    occlusion=0.0,
    offset_x=0.0,
    offset_y=0.0,
    zoom=0.9,
    yaw=0.0,
    view="front",
)
CASES = {
    "0001": (replace(CLEAR, occlusion=0.1), {"occluded"}),
    "0002": (replace(CLEAR, occlusion=0.2), {"occluded", "heavily occluded"}),
    "0003": (replace(CLEAR, offset_x=0.08, offset_y=-0.08), {"misaligned"}),
    "0004": (replace(CLEAR, zoom=1.1), {"misaligned"}),
    "0005": (replace(CLEAR, company="front"), {"cluttered"}),
    "0006": (replace(CLEAR, clutter=1), {"cluttered"}),
    "0007": (replace(CLEAR, background="leaves"), {"busy background"}),
    "0008": (replace(CLEAR, yaw=-160.0), set()),
    "0009": (replace(CLEAR, yaw=100.0), {"other viewpoint"}),
    "0010": (replace(CLEAR, occlusion=None), set()),
    "0011": (replace(CLEAR, occlusion=0.04, offset_x=0.09, zoom=0.99, yaw=59.0), set()),
}
"""Identity -> conditions of its query, and the groups of bad conditions that it is in. The match of 0008 has the yaw 170, others 0."""
OPPOSITES = {
    "occluded": "not occluded",
    "misaligned": "aligned",
    "cluttered": "uncluttered",
    "busy background": "plain background",
    "other viewpoint": "same viewpoint",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A query by camera 1, an image of its own camera and a match by camera 2 for each case, and a distractor without a row."""
    folder = tmp_path / "people"
    rows: dict[str, Conditions] = {}
    for identity, (conditions, _) in CASES.items():
        rows[f"query/{identity}_c1s1_000001_00.jpg"] = conditions
        rows[f"bounding_box_test/{identity}_c1s1_000002_00.jpg"] = conditions
        rows[f"bounding_box_test/{identity}_c2s1_000002_00.jpg"] = replace(CLEAR, yaw=170.0 if identity == "0008" else 0.0)
    for path in (*rows, "bounding_box_test/0000_c1s1_000001_00.jpg", "bounding_box_train/0050_c1s1_000001_00.jpg"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()
    write_conditions(folder / "conditions.csv", [(path, cells(conditions)) for path, conditions in rows.items()])
    return folder


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> ReidData:
    options = PeopleOptions(
        identities=8, test_identities=12, cameras=3, images_per_camera=2, distractors=6, junk=2, height=32, width=16, company=0.5
    )
    return read_market1501(make_people(tmp_path_factory.mktemp("data") / "people", options))


def groups_of(data: ReidData) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.bool_]]]:
    found = query_groups(data)
    assert found is not None
    return found


def test_each_condition_puts_a_query_in_its_groups(root: Path) -> None:
    data = read_market1501(root)
    groups = groups_of(data)
    for index, query in enumerate(data.query):
        bad = CASES[f"{query.identity:04d}"][1]
        expected = {"all"} | bad | {opposite for group, opposite in OPPOSITES.items() if group not in bad}
        assert {name for name, mask in groups.items() if mask[index]} == expected, query


def test_figures_are_those_of_the_queries_of_each_group(generated: ReidData) -> None:
    rng = np.random.default_rng(0)
    distances = rng.random((len(generated.query), len(generated.gallery)))
    labels = [
        np.array([getattr(sample, name) for sample in side])
        for side in (generated.query, generated.gallery)
        for name in ("identity", "camera")
    ]
    groups = groups_of(generated)
    figures = by_condition(query_details(distances, *labels), groups)
    with (generated.root / "conditions.csv").open() as stream:
        table = {row["path"]: row for row in csv.DictReader(stream)}
    precisions, first = [], []
    for row, query in zip(distances, generated.query, strict=True):
        ranked = [generated.gallery[column] for column in np.argsort(row)]
        ranked = [each for each in ranked if not (each.identity == query.identity and each.camera == query.camera)]
        ranks = [rank for rank, each in enumerate(ranked, start=1) if each.identity == query.identity]
        precisions.append(np.mean([found / rank for found, rank in enumerate(ranks, start=1)]))
        first.append(ranks[0] == 1)
    company = np.array([table[query.path.relative_to(generated.root).as_posix()]["company"] != "none" for query in generated.query])
    assert 0 < company.sum() < len(company)
    for name, mask in (("all", company | True), ("cluttered", company), ("uncluttered", ~company)):
        assert figures[name]["mAP"] == pytest.approx(np.array(precisions)[mask].mean())
        assert figures[name]["R1"] == pytest.approx(np.array(first)[mask].mean())
        assert figures[name]["queries"] == mask.sum()
    for group, opposite in OPPOSITES.items():
        assert sum(figures.get(name, {"queries": 0})["queries"] for name in (group, opposite)) == len(generated.query)
    assert all(figures[name]["queries"] for name in figures)


def test_the_viewpoint_is_that_of_the_nearest_match(generated: ReidData) -> None:
    with (generated.root / "conditions.csv").open() as stream:
        yaw = {row["path"].split("/")[-1]: float(row["yaw"]) for row in csv.DictReader(stream) if row["yaw"]}
    other = groups_of(generated)["other viewpoint"]
    for query, turned in zip(generated.query, other, strict=True):
        matches = [each for each in generated.gallery if each.identity == query.identity and each.camera != query.camera]
        nearest = min(abs((yaw[each.path.name] - yaw[query.path.name] + 180) % 360 - 180) for each in matches)
        assert turned == (nearest > 60)


def test_held_out_and_joined_people_keep_their_conditions(generated: ReidData, monkeypatch: pytest.MonkeyPatch) -> None:
    held = validation_split(generated, 4, seed=0)
    assert len(groups_of(held)["all"]) == len(held.query)
    joined = join("both", generated, test=generated)
    np.testing.assert_array_equal(groups_of(joined)["cluttered"], groups_of(generated)["cluttered"])
    monkeypatch.chdir(generated.root.parent)
    near = read_market1501(Path("people"))
    elsewhere = join("both", near, test=near)  # its folder is absolute, its paths are not
    np.testing.assert_array_equal(groups_of(elsewhere)["cluttered"], groups_of(generated)["cluttered"])


def test_people_without_a_table_have_no_groups(root: Path) -> None:
    (root / "conditions.csv").rename(root.parent / "conditions.csv")  # above the dataset's folder
    assert query_groups(read_market1501(root)) is None
    assert query_groups(ReidData("train", read_market1501(root).train, (), (), root)) is None


def test_a_group_without_a_match_has_no_figures() -> None:
    details = query_details(np.array([[0.1, 0.2], [0.2, 0.1]]), [1, 2], None, [1, 3], None)
    found = by_condition(details, {"occluded": np.array([False, True]), "not occluded": np.array([True, False])})
    assert found == {"not occluded": {"mAP": 1.0, "R1": 1.0, "queries": 1}}


@pytest.mark.parametrize(
    ("column", "value", "error"),
    [
        ("occlusion", "much", "occlusion is 'much', expected a number"),
        ("zoom", "", "zoom is '', expected a number"),
        ("yaw", "nan", "yaw is 'nan', expected a number"),
        ("clutter", "some", "clutter is 'some', expected a whole number"),
        ("path", "query/0002_c1s1_000001_00.jpg", "query/0002_c1s1_000001_00.jpg is there twice"),
        ("path", "elsewhere.jpg", "has no row for query/0001_c1s1_000001_00.jpg: generate the people anew, or remove the table"),
    ],
)
def test_wrong_tables_are_refused(root: Path, column: str, value: str, error: str) -> None:
    with (root / "conditions.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    wrong = next(row for row in rows if row["path"].startswith("query/0001"))
    wrong[column] = value
    with (root / "conditions.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    with pytest.raises(DataError, match=error):
        query_groups(read_market1501(root))
