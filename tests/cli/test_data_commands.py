"""``rga data``: datasets are checked, generated and listed."""

import json
from pathlib import Path

import pytest

from cli.terminal import rga
from rga.tasks import TASKS, get_task


def test_people_are_checked_against_the_protocol(people: Path) -> None:
    done = rga("data", "check", f"market1501:{people}", "--open-images")
    assert done.code == 1, done.err  # they are not the whole of Market-1501, and the check says so
    assert "fingerprint" in done.out
    assert "12,936" in done.out
    assert done.err == ""


def test_a_report_is_written_as_json_and_never_over_another_file(tmp_path: Path) -> None:
    words = ("data", "check", "digits", "--open-images", "-o", tmp_path / "report.json")
    done = rga(*words)
    assert done.code == 0, done.err
    assert "train          10      1,438" in done.out
    assert json.loads((tmp_path / "report.json").read_text())["found"]["test"] == {"classes": 10, "images": 359}
    (tmp_path / "report.json").write_text("notes of mine")
    done = rga(*words)
    assert (done.code, "is there already" in done.err) == (2, True)
    assert (tmp_path / "report.json").read_text() == "notes of mine"
    assert rga(*words, "--overwrite").code == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("folder:DIR", "'folder' is a dataset of reid, segmentation and classification: choose one with --task"),
        ("digit", "unknown dataset 'digit': did you mean digits?"),
        (
            "digits --task segmentation",
            "segmentation has no dataset 'digits': choose one of cityscapes, camvid, pascal-voc, ade20k, folder, streets",
        ),
        ("folder --task reid", "dataset 'folder' needs a folder: write folder:FOLDER"),
        ("folder:nowhere --task reid", "no folder nowhere"),
        (
            "folder:nowhere?camra=x --task reid",
            "dataset 'folder' has no option 'camra': it takes camera, test_fraction, seed, known, splits, case",
        ),
        ("folder:nowhere?seed=x --task reid", "option seed of folder:nowhere?seed=x is 'x': Input should be a valid integer"),
        ("folder:nowhere?seed=1&seed=2 --task reid", "option 'seed' stands twice"),
        ("./photos --task reid", "'./photos' does not name a dataset: write NAME:FOLDER?option=value"),
        ("digits -o .", "is a folder: name a file to write to"),
        ("digits --task clasification", "invalid choice 'clasification'"),
        ("", "NAME:FOLDER"),
    ],
)
def test_what_cannot_be_checked_is_told(tmp_path: Path, words: str, message: str) -> None:
    done = rga("data", "check", *words.replace("DIR", str(tmp_path)).split(), cwd=tmp_path)
    assert done.code == 2
    assert message in done.said
    assert "Traceback" not in done.err


def test_a_folder_is_checked_for_the_task_that_is_chosen(digit_images: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        for split in ("train", "val"):
            (tmp_path / split / name).mkdir(parents=True)
            (tmp_path / split / name / f"{split}.png").write_bytes((digit_images / f"{len(name + split) % 3}.png").read_bytes())
    done = rga("data", "check", f"folder:{tmp_path}", "--task", "classification")
    assert done.code in (0, 1), done.err
    assert "fingerprint" in done.out
    assert "2          2" in done.out


@pytest.mark.parametrize("what", ["people", "streets"])
def test_generated_data_never_replace_a_folder(what: str, tmp_path: Path) -> None:
    done = rga("data", "make", what)
    assert (done.code, "DIR" in done.said) == (2, True)
    (tmp_path / "thesis.tex").write_text("years of work")
    done = rga("data", "make", what, tmp_path)
    assert done.code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_data_that_were_generated_before_are_left_alone(tmp_path: Path) -> None:
    words = ("data", "make", "fruit", tmp_path / "fruit", "--train", "4", "--val", "4", "--test", "4")
    made = rga(*words)
    assert (made.code, "generated in" in made.out) == (0, True), made.err
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    again = rga(*words)
    assert (again.code, "generated before, from the same options; nothing was changed" in again.out) == (0, True), again.err
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == times
    other = rga(*words, "--seed", "1")
    assert (other.code, "exists and is not an empty folder" in other.said) == (2, True), other.said
    origin = next(path for path in (tmp_path / "fruit").glob("*.json"))
    for text in ("no json", "[]", '{"options": 3}'):
        origin.write_text(text)
        assert rga(*words).code == 2
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path != origin} == {
        path: time for path, time in times.items() if path != origin
    }


def test_all_datasets_are_listed_with_their_options() -> None:
    done = rga("data", "list")
    assert (done.code, done.err) == (0, "")
    for task in TASKS:
        catalog = get_task(task).datasets
        for name in catalog.readers:
            named = f"{name}:{catalog.root_name(name).upper()}" if catalog.needs_root(name) else name
            assert any(line.split()[:1] == [named] for line in done.out.splitlines())
    assert "  csv:FILE" in done.out.splitlines()
    assert "folder:FOLDER ?camera=TEXT&test_fraction=FLOAT&seed=INT&known=BOOL&splits=BOOL" in done.out
    assert "`" not in done.out


def test_a_part_of_a_dataset_is_not_compared_with_the_protocol(people: Path) -> None:
    whole = rga("data", "check", f"market1501:{people}")
    assert (whole.code, "PROBLEM" in whole.out) == (1, True)
    part = rga("data", "check", f"market1501:{people}", "--subset")
    assert (part.code, part.err) == (0, "")
    assert part.out.splitlines()[-1] == "ok"
