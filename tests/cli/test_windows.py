"""Windows, simulated: what it lacks is taken away, and what its workers need is tried.

There are no signals of children, no fork, no locks by ``fcntl``, no hard links on some file systems, and folders cannot be opened. Workers
are new processes, to which everything is sent by pickle.
"""

import ast
import errno
import importlib.util
import os
import pickle
import platform
import shutil
import signal
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch.utils.data import Dataset
from torch.utils.data._utils import signal_handling

from cli.terminal import TINY_REID, rga
from rga.classification.batches import TestImages
from rga.classification.model import Shown
from rga.datasets.layout import relative
from rga.datasets.spec import DataSpec
from rga.loading import load
from rga.reid.model import ImageDataset
from rga.storage import files
from rga.storage.files import flush_folder
from rga.tasks import get_recipe, get_task
from rga.training import memory
from rga.training.input.loader import collate
from rga.training.input.reading import Handing
from rga.training.run import stop

SOURCE = Path(stop.__file__).parents[2]

POSIX_ONLY = frozenset(
    (
        *("SIGCHLD", "SIGHUP", "SIGQUIT", "SIGKILL", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGPIPE", "alarm", "setitimer", "pthread_sigmask"),
        *("fork", "forkpty", "killpg", "getpgid", "setsid", "setpgid", "getuid", "geteuid", "getgid", "uname", "sysconf", "nice", "mkfifo"),
        *(
            "chown",
            "getloadavg",
            "WNOHANG",
            "register_at_fork",
            "posix_fadvise",
            "statvfs",
            "pread",
            "sched_getaffinity",
            "sched_setaffinity",
        ),
    )
)
"""Names of ``os`` and ``signal`` that Windows does not have."""

MODULES = frozenset(("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "posix", "syslog", "crypt"))
"""Modules that it does not have."""


@cache
def trees() -> list[tuple[Path, list[ast.AST]]]:
    """The files of the package, each with its nodes."""
    return [(path, list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))) for path in sorted(SOURCE.rglob("*.py"))]


EMBEDDED = SOURCE / "gallery/store/postgresql"
"""A gallery's own PostgreSQL, which says that it does not run on Windows before it uses anything of this."""


def test_nothing_is_used_that_windows_lacks() -> None:
    found = []
    for path, nodes in trees():
        if EMBEDDED in path.parents:
            continue
        guarded = {
            part for node in nodes if isinstance(node, ast.IfExp) and "hasattr" in ast.unparse(node.test) for part in ast.walk(node.body)
        }
        for node in nodes:
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("os", "signal"):
                if node.attr in POSIX_ONLY and node not in guarded:
                    found.append(f"{path}:{node.lineno} {node.value.id}.{node.attr}")
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                names = {alias.name for alias in node.names} if isinstance(node, ast.Import) else {node.module}
                found += [f"{path}:{node.lineno} {name}" for name in names & MODULES]
    assert not found


def test_text_files_name_their_encoding() -> None:
    """Windows reads and writes text in the code page of the country by default."""
    found = []
    for path, nodes in trees():
        for node in nodes:
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in ("read_text", "write_text", "open")
            ):
                words = {word.arg for word in node.keywords}
                modes = [each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
                of_path = node.func.attr != "open" or (
                    ast.unparse(node.func.value) not in ("Image", "os", "zipfile", "av", "Gallery") and len(node.args) < 2
                )
                binary = node.func.attr == "open" and (any("b" in mode for mode in modes) or not (modes or words))
                if of_path and "encoding" not in words and not binary:
                    found.append(f"{path}:{node.lineno} {ast.unparse(node)}")
    assert not found


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Takes away what Windows lacks."""
    tmp_path_factory.getbasetemp()  # whose first call asks for the user
    monkeypatch.delattr(signal, "SIGCHLD")
    monkeypatch.setattr(stop, "CHILD", None)
    for name in ("fork", "killpg", "getuid", "geteuid", "uname", "sysconf", "sched_getaffinity"):
        monkeypatch.delattr(os, name, raising=False)
    monkeypatch.setattr(signal_handling, "IS_WINDOWS", True)
    monkeypatch.setattr(files, "WINDOWS", True)
    monkeypatch.setattr(sys, "platform", "win32")

    def no_links(*_: object) -> None:
        raise OSError(errno.EINVAL, "no hard links here")

    real = os.open

    def no_folders(path: Any, flags: int, *more: Any, **words: Any) -> int:
        if not isinstance(path, int) and Path(path).is_dir():
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path, flags, *more, **words)

    monkeypatch.setattr(shutil, "_use_fd_functions", False)  # removes folders without opening them, as there
    monkeypatch.setattr(os, "link", no_links)
    monkeypatch.setattr(os, "open", no_folders)


def test_the_commands_of_a_whole_training(windows: None, people: Path, tmp_path: Path) -> None:
    words = ("train", "reid/generated", "--data", f"market1501:{people}", "-o", "run", *TINY_REID, "--checkpoint-every", 1)
    done = rga(*words, "--max-steps", 2, cwd=tmp_path)
    assert done.code == 0, done.said
    assert (tmp_path / "run" / "previous.pt").is_file()
    done = rga("resume", "run", "--set", "max_steps=3", cwd=tmp_path)
    assert done.code == 0, done.said
    done = rga("embed", "run", people / "query", "-o", "features.npz", "--num-workers", 0, cwd=tmp_path)
    assert done.code == 0, done.said
    with np.load(tmp_path / "features.npz") as found:
        assert len(found["paths"]) == len(found["features"]) > 0
        assert not any("\\" in path for path in found["paths"])
    done = rga("evaluate", "run", "--num-workers", 0, cwd=tmp_path)
    assert done.code == 0, done.said


def test_features_with_workers(windows: None, reid_run: Path, people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers are there by default; their end is told to nobody."""
    monkeypatch.undo()
    monkeypatch.setattr(stop, "CHILD", None)
    monkeypatch.setattr(signal_handling, "IS_WINDOWS", True)
    done = rga("embed", reid_run, people / "query", "-o", tmp_path / "features.npz", "--num-workers", 1)
    assert done.code == 0, done.said


def test_signals_without_that_of_children(windows: None) -> None:
    """The module as it is when Windows imports it."""
    spec = importlib.util.spec_from_file_location("stop_on_windows", stop.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    before = signal.getsignal(signal.SIGTERM)
    with module.StopSignals() as signals, signals.answered_at_once():
        assert signal.getsignal(signal.SIGTERM) == signals.note
    assert signal.getsignal(signal.SIGTERM) is before
    assert list(module.start_workers([1, 2])) == [1, 2]


def test_folders_are_not_flushed_and_memory_is_left_alone(windows: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flush_folder(tmp_path)

    def unreadable() -> tuple[str, str]:
        raise OSError(errno.EINVAL, "Invalid argument: python.exe")  # of the Microsoft Store

    monkeypatch.setattr(platform, "libc_ver", unreadable)
    assert not memory.keep_freed_memory()


def test_paths_of_another_drive(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> str:
        raise ValueError("path is on mount 'D:', start on mount 'C:'")

    monkeypatch.setattr(os.path, "relpath", refuse)
    assert relative(Path("/photos/a.png"), Path("/data")) == "/photos/a.png"


def test_folders_with_a_drive_in_a_dataset() -> None:
    spec = DataSpec.parse(r"folder:C:\photos\mine?test_fraction=0.3")
    assert str(spec.root) == r"C:\photos\mine"
    assert DataSpec.parse(str(spec)) == spec


def sent(samples: Dataset[Any]) -> Any:
    """What a worker gets, after its journey."""
    return pickle.loads(pickle.dumps((samples, collate)))[0]


@pytest.mark.slow
def test_what_workers_need_can_be_sent_to_them(
    people: Path, streets: Path, digit_images: Path, reid_run: Path, digits_run: Path, tmp_path: Path
) -> None:
    recipes = {
        "reid/generated": {"data": f"market1501:{people}", "ids_per_batch": 2, "image_size": (64, 32), "backbone": "test_resnet"},
        "seg/generated": {"data": f"streets:{streets}", "crop_size": (48, 64), "batch_size": 2, "backbone": "resnet10t"},
        "cls/digits": {"batch_size": 2, "image_size": 8, "attention": "none"},
    }
    for name, values in recipes.items():
        data = values.pop("data", None)
        recipe = get_recipe(name).override(**values, num_workers=0)
        recipe = recipe.override(data=DataSpec.parse(str(data))) if data else recipe
        task = get_task(recipe.task)
        training = task.build(recipe, task.read(recipe))
        batch = next(iter(training.loader.share))
        sample, _, failure = sent(training.loader.loader.dataset)[batch[0]]
        assert sample is not None, failure
    images = sorted(digit_images.iterdir())
    for samples in (ImageDataset(images, load(reid_run).preprocessing), Shown(images, load(digits_run).preprocessing, 1.0)):
        assert sent(Handing(samples))[0][1] is None
    split = get_task("classification").read(get_recipe("cls/digits")).test
    assert sent(Handing(TestImages(split, Shown(images, load(digits_run).preprocessing, 1.0).transform)))[0][1] is None
