"""``rga evaluate``, ``rga calibrate`` and ``rga data check``."""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

import rga
from fuzz.commands.typed import Flags, flags, nothing_written, one_message, run
from fuzz.outcome import Draw, FaultError, Outcome, compare, refused, right
from fuzz.small_models import LABELS, MODELS, dataset, saved

COMMON: Flags = {"--batch-size": [("1",), ("3",), ("128",)], "--device": [("cpu",), ("auto",)], "--num-workers": [("0",)]}
FLAGS: dict[str, Flags] = {
    "reid": {
        **COMMON,
        "--flip": [()],
        "--feature": [("neck",), ("pooled",), ("both",)],
        "--rerank": [()],
        "--expand-queries": [("1",), ("2",)],
        "--expand-gallery": [("1",)],
    },
    "classification": COMMON,
    "segmentation": {
        **COMMON,
        "--flip": [()],
        "--split": [("val",), ("train",)],
        "--scales": [("1",), ("0.5", "1")],
        "--window": [("32", "32")],
    },
}
OPTIONS = ("--flip", "--feature", "--rerank", "--expand-queries", "--expand-gallery", "--split", "--scales", "--window")
"""Flags that change figures."""


def evaluate(draw: Draw, folder: Path) -> Outcome:
    """A model on a dataset: the figures are those of ``rga.evaluate`` with batches of one image."""
    task = draw(st.sampled_from(sorted(FLAGS)))
    model = Path(shutil.copytree(saved(task), folder / draw(st.sampled_from(["model", "two words", "[m]"]))))
    chosen = flags(draw, FLAGS[task], {"--num-workers": ("0",)})
    data, there = f"folder:{dataset(task)}", True
    if draw(st.sampled_from([False] * 6 + [True])):
        there = False
        others = [
            name for name in FLAGS if name != task and (task, name) != ("reid", "classification")
        ]  # a folder per class is one per person
        other = draw(st.sampled_from(others))
        data = draw(
            st.sampled_from(
                ["folder:nowhere", "nothing", "", "folder", f"folder:{dataset(other)}", "folder:[x]?a=b", f"csv:{dataset(task)}"]
            )
        )
    output: Path | None = None
    if draw(st.booleans()):
        output = folder / draw(st.sampled_from(["figures.json", "new/figures.json", "é.json"]))
        if draw(st.sampled_from([False, False, True])):
            output.parent.mkdir(exist_ok=True)
            output.write_text(draw(st.sampled_from(["other", "{}", "[]"])))
            there = False
    ended = run(["evaluate", model, "--data", data, *(["-o", output] if output else []), *chosen.words], folder)
    if ended.code:
        one_message(ended, "evaluate")
        nothing_written(ended, "evaluate")
        if chosen.fine and there:
            raise FaultError(f"evaluate {chosen.words} was refused: {ended.err.strip()[-400:]}")
        return refused("evaluate")
    if not there:
        raise FaultError(f"evaluate took {data} and {output}")
    written = [output] if output else list(model.glob("evaluation-*.json"))
    compare(len(written), 1, "files of figures")
    found = json.loads(written[0].read_text())
    if not chosen.fine:
        return right("evaluate: an odd flag that was taken")
    wanted = plain_figures(task, tuple(sorted((name, chosen.values[name]) for name in OPTIONS if name in chosen.values)))
    numbers_agree(found, wanted, "")
    return right("evaluate: rga.evaluate image by image")


@cache
def plain_figures(task: str, options: tuple[tuple[str, tuple[str, ...]], ...]) -> dict[str, Any]:
    """The figures of a model in memory, with one image at a time."""
    from rga.reid.comparison import Comparison  # noqa: PLC0415

    values = dict(options)
    chosen: dict[str, Any] = {}
    if task == "reid":
        chosen["comparison"] = Comparison(
            expand_queries=int(values.get("--expand-queries", ("0",))[0]),
            expand_gallery=int(values.get("--expand-gallery", ("0",))[0]),
            rerank="--rerank" in values,
        )
        chosen |= {"feature": values["--feature"][0]} if "--feature" in values else {}
    if task == "segmentation":
        chosen |= {"split": values["--split"][0]} if "--split" in values else {}
        chosen |= {"scales": tuple(map(float, values["--scales"]))} if "--scales" in values else {}
        chosen |= {"window": tuple(map(int, values["--window"]))} if "--window" in values else {}
    if "--flip" in values:
        chosen["flip"] = True
    result = rga.evaluate(MODELS[task](), f"folder:{dataset(task)}", batch_size=1, num_workers=0, **chosen).result
    figures: dict[str, Any] = json.loads(json.dumps(result.to_dict()))
    return figures


