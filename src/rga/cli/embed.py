"""``rga embed DIR``: the features of a folder of images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from rich.console import Console

from rga.cli.outputs import check_output, check_positive, check_workers
from rga.images.images import list_images
from rga.loading import load
from rga.reid.model import ReidModel
from rga.storage.files import write_atomically
from rga.training.devices import DeviceName, choose_device


def embed(
    folder: Path,
    /,
    *,
    model: Path,
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("features.npz"),
    overwrite: bool = False,
    flip: bool = False,
    batch_size: int = 64,
    num_workers: int = 2,
    device: DeviceName = "auto",
) -> None:
    """Embeds all images below a folder.

    Writes an .npz with ``features`` (n, d) float32 and ``paths`` (n,), told from the folder; compare features by cosine.

    Args:
        folder: with images of persons, cut out.
        model: a run's folder, a saved model, or one on the Hugging Face hub.
        output: the file.
        overwrite: replace the file if it is there already.
        flip: average the features of each image and its mirror image.
        batch_size: images at a time.
        num_workers: processes that read images.
        device: where to compute.
    """
    check_positive(batch_size=batch_size)
    check_workers(num_workers)
    check_output(output, overwrite=overwrite)
    loaded = load(model, ReidModel).to(choose_device(device))
    paths = list_images(folder)
    features = loaded.embed(paths, batch_size=batch_size, num_workers=num_workers, flip=flip)
    names = np.array([path.relative_to(folder).as_posix() for path in paths])

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez(file, features=features, paths=names)

    write_atomically(output, write)
    Console().print(f"{len(paths)} images, {features.shape[1]} numbers each: {output}")
