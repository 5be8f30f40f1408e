"""Re-identification from the command line, as a user types it: make data, check, train, go on, evaluate, embed."""

import contextlib
import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import rga
from rga.__main__ import main

TINY = [
    "--trunk",
    "test_resnet",
    "--height",
    "64",
    "--width",
    "32",
    "--identities",
    "4",
    "--images",
    "2",
    "--epochs",
    "2",
    "--evaluate-every",
    "1",
    "--workers",
    "0",
    "--threads",
    "1",
]


@dataclass(frozen=True)
class Done:
    """What a command came to."""

    returncode: int
    stdout: str
    stderr: str


def type_in(*words: object, cwd: Path) -> Done:
    """Runs the command line in this process: a new one would import PyTorch each time."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.chdir(cwd), contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        try:
            code = main([str(word) for word in words])
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 1
    return Done(code, stdout.getvalue(), stderr.getvalue())


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("work")
    words = [
        "--identities",
        "12",
        "--cameras",
        "3",
        "--images-per-camera",
        "2",
        "--distractors",
        "4",
        "--junk",
        "2",
        "--height",
        "64",
        "--width",
        "32",
    ]
    done = type_in("data", "make", "people", *words, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "rga train reid-generated --root people" in done.stdout
    return folder / "people"


@pytest.fixture(scope="module")
def run(people: Path) -> Path:
    done = type_in("train", "reid-generated", "--root", people, "--out", "run", *TINY, cwd=people.parent)
    assert done.returncode == 0, done.stderr
    assert "fingerprint" in done.stdout
    return people.parent / "run"


def test_generated_data_pass_the_check(people: Path) -> None:
    done = type_in("data", "check", "market1501", "--root", people, "--open-images", cwd=people.parent)
    assert "fingerprint" in done.stdout, done.stderr
    assert done.returncode == 1  # they are not the whole of Market-1501, and the check says so
    assert "12,936" in done.stdout


def test_a_run_leaves_all_that_is_needed(run: Path) -> None:
    recipe = json.loads((run / "recipe.json").read_text())
    assert recipe["trunk"] == "test_resnet"
    assert len(recipe["data_fingerprint"]) == 16
    events = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert [event["kind"] for event in events] == ["train", "evaluate"] * 2
    assert {"identity", "triplet", "lr", "images_per_second"} <= events[0].keys()
    assert {"mAP_neck", "R1_pooled", "mINP_neck"} <= events[1].keys()
    model = rga.load(run)
    assert model.trained_on["fingerprint"] == recipe["data_fingerprint"]
    assert 0 <= model.metrics["mAP_neck"] <= 1
    assert (run / "last.pt").is_file()


def test_a_folder_that_holds_a_run_is_not_overwritten_and_can_be_gone_on_with(run: Path, people: Path) -> None:
    done = type_in("train", "reid-generated", "--root", people, "--out", "run", *TINY, cwd=run.parent)
    assert done.returncode == 2
    assert "holds a run already: go on with --resume" in done.stderr
    done = type_in("train", "reid-generated", "--root", people, "--out", "run", "--resume", *TINY, "--epochs", 3, cwd=run.parent)
    assert done.returncode == 0, done.stderr
    assert sum('"kind": "train"' in line for line in (run / "log.jsonl").read_text().splitlines()) == 3


def test_evaluate_prints_both_features_and_writes_json(run: Path, people: Path) -> None:
    done = type_in("evaluate", "run", "--data", "market1501", "--root", people, "--flip", "--workers", 0, cwd=run.parent)
    assert done.returncode == 0, done.stderr
    assert "pooled" in done.stdout
    assert "camera rule applied" in done.stdout.replace("\n", " ")
    report = json.loads((run / "evaluation.json").read_text())
    assert set(report["results"]) == {"pooled", "neck"}
    assert report["fingerprint"] == report["trained_on"]["fingerprint"]
    done = type_in(
        "evaluate",
        "run",
        "--data",
        "market1501",
        "--root",
        people,
        "--feature",
        "neck",
        "--out",
        "neck.json",
        "--workers",
        0,
        cwd=run.parent,
    )
    assert done.returncode == 0, done.stderr
    assert set(json.loads((run.parent / "neck.json").read_text())["results"]) == {"neck"}


def test_embed_writes_features_and_paths(run: Path, people: Path) -> None:
    done = type_in("embed", people / "query", "--model", "run", "-o", "features.npz", "--workers", 0, cwd=run.parent)
    assert done.returncode == 0, done.stderr
    with np.load(run.parent / "features.npz") as saved:
        names = saved["paths"].tolist()
        assert names == sorted(path.name for path in (people / "query").iterdir())
        expected = rga.load(run).embed([people / "query" / name for name in names])
        np.testing.assert_allclose(saved["features"], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "reid-generated", "--root", "nowhere"], "no folder nowhere"),
        (["train", "reid-generated", "--attension", "se"], "--attension"),
        (["train", "reid-generated", "--erase", "2"], "erase must lie between 0 and 1"),
        (["train", "reid-market1502"], "train reid-market1501"),
        (["evaluate", "nowhere", "--data", "market1501", "--root", "people"], "there is no model at nowhere"),
        (["embed", "empty", "--model", "run"], "no pictures"),
        (["data", "make", "people"], "people"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes_are_one_clear_error(run: Path, words: list[str], message: str) -> None:
    (run.parent / "empty").mkdir(exist_ok=True)
    done = type_in(*words, cwd=run.parent)
    assert done.returncode == 2
    assert message in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("verb", ["train", "train reid-market1501", "evaluate", "embed", "data", "data make", "data check"])
def test_every_verb_explains_itself(verb: str, tmp_path: Path) -> None:
    done = type_in(*verb.split(), "--help", cwd=tmp_path)
    assert done.returncode == 0
    assert verb in done.stdout
    assert "Traceback" not in done.stderr
