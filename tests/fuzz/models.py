"""Saved models, checkpoints, weights and recipes: truncated, mixed, foreign, or only somewhere else."""

from __future__ import annotations

import argparse
import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

import rga
from fuzz.outcome import Draw, FaultError, Outcome, Refused, attempt, compare, must_work, refused, right
from fuzz.small_models import BACKBONE, MODELS, classifier, run, saved
from rga.attention.catalog import create_attention
from rga.backbones.catalog import create_backbone
from rga.backbones.weights.pretrained import load_backbone_weights
from rga.recipes import read_recipe, to_json
from rga.tasks import recipe_functions
from rga.training.run.checkpoint import load_checkpoint
from rga.training.run.record import read_run

VALUES: tuple[Any, ...] = (None, -1, 0, 1, 1.5, "x", "none", [], {}, [1], [64, 32], [64, 32, 1], True, "se", "resnet-none", {"a": 1})
"""What may stand in a damaged file of JSON."""

State = dict[str, torch.Tensor]


def model_case(draw: Draw, folder: Path) -> Outcome:
    """One of the things that a training leaves, or that it begins with."""
    return draw(st.sampled_from((loaded, loaded, weights, weights, checkpoint, record, recipe, reference)))(draw, folder)


# ---- saved models


def loaded(draw: Draw, folder: Path) -> Outcome:
    """``rga.load`` of a model's folder, or of a run's."""
    task = draw(st.sampled_from(sorted(MODELS)))
    name = draw(st.sampled_from(["model", "two words", "[b]", "café", "100%", "a.b", "-x"]))
    home = folder / name / draw(st.sampled_from(["", "", "best", "last"]))
    shutil.copytree(saved(task), home)
    harm = draw(st.sampled_from([None] * len(HARM) + list(HARM)))
    if harm is None:
        around(draw, home)
    else:
        HARM[harm](draw, home)
    path: Any = draw(st.sampled_from([folder / name, str(folder / name), f"{folder / name}/", home]))
    kind = draw(st.sampled_from([None, None, None, type(MODELS[task]()), type(classifier())]))
    found = attempt(rga.load, path, kind) if kind is not None else attempt(rga.load, path)
    if isinstance(found, Refused):
        if harm is None and (kind is None or kind is type(MODELS[task]())):
            must_work(found, f"a model of {task}")
        return refused("rga.load")
    wanted = load_file(home / "model.safetensors") if harm else MODELS[task]().state_dict()
    same_state(found.state_dict(), wanted, "the weights of a saved model")
    if found.training:
        raise FaultError("a model that was loaded is in training mode")
    if harm is None:
        compare(found.preprocessing, MODELS[task]().preprocessing, "preprocessing")
    return right("rga.load: the weights that were saved")


def around(draw: Draw, home: Path) -> None:
    """What changes nothing about a model."""
    what = draw(st.sampled_from(["nothing", "more files", "another form", "more fields", "link", "metadata"]))
    config = json.loads((home / "config.json").read_text())
    if what == "more files":
        (home / "notes.txt").write_text("x")
        (home / ".lock").write_text("")
    elif what == "another form":
        (home / "config.json").write_text(json.dumps(config, indent=draw(st.sampled_from([None, 0, 8])), sort_keys=True))
    elif what == "more fields":
        (home / "config.json").write_text(json.dumps({**config, "written_by": "somebody"}))
    elif what == "link":
        other = home.parent / "elsewhere.safetensors"
        (home / "model.safetensors").rename(other)
        (home / "model.safetensors").symlink_to(other)
    elif what == "metadata":
        save_file(load_file(home / "model.safetensors"), home / "model.safetensors", {"format": "pt", "note": "x"})


def cut(draw: Draw, home: Path) -> None:
    """A file of which the end is missing."""
    path = home / draw(st.sampled_from(["config.json", "model.safetensors"]))
    contents = path.read_bytes()
    path.write_bytes(contents[: draw(st.integers(0, len(contents) - 1))])


