"""``rga.load`` of what is no model: one error at once that says what was found, what was expected and what to do, without a network."""

import io
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
import torch
from cli.terminal import rga as command
from huggingface_hub import errors
from safetensors.torch import save_file

import rga
from rga.backbones.weights import hub
from rga.errors import HubError, InputError, MissingFileError, RgaError
from rga.evaluations import evaluate
from rga.loading import task_of
from rga.recipes import read_recipe
from rga.reid.model import ReidModel
from rga.storage.saved_model import save_model


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved model."""
    folder = tmp_path_factory.mktemp("saved") / "model"
    save_model(ReidModel("test_resnet", image_size=(32, 16), attention="none"), folder, {})
    return folder


@pytest.fixture
def runs(saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two runs in the current folder, one of which is not evaluated yet; asking the hub is an error."""

    def asked(*_: object, **__: object) -> NoReturn:
        raise AssertionError("the hub was asked")

    monkeypatch.setattr("rga.loading.out_of_reach", asked)
    monkeypatch.setattr("rga.loading.hf_hub_download", asked)
    monkeypatch.setattr(hub, "get_session", asked)
    monkeypatch.chdir(tmp_path)
    for name in ("small", "begun"):
        run = tmp_path / "runs" / name
        run.mkdir(parents=True)
        (run / "recipe.json").write_text("{}")
        (run / "log.jsonl").write_text("")
        torch.save({"format": 5, "model": {}}, run / "last.pt")
    shutil.copytree(saved, tmp_path / "runs" / "small" / "last")
    return tmp_path / "runs"


@pytest.mark.parametrize(
    ("named", "message"),
    [
        (
            "runs/typo",
            r"there is no model at runs/typo: runs holds begun, small; expected a folder with config\.json and model\.safetensors",
        ),
        ("runs/smal", r"did you mean runs/small\?"),
        ("run/small", r"did you mean runs\?"),
        ("runs/small/bset", r"there is no model at runs/small/bset: did you mean runs/small/last\?|runs/small holds last, last\.pt"),
        ("runs/small/last/x/y", r"there is no model at runs/small/last/x/y: runs/small/last holds .*config\.json, model\.safetensors"),
        ("nowhere", "there is no nowhere in the current folder"),
        ("./owner/name", "there is no owner in the current folder"),
        ("/owner/name", "there is no model at /owner/name"),
        ("a/b/c/d", "there is no a in the current folder"),
        ("owner\\name", "there is no model at"),
        ("C:\\runs\\small", "there is no model at"),
        ("owner/best.pt", "there is no model at owner/best"),
        (
            "runs/small/last.pt",
            r"is a checkpoint, to continue the training from \(rga resume runs/small\), not a model: load .*runs/small/last",
        ),
        ("runs/begun/last.pt", "not a model: the run has saved no model yet"),
        ("runs/small/last/model.safetensors", r"is one of the files of a model: load its folder, runs/small/last"),
        ("runs/small/last/config.json", "is one of the files of a model: load its folder"),
        ("runs/small/last/config.json/x", r"config\.json is a file, not a folder"),
        ("runs/begun", r"the run in runs/begun has saved no model yet: .*--evaluate-every.*rga resume runs/begun continues it"),
        ("runs", r"the folder runs is no model, but holds some: name one of runs/small"),
        ("", "names no model"),
        ("  ", "names no model"),
        ("a\0b", "names no model"),
        ("x" * 5000, "names no model: File name too long"),
    ],
)
def test_paths(named: str, message: str, runs: Path) -> None:
    with pytest.raises((InputError, MissingFileError), match=message):
        rga.load(named)
    with pytest.raises((InputError, MissingFileError), match=message):
        task_of(named)


@pytest.mark.parametrize("named", [None, 3, ReidModel, b"runs/small", ["runs/small"]])
def test_what_is_no_name(named: Any, runs: Path) -> None:
    with pytest.raises(InputError, match=r"a model is named by a folder or by owner/name|names no model"):
        rga.load(named)


def test_a_path_object_is_never_a_name_on_the_hub(runs: Path) -> None:
    with pytest.raises(MissingFileError, match=r"there is no model at .*owner/name"):
        rga.load(Path("owner/name"))


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("best/config.json", "{}")
    return file.getvalue()


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (zipped(), r"a is no model but a zip archive: unpack it, and name the folder"),
        (b"\x08\x08\x12\x07pytorch", r"a is no model but an ONNX file: expected a folder"),
        (b"", "a is no model but an empty file"),
        (
            b"version https://git-lfs.github.com/spec/v1",
            r"a is no model but a pointer of Git LFS, whose file was not fetched \(git lfs pull\)",
        ),
        (b"\x80\x04K\x01.", "a is no model but a pickle that torch.save did not write, which may execute code and is not read"),
        (b"\x89PNG", "a is no model but a PNG image"),
    ],
)
def test_files(contents: bytes, message: str, runs: Path) -> None:
    Path("a").write_bytes(contents)
    with pytest.raises(InputError, match=message):
        rga.load("a")


