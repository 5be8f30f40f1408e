"""``rga.optimise``: a model for inference in PyTorch alone, which takes less time and computes the same.

BNs become part of the weights before them (``folding``), and maps have their channels last in memory, which PyTorch's convolutions on a
CPU read faster. ``docs/deploy.md`` says what each gains, how little ``torch.compile`` adds, and that bfloat16 costs time on a CPU without
instructions for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from itertools import chain, islice
from pathlib import Path
from typing import Any, TypeVar, overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.export import Dim
from torch.utils._pytree import tree_leaves

from rga.attachment.probe import input_channels
from rga.attention.grid import Grid, check_grid
from rga.backbones.model import BackboneModel
from rga.deploy.agreement import Agreement, DisagreementError, compared, example_images
from rga.deploy.as_model import FromFile
from rga.deploy.exporting import sizes_of
from rga.deploy.folding import fold
from rga.deploy.graphs import Outputs, free_sizes
from rga.deploy.optimised import Optimisation, check_not_optimised, mark
from rga.errors import InputError, RgaError, first_line
from rga.images.preprocessing import Preprocessing
from rga.loading import load
from rga.storage.saved_model import weights_fingerprint

TOLERANCE = 1e-5
"""Of the largest number of an output, and of cosine distances."""

BATCHES = (1, 2, 7)
"""Numbers of images at a time, on which outputs are compared."""

Model = TypeVar("Model", bound=nn.Module)


@overload
def optimise(
    model: Model, *, image_size: Grid | None = None, channels_last: bool = True, compile: bool = False, tolerance: float = TOLERANCE
) -> Model: ...


@overload
def optimise(
    model: str | Path, *, image_size: Grid | None = None, channels_last: bool = True, compile: bool = False, tolerance: float = TOLERANCE
) -> Any: ...


def optimise(
    model: nn.Module | str | Path,
    *,
    image_size: Grid | None = None,
    channels_last: bool = True,
    compile: bool = False,  # noqa: A002  PyTorch's word
    tolerance: float = TOLERANCE,
) -> Any:
    """A copy of a model that takes less time at inference, in evaluation mode, on the CPU and in float32.

    Its batch normalisations are part of the weights before them, wherever the output of a convolution or linear map goes into one and
    nowhere else. It runs beside the model on images before it is handed out. It has the same methods, and can be copied, pickled and moved
    to another device. Maps that a network keeps in attributes are no outputs: they may be other ones. It cannot be trained, saved as a
    model or given other weights: that is refused. Its attribute ``optimisation`` says what was done.

    Args:
        model: of any task, or the folder of a run or of a saved model, or any CNN, with attention or without.
        image_size: (height, width) of the images that any other CNN takes; a model of rga says it itself. Nothing is compared at others.
        channels_last: maps have their channels last in memory.
        compile: compile it with ``torch.compile``, which needs a C++ compiler and minutes. Copies are not compiled.
        tolerance: how far outputs may be from the model's, as a part of the largest number, or as cosine distance.

    Returns:
        The copy. The model itself stays as it is.

    Raises:
        DisagreementError: the outputs differ by more.
        InputError: an option is out of its range, the model is optimised already, compiled or in a file of ONNX, it cannot be traced, or
            its own outputs are not finite.

    Example:
        >>> import timm, torch, rga
        >>> model = timm.create_model("test_resnet").eval()
        >>> fast = rga.optimise(model, image_size=(32, 32))
        >>> fast.optimisation.folded, fast.optimisation.left
        (15, ())
        >>> image = torch.rand(1, 3, 32, 32)
        >>> torch.allclose(fast(image), model(image), atol=1e-4)
        True
    """
    if not 0 < tolerance < 1:
        raise InputError(f"tolerance must lie between 0 and 1, got {tolerance}")
    given: nn.Module = model if isinstance(model, nn.Module) else load(model)
    check_ready(given)
    before = deepcopy(given).float().cpu().eval()
    network = deepcopy(before)
    shown = Shown(network, image_size)
    with torch.inference_mode():
        shown.outputs(before)(shown.example())  # says what is wrong with its outputs, if anything is
    folding = fold(shown.outputs(network), shown.example(), shown.free)
    if channels_last:
        put_channels_last(network)
    agreement = agreed(network, before, shown, tolerance)
    if compile:
        network.compile()
        agreement = agreed_compiled(network, before, shown, tolerance)
    mark(network, Optimisation(folding.folded, folding.left, channels_last, compile, agreement, weights_fingerprint(given)))
    return network


def put_channels_last(network: nn.Module) -> None:
    """Lays out the weights of maps with their channels last; those of volumes (``nn.Conv3d``) have no such layout and stay."""
    for tensor in chain(network.parameters(), network.buffers()):
        if tensor.dim() == 4:
            tensor.data = tensor.data.contiguous(memory_format=torch.channels_last)


class Shown:
    """How a network is shown images, and what its outputs are.

    Args:
        network: of rga, or any other.
        image_size: (height, width), for any other.

    Raises:
        InputError: the size is missing, or a network of rga is given one.
    """

    def __init__(self, network: nn.Module, image_size: Grid | None) -> None:
        self.outputs: Callable[[nn.Module], nn.Module]
        if isinstance(network, BackboneModel):
            if image_size is not None:
                raise InputError(f"the model takes images of {network.preprocessing.size} and says so itself: leave image_size out")
            self.outputs = graph_outputs
            self.sizes = sizes_of(network, "normalised")
            self.free = free_sizes(network, "normalised")
            self.normalise: Callable[..., Any] = network.preprocessing.as_array
            return
        if image_size is None:
            raise InputError(f"a {type(network).__name__} does not say which images it takes: pass image_size=(height, width)")
        height, width = check_grid(image_size)
        self.outputs = AnyOutputs
        self.sizes = [(height, width)]
        self.free = {0: Dim.AUTO}
        channels, rng = input_channels(network)[0], np.random.default_rng(0)
        noise = lambda _image: rng.standard_normal((channels, height, width), np.float32)  # noqa: E731
        self.normalise = Preprocessing(height, width).as_array if channels == 3 else noise

    def example(self) -> Tensor:
        """Two images, normalised."""
        return torch.from_numpy(np.stack([self.normalise(image) for image in islice(example_images(self.sizes[0]), 2)]))


def graph_outputs(network: nn.Module) -> nn.Module:
    """A model of rga as a function of images to the outputs of its task."""
    assert isinstance(network, BackboneModel)
    return Outputs(network).eval()


class AnyOutputs(nn.Module):
    """Any network as a function of images to all tensors of floating-point numbers that it returns, however they are packed."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.eval()

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """The outputs in their order."""
        leaves = tree_leaves(self.network(images))
        strange = [leaf for leaf in leaves if not isinstance(leaf, Tensor | float | int | str | None)]
        if strange:
            raise InputError(
                f"the network returns a {type(strange[0]).__name__}, whose tensors cannot be compared: let it return a tensor, a tuple or "
                "a dict"
            )
        found = tuple(leaf for leaf in leaves if isinstance(leaf, Tensor) and leaf.is_floating_point())
        if not found:
            raise InputError(
                "the network returns no floating-point numbers, so nothing can be compared: optimise the part that gives scores"
            )
        return found


