"""Attention on and off a network: ``attach``, ``detach``, and ``resample`` for images of another size.

Where it goes is found by ``stages``, how it is registered there is ``hosts``' matter. What was registered is tried before it is handed
out: the network runs once more, on tensors without values, and each attention must be called just once, or nothing is changed at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Literal, TypeVar

import torch
from torch import nn

from rga.attachment.hosts import (
    LAYOUT,
    MARK,
    OUTPUT,
    Attachment,
    all_or_nothing,
    attachments,
    bypassed,
    let_call,
    register,
    remove,
    stop_noting,
)
from rga.attachment.probe import called_modules, weight_of
from rga.attachment.stages import Stage, find_blocks, find_stages, named_stages
from rga.attention.catalog import create_attention
from rga.attention.grid import Grid, GridAttention, check_grid
from rga.attention.owners import owners
from rga.errors import InputError

Model = TypeVar("Model", bound=nn.Module)

BLOCKS = "blocks"
"""Stands for all positions inside of blocks."""

LARGEST_GRID = "largest_grid"
"""The attribute of an attached attention that remembers its limit, for ``resample``."""


@torch.inference_mode(mode=False)  # weights made in inference mode could never be trained
def attach(
    model: Model,
    name: str,
    *,
    image_size: Grid,
    after: Iterable[str] | Literal["blocks"] | None = None,
    largest_grid: Grid | None = None,
    trained_size: Grid | None = None,
    **options: object,
) -> Model:
    """Puts attention after the stages of a network, in place.

    Each attention is registered inside of its stage, which calls it: the network's own keys keep their names, the attentions' are
    ``STAGE.attention...``. ``rga.attached(model)`` tells which stages were chosen, ``rga.find_stages`` tells it beforehand. To find its
    stages the network is run, on tensors without values, which hooks of your own see, too.

    Args:
        model: a CNN, of timm, torchvision or your own; or a network whose maps are tokens or have their channels last: timm's ViT, DeiT,
            BEiT, EVA, CaiT, Swin and others, torchvision's ViT and Swin. Of tokens, those of the patches are the map; others (of the class,
            registers) pass by.
        name: an attention, one of ``rga.list_attentions()``; ``"none"`` attaches nothing.
        image_size: (height, width) of the images that the network will see.
        after: qualified names of the modules whose outputs are attended to; by default all stages from a quarter of the resolution on; of
            a network of tokens, of one resolution throughout, four blocks at even distances, the last one among them.
            One name at least; ``name="none"`` attaches nothing.
            ``"blocks"`` for the branches of all blocks, before the shortcut is added, where SE and CBAM sit as published.
        largest_grid: (height, width) that no attention's grid exceeds; stages with larger maps pool them to it, for which attentions whose
            weights belong to a grid need ``fit="pool"``. By default each gets the grid of its stage. Not with ``fit="spectral"``, which
            never pools.
        trained_size: (height, width) of the images that weights were trained on which ``rga.resample`` then moved to ``image_size``: the
            hidden widths follow from it, so that such weights can be loaded. By default ``image_size``.
        **options: of the attention, see ``rga.create_attention``; ``initial_gate=0.95`` lets RGA start gently in a trained network.

    Returns:
        The same model.

    Raises:
        InputError: the attention or a stage is unknown, the model has no stages that return maps, a stage carries attention already, or
            an attention would not be called just once in a pass. The model is as it was.
        TypeError: the attention has no such option. The model is as it was.

    Example:
        >>> import timm, torch
        >>> model = attach(timm.create_model("resnet18"), "rga-sc", image_size=(128, 64))
        >>> [key for key in model.state_dict() if key.startswith("layer2.attention")][0]
        'layer2.attention.spatial.gate.theta_phi_psi.linear.weight'
        >>> model(torch.rand(2, 3, 128, 64)).shape
        torch.Size([2, 1000])
    """
    if name == "none":
        return model
    stages = attention_stages(model, image_size, after)
    built_for = attention_stages(model, trained_size, [stage.name for stage in stages]) if trained_size is not None else stages
    with all_or_nothing(model):
        for stage, built in zip(stages, built_for, strict=True):
            attention = create_attention(name, stage.channels, limited(built.grid, largest_grid), **options)
            check_limit(attention, largest_grid)
            move(attention, limited(stage.grid, largest_grid))
            setattr(attention, LARGEST_GRID, largest_grid)
            register(model, stage.name, match_stage(attention, model.get_submodule(stage.name), model), stage.layout)
        chosen = {stage.name for stage in stages}
        let_stages_call(model, [each for each in attachments(model) if each.stage in chosen], image_size)
    return model


def let_stages_call(model: nn.Module, attached: Sequence[Attachment], image_size: Grid) -> None:
    """Lets every host call its attention that does not do so by itself, and makes sure that all are called.

    Raises:
        InputError: one is not called just once, or not on what its stage returned; it is named.
    """
    calls = calls_in_a_pass(model, image_size)
    uncalled = [each for each in attached if getattr(each.attention, MARK) == OUTPUT and not calls[each.name]]
    for each in uncalled:
        let_call(each.host, OUTPUT, each.child)
    if uncalled:
        calls = calls_in_a_pass(model, image_size)
    for each in attached:
        if calls[each.stage] > 1:
            raise InputError(
                f"module {each.stage!r} runs {calls[each.stage]} times in one pass, and attention after it would, too: "
                "name modules that run once, or attach attention to the part of the network that is used again and again"
            )
        if calls[each.name] != 1:
            raise InputError(
                f"attention after {each.stage!r} would not be called by {type(each.host).__name__}, in which it is registered: "
                "the way in which it runs its parts leaves no place for it. Name another module, such as the one around it"
            )


def calls_in_a_pass(model: nn.Module, image_size: Grid) -> Counter[str]:
    """How often each module runs in one pass; attentions hand on their maps as they are."""
    with bypassed(model):
        return Counter(called_modules(model, image_size))


def attention_stages(model: nn.Module, image_size: Grid, after: Iterable[str] | None) -> list[Stage]:
    """Where attention goes; see ``attach``."""
    with bypassed(model):
        if after is None:
            return find_stages(model, image_size)
        if isinstance(after, str):
            if after != BLOCKS:
                raise InputError(f"after={after!r}: name modules in a list, [{after!r}], or choose {BLOCKS!r} for inside of all blocks")
            return find_blocks(model, image_size)
        names = list(after)
        if not names:
            raise InputError("after=[] names no module to attend to: leave it out for all stages, or choose the attention 'none'")
        return named_stages(model, image_size, names)


def limited(grid: Grid, largest: Grid | None) -> Grid:
    """A grid, no axis of which exceeds that of the largest one.

    Example:
        >>> limited((64, 24), (32, 32))
        (32, 24)
    """
    if largest is None:
        return grid
    height, width = check_grid(largest)
    return min(grid[0], height), min(grid[1], width)


def check_limit(attention: nn.Module, largest: Grid | None) -> None:
    """Raises an InputError for a largest grid of an attention that does not pool."""
    if largest is not None and any(isinstance(module, GridAttention) and module.fit == "spectral" for module in attention.modules()):
        raise InputError(f"largest_grid={largest} is of attention that pools, and fit='spectral' takes maps as they are: leave it out")


def match_stage(attention: nn.Module, stage: nn.Module, model: nn.Module) -> nn.Module:
    """The attention on the device and in the dtype of its stage (of the model, where the stage has no weights), in its mode."""
    weights = next((weight for owner in (stage, model) if (weight := weight_of(owner)) is not None), None)
    if weights is not None:
        attention.to(weights.device, weights.dtype)
    return attention.train(model.training)


def detach(model: Model) -> Model:
    """Takes off what ``attach`` put on, in place: the plain model is back, with its weights as they are now.

    Returns:
        The same model.

    Raises:
        InputError: nothing is attached.
    """
    with all_or_nothing(model):
        for each in attachments_of(model):
            remove(each)
        stop_noting(model)
    for owner in owners(model):
        owner.attention_detached()
    return model


@torch.inference_mode(mode=False)
def resample(model: Model, *, grid: Grid | None = None, image_size: Grid | None = None) -> Model:
    """Moves trained attention to another grid, in place: every axis of its weights that runs over positions is interpolated.

    Sums over positions keep their expected magnitude: on the new grid the weights answer a map as the old ones answer that map
    resized to the old grid. Hidden widths stay as they are. Nothing changes where the grid stays the same; the ``largest_grid`` of
    ``attach`` goes on to hold.

    Args:
        model: one attention, with ``grid``, or a model with attached attention, with ``image_size``.
        grid: the new (height, width) of the attention's maps.
        image_size: the new (height, width) of the model's images.

    Returns:
        The same module.

    Raises:
        InputError: not just one of ``grid`` and ``image_size`` is given, the model has nothing attached, ``grid`` is given for a network
            with attached attention or for none whose weights belong to a grid, or a weight cannot be moved (pruned, quantised). The model
            is as it was.

    Example:
        >>> import timm, torch
        >>> model = attach(timm.create_model("resnet18"), "rga-sc", image_size=(128, 64))
        >>> resample(model, image_size=(192, 96))(torch.rand(2, 3, 192, 96)).shape
        torch.Size([2, 1000])
    """
    if (grid is None) == (image_size is None):
        raise InputError(
            "pass either grid=(height, width) for one attention, or image_size=(height, width) for a model with attached attention"
        )
    if grid is not None:
        check_is_one_attention(model, grid)
        with as_before_on_failure([model]):
            move(model, grid)
        return model
    assert image_size is not None
    found = attachments_of(model)
    stages = stages_of(model, image_size, found)
    with as_before_on_failure(each.attention for each in found):
        for each, stage in zip(found, stages, strict=True):
            move(each.attention, limited(stage.grid, getattr(each.attention, LARGEST_GRID, None)))
            if (layout := getattr(each.attention, LAYOUT, None)) is not None:
                setattr(each.attention, LAYOUT, replace(layout, grid=stage.grid))
        for owner in owners(model):
            owner.attention_resampled(check_grid(image_size))
    return model


def stages_of(model: nn.Module, image_size: Grid, found: Sequence[Attachment]) -> list[Stage]:
    """The stages that attentions are attached to, for images of another size."""
    with bypassed(model):
        return named_stages(model, image_size, [each.stage for each in found])


def grids_at(model: nn.Module, image_size: Grid) -> dict[str, Grid]:
    """The grid of each attached attention, by its name, in a model for images of another (height, width)."""
    found = attachments(model)
    stages = stages_of(model, image_size, found)
    return {each.name: limited(stage.grid, getattr(each.attention, LARGEST_GRID, None)) for each, stage in zip(found, stages, strict=True)}


@contextmanager
def as_before_on_failure(attentions: Iterable[nn.Module]) -> Iterator[None]:
    """Puts weights, buffers and attributes of attentions back as they were when the block fails; their children stay the same."""
    before = [
        [(content, dict(content)) for content in (vars(module), module._parameters, module._buffers)]  # noqa: SLF001  not public
        for attention in attentions
        for module in attention.modules()
    ]
    try:
        yield
    except BaseException:
        for contents in before:
            for content, values in contents:
                content.clear()
                content.update(values)
        raise


def check_is_one_attention(model: nn.Module, grid: Grid) -> None:
    """Raises an InputError for what ``grid`` cannot be meant for: a network with several attentions, or a module without one."""
    if attachments(model):
        raise InputError(
            f"grid={grid} is of one attention, and {type(model).__name__} is a network with attached attention, each on the grid of its "
            "stage: name the size of its images, image_size=(height, width)"
        )
    if not any(isinstance(module, GridAttention) for module in model.modules()):
        raise InputError(
            f"{type(model).__name__} holds no attention whose weights belong to a grid, so none can be moved to {grid}: name one of RGA or "
            "another with a grid; attention without one takes maps of any size as it is"
        )


def move(attention: nn.Module, grid: Grid) -> None:
    """Moves all that belongs to a grid in one attention to another grid, in place."""
    for module in attention.modules():
        if isinstance(module, GridAttention):
            module.resample_(grid)


def attachments_of(model: nn.Module) -> list[Attachment]:
    """What is attached to a model, which must be something."""
    found = attachments(model)
    if not found:
        raise InputError(f"{type(model).__name__} has no attached attention: attach some with rga.attach(model, 'rga-sc', image_size=...)")
    return found
