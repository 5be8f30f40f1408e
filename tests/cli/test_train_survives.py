"""What a training survives: processes that are killed, files that are gone or damaged, a disk that is full; each provoked."""

import errno
import multiprocessing
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from rga.datasets.spec import DataSpec
from rga.images.images import DamagedImageError
from rga.recipes import to_json
from rga.reid.model import ReidModel
from rga.reid.recipe import ReidRecipe
from rga.reid.recipes import generated
from rga.reid.task import TASK
from rga.reid.training import ReidTraining
from rga.runs import resume, train
from rga.training.input.reading import WorkerDiedError
from rga.training.run.checkpoint import LAST, read_checkpoint
from rga.training.run.log import read_log


@pytest.fixture
def mine(people: Path, tmp_path: Path) -> Path:
    """The same people, to be damaged."""
    for path in people.rglob("*"):
        if path.is_file():
            copy = tmp_path / "people" / path.relative_to(people)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    return tmp_path / "people"


TINY: dict[str, Any] = {
    "backbone": "test_resnet",
    "image_size": (64, 32),
    "ids_per_batch": 2,
    "images_per_id": 2,
    "epochs": 5,
    "num_workers": 0,
    "color_jitter": 0.2,
    "threads": 1,
    "evaluate_every": 2,
    "checkpoint_every": 4,
    "log_every": 1,
    "eval_batch_size": 16,
}


def tiny(root: Path, **changes: Any) -> ReidRecipe:
    """Three steps an epoch, five epochs; a checkpoint at every fourth step."""
    return generated().override(data=DataSpec("market1501", root), **{**TINY, **changes})


