"""Attention on any convolutional network, and off again.

``attach`` registers one attention per stage under ``model.attentions`` and lets a forward hook on the stage call it. No module is
wrapped, so that every pretrained key keeps its name, and the hook is a method of a registered module, so that copies, pickles,
compiled and exported models carry it along.

One thing is changed on a stage: its class becomes a subclass of the same name with ``Attended`` in front. ``torch.compile`` does
not look at hooks when it decides whether a graph that it has fits a module; it does look at classes. Without this a plain network
that was compiled first would lend its graph to the attended one, which would silently run without attention.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Literal, TypeVar

from torch import Tensor, nn

from rga.attention.catalog import create_attention
from rga.attention.grid import Grid, GridAttention, check_grid
from rga.stages import Stage, find_blocks, find_stages, named_stages

Model = TypeVar("Model", bound=nn.Module)

CHILD = "attentions"
"""The name under which a model holds what was attached to it."""

BLOCKS = "blocks"
"""The name of all places inside of blocks."""


class AttachedAttentions(nn.ModuleDict):
    """A model's attentions by the names of their stages (with ``_`` for the dots), and the hook that calls them.

    Args:
        stages: the qualified names of the stages, in the order in which they run.
    """

    def __init__(self, stages: Sequence[str]) -> None:
        super().__init__()
        self.stages = {self.key(stage): stage for stage in stages}

    def forward(self, x: Tensor) -> Tensor:
        """The identity: a model that is a plain sequence runs all its children, this one as the last."""
        return x

    @staticmethod
    def key(stage: str) -> str:
        """The key of a stage's attention."""
        return stage.replace(".", "_")

    def after(self, key: str, _module: nn.Module, _args: object, output: Tensor) -> Tensor:
        """Forward hook of a stage: its output, attended to."""
        attended: Tensor = self[key](output)
        return attended


class Attended:
    """What the class of an attended stage adds to that of the plain one: copies and pickles, as it cannot be imported by its name."""

    plain_class: type[nn.Module]

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        """Rebuilds a copy from the plain class."""
        return rebuild_attended, (self.plain_class,), self.__getstate__()


ATTENDED: dict[type[nn.Module], type[nn.Module]] = {}
"""The classes of attended stages by their plain ones: one for each, as for the compiler another class is another graph."""


def attended_class(plain: type[nn.Module]) -> type[nn.Module]:
    """The class of an attended stage whose own class is ``plain``."""
    if plain not in ATTENDED:
        ATTENDED[plain] = type(f"Attended{plain.__name__}", (Attended, plain), {"plain_class": plain, "__module__": plain.__module__})
    return ATTENDED[plain]


def rebuild_attended(plain: type[nn.Module]) -> nn.Module:
    """An attended stage whose state is still to be set."""
    attended = attended_class(plain)
    return attended.__new__(attended)


def attach(
    model: Model,
    name: str,
    *,
    image_size: Grid,
    after: Sequence[str] | Literal["blocks"] | None = None,
    largest_grid: Grid | None = None,
    **options: object,
) -> Model:
    """Puts attention after the stages of a convolutional network, in place.

    The network's own keys keep their names; the attentions' begin with ``attentions.``. To find its stages the network is run once, on
    tensors without values, which hooks of your own see, too.

    Args:
        model: a CNN, of timm, torchvision or your own.
        name: an attention, one of ``rga.list_attentions()``; ``"none"`` attaches nothing.
        image_size: (height, width) of the pictures that the network will see.
        after: qualified names of the modules whose outputs are attended to; by default all stages from a quarter of the resolution on.
            ``"blocks"`` for the branches of all blocks, before the shortcut is added, where SE and CBAM sit as published.
        largest_grid: (height, width) that no attention's grid exceeds; stages with larger maps pool them to it, for which attentions whose
            weights belong to a grid need ``fit="pool"``. By default each gets the grid of its stage.
        **options: of the attention, see ``rga.create_attention``; ``initial_gate=0.95`` lets RGA start gently in a trained network.

    Returns:
        The same model.

    Raises:
        ValueError: the attention or a stage is unknown, the model has no stages that return maps, or attention was attached before.
        TypeError: the attention has no such option.

    Example:
        >>> import timm, torch
        >>> model = attach(timm.create_model("resnet18"), "rga-sc", image_size=(128, 64))
        >>> list(model.attentions)
        ['layer1', 'layer2', 'layer3', 'layer4']
        >>> model(torch.rand(2, 3, 128, 64)).shape
        torch.Size([2, 1000])
    """
    if hasattr(model, CHILD):
        raise ValueError(f"the model has a child {CHILD!r} already: take attached attention off with rga.detach(model) first")
    if name == "none":
        return model
    stages = places(model, image_size, after)
    attached = AttachedAttentions([stage.name for stage in stages]).train(model.training)
    modules = dict(model.named_modules())
    for stage in stages:
        attention = create_attention(name, stage.channels, limited(stage.grid, largest_grid), **options)
        attached[attached.key(stage.name)] = like(attention, modules[stage.name], model)
    model.add_module(CHILD, attached)
    hook(model, attached)
    return model


def hook(model: nn.Module, attached: AttachedAttentions) -> None:
    """Lets the stages of a model call their attentions; those that do already stay as they are."""
    for key, stage_name in attached.stages.items():
        stage = model.get_submodule(stage_name)
        if not any(belongs_to(each, attached) for each in forward_hooks(stage).values()):
            stage.register_forward_hook(partial(attached.after, key))
            stage.__class__ = attended_class(type(stage))


