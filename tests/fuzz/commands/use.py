"""``rga embed``, ``rga segment`` and ``rga classify``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from fuzz.commands.typed import Ended, Flags, Typed, flags, nothing_written, one_message, run
from fuzz.names import UNDECODABLE, odd_names
from fuzz.outcome import Draw, FaultError, Outcome, compare, refused, right
from fuzz.small_models import CLASSES, classifier, embedder, saved, segmenter
from rga.segmentation.inference import Inference

COMMON: Flags = {
    "--batch-size": [("1",), ("2",), ("64",)],
    "--num-workers": [("0",), ("0",), ("0",), ("0",), ("0",), ("1",)],
    "--device": [("cpu",), ("auto",)],
    "--overwrite": [()],
    "--skip-damaged": [()],
    "--skip-existing": [()],
}
FLAGS: dict[str, Flags] = {
    "embed": {**COMMON, "--flip": [()]},
    "classify": {**COMMON, "--top": [("1",), ("2",), ("9",)]},
    "segment": {
        "--device": [("cpu",)],
        "--flip": [()],
        "--overwrite": [()],
        "--skip-damaged": [()],
        "--skip-existing": [()],
        "--scales": [("1",), ("0.5", "1"), ("2",)],
        "--window": [("32", "32"), ("16", "24")],
        "--write": [("labels",), ("labels", "confidence"), ("overlays",)],
        "--dataset-values": [()],
    },
}
TASKS = {"embed": "reid", "classify": "classification", "segment": "segmentation"}


def use(draw: Draw, folder: Path) -> Outcome:
    """A model on images."""
    verb = draw(st.sampled_from(sorted(FLAGS)))
    named, images, wrong = draw_images(draw, folder)
    chosen = flags(draw, FLAGS[verb], {} if verb == "segment" else {"--num-workers": ("0",)})
    output, free = draw_output(draw, folder, verb)
    model = saved(TASKS[verb])
    if draw(st.sampled_from([False] * 7 + [True])):
        model = draw(st.sampled_from([saved("reid"), saved("segmentation"), folder / "nowhere" / "at" / "all", folder]))
    replaces = "--overwrite" in chosen.values
    fine = chosen.fine and model == saved(TASKS[verb]) and not (replaces and "--skip-existing" in chosen.values)
    fine = fine and (free or (replaces and output.is_file()))
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    ended = run([verb, model, *named, "-o", output, *chosen.words], folder)
    answered = fine and bool(images) and wrong in (None, "damaged")
    if ended.code:
        one_message(ended, verb)
        if answered and (wrong is None or "--skip-damaged" in chosen.values):
            raise FaultError(f"{verb} {chosen.words} was refused: {ended.err.strip()[-400:]}")
        if answered:
            CHECKS[verb](folder, output, images, chosen)  # all others are done
            return right(f"{verb}: a damaged image among others")
        if verb == "segment":
            only_whole_files(ended, folder, before)
        elif wrong != "damaged":
            nothing_written(ended, verb)
        return refused(verb)
    if not images:
        raise FaultError(f"{verb} succeeds without an image")
    if wrong == "damaged" and "--skip-damaged" not in chosen.values:
        raise FaultError(f"{verb} does not say that an image is damaged")
    return CHECKS[verb](folder, output, images, chosen) if answered else right(f"{verb}: an odd flag that was taken")


def draw_images(draw: Draw, folder: Path) -> tuple[list[Path], list[Path], str | None]:
    """The words that name images, the images that are whole, in their order, and what is wrong."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    home = folder / draw(st.one_of(st.just("images"), odd_names().filter(lambda name: not name.startswith("-"))))
    names = draw(st.lists(st.one_of(st.sampled_from(["a", "b"]), odd_names(), st.just(UNDECODABLE)), min_size=1, max_size=3, unique=True))
    paths = []
    for name in names:
        inside = home / draw(st.sampled_from(["", "", "deeper"]))
        inside.mkdir(parents=True, exist_ok=True)
        path = inside / f"{name}.png"
        Image.fromarray(generator.integers(0, 256, (draw(st.integers(8, 40)), draw(st.integers(8, 40)), 3), dtype=np.uint8)).save(path)
        paths.append(path)
    litter = draw(st.sampled_from([None, None, "._a.png", ".DS_Store", "notes.txt"]))
    if litter is not None:
        (home / litter).write_bytes(b"\0\5\26\7")
    wrong = draw(st.sampled_from([None] * 5 + ["damaged", "missing", "none", "empty folder"]))
    if wrong == "damaged":
        paths[-1].write_bytes(paths[-1].read_bytes()[:40])
        return [home], sorted(paths[:-1]), wrong
    if wrong == "none":
        return [], [], wrong
    if wrong == "missing":
        return [home, folder / "missing.png"], [], wrong
    if wrong == "empty folder":
        (folder / "nothing").mkdir()
        return [folder / "nothing"], [], wrong
    if len(paths) == 1 and draw(st.booleans()):
        return paths, paths, None
    return [home.relative_to(folder) if draw(st.booleans()) else home], sorted(paths), None


