"""How many operations a device is told of. A GPU takes longer to be told of one on a small map than to do it.

Counted on the meta device, where tensors have no numbers, and which takes the same ways as a GPU. Views are not operations of a device.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import rga
from rga.attention.acceleration.recompute import without_recompute

VIEWS = frozenset(
    [
        "view",
        "_unsafe_view",
        "_reshape_alias",
        "t",
        "transpose",
        "permute",
        "expand",
        "slice",
        "split",
        "split_with_sizes",
        "select",
        "squeeze",
        "unsqueeze",
        "detach",
        "alias",
        "as_strided",
        "unbind",
        "lift_fresh",
        "empty",
        "empty_like",
        "empty_strided",
        "new_empty",
        "new_empty_strided",
        "promote_types",
    ]
)
"""Operations that start no work on a device."""


class Operations(TorchDispatchMode):
    """Counts operations by their names."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.names: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None) -> Any:
        self.names[func.overloadpacket.__name__] += 1
        return func(*args, **(kwargs or {}))

    def of_the_device(self) -> int:
        return sum(count for name, count in self.names.items() if name not in VIEWS)


def operations(training: bool, channels: int, grid: tuple[int, int], images: int = 64, dtype: torch.dtype = torch.float32) -> list[int]:
    """Operations of a forward pass, and of a backward pass in training."""
    module = rga.create_attention("rga-sc", channels, grid).to("meta").train(training)
    x = torch.empty(images, channels, *grid, device="meta", dtype=dtype).requires_grad_(training)
    counts = []
    with torch.set_grad_enabled(training), without_recompute():  # by addresses, which meta tensors do not have
        with Operations() as counted:
            out = module(x)
        counts.append(counted.of_the_device())
        if training:
            with Operations() as counted:
                out.backward(torch.empty_like(out))
            counts.append(counted.of_the_device())
    return counts


@pytest.mark.parametrize(("channels", "grid"), [(256, (64, 32)), (2048, (16, 8))])
def test_a_training_step_has_few_operations(channels: int, grid: tuple[int, int]) -> None:
    forward, backward = operations(True, channels, grid)
    assert forward <= 43
    assert backward <= 66


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("channels", "grid"), [(256, (64, 32)), (2048, (16, 8))])
def test_inference_has_few_operations_however_many_images_there_are(channels: int, grid: tuple[int, int], dtype: torch.dtype) -> None:
    """Blocks of images for a CPU's cache once made 700 of them."""
    [of_64] = operations(False, channels, grid, 64, dtype)
    [of_one] = operations(False, channels, grid, 1, dtype)
    assert of_64 <= 47
    assert abs(of_64 - of_one) <= 2