def check_ready(network: nn.Module) -> None:
    """Refuses what cannot be optimised.

    Raises:
        InputError: the network is optimised already, compiled, wrapped for several devices, or in a file of ONNX.
    """
    check_not_optimised(network)
    if isinstance(network, FromFile):
        raise InputError(f"the model is in the file {network.runtime.session.path}, which onnxruntime optimises itself: use it as it is")
    for module in network.modules():
        compiled = module._compiled_call_impl is not None or hasattr(module, "_orig_mod")  # noqa: SLF001  what compile() sets, not public
        if compiled or isinstance(module, torch.jit.ScriptModule | nn.DataParallel | nn.parallel.DistributedDataParallel):
            raise InputError(
                f"a {type(module).__name__} that is compiled or wrapped for several devices cannot be optimised: optimise the plain model, "
                "and compile it afterwards (compile=True)"
            )


def agreed(network: nn.Module, before: nn.Module, shown: Shown, tolerance: float) -> Agreement:
    """How far the outputs of a network are from those of another one.

    Raises:
        DisagreementError: farther than the tolerance.
        InputError: the outputs of the other one are not finite.
    """
    ours = shown.outputs(network)

    def run(images: NDArray[Any]) -> Sequence[NDArray[np.float32]]:
        with torch.inference_mode():
            return [each.numpy() for each in ours(torch.from_numpy(images))]

    found = compared(run, shown.outputs(before), shown.sizes, "normalised", shown.normalise, BATCHES)
    if not (found.relative <= tolerance and found.cosine <= tolerance):
        raise DisagreementError(
            f"the optimised model does not compute what the model computes ({found}, of the largest number {found.relative:.1e}; "
            f"{tolerance:g} is allowed): use the model as it is, or allow more with tolerance only if you know why they differ"
        )
    return found


def agreed_compiled(network: nn.Module, before: nn.Module, shown: Shown, tolerance: float) -> Agreement:
    """``agreed`` for a network that is compiled by that.

    Raises:
        DisagreementError: as ``agreed``.
        InputError: the compiler fails.
    """
    try:
        return agreed(network, before, shown, tolerance)
    except (RgaError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # what compilers raise is of many kinds, and pages long
        raise InputError(
            f"torch.compile failed ({type(error).__name__}: {first_line(error)[:200]}): install a C++ compiler, or leave compile out"
        ) from error