def draw_output(draw: Draw, folder: Path, verb: str) -> tuple[Path, bool]:
    """Where to write, and whether that is free."""
    suffix = {"embed": ".npz", "classify": ".json", "segment": ""}[verb]
    name = f"{draw(st.sampled_from(['out', 'two words', '[out]', 'aus-é', '100%']))}{suffix}"
    how = draw(st.sampled_from(["new", "new", "new", "new", "new folder", "there", "a folder", "below a file"]))
    if how == "new folder":
        return folder / "new" / "folder" / name, True
    if how == "below a file":
        (folder / "file").write_text("x")
        return folder / "file" / name, False
    if how == "there" and suffix:
        (folder / name).write_text("old")
        return folder / name, False
    if how == "a folder":
        (folder / "there.d").mkdir()
        return folder / "there.d", not suffix
    return folder / name, True


def only_whole_files(ended: Ended, folder: Path, before: dict[Path, bytes]) -> None:
    """Segmentation goes image by image: what it wrote before it failed must be whole, and new."""
    for name in ended.changed:
        if folder / name in before:
            raise FaultError(f"segment failed and changed {name}")
        with Image.open(folder / name) as image:
            image.load()


def check_features(folder: Path, output: Path, images: list[Path], chosen: Typed) -> Outcome:
    """The features are those of ``ReidModel.embed``, and the names those of the files."""
    with np.load(output) as found:
        features, paths = found["features"], [str(path) for path in found["paths"]]
    wanted = embedder().embed(images, flip="--flip" in chosen.values)
    if features.shape != wanted.shape or not np.allclose(features, wanted, atol=1e-5, rtol=1e-4):
        raise FaultError(f"embed: {features.shape} features that are not those of ReidModel.embed {wanted.shape}")
    compare([Path(path).name for path in paths], [path.name for path in images], "names of the features")
    return right("embed: ReidModel.embed")


def check_answers(folder: Path, output: Path, images: list[Path], chosen: Typed) -> Outcome:
    """The answers are those of ``ClassificationModel.classify``."""
    found = json.loads(output.read_text())
    if isinstance(found, dict) and {"classes", "images"} <= found.keys():
        found = found["images"]
    top = int(chosen.values.get("--top", ("5",))[0])
    wanted = classifier().classify(images, top=top)
    compare([Path(path).name for path in found], [path.name for path in images], "names of the answers")
    for (_, row), expected in zip(found.items(), wanted, strict=True):
        compare([each["class"] for each in row], [each.label for each in expected], "classes")
        if not np.allclose([each["probability"] for each in row], [each.probability for each in expected], atol=1e-5):
            raise FaultError(f"probabilities {row} are not {expected}")
    return right("classify: ClassificationModel.classify")


def check_maps(folder: Path, output: Path, images: list[Path], chosen: Typed) -> Outcome:
    """The label maps are those of ``SegmentationModel.segment``."""
    kinds = chosen.values.get("--write", ("labels", "overlays", "confidence"))
    window: Any = tuple(map(int, chosen.values["--window"])) if "--window" in chosen.values else None
    inference = Inference(window, scales=tuple(map(float, chosen.values.get("--scales", ("1",)))), flip="--flip" in chosen.values)
    for path in images:
        wanted = segmenter().segment([path], inference=inference)[0]
        for kind, ending in (("labels", ".png"), ("overlays", ".jpg"), ("confidence", ".png")):
            there = list((output / kind).rglob(f"*{ending}")) if (output / kind).is_dir() else []
            compare(len(there), len(images) if kind in kinds else 0, f"files of {kind}")
        if "labels" in kinds:
            file = next(file for file in (output / "labels").rglob("*.png") if file.stem == path.stem)
            labels = CLASSES.encode(wanted.labels) if "--dataset-values" in chosen.values else wanted.labels
            with Image.open(file) as image:
                if not np.array_equal(np.asarray(image), labels):
                    raise FaultError(f"the labels of {path.name} are not those of SegmentationModel.segment")
    return right("segment: SegmentationModel.segment")


CHECKS = {"embed": check_features, "classify": check_answers, "segment": check_maps}
