"""``rga report`` as a user types it: one run of each task, and several side by side."""

import json
import re
import shutil
from pathlib import Path

import pytest
from PIL import Image

from cli.terminal import TINY_REID, rga
from rga.loading import load

WORKERS = ("--num-workers", 0)


@pytest.fixture(scope="session")
def plain_reid(work: Path, people: Path) -> Path:
    """A re-ID run without attention."""
    words = ("train", "reid/generated", "--data", f"market1501:{people}", "-o", "plain-reid", *TINY_REID)
    done = rga(*words, "--epochs", 1, "--evaluate-every", 1, "--attention", "none", cwd=work)
    assert done.code == 0, done.said
    assert "rga report plain-reid" in done.said
    return work / "plain-reid"


def heads(page: str) -> list[str]:
    return re.findall(r'<h2 id="section-\d+">(.*?)</h2>', page)


def table(page: str, caption: str) -> list[list[str]]:
    """The rows of the table whose caption begins so."""
    (found,) = [each for each in re.findall(r"<table.*?</table>", page, re.DOTALL) if f"<caption>{caption}" in each]
    rows = re.findall(r"<tr.*?</tr>", found, re.DOTALL)
    return [[re.sub(r"<.*?>", "", cell) for cell in re.findall(r"<(?:th|td).*?</(?:th|td)>", row, re.DOTALL)] for row in rows]


@pytest.mark.slow
def test_two_runs_side_by_side(reid_run: Path, plain_reid: Path, tmp_path: Path) -> None:
    path = tmp_path / "new" / "report.html"
    done = rga("report", plain_reid, reid_run, "-o", path, *WORKERS)
    assert done.code == 0, done.err
    assert done.out == f"written to {path}\n"
    page = path.read_text()
    assert [head for head in heads(page) if not head.endswith("query by query")] == [
        *("Results", "Curves", "Ranks", "Rank lists of RGA-SC", "What speaks for the nearest images", "Pairs: same identity or not"),
        *("From camera to camera", "Conditions", "Where RGA-SC looks", "Embedding map", "Configuration", "Commands"),
    ]
    rates = table(page, "True match rate")
    assert [row[0] for row in rates] == ["run", "plain", "RGA-SC"]
    conditions = table(page, "The mAP of groups of queries")
    assert conditions[0] == ["queries", "number", "plain", "RGA-SC"]
    results = table(page, re.findall(r"<caption>(\d+ queries)", page)[0])
    assert results[0][1:3] == ["mAP", "R1"]
    assert [row[0] for row in results[1:]] == ["plain", "RGA-SC"]
    for row, run in zip(results[1:], (plain_reid, reid_run), strict=True):
        written = tmp_path / f"{run.name}.json"
        assert rga("evaluate", run, *WORKERS, "-o", written).code == 0
        told = json.loads(written.read_text())
        measured = told["results"]["neck"]
        groups = {name: figures["mAP"] for name, figures in told["conditions"]["neck"].items()}
        column = conditions[0].index(row[0])
        assert {line[0]: line[column] for line in conditions[1:]} == {name: f"{value:.1%}" for name, value in groups.items()}
        assert row[1:3] == [f"{measured['mAP']:.1%}", f"{measured['cmc'][0]:.1%}"]
    fields = {row[0]: row[1:] for row in table(page, "The fields of the recipe that are not")}
    assert fields["attention"] == ["none", "rga-sc"]
    assert fields["backbone"] == ["test_resnet", "test_resnet"]
    assert "flip" not in fields
    assert f"rga train {plain_reid}/recipe.json -o again" in page
    assert f"<code>rga evaluate {plain_reid}</code>" in page  # on the data of its training, with what that held out
    assert load(reid_run).trained_on["fingerprint"] in page
    assert "http" not in page.replace("http-equiv", "")
    assert '<a href="report-map.html">Open the embedding map</a>' in page
    assert "<h1>RGA-SC on market1501</h1>" in (path.parent / "report-map.html").read_text()