def change(draw: Draw, home: Path) -> None:
    """A byte that is another one, in the configuration or where the weights are described."""
    path = home / draw(st.sampled_from(["config.json", "model.safetensors"]))
    contents = bytearray(path.read_bytes())
    at = draw(st.integers(0, min(len(contents), 2000) - 1))
    contents[at] ^= draw(st.integers(1, 255))
    path.write_bytes(contents)


def lose(draw: Draw, home: Path) -> None:
    """A file that is gone."""
    (home / draw(st.sampled_from(["config.json", "model.safetensors"]))).unlink()


def empty(draw: Draw, home: Path) -> None:
    """A folder in the place of a file, or nothing in it."""
    path = home / draw(st.sampled_from(["config.json", "model.safetensors"]))
    path.unlink()
    if draw(st.booleans()):
        path.mkdir()


def mix(draw: Draw, home: Path) -> None:
    """A file of another model."""
    name = draw(st.sampled_from(["config.json", "model.safetensors"]))
    shutil.copy(saved(draw(st.sampled_from(sorted(MODELS)))) / name, home / name)


def foreign(draw: Draw, home: Path) -> None:
    """A file of another program."""
    name = draw(st.sampled_from(["config.json", "model.safetensors"]))
    if name == "config.json":
        contents: Any = draw(
            st.sampled_from([{"model_type": "bert"}, {"architecture": "resnet18", "num_classes": 3}, [], 7, {"format": 99}])
        )
        (home / name).write_text(json.dumps(contents))
    elif draw(st.booleans()):
        torch.save({"a": torch.zeros(2)}, home / name)
    else:
        save_file({"encoder.weight": torch.zeros(2, 2)}, home / name)


def configure(draw: Draw, home: Path) -> None:
    """A field of the configuration with another value, or without."""
    config = json.loads((home / "config.json").read_text())
    field = draw(st.sampled_from(sorted(config)))
    if draw(st.sampled_from([False, False, True])):
        del config[field]
    else:
        config[field] = draw(st.sampled_from(VALUES))
    (home / "config.json").write_text(json.dumps(config))


HARM: dict[str, Callable[[Draw, Path], None]] = {
    "cut": cut,
    "changed": change,
    "lost": lose,
    "empty": empty,
    "mixed": mix,
    "foreign": foreign,
    "configured": configure,
    "configured again": configure,
}
"""What may break a model."""


# ---- weights


def weights(draw: Draw, folder: Path) -> Outcome:
    """A file for ``--weights``, as this and other programs write them."""
    generator = torch.Generator().manual_seed(draw(st.integers(0, 1000)))
    source = create_backbone(BACKBONE)
    state = {
        key: torch.rand(value.shape, generator=generator) if value.is_floating_point() else value
        for key, value in source.state_dict().items()
    }
    prefix = draw(st.sampled_from(["", "", "module."]))
    wrapped: Any = {f"{prefix}{key}": value for key, value in state.items()}
    harm = draw(
        st.sampled_from(
            [None] * 4 + ["missing", "shape", "cut", "text", "list", "pickle", "numbers", "empty", "one tensor", "changed", "nested"]
        )
    )
    if harm == "missing":
        del wrapped[draw(st.sampled_from(sorted(wrapped)))]
    elif harm == "shape":
        key = draw(st.sampled_from(sorted(wrapped)))
        wrapped[key] = torch.zeros(3, 1, 2)
    path = folder / f"{draw(st.sampled_from(['w', 'two words', 'é']))}{draw(st.sampled_from(['.pth', '.safetensors', '.pt', '.tar', '']))}"
    write_weights(draw, path, wrapped, harm)
    network = create_backbone(BACKBONE)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    found = attempt(load_backbone_weights, network, BACKBONE, str(path))
    after = network.state_dict()
    if isinstance(found, Refused):
        same_state(after, before, "a backbone whose weights were refused")
        if harm is None:
            must_work(found, f"weights in {path.name}")
        return refused("weights of a backbone")
    if harm in ("shape", "text", "list", "pickle", "empty", "one tensor"):
        raise FaultError(f"weights are taken from a file with a fault: {harm}")
    if harm not in ("cut", "changed", "missing"):
        same_state({key: value for key, value in after.items() if key in state}, state, "weights from a file")
    return right("weights of a backbone: those of the file")


