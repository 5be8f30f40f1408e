"""How an attention becomes part of the network that it serves: registered inside of its stage and called by it, without hooks.

Whoever takes a stage out of a network, copies, checkpoints, exports or converts it then has its attention, too. The module in which an
attention is registered is its host:

    a sequence                       the attention is its last child; nothing else changes, unless the sequence has a ``forward`` of its
                                     own (residuals, a list of features), which does not get to see the attention
    a normalisation, or a module     is replaced by conversions (``torch.nn.SyncBatchNorm.convert_sync_batchnorm``,
    that timm can fuse or that is    ``timm.utils.reparameterize_model``), so that a child of it would be lost, or changes its class when a
    parametrized                     parametrization is removed: the module around it is the host, and calls the attention after it
    any other module                 its class becomes a subclass whose ``forward`` calls the attention on what the plain one returned

The network's own keys keep their names. The attention's begin with ``STAGE.attention.``, or ``BLOCK.NORM_attention.`` after a
normalisation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import MethodType
from typing import Any, ClassVar, TypeGuard

import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.utils.parametrize import is_parametrized

from rga.attachment.layouts import MAPS, Layout, PatchGrid
from rga.errors import InputError

CHILD = "attention"
"""The name under which a host holds the attention after its own output."""

OUTPUT = ""
"""The end that is the host's own output; other ends are the names of its children."""

NOTE = "(its grid)"
"""The end of a convolution whose grid is noted: see ``layouts.PatchGrid``."""

LAYOUT = "attached_layout"
"""The attribute of an attached attention that tells how the output of its stage lies."""

MARK = "attached_after"
"""The attribute that tells an attached attention from a network's own: the end of its host that it comes after."""

CONTAINERS = (nn.ModuleDict, nn.ModuleList, nn.Sequential)
"""Classes whose subclasses run their items by going through them, in ways of their own."""


@dataclass(frozen=True)
class Attachment:
    """An attention where it is attached.

    Attributes:
        stage: qualified name of the module whose output is attended to.
        name: qualified name of the attention.
        attention: the module itself.
        host: the module in which it is registered.
        child: its name there.
    """

    stage: str
    name: str
    attention: nn.Module
    host: nn.Module
    child: str


def attachments(model: nn.Module) -> list[Attachment]:
    """All attached attentions of a network, in the order in which its modules are listed."""
    found = []
    order = {name: index for index, (name, _) in enumerate(model.named_modules())}
    for host_name, host in model.named_modules():
        for child, module in host.named_children():
            end = getattr(module, MARK, None)
            if end is not None:
                found.append(Attachment(joined(host_name, end), joined(host_name, child), module, host, child))
    return sorted(found, key=lambda each: order.get(each.name, 0))


def attached(model: nn.Module) -> dict[str, nn.Module]:
    """What ``attach`` has put on a network: the name of each module that is attended to -> its attention.

    Example:
        >>> import timm, rga
        >>> model = rga.attach(timm.create_model("resnet18"), "rga-sc", image_size=(128, 64))
        >>> list(rga.attached(model))
        ['layer1', 'layer2', 'layer3', 'layer4']
        >>> rga.attached(model)["layer2"].spatial.grid
        (16, 8)
    """
    return {each.stage: each.attention for each in attachments(model)}


def joined(*names: str) -> str:
    """A qualified name."""
    return ".".join(filter(None, names))


class Attended:
    """What the class of a host adds to the plain one: its ``forward`` calls the attentions that are registered in it.

    Both attributes belong to the class, as compilers look at classes when they decide whether a graph that they have fits a module.
    """

    plain_class: ClassVar[type[nn.Module]]
    attended_ends: ClassVar[Mapping[str, str]]
    """End -> name of the attention after it."""

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The plain module's pass, with attention after each of the ends."""
        ends = self.attended_ends
        seen: Any = self
        if isinstance(self, CONTAINERS):
            seen = SeenContainer(self) if torch.compiler.is_compiling() else ContainerPassingForHost(self)
        elif len(ends) > (OUTPUT in ends) + (NOTE in ends):
            seen = SeenFromWithin(self) if torch.compiler.is_compiling() else PassingForHost(self)
        out = self.plain_class.forward(seen, *args, **kwargs)
        if NOTE in ends:
            getattr(self, ends[NOTE])(out)
        return attend(getattr(self, ends[OUTPUT]), out) if OUTPUT in ends else out

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        """Rebuilds a copy from the plain class, as this one cannot be imported by its name."""
        return rebuilt, (self.plain_class, tuple(self.attended_ends.items())), self.__getstate__()


