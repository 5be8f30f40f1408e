"""How fast images are read, augmented and laid in batches, on one core: Pillow's plain way, torchreid's transforms, ours.

    pip install --no-deps torchreid            # for the side of that name; of it one file is used, which needs PyTorch and Pillow alone
    python benchmarks/input.py crops           # images of people, 128x64 in JPEG, as the network's 256x128
    python benchmarks/input.py streets         # street scenes of 2048x1024, as crops of 768x768 with their masks
    python benchmarks/input.py decoders        # decoding alone

Each side makes the whole batches that a step is fed with: normalised float32 (B, 3, H, W). Sides take turns over ``--rounds`` in one
process with one thread; what counts is the CPU time of the process, medians are printed. torchreid resizes and crops as the paper's recipe
does, after a first resize of its own (``torchreid.data.transforms.build_transforms`` with random_flip, random_crop and random_erase). It
has no transforms for images with masks: there the plain way is torchvision's on PIL images. Images are generated; ``--images`` names a
folder of your own people instead.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import os
import platform
import random
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
import torchvision
from PIL import Image
from torch import Tensor
from torch.utils.data import default_collate
from torchvision.transforms import functional as TF

from rga.images.decoding import read_pixels, simplejpeg
from rga.images.images import DamagedImageError
from rga.images.listing import list_images
from rga.images.preprocessing import Preprocessing
from rga.images.tensors import normalise
from rga.reid.batches import TrainingImages
from rga.reid.datasets.samples import Sample
from rga.reid.transforms import Augmentation, draw_rectangle, erase
from rga.segmentation.datasets.cityscapes import read_generated
from rga.segmentation.datasets.masks import read_mask
from rga.segmentation.datasets.samples import SegmentationData
from rga.segmentation.recipe import SegmentationBatchRecipe
from rga.segmentation.training import TrainingSamples
from rga.segmentation.transforms import training_transform
from rga.synthetic.people.people import PeopleOptions, make_people
from rga.synthetic.streets.streets import StreetOptions, make_streets
from rga.training.input.loader import SampleLoader
from rga.training.input.plan import ShuffledBatches
from rga.training.recipe import LoaderRecipe

CROP = Preprocessing(256, 128)
STREET = Preprocessing(768, 768)
PEOPLE = PeopleOptions(identities=64, images_per_camera=4, distractors=0, junk=0)
STREETS = StreetOptions(train=8, val=0, test=0, height=1024, width=2048)

IN_THIS_PROCESS = LoaderRecipe(num_workers=0)

Side = Callable[[], int]
"""Makes batches; how many images they hold."""


@dataclass(frozen=True)
class Measured:
    """Images a second of one core: the median over the rounds, and the extremes."""

    median: float
    least: float
    most: float


def take_turns(sides: dict[str, Side], rounds: int) -> dict[str, Measured]:
    """Measures sides in turns, after one warm-up of each."""
    speeds: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(rounds + 1):
        for name, side in sides.items():
            start = time.process_time()
            images = side()
            if turn:
                speeds[name].append(images / (time.process_time() - start))
    return {name: Measured(statistics.median(each), min(each), max(each)) for name, each in speeds.items()}


# ---- crops


def plain_crop(path: Path) -> Tensor:
    """The paper's augmentation as one would write it with Pillow."""
    height, width = CROP.size
    with Image.open(path) as file:
        image = file.convert("RGB")
    if random.random() < 0.5:
        larger = image.resize((round(width * 9 / 8), round(height * 9 / 8)), Image.Resampling.BILINEAR)
        left, top = random.randint(0, larger.width - width), random.randint(0, larger.height - height)
        image = larger.crop((left, top, left + width, top + height))
    else:
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    if random.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    tensor: Tensor = TF.normalize(TF.to_tensor(image), list(CROP.mean), list(CROP.std))
    if random.random() < 0.5:
        top, left, rows, columns = draw_rectangle(height, width)
        tensor[:, top : top + rows, left : left + columns] = 0
    return tensor


def torchreid_transform() -> Callable[[Image.Image], Tensor]:
    """The training transform of torchreid's own file, which is imported by itself: its package would need all that it depends on.

    Raises:
        ModuleNotFoundError: torchreid is not installed.
    """
    spec = importlib.util.find_spec("torchreid")
    folders = [] if spec is None else [Path(location) for location in spec.submodule_search_locations or ()]
    files = [
        file for location in folders for file in (location / "reid/data/transforms.py", location / "data/transforms.py") if file.is_file()
    ]
    if not files:
        raise ModuleNotFoundError("torchreid is not installed: pip install --no-deps torchreid, or leave that side out", name="torchreid")
    file_spec = importlib.util.spec_from_file_location("torchreid_transforms", files[0])
    assert file_spec is not None
    assert file_spec.loader is not None
    module = importlib.util.module_from_spec(file_spec)
    file_spec.loader.exec_module(module)
    with contextlib.redirect_stdout(io.StringIO()):
        transform, _ = module.build_transforms(*CROP.size, ["random_flip", "random_crop", "random_erase"])
    made: Callable[[Image.Image], Tensor] = transform
    return made


