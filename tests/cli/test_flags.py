"""Every flag of a command reaches the function that does the work, and without flags the defaults of the help do."""

import importlib
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from cli.terminal import rga
from rga.classification.answers import Answer
from rga.datasets.spec import DataSpec
from rga.reid.comparison import Comparison
from rga.segmentation.datasets.classes import Classes
from rga.segmentation.inference import Inference
from rga.segmentation.result import Segmentation
from rga.training.outcome import Outcome

Calls = list[tuple[tuple[Any, ...], dict[str, Any]]]


class Model:
    """Stands for a loaded model: notes its device and what it is asked.

    Of the functions that it is given it only calls the one for progress; the other must be there.
    """

    def __init__(self) -> None:
        self.devices: list[torch.device] = []
        self.calls: Calls = []
        self.neck = SimpleNamespace(num_features=3)
        self.classes = Classes(("road", "sky"), ((1, 2, 3), (4, 5, 6)), {7: 0, 9: 1})

    def to(self, device: torch.device) -> "Model":
        self.devices.append(device)
        return self

    def embed(self, images: Iterable[Path], **more: Any) -> Any:
        paths = list(images)
        more.pop("progress")(1, 2)
        assert callable(more.pop("on_damaged"))
        self.calls.append(((paths,), more))
        return np.full((len(paths), 3), 0.5, np.float32)

    def classify(self, images: Iterable[Path], **more: Any) -> Any:
        paths = list(images)
        more.pop("progress")(1, 2)
        assert callable(more.pop("on_damaged"))
        self.calls.append(((paths,), more))
        return [[Answer("cat", 0.75), Answer("dog", 0.25)][: more["top"]] for _ in paths]

    def segment(self, images: list[Any], **more: Any) -> Any:
        self.calls.append(((len(images),), more))
        shape = (images[0].height, images[0].width)
        return [Segmentation(np.ones(shape, np.uint8), np.full(shape, 0.5, np.float32))]


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Model:
    """A model that every command loads, on a machine with two GPUs."""
    found = Model()
    monkeypatch.setattr("rga.cli.opened.load", lambda _name, _kind: found)
    monkeypatch.setattr("rga.deploy.as_model.choose_device", torch.device)
    return found


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder with two images."""
    folder = tmp_path / "images"
    (folder / "deep").mkdir(parents=True)
    for name in ("b.png", "deep/a.png"):
        Image.new("RGB", (5, 4)).save(folder / name)
    return folder


def test_embed(model: Model, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rga.deploy.as_model.choose_device", lambda name: torch.device("meta") if name == "auto" else torch.device(name))
    monkeypatch.setattr("rga.cli.commands.embed.fingerprint_of", lambda found: "0123" if found is model else "")
    assert rga("embed", "m", images, cwd=tmp_path).code == 0
    with np.load(tmp_path / "features.npz") as saved:
        assert saved["paths"].tolist() == ["b.png", "deep/a.png"]
        assert saved["features"].tolist() == [[0.5] * 3] * 2
        assert (saved["weights"].item(), saved["flip"].item()) == ("0123", False)
    assert rga("embed", "m", images, cwd=tmp_path).code == 2
    flags = ("--flip", "--batch-size", 5, "--num-workers", 0, "--device", "cuda:1", "--overwrite")
    done = rga("embed", "m", images, *flags, cwd=tmp_path)
    assert (done.code, "2 images, 3 numbers each: features.npz" in done.out) == (0, True)
    with np.load(tmp_path / "features.npz") as saved:
        assert (saved["weights"].item(), saved["flip"].item()) == ("0123", True)
    paths = [images / "b.png", images / "deep" / "a.png"]
    assert model.calls == [
        ((paths,), {"batch_size": 64, "num_workers": 2, "flip": False}),
        ((paths,), {"batch_size": 5, "num_workers": 0, "flip": True}),
    ]
    assert model.devices == [torch.device("meta"), torch.device("cuda:1")]
    assert rga("embed", "m", images, "-o", tmp_path / "x.npz", "--batch-size", 1).code == 0
    assert rga("embed", "m", images, "-o", tmp_path / "y.npz", "--batch-size", 0).code == 2


def test_classify(model: Model, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rga.deploy.as_model.choose_device", lambda name: torch.device("meta") if name == "auto" else torch.device(name))
    done = rga("classify", "m", images, cwd=tmp_path)
    assert done.code == 0
    assert "cat 75.0%" in done.said
    assert "dog 25.0%" in done.said
    assert " 2. " in done.said
    assert " 3. " not in done.said
    assert "written" not in done.out
    flags = ("--top", 1, "--batch-size", 5, "--num-workers", 0, "--device", "cuda:1", "-o", tmp_path / "a.json")
    done = rga("classify", "m", images, *flags)
    assert (done.code, f"written to {tmp_path / 'a.json'}" in done.out) == (0, True)
    assert '"class": "cat"' in (tmp_path / "a.json").read_text()
    assert rga("classify", "m", images, *flags).code == 2
    assert rga("classify", "m", images, *flags, "--overwrite").code == 0
    assert [more for _, more in model.calls] == [
        {"top": 5, "batch_size": 64, "num_workers": 2},
        {"top": 1, "batch_size": 5, "num_workers": 0},
        {"top": 1, "batch_size": 5, "num_workers": 0},
    ]
    assert {str(device) for device in model.devices} == {"meta", "cuda:1"}
    for wrong in (("--top", 0), ("--batch-size", 0), ("--num-workers", -1)):
        assert rga("classify", "m", images, *wrong).code == 2


def test_segment(model: Model, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bars: list[tuple[int, int]] = []
    monkeypatch.setattr("rga.cli.commands.segment.progress", lambda _what: nullcontext(lambda done, total: bars.append((done, total))))

    def written(folder: str) -> list[str]:
        return sorted(path.relative_to(tmp_path / folder).as_posix() for path in (tmp_path / folder).rglob("*.*"))

    assert rga("segment", "m", images, "--device", "cpu", cwd=tmp_path).code == 0
    assert written("segmented") == [
        *(
            "confidence/b.png",
            "confidence/deep/a.png",
            "images.json",
            "labels/b.png",
            "labels/deep/a.png",
            "overlays/b.jpg",
            "overlays/deep/a.jpg",
        )
    ]
    for part, values in (("labels", {1}), ("confidence", {128})):
        with Image.open(tmp_path / "segmented" / part / "b.png") as image:
            assert image.size == (5, 4)
            assert set(np.asarray(image).flatten().tolist()) == values
    flags = ("--write", "labels", "--dataset-values", "--window", 3, 2, "--scales", 0.5, 2, "--flip", "--device", "cuda:1")
    assert rga("segment", "m", images, "-o", tmp_path / "out", *flags).code == 0
    assert written("out") == ["images.json", "labels/b.png", "labels/deep/a.png"]
    with Image.open(tmp_path / "out" / "labels" / "b.png") as image:
        assert set(np.asarray(image).flatten().tolist()) == {9}
    assert [more for _, more in model.calls] == [{"inference": Inference()}] * 2 + [
        {"inference": Inference((3, 2), scales=(0.5, 2.0), flip=True)}
    ] * 2
    assert [str(device) for device in model.devices] == ["cpu", "cuda:1"]
    assert bars == [(1, 2), (2, 2)] * 2
    assert rga("segment", "m", images, "-o", tmp_path / "out", *flags).code == 2
    assert rga("segment", "m", images, "-o", tmp_path / "out", "--write", "confidence", "--device", "cpu").code == 0
    assert rga("segment", "m", images, "-o", tmp_path / "out", *flags, "--overwrite").code == 0


Spy = Callable[[str, Any], Calls]
CALLED = ("progress", "on_result")
"""Arguments that are functions: that they were given is what is noted."""


@pytest.fixture
def spy(monkeypatch: pytest.MonkeyPatch) -> Spy:
    """Puts a function that notes its calls in the place of another."""

    def put(name: str, answer: Any) -> Calls:
        calls: Calls = []

        def noted(*given: Any, **more: Any) -> Any:
            calls.append((given, {name: callable(value) if name in CALLED else value for name, value in more.items()}))
            return answer

        monkeypatch.setattr(name, noted)
        return calls

    return put


WORK = {"batch_size": 128, "num_workers": 2, "device": "auto", "progress": True, "on_result": True}
OWN_WORK = {"batch_size": 5, "num_workers": 0, "device": "cpu", "progress": True, "on_result": True}
OWN_FLAGS = ("--batch-size", 5, "--num-workers", 0, "--device", "cpu")


@pytest.mark.parametrize(
    ("task", "flags", "default", "chosen"),
    [
        (
            "reid",
            ("--flip", "--feature", "pooled", "--frames", "all", "--rerank", "--expand-queries", 3),
            {"flip": False, "feature": "both", "frames": "spread", "comparison": Comparison()},
            {"flip": True, "feature": "pooled", "frames": "all", "comparison": Comparison(rerank=True, expand_queries=3)},
        ),
        (
            "segmentation",
            ("--flip", "--split", "test", "--window", 3, 4, "--scales", 0.5, 1),
            {"flip": False, "split": "val", "window": None, "scales": (1.0,)},
            {"flip": True, "split": "test", "window": (3, 4), "scales": (0.5, 1.0)},
        ),
        ("classification", ("--split", "val"), {"split": None}, {"split": "val"}),
    ],
    ids=["reid", "segmentation", "classification"],
)
def test_evaluate(  # noqa: PLR0917  what is drawn, and fixtures
    task: str,
    flags: tuple[object, ...],
    default: dict[str, Any],
    chosen: dict[str, Any],
    spy: Spy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    importlib.import_module("rga.evaluations")  # which would keep the replacement
    monkeypatch.setattr("rga.loading.task_of", lambda _model: task)
    calls, shown = spy("rga.evaluations.evaluate", "measured"), spy("rga.cli.printing.written", None)
    assert rga("evaluate", "m", cwd=tmp_path).code == 0
    more = ("--data", "folder:x?a=b", "-o", "o.json", "--report", "r")
    assert rga("evaluate", tmp_path, *more, *OWN_FLAGS, *flags).code == 0
    assert calls == [
        (("m", None), {"output": None, "folder": None, "report": None, **WORK, **default}),
        (
            (str(tmp_path), DataSpec("folder", Path("x"), {"a": "b"})),
            {"output": Path("o.json"), "folder": tmp_path, "report": Path("r"), **OWN_WORK, **chosen},
        ),
    ]
    assert [given[1] for given, _ in shown] == ["measured"] * 2


def test_calibrate(spy: Spy, tmp_path: Path) -> None:
    calls, shown = spy("rga.cli.commands.calibrate.choose", "measured"), spy("rga.cli.commands.calibrate.written", None)
    assert rga("calibrate", "m", "--data", "folder:x", cwd=tmp_path).code == 0
    chosen = ("--unknown", 0.25, "--false-alarms", 0.125, "--seed", 3, "--flip", "--feature", "pooled", "--frames", "all")
    flags = (*chosen, "-o", "o.json", "--report", "r")
    assert rga("calibrate", tmp_path, "--data", "folder:x", *flags, *OWN_FLAGS).code == 0
    (first, default), (second, own) = calls
    assert (first, second) == (("m", DataSpec("folder", Path("x"))), (str(tmp_path), DataSpec("folder", Path("x"))))
    assert {name: default[name] for name in ("output", "folder", "report", *WORK)} == {
        "output": None,
        "folder": None,
        "report": None,
        **WORK,
    }
    expected = {"unknown": 0.25, "false_alarms": 0.125, "seed": 3, "flip": True, "feature": "pooled", "frames": "all"}
    assert own == {"output": Path("o.json"), "folder": tmp_path, "report": Path("r"), **OWN_WORK, **expected}
    defaults = {"unknown": 0.5, "false_alarms": 0.01, "seed": 0, "flip": False, "feature": None, "frames": "spread"}
    assert {name: default[name] for name in expected} == defaults
    assert len(shown) == 2


def test_train_and_resume(spy: Spy, tmp_path: Path) -> None:
    outcome = Outcome(1, 1, {}, None, {}, 0, 2)
    trained, resumed = spy("rga.runs.train", outcome), spy("rga.runs.resume", outcome)
    nameless = rga("train", "reid/small", cwd=tmp_path)
    assert (nameless.code, trained) == (2, [])
    assert "name the data: rga train reid/small --data folder:DIR" in nameless.said
    assert rga("train", "reid/small", "--lr", 0.5, "--data", "folder:x?camera=c", cwd=tmp_path).code == outcome.exit_code != 0
    ((recipe,), more) = trained[0]
    assert recipe.data == DataSpec("folder", Path("x"), {"camera": "c"})
    assert (recipe.optimization.lr, recipe.optimization.epochs) == (0.5, 40)
    assert more == {"output": Path("runs/reid-small"), "name": "reid/small"}
    shown = rga("train", "--show", "reid/small")
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "mine.json").write_text(shown.out)
    assert rga("train", tmp_path / "one" / "mine.json", cwd=tmp_path).code == 2
    (tmp_path / "data" / "images").mkdir(parents=True)  # those of the recipe, which need not be named
    assert rga("train", tmp_path / "one" / "mine.json", cwd=tmp_path).code == outcome.exit_code
    assert trained[1][1] == {"output": Path("runs/one-again"), "name": ""}
    assert rga("train", "reid/small", "-o", "there", cwd=tmp_path).code == outcome.exit_code
    assert trained[2][1]["output"] == Path("there")
    assert trained[2][0][0].data == DataSpec("folder", Path("data/images"))
    assert rga("resume", "r").code == outcome.exit_code
    assert rga("resume", "r", "--from", "previous", "--set", "lr=1", "--set", "data=folder:x?a=b").code == outcome.exit_code
    assert resumed == [
        ((Path("r"),), {"previous": False, "changes": {}}),
        ((Path("r"),), {"previous": True, "changes": {"lr": "1", "data": "folder:x?a=b"}}),
    ]


def test_demos_and_gates(spy: Spy) -> None:
    people, scenes = spy("rga.cli.commands.demo.demo_reid", 3), spy("rga.cli.commands.demo.demo_segmentation", 4)
    assert [rga("demo").code, rga("demo", "reid").code, rga("demo", "segmentation").code] == [3, 3, 4]
    numbers = {"identities": 300, "images_per_camera": 3, "distractors": 200, "epochs": 0, "seed": 0}
    assert people == [((Path("demo-output"),), numbers)] * 2
    assert scenes == [((Path("demo-output/segmentation"),), {"train_images": 160, "test_images": 40, "epochs": 0, "seed": 0})]
    for verb, calls, fields in (("reid", people, numbers), ("segmentation", scenes, scenes[0][1])):
        chosen = {name: number for number, name in enumerate(fields, start=5)}
        words = [word for name, number in chosen.items() for word in (f"--{name.replace('_', '-')}", number)]
        assert rga("demo", verb, "-o", "x", *words).code in (3, 4)
        assert calls[-1] == ((Path("x"),), chosen)
    found, pages = spy("rga.demos.gallery.demo_gallery", 5), spy("rga.cli.commands.demo.serve_page", None)
    assert rga("demo", "gallery", "--no-serve").code == 5
    assert found == [((Path("demo-output/gallery"),), {"identities": 80, "strangers": 20, "seed": 0, "serve": None})]
    assert rga("demo", "gallery", "-o", "x", "--identities", 30, "--strangers", 3, "--seed", 2, "--port", 9).code == 5
    (folder,), fields = found[-1]
    page: Any = fields.pop("serve")
    page("there")
    assert (folder, fields, pages) == (Path("x"), {"identities": 30, "strangers": 3, "seed": 2}, [(("there",), {"port": 9})])
    drawn = spy("rga.cli.commands.gates.draw_demo", None)
    assert [rga("gates").code, rga("gates", "-o", "x.pdf", "--overwrite").code] == [0, 0]
    assert drawn == [((Path("gates.png"),), {"overwrite": False}), ((Path("x.pdf"),), {"overwrite": True})]


def test_data_check_and_make(spy: Spy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Report:
        ok = False

        def to_dict(self) -> dict[str, int]:
            return {"images": 3}

        def __str__(self) -> str:
            return "three images"

    asked: Calls = []

    class Catalog:
        readers = ("mine",)

        def check(self, data: DataSpec, **more: Any) -> Report:
            asked.append(((data,), {**more, "progress": more["progress"] is not None}))
            return Report()

    monkeypatch.setattr("rga.cli.commands.data.get_task", lambda _name: type("Task", (), {"datasets": Catalog()}))
    data = DataSpec("mine", Path("x"), {"a": "b"})
    done = rga("data", "check", "mine:x?a=b", "--task", "reid", cwd=tmp_path)
    assert (done.code, done.out) == (1, "three images\n")
    flags = ("--subset", "--open-images", "-o", "report.json", "--task", "segmentation")
    assert rga("data", "check", "mine:x?a=b", *flags, cwd=tmp_path).code == 1
    assert '"images": 3' in (tmp_path / "report.json").read_text()
    assert rga("data", "check", "mine:x?a=b", *flags, cwd=tmp_path).code == 2
    Report.ok = True
    assert rga("data", "check", "mine:x?a=b", *flags, "--overwrite", cwd=tmp_path).code == 0
    assert asked == [
        ((data,), {"subset": False, "open_images": False, "progress": False}),
        *[((data,), {"subset": True, "open_images": True, "progress": True})] * 2,
    ]
    made = spy("rga.synthetic.generated.Generator.make", Path("p"))
    assert rga("data", "make", "people", "p", "--identities", 7).code == 0
    assert rga("data", "make", "streets", "s", "--train", 9).code == 0
    people, streets = (arguments[-3:-1] for arguments, _ in made)
    assert (people[0], people[1].identities) == (Path("p"), 7)
    assert (streets[0], streets[1].train) == (Path("s"), 9)


def test_cost(spy: Spy, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, tuple[int, int], object]] = []

    def attached(backbone: Any, name: str, *, image_size: tuple[int, int], after: object) -> Any:
        asked.append((name, image_size, after))
        return backbone

    monkeypatch.setattr("rga.cli.commands.cost.attach", attached)
    costs = spy("rga.cli.commands.cost.cost_of", type("Cost", (), {"parameters": 1_500_000, "macs": 2_250_000_000}))
    done = rga("cost", "test_resnet", "--attentions", "se", "--image-size", 64, 32)
    assert done.code == 0
    assert asked == [("none", (64, 32), None), ("se", (64, 32), None)]
    assert [given[1] for given, _ in costs] == [(1, 3, 64, 32)] * 2
    assert "test_resnet, one image of 64x32" in done.said
    assert done.said.count("1.50") == done.said.count("2.25") == 2
    assert "attention after layer1 (16x8), layer2 (8x4)" in done.said
    asked.clear()
    done = rga("cost", "test_resnet", "--attentions", "se", "--inside-blocks")
    assert asked == [("none", (256, 128), "blocks"), ("se", (256, 128), "blocks")]
    assert "layer1.0" in done.said