def test_weights_without_a_configuration(runs: Path) -> None:
    save_file({"conv1.weight": torch.zeros(2)}, "weights.safetensors")
    with pytest.raises(
        InputError, match=r"is no model but a safetensors file.*rga train RECIPE --weights weights\.safetensors --backbone NAME"
    ):
        rga.load("weights.safetensors")
    torch.save({"state_dict": {"stem.weight": torch.zeros(2)}}, "weights.pth")
    with pytest.raises(
        InputError, match=r"weights in weights\.pth \(stem\.weight, \.\.\.\) are not those of .*--weights weights\.pth --backbone"
    ):
        rga.load("weights.pth")


def empty(folder: Path) -> None:
    """Nothing."""


def other_toolkit(folder: Path) -> None:
    (folder / "model_best.pth.tar").write_bytes(b"x")
    (folder / "args.yaml").write_text("lr: 1")


def without_config(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"x")


def of_timm(folder: Path) -> None:
    (folder / "config.json").write_text('{"architecture": "resnet50", "num_classes": 1000}')
    (folder / "model.safetensors").write_bytes(b"x")


def of_transformers(folder: Path) -> None:
    (folder / "config.json").write_text('{"architectures": ["BertModel"], "model_type": "bert"}')


@pytest.mark.parametrize(
    ("fill", "message"),
    [
        (empty, r"there is no model in the folder mine, which holds nothing: expected a folder with config\.json and model\.safetensors"),
        (other_toolkit, r"which holds args\.yaml, model_best\.pth\.tar: expected .*--weights mine/model_best\.pth\.tar --backbone NAME"),
        (without_config, r"the folder mine has model\.safetensors and no config\.json, which says what network it is of"),
        (of_timm, r"of another toolkit \(architecture 'resnet50'\): .*rga train RECIPE --weights mine"),
        (of_transformers, r"of another toolkit \(architectures \['BertModel'\]\)"),
    ],
)
def test_folders(fill: Callable[[Path], None], message: str, runs: Path) -> None:
    Path("mine").mkdir()
    fill(Path("mine"))
    with pytest.raises((InputError, MissingFileError), match=message):
        rga.load("mine")


def changed(text: str, **values: object) -> str:
    """A configuration with other values."""
    return json.dumps({**json.loads(text), **values})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[: len(text) // 2], r"mine/config\.json is damaged or cut short"),
        (lambda _text: "", r"mine/config\.json is damaged or cut short"),
        (lambda _text: "[1, 2]", r"mine/config\.json is damaged, or not the configuration of a model"),
        (
            lambda text: text.replace('"test_resnet"', '"resnet9999"'),
            r"at mine cannot be built from its config\.json: unknown backbone 'resnet9999'",
        ),
        (lambda text: text.replace('"test_resnet"', "5"), r"at mine cannot be built from its config\.json"),
        (lambda text: text.replace('"test_resnet"', '"resnet10t"'), r"mine/model\.safetensors are not those of the config\.json beside it"),
        (lambda text: changed(text, image_size="large"), r"at mine cannot be built from its config\.json"),
        (lambda text: changed(text, task="pose"), "unknown task 'pose'"),
        (lambda text: changed(text, task=["reid"]), "unknown task"),
        (
            lambda text: changed(text, image_size=7),
            r"at mine cannot be built from its config\.json, which is damaged",
        ),
        (lambda text: changed(text, attention_options=3), r"at mine cannot be built from its config\.json"),
        (
            lambda text: changed(text, feature="x"),
            r"at mine cannot be built from its config\.json: feature is pooled or neck",
        ),
    ],
)
def test_configurations(change: Callable[[str], str], message: str, saved: Path, runs: Path) -> None:
    shutil.copytree(saved, "mine")
    file = Path("mine/config.json")
    file.write_text(change(file.read_text()))
    with pytest.raises(InputError, match=message):
        rga.load("mine")


