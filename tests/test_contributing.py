"""The files that CONTRIBUTING.md names exist, and hold what it says is in them."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "rga"
TEXT = (ROOT / "CONTRIBUTING.md").read_text()

PATHS = sorted(set(re.findall(r"`((?:[\w.-]+/)*[\w.-]+\.(?:py|md)|(?:[\w.-]+/)+)`", TEXT)) - {"__init__.py", "utils.py"})
"""Files and folders in code spans; relative to the project or to ``src/rga``."""


@pytest.mark.parametrize("path", PATHS)
def test_named_files_exist(path: str) -> None:
    places = [ROOT / path, SOURCE / path]
    of_tasks = [SOURCE / task / path for task in ("reid", "segmentation", "classification", "detection")]  # the shape that all tasks share
    assert any(place.exists() for place in places) or all(place.exists() for place in of_tasks)


def test_the_page_names_its_rooms_and_no_others() -> None:
    """Every folder of the package is on the plan."""
    rooms = {path.parent.name for path in SOURCE.glob("*/__init__.py")}
    plan = TEXT.split("## How the code is organised")[1].split("## Where is")[0]
    assert {room for room in rooms if f"`{room}/`" not in plan} == set()


@pytest.mark.parametrize(
    ("path", "definition"),
    [
        ("ranking/average_precision.py", "def average_precision("),
        ("ranking/evaluation.py", "def evaluate("),
        ("segmentation/confusion.py", "def class_iou("),
        ("classification/metrics.py", "def evaluate("),
        ("attention/catalog.py", "OF_ANY_GRID"),
        ("backbones/catalog.py", "OWN:"),
        ("reid/datasets/catalog.py", "READERS:"),
        ("reid/recipes.py", "RECIPES:"),
        ("segmentation/network/heads.py", "HEADS:"),
        ("cli/verbs.py", "VERBS:"),
        ("tasks.py", "TASKS:"),
        ("reports/evaluation_report.py", "SECTIONS:"),
        ("training/run/record.py", "CHANGEABLE"),
        ("reid/training.py", "def losses("),
    ],
)
def test_answers_are_true(path: str, definition: str) -> None:
    assert f"`{path}`" in TEXT
    assert definition in (SOURCE / path).read_text()
