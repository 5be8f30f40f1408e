"""Learning rates by epoch."""

from typing import Any

import pytest
import torch

from rga.training.schedules import set_learning_rate, warmup_then_cosine, warmup_then_steps


def test_the_papers_schedule() -> None:
    lr = warmup_then_steps(8e-6, 8e-4, 20, range(80, 361, 40), 0.5)
    assert lr(0) == pytest.approx(8e-6)
    assert lr(10) == pytest.approx((8e-6 + 8e-4) / 2)
    assert lr(20) == lr(79.9) == pytest.approx(8e-4)
    assert [lr(epoch) / 8e-4 for epoch in (80, 119, 120, 359, 360, 599)] == pytest.approx([0.5, 0.5, 0.25, 2**-7, 2**-8, 2**-8])


def test_cosine_falls_from_peak_to_end() -> None:
    lr = warmup_then_cosine(0.0, 1.0, 2, 12, 0.1)
    values = [lr(epoch / 10) for epoch in range(121)]
    assert values[20] == max(values) == 1.0
    assert values[20:] == sorted(values[20:], reverse=True)
    assert values[-1] == pytest.approx(0.1)
    assert lr(20) == pytest.approx(0.1)


def test_groups_keep_their_scale() -> None:
    groups: list[dict[str, Any]] = [
        {"params": [torch.zeros(1, requires_grad=True)], "scale": 0.1},
        {"params": [torch.zeros(1, requires_grad=True)]},
    ]
    optimizer = torch.optim.SGD(groups, lr=5.0)
    set_learning_rate(optimizer, 2.0)
    assert [group["lr"] for group in optimizer.param_groups] == [0.2, 2.0]
