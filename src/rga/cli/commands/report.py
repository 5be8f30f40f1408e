"""``rga report RUN [RUN ...]``: one page about a run, or about several side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from rga.cli.progress import progress
from rga.datasets.spec import DataSpec
from rga.run_reports import report as write
from rga.terminal import PlainConsole


def report(
    runs: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN")],
    *,
    data: DataSpec | None = None,
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("report.html"),
    figures: Path | None = None,
    overwrite: bool = False,
    batch_size: int = 128,
    num_workers: int = 2,
    device: str = "auto",
) -> None:
    """Write one page about a run, or about several of one task side by side.

    The page loads nothing: figures with their rules, curves, rank lists or masks or confusions, gates, configuration, and the commands that
    repeat it. For re-identification NAME-map.html beside it shows images of some people by their features. Of several
    runs the last one stands out; the first is what it is compared with.

    Args:
        runs: Folders of runs.
        data: The dataset to measure on, as NAME:FOLDER?option=value; by default that of each training.
        output: The file to write.
        figures: A folder for the figures as PNG and JPEG files, too.
        overwrite: Replace the file if it is there already.
        batch_size: Images at a time.
        num_workers: Processes that read images.
        device: Where to compute: auto, cpu, cuda, cuda:1, mps.
    """
    with progress("evaluating") as bar:
        path = write(
            runs,
            data,
            output=output,
            figures=figures,
            overwrite=overwrite,
            batch_size=batch_size,
            num_workers=num_workers,
            device=device,
            progress=bar,
        )
    PlainConsole().sentence(f"written to {path}")
