"""Re-identification from the command line, as a user types it: make data, check, train, go on, evaluate, embed."""

import contextlib
import io
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

import rga
from rga.__main__ import main

TINY = [
    "--backbone",
    "test_resnet",
    "--height",
    "64",
    "--width",
    "32",
    "--ids-per-batch",
    "4",
    "--images-per-id",
    "2",
    "--epochs",
    "2",
    "--evaluate-every",
    "1",
    "--num-workers",
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
    assert recipe["backbone"] == "test_resnet"
    assert len(recipe["data_fingerprint"]) == 16
    events = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert [event["kind"] for event in events] == ["start", *["train", "evaluate"] * 2]
    assert {"identity", "triplet", "lr", "images_per_second"} <= events[1].keys()
    assert {"mAP_neck", "R1_pooled", "mINP_neck"} <= events[2].keys()
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
    done = type_in("evaluate", "run", "--data", "market1501", "--root", people, "--flip", "--num-workers", 0, cwd=run.parent)
    assert done.returncode == 0, done.stderr
    assert "pooled" in done.stdout
    assert "camera rule applied" in done.stdout.replace("\n", " ")
    report = json.loads((run / "evaluation-market1501.json").read_text())
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
        "--num-workers",
        0,
        cwd=run.parent,
    )
    assert done.returncode == 0, done.stderr
    assert set(json.loads((run.parent / "neck.json").read_text())["results"]) == {"neck"}


def evaluating(run: Path, people: Path, *words: object) -> Done:
    """``rga evaluate`` with more words."""
    return type_in("evaluate", run.name, "--data", "market1501", "--root", people, "--num-workers", 0, *words, cwd=run.parent)


def test_evaluate_re_ranks_expands_and_reports(run: Path, people: Path) -> None:
    words = ["--rerank", "--k1", 4, "--k2", 2, "--lambda", 0.5, "--expand-queries", 2, "--expand-gallery", 1, "--alpha", 2]
    done = evaluating(run, people, *words, "--report", "report", "--out", "reranked.json")
    assert done.returncode == 0, done.stderr
    told = json.loads((run.parent / "reranked.json").read_text())["results"]["neck"]
    assert told["metric"] == "cosine, gallery expanded by 1 (alpha 2), queries expanded by 2 (alpha 2), re-ranked (k1 4, k2 2, lambda 0.5)"
    assert "re-ranked (k1 4" in done.stdout.replace("\n", " ")
    figures = json.loads((run.parent / "report" / "report.json").read_text())
    assert figures["results"]["neck"] == told
    assert figures["examined"]["neck"]["ranking"] == told
    assert (people / figures["examined"]["pooled"]["worst_queries"][0]["query"]).is_file()
    page = (run.parent / "report" / "report.html").read_text()
    assert figures["examined"]["neck"]["worst_queries"][0]["query"] in page
    assert "From camera to camera" in page
    plain = evaluating(run, people, "--out", "plain.json")
    assert plain.returncode == 0, plain.stderr
    assert json.loads((run.parent / "plain.json").read_text())["results"]["neck"]["mAP"] != told["mAP"]


def test_evaluate_open_set_keeps_a_threshold_with_the_model(run: Path, people: Path) -> None:
    done = evaluating(
        run, people, "--open-set", "--unknown", 0.4, "--false-alarms", 0.2, "--seed", 3, "--out", "open.json", "--report", "open"
    )
    assert done.returncode == 0, done.stderr
    told = json.loads((run.parent / "open.json").read_text())
    threshold = rga.load(run).threshold
    assert threshold is not None
    assert told["open_set"]["threshold"] == threshold.to_dict()
    assert (threshold.feature, threshold.metric, threshold.false_alarm_rate) == ("neck", "cosine", 0.2)
    assert threshold.fingerprint == told["fingerprint"]
    assert threshold.fpir <= 0.2
    assert told["open_set"]["neck"]["unknown_identities"] == 2  # of six people
    assert "tried on the other half" in done.stdout.replace("\n", " ")
    assert "Open set: is this identity in the gallery?" in (run.parent / "open" / "report.html").read_text()
    again = evaluating(run, people, "--open-set", "--unknown", 0.4, "--false-alarms", 0.2, "--seed", 3, "--out", "again.json")
    assert again.returncode == 0, again.stderr
    assert json.loads((run.parent / "again.json").read_text())["open_set"] == told["open_set"]


