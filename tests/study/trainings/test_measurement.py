"""What a training cost: a pause of the process counts on no core, and a continued training counts whole."""

import pytest

from rga.study.trainings.measurement import Spent, times


@pytest.mark.parametrize(
    ("spent", "one_core", "step_seconds", "hours"),
    [
        (Spent(steps=100, clock=9000.0, processor=90.0), True, 0.9, 0.1),
        (Spent(steps=100, clock=180.0, processor=900.0), False, 1.8, 0.2),
        (Spent(steps=0, clock=5.0, processor=5.0), True, None, 0.0),
    ],
)
def test_times(spent: Spent, *, one_core: bool, step_seconds: float | None, hours: float) -> None:
    assert times(spent, 400, one_core=one_core) == {"step_seconds": step_seconds, "hours": hours}
