"""The estimate of the time that is left: by a clock of the test's own."""

from collections.abc import Callable
from pathlib import Path

import pytest
from line import Line, line_recipe, run

from rga.training.run.estimate import Estimate, as_duration


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def steps(estimate: Estimate, clock: Clock, *seconds: float) -> list[str]:
    """What is to be said after each of some steps, of a training of 200 steps."""
    said = []
    for each in seconds:
        estimate.begin()
        clock.now += each
        estimate.step_is_over()
        said.append(estimate.to_say(estimate.count))
    return said


def of(evaluations: int) -> Callable[[int], tuple[int, int]]:
    return lambda step: (200 - step, evaluations)


def test_it_is_said_after_five_steps_and_goes_without_the_first_two(clock: Clock) -> None:
    estimate = Estimate(of(3), clock)
    assert estimate.shown(0) == ""
    assert steps(estimate, clock, 4, 4, 0.5, 0.5, 0.5, 0.5)[2:] == [
        "",
        "",
        "about 2 min left: 195 steps of 0.50 s, 3 evaluations, which are not counted yet",
        "",
    ]
    assert estimate.shown(180) == "10 s left"


def test_it_is_said_earlier_where_steps_are_slow(clock: Clock) -> None:
    assert steps(Estimate(of(1), clock), clock, 20, 20, 20) == [
        "",
        "about 1 h 6 min left: 198 steps of 20 s, 1 evaluation, which are not counted yet",
        "",
    ]


def test_it_is_said_again_after_the_first_evaluation_with_its_time(clock: Clock) -> None:
    estimate = Estimate(of(4), clock)
    steps(estimate, clock, 1, 1, 1, 1, 1)
    for _ in range(2):
        estimate.begin()
        clock.now += 30
        estimate.evaluation_is_over()
    assert estimate.to_say(50) == "about 4 min left: 150 steps of 1.0 s, 4 evaluations of 30 s"
    assert estimate.to_say(51) == ""


def test_less_than_ten_seconds_are_not_worth_a_line(clock: Clock) -> None:
    assert set(steps(Estimate(of(1), clock), clock, *[0.01] * 20)) == {""}


def test_it_goes_by_the_last_steps(clock: Clock) -> None:
    estimate = Estimate(of(0), clock)
    steps(estimate, clock, *[9.0] * 50, *[0.1] * 100)
    assert estimate.left(150) == pytest.approx(5)


@pytest.mark.parametrize(
    ("every", "epochs", "max_steps", "step", "left"),
    [
        (10, 30, 0, 0, (150, 4)),  # after epochs 1, 10, 20 and 30
        (10, 30, 0, 5, (145, 3)),  # the one after epoch 1 is over
        (10, 30, 0, 52, (98, 2)),
        (0, 30, 0, 0, (150, 1)),
        (1, 3, 0, 0, (15, 3)),
        (2, 6, 12, 0, (12, 3)),  # epochs 1 and 2, and where the steps end
        (2, 6, 0, 30, (0, 0)),
    ],
)
def test_what_is_to_come_is_counted(every: int, epochs: int, max_steps: int, step: int, left: tuple[int, int]) -> None:
    recipe = line_recipe(epochs=epochs, evaluate_every=every, max_steps=max_steps)
    assert recipe.left(5, step) == left


@pytest.mark.parametrize(("every", "epochs", "max_steps"), [(10, 30, 0), (0, 3, 0), (1, 3, 0), (2, 6, 12), (3, 7, 0)])
def test_as_many_evaluations_come_as_were_counted(every: int, epochs: int, max_steps: int, tmp_path: Path) -> None:
    task, recipe = Line(), line_recipe(epochs=epochs, evaluate_every=every, max_steps=max_steps)
    run(task, tmp_path, recipe)
    assert len(task.evaluations) == recipe.left(task.steps_per_epoch, 0)[1]


def test_a_training_says_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("rga.training.run.estimate.WORTH_SAYING", 0.0)
    run(Line(), tmp_path, line_recipe(epochs=4, evaluate_every=2))
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("about ")]
    assert len(said) == 2
    assert "15 steps of " in said[0]
    assert "3 evaluations" not in said[1]
    assert "2 evaluations of " in said[1]


def test_durations_are_for_people() -> None:
    assert [as_duration(59.6), as_duration(3599), as_duration(7200)] == ["60 s", "1 h 0 min", "2 h 0 min"]
