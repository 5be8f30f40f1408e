"""``rga evaluate`` and ``rga calibrate`` with a re-ID model: figures, files, reports, and what is never overwritten."""

import errno
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from cli.terminal import Done, contents, rga
from rga.loading import load
from rga.synthetic.people.people import PeopleOptions, make_people

Evaluating = Callable[..., Done]


@pytest.fixture
def evaluating(reid_run: Path, people: Path) -> Evaluating:
    """``rga evaluate`` of the run on its own people, with more words."""
    return lambda *words, run=reid_run: rga("evaluate", run, "--num-workers", 0, *words, cwd=people.parent)


@pytest.fixture
def calibrating(people: Path) -> Evaluating:
    """``rga calibrate`` of a run, with more words."""
    return lambda run, *words: rga(
        "calibrate", run, "--data", f"market1501:{people}", "--num-workers", 0, "--unknown", 0.4, "--false-alarms", 0.2, "--seed", 3, *words
    )


@pytest.fixture
def nothing_embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that embeds fails the test."""

    def too_early(*_: object, **__: object) -> None:
        raise AssertionError("everything was embedded for nothing")

    monkeypatch.setattr("rga.reid.evaluation.embed_data", too_early)


def read(path: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads(path.read_text())
    return found


def results(run: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in run.glob("evaluation*.json")}


def train_on(run: Path) -> None:
    """As if the model had been trained on: it has other weights."""
    path = run / "best" / "model.safetensors"
    weights = load_file(path)
    name = next(name for name, value in weights.items() if value.is_floating_point())
    weights[name] = weights[name] + 0.125
    save_file(weights, path)


def test_both_features_are_printed_and_written_and_only_the_figures_go_to_standard_output(
    my_reid_run: Path, people: Path, evaluating: Evaluating
) -> None:
    done = rga("evaluate", my_reid_run, "--data", f"market1501:{people}", "--flip", "--num-workers", 0)
    assert done.code == 0, done.err
    assert "pooled" in done.out
    assert "camera rule applied" in done.out
    assert f"written to {my_reid_run / 'evaluation-market1501.json'}" in done.out
    assert "evaluating" not in done.out  # progress goes to standard error
    report = json.loads((my_reid_run / "evaluation-market1501.json").read_text())
    assert set(report["results"]) == {"pooled", "neck"}
    assert report["fingerprint"] == report["trained_on"]["fingerprint"]
    assert evaluating("--feature", "neck", "-o", my_reid_run / "neck.json").code == 0
    assert set(json.loads((my_reid_run / "neck.json").read_text())["results"]) == {"neck"}


def test_generated_people_are_told_by_condition(people: Path, tmp_path: Path, evaluating: Evaluating) -> None:
    done = evaluating("-o", tmp_path / "figures.json")
    assert done.code == 0, done.err
    assert "by condition, neck" in done.out
    found = json.loads((tmp_path / "figures.json").read_text())
    assert set(found["conditions"]) == {"pooled", "neck"}
    everything = found["conditions"]["neck"]["all"]
    assert everything["mAP"] == pytest.approx(found["results"]["neck"]["mAP"])
    assert everything["R1"] == pytest.approx(found["results"]["neck"]["cmc"][0])
    assert everything["queries"] == found["results"]["neck"]["queries"]


def test_people_without_a_table_of_conditions_are_evaluated_as_before(people: Path, tmp_path: Path, reid_run: Path) -> None:
    copy = Path(shutil.copytree(people, tmp_path / "people"))
    (copy / "conditions.csv").unlink()
    words = ("evaluate", reid_run, "--data", f"market1501:{copy}", "--num-workers", 0, "-o", tmp_path / "figures.json")
    done = rga(*words)
    assert done.code == 0, done.err
    assert "by condition" not in done.out
    assert "conditions" not in json.loads((tmp_path / "figures.json").read_text())


@pytest.mark.usefixtures("nothing_embedded")
def test_a_wrong_table_of_conditions_is_told_before_anything_is_embedded(people: Path, tmp_path: Path, reid_run: Path) -> None:
    copy = Path(shutil.copytree(people, tmp_path / "people"))
    (copy / "conditions.csv").write_text("place,weather\nhere,rain\n")
    done = rga("evaluate", reid_run, "--data", f"market1501:{copy}", "--num-workers", 0, "-o", tmp_path / "figures.json")
    assert done.code == 2
    assert "conditions.csv, line 1: no column path" in done.err
    assert "give another file of this name another name" in done.err


def test_it_re_ranks_expands_and_reports(people: Path, tmp_path: Path, evaluating: Evaluating) -> None:
    words = ["--rerank", "--k1", 4, "--k2", 2, "--lambda", 0.5, "--expand-queries", 2, "--expand-gallery", 1, "--alpha", 2]
    done = evaluating(*words, "--report", tmp_path / "report", "--output", tmp_path / "reranked.json")
    assert done.code == 0, done.err
    told = json.loads((tmp_path / "reranked.json").read_text())["results"]["neck"]
    assert told["metric"] == "cosine, gallery expanded by 1 (alpha 2), queries expanded by 2 (alpha 2), re-ranked (k1 4, k2 2, lambda 0.5)"
    assert f"distance: {told['metric']}" in done.out
    assert f"report in {tmp_path / 'report' / 'report.html'}" in done.out
    figures = json.loads((tmp_path / "report" / "report.json").read_text())
    assert figures["results"]["neck"] == told
    assert figures["examined"]["neck"]["ranking"] == told
    worst = figures["examined"]["neck"]["worst_queries"][0]["query"]
    assert (people / worst).is_file()
    page = (tmp_path / "report" / "report.html").read_text()
    assert worst in page
    assert "From camera to camera" in page
    assert evaluating("--output", tmp_path / "plain.json").code == 0
    assert json.loads((tmp_path / "plain.json").read_text())["results"]["neck"]["mAP"] != told["mAP"]


def test_calibrate_keeps_a_threshold_with_the_model(my_reid_run: Path, tmp_path: Path, calibrating: Evaluating) -> None:
    done = calibrating(my_reid_run, "--output", tmp_path / "open.json", "--report", tmp_path / "open")
    assert done.code == 0, done.err
    told = json.loads((tmp_path / "open.json").read_text())
    threshold = load(my_reid_run).threshold
    assert threshold is not None
    assert told["open_set"]["threshold"] == threshold.to_dict()
    assert (threshold.feature, threshold.metric, threshold.false_alarm_rate) == ("neck", "cosine", 0.2)
    assert threshold.fingerprint == told["fingerprint"]
    assert threshold.fpir <= 0.2
    assert told["open_set"]["neck"]["unknown_identities"] == 2  # of six people
    assert "tried on the other half" in done.out
    assert f"by neck kept in {my_reid_run / 'best' / 'config.json'}" in done.out
    assert "Open set: is this identity in the gallery?" in (tmp_path / "open" / "report.html").read_text()
    assert calibrating(my_reid_run).code == 0
    assert json.loads((my_reid_run / "calibration-market1501.json").read_text())["open_set"] == told["open_set"]


@pytest.mark.usefixtures("nothing_embedded")
def test_a_report_that_cannot_be_drawn_is_told_before_anything_is_embedded(
    tmp_path: Path, evaluating: Evaluating, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    done = evaluating("--report", tmp_path / "drawn")
    assert (done.code, done.err) == (2, "rga: this needs matplotlib, which is not installed: pip install 'rga[explain]'\n")
    assert not (tmp_path / "drawn").exists()


@pytest.mark.slow
def test_results_of_other_options_and_other_data_are_never_overwritten(my_reid_run: Path, evaluating: Evaluating, tmp_path: Path) -> None:
    other = PeopleOptions(identities=6, cameras=2, images_per_camera=2, distractors=0, junk=0, height=64, width=32)
    make_people(tmp_path / "other", other)
    kept: dict[str, bytes] = {}
    for words in ([], ["--flip"], ["--rerank", "--k1", 3], ["--feature", "neck"], ["--data", f"market1501:{tmp_path / 'other'}"]):
        assert evaluating(*words, run=my_reid_run).code == 0
        there = results(my_reid_run)
        assert kept.items() <= there.items()
        assert len(there) == len(kept) + 1
        kept = there
    assert evaluating("--flip", run=my_reid_run).code == 0  # the same again overwrites its own
    names = {"evaluation-market1501.json", *(f"evaluation-market1501-{number}.json" for number in range(2, 6))}
    assert results(my_reid_run).keys() == kept.keys() == names
    (my_reid_run / "evaluation-market1501.json").write_text("notes of mine")
    assert evaluating(run=my_reid_run).code == 0
    assert (my_reid_run / "evaluation-market1501.json").read_text() == "notes of mine"


def test_results_of_other_weights_are_kept(my_reid_run: Path, evaluating: Evaluating) -> None:
    assert evaluating(run=my_reid_run).code == 0
    first = results(my_reid_run)
    train_on(my_reid_run)
    assert evaluating(run=my_reid_run).code == 0
    there = results(my_reid_run)
    assert first.items() <= there.items()
    assert len({json.loads(each)["weights"] for each in there.values()}) == 2


def test_a_file_that_is_named_and_holds_something_else_is_not_overwritten(
    reid_run: Path, tmp_path: Path, evaluating: Evaluating, request: pytest.FixtureRequest
) -> None:
    found = tmp_path / "found.json"
    for _ in range(2):
        assert evaluating("--output", found).code == 0
    request.getfixturevalue("nothing_embedded")
    for there in (found, reid_run / "last.pt", reid_run / "recipe.json"):
        before = there.read_bytes()
        done = evaluating("--flip", "--output", there)
        assert done.code == 2
        assert f"{there} holds something else, or results on other data, by other options or of other weights" in done.err
        assert there.read_bytes() == before


def test_a_model_from_elsewhere_gets_no_folder_of_its_name(
    reid_run: Path, people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load(reid_run)
    monkeypatch.setattr("rga.loading.task_of", lambda _: "reid")
    monkeypatch.setattr("rga.evaluations.task_of", lambda _: "reid")
    monkeypatch.setattr("rga.evaluations.load", lambda *_: model)
    for verb in ("evaluate", "calibrate"):
        words = [verb, "owner/name", "--data", f"market1501:{people}", "--num-workers", 0]
        done = rga(*words, cwd=tmp_path)
        assert done.code == 0, done.err
        assert "the results are not kept: the model has no folder for them" in done.out
        assert not list(tmp_path.iterdir())
        assert rga(*words, "--output", "found.json", cwd=tmp_path).code == 0
        assert [path.name for path in tmp_path.iterdir()] == ["found.json"]
        (tmp_path / "found.json").unlink()


@pytest.mark.parametrize("failing", ["rga.cli.printing.print_ranking", "rga.evaluations.write_findings", "rga.evaluations.save_threshold"])
def test_whatever_fails_after_the_work_the_results_are_written(
    failing: str, my_reid_run: Path, tmp_path: Path, evaluating: Evaluating, calibrating: Evaluating, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "no more")

    monkeypatch.setattr(failing, fail)
    words = ("--report", tmp_path / "report", "--output", tmp_path / "found.json")
    threshold = "threshold" in failing
    done = calibrating(my_reid_run, *words) if threshold else evaluating(*words)
    assert (done.code, "no more" in done.err) == (2, True)
    assert set(read(tmp_path / "found.json")) >= {"open_set" if threshold else "results", "weights"}
    assert ("pooled" in done.out) == ("print" not in failing)


@pytest.mark.parametrize(("verb", "figure"), [("evaluate", "mINP"), ("calibrate", "TPIR")])
def test_results_that_cannot_be_written_are_printed(
    verb: str, figure: str, my_reid_run: Path, people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("rga.storage.results.write_json", full)
    words = (verb, my_reid_run, "--data", f"market1501:{people}", "--num-workers", 0, "--output", tmp_path / "found.json")
    done = rga(*words)
    assert (done.code, done.err) == (2, "rga: [Errno 28] No space left on device\n")
    assert figure in done.out


@pytest.mark.slow
def test_a_report_on_something_else_is_not_overwritten(tmp_path: Path, evaluating: Evaluating) -> None:
    report = tmp_path / "report"
    words = ["--report", report, "--output", tmp_path / "found.json"]
    for _ in range(2):
        assert evaluating(*words).code == 0
    before = contents(report)
    done = evaluating(*words, "--flip")
    assert done.code == 2
    assert "holds report.html and report.json on other data, by other options or of other weights" in done.err
    assert contents(report) == before
    (report / "report.json").unlink()
    assert evaluating(*words).code == 2


MISTAKES = [
    ("--k1 4", "k1 is an option of re-ranking: add --rerank"),
    ("--alpha 4", "alpha is an option of expansion: add --expand-queries N or --expand-gallery N"),
    ("--rerank --lambda 2", "lambda must lie between 0 and 1"),
    ("--rerank --k1 0", "k1 must be at least 1, got 0"),
    ("--rerank --k2 -1", "k2 must be at least 1, got -1"),
    ("--expand-queries 2 --alpha -1", "alpha must not be negative, got -1"),
    ("--expand-queries -1", "expand-queries must not be negative, got -1"),
    ("--feature nek", "invalid choice 'nek' for argument '--feature'"),
    ("--rerenk", "Perhaps you meant: --rerank"),
    ("--batch-size 0", "batch-size must be at least 1, got 0"),
    ("--num-workers -1", "num-workers must lie between 0 and 256, got -1"),
    ("--device gpu", "unknown device 'gpu': choose auto, cpu, cuda, a GPU by its number such as cuda:1, or mps"),
    ("--output .", "is a folder: name a file to write to"),
    ("--output people/people.json/x.json", "people.json is a file"),
    ("--report people/people.json", "people.json is a file"),
    ("--data market1501", "dataset 'market1501' needs a folder: write market1501:FOLDER"),
    ("--data market150l:people", "unknown dataset 'market150l': did you mean market1501?"),
    ("--data people", "unknown dataset 'people': choose one of market1501, "),
    ("--data ./people", "(for a folder of your own: folder:./people)"),
    ("--data market1501:people?seed=1", "dataset 'market1501' has no option 'seed': it takes none"),
    ("--data folder:people?seed=one", "option seed of folder:people?seed=one is 'one'"),
]


@pytest.mark.usefixtures("nothing_embedded")
@pytest.mark.parametrize(("words", "message"), MISTAKES, ids=[words for words, _ in MISTAKES])
def test_mistaken_flags_of_evaluate_are_told_before_anything_is_embedded(words: str, message: str, evaluating: Evaluating) -> None:
    done = evaluating(*words.split())
    assert done.code == 2
    assert message in done.said
    assert "Traceback" not in done.err


@pytest.mark.usefixtures("nothing_embedded")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--unknown 2", "the share of unknown identities must lie between 0 and 1, got --unknown 2"),
        ("--false-alarms 1", "the share of false alarms must be at least 0 and below 1, got --false-alarms 1"),
        ("--batch-size 0", "batch-size must be at least 1, got 0"),
        ("--output .", "is a folder: name a file to write to"),
        ("--unknwn 0.5", "Perhaps you meant: --unknown"),
    ],
)
def test_mistaken_flags_of_calibrate_are_told_before_anything_is_embedded(
    words: str, message: str, reid_run: Path, calibrating: Evaluating
) -> None:
    done = calibrating(reid_run, *words.split())
    assert done.code == 2
    assert message in done.said


def test_calibrate_needs_data_and_a_re_id_model(reid_run: Path, digits_run: Path) -> None:
    done = rga("calibrate", reid_run)
    assert done.code == 2
    assert "--data" in done.said
    done = rga("calibrate", digits_run, "--data", "digits")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "thresholds are calibrated for re-identification, and this model is for classification" in done.err


def test_without_a_model_evaluate_says_how_it_is_used() -> None:
    done = rga("evaluate")
    assert (done.code, "usage: rga evaluate MODEL" in done.out) == (2, True)
    done = rga("evaluate", "--data", "digits")
    assert (done.code, done.err) == (2, "rga: name the model first: rga evaluate MODEL --data digits\n")
    done = rga("evaluate", "nowhere", "--data", "digits")
    assert (done.code, "there is no model at nowhere" in done.err) == (2, True)


@pytest.mark.parametrize("verb", ["evaluate", "calibrate"])
def test_ctrl_c_prints_no_traceback_and_leaves_nothing(
    verb: str, reid_run: Path, people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rga.reid.evaluation.embed_data", interrupted)
    done = rga(verb, reid_run, "--data", f"market1501:{people}", "-o", tmp_path / "found.json", "--report", tmp_path / "report")
    assert (done.code, done.out, done.err) == (130, "", "rga: interrupted\n")
    assert not list(tmp_path.iterdir())