def embedded_too_early(*_: object, **__: object) -> None:
    raise AssertionError("everything was embedded for nothing")


def test_a_report_that_cannot_be_drawn_is_told_before_anything_is_embedded(
    run: Path, people: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rga.cli.evaluate.embed_data", embedded_too_early)
    monkeypatch.setattr("rga.cli.outputs.find_spec", lambda _name: None)
    done = evaluating(run, people, "--report", "drawn")
    assert (done.returncode, done.stderr) == (2, "rga: this needs matplotlib, which is not installed: pip install 'rga[all]'\n")
    assert not (run.parent / "drawn").exists()


def results(run: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in run.glob("evaluation*.json")}


def test_results_of_other_options_and_other_data_are_never_written_over(run: Path, people: Path, tmp_path: Path) -> None:
    mine = Path(shutil.copytree(run, tmp_path / "run"))
    for path in mine.glob("evaluation*.json"):
        path.unlink()
    other = type_in(
        "data", "make", "other", "--identities", 6, "--distractors", 0, "--junk", 0, "--height", 64, "--width", 32, cwd=tmp_path
    )
    assert other.returncode == 0, other.stderr
    kept: dict[str, bytes] = {}
    for words in ([], ["--flip"], ["--rerank", "--k1", 3], ["--feature", "neck"], ["--root", tmp_path / "other"]):
        assert evaluating(mine, people, *words).returncode == 0
        there = results(mine)
        assert kept.items() <= there.items()
        assert len(there) == len(kept) + 1
        kept = there
    assert evaluating(mine, people, "--flip").returncode == 0  # the same again is written over its own
    assert results(mine).keys() == kept.keys() == {"evaluation-market1501.json", *(f"evaluation-market1501-{n}.json" for n in range(2, 6))}
    (mine / "evaluation-market1501.json").write_text("notes of mine")
    assert evaluating(mine, people).returncode == 0
    assert (mine / "evaluation-market1501.json").read_text() == "notes of mine"


def train_on(run: Path) -> None:
    """As if the model had been trained on: it has other weights."""
    path = next(folder for folder in (run / "best", run / "last") if folder.is_dir()) / "model.safetensors"
    weights = load_file(path)
    name = next(name for name, value in weights.items() if value.is_floating_point())
    weights[name] = weights[name] + 0.125
    save_file(weights, path)


def test_results_of_other_weights_are_kept(run: Path, people: Path, tmp_path: Path) -> None:
    mine = Path(shutil.copytree(run, tmp_path / "run"))
    for path in mine.glob("evaluation*.json"):
        path.unlink()
    assert evaluating(mine, people).returncode == 0
    first = results(mine)
    train_on(mine)
    assert evaluating(mine, people).returncode == 0
    there = results(mine)
    assert first.items() <= there.items()
    assert len({json.loads(each)["weights"] for each in there.values()}) == 2


@pytest.mark.slow
def test_a_file_that_is_named_and_holds_something_else_is_not_written_over(
    run: Path, people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = tmp_path / "found.json"
    for _ in range(2):
        assert evaluating(run, people, "--out", found).returncode == 0
    monkeypatch.setattr("rga.cli.evaluate.embed_data", embedded_too_early)
    for there in (found, run / "last.pt", run / "recipe.json"):
        before = there.read_bytes()
        done = evaluating(run, people, "--flip", "--out", there)
        assert done.returncode == 2
        assert f"{there} holds something else, or results on other data, by other options or of other weights" in done.stderr
        assert there.read_bytes() == before


def test_a_model_from_elsewhere_gets_no_folder_of_its_name(
    run: Path, people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = rga.load(run)
    monkeypatch.setattr("rga.cli.evaluate.load", lambda *_: model)
    words = ["evaluate", "owner/name", "--data", "market1501", "--root", people, "--num-workers", 0]
    done = type_in(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "name a file with --out to keep the results" in " ".join(done.stdout.split())
    assert not list(tmp_path.iterdir())
    assert type_in(*words, "--out", "found.json", cwd=tmp_path).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["found.json"]


@pytest.mark.parametrize("failing", ["print_ranking", "write_findings", "keep"])
def test_whatever_fails_after_the_evaluation_the_results_are_written(
    run: Path, people: Path, tmp_path: Path, failing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("no more")

    monkeypatch.setattr(f"rga.cli.evaluate.{failing}", fail)
    done = evaluating(run, people, "--open-set", "--report", tmp_path / "report", "--out", tmp_path / "found.json")
    assert (done.returncode, "no more" in done.stderr) == (2, True)
    assert set(json.loads((tmp_path / "found.json").read_text())["results"]) == {"pooled", "neck"}


def test_results_that_cannot_be_written_are_printed(run: Path, people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("rga.cli.outputs.write_json", full)
    done = evaluating(run, people, "--out", tmp_path / "found.json")
    assert done.returncode == 2
    assert "mINP" in done.stdout


def test_a_report_on_something_else_is_not_written_over(run: Path, people: Path, tmp_path: Path) -> None:
    report = tmp_path / "report"
    words = ["--report", report, "--out", tmp_path / "found.json"]
    for _ in range(2):
        assert evaluating(run, people, *words).returncode == 0
    before = {path.name: path.read_bytes() for path in report.iterdir()}
    done = evaluating(run, people, *words, "--flip")
    assert done.returncode == 2
    assert "holds report.html and report.json on other data, by other options or of other weights" in done.stderr
    assert {path.name: path.read_bytes() for path in report.iterdir()} == before
    (report / "report.json").unlink()
    assert evaluating(run, people, *words).returncode == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-o", "."], "is a folder: name a file to write to"),
        (["-o", "people/people.json/f.npz"], "people.json is a file"),
        (["-o", "there.npz"], "there.npz is there already: name another file, or --overwrite"),
        (["--batch-size", "0"], "batch-size must be at least 1, got 0"),
        (["--num-workers", "-1"], "num_workers must be at least 0, got -1"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistaken_options_of_embed_are_told_before_anything_is_embedded(
    run: Path, people: Path, words: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rga.cli.embed.load", embedded_too_early)
    (run.parent / "there.npz").write_bytes(b"features of another model")
    done = type_in("embed", people / "query", "--model", "run", *words, cwd=run.parent)
    assert done.returncode == 2
    assert message in done.stderr
    assert (run.parent / "there.npz").read_bytes() == b"features of another model"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--k1", "4"], "k1 is an option of re-ranking"),
        (["--alpha", "4"], "alpha is an option of expansion"),
        (["--false-alarms", "0.1"], "--false-alarms is an option of --open-set"),
        (["--open-set", "--rerank"], "leave them out"),
        (["--open-set", "--unknown", "2"], "share of unknown identities must be between 0 and 1"),
        (["--open-set", "--false-alarms", "1"], "the share of false alarms must be at least 0 and below 1"),
        (["--rerank", "--lambda", "2"], "lambda must lie between 0 and 1"),
        (["--rerank", "--k1", "0"], "k1 must be at least 1, got 0"),
        (["--rerank", "--k2", "-1"], "k2 must be at least 1, got -1"),
        (["--expand-queries", "2", "--alpha", "-1"], "alpha must not be negative, got -1"),
        (["--batch-size", "0"], "batch-size must be at least 1, got 0"),
        (["--num-workers", "-1"], "num_workers must be at least 0, got -1"),
        (["--out", "."], "is a folder: name a file to write to"),
        (["--out", "people/people.json/x.json"], "people.json is a file"),
        (["--report", "people/people.json"], "people.json is a file"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistaken_options_of_evaluate_are_told_before_anything_is_embedded(
    run: Path, people: Path, words: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rga.cli.evaluate.embed_data", embedded_too_early)
    done = evaluating(run, people, *words)
    assert done.returncode == 2
    assert message in (done.stderr + done.stdout).replace("\n", " ")
    assert "Traceback" not in done.stderr


def test_embed_writes_features_and_paths(run: Path, people: Path) -> None:
    done = type_in("embed", people / "query", "--model", "run", "-o", "features.npz", "--num-workers", 0, cwd=run.parent)
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
        (["train", "reid-generated", "--random-erasing", "2"], "random_erasing must lie between 0 and 1"),
        (["train", "reid-market1502"], "train reid-market1501"),
        (["evaluate", "nowhere", "--data", "market1501", "--root", "people"], "there is no model at nowhere"),
        (["embed", "empty", "--model", "run", "-o", "none.npz"], "no images"),
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
