"""What ``rga.evaluate`` and ``rga.calibrate`` hand on, write and refuse, with a task of which all is known."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from rga.chosen_data import own_data, recipe_of_model
from rga.datasets.spec import DataSpec
from rga.errors import ExistingFileError, InputError, MissingFileError
from rga.evaluations import Measured, calibrate, evaluate
from rga.ranking.open_set.threshold import Threshold
from rga.ranking.result import RankingResult
from rga.recipes import to_json
from rga.reid.datasets.samples import ReidData, Sample
from rga.reid.evaluation import CalibrationOptions, ReidEvaluation, ReidOptions
from rga.reid.model import ReidModel
from rga.segmentation.evaluation import SegmentationOptions
from rga.storage.saved_model import save_model, weights_fingerprint
from rga.tasks import recipe_type

RANKED = RankingResult(0.5, 0.4, 0.3, np.array([0.1, 0.2]), 8, 2, 9, "cosine", "applied")


@pytest.fixture(scope="module")
def trained() -> ReidModel:
    torch.manual_seed(0)
    about = {"name": "photos", "fingerprint": "0123", "data": "folder:photos?camera=c", "weights": "none"}
    return ReidModel("test_resnet", attention="none", image_size=(32, 16), trained_on=about).eval()


@pytest.fixture
def data(tmp_path: Path) -> ReidData:
    (tmp_path / "a.jpg").write_bytes(b"1")
    one = Sample(tmp_path / "a.jpg", 1, 1)
    return ReidData("my photos/b", (), (one,), (one,), tmp_path)


def notes(spec: str) -> list[str]:
    """What is said of data that are read as in the training, and of the one query, which is the gallery."""
    read = f"{spec} is read as in the training of the model: camera=c (to read it without an option, add ?OPTION=none)"
    return [read, "1 of 1 queries has nothing to find and does not count: a.jpg"]


class Fake:
    """A task that notes what it is asked."""

    def __init__(self, data: ReidData, options: Any = ReidOptions) -> None:
        self.name = "reid"
        self.options = options
        self.data = data
        self.named: list[str] = []
        self.asked: list[tuple[Any, ...]] = []
        self.datasets = SimpleNamespace(read=self.read_data)
        nothing: Any = ((1,), (2,), (3,), (4,))
        self.result: Any = ReidEvaluation(data, {"neck": RANKED}, {"neck": "rows"}, nothing, "neck", ReidOptions())  # type: ignore[dict-item]

    def read_data(self, spec: Any) -> ReidData:
        self.named.append(str(spec))
        return self.data

    def read(self, _recipe: Any) -> ReidData:
        raise MissingFileError("the data of the training are gone")

    def evaluate(self, *given: Any, **more: Any) -> Any:
        self.asked.append((given, more))
        return self.result


@pytest.fixture
def task(data: ReidData, monkeypatch: pytest.MonkeyPatch) -> Fake:
    fake = Fake(data)
    monkeypatch.setattr("rga.evaluations.get_task", lambda _name: fake)
    return fake


def told(_done: int, _of: int) -> None:
    pass


def test_an_evaluation_is_handed_on_and_written(task: Fake, trained: ReidModel, tmp_path: Path) -> None:
    found: list[Measured] = []
    file = tmp_path / "o.json"
    more: dict[str, Any] = {"batch_size": 5, "num_workers": 3, "progress": told, "device": "cpu"}
    measured = evaluate(trained, "folder:x?a=b", output=file, on_result=found.append, flip=True, feature="neck", **more)
    options = ReidOptions(flip=True, feature="neck")
    assert task.named == ["folder:x?a=b&camera=c"]
    assert task.asked == [((trained, task.data, options), {"batch_size": 5, "num_workers": 3, "progress": told})]
    assert json.loads(file.read_text()) == {
        "task": "reid",
        "data": "my photos/b",
        "fingerprint": task.data.fingerprint,
        "weights": weights_fingerprint(trained),
        "options": json.loads(json.dumps(asdict(options))),
        "trained_on": trained.trained_on,
        "read_as": ["folder:x?a=b&camera=c"],
        "notes": notes("folder:x?a=b"),
        "results": {"neck": RANKED.to_dict()},
    }
    assert found == [Measured("reid", "my photos/b", task.data.fingerprint, task.result, tuple(notes("folder:x?a=b")))]
    assert measured == replace(found[0], path=file)
    evaluate(trained, "folder:x?a=b", output=file, flip=True, feature="neck")  # the same results
    assert task.asked[1][1] == {"batch_size": 128, "num_workers": 0, "progress": None}
    with pytest.raises(ExistingFileError, match="holds something else"):
        evaluate(trained, "folder:x?a=b", output=file)
    assert len(task.asked) == 2


def test_files_have_the_name_of_the_data_and_of_the_options(task: Fake, trained: ReidModel, tmp_path: Path, data: ReidData) -> None:
    for number, flip in ((1, False), (2, True)):
        measured = evaluate(trained, "folder:x", folder=tmp_path, flip=flip)
        assert measured.path == tmp_path / f"evaluation-my_photos_b{'' if number == 1 else '-2'}.json"
    assert evaluate(trained, "folder:x").path is None
    task.options = SegmentationOptions
    assert evaluate(trained, "folder:x", folder=tmp_path, split="test").path == tmp_path / "evaluation-my_photos_b-test.json"
    assert evaluate(trained, "folder:x", folder=tmp_path / "never", output=tmp_path / "x.json", split="val").path == tmp_path / "x.json"


def test_a_report_shows_the_models_own_feature(task: Fake, trained: ReidModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[tuple[Any, ...]] = []
    monkeypatch.setattr("rga.evaluations.write_findings", lambda *given, **more: written.append((given, more)))
    monkeypatch.setattr("rga.reid.evaluation.examine", lambda rows, *labels, files, metric: (rows, labels, files, metric))
    measured = evaluate(trained, "folder:x", report=tmp_path / "report", flip=True)
    assert measured.report == tmp_path / "report" / "report.html"
    assert measured.path is None
    ((given, more),) = written
    folder, figures, data, examined, open_set, distances = given
    assert (folder, data, open_set, distances) == (tmp_path / "report", task.data, {}, "rows")
    assert examined == {"neck": ("rows", ((1,), (2,), (3,), (4,)), None, "cosine")}
    assert more == {"shown": "neck", "threshold": None}
    assert {name: figures[name] for name in ("task", "flip", "results", "trained_on")} == {
        "task": "reid",
        "flip": True,
        "results": {"neck": RANKED.to_dict()},
        "trained_on": trained.trained_on,
    }


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"batch_size": 0}, "batch-size must be at least 1, got 0"),
        ({"num_workers": -1}, "num-workers must lie between 0 and 256, got -1"),
        ({"flipp": True}, "a model for reid has no option 'flipp': it takes flip, feature, frames, comparison"),
        ({"device": "gpu"}, "unknown device 'gpu'"),
        ({"output": "."}, "is a folder: name a file"),
    ],
)
def test_mistakes_are_told_before_the_work(task: Fake, trained: ReidModel, more: dict[str, Any], message: str) -> None:
    with pytest.raises((InputError, OSError), match=message):
        evaluate(trained, "folder:x", **more)
    assert not task.asked
    assert evaluate(trained, "folder:x", batch_size=1, num_workers=0).task == "reid"


def test_folders_that_cannot_be_written_to_are_told_before_the_work(task: Fake, trained: ReidModel, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name in ("folder", "report"):
        with pytest.raises(OSError, match="is a file"):
            evaluate(trained, "folder:x", **{name: tmp_path / "file"})  # type: ignore[arg-type]
    assert not task.asked
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "report.html").touch()
    with pytest.raises(ExistingFileError, match=r"holds report\.html"):
        evaluate(trained, "folder:x", report=tmp_path / "report")
    assert not task.asked


def test_reports_are_for_re_identification(task: Fake, trained: ReidModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rga.evaluations.task_of", lambda _model: "classification")
    with pytest.raises(InputError, match="reports are written for re-identification, and this model is for classification"):
        evaluate(trained, "folder:x", report=tmp_path / "report")


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch, data: ReidData) -> list[tuple[Any, ...]]:
    """What is asked of the function that chooses thresholds."""
    calls: list[tuple[Any, ...]] = []
    threshold = Threshold(0.25, "cosine", "neck", False, 0.1, 0.0, 0.5, 8, 12, "people", "0123")
    ranking = SimpleNamespace(shown="neck", distances={"neck": "rows"}, examine=lambda: "examined")

    def choose(*given: Any, **more: Any) -> Any:
        calls.append((given, more))
        return SimpleNamespace(threshold=threshold, results="open set", to_dict=lambda: {"open_set": 1}, ranking=lambda _data: ranking)

    monkeypatch.setattr("rga.evaluations.choose_threshold", choose)
    return calls


def test_a_calibration_is_handed_on_written_and_kept(
    task: Fake, trained: ReidModel, tmp_path: Path, chosen: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[tuple[Any, ...]] = []
    monkeypatch.setattr("rga.evaluations.write_findings", lambda *given, **more: written.append((given, more)))
    monkeypatch.setattr("rga.evaluations.load", lambda _model: trained)
    save_model(trained, tmp_path / "run" / "best", {})
    found: list[Measured] = []
    options: dict[str, Any] = {"unknown": 0.25, "false_alarms": 0.1, "seed": 3, "flip": True, "feature": "pooled"}
    work: dict[str, Any] = {"batch_size": 5, "num_workers": 3, "progress": told, "device": "cpu"}
    measured = calibrate(
        tmp_path / "run", "folder:x", folder=tmp_path, report=tmp_path / "report", on_result=found.append, **work, **options
    )
    expected = CalibrationOptions(**options)
    assert chosen == [((trained, task.data, expected), {"batch_size": 5, "num_workers": 3, "progress": told})]
    assert measured.path == tmp_path / "calibration-my_photos_b.json"
    assert json.loads(measured.path.read_text()) == {
        "task": "reid",
        "data": "my photos/b",
        "fingerprint": task.data.fingerprint,
        "weights": weights_fingerprint(trained),
        "open_set": 1,
        "trained_on": trained.trained_on,
        "read_as": ["folder:x?camera=c"],
        "notes": notes("folder:x"),
    }
    assert measured.kept == tmp_path / "run" / "best" / "config.json"
    assert json.loads(measured.kept.read_text())["threshold"]["distance"] == 0.25
    assert [each.path for each in found] == [None]
    assert measured.report == tmp_path / "report" / "report.html"
    ((given, more),) = written
    assert (given[0], *given[2:]) == (tmp_path / "report", task.data, "examined", "open set", "rows")
    assert (given[1]["flip"], given[1]["task"], given[1]["trained_on"]) == (True, "reid", trained.trained_on)
    assert (more["shown"], more["threshold"].distance) == ("neck", 0.25)


def test_a_threshold_of_a_model_in_memory_is_not_kept(task: Fake, trained: ReidModel, chosen: list[tuple[Any, ...]]) -> None:
    measured = calibrate(trained, "folder:x")
    assert (measured.kept, measured.path, measured.report) == (None, None, None)
    assert chosen == [((trained, task.data, CalibrationOptions()), {"batch_size": 128, "num_workers": 0, "progress": None})]
    with pytest.raises(InputError, match="has no option 'unknownn'"):
        calibrate(trained, "folder:x", unknownn=1)


def test_a_calibration_that_could_not_be_written_is_not_begun(
    task: Fake, trained: ReidModel, chosen: list[tuple[Any, ...]], tmp_path: Path
) -> None:
    (tmp_path / "found.json").write_text('{"data": "others"}')
    with pytest.raises(ExistingFileError):
        calibrate(trained, "folder:x", output=tmp_path / "found.json")
    assert (chosen, (tmp_path / "found.json").read_text()) == ([], '{"data": "others"}')
    assert task.asked == []


def test_a_model_is_evaluated_on_the_data_of_its_training(trained: ReidModel, data: ReidData, tmp_path: Path) -> None:
    asked: list[Any] = []

    def by_recipe(recipe: Any) -> ReidData:
        asked.append(recipe)
        return data

    fake: Any = SimpleNamespace(name="reid", read=by_recipe)
    kind = recipe_type("reid")
    remembered = kind().override(data=DataSpec.parse("folder:photos?camera=c"))
    assert own_data(fake, trained.trained_on, None).data is data
    assert asked == [remembered]
    recipe = remembered.override(data=DataSpec("folder", Path("moved")), hold_out=3)
    (tmp_path / "run" / "best").mkdir(parents=True)
    (tmp_path / "run" / "recipe.json").write_text(to_json(recipe))
    for folder in (tmp_path / "run", tmp_path / "run" / "best"):
        assert own_data(fake, trained.trained_on, folder).data is data
        assert recipe_of_model("reid", folder, {}) == recipe
    assert asked[1:] == [recipe] * 2
    assert recipe_of_model("segmentation", tmp_path / "run", {}) is None
    assert recipe_of_model("reid", tmp_path, {}) is None
    assert recipe_of_model("reid", tmp_path, trained.trained_on) == remembered


def test_data_that_are_gone_or_were_never_told_are_asked_for(trained: ReidModel) -> None:
    def gone(_recipe: Any) -> Any:
        raise MissingFileError("no folder photos")

    fake: Any = SimpleNamespace(name="reid", read=gone)
    with pytest.raises(MissingFileError, match=r"no folder photos\. The model was trained with folder:photos\?camera=c: .* with --data"):
        own_data(fake, trained.trained_on, None)
    with pytest.raises(InputError, match="does not say what data it was trained with: name a dataset with --data NAME:FOLDER"):
        own_data(fake, {}, None)
