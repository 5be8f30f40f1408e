"""Models that ship with the package: names, the shipped folder, its card, and its size."""

import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open

import rga
from rga import model_names
from rga.backbones.cards.card import CARD
from rga.datasets.spec import DataSpec
from rga.errors import InputError, MissingFileError
from rga.model_names import shipped_models
from rga.pretrained import build as building
from rga.pretrained.build import MOST_BYTES, build
from rga.pretrained.card import JUDGEMENT, TRAINING, card
from rga.recipes import to_json
from rga.reid.model import ReidModel
from rga.reid.recipe import ReidRecipe
from rga.storage.saved_model import CONFIG, WEIGHTS, save_model, weights_fingerprint
from rga.synthetic.people.people import PeopleOptions, make_people

Script = Callable[[str], ModuleType]

IN_PACKAGE = shipped_models()
"""What really ships."""


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four generated people, two of them for the test."""
    options = PeopleOptions(identities=4, cameras=2, images_per_camera=2, distractors=0, junk=0, height=32, width=16)
    return make_people(tmp_path_factory.mktemp("data") / "people", options)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, people: Path) -> Path:
    """What a finished training leaves, of an untrained tiny network."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    torch.manual_seed(0)
    model = ReidModel("test_resnet", classes=2, image_size=(32, 16), feature="pooled", trained_on={"data": f"market1501:{people}"})
    model.set_weights_source("none: random from the start")
    save_model(model, folder / "last", {"mAP_pooled": 0.25})
    (folder / "recipe.json").write_text(to_json(ReidRecipe(data=DataSpec("market1501", people))))
    result = {
        "weights": weights_fingerprint(model),
        "recipe": {"epochs": 3},
        "data": {"name": "market1501", "fingerprint": "0123abcd", "samples": 8},
        "metrics": {"mAP_pooled": 0.25, "R1_pooled": 0.5},
        "steps": 12_345,
        "step_seconds": 0.25,
        "hours": 1.75,
        "machine": {"processor": "Abacus 3", "threads": 1},
        "finished": "2026-01-01T00:00:00Z",
    }
    (folder / "result.json").write_text(json.dumps(result))
    return folder


