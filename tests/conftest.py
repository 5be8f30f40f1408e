"""What all tests share."""

import importlib.util
import json
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from fork_server import fork_server, join_and_work, process
from hypothesis import HealthCheck, settings
from PIL import Image

torch.set_num_threads(1)  # many small tests, in as many processes as there are cores: more threads would wait for one another
os.environ["OMP_NUM_THREADS"] = "1"  # likewise in the programs that they start: a notebook took 40 times its time

# The first call of PyTorch in a process takes seconds, and other work on the machine any time: neither is a failure.
settings.register_profile("rga", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("rga")

ROOT = Path(__file__).resolve().parents[1]


InProcesses = Callable[[int, Callable[[], Any]], list[Any]]


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def nothing_raised_when_children_die() -> None:
    """Takes back the handler that torch's loader sets once in a process: it raises wherever the main thread is, between two tests, too."""
    if hasattr(signal, "SIGCHLD"):
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips what needs a PostgreSQL of its own where none can run: on Windows, and where another user may not enter root's folders."""
    needing = [
        item for item in items if (ROOT / "tests/gallery") in item.path.parents or item.name.endswith(("[rga demo gallery]", "gallery.md]"))
    ]
    reason = why_no_postgresql() if needing else ""
    for item in needing if reason else ():
        item.add_marker(pytest.mark.skip(reason=reason))


def why_no_postgresql() -> str:
    """Why no PostgreSQL can run here; empty where one can."""
    from rga.gallery.store.errors import StoreError  # noqa: PLC0415  an optional part
    from rga.gallery.store.postgresql.programs import account, check_reachable, program  # noqa: PLC0415

    try:
        check_reachable(program("postgres"), account(), "PostgreSQL")
    except StoreError as error:
        return str(error)
    return ""


@pytest.fixture(scope="session")
def project() -> Path:
    """The project's root folder."""
    return ROOT


@pytest.fixture
def script(project: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """A script of ``benchmarks/`` by its name, imported anew."""

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"benchmarks_{name}", project / "benchmarks" / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, module)  # dataclasses look their module up
        spec.loader.exec_module(module)
        return module

    return load


WriteImage = Callable[[Path], Path]


@pytest.fixture
def write_image() -> WriteImage:
    """Writes an image, 6 pixels high and 8 wide, with the folders above it; each call makes another one."""
    generator = np.random.default_rng(0)

    def write(path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 256, (6, 8, 3), dtype=np.uint8)).save(path)
        return path

    return write


Precisions = Callable[[Any, Any], set[tuple[torch.dtype, bool]]]


@pytest.fixture
def precisions() -> Precisions:
    """Of every cross-entropy of a task's losses, in a bfloat16 training: the type of the scores, and whether autocast is on."""
    seen: set[tuple[torch.dtype, bool]] = set()

    class Watch(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            if func is torch.nn.functional.cross_entropy:
                seen.add((args[0].dtype, torch.is_autocast_enabled("cpu")))
            return func(*args, **(kwargs or {}))

    def watch(task: Any, batch: Any) -> set[tuple[torch.dtype, bool]]:
        with torch.autocast("cpu", dtype=torch.bfloat16), Watch():
            task.losses(batch, torch.device("cpu"))
        return seen

    return watch


@pytest.fixture
def in_processes(tmp_path: Path) -> InProcesses:
    """Calls a function in several processes at once; what it returns in each (values that can be pickled), in their order."""

    def call(count: int, function: Callable[[], Any]) -> list[Any]:
        answers = fork_server().SimpleQueue()
        store = str(tmp_path / "store")
        work = partial(join_and_work, function)
        processes = [process(work, rank, count, store, answers) for rank in range(count)]
        for each in processes:
            each.start()
        found = sorted((answers.get() for _ in processes), key=lambda answer: answer[0])
        for each in processes:
            each.join()
        for _, _, error in found:
            assert error is None, error
        return [value for _, value, _ in found]

    return call


@pytest.fixture(scope="session")
def reference(project: Path) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Real features and labels in the order of ``evaluate``, and what torchreid and the paper's reference code say of them."""
    folder = Path(os.environ.get("RGA_SHARED_DATA", project.parent / "shared" / "data")) / "reid-evaluator-reference"
    if not folder.exists():
        pytest.skip("the reference features are not here: RGA_SHARED_DATA names the folder that they lie in")
    with np.load(folder / "osnet_x0_25_msmt17_on_cuhk03pair1.npz") as stored:
        case = tuple(stored[f"{side}_{what}"] for side in ("query", "gallery") for what in ("feat", "pid", "cam"))
    return case, json.loads((folder / "expected.json").read_text())
