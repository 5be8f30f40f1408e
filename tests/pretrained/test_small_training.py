"""The training of the small model: its data, its recipe, and the command that begins or continues it."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import rga
from rga.datasets.spec import DataSpec
from rga.pretrained import build as building
from rga.pretrained import small
from rga.pretrained import train as training
from rga.pretrained.build import MOST_BYTES
from rga.reid.datasets.catalog import CATALOG
from rga.reid.model import ReidModel
from rga.reid.recipe import ReidRecipe
from rga.study.generated import GeneratedData
from rga.study.trial import deciding_fields
from rga.terminal import PlainConsole

PROGRAM = """
import json, pathlib, sys
job = json.loads(sys.stdin.readline())
(pathlib.Path(job["folder"]) / "result.json").write_text(json.dumps(job["recipe"]["fields"]))
"""
"""A training that takes no time: its result is its recipe."""


def tiny(data: GeneratedData) -> GeneratedData:
    """The same world with few people and small images."""
    few = replace(data.options, identities=2, test_identities=1, cameras=2, images_per_camera=2, height=32, width=16)
    return replace(data, options=few)


@pytest.fixture
def tiny_worlds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "TRAINED", tuple(map(tiny, small.TRAINED[:2])))
    monkeypatch.setattr(training, "TESTED", tiny(small.TESTED))


def specs(count: int) -> list[DataSpec]:
    return [DataSpec("market1501", Path(f"world-{number}")) for number in range(count)]


def test_the_model_fits_into_the_wheel() -> None:
    recipe = small.recipe(specs(small.WORLDS), DataSpec("market1501", Path("other")))
    chosen = recipe.model
    model = ReidModel(
        chosen.backbone,
        backbone_options=chosen.backbone_options,
        image_size=chosen.image_size,
        attention=chosen.attention,
        attention_options=chosen.attention_options(),
        feature=chosen.feature,
    )
    stored = sum(tensor.numel() * (2 if tensor.dim() > 1 else 4) for tensor in model.state_dict().values())
    assert 0.9 * MOST_BYTES < stored < 0.98 * MOST_BYTES  # the rest is for names, configuration and card
    assert rga.attached(model.backbone).keys() == {"layer1", "layer2", "layer3", "layer4"}


def test_worlds_are_apart_and_of_one_kind() -> None:
    worlds = (*small.TRAINED, small.TESTED)
    assert len({world.name for world in worlds}) == len({world.options.seed for world in worlds}) == small.WORLDS + 1
    kinds = {replace(world.options, seed=0, identities=2, test_identities=1) for world in worlds}
    assert len(kinds) == 1
    assert sum(world.options.identities for world in small.TRAINED) == 2000


def test_a_training_has_its_data_and_its_recipe(tiny_worlds: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rga.study.trainings.job.COMMAND", (sys.executable, "-c", PROGRAM))
    output = tmp_path / "out"
    assert training.main(["-o", str(output), "--device", "cpu", "--threads", "1"]) == 0
    recipe = ReidRecipe.from_dict(json.loads((output / "run" / "result.json").read_text()))
    data = [output / "data" / name for name in ("world-1", "world-2", "other-world")]
    assert [spec.root for spec in recipe.datasets()] == [data[2], data[0], data[1]]  # the first is tested on
    assert all(CATALOG.read(spec).train for spec in recipe.datasets())
    wanted = small.recipe(specs(2), DataSpec("market1501", Path("other")))
    assert deciding_fields(recipe) == deciding_fields(wanted)
    assert (recipe.machine.device, recipe.machine.threads) == ("cpu", 1)


def test_a_finished_training_is_not_begun_again(tiny_worlds: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "result.json").write_text("{}")
    assert training.main(["-o", str(tmp_path)]) == 0
    assert f"is finished: build the model with python -m rga.pretrained.build {tmp_path / 'run'}" in capsys.readouterr().out


def test_errors_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert training.main(["-o", str(tmp_path), "--minutes", "-1"]) == 2
    assert capsys.readouterr().err == "error: minutes must be at least 0, got -1\n"
    assert building.main([str(tmp_path)]) == 2
    assert "name the run of a finished training" in capsys.readouterr().err


@pytest.mark.slow
def test_a_training_is_stopped_continued_and_built(tiny_worlds: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def short(*arguments: Any) -> ReidRecipe:
        return small.recipe(*arguments).override(max_steps=2, ids_per_batch=2, images_per_id=2)

    monkeypatch.setattr(training, "recipe", short)
    console = PlainConsole(quiet=True)
    assert training.train(tmp_path / "out", minutes=1e-4, console=console).out_of_time
    assert not (tmp_path / "out" / "run" / "result.json").exists()
    assert training.train(tmp_path / "out", console=console).exit_code == 0
    assert building.main([str(tmp_path / "out" / "run"), "-o", str(tmp_path / "small")]) == 0
    model = rga.load(tmp_path / "small", ReidModel)
    assert model.preprocessing.size == (96, 48)
    card = (tmp_path / "small" / "README.md").read_text()
    assert "| | test | training | training | \n|---|---|---|---|\n" in card
    assert "| identities | 2 | 2 | 2 | \n" in card
