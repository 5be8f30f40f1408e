"""The command line in the test's own process: a new one would import PyTorch each time."""

import contextlib
import io
from dataclasses import dataclass
from pathlib import Path

from rga.cli.main import main

TINY_REID = (
    *("--backbone", "test_resnet", "--image-size", "64", "32", "--ids-per-batch", "2", "--images-per-id", "2"),
    *("--num-workers", "0", "--threads", "1", "--eval-batch-size", "16", "--log-every", "1", "--lr", "1e-3"),
)
"""Flags of a training that takes a second: three steps an epoch on the six people of ``people``."""


@dataclass(frozen=True)
class Done:
    """What a command came to.

    Attributes:
        code: exit code.
        out: what it printed to standard output.
        err: what it printed to standard error.
    """

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """All that it printed, in one line, without the frames of boxes."""
        return " ".join((self.out + self.err).replace("\u2502", " ").split())


def rga(*words: object, cwd: Path | None = None) -> Done:
    """Runs ``rga WORDS`` in a folder."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(cwd or Path()), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main([str(word) for word in words])
        except SystemExit as stop:  # tyro's, after help or a mistaken flag
            code = stop.code if isinstance(stop.code, int) else 1
    return Done(code, out.getvalue(), err.getvalue())


def contents(folder: Path) -> dict[str, bytes]:
    """The files in a folder, without those that only mark who is at work there."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".lock")
    }