class AttendedSequence(Attended):
    """A sequence with attention after one of its modules: whoever goes through it gets both as one item, so that indices stay."""

    def __iter__(self) -> Iterator[Any]:
        return iter(SeenContainer(self))

    def __len__(self) -> int:
        return len(SeenContainer(self))

    def __getitem__(self, index: int | slice) -> nn.Module:
        items = [self.item(name) for name in SeenContainer(self).keys()]  # noqa: SIM118  it is no dict
        return nn.Sequential(*items[index]) if isinstance(index, slice) else items[index]

    def item(self, name: str) -> nn.Module:
        """A module of the sequence, with the attention after it."""
        module: nn.Module = getattr(self, name)
        ends = self.attended_ends
        return nn.Sequential(module, getattr(self, ends[name])) if name in ends else module


class SeenFromWithin:
    """A host as its own plain ``forward`` sees it: where that calls a child with attention after it, both are called.

    Args:
        host: the module.
    """

    def __init__(self, host: Any) -> None:
        self.host = host

    def __getattr__(self, name: str) -> Any:
        host = self.host
        if name in host.attended_ends:
            return followed(getattr(host, name), getattr(host, host.attended_ends[name]))
        value = getattr(host, name)
        if isinstance(value, MethodType) and value.__self__ is host:
            return MethodType(value.__func__, self)
        return value


class SeenContainer(SeenFromWithin):
    """A sequence, list or dict of modules as its own plain ``forward`` sees it: without the attentions among the items that it runs."""

    def items(self) -> list[tuple[str, Any]]:
        """The items with their names."""
        hidden = set(self.host.attended_ends.values())
        return [(name, getattr(self, name)) for name, _ in self.host.named_children() if name not in hidden]

    def keys(self) -> list[str]:
        """The names of the items."""
        return [name for name, _ in self.items()]

    def values(self) -> list[Any]:
        """The items."""
        return [item for _, item in self.items()]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.keys() if isinstance(self.host, nn.ModuleDict) else self.values())

    def __len__(self) -> int:
        return len(self.items())

    def __getitem__(self, key: Any) -> Any:
        return getattr(self, key) if isinstance(self.host, nn.ModuleDict) else self.values()[key]


class PassingForHost(SeenFromWithin):
    """Passes for the host, for ``super()``, ``isinstance`` and assignments in its methods; the compiler cannot follow that."""

    def __init__(self, host: Any) -> None:
        object.__setattr__(self, "host", host)

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """The host's class."""
        host_class: type = type(self.host)
        return host_class

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self.host, name, value)


class ContainerPassingForHost(PassingForHost, SeenContainer):
    """The same for a sequence, list or dict."""


def followed(module: Callable[..., Any], attention: Callable[..., Any]) -> Callable[..., Any]:
    """A call of a module, and of the attention on what it returns."""

    def both(*args: Any, **kwargs: Any) -> Any:
        return attend(attention, module(*args, **kwargs))

    return both if torch.compiler.is_compiling() else Followed(module, both)


class Followed:
    """A module with attention after it, as the ``forward`` around it sees it: it may read the module's attributes, such as its weight."""

    def __init__(self, module: Callable[..., Any], both: Callable[..., Any]) -> None:
        self.module, self.both = module, both

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the module returns, after the attention."""
        return self.both(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.module, name)


def attend(attention: Callable[..., Any], out: Any) -> Any:
    """What a module returned after the attention, whatever its layout."""
    layout: Layout | None = getattr(attention, LAYOUT, None)
    return attention(out) if layout is None else layout.through(attention, out)


ATTENDED: dict[tuple[type[nn.Module], tuple[tuple[str, str], ...]], type[nn.Module]] = {}
"""The classes of hosts by the plain ones and their ends: one for each, as for a compiler another class is another graph."""


def attended_class(plain: type[nn.Module], ends: tuple[tuple[str, str], ...]) -> type[nn.Module]:
    """The class of a host whose own class is ``plain``."""
    if (plain, ends) not in ATTENDED:
        content = {"plain_class": plain, "attended_ends": dict(ends), "__module__": plain.__module__}
        mixin = AttendedSequence if issubclass(plain, nn.Sequential) else Attended
        ATTENDED[plain, ends] = type(f"Attended{plain.__name__}", (mixin, plain), content)
    return ATTENDED[plain, ends]


def rebuilt(plain: type[nn.Module], ends: tuple[tuple[str, str], ...]) -> nn.Module:
    """A host whose state is still to be set."""
    attended = attended_class(plain, ends)
    return attended.__new__(attended)


def register(model: nn.Module, stage: str, attention: nn.Module, layout: Layout = MAPS) -> Attachment:
    """Registers an attention in the host of a stage; a plain sequence calls it as it is, any other host once ``let_call`` was told.

    Args:
        model: the network.
        stage: qualified name of the module whose output it gets.
        attention: of maps (B, C, H, W).
        layout: of that output; where it is no map (B, C, H, W), the host is told how to call the attention.

    Raises:
        InputError: the stage carries attention already.
    """
    module = model.get_submodule(stage)
    parent, _, name = stage.rpartition(".")
    within = isinstance(module, _NormBase) or hasattr(module, "fuse") or is_parametrized(module)
    host, end = (model.get_submodule(parent), name) if within else (module, OUTPUT)
    if any(getattr(other, MARK, None) == end for other in host.children()):
        raise InputError(
            f"module {stage!r} carries attention already (from an earlier attach, or of a model that shares the module): "
            "take it off with rga.detach first, or name other modules with after=[...]"
        )
    child = free_name(host, f"{name}_{CHILD}" if within else CHILD)
    setattr(attention, MARK, end)
    host.add_module(child, attention)
    if layout.kind == "tokens":
        layout = replace(layout, patches=noting(model.get_submodule(layout.embedding)))
    if layout.kind != "maps":
        setattr(attention, LAYOUT, layout)
    if within or layout.kind != "maps" or (isinstance(host, CONTAINERS) and not is_plain_sequence(host)):
        let_call(host, end, child)
    return Attachment(stage, joined(parent if within else stage, child), attention, host, child)


def noting(convolution: nn.Module) -> PatchGrid:
    """What notes the grid of a convolution's maps, which calls it."""
    ends = convolution.attended_ends if isinstance(convolution, Attended) else {}
    if NOTE not in ends:
        child = free_name(convolution, "patch_grid")
        convolution.add_module(child, PatchGrid())
        let_call(convolution, NOTE, child)
        ends = {NOTE: child}
    found = getattr(convolution, ends[NOTE])
    assert isinstance(found, PatchGrid)
    return found


