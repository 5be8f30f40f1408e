"""What a step of the training loop computes: accumulation, EMA, mixed precision, divergence, clipping, seeds."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import torch
from line import CPU, Line, line_recipe, run
from torch import Tensor

from rga.training.devices import autocast
from rga.training.outcome import DivergedError
from rga.training.run.checkpoint import LAST, PREVIOUS, load_checkpoint
from rga.training.run.log import RunLog, read_log


def assert_same(ours: Line, theirs: Line) -> None:
    for a, b in zip(ours.model.parameters(), theirs.model.parameters(), strict=True):
        assert torch.equal(a, b)


def test_gradients_of_the_parts_of_a_batch_are_averaged(tmp_path: Path) -> None:
    class Parts(Line):
        def batches(self, epoch: int, start: int = 0) -> Iterator[tuple[str, Tensor]]:
            for name, numbers in super().batches(epoch, start):
                yield from ((f"{name} part {index}", part) for index, part in enumerate(numbers.chunk(4)))

    class Undisturbed(Line):
        def losses(self, batch: tuple[str, Tensor], device: torch.device) -> dict[str, Tensor]:
            return {"square": (self.model(batch[1]) - 3 * batch[1]).square().mean()}

    class UndisturbedParts(Parts, Undisturbed):
        pass

    at_once, in_parts = Undisturbed(), UndisturbedParts()
    run(at_once, tmp_path / "at_once", line_recipe(epochs=2, log_every=1))
    run(in_parts, tmp_path / "in_parts", line_recipe(epochs=2, log_every=1, gradient_accumulation=4))
    for a, b in zip(at_once.model.parameters(), in_parts.model.parameters(), strict=True):
        torch.testing.assert_close(a, b)
    for ours, theirs in zip(read_log(tmp_path / "in_parts", "step"), read_log(tmp_path / "at_once", "step"), strict=True):
        assert ours["square"] == pytest.approx(theirs["square"], rel=1e-5)


def test_ema_weights_are_evaluated_and_saved_beside_the_raw_ones_and_resumed(tmp_path: Path) -> None:
    class Saving(Line):
        def save_model(self, folder: Path, metrics: Mapping[str, float]) -> None:
            folder.mkdir(exist_ok=True)
            torch.save({"weight": self.model.state_dict()["weight"], "metrics": dict(metrics)}, folder / "model.pt")

    options = line_recipe(epochs=6, evaluate_every=2, ema_decay=0.8)
    task = Saving()
    outcome = run(task, tmp_path / "whole", options)
    assert len(task.evaluations) == 8
    raw, ema = (read_log(tmp_path / "whole", kind) for kind in ("evaluate", "evaluate_ema"))
    assert [event["goodness"] for event in raw] == task.evaluations[::2]
    assert [event["goodness"] for event in ema] == task.evaluations[1::2]
    assert outcome.ema == {"goodness": task.evaluations[-1]} != outcome.metrics == {"goodness": task.evaluations[-2]}
    saved = {name: torch.load(tmp_path / "whole" / name / "model.pt", weights_only=True) for name in ("last", "last-ema", "best-ema")}
    assert torch.equal(saved["last"]["weight"], task.model.state_dict()["weight"])
    assert -abs(saved["last-ema"]["weight"].item() - 3) == saved["last-ema"]["metrics"]["goodness"] == task.evaluations[-1]
    assert saved["best-ema"]["metrics"]["goodness"] == max(task.evaluations[1::2])

    run(Saving(), tmp_path / "parts", options.override(max_steps=13))
    resumed = Saving()
    run(resumed, tmp_path / "parts", options, resume=True)
    assert resumed.evaluations[-2:] == task.evaluations[-2:]


def test_float16_scales_the_loss_skips_steps_that_overflow_and_resumes(tmp_path: Path) -> None:
    class Steep(Line):
        def losses(self, batch: tuple[str, Tensor], device: torch.device) -> dict[str, Tensor]:
            x = batch[1]
            return {"square": 4 * (self.model(x).float() - 3 * x).square().mean()}

    options = line_recipe(epochs=4, amp_dtype="float16", log_every=1, gradient_clip_norm=1.0)
    task = Steep()
    before = [p.detach().clone() for p in task.model.parameters()]
    run(task, tmp_path / "first", options.override(max_steps=1))
    for ours, theirs in zip(task.model.parameters(), before, strict=True):
        assert torch.equal(ours, theirs)  # 65,536 times the gradient is more than float16 holds
    assert load_checkpoint(tmp_path / "first" / LAST, CPU).scaler["scale"] < 65536

    whole = Steep()
    run(whole, tmp_path / "whole", options)
    curve = [event["square"] for event in read_log(tmp_path / "whole", "step")]
    assert curve[-1] < curve[0] / 2
    resumed = Steep()
    run(resumed, tmp_path / "first", options, resume=True)
    assert_same(resumed, whole)


def test_bfloat16_computes_in_it_and_keeps_weights_in_float32(tmp_path: Path) -> None:
    class Watching(Line):
        def losses(self, batch: tuple[str, Tensor], device: torch.device) -> dict[str, Tensor]:
            assert self.model(batch[1]).dtype == torch.bfloat16
            return super().losses(batch, device)

    task = Watching()
    run(task, tmp_path, line_recipe(epochs=2, amp_dtype="bfloat16"))
    assert {p.dtype for p in task.model.parameters()} == {torch.float32}


def test_an_epoch_that_ends_too_early_is_a_bug_of_the_task(tmp_path: Path) -> None:
    task = Line()
    task.steps_per_epoch = 3
    batches = task.batches

    def short(epoch: int, start: int = 0) -> Iterator[tuple[str, Tensor]]:
        yield from list(batches(epoch, start))[:2]

    task.batches = short  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="ended after 2 of 3 batches"):
        run(task, tmp_path, line_recipe(epochs=1))


@pytest.mark.parametrize("poison", [math.nan, math.inf])
def test_a_loss_that_is_no_number_stops_with_the_batch_named(tmp_path: Path, poison: float) -> None:
    task = Line()
    task.poison = (8, poison)
    with pytest.raises(DivergedError, match=r"not finite at step 7 .epoch 2.*square nan|square inf.*batch 1/2") as caught:
        run(task, tmp_path, line_recipe(epochs=6, checkpoint_every=5))
    assert "batch 1/2" in str(caught.value)
    assert load_checkpoint(tmp_path / LAST, CPU).step == 5


def test_weights_that_are_no_numbers_are_not_kept(tmp_path: Path) -> None:
    class Overflowing(Line):
        def losses(self, batch: tuple[str, Tensor], device: torch.device) -> dict[str, Tensor]:
            losses = super().losses(batch, device)
            return {"root": (0.0 * losses["square"]).sqrt()} if self.step == 8 else losses  # finite, without a gradient

    with pytest.raises(DivergedError, match="weights are not finite after step 8"):
        run(Overflowing(), tmp_path, line_recipe(epochs=6, checkpoint_every=2))
    assert load_checkpoint(tmp_path / LAST, CPU).step == 6
    assert load_checkpoint(tmp_path / PREVIOUS, CPU).step == 4


def test_max_steps_and_clipping(tmp_path: Path) -> None:
    task = Line()
    before = [p.detach().clone() for p in task.model.parameters()]
    outcome = run(task, tmp_path, line_recipe(epochs=6, max_steps=1, gradient_clip_norm=1e-3), lr=1.0)
    assert outcome.step == 1
    moved = torch.cat([(a - b).flatten() for a, b in zip(task.model.parameters(), before, strict=True)]).norm()
    assert moved.item() == pytest.approx(1e-3, rel=1e-3)


def test_the_seed_is_that_of_what_the_model_draws(tmp_path: Path) -> None:
    first, again, other = Line(), Line(), Line()
    for number, (task, seed) in enumerate(((first, 3), (again, 3), (other, 4))):
        run(task, tmp_path / str(number), line_recipe(epochs=1, seed=seed))
    assert first.drawn == again.drawn
    assert first.drawn != other.drawn


def test_steps_of_a_training() -> None:
    assert [line_recipe(epochs=3, max_steps=most).steps(10) for most in (0, 12, 99)] == [30, 12, 30]


def test_amp_dtypes() -> None:
    with autocast(CPU, "bfloat16"):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16
    with autocast(CPU, "float32"):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


def test_tensorboard_files_are_written(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    with RunLog(tmp_path, tensorboard=True) as log:
        log.write("train", 1, {"loss": 0.5})
    assert list((tmp_path / "tensorboard").iterdir())