def write_weights(draw: Draw, path: Path, state: Any, harm: str | None) -> None:
    """A file of weights, whole or not."""
    if path.suffix == ".safetensors" and harm in (None, "missing", "shape", "cut", "changed", "empty"):
        save_file({key: value.contiguous() for key, value in state.items()} if harm != "empty" else {}, path)
    else:
        wrap = draw(st.sampled_from([None, "state_dict", "model"]))
        contents = {wrap: state, "epoch": 3, "arch": "x"} if wrap else state
        odd: dict[str, Any] = {
            "list": [state],
            "one tensor": torch.zeros(3),
            "empty": {},
            "nested": {"checkpoint": {"network": {"weights": state}}},
            "numbers": {**contents, "best": np.float64(3.5), "args": argparse.Namespace(lr=0.1)} if wrap else state,
        }
        if harm == "pickle":
            path.write_bytes(pickle.dumps(Executed()))
        elif harm == "text":
            path.write_text("<html>not found</html>")
        else:
            torch.save(odd.get(harm or "", contents), path)
    if harm in ("cut", "changed"):
        whole = bytearray(path.read_bytes())
        at = draw(st.integers(0, len(whole) - 1))
        if harm == "cut":
            del whole[at:]
        else:
            whole[at] ^= 0xFF
        path.write_bytes(whole)


