"""Generated data of studies and demos: made once, and taken again where they are there already."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeRemainingColumn

from rga.datasets.spec import DataSpec
from rga.errors import ExistingFileError
from rga.synthetic.generated import Generator
from rga.terminal import text_column


@dataclass(frozen=True)
class GeneratedData:
    """A dataset that is generated from a seed.

    Attributes:
        name: of its folder.
        what: it shows, for messages: people, streets.
        reader: of the dataset.
        generator: makes it.
        options: of the generator.
        fingerprints: groups of those of the same images made on different CPUs, as far as they are known. numpy rounds powers, sines and
            exponentials otherwise where a CPU has AVX-512, so that a few pixels differ.
    """

    name: str
    what: str
    reader: str
    generator: Generator[Any]
    options: Any
    fingerprints: tuple[tuple[str, ...], ...] = ()

    def same(self, fingerprint: str) -> str:
        """The first fingerprint of the group that this is one of, and itself where there is none."""
        return next((group[0] for group in self.fingerprints if fingerprint in group), fingerprint)

    def is_there(self, root: Path) -> bool:
        """Whether a folder holds it, made by this version of the generator from these options."""
        return self.generator.made(root, self.options)

    def provide(self, root: Path, console: Console) -> DataSpec:
        """Generates the data, or takes those that are there.

        Args:
            root: the folder of the dataset.
            console: to print on.

        Raises:
            ExistingFileError: the folder holds something else.
        """
        if self.is_there(root):
            return DataSpec(self.reader, root)
        if root.exists() and any(root.iterdir()):
            raise ExistingFileError(
                f"{root} does not hold the {self.what} that are needed: move it away, or name another folder with --output"
            )
        generate(self, root, console)
        return DataSpec(self.reader, root)


def generate(data: GeneratedData, root: Path, console: Console) -> None:
    """Generates a dataset, with a bar that shows how far it is."""
    with Progress(text_column(), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), console=console) as progress:
        bar = progress.add_task(data.what, total=None)
        data.generator.make(root, data.options, lambda done, total: progress.update(bar, completed=done, total=total))
