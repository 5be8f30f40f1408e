"""The training loop, on a task that is known in full."""

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from rga.engine.checkpoint import load_checkpoint, save_checkpoint
from rga.engine.devices import autocast, choose_device
from rga.engine.loop import LAST, DivergedError, LoopOptions, Outcome, fit
from rga.engine.run_log import RunLog, read_log

CPU = torch.device("cpu")


class Line:
    """Finds the slope of a line; batches are drawn from the epoch alone."""

    def __init__(self) -> None:
        torch.manual_seed(1)
        self.model: nn.Module = nn.Linear(1, 1)
        self.steps_per_epoch = 5
        self.watched = "goodness"
        self.evaluations: list[float] = []
        self.poison: tuple[int, float | BaseException] | None = None
        self.step = 0

    def batches(self, epoch: int) -> Iterator[tuple[str, Tensor]]:
        generator = torch.Generator().manual_seed(epoch)
        for index in range(self.steps_per_epoch):
            yield f"batch {epoch}/{index}", torch.rand(8, 1, generator=generator)

    def losses(self, batch: tuple[str, Tensor], device: torch.device) -> dict[str, Tensor]:
        x = batch[1].to(device)
        self.step += 1
        if self.poison and self.step == self.poison[0]:
            if isinstance(self.poison[1], BaseException):
                raise self.poison[1]
            x = x * self.poison[1]
        return {"square": (self.model(x) - 3 * x).square().mean(), "size": 0.0 * self.model(x).sum()}

    def describe(self, batch: tuple[str, Tensor]) -> str:
        return batch[0]

    def images(self, batch: tuple[str, Tensor]) -> int:
        return len(batch[1])

    def evaluate(self) -> dict[str, float]:
        assert isinstance(self.model, nn.Linear)
        goodness = -abs(self.model.weight.item() - 3)
        self.evaluations.append(goodness)
        return {"goodness": goodness}

    def save_model(self, folder: Path, metrics: Mapping[str, float]) -> None:
        folder.mkdir(exist_ok=True)
        (folder / "metrics.json").write_text(json.dumps(dict(metrics)))


def run(task: Line, folder: Path, options: LoopOptions, resume: bool = False, rate: float = 0.5) -> Outcome:
    optimizer = torch.optim.SGD(task.model.parameters(), lr=1.0, momentum=0.9)
    with RunLog(folder) as log:
        return fit(task, optimizer, lambda epoch: rate / (1 + epoch), folder, log, options, device=CPU, resume=resume)


def test_it_learns_logs_and_keeps_the_best(tmp_path: Path) -> None:
    task = Line()
    outcome = run(task, tmp_path, LoopOptions(epochs=12, evaluate_every=4))
    assert (outcome.epoch, outcome.step, outcome.interrupted) == (12, 60, False)
    assert len(task.evaluations) == 3
    assert outcome.best == max(task.evaluations) > -0.3
    assert outcome.metrics == {"goodness": task.evaluations[-1]}
    assert json.loads((tmp_path / "best" / "metrics.json").read_text()) == {"goodness": outcome.best}
    assert (tmp_path / "last" / "metrics.json").is_file()
    trained = read_log(tmp_path, "train")
    assert [event["epoch"] for event in trained] == list(range(1, 13))
    assert trained[-1]["square"] < trained[0]["square"] / 10
    assert all(event["images_per_second"] > 0 for event in trained)
    assert len(read_log(tmp_path, "evaluate")) == 3


def test_resume_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    (tmp_path / "parts").mkdir()
    whole = Line()
    run(whole, tmp_path / "whole", LoopOptions(epochs=6))
    run(Line(), tmp_path / "parts", LoopOptions(epochs=3))
    resumed = Line()
    outcome = run(resumed, tmp_path / "parts", LoopOptions(epochs=6), resume=True)
    assert outcome.step == 30
    for ours, theirs in zip(resumed.model.parameters(), whole.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_ctrl_c_leaves_a_checkpoint_and_resume_goes_on(tmp_path: Path) -> None:
    task = Line()
    task.poison = (13, KeyboardInterrupt())
    outcome = run(task, tmp_path, LoopOptions(epochs=6))
    assert (outcome.interrupted, outcome.epoch, outcome.step) == (True, 2, 12)
    checkpoint = load_checkpoint(tmp_path / LAST, CPU)
    assert (checkpoint.epoch, checkpoint.step) == (2, 12)
    assert run(Line(), tmp_path, LoopOptions(epochs=6), resume=True).epoch == 6


@pytest.mark.parametrize("poison", [math.nan, math.inf])
def test_a_loss_that_is_no_number_stops_with_the_batch_named(tmp_path: Path, poison: float) -> None:
    task = Line()
    task.poison = (8, poison)
    with pytest.raises(DivergedError, match=r"not finite at step 7 .epoch 2.*square nan|square inf.*batch 1/2") as caught:
        run(task, tmp_path, LoopOptions(epochs=6))
    assert "batch 1/2" in str(caught.value)
    assert load_checkpoint(tmp_path / LAST, CPU).step == 5


def test_max_steps_and_clipping(tmp_path: Path) -> None:
    task = Line()
    before = [p.detach().clone() for p in task.model.parameters()]
    outcome = run(task, tmp_path, LoopOptions(epochs=6, max_steps=1, clip_gradients=1e-3), rate=1.0)
    assert outcome.step == 1
    moved = torch.cat([(a - b).flatten() for a, b in zip(task.model.parameters(), before, strict=True)]).norm()
    assert moved.item() == pytest.approx(1e-3, rel=1e-3)


def test_damaged_and_foreign_checkpoints_are_refused_by_name(tmp_path: Path) -> None:
    run(Line(), tmp_path, LoopOptions(epochs=1))
    path = tmp_path / LAST
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"last\.pt cannot be read"):
        load_checkpoint(path, CPU)
    torch.save({"other": 1}, path)
    with pytest.raises(ValueError, match=r"last\.pt is not a checkpoint"):
        load_checkpoint(path, CPU)
    with pytest.raises(FileNotFoundError, match="there is no checkpoint"):
        load_checkpoint(tmp_path / "nowhere.pt", CPU)


class Evil:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("executed",)


def test_nothing_in_a_checkpoint_is_executed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"format": 1, "model": Evil()}, tmp_path / LAST)
    with pytest.raises(ValueError, match="cannot be read"):
        load_checkpoint(tmp_path / LAST, CPU)
    assert "executed" not in capsys.readouterr().out


def test_checkpoints_are_written_whole(tmp_path: Path) -> None:
    run(Line(), tmp_path, LoopOptions(epochs=1))
    checkpoint = load_checkpoint(tmp_path / LAST, CPU)
    save_checkpoint(tmp_path / LAST, checkpoint)
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".tmp")] == []


def test_devices_and_precisions() -> None:
    assert choose_device("cpu") == CPU
    assert choose_device("auto").type in ("cpu", "cuda", "mps")
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="'cuda' is not available here: available are cpu"):
            choose_device("cuda")
    with autocast(CPU, "bfloat16"):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16
    with autocast(CPU, "float32"):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


def test_tensorboard_files_are_written(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    with RunLog(tmp_path, tensorboard=True) as log:
        log.write("train", 1, {"loss": 0.5})
    assert list((tmp_path / "tensorboard").iterdir())
