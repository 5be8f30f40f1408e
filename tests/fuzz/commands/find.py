"""``rga search`` and ``rga data classes``."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from fuzz.commands.typed import Flags, flags, nothing_written, one_message, run
from fuzz.names import odd_names
from fuzz.outcome import Draw, FaultError, Outcome, compare, refused, right
from fuzz.small_models import embedder, saved

SEARCH: Flags = {
    "--top": [("1",), ("2",)],
    "--flip": [()],
    "--batch-size": [("1",), ("7",)],
    "--skip-damaged": [()],
    "--device": [("cpu",)],
    "--overwrite": [()],
}


def search(draw: Draw, folder: Path) -> Outcome:
    """The most similar images of a gallery: those of a loop over cosines."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    places: dict[str, list[Path]] = {}
    for home in ("sought", "known"):
        (folder / home).mkdir()
        names = draw(st.lists(odd_names(), min_size=1, max_size=3, unique=True))
        places[home] = [folder / home / f"{name}.png" for name in names]
        for path in places[home]:
            Image.fromarray(generator.integers(0, 256, (20, 10, 3), dtype=np.uint8)).save(path)
    chosen = flags(draw, SEARCH, {"--num-workers": ("0",)})
    wrong = draw(st.sampled_from([None, None, None, "missing", "there"]))
    gallery = folder / ("nowhere" if wrong == "missing" else "known")
    output = folder / "answers.json"
    if wrong == "there":
        output.write_text("mine")
    ended = run(["search", saved("reid"), folder / "sought", "--gallery", gallery, "-o", output, *chosen.words], folder)
    fine = chosen.fine and (wrong is None or (wrong == "there" and "--overwrite" in chosen.values))
    if ended.code:
        one_message(ended, "search")
        nothing_written(ended, "search")
        if fine:
            raise FaultError(f"search {chosen.words} was refused: {ended.err.strip()[-400:]}")
        return refused("search")
    if not fine:
        return right("search: an odd flag that was taken")
    found = json.loads(output.read_text())
    flip = "--flip" in chosen.values
    sought, known = sorted(places["sought"]), sorted(places["known"])
    left, other = (embedder().embed(paths, flip=flip).astype(np.float64) for paths in (sought, known))
    top = int(chosen.values.get("--top", ("3",))[0])
    compare(sorted(found), [str(path) for path in sought], "images that were searched for")
    for path, row in zip(sought, left, strict=True):
        cosines = {str(name): float(row @ each / np.sqrt((row @ row) * (each @ each))) for name, each in zip(known, other, strict=True)}
        compare(len(found[str(path)]), min(top, len(known)), "answers")
        for answer, best in zip(found[str(path)], sorted(cosines.values(), reverse=True), strict=False):
            if abs(answer["similarity"] - best) > 1e-3 or abs(cosines[answer["image"]] - best) > 1e-3:
                raise FaultError(f"search: {answer} for {path.name}, by a loop {cosines}")
    return right("search: a loop over cosines")


def classes(draw: Draw, folder: Path) -> Outcome:
    """A table that is proposed from masks: its values are those of the masks."""
    home = folder / draw(st.one_of(st.just("scenes"), odd_names().filter(lambda name: not name.startswith("-"))))
    values = draw(st.lists(st.integers(0, 254), min_size=2, max_size=6, unique=True))
    for index in range(draw(st.integers(1, 3))):
        (home / "masks").mkdir(parents=True, exist_ok=True)
        (home / "images").mkdir(exist_ok=True)
        Image.fromarray(np.resize(np.array(values, np.uint8), (4, 8))).save(home / "masks" / f"{index}.png")
        Image.new("RGB", (8, 4), (index, 9, 9)).save(home / "images" / f"{index}.png")
    wrong = draw(st.sampled_from([None, None, None, "missing", "there", "damaged"]))
    output = folder / "classes.csv"
    if wrong == "there":
        output.write_text("mine")
    if wrong == "damaged":
        (home / "masks" / "0.png").write_bytes(b"no image")
    ended = run(["data", "classes", folder / "nowhere" if wrong == "missing" else home, "-o", output], folder)
    if ended.code:
        one_message(ended, "data classes")
        nothing_written(ended, "data classes")
        if wrong is None:
            raise FaultError(f"data classes was refused: {ended.err.strip()[-400:]}")
        return refused("data classes")
    if wrong is not None:
        raise FaultError(f"data classes takes masks that are {wrong}")
    with output.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    compare(sorted(int(row["value"]) for row in rows), sorted(values), "values that are proposed")
    return right("data classes: the values of the masks")