def stop_noting(model: nn.Module) -> None:
    """Lets no convolution of a network note its grid any more."""
    for module in list(model.modules()):
        if isinstance(module, Attended) and NOTE in module.attended_ends:
            child = module.attended_ends[NOTE]
            set_class(module, {end: other for end, other in module.attended_ends.items() if end != NOTE})
            delattr(module, child)


def is_plain_sequence(host: nn.Module) -> TypeGuard[nn.Sequential]:
    """Whether a module runs its children one after the other, each on what the one before it returned."""
    return isinstance(host, nn.Sequential) and type(host).forward is nn.Sequential.forward


def free_name(host: nn.Module, name: str) -> str:
    """The name, with a number behind it where the host has something of this name already."""
    candidates = (name, *(f"{name}{number}" for number in range(2, 100)))
    return next(candidate for candidate in candidates if not hasattr(host, candidate))


def let_call(host: nn.Module, end: str, child: str) -> None:
    """Changes the class of a host to one whose ``forward`` calls the attention after an end."""
    ends = dict(host.attended_ends) if isinstance(host, Attended) else {}
    set_class(host, {**ends, end: child})


def set_class(host: nn.Module, ends: Mapping[str, str]) -> None:
    """Gives a host the class for its ends; the plain one for none.

    Raises:
        InputError: its class was changed by something else since attention was attached.
    """
    kind = type(host)
    plain = host.plain_class if isinstance(host, Attended) else kind
    if isinstance(host, Attended) and kind not in ATTENDED.values():
        raise InputError(
            f"the class of a {plain.__name__} was changed to {kind.__name__} after attention was attached "
            "(by sharding or a parametrisation): undo that first"
        )
    host.__class__ = attended_class(plain, tuple(ends.items())) if ends else plain


def remove(attachment: Attachment) -> None:
    """Takes an attention out of its host."""
    host, attention = attachment.host, attachment.attention
    end = getattr(attention, MARK)
    if isinstance(host, Attended) and end in host.attended_ends:
        set_class(host, {other: child for other, child in host.attended_ends.items() if other != end})
    delattr(host, attachment.child)
    delattr(attention, MARK)
    if hasattr(attention, LAYOUT):
        delattr(attention, LAYOUT)


class Bypass(nn.Identity):
    """Stands where an attention is that is bypassed: what it hands on is no map of the network's own."""


@contextmanager
def bypassed(model: nn.Module) -> Iterator[None]:
    """Within the block the attached attentions of a network hand maps on as they are, whatever their grid."""
    found = attachments(model)
    try:
        for each in found:
            children_of(each.host)[each.child] = Bypass()
        yield
    finally:
        for each in found:
            children_of(each.host)[each.child] = each.attention


@contextmanager
def all_or_nothing(model: nn.Module) -> Iterator[None]:
    """Puts classes, children, marks and layouts of all modules back as they were when the block fails."""
    before = [(module, type(module), dict(children_of(module))) for module in model.modules()]
    marks = [(vars(each.attention), dict(vars(each.attention))) for each in attachments(model)]
    try:
        yield
    except BaseException:
        for module, kind, children in before:
            module.__class__ = kind
            children_of(module).clear()
            children_of(module).update(children)
        for attributes, values in marks:
            attributes.update(values)
        raise


def children_of(module: nn.Module) -> dict[str, Any]:
    """The children of a module by their names: the dict itself."""
    return module._modules  # noqa: SLF001  by PyTorch's public way a child of a sequence would change its place
