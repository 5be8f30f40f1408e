"""``rga embed MODEL IMAGES -o FILE.npz``: computes features of images of people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from zipfile import BadZipFile

import numpy as np
import tyro
from numpy.typing import NDArray

from rga.checks import check_at_least, check_workers
from rga.cli.answering import BATCHES, Answers, check_existing, check_same, content_of, keep, merged
from rga.cli.opened import opened
from rga.cli.parsing import Images, Model
from rga.cli.progress import progress
from rga.deploy.as_model import fingerprint_of
from rga.errors import InputError
from rga.images.named import named_images
from rga.reid.model import ReidModel
from rga.storage.files import write_atomically
from rga.storage.outputs import check_output
from rga.terminal import PlainConsole

Features = NDArray[np.float32]


def embed(
    model: Model,
    images: Images,
    *,
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("features.npz"),
    overwrite: bool = False,
    skip_existing: bool = False,
    skip_damaged: bool = False,
    flip: bool = False,
    batch_size: int = 64,
    num_workers: int = 2,
    device: str = "auto",
) -> None:
    """Compute features of images of people.

    Writes an .npz with ``features`` (n, d) float32, ``paths`` (n,), relative to the folders in IMAGES, ``contents`` (n,), by which changed
    images are told, and how they were computed: ``weights``, a fingerprint of the model's, and ``flip``. Compare features by cosine. Images
    that are damaged are named at the end, when all others are done.

    Args:
        model: A file .onnx or .xml, the folder of a run or of a saved model, the name of one that ships with rga, or one on the
            Hugging Face hub.
        images: Images cropped to one person each, and folders of them.
        output: File for the features.
        overwrite: Replace the file if it is there already.
        skip_existing: Keep the features in the file, and add those of images that it does not have. Other images of the same names are
            refused.
        skip_damaged: Damaged images are no error.
        flip: Average the features of each image and its mirror image.
        batch_size: Images at a time.
        num_workers: Processes that read images; threads, for a file .onnx or .xml.
        device: Where to compute: auto, cpu, cuda, cuda:1, mps.
    """
    check_at_least(1, batch_size=batch_size)
    check_workers(num_workers)
    check_existing(output, overwrite=overwrite, skip_existing=skip_existing)
    check_output(output, overwrite=overwrite or skip_existing)
    named = named_images(images, suffixes=True)
    loaded = opened(model, ReidModel, device)
    about = {"weights": fingerprint_of(loaded), "flip": flip}
    before, contents = read_features(output, about) if skip_existing and output.exists() else ({}, {})
    check_same(named, contents, output)
    answers: Answers[Features] = Answers()

    def use(chosen: Mapping[str, Path], **reports: Any) -> Features:
        contents.update({name: content_of(path) for name, path in chosen.items()})
        features: Features = loaded.embed(chosen.values(), batch_size=batch_size, num_workers=num_workers, flip=flip, **reports)
        return features

    def write() -> None:
        features = merged(named, before, answers.found)
        write_features(output, features, [contents[name] for name in features], about)

    whole = False
    try:
        with progress("embedding") as bar:
            answers.add({name: path for name, path in named.items() if name not in before}, use, BATCHES * batch_size, bar)
        whole = bool(before or answers.found)
    finally:
        replaces = output.exists() and not skip_existing
        keep(write, answers, output, whole=whole, replaces=replaces)
    if whole:
        features = merged(named, before, answers.found)
        kept = f", {len(before)} of which were there" if before else ""
        PlainConsole().sentence(f"{len(features)} images{kept}, {len(next(iter(features.values())))} numbers each: {output}")
    answers.conclude(len(named), skip_damaged)


def write_features(path: Path, features: dict[str, Features], contents: list[str], about: dict[str, Any]) -> None:
    """Writes features and the names of their images, atomically.

    Args:
        path: of the file.
        features: name of an image -> (D,).
        contents: of these images, see ``content_of``.
        about: what they were computed with.
    """

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            rows = np.stack(list(features.values()))
            np.savez(file, features=rows, paths=np.array(list(features)), contents=np.array(contents), **about)

    write_atomically(path, write)


def read_features(path: Path, about: dict[str, Any]) -> tuple[dict[str, Features], dict[str, str]]:
    """The features in a file, and the contents of their images, by the images' names.

    Args:
        path: of the file.
        about: what they must have been computed with.

    Raises:
        InputError: the file holds something else, or features that cannot be compared with those of this model.
    """
    try:
        with np.load(path) as stored:
            found = {name: stored[name] for name in stored.files}
        names = found["paths"].tolist()
        features = dict(zip(names, found["features"], strict=True))
        contents = None if "contents" not in found else dict(zip(names, found["contents"].tolist(), strict=True))
    except (ValueError, KeyError, EOFError, BadZipFile) as error:
        raise InputError(f"{path} does not hold features of rga embed: name another file, or replace it with --overwrite") from error
    if any(name not in found or found[name].item() != value for name, value in about.items()):
        raise InputError(
            f"the features in {path} are of other weights, or with another --flip, or do not tell: they cannot be compared with new ones; "
            "name another file, or replace it with --overwrite"
        )
    if contents is None:
        raise InputError(
            f"{path} does not tell which images its features are of, as in files of earlier versions, so that other images of the "
            "same names would be taken for them: name another file, or replace it with --overwrite"
        )
    return features, contents
