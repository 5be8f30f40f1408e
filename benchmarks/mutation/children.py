"""Processes that run tests on a copy of the source, forked from one that has imported PyTorch but not the package."""

from __future__ import annotations

import importlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings

ROOT = Path(__file__).resolve().parents[2]
"""The project."""
PRELOADED: tuple[str, ...] = ("torch", "torchvision.transforms.v2", "timm", "tyro", "rich.console", "rich.progress", "pydantic")
PRELOADED += (
    "scipy.io",
    "h5py",
    "matplotlib.figure",
    "sklearn.datasets",
    "safetensors.torch",
    "huggingface_hub",
    "PIL.Image",
    "jinja2",
    "filelock",
)
"""What children need not import again."""
OPTIONS = ("-q", "-p", "no:cacheprovider", "-p", "_hypothesis_pytestplugin", "--hypothesis-profile", "mutants")


settings.register_profile("mutants", deadline=None, database=None, derandomize=True, phases=[Phase.explicit, Phase.generate])


class Workshop:
    """A copy of the source, and children that run tests on it, one after the other.

    Args:
        folder: a new one, for the copy and for what tests write.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.source = folder / "src"
        shutil.copytree(ROOT / "src", self.source, ignore=shutil.ignore_patterns("*.pyc"))
        self.answer = folder / "answer"
        """Where a child writes what it found."""
        for name in PRELOADED:
            with suppress(ImportError):  # an extra that is not installed
                importlib.import_module(name)
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # the search for plugins takes longer than most tests
        (folder / "empty").mkdir()
        pytest.main([*OPTIONS[:-2], "-c", os.devnull, "--rootdir", str(folder), str(folder / "empty")])  # imports what pytest needs

    def run(self, work: Callable[[], int], limit: float) -> int | None:
        """Does some work in a child.

        Args:
            work: returns the exit code.
            limit: seconds; a child that takes longer is killed with its own children.

        Returns:
            The exit code; None for a child that hung or died.
        """
        self.answer.unlink(missing_ok=True)
        child = os.fork()
        if child == 0:
            code = 70
            try:
                os.setsid()
                self.enter()
                code = work()
            finally:
                os._exit(code)
        end = time.monotonic() + limit
        found = status = 0
        while not found and time.monotonic() < end:
            found, status = os.waitpid(child, os.WNOHANG)
            time.sleep(0 if found else 0.02)
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # also what the tests left running
        if not found:
            os.waitpid(child, 0)
        shutil.rmtree(self.folder / "temporary", ignore_errors=True)
        return os.waitstatus_to_exitcode(status) if found and os.WIFEXITED(status) else None

    def enter(self) -> None:
        """Prepares a child: quiet, in the project's folder, with the copy first on its path."""
        output = os.open(self.folder / "output.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for stream, target in enumerate((os.open(os.devnull, os.O_RDONLY), output, output)):
            os.dup2(target, stream)
        os.chdir(ROOT)
        sys.dont_write_bytecode = True
        os.environ.update(PYTHONPATH=str(self.source), PYTHONDONTWRITEBYTECODE="1", OMP_NUM_THREADS="1", COLUMNS="120")
        sys.path.insert(0, str(self.source))

    def test(self, arguments: Sequence[str], plugin: Any) -> int:
        """Runs pytest, in a child; its exit code."""
        return int(pytest.main([*OPTIONS, "--basetemp", str(self.folder / "temporary"), *arguments], plugins=[plugin]))