def torchreid_crop(path: Path, transform: Callable[[Image.Image], Tensor]) -> Tensor:
    """An image as torchreid reads and transforms it."""
    return transform(Image.open(path).convert("RGB"))


def in_batches(paths: Sequence[Path], batch: int, make: Callable[[Path], Any]) -> Side:
    """Makes all images in batches, by torch's rules."""

    def side() -> int:
        for start in range(0, len(paths), batch):
            default_collate([make(path) for path in paths[start : start + batch]])
        return len(paths)

    return side


def our_crops(paths: Sequence[Path], batch: int) -> Side:
    """The pipeline of ``rga train``: its loader without worker processes, and what the training does to a batch."""
    samples = [Sample(path, number, 0) for number, path in enumerate(paths)]
    images = TrainingImages(samples, range(len(samples)), Augmentation(*CROP.size))
    loader = SampleLoader(images, ShuffledBatches(len(paths), batch, 0), IN_THIS_PROCESS, DamagedImageError)
    epochs = iter(range(1_000_000))

    def side() -> int:
        for made in loader.batches(next(epochs)):
            erase(normalise(CROP, made.pixels), made.erased)
        return len(loader) * batch

    return side


# ---- street scenes


def plain_street(path: Path, data: SegmentationData, recipe: SegmentationBatchRecipe) -> tuple[Tensor, Tensor]:
    """The field's augmentation of street scenes, with torchvision on PIL images."""
    sample = next(sample for sample in data.train if sample.image == path)
    assert sample.mask is not None
    with Image.open(path) as file:
        image = file.convert("RGB")
    mask = Image.fromarray(read_mask(sample.mask, data.classes))
    factor = random.uniform(*recipe.scale)
    size = (round(factor * image.width), round(factor * image.height))
    image, mask = image.resize(size, Image.Resampling.BILINEAR), mask.resize(size, Image.Resampling.NEAREST)
    height, width = STREET.size
    right, below = max(0, width - image.width), max(0, height - image.height)
    image, mask = TF.pad(image, [0, 0, right, below]), TF.pad(mask, [0, 0, right, below], 255)
    top, left = random.randint(0, image.height - height), random.randint(0, image.width - width)
    image, mask = TF.crop(image, top, left, height, width), TF.crop(mask, top, left, height, width)
    if random.random() < 0.5:
        image, mask = TF.hflip(image), TF.hflip(mask)
    image = torchvision.transforms.ColorJitter(*3 * [recipe.color_jitter])(image)
    return TF.normalize(TF.to_tensor(image), list(STREET.mean), list(STREET.std)), torch.from_numpy(np.array(mask)).long()


def our_streets(data: SegmentationData, recipe: SegmentationBatchRecipe, batch: int) -> Side:
    """The pipeline of ``rga train seg/cityscapes``, without worker processes."""
    transform = training_transform(STREET, scales=recipe.scale, flip=recipe.random_flip, color_jitter=recipe.color_jitter)
    samples = TrainingSamples(data.train, data.classes, transform)
    loader = SampleLoader(samples, ShuffledBatches(len(data.train), batch, 0), IN_THIS_PROCESS, DamagedImageError)
    epochs = iter(range(1_000_000))

    def side() -> int:
        for made in loader.batches(next(epochs)):
            normalise(STREET, made.images.permute(0, 2, 3, 1))
        return len(loader) * batch

    return side


# ---- decoders


def torchvision_decode(contents: bytes) -> Tensor:
    """By torchvision.io, whose decoders are deprecated since torchvision 0.29."""
    decoded: Tensor = torchvision.io.decode_jpeg(torch.frombuffer(bytearray(contents), dtype=torch.uint8), torchvision.io.ImageReadMode.RGB)
    return decoded


def decoders(contents: Sequence[bytes], repeats: int) -> dict[str, Side]:
    """Decoding alone, from memory."""

    def pillow(each: bytes) -> object:
        with Image.open(io.BytesIO(each)) as file:
            return np.array(file.convert("RGB"))

    known: dict[str, Callable[[bytes], object]] = {"Pillow": pillow}
    if hasattr(torchvision.io, "decode_jpeg"):
        known["torchvision.io"] = torchvision_decode
    fast: ModuleType | None = simplejpeg()
    if fast is not None:
        known["simplejpeg"] = lambda each: fast.decode_jpeg(each, "RGB")

    def side(decode: Callable[[bytes], object]) -> Side:
        def run() -> int:
            for _ in range(repeats):
                for each in contents:
                    decode(each)
            return repeats * len(contents)

        return run

    return {name: side(decode) for name, decode in known.items()}