@pytest.fixture(scope="module")
def built(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped folder of that training; no test writes to it."""
    return build(run, tmp_path_factory.mktemp("built") / "small")


@pytest.fixture
def shipped(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it in a package of its own; the working directory is empty."""
    monkeypatch.setattr(model_names, "SHIPPED", tmp_path / "package")
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return Path(shutil.copytree(built, tmp_path / "package" / "small"))


def test_kernels_are_stored_in_half_precision_and_widened_when_they_are_loaded(shipped: Path, run: Path) -> None:
    with safe_open(shipped / WEIGHTS, "pt") as file:
        stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  it is no mapping
    assert {tensor.dtype for tensor in stored.values() if tensor.dim() > 1} == {torch.float16}
    assert {tensor.dtype for tensor in stored.values() if tensor.dim() == 1} == {torch.float32}
    model = rga.load("small")
    assert {tensor.dtype for tensor in model.state_dict().values() if tensor.dim()} == {torch.float32}
    images = building.generated_people(building.CHECKED)
    own, trained = model.embed(images), rga.load(run / "last").embed(images)
    cosine = (own * trained).sum(1) / np.linalg.norm(own, axis=1) / np.linalg.norm(trained, axis=1)
    assert cosine.min() > 0.9999
    assert not np.array_equal(own, trained)


def test_nothing_of_the_training_identities_and_of_the_machine_is_shipped(shipped: Path, people: Path) -> None:
    with safe_open(shipped / WEIGHTS, "pt") as file:
        assert not [name for name in file.keys() if name.startswith("classifier")]  # noqa: SIM118
    config = json.loads((shipped / CONFIG).read_text())
    assert config["classes"] == 0
    assert config["trained_on"] == {"name": "generated people", "fingerprint": "0123abcd", "weights": "none: random from the start"}
    assert config["metrics"] == {"data": "generated people under other cameras", "mAP_pooled": 0.25, "R1_pooled": 0.5}
    for file in (CONFIG, TRAINING, CARD):
        assert str(people.parent) not in (shipped / file).read_text()


def test_a_name_is_the_shipped_model_unless_something_here_is_called_so(shipped: Path) -> None:
    assert weights_fingerprint(rga.load("small")) == weights_fingerprint(rga.load(shipped))
    own = ReidModel("test_resnet", image_size=(16, 16), attention="none")
    save_model(own, Path("small"), {})
    with pytest.raises(
        InputError, match=r"'small' is the name of a model that ships .*write rga:small for the model, or \./small for what"
    ):
        rga.load("small")
    assert rga.load("rga:small").preprocessing.size == (32, 16)
    assert rga.load("./small").preprocessing.size == rga.load(Path("small")).preprocessing.size == (16, 16)


def test_unknown_names_are_answered_with_the_known_ones(shipped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MissingFileError, match=r"there is no model at smal: .*or one that ships with rga \(small\)"):
        rga.load("smal")
    with pytest.raises(InputError, match="no model called 'tiny' ships with rga: it has 'small'"):
        rga.load("rga:tiny")
    (shipped / CONFIG).unlink()
    with pytest.raises(InputError, match="no model called 'small' ships with rga: this version has none"):
        rga.load("rga:small")
    with pytest.raises(MissingFileError, match=r"on the Hugging Face hub$"):
        rga.load("small")


@pytest.mark.slow
def test_it_is_evaluated_by_its_name(shipped: Path, people: Path) -> None:
    measured = rga.evaluate("small", f"market1501:{people}")
    assert measured.notes == ()
    with pytest.raises(InputError, match="does not say what data it was trained with: name a dataset"):
        rga.evaluate("small")


def test_only_a_finished_training_on_generated_people_is_built(run: Path, people: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"result\.json: name the run of a finished training"):
        build(people, tmp_path / "small")
    result = (run / "result.json").read_text()
    for file, text, message in (
        ("result.json", json.dumps({**json.loads(result), "weights": "of another"}), "is of other weights than the model in"),
        ("recipe.json", to_json(ReidRecipe(data=DataSpec("market1501", tmp_path))), r"generated people alone, and .* has no people\.json"),
    ):
        before = (run / file).read_text()
        (run / file).write_text(text)
        with pytest.raises(InputError, match=message):
            build(run, tmp_path / "small")
        (run / file).write_text(before)
    assert not (tmp_path / "small").exists()


def test_a_model_that_is_too_large_or_changes_leaves_the_folder_as_it_was(
    shipped: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path.name: path.read_bytes() for path in shipped.iterdir()}
    with monkeypatch.context() as patched:
        patched.setattr(building, "MOST_BYTES", 1000)
        with pytest.raises(InputError, match=r"bytes, and 1,000 are the most: train a narrower backbone"):
            build(run, shipped)
    with monkeypatch.context() as patched:
        patched.setattr(building, "LEAST_COSINE", 1.1)
        with pytest.raises(InputError, match="features of the shipped model have a cosine of"):
            build(run, shipped)
    assert {path.name: path.read_bytes() for path in shipped.iterdir()} == before
    assert [path.name for path in shipped.parent.iterdir()] == ["small"]


def test_weights_that_half_precision_does_not_hold_are_refused() -> None:
    model = ReidModel("test_resnet", image_size=(32, 16), attention="none")
    torch.nn.init.constant_(next(model.parameters()), 1e5)
    with pytest.raises(InputError, match="has weights that half precision does not hold"):
        building.halved(model)


@pytest.mark.slow
def test_the_comparison_is_kept_with_the_weights_and_in_the_card(
    shipped: Path, run: Path, people: Path, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (shipped / CARD).read_text()
    assert "| generated people under other cameras | this model | 25.0 | 50.0 |" in text
    assert "has not been compared" in text
    assert "12,345 steps and 1.8 hours (Abacus 3,\n1 thread)" in text
    module = script("shipped_model")
    monkeypatch.setattr(module, "speed", lambda _: {"images_per_second": 321.4, "batch_size": 64, "processor": "Abacus 3"})
    found: Any = module.main(["--data", f"market1501:{people}", "-o", "figures.json"])
    assert [method["name"] for method in found["methods"]] == ["colour histograms", "the shipped model (small)"]
    assert all(0 < method[metric] <= 1 for method in found["methods"] for metric in ("mAP", "mINP"))
    assert json.loads(Path("figures.json").read_text()) == json.loads((shipped / JUDGEMENT).read_text()) == found
    text = (shipped / CARD).read_text()
    for method in found["methods"]:
        assert f"| market1501 | {method['name']} | {100 * method['mAP']:.1f} | {100 * method['R1']:.1f} |" in text
    assert "321 (Abacus 3, batches of 64)" in text
    assert "has not been compared" not in text
    assert build(run, shipped) == shipped  # of the same weights: the comparison stays
    assert (shipped / CARD).read_text() == text == card(shipped)
    (shipped / JUDGEMENT).write_text(json.dumps({**found, "weights": "of another"}))
    with pytest.raises(InputError, match="is of other weights than the model beside it: compare the model again"):
        card(shipped)
    build(run, shipped)
    assert not (shipped / JUDGEMENT).exists()
    (shipped / TRAINING).write_text(json.dumps({**json.loads((shipped / TRAINING).read_text()), "weights": "of another"}))
    with pytest.raises(InputError, match="build the model again"):
        card(shipped)


def test_what_ships_is_small_and_described() -> None:
    if not IN_PACKAGE:
        pytest.skip("no model is there yet: python -m rga.pretrained.train makes one")
    for name, folder in IN_PACKAGE.items():
        files = {path.name: path.stat().st_size for path in folder.iterdir()}
        assert {CONFIG, WEIGHTS, CARD, TRAINING, JUDGEMENT} == set(files), name
        assert sum(files.values()) <= MOST_BYTES, name
        assert (folder / CARD).read_text() == card(folder), name
        model = rga.load(f"rga:{name}")
        assert model.embed(building.generated_people(building.CHECKED)).shape == (building.CHECKED, model.neck.num_features)


@pytest.mark.slow
def test_the_wheel_holds_what_ships(project: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", str(tmp_path), str(project)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert "rga/pretrained/card.md.jinja" in names
    for name, folder in shipped_models().items():
        assert {f"rga/pretrained/{name}/{path.name}" for path in folder.iterdir()} <= names