def test_weights_of_another_network_are_told_in_a_line(saved: Path, runs: Path) -> None:
    shutil.copytree(saved, "mine")
    file = Path("mine/config.json")
    file.write_text(file.read_text().replace('"test_resnet"', '"resnet10t"'))
    message = r": 6 are too many \(backbone\.\S+, backbone\.\S+, \.\.\.\); \d+ are of another shape \(.*expected \("
    with pytest.raises(InputError, match=message) as caught:
        rga.load("mine")
    assert len(str(caught.value)) < 800


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ("runs/smal", r"there is no run in runs/smal: did you mean runs/small\?; name the folder of a run"),
        ("runs/small/last", r"runs/small/last is a part of a run: name the run, runs/small"),
        ("runs/small/last.pt", r"runs/small/last\.pt is a part of a run: name the run, runs/small"),
        ("nowhere", "there is no run in nowhere: there is no nowhere in the current folder"),
        ("runs", r"there is no run in runs: it has no recipe\.json"),
    ],
)
def test_runs_to_resume_are_named_likewise(named: str, message: str, runs: Path) -> None:
    with pytest.raises(MissingFileError, match=message):
        rga.resume(named)


def test_recipes_in_files_are_named_likewise(runs: Path) -> None:
    with pytest.raises(MissingFileError, match=r"there is no recipe at runs/small/recipes\.json: did you mean runs/small/recipe\.json\?"):
        read_recipe("runs/small/recipes.json")


@pytest.mark.parametrize("task", [["reid"], None, 3, {}])
def test_recipes_of_no_task(task: object, tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_text(json.dumps({"task": task, "fields": {}}))
    with pytest.raises(InputError, match=r"recipe\.json does not hold a recipe: unknown task"):
        read_recipe(tmp_path / "recipe.json")


@pytest.mark.parametrize("kept", [0, 5, 100, -10])
def test_weights_that_are_cut_short(kept: int, saved: Path, runs: Path) -> None:
    shutil.copytree(saved, "mine")
    file = Path("mine/model.safetensors")
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(InputError, match=r"mine/model\.safetensors is damaged, or no safetensors file .*: copy it again"):
        rga.load("mine")
    file.unlink()
    with pytest.raises(MissingFileError, match=r"the model at mine has no model\.safetensors: copy it there"):
        rga.load("mine")


def test_links_and_home_folders(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("link").symlink_to("gone")
    with pytest.raises(MissingFileError, match="link: it is a link to gone, which is not there"):
        rga.load("link")
    monkeypatch.setenv("HOME", str(runs.parent))
    assert isinstance(rga.load("~/runs/small"), ReidModel)


@pytest.mark.parametrize("verb", ["evaluate", "embed", "classify", "segment"])
def test_every_command_says_the_same_in_one_line(verb: str, runs: Path) -> None:
    Path("a.png").write_bytes(b"")
    images = [] if verb == "evaluate" else ["a.png"]
    done = command(verb, "runs/small/last.pt", *images)
    assert done.code == 2
    assert done.err.startswith("rga: ")
    assert done.err.count("\n") == 1
    with pytest.raises(InputError, match="is a checkpoint"):
        evaluate("runs/small/last.pt", report="report")


def test_the_hub_is_asked_only_for_a_name_of_which_nothing_is_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    asked = []

    def refuse(url: str) -> str:
        asked.append(url)
        return "no network"

    monkeypatch.setattr("rga.loading.out_of_reach", refuse)
    monkeypatch.setattr("huggingface_hub.file_download.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(HubError, match=r"there is no folder owner/name, .* cannot be reached \(no network\)"):
        rga.load("owner/name")
    assert len(asked) == 1
    Path("owners").mkdir()
    with pytest.raises(MissingFileError, match=r"there is no model at owner/name: did you mean owners\?; .*or hf-hub:owner/name for"):
        rga.load("owner/name")
    Path("owner").mkdir()
    with pytest.raises(MissingFileError, match=r"there is no model at owner/name"):
        rga.load("owner/name")
    assert len(asked) == 1
    with pytest.raises(HubError, match=r"there is no folder owner/name, .* cannot be reached"):
        rga.load("hf-hub:owner/name")
    assert len(asked) == 2


def test_what_the_hub_answers_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("rga.loading.out_of_reach", lambda _url: None)
    response: Any = SimpleNamespace(headers={}, request=None, status_code=404, url="", text="")
    for error, kind, message in (
        (errors.RepositoryNotFoundError("404", response=response), MissingFileError, "on the hub is not there, or needs a token"),
        (errors.EntryNotFoundError("404"), MissingFileError, r"on the hub has no config\.json"),
        (errors.HfHubHTTPError("503 busy", response=response), HubError, "cannot be fetched from the hub: 503 busy"),
        (OSError("disk"), HubError, "cannot be fetched from the hub: disk"),
    ):

        def answer(*_: object, error: Exception = error, **__: object) -> NoReturn:
            raise error

        monkeypatch.setattr("rga.loading.hf_hub_download", answer)
        with pytest.raises(kind, match=message) as caught:
            rga.load("owner/name")
        assert isinstance(caught.value, RgaError)


def test_folders_that_cannot_be_read(runs: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root reads everything")
    Path("mine").mkdir(mode=0)
    with pytest.raises(OSError, match="mine"):
        rga.load("mine")
