"""RGA where a GPU rounds the operands of matrix products to TF32, imitated on a CPU: a H200 gave the same differences to the reference."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

import rga
from rga.attention.acceleration import gate

GOLDEN = sorted((Path(__file__).parents[1] / "golden").glob("module_*.npz"))
OPERANDS = {"aten.mm": (0, 1), "aten.bmm": (0, 1), "aten.convolution": (0, 1), "aten.addmm": (1, 2), "aten.baddbmm": (1, 2)}


class ProductsInTF32(TorchDispatchMode):
    """Rounds the operands of products of float32 to 10 bits, and sums in float32."""

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None) -> Any:
        which = next((which for name, which in OPERANDS.items() if str(func).startswith(f"{name}.")), ())
        rounded = (to_tf32(value) if index in which else value for index, value in enumerate(args))
        return func(*rounded, **(kwargs or {}))


def to_tf32(x: Tensor) -> Tensor:
    """Numbers in float32 with the 10 bits of TF32."""
    assert x.dtype == torch.float32
    bits = x.contiguous().view(torch.int32)
    return ((bits + 0x1000) & ~0x1FFF).view(torch.float32)


def test_rounding() -> None:
    x = torch.tensor([1.0, 1 + 2**-10, 1 + 2**-12, -3.14159265])
    torch.testing.assert_close(to_tf32(x), torch.tensor([1.0, 1 + 2**-10, 1.0, -3.140625]), rtol=0, atol=0)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_outputs_stay_within_a_thousandth_and_gradients_within_two_hundredths(path: Path) -> None:
    """Lengths of differences. Single gradients differ more, where the sign before a ReLU turns: up to .11 of the largest."""
    golden = dict(np.load(path))
    x = torch.from_numpy(golden["x"]).float().requires_grad_()
    module = rga.create_attention("rga-" + path.stem.split("_")[1], x.shape[1], (x.shape[2], x.shape[3]))
    state = {key.removeprefix("state/"): torch.from_numpy(value) for key, value in golden.items() if key.startswith("state/")}
    module.load_state_dict(rga.from_reference(state)[0])
    module.float()
    as_on_gpus = mock.patch.object(gate, "can_tile", return_value=False)
    with as_on_gpus, ProductsInTF32():  # type: ignore[no-untyped-call]
        evaluated = module.eval()(x)
        trained = module.train()(x)
        (trained * torch.from_numpy(golden["coef"]).float()).sum().backward()
    for name, ours, bar in (("eval_out", evaluated, 1e-3), ("train_out", trained, 1e-3), ("grad_x", x.grad, 2e-2)):
        theirs = torch.from_numpy(golden[name])
        assert ours is not None
        distance = ((ours.detach().double() - theirs).norm() / theirs.norm()).item()
        assert 0 < distance < bar, name