class Executed:
    """Code in a pickle."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("raise SystemExit('code of a file was executed')",))


# ---- runs


def checkpoint(draw: Draw, folder: Path) -> Outcome:
    """A checkpoint, whole or damaged."""
    path = folder / "last.pt"
    shutil.copy(run() / "last.pt", path)
    if draw(st.booleans()):
        shutil.copy(path, folder / "previous.pt")
    harm = draw(st.sampled_from([None, "cut", "changed", "gone", "foreign", "empty", "folder", "longer"]))
    contents = bytearray(path.read_bytes())
    at = draw(st.integers(0, len(contents) - 1))
    if harm in ("cut", "changed", "longer"):
        made = {
            "cut": contents[:at],
            "changed": contents[:at] + bytes([contents[at] ^ 0xFF]) + contents[at + 1 :],
            "longer": contents + b"\0\0",
        }
        path.write_bytes(made[harm])
    elif harm in ("gone", "folder"):
        path.unlink()
        if harm == "folder":
            path.mkdir()
    elif harm == "foreign":
        torch.save(draw(st.sampled_from([{"state_dict": {}}, [1], {"format": 4}, {"format": 5, "model": {}}, {"format": "5"}])), path)
    elif harm == "empty":
        path.write_bytes(b"")
    found = attempt(load_checkpoint, path, torch.device("cpu"))
    if isinstance(found, Refused):
        if harm is None:
            must_work(found, "a checkpoint")
        return refused("a checkpoint")
    wanted = load_checkpoint(run() / "last.pt", torch.device("cpu"))
    compare(found.where, wanted.where, "position of a checkpoint")
    same_state(found.model, wanted.model, "weights of a checkpoint")
    return right("a checkpoint: that of the run")


def record(draw: Draw, folder: Path) -> Outcome:
    """The record of a run, with values of another kind."""
    contents = json.loads((run() / "recipe.json").read_text())
    whole = draw(st.booleans())
    if not whole:
        spoil_json(draw, contents)
    (folder / "recipe.json").write_text(json.dumps(contents))
    found = attempt(read_run, folder)
    recipe = attempt(read_recipe, folder / "recipe.json")
    if isinstance(found, Refused) or isinstance(recipe, Refused):
        if whole:
            must_work(found, "the record of a run")
            must_work(recipe, "the recipe of a run")
        return refused("the record of a run")
    if whole:
        compare(recipe.to_dict(), read_recipe(run() / "recipe.json").to_dict(), "recipe of a run")
    return right("the record of a run")


def recipe(draw: Draw, folder: Path) -> Outcome:
    """A recipe as ``rga train --show`` prints it, whole or edited."""
    name = draw(st.sampled_from(sorted(recipe_functions())))
    wanted = recipe_functions()[name]()
    contents = json.loads(to_json(wanted))
    harm = draw(st.sampled_from([None, "values", "values", "cut", "text"]))
    if harm == "values":
        spoil_json(draw, contents)
    text = json.dumps(contents)
    if harm == "cut":
        text = text[: draw(st.integers(0, len(text) - 1))]
    path = folder / draw(st.sampled_from(["r.json", "recipe", "é é.json", "[r].json"]))
    path.write_text("not JSON" if harm == "text" else text)
    found = attempt(read_recipe, path)
    if isinstance(found, Refused):
        if harm is None:
            must_work(found, f"recipe {name}")
        return refused("a recipe")
    again = json.loads(to_json(found))
    if harm is None:
        compare(again, json.loads(to_json(wanted)), f"recipe {name}")
    path.write_text(json.dumps(again))
    compare(json.loads(to_json(must_work(attempt(read_recipe, path), "a recipe that was written"))), again, "a recipe, written and read")
    return right("a recipe: written and read again")


def spoil_json(draw: Draw, contents: Any) -> None:
    """Another value, or none, somewhere in JSON."""
    at = contents
    while True:
        keys = sorted(at) if isinstance(at, dict) else list(range(len(at)))
        key = draw(st.sampled_from(keys))
        if isinstance(at[key], (dict, list)) and at[key] and draw(st.sampled_from([True, True, True, False])):
            at = at[key]
            continue
        if isinstance(at, dict) and draw(st.sampled_from([False, False, True])):
            del at[key]
        else:
            at[key] = draw(st.sampled_from(VALUES))
        return


def reference(draw: Draw, folder: Path) -> Outcome:
    """``to_reference`` and ``from_reference``, there and back; and state dicts of something else."""
    module = create_attention(draw(st.sampled_from(["rga-sc", "rga-s", "rga-c"])), 16, (4, 2))
    state: Any = dict(module.state_dict())
    theirs, unplaced = must_work(attempt(rga.to_reference, state), "to_reference")
    compare(unplaced, [], "keys without a place")
    change: Any = draw(st.sampled_from([None, "prefix", "less", "value", "kind"]))
    given: Any = dict(theirs)
    key = draw(st.sampled_from(sorted(given)))
    if change == "prefix":
        given = {f"module.{name}": value for name, value in given.items()}
    elif change == "less":
        del given[key]
    elif change == "value":
        given[key] = draw(st.sampled_from([None, 3, "x", torch.zeros(()), torch.zeros(2, 3, 1, 1, 1), np.zeros(3)]))
    elif change == "kind":
        given = draw(st.sampled_from([None, [], 7, {1: torch.zeros(2)}, {"a": 1}, "state", {}]))
    found = attempt(rga.from_reference, given)
    if isinstance(found, Refused):
        if change in (None, "prefix"):
            must_work(found, "from_reference")
        return refused("from_reference")
    if change in (None, "prefix"):
        same_state(found[0], state, "weights there and back")
    return right("from_reference: there and back")


def same_state(found: State, wanted: State, what: str) -> None:
    """Raises a FaultError unless two state dicts are equal; entries that share their memory are stored once."""
    for key, value in wanted.items():
        if key not in found or not torch.equal(found[key].double(), value.double()):
            raise FaultError(f"{what}: {key} is {'not there' if key not in found else 'another'}")