def start(recipe: ReidRecipe, out: Path) -> subprocess.Popen[str]:
    """Starts a training as a user does, in a process of its own."""
    file = out.with_suffix(".json")
    file.write_text(to_json(recipe))
    words = [sys.executable, "-m", "rga", "train", str(file), "-o", str(out)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def has_ended(process: subprocess.Popen[str]) -> Callable[[], bool]:
    """Gives a process two milliseconds, and tells whether it ended."""

    def ended() -> bool:
        try:
            process.wait(0.002)
        except subprocess.TimeoutExpired:
            return False
        return True

    return ended


def wait_for_steps(ended: Callable[[], bool], out: Path, steps: int) -> None:
    """Until a training has logged so many steps."""
    log = out / "log.jsonl"
    while not log.exists() or log.read_text().count('"kind": "step"') < steps:
        assert not ended()


def curve(out: Path) -> list[dict[str, float]]:
    """The loss of every step."""
    return [{name: value for name, value in event.items() if name != "time"} for event in read_log(out, "step")]


@pytest.fixture(scope="module")
def whole(people: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run without interruption."""
    out = tmp_path_factory.mktemp("whole") / "run"
    outcome = train(tiny(people), output=out)
    assert (outcome.step, outcome.skipped) == (15, 0)
    assert len(curve(out)) == 15
    return out


def assert_same(out: Path, whole: Path) -> None:
    assert curve(out) == curve(whole)
    ours, theirs = ([{**event, "time": 0} for event in read_log(run, "evaluate")] for run in (out, whole))
    assert ours == theirs
    assert (out / "last" / "model.safetensors").read_bytes() == (whole / "last" / "model.safetensors").read_bytes()


@pytest.mark.parametrize(("num_workers", "steps"), [(0, 2), *(pytest.param(*each, marks=pytest.mark.slow) for each in ((1, 6), (2, 11)))])
def test_killed_at_any_step_with_any_workers_it_goes_on_as_if_nothing_had_happened(
    people: Path, whole: Path, tmp_path: Path, num_workers: int, steps: int
) -> None:
    recipe, out = tiny(people, num_workers=num_workers), tmp_path / "run"
    process = start(recipe, out)  # not a fork of this one, in which other tests may have started autograd's threads
    wait_for_steps(has_ended(process), out, steps)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    before = len(curve(out))
    assert steps <= before < 15
    assert (out / LAST).exists() or before <= 4
    outcome = resume(out) if (out / LAST).exists() else train(recipe, output=out)  # killed before the first checkpoint it begins anew
    assert outcome.step == 15
    assert_same(out, whole)
    assert not list(out.glob(".*.tmp"))


@pytest.mark.slow
def test_sigterm_leaves_a_checkpoint_and_a_folder_has_one_training_at_a_time(people: Path, whole: Path, tmp_path: Path) -> None:
    recipe, out = tiny(people), tmp_path / "run"
    process = start(recipe, out)
    wait_for_steps(has_ended(process), out, 2)
    with pytest.raises(ValueError, match=f"is being trained in by process {process.pid}"):
        resume(out)
    process.terminate()
    printed, _ = process.communicate()
    assert process.returncode == 143, printed
    assert "continue with rga resume" in printed.replace("\n", " ")
    assert len(curve(out)) < 15
    assert resume(out).step == 15
    assert_same(out, whole)


def built(recipe: ReidRecipe) -> ReidTraining:
    return TASK.build(recipe, TASK.read(recipe))  # type: ignore[return-value]  # a task of any kind builds any training


def drawn_in_epoch_3(recipe: ReidRecipe) -> Path:
    """An image of the second batch of the third epoch."""
    task = built(recipe)
    return task.data.train[list(task.loader.plan.batches(2))[1][1]].path


@pytest.fixture
def after_epoch_2(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Has something done once, after the second epoch of a training in this process."""

    def arrange(happen: Callable[[], object]) -> None:
        evaluate, evaluations = ReidTraining.evaluate, count(1)  # they come after epochs 1, 2, 4 and 5

        def evaluate_and_more(task: ReidTraining) -> dict[str, float]:
            figures = evaluate(task)
            if next(evaluations) == 2:
                happen()
            return figures

        monkeypatch.setattr(ReidTraining, "evaluate", evaluate_and_more)

    return arrange


@pytest.fixture
def runs(mine: Path, whole: Path, tmp_path: Path) -> tuple[Path, Path, Path]:
    """The people to be damaged, the run without interruption, and a folder for another."""
    return mine, whole, tmp_path / "run"


Arrange = Callable[[Callable[[], object]], None]


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:300])


@pytest.mark.slow
@pytest.mark.parametrize(("spoil", "error", "num_workers"), [(Path.unlink, FileNotFoundError, 1), (truncate, DamagedImageError, 0)])
def test_an_image_that_is_gone_or_damaged_in_epoch_3_is_named_and_fixed_it_goes_on(
    runs: tuple[Path, Path, Path], after_epoch_2: Arrange, spoil: Callable[[Path], None], error: type[Exception], num_workers: int
) -> None:
    mine, whole, out = runs
    recipe = tiny(mine, num_workers=num_workers)
    victim = drawn_in_epoch_3(recipe)
    contents = victim.read_bytes()
    after_epoch_2(lambda: spoil(victim))
    with pytest.raises(error, match=victim.name) as caught:
        train(recipe, output=out)
    assert "Traceback" not in str(caught.value)
    assert len(curve(out)) == 7  # the first batch of the epoch was trained on, and is not lost
    victim.write_bytes(contents)
    assert resume(out).step == 15
    assert_same(out, whole)


def test_a_damaged_image_is_skipped_and_counted_where_that_is_wanted(
    mine: Path, whole: Path, tmp_path: Path, after_epoch_2: Arrange
) -> None:
    recipe, out = tiny(mine, skip_damaged=True), tmp_path / "run"
    victim = drawn_in_epoch_3(recipe)
    after_epoch_2(lambda: truncate(victim))
    outcome = train(recipe, output=out)
    assert outcome.step == 15
    assert outcome.skipped >= 1
    (event,) = read_log(out, "skipped")
    assert victim.name in event["message"]
    assert event["step"] == 7
    assert curve(out)[:7] == curve(whole)[:7]
    assert curve(out)[7] != curve(whole)[7]


