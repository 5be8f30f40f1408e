"""Checkpoints: what is refused and by which name, what is offered instead, and that nothing in them is executed."""

import errno
import importlib
import os
import pickle
import resource
import signal
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from fork_server import process
from torch import nn

from rga.storage.digest import digest
from rga.training.run.checkpoint import LAST, PREVIOUS, Checkpoint, load_checkpoint, save_checkpoint, snapshot

CPU = torch.device("cpu")


@pytest.fixture
def checkpoint() -> Checkpoint:
    """Of a small model, after one step of Adam."""
    model = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8))
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.rand(4, 8)).sum().backward()
    optimizer.step()
    return Checkpoint(
        epoch=3,
        batch=2,
        step=17,
        sums={"loss": 0.1},
        best={},
        metrics={},
        model=model.state_dict(),
        ema={},
        optimizer=optimizer.state_dict(),
        scaler={},
        random={"torch": torch.get_rng_state()},
        skipped={},
        log=100,
        steps_per_epoch=5,
    )


def test_what_is_written_is_read(tmp_path: Path, checkpoint: Checkpoint) -> None:
    save_checkpoint(tmp_path, checkpoint)
    read = load_checkpoint(tmp_path / LAST, CPU)
    assert digest(vars(read)) == digest(vars(checkpoint))
    assert (read.epoch, read.batch, read.step, read.sums, read.log) == (3, 2, 17, {"loss": 0.1}, 100)
    assert [path.name for path in tmp_path.iterdir()] == [LAST]


def test_the_one_before_is_kept(tmp_path: Path, checkpoint: Checkpoint) -> None:
    for step in (1, 2, 3):
        save_checkpoint(tmp_path, replace(checkpoint, step=step))
    assert load_checkpoint(tmp_path / LAST, CPU).step == 3
    assert load_checkpoint(tmp_path / PREVIOUS, CPU).step == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == [LAST, PREVIOUS]


def test_the_one_before_is_kept_where_there_are_no_hard_links(
    tmp_path: Path, checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "no hard links here")

    monkeypatch.setattr(os, "link", refuse)
    for step in (1, 2, 3):
        save_checkpoint(tmp_path, replace(checkpoint, step=step))
    assert load_checkpoint(tmp_path / PREVIOUS, CPU).step == 2


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip_a_weight(path: Path) -> None:
    """Changes one weight, and leaves a file that is whole in every other respect."""
    state = torch.load(path, weights_only=True)
    state["model"]["0.weight"][3, 3] += 1e-6
    torch.save(state, path)


def change_the_step(path: Path) -> None:
    state = torch.load(path, weights_only=True)
    torch.save({**state, "step": 18}, path)