def reattach(model: Model) -> Model:
    """Puts attached attention back to work where a module that it came after was replaced by another one, in place.

    That is what converting batch normalisations does (``torch.nn.SyncBatchNorm.convert_sync_batchnorm``) when attention sits inside of
    blocks: the new modules do not have the hooks of the old ones, and nothing would say so.

    Args:
        model: with attention attached to it or to parts of it, or without any.

    Returns:
        The same model.

    Example:
        >>> import timm, torch
        >>> model = attach(timm.create_model("resnet18"), "se", image_size=(64, 64), after="blocks")
        >>> model = reattach(torch.nn.SyncBatchNorm.convert_sync_batchnorm(model))
    """
    for part in list(model.modules()):
        attached = getattr(part, CHILD, None)
        if isinstance(attached, AttachedAttentions):
            hook(part, attached)
    return model


def places(model: nn.Module, image_size: Grid, after: Sequence[str] | None) -> list[Stage]:
    """Where attention goes; see ``attach``."""
    if after is None:
        return find_stages(model, image_size)
    if isinstance(after, str):
        if after != BLOCKS:
            raise ValueError(f"after={after!r}: name modules in a list, [{after!r}], or choose {BLOCKS!r} for inside of all blocks")
        return find_blocks(model, image_size)
    return named_stages(model, image_size, after)


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


def like(attention: nn.Module, stage: nn.Module, model: nn.Module) -> nn.Module:
    """The attention on the device and in the dtype of its stage (of the model, where the stage has no weights), in its mode."""
    weights = next((p for owner in (stage, model) for p in owner.parameters() if p.is_floating_point()), None)
    if weights is not None:
        attention.to(weights.device, weights.dtype)
    return attention.train(model.training)


def detach(model: Model) -> Model:
    """Takes off what ``attach`` put on, in place: the plain model is back, with its weights as they are now.

    Returns:
        The same model.

    Raises:
        ValueError: nothing is attached.
    """
    attached = attached_to(model)
    for module in model.modules():
        if remove_hooks(module, attached):
            module.__class__ = module.plain_class if isinstance(module, Attended) else type(module)
    delattr(model, CHILD)
    return model


def resample(model: Model, *, grid: Grid | None = None, image_size: Grid | None = None) -> Model:
    """Moves trained attention to another grid, in place: every axis of its weights that runs over positions is interpolated.

    Sums over positions keep their expected magnitude: on the new grid the weights answer a map as the old ones answer that map
    resized to the old grid. Hidden widths stay as they are. Nothing changes where the grid stays the same.

    Args:
        model: one attention, with ``grid``, or a model with attached attention, with ``image_size``.
        grid: the new (height, width) of the attention's maps.
        image_size: the new (height, width) of the model's pictures.

    Returns:
        The same module.

    Raises:
        ValueError: not just one of ``grid`` and ``image_size`` is given, or the model has nothing attached.

    Example:
        >>> import timm, torch
        >>> model = attach(timm.create_model("resnet18"), "rga-sc", image_size=(128, 64))
        >>> resample(model, image_size=(192, 96))(torch.rand(2, 3, 192, 96)).shape
        torch.Size([2, 1000])
    """
    if (grid is None) == (image_size is None):
        raise ValueError(
            "pass either grid=(height, width) for one attention, or image_size=(height, width) for a model with attached attention"
        )
    if grid is not None:
        move(model, grid)
        return model
    assert image_size is not None
    attached = attached_to(model)
    with detached_hooks(model, attached):
        stages: list[Stage] = named_stages(model, image_size, list(attached.stages.values()))
    for stage in stages:
        move(attached[attached.key(stage.name)], stage.grid)
    return model


def move(attention: nn.Module, grid: Grid) -> None:
    """Moves all that belongs to a grid in one attention to another grid, in place."""
    for module in attention.modules():
        if isinstance(module, GridAttention):
            module.resample_(grid)


def attached_to(model: nn.Module) -> AttachedAttentions:
    """What is attached to a model."""
    attached = getattr(model, CHILD, None)
    if not isinstance(attached, AttachedAttentions):
        raise ValueError(f"{type(model).__name__} has no attached attention: attach some with rga.attach(model, 'rga-sc', image_size=...)")
    return attached


def forward_hooks(module: nn.Module) -> dict[int, Callable[..., object]]:
    """The forward hooks of a module by their numbers: the dict itself."""
    return module._forward_hooks  # noqa: SLF001  PyTorch offers no other way to see them


def remove_hooks(module: nn.Module, attached: AttachedAttentions) -> bool:
    """Removes the hooks on one module that call the attached attentions; whether there were any."""
    hooks = forward_hooks(module)
    found = [number for number, hook in hooks.items() if belongs_to(hook, attached)]
    for number in found:
        del hooks[number]
    return bool(found)


def belongs_to(hook: object, attached: AttachedAttentions) -> bool:
    """Whether a forward hook is one of those that call the attached attentions."""
    return isinstance(hook, partial) and getattr(hook.func, "__self__", None) is attached


@contextmanager
def detached_hooks(model: nn.Module, attached: AttachedAttentions) -> Iterator[None]:
    """Leaves the attached attentions uncalled within the block."""
    kept = {module: dict(forward_hooks(module)) for module in model.modules()}
    try:
        for module in kept:
            remove_hooks(module, attached)
        yield
    finally:
        for module, hooks in kept.items():  # into the same dict, which the handles of other hooks refer to
            forward_hooks(module).clear()
            forward_hooks(module).update(hooks)
