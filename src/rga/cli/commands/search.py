"""``rga search MODEL IMAGES --gallery DIR``: finds images of the same person."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro
from numpy.typing import NDArray

from rga.checks import check_at_least, check_workers
from rga.cli.answering import BATCHES, Answers
from rga.cli.opened import opened
from rga.cli.parsing import Images, Model
from rga.cli.progress import progress
from rga.errors import InputError
from rga.images.named import images_at
from rga.printable import printable
from rga.ranking.distances import distances
from rga.reid.model import ReidModel
from rga.storage.files import write_json
from rga.storage.outputs import check_output
from rga.terminal import PlainConsole, folding_table


def search(
    model: Model,
    images: Images,
    *,
    gallery: tuple[Path, ...],
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None,
    overwrite: bool = False,
    skip_damaged: bool = False,
    top: int = 3,
    flip: bool = False,
    batch_size: int = 64,
    num_workers: int = 2,
    device: str = "auto",
) -> None:
    """Find images of the same person: for each image the most similar ones of a gallery, with their cosine similarity, at most 1.

    An image is not compared with its own file.

    Args:
        model: A file .onnx or .xml, the folder of a run or of a saved model, the name of one that ships with rga, or one on the
            Hugging Face hub.
        images: Images cropped to one person each, and folders of them.
        gallery: Images of known people to search in, and folders of them.
        output: Also write the answers to this file, as JSON.
        overwrite: Replace the file if it is there already.
        skip_damaged: Damaged images are no error; without this flag, too, all others are searched and searched in.
        top: Number of answers for each image.
        flip: Average the features of each image and its mirror image.
        batch_size: Images at a time.
        num_workers: Processes that read images; threads, for a file .onnx or .xml.
        device: Where to compute: auto, cpu, cuda, cuda:1, mps.
    """
    check_at_least(1, top=top, batch_size=batch_size)
    check_workers(num_workers)
    check_output(output, overwrite=overwrite)
    sought, known = images_at(images), images_at(gallery)
    places = [path.resolve() for path in known]
    for path in sought:
        if set(places) == {path.resolve()}:
            raise InputError(f"the gallery has no other image than {path}: name images of known people with --gallery")
    loaded = opened(model, ReidModel, device)
    embedded: Answers[NDArray[np.float32]] = Answers()

    def use(chosen: Mapping[str, Path], **reports: Any) -> NDArray[np.float32]:
        features: NDArray[np.float32] = loaded.embed(chosen.values(), batch_size=batch_size, num_workers=num_workers, flip=flip, **reports)
        return features

    named = {str(path): path for path in (*sought, *known)}
    with progress("embedding") as bar:
        embedded.add(named, use, BATCHES * batch_size, bar)
    sought, known = ([path for path in paths if str(path) in embedded.found] for paths in (sought, known))
    if not (sought and known):
        embedded.conclude(len(embedded.damaged), skip_damaged)  # which says what is damaged
    query, others = (np.stack([embedded.found[str(path)] for path in paths]) for paths in (sought, known))
    similar = 1 - distances(query, others).numpy()
    places = [path.resolve() for path in known]
    answers: dict[str, list[dict[str, object]]] = {}
    for path, row in zip(sought, similar, strict=True):
        best = [index for index in (-row).argsort(kind="stable") if places[index] != path.resolve()][:top]
        answers[str(path)] = [{"image": str(known[index]), "similarity": round(float(row[index]), 4)} for index in best]
    if output is not None:  # before anything that may go wrong
        write_json(output, answers)
    console = PlainConsole()
    table = folding_table("image", *(f"{rank}." for rank in range(1, max(map(len, answers.values())) + 1)))
    for name, found in answers.items():
        table.add_row(printable(name), *(f"{printable(str(each['image']))} {each['similarity']:.2f}" for each in found))
    console.print(table)
    if output is not None:
        console.sentence(f"written to {output}")
    embedded.conclude(len(named), skip_damaged)