# ---- report


def table(title: str, measured: dict[str, Measured], reference: str) -> str:
    """The speeds of all sides as Markdown, with how many times that of a reference."""
    lines = [f"\n## {title}\n", f"| | images a second of one core | least - most | times {reference} |", "|---|---|---|---|"]
    for name, each in measured.items():
        times = f"{each.median / measured[reference].median:.2f}"
        lines.append(f"| {name} | {each.median:.0f} | {each.least:.0f} - {each.most:.0f} | {times} |")
    return "\n".join(lines)


def crops(images: Path | None, sides: Sequence[str], batch: int, rounds: int) -> str:
    """Crops of people: the bar is torchreid."""
    with tempfile.TemporaryDirectory() as folder:
        root = images or make_people(Path(folder) / "people", PEOPLE)
        paths = list_images(root)
        paths = paths[: len(paths) // batch * batch]
        known = {"Pillow": lambda: in_batches(paths, batch, plain_crop), "ours": lambda: our_crops(paths, batch)}
        known["torchreid"] = lambda: torchreid_side(paths, batch)
        measured = take_turns({name: known[name]() for name in sides}, rounds)
    reference = "torchreid" if "torchreid" in sides else sides[0]
    return table(f"{len(paths)} images of people as {CROP.height}x{CROP.width}, batches of {batch}", measured, reference)


def torchreid_side(paths: Sequence[Path], batch: int) -> Side:
    """Batches by torchreid's transforms."""
    transform = torchreid_transform()
    return in_batches(paths, batch, lambda path: torchreid_crop(path, transform))


def streets(batch: int, rounds: int) -> str:
    """Crops of street scenes with their masks."""
    recipe = SegmentationBatchRecipe()
    with tempfile.TemporaryDirectory() as folder:
        data = read_generated(make_streets(Path(folder) / "streets", STREETS))
        paths = [sample.image for sample in data.train]
        plain = in_batches(paths, batch, lambda path: plain_street(path, data, recipe))
        measured = take_turns({"Pillow": plain, "ours": our_streets(data, recipe, batch)}, rounds)
    size = f"{STREETS.width}x{STREETS.height}"
    return table(f"{len(paths)} street scenes of {size} as crops of {STREET.width}x{STREET.height}, batches of {batch}", measured, "Pillow")


def all_decoders(rounds: int) -> str:
    """Decoding alone, at both sizes."""
    tables = []
    with tempfile.TemporaryDirectory() as folder:
        small = [path.read_bytes() for path in list_images(make_people(Path(folder) / "people", PEOPLE))]
        large = []
        for sample in read_generated(make_streets(Path(folder) / "streets", STREETS)).train:
            buffer = io.BytesIO()
            Image.fromarray(read_pixels(sample.image).numpy()).save(buffer, "JPEG", quality=90)
            large.append(buffer.getvalue())
    for size, contents, repeats in ((f"{PEOPLE.width}x{PEOPLE.height}", small, 1), (f"{STREETS.width}x{STREETS.height}", large, 1)):
        tables.append(table(f"JPEG of {size}, decoded alone", take_turns(decoders(contents, repeats), rounds), "Pillow"))
    return "\n".join(tables)


def main(arguments: Sequence[str]) -> str:
    """Measures what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "parts", nargs="*", default=["crops", "streets", "decoders"], help="crops, streets, decoders; all of them by default"
    )
    parser.add_argument("--images", type=Path, help="folder of images of people; generated ones by default")
    parser.add_argument("--sides", nargs="+", default=["torchreid", "Pillow", "ours"], help="who takes part in crops")
    parser.add_argument("--batch-size", type=int, default=64, help="images in a batch of crops")
    parser.add_argument("--street-batch", type=int, default=4, help="crops in a batch of street scenes")
    parser.add_argument("--rounds", type=int, default=5, help="rounds in which the sides take turns")
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", message=".*decoding.* capabilities of TorchVision are deprecated", category=DeprecationWarning)
    known = {
        "crops": lambda: crops(chosen.images, chosen.sides, chosen.batch_size, chosen.rounds),
        "streets": lambda: streets(chosen.street_batch, chosen.rounds),
        "decoders": lambda: all_decoders(chosen.rounds),
    }
    unknown = [part for part in chosen.parts if part not in known]
    if unknown:
        raise SystemExit(f"unknown part {unknown[0]}: choose of {', '.join(known)}")
    decoder = "simplejpeg" if simplejpeg() is not None else "Pillow"
    load = f"load {os.getloadavg()[0]:.2f} at the start"
    head = f"torch {torch.__version__}, one thread, {platform.machine()}, {load}; ours decodes by {decoder}"
    return "\n".join([head, *(known[part]() for part in chosen.parts)])


if __name__ == "__main__":
    print(main(sys.argv[1:]))
