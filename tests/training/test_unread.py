"""Losses that stay on the device for some steps: read late, they say what they would have said at once."""

import copy
import math
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from line import CPU, Line, line_recipe, run
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from rga.datasets.spec import DataSpec
from rga.recipes import read_recipe
from rga.runs import Run
from rga.synthetic.people.people import PeopleOptions, make_people
from rga.synthetic.streets.streets import StreetOptions, make_streets
from rga.training import unread
from rga.training.loop import Loop
from rga.training.optimization import build_optimizer, load_optimizer
from rga.training.outcome import DivergedError
from rga.training.recipe import OptimizationRecipe
from rga.training.run.checkpoint import LAST, load_checkpoint
from rga.training.run.log import read_log


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Lets losses wait for so many steps, as on a GPU."""

    def begin(self: unread.UnreadLosses, _device: torch.device) -> None:
        self.every, self.waiting = steps[0], []

    steps: list[int] = []

    def wait(every: int) -> None:
        steps.append(every)
        monkeypatch.setattr(unread.UnreadLosses, "__init__", begin)

    return wait


def test_a_gpu_is_not_waited_for_and_a_cpu_is_looked_at_before_the_weights_change() -> None:
    assert unread.UnreadLosses(CPU).every == 1
    assert unread.UnreadLosses(torch.device("cuda")).every == unread.UnreadLosses(torch.device("mps")).every == unread.EVERY > 10


def test_losses_are_taken_in_their_order_with_their_names() -> None:
    losses = unread.UnreadLosses(torch.device("cuda"))
    assert losses.read() == []
    losses.add(3, ("a", "b"), torch.tensor([1.0, 2.0]), "first")
    losses.add(4, ("a",), torch.tensor([3.0]), "second")
    assert len(losses) == 2
    assert not losses.are_due
    assert losses.read() == [(3, {"a": 1.0, "b": 2.0}, "first"), (4, {"a": 3.0}, "second")]
    assert len(losses) == 0


def test_logs_and_weights_are_the_same(tmp_path: Path, late: Callable[[int], None]) -> None:
    options = line_recipe(epochs=3, log_every=2, checkpoint_every=3)
    at_once, waiting = Line(), Line()
    run(at_once, tmp_path / "at once", options)
    late(1000)
    run(waiting, tmp_path / "late", options)
    for kind in ("train", "step", "evaluate"):
        ours, theirs = (
            [{k: v for k, v in event.items() if k not in ("time", "images_per_second")} for event in read_log(tmp_path / name, kind)]
            for name in ("late", "at once")
        )
        assert ours == theirs
        assert ours
    assert all(map(torch.equal, waiting.model.parameters(), at_once.model.parameters()))


def test_a_stopped_training_has_the_means_of_the_whole_epoch(tmp_path: Path, late: Callable[[int], None]) -> None:
    late(1000)
    options = line_recipe(epochs=2)
    run(Line(), tmp_path / "whole", options)
    run(Line(), tmp_path / "parts", options.override(max_steps=3))
    run(Line(), tmp_path / "parts", options, resume=True)
    whole, parts = (read_log(tmp_path / name, "train")[-1]["square"] for name in ("whole", "parts"))
    assert whole == parts


@pytest.mark.parametrize(
    ("every", "checkpoint_every", "kept"),
    [(3, 0, None), (1000, 0, None), (1000, 9, None), (1000, 4, 4)],
    ids=["when due", "at the end of the epoch", "before a checkpoint", "after a good checkpoint"],
)
def test_a_loss_that_is_no_number_is_found_later_with_its_batch(
    tmp_path: Path, late: Callable[[int], None], every: int, checkpoint_every: int, kept: int | None
) -> None:
    late(every)
    task = Line()
    task.poison = (8, math.nan)
    with pytest.raises(DivergedError, match=r"not finite at step 7 \(epoch 2\): square nan.*batch batch 1/2"):
        run(task, tmp_path, line_recipe(epochs=6, checkpoint_every=checkpoint_every))
    assert task.step <= 10
    assert (load_checkpoint(tmp_path / LAST, CPU).step if (tmp_path / LAST).exists() else None) == kept


# ---- a step looks at nothing

LOOKS = ("aten._local_scalar_dense", "aten.nonzero", "aten.equal", "aten.is_nonzero", "aten._unique", "aten.masked_select", "aten.bincount")
ON_THE_CPU = ("rga/tensors.py", "check_triplets", "torch/optim/")
"""Looks at labels that have not left the CPU, or that are left out on a GPU; optimizers count steps on the CPU where they are not fused."""


class Looks(TorchDispatchMode):
    """Notes where values are looked at, or decide about shapes: for which a GPU must be waited for."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None) -> Any:
        masks = str(func).startswith("aten.index.Tensor") and any(each is not None and each.dtype == torch.bool for each in args[1])
        if masks or str(func).startswith(LOOKS):
            stack = [f"{frame.filename}, {frame.name}: {frame.line}" for frame in traceback.extract_stack()]
            if not any(part in frame for frame in stack for part in ON_THE_CPU):
                self.found.append(next(frame for frame in reversed(stack) if "/rga/" in frame))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("reid/tiny", {"image_size": (64, 32), "ids_per_batch": 2, "gradient_clip_norm": 1.0}),
        ("reid/tiny", {"image_size": (64, 32), "ids_per_batch": 2, "attention": "none", "margin": None, "random_erasing": 1.0}),
        ("seg/tiny", {"batch_size": 2}),
        ("cls/digits", {"batch_size": 8}),
        ("cls/digits", {"batch_size": 8, "mixup": 0.5, "fit": "spectral"}),
    ],
)
def test_a_step_waits_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: Callable[[int], None], name: str, fields: dict[str, Any]
) -> None:
    late(50)
    if name.startswith("reid"):
        few = PeopleOptions(identities=8, images_per_camera=2, distractors=0, junk=0, height=64, width=32)
        fields["data"] = DataSpec("market1501", make_people(tmp_path / "data", few))
    if name.startswith("seg"):
        fields["data"] = DataSpec("streets", make_streets(tmp_path / "data", StreetOptions(train=4, val=2, test=0, height=96, width=192)))
    recipe = read_recipe(name).override(**fields, num_workers=0, device="cpu", weights="none")
    running = Run(recipe, tmp_path / "run", "")
    training = running.prepared(running.build(running.task.read(recipe)))
    loop = Loop(training, training.optimizer(), training.schedule(), tmp_path, None, recipe, device=CPU)
    training.model.train()
    batch = next(iter(training.batches(0)))
    loop.step([batch], 1e-4)  # what is made once is made now
    with Looks() as looks:
        loop.step([batch], 1e-4)
    assert looks.found == []
    assert len(loop.unread) == 2