def flip_a_bit(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        largest = max(archive.infolist(), key=lambda info: info.file_size)
    contents = bytearray(path.read_bytes())
    contents[largest.header_offset + 200] ^= 1
    path.write_bytes(contents)


@pytest.mark.parametrize("damage", [truncate, flip_a_weight, change_the_step, flip_a_bit, lambda path: path.write_bytes(b"")])
def test_a_damaged_one_is_refused_by_name_and_the_one_before_is_offered(tmp_path: Path, checkpoint: Checkpoint, damage: object) -> None:
    save_checkpoint(tmp_path, replace(checkpoint, step=16))
    save_checkpoint(tmp_path, checkpoint)
    assert callable(damage)
    damage(tmp_path / LAST)
    with pytest.raises(ValueError, match=r"last\.pt (cannot be read|is not what was written)") as caught:
        load_checkpoint(tmp_path / LAST, CPU)
    assert f"{tmp_path / PREVIOUS} is whole (epoch 4, step 16): continue from it with rga resume --from previous" in str(caught.value)
    assert load_checkpoint(tmp_path / PREVIOUS, CPU).step == 16
    damage(tmp_path / PREVIOUS)
    with pytest.raises(ValueError, match=r"previous\.pt cannot be used either"):
        load_checkpoint(tmp_path / LAST, CPU)
    with pytest.raises(ValueError, match=r"previous\.pt (cannot be read|is not what was written)[^;]*$"):
        load_checkpoint(tmp_path / PREVIOUS, CPU)


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES, errno.ESTALE])
def test_a_disk_that_fails_in_reading_is_no_damage_and_nothing_earlier_is_offered(
    tmp_path: Path, checkpoint: Checkpoint, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        save_checkpoint(tmp_path, checkpoint)

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(torch, "load", fail)
    with pytest.raises(OSError, match=r"last\.pt") as caught:
        load_checkpoint(tmp_path / LAST, CPU)
    assert caught.value.errno == number
    assert "previous" not in str(caught.value)


def test_none_and_foreign_ones_are_named(tmp_path: Path, checkpoint: Checkpoint) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no checkpoint at .*last\.pt"):
        load_checkpoint(tmp_path / LAST, CPU)
    torch.save({"other": 1}, tmp_path / LAST)
    with pytest.raises(ValueError, match=r"last\.pt is not a checkpoint of a training"):
        load_checkpoint(tmp_path / LAST, CPU)
    torch.save({"format": 4, "digest": "0"}, tmp_path / LAST)
    message = r"last\.pt is a checkpoint of format 4, written by rga an earlier version; .* start a new run with another --output"
    with pytest.raises(ValueError, match=message):
        load_checkpoint(tmp_path / LAST, CPU)
    save_checkpoint(tmp_path, checkpoint)
    (tmp_path / LAST).rename(tmp_path / PREVIOUS)
    with pytest.raises(FileNotFoundError, match="continue from it with rga resume --from previous"):
        load_checkpoint(tmp_path / LAST, CPU)


class Evil:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("executed",)


@pytest.mark.parametrize("kind", ["torch", "pickle"])
def test_nothing_in_a_checkpoint_is_executed(tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    state = {"format": 3, "model": Evil()}
    if kind == "torch":
        torch.save(state, tmp_path / LAST)
    else:
        (tmp_path / LAST).write_bytes(pickle.dumps(state))
    with pytest.raises(ValueError, match="cannot be read"):
        load_checkpoint(tmp_path / LAST, CPU)
    assert "executed" not in capsys.readouterr().out


@pytest.mark.parametrize("room", [0, 1_000, 3_000])
def test_a_disk_that_is_full_leaves_the_old_ones(tmp_path: Path, checkpoint: Checkpoint, room: int) -> None:
    save_checkpoint(tmp_path, replace(checkpoint, step=1))
    save_checkpoint(tmp_path, replace(checkpoint, step=2))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
        with pytest.raises(OSError, match=r"state of step 17 could not be written .*File too large.*earlier step is whole in .*last\.pt"):
            save_checkpoint(tmp_path, checkpoint)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert load_checkpoint(tmp_path / LAST, CPU).step == 2
    assert load_checkpoint(tmp_path / PREVIOUS, CPU).step == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [LAST, PREVIOUS]


def test_a_copy_stays_as_it_is_while_the_training_goes_on(checkpoint: Checkpoint) -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.rand(4, 3, 5, 5)).sum().backward()
    optimizer.step()
    live = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "sums": {"loss": 1.0}, "pair": (1, [2])}
    copied, before = snapshot(live), digest(live)
    model(torch.rand(4, 3, 5, 5)).sum().backward()
    optimizer.step()
    live["sums"]["loss"] += 1  # type: ignore[index]
    assert digest(live) != before
    assert digest(copied) == before
    assert copied["model"]._metadata == model.state_dict()._metadata  # type: ignore[attr-defined]
    assert copied["model"]["0.weight"].is_contiguous(memory_format=torch.channels_last)


def test_digests_tell_values_types_names_and_order_apart() -> None:
    values: list[dict[str, Any]] = [
        {},
        {"a": 1},
        {"a": 1.0},
        {"a": "1"},
        {"b": 1},
        {"a": [1]},
        {"a": [[1]]},
        {"a": torch.tensor(1)},
        {"a": torch.tensor([1])},
        {"a": torch.tensor([1.0])},
        {"a": torch.tensor([1.0], dtype=torch.bfloat16)},
        {"a": torch.tensor([1.0, 0.0])},
        {"a": torch.zeros(0)},
        {"a": 1, "b": 2},
        {"b": 2, "a": 1},
    ]
    assert len({digest(value) for value in values}) == len(values)
    strided = torch.arange(12.0).view(3, 4).T
    assert digest({"a": strided}) == digest({"a": strided.clone(memory_format=torch.contiguous_format)})


def save_and_die(folder: Path, checkpoint: Checkpoint, module: str, name: str, calls: int) -> None:
    """Saves in a process that is killed when it calls a function for the n-th time."""
    owner: Any = Path if module == "Path" else importlib.import_module(module)
    real = getattr(owner, name)

    def dying(*arguments: Any) -> Any:
        nonlocal calls
        calls -= 1
        if not calls:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments)

    setattr(owner, name, dying)
    save_checkpoint(folder, checkpoint)


@pytest.mark.parametrize(
    ("module", "name", "calls"),
    [
        ("rga.training.run.checkpoint", "flush", 1),
        ("os", "link", 1),
        ("rga.storage.files", "flush", 1),
        ("Path", "replace", 1),
        ("rga.storage.files", "flush", 2),
    ],
    ids=["written", "the one before unlinked", "the one before linked", "about to be renamed", "renamed"],
)
def test_killed_at_any_moment_of_a_save_a_whole_one_is_there(
    tmp_path: Path, checkpoint: Checkpoint, module: str, name: str, calls: int
) -> None:
    for step in (1, 2):
        save_checkpoint(tmp_path, replace(checkpoint, step=step))
    dying = process(save_and_die, tmp_path, replace(checkpoint, step=3), module, name, calls)
    dying.start()
    dying.join()
    assert dying.exitcode == -signal.SIGKILL
    step = load_checkpoint(tmp_path / LAST, CPU).step
    assert step == (3 if calls == 2 else 2)
    save_checkpoint(tmp_path, replace(checkpoint, step=4))
    assert (load_checkpoint(tmp_path / LAST, CPU).step, load_checkpoint(tmp_path / PREVIOUS, CPU).step) == (4, step)
