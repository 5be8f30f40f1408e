"""``rga embed MODEL IMAGES -o FILE.npz``: computes features of images of people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from rich.console import Console

from rga.checks import check_at_least
from rga.cli.parsing import Images, Model
from rga.cli.progress import progress
from rga.images.named import named_images
from rga.loading import load
from rga.reid.model import ReidModel
from rga.storage.files import write_atomically
from rga.storage.outputs import check_output
from rga.training.devices import choose_device


def embed(
    model: Model,
    images: Images,
    *,
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("features.npz"),
    overwrite: bool = False,
    flip: bool = False,
    batch_size: int = 64,
    num_workers: int = 2,
    device: str = "auto",
) -> None:
    """Compute features of images of people.

    Writes an .npz with ``features`` (n, d) float32 and ``paths`` (n,), relative to the folders in IMAGES. Compare features by cosine.

    Args:
        model: Folder of a run or of a saved model, or one on the Hugging Face hub.
        images: Images cropped to one person each, and folders of them.
        output: File for the features.
        overwrite: Replace the file if it is there already.
        flip: Average the features of each image and its mirror image.
        batch_size: Images at a time.
        num_workers: Processes that read images.
        device: Where to compute: auto, cpu, cuda, cuda:1, mps.
    """
    check_at_least(1, batch_size=batch_size)
    check_at_least(0, num_workers=num_workers)
    check_output(output, overwrite=overwrite)
    named = named_images(images, suffixes=True)
    loaded = load(model, ReidModel).to(choose_device(device))
    with progress("embedding") as bar:
        features = loaded.embed(list(named.values()), batch_size=batch_size, num_workers=num_workers, flip=flip, progress=bar)

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez(file, features=features, paths=np.array(list(named)))

    write_atomically(output, write)
    Console().print(f"{len(named)} images, {features.shape[1]} numbers each: {output}", markup=False, soft_wrap=True)