# ---- optimizers on another machine


@pytest.mark.parametrize("kind", ["adam", "adamw", "sgd"])
@pytest.mark.parametrize("before", [True, False], ids=["from fused", "to fused"])
def test_a_state_of_the_optimizer_is_taken_over_and_its_way_to_compute_is_not(kind: Any, before: bool) -> None:
    def made(fused: bool) -> tuple[nn.Linear, torch.optim.Optimizer]:
        torch.manual_seed(0)
        model = nn.Linear(3, 2)
        optimizer = build_optimizer(OptimizationRecipe(optimizer=kind, lr=0.1), [{"params": model.parameters(), "scale": 1.0}])
        for group in optimizer.param_groups:
            group["fused"] = fused
        return model, optimizer

    def step(model: nn.Linear, optimizer: torch.optim.Optimizer, x: Tensor) -> None:
        optimizer.zero_grad()
        model(x).square().sum().backward()
        optimizer.step()

    x = torch.randn(4, 3)
    (first, old), (second, new) = made(before), made(not before)
    for _ in range(3):
        step(first, old, x)
    second.load_state_dict(first.state_dict())
    load_optimizer(new, copy.deepcopy(old.state_dict()))
    assert [group["fused"] for group in new.param_groups] == [not before]
    step(first, old, x)
    step(second, new, x)
    torch.testing.assert_close(second.weight, first.weight, rtol=1e-6, atol=1e-7)


def test_steps_are_fused_on_gpus_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool | None] = []
    monkeypatch.setattr("rga.training.optimization.AdamW", lambda _groups, **options: asked.append(options["fused"]))
    gpu = type("OnAGpu", (), {"device": torch.device("cuda")})()
    for parameters in ([gpu, gpu], [gpu, nn.Parameter(torch.zeros(1))], [nn.Parameter(torch.zeros(1))]):
        build_optimizer(OptimizationRecipe(optimizer="adamw"), [{"params": iter(parameters)}])
    assert asked == [True, None, None]
