"""``rga embed DIR``: the features of a folder of pictures."""

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
    workers: int = 2,
    device: DeviceName = "auto",
) -> None:
    """Embeds all pictures below a folder.

    Writes an .npz with ``features`` (n, d) float32 and ``paths`` (n,), told from the folder; compare features by cosine.

    Args:
        folder: with pictures of persons, cut out.
        model: a run's folder, a saved model, or one on the Hugging Face hub.
        output: the file.
        overwrite: replace the file if it is there already.
        flip: average the features of each picture and its mirror image.
        batch_size: pictures at a time.
        workers: processes that read pictures.
        device: where to compute.
    """
    check_positive(batch_size=batch_size)
    check_workers(workers)
    check_output(output, overwrite=overwrite)
    loaded = load(model, ReidModel).to(choose_device(device))
    paths = list_images(folder)
    features = loaded.embed(paths, batch_size=batch_size, workers=workers, flip=flip)
    names = np.array([path.relative_to(folder).as_posix() for path in paths])

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez(file, features=features, paths=names)

    write_atomically(output, write)
    Console().print(f"{len(paths)} pictures, {features.shape[1]} numbers each: {output}")