def numbers_agree(found: Any, wanted: Any, at: str) -> None:
    """Compares figures wherever both have them."""
    if isinstance(wanted, dict):
        for name, value in wanted.items():
            if name not in found:
                raise FaultError(f"evaluate: no {at}{name}")
            numbers_agree(found[name], value, f"{at}{name}.")
    elif isinstance(wanted, float):
        if not isinstance(found, float | int) or abs(found - wanted) > 1e-4:
            raise FaultError(f"evaluate: {at} is {found}, image by image {wanted}")
    elif not isinstance(wanted, list):
        compare(found, wanted, f"evaluate: {at}")


def calibrate(draw: Draw, folder: Path) -> Outcome:
    """A threshold: it is kept in the model, and in the figures."""
    model = Path(shutil.copytree(saved("reid"), folder / "model"))
    known: Flags = {
        "--unknown": [("0.5",), ("0.4",)],
        "--false-alarms": [("0",), ("0.5",)],
        "--flip": [()],
        "--feature": [("neck",), ("pooled",)],
        "--seed": [("0",), ("3",)],
    }
    chosen = flags(draw, known, {"--num-workers": ("0",)})
    ended = run(["calibrate", model, "--data", f"folder:{dataset('reid')}", *chosen.words], folder)
    if ended.code:
        one_message(ended, "calibrate")
        nothing_written(ended, "calibrate")
        if chosen.fine:
            raise FaultError(f"calibrate {chosen.words} was refused: {ended.err.strip()[-400:]}")
        return refused("calibrate")
    kept = rga.load(model).threshold
    if kept is None or not chosen.fine:
        return right("calibrate: an odd flag that was taken")
    alarms = float(chosen.values.get("--false-alarms", ("0.01",))[0])
    if kept.fpir > alarms or kept.false_alarm_rate != alarms:
        raise FaultError(f"calibrate keeps {kept} for {alarms} false alarms")
    return right("calibrate: kept, within the false alarms")


def check(draw: Draw, folder: Path) -> Outcome:
    """A report on a dataset: its counts are those that were written."""
    task = draw(st.sampled_from(sorted(MODELS)))
    spec = draw(
        st.sampled_from(
            [f"folder:{dataset(task)}"] * 5 + ["folder", "folder:nowhere", "nothing:x", ":", "?", f"folder:{dataset(task)}?x=1"]
        )
    )
    fine = spec == f"folder:{dataset(task)}"
    known: Flags = {"--open-images": [()], "--subset": [()]}
    chosen = flags(draw, known, {"--task": (task,)})
    output = folder / "report.json" if draw(st.booleans()) else None
    ended = run(["data", "check", spec, *(["-o", output] if output else []), *chosen.words], folder)
    if ended.code == 2 or (ended.code and not ended.out.strip()):
        one_message(ended, "data check")
        nothing_written(ended, "data check")
        if chosen.fine and fine:
            raise FaultError(f"data check {chosen.words} was refused: {ended.err.strip()[-400:]}")
        return refused("data check")
    if not fine:
        raise FaultError(f"data check takes {spec}")
    if output is not None and chosen.fine:
        found = json.loads(output.read_text())["found"]
        wanted = {"reid": ("identities", 2), "classification": ("classes", len(LABELS)), "segmentation": ("images", 2)}[task]
        compare(found["train"][wanted[0]], wanted[1], f"{wanted[0]} to train on")
    compare(ended.out.strip().splitlines()[-1], "ok" if ended.code == 0 else "not ok", "verdict")
    return right("data check: counts that were written")
