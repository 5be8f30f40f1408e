"""``rga train``, ``rga resume``, ``rga data make``, and commands that only print."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch
from hypothesis import strategies as st

import rga
from fuzz.commands.typed import ODD_VALUES, Flags, flags, nothing_written, one_message, run
from fuzz.outcome import Draw, FaultError, Outcome, compare, refused, right
from fuzz.small_models import BACKBONE, dataset
from fuzz.small_models import run as small_run
from rga.backbones.catalog import create_backbone
from rga.cli.verbs import VERBS
from rga.tasks import get_task
from rga.training.run.checkpoint import load_checkpoint

SMALL = (
    "--num-workers",
    "0",
    "--threads",
    "1",
    "--weights",
    "none",
    "--backbone",
    BACKBONE,
    "--attention",
    "se",
    "--max-steps",
    "1",
    "--epochs",
    "1",
)

RECIPES = {
    "classification": ("cls/digits", ("--image-size", "32", "--batch-size", "3")),
    "reid": ("reid/generated", ("--image-size", "64", "32", "--ids-per-batch", "2", "--images-per-id", "2")),
    "segmentation": ("seg/generated", ("--crop-size", "32", "32", "--batch-size", "2")),
}
FLAGS: Flags = {
    "--lr": [("1e-3",), ("0.1",)],
    "--seed": [("0",), ("7",)],
    "--weight-decay": [("0",), ("1e-4",)],
    "--evaluate-every": [("1",), ("5",)],
    "--ema-decay": [("0.9",)],
    "--attention": [("none",), ("rga-sc",), ("se",)],
    "--log-every": [("1",)],
    "--gradient-clip-norm": [("1",)],
}


def train(draw: Draw, folder: Path) -> Outcome:
    """A training of one step: the run keeps the flags, and a model that can be loaded."""
    task = draw(st.sampled_from(sorted(RECIPES)))
    recipe, sizes = RECIPES[task]
    chosen = flags(draw, FLAGS)
    data, fine = f"folder:{dataset(task)}", True
    if draw(st.sampled_from([False, False, False, True])):
        fine = False
        data = draw(st.sampled_from(["folder:nowhere", "folder", "x", "", f"folder:{folder}"]))
    name = draw(st.sampled_from(["run", "two words", "[run]", "runs/é"]))
    if draw(st.sampled_from([False, False, False, True])):
        fine = False
        (folder / "run").mkdir()
        (folder / "run" / "log.jsonl").write_text("somebody's")
        name = "run"
    ended = run(["train", recipe, "--data", data, "-o", name, *SMALL, *sizes, *chosen.words], folder)
    if ended.code:
        one_message(ended, "train")
        nothing_written(ended, "train")
        if chosen.fine and fine:
            raise FaultError(f"train {recipe} {chosen.words} was refused: {ended.err.strip()[-400:]}")
        return refused("train")
    if not fine:
        raise FaultError(f"train took {data} and {name}")
    groups = json.loads((folder / name / "recipe.json").read_text())["fields"]
    fields = {**groups, **{key: value for group in groups.values() if isinstance(group, dict) for key, value in group.items()}}
    for flag, (value,) in chosen.values.items():
        compare(str(fields[flag[2:].replace("-", "_")]), str(type(fields[flag[2:].replace("-", "_")])(value)), f"{flag} in the record")
    compare(load_checkpoint(folder / name / "last.pt", torch.device("cpu")).step, 1, "steps")
    compare(type(rga.load(folder / name)), get_task(task).model, "kind of the model")
    return right("train: the flags are in the record, and the model loads")


def resume(draw: Draw, folder: Path) -> Outcome:
    """A run of one step that continues to its second, or does not."""
    home = Path(shutil.copytree(small_run(), folder / draw(st.sampled_from(["run", "two words", "[r]"]))))
    steps = draw(st.sampled_from(["2", "2", "2", "1", "0", *ODD_VALUES]))
    more = draw(
        st.sampled_from([(), (), ("lr=1e-4",), ("backbone=resnet18",), ("colour=1",), ("lr",), ("milestones=x",), ("epochs=-1",), ("=",)])
    )
    start = draw(st.sampled_from([(), (), (), ("--from", "last"), ("--from", "previous"), ("--from", "first")]))
    harm = draw(st.sampled_from([None] * 5 + ["cut", "gone", "record"]))
    if harm == "cut":
        (home / "last.pt").write_bytes((home / "last.pt").read_bytes()[: draw(st.integers(0, 5000))])
    elif harm is not None:
        (home / {"gone": "last.pt", "record": "recipe.json"}[harm]).unlink()
    changes = [f"max_steps={steps}", *more]
    words = [word for change in changes for word in ("--set", change)]
    ended = run(["resume", home, *words, *start], folder)
    fine = steps == "2" and more in ((), ("lr=1e-4",)) and start in ((), ("--from", "last")) and harm is None
    if ended.code:
        one_message(ended, "resume")
        nothing_written(ended, "resume")
        if fine:
            raise FaultError(f"resume {words} was refused: {ended.err.strip()[-400:]}")
        return refused("resume")
    if harm is not None or (steps == "2" and not fine):
        raise FaultError(f"resume took {words}, {start}, {harm}: {ended.out[-300:]}")
    step = load_checkpoint(home / "last.pt", torch.device("cpu")).step
    if fine:
        compare(step, 2, "steps")
    return right("resume: the second step")


def make(draw: Draw, folder: Path) -> Outcome:
    """Generated data: as many as were asked for, and the same each time."""
    kind = draw(st.sampled_from(["people", "streets"]))
    known: Flags = (
        {"--identities": [("2",), ("3",)], "--distractors": [("0",), ("2",)], "--seed": [("0",), ("5",)]}
        if kind == "people"
        else {"--train": [("1",), ("2",)], "--val": [("0",), ("1",)], "--seed": [("0",), ("5",)]}
    )
    fixed: dict[str, tuple[str, ...]] = (
        {
            "--identities": ("2",),
            "--cameras": ("2",),
            "--images-per-camera": ("2",),
            "--distractors": ("1",),
            "--junk": ("1",),
            "--height": ("32",),
        }
        if kind == "people"
        else {"--train": ("1",), "--val": ("1",), "--test": ("0",), "--height": ("32",), "--width": ("32",)}
    )
    chosen = flags(draw, known, fixed)
    there = draw(st.sampled_from([False, False, True]))
    target = folder / draw(st.sampled_from(["made", "two words", "[m]", "new/é"]))
    if there:
        target.mkdir(parents=True)
        (target / "mine.txt").write_text("x")
    ended = run(["data", "make", kind, target, *chosen.words], folder)
    if ended.code:
        one_message(ended, "data make")
        nothing_written(ended, "data make")
        if chosen.fine and not there:
            raise FaultError(f"data make {chosen.words} was refused: {ended.err.strip()[-400:]}")
        return refused("data make")
    if there:
        raise FaultError("data make writes into a folder with something in it")
    if kind == "people":
        people = get_task("reid").datasets.load("market1501", target)
        wanted = int(chosen.values.get("--identities", ("2",))[0]) if chosen.fine else people.counts["train"].identities * 2
        compare(people.counts["train"].identities, wanted // 2, "people to train on")
    else:
        scenes = get_task("segmentation").datasets.load("streets", target)
        compare(len(scenes.train), int(chosen.values.get("--train", ("1",))[0]) if chosen.fine else len(scenes.train), "scenes to train on")
    return right("data make: as many as were asked for")


PRINTING = (
    *(("--version",), ("--help",), ("data", "list"), ("completion", "bash"), ("completion", "zsh"), ("train", "--list")),
    *(
        ("train", "--show", "reid/market1501"),
        ("train", "cls/digits", "--help"),
        ("evaluate", "--help"),
        ("embed", "--help"),
        ("data", "--help"),
    ),
)
MISTYPED: tuple[tuple[str, ...], ...] = (
    *(
        (),
        ("data",),
        ("trian",),
        ("train",),
        ("train", "cls/digts"),
        ("train", "--show"),
        ("evaluate",),
        ("evaluate", "--data", "x"),
        ("embed",),
    ),
    *(
        ("segment", "--help-me"),
        ("completion", "fish"),
        ("data", "chek", "x"),
        ("[bold]",),
        ("resume",),
        ("resume", "nowhere"),
        ("é",),
        ("",),
        ("--",),
    ),
    *(
        ("calibrate", "m"),
        ("train", "nowhere.json"),
        ("cost", "nothing"),
        ("cost", BACKBONE, "--attentions", "rga-xy"),
        ("data", "make", "cats", "x"),
    ),
    *(
        ("cost", BACKBONE, "--image-size", "0", "0"),
        ("cost", BACKBONE, "--image-size", "64"),
        ("gates", "-o", "nowhere.xyz"),
        ("demo", "cats"),
    ),
)


def printing(draw: Draw, folder: Path) -> Outcome:
    """A command that only prints, and one that is mistyped."""
    if draw(st.booleans()):
        words: list[str] = [*draw(st.sampled_from(MISTYPED))]
        other = draw(st.booleans())
        if words and other:
            words = [draw(st.sampled_from([*VERBS])).split()[0], *words[1:], draw(st.sampled_from(["--nothing", "", "é"]))]
            if words[0] in ("demo", "doctor"):
                words[0] = "embed"
        ended = run(words, folder)
        if ended.code == 0 and not {"completion", "data", "gates", "cost"} & {*words[:1]}:
            raise FaultError(f"{words} is taken: {ended.out[-200:]}")
        if ended.code == 0:
            return right("an odd word that was taken")
        nothing_written(ended, str(words))
        return refused("a word that is mistyped")
    ended = run(draw(st.sampled_from(PRINTING)), folder)
    if ended.code or not ended.out.strip() or ended.changed:
        raise FaultError(f"a command that prints: {ended}")
    return right("a command that prints")


def cost(draw: Draw, folder: Path) -> Outcome:
    """``rga cost``: the parameters of the plain network are those of a loop."""
    known: Flags = {"--attentions": [("se",), ("se", "rga-sc")], "--image-size": [("64", "32"), ("33", "47")], "--inside-blocks": [()]}
    chosen = flags(draw, known, {"--attentions": ("se",)})
    ended = run(["cost", BACKBONE, *chosen.words], folder)
    if ended.code:
        one_message(ended, "cost")
        nothing_written(ended, "cost")
        if chosen.fine:
            raise FaultError(f"cost {chosen.words} was refused: {ended.err.strip()[-400:]}")
        return refused("cost")
    parameters = sum(each.numel() for each in create_backbone(BACKBONE).parameters())
    if f"{parameters / 1e6:.2f}" not in ended.out:
        raise FaultError(f"cost does not say {parameters}: {ended.out}")
    return right("cost: parameters by a loop")