@pytest.mark.slow
def test_a_worker_that_dies_loses_nothing(people: Path, whole: Path, tmp_path: Path, after_epoch_2: Arrange) -> None:
    recipe, out = tiny(people, num_workers=1), tmp_path / "run"

    def kill_workers() -> None:
        for worker in multiprocessing.active_children():
            worker.kill()

    after_epoch_2(kill_workers)
    with pytest.raises(WorkerDiedError, match="a process that reads samples died"):
        train(recipe, output=out)
    assert len(curve(out)) == 6
    assert resume(out).step == 15
    assert_same(out, whole)


@pytest.mark.slow
def test_a_disk_that_is_full_leaves_the_last_checkpoint(people: Path, whole: Path, tmp_path: Path, after_epoch_2: Arrange) -> None:
    recipe, out = tiny(people), tmp_path / "run"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    after_epoch_2(lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard)))
    try:
        with pytest.raises(OSError, match=r"File too large"):
            train(recipe, output=out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert read_checkpoint(out / LAST, torch.device("cpu")).step == 4
    assert not list(out.glob(".*.tmp"))
    assert resume(out).step == 15
    assert_same(out, whole)


@pytest.mark.slow
def test_other_data_are_said_and_another_model_is_refused(mine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe, out = tiny(mine, max_steps=3), tmp_path / "run"
    train(recipe, output=out)
    before = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
    with pytest.raises(ValueError, match=r"the run in .* has attention rga-sc, and attention none would make it another training"):
        resume(out, changes={"attention": "none"})
    assert {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()} == before
    image = drawn_in_epoch_3(recipe)
    image.write_bytes(image.read_bytes() + b" ")
    for steps in (6, 8):  # said every time
        resume(out, changes={"max_steps": steps})
        assert "the data are not those that the run began with" in capsys.readouterr().out.replace("\n", " ")


def full_disk(_path: Path) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.slow
def test_a_damaged_checkpoint_is_refused_and_the_one_before_goes_on_the_same_way(people: Path, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    train(tiny(people, max_steps=14), output=out)
    truncate(out / LAST)
    with pytest.raises(ValueError, match=r"last\.pt cannot be read.*previous\.pt is whole .*--from previous"):
        resume(out)
    crashed = tmp_path / "crashed"
    shutil.copytree(out, crashed)
    longer = {"max_steps": 0}
    assert resume(out, previous=True, changes=longer).step == 15
    assert_same(out, whole)
    with pytest.MonkeyPatch.context() as patch:  # the first save goes wrong: the only good state must not be lost
        patch.setattr("rga.training.run.checkpoint.flush", full_disk)
        with pytest.raises(OSError, match="No space left"):
            resume(crashed, previous=True, changes=longer)
    assert resume(crashed, changes=longer).step == 15
    assert_same(crashed, whole)


@pytest.mark.slow
def test_switches_of_memory_and_speed_train_the_same_network(
    people: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[nn.Module] = []
    monkeypatch.setattr(nn.Module, "compile", lambda model: compiled.append(model))  # noqa: PLW0108  # to be bound
    train(tiny(people, max_steps=4, activation_checkpointing=True), output=tmp_path / "again")
    assert not compiled
    assert curve(tmp_path / "again") == curve(whole)[:4]
    train(tiny(people, max_steps=1, compile=True), output=tmp_path / "compiled")
    assert [type(model) for model in compiled] == [ReidModel]


def test_a_training_on_a_cpu_keeps_freed_memory(people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[bool] = []
    monkeypatch.setattr("rga.runs.keep_freed_memory", lambda: kept.append(True))
    train(tiny(people, max_steps=1), output=tmp_path / "run")
    assert kept == [True]