def test_segmentation(segmentation_run: Path, tmp_path: Path) -> None:
    done = rga("report", segmentation_run, "-o", tmp_path / "report.html", "--figures", tmp_path / "figures", *WORKERS)
    assert done.code == 0, done.err
    figures = sorted((tmp_path / "figures").iterdir())
    assert [path.name for path in figures] == ["01-curves.png", "02-predictions.jpeg", "03-where-rga-sc-looks.png"]
    for path in figures:
        with Image.open(path) as drawn:
            drawn.load()
    done = rga("report", segmentation_run, "-o", tmp_path / "other.html", "--figures", tmp_path / "figures", *WORKERS)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "figures is not empty: name a new folder" in done.err
    assert not (tmp_path / "other.html").exists()
    page = (tmp_path / "report.html").read_text()
    assert heads(page) == ["Results", "Curves", "Classes", "Predictions", "Where RGA-SC looks", "Configuration", "Commands"]
    names = load(segmentation_run).classes.names
    assert [row[0] for row in table(page, "Intersection over union")[1:]] == list(names)
    assert [row[0] for row in table(page, "2 images")] == ["", "RGA-SC"]


def test_classification(digits_run: Path, tmp_path: Path) -> None:
    done = rga("report", digits_run, "-o", tmp_path / "report.html", *WORKERS)
    assert done.code == 0, done.err
    page = (tmp_path / "report.html").read_text()
    assert heads(page) == ["Results", "Curves", "Classes", "Confusions", "Configuration", "Commands"]
    classes = table(page, "The share of the images of each class")
    assert [row[0] for row in classes[1:]] == [str(digit) for digit in range(10)]
    mistakes = table(page, "The commonest mistakes of SE")
    counts = [int(row[1]) for row in mistakes[1:]]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > 0


@pytest.mark.slow
def test_runs_of_one_attention_are_named_by_their_folders(reid_run: Path, my_reid_run: Path, tmp_path: Path) -> None:
    done = rga("report", reid_run, my_reid_run, "-o", tmp_path / "report.html", *WORKERS)
    assert done.code == 0, done.err
    page = (tmp_path / "report.html").read_text()
    assert "<title>Re-identification on market1501: RGA-SC (reid-run), RGA-SC (run)</title>" in page
    assert not [head for head in heads(page) if "query by query" in head]  # the same weights: no query differs


def test_what_cannot_be_compared_is_said(reid_run: Path, digits_run: Path, my_reid_run: Path, people: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(people, tmp_path / "other"))
    next((other / "query").iterdir()).unlink()
    path = tmp_path / "report.html"
    for words, said in (
        ((reid_run, digits_run), "is for classification, and"),
        ((reid_run, reid_run), "is named twice: name each model once"),
        ((tmp_path / "nothing",), "nothing"),
        ((reid_run, "--data", "market1501:nowhere"), "nowhere"),
    ):
        done = rga("report", *words, "-o", path, *WORKERS)
        assert (done.code, done.err.count("\n")) == (2, 1), done.said
        assert said in done.err
        assert not path.exists()
    for mine in (path, tmp_path / "report-map.html"):
        mine.write_text("mine")
        done = rga("report", my_reid_run, "-o", path, *WORKERS)
        assert done.code == 2
        assert f"{mine} is there already" in done.err
        assert mine.read_text() == "mine"
        mine.unlink()
        assert not path.exists()


@pytest.mark.slow
def test_other_data_are_measured_on_where_they_are_named(reid_run: Path, people: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(people, tmp_path / "other"))
    next((other / "query").iterdir()).unlink()
    done = rga("report", reid_run, "--data", f"market1501:{other}", "-o", tmp_path / "report.html", *WORKERS)
    assert done.code == 0, done.err
    assert f"--data market1501:{other}" in (tmp_path / "report.html").read_text()
