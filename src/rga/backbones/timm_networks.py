"""Networks with RGA under names of timm: ``rga.register_timm()``, then ``timm.create_model("resnet50_rga_sc")``.

A name is one of ``BACKBONES``, one of ``ATTENTIONS`` and, for a re-ID network with its neck, ``_reid``. Behind a dot stands the tag of the
backbone's pretrained weights, as with timm's own networks, or the size of the images: ``resnet50_rga_sc_reid.384x128``. Keys are those of
``rga.attach(timm.create_model("resnet50"), "rga-sc", image_size=...)``; of the re-ID networks those of ``rga.reid``'s models.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import timm
import torch
from timm.models import PretrainedCfg as Config
from timm.models import generate_default_cfgs, get_arch_pretrained_cfgs, get_pretrained_cfg, load_pretrained, register_model
from torch import Tensor, nn

from rga.attachment import attach
from rga.attachment.probe import evaluating
from rga.attention.grid import Grid
from rga.backbones.last_stride import keep_last_resolution
from rga.backbones.weights.hub import address, cached_weights, out_of_reach
from rga.errors import HubError, InputError

BACKBONES = (
    *("resnet10t", "resnet14t", "resnet18", "resnet26", "resnet34", "resnet50", "resnet50d", "resnet101", "resnet152"),
    *("resnext50_32x4d", "wide_resnet50_2", "test_resnet"),
)
"""Networks of timm that get attention after each stage; ``test_resnet`` is timm's own tiny one, for tests."""

ATTENTIONS: dict[str, tuple[str, Mapping[str, Any]]] = {
    "rga_s": ("rga-s", {}),
    "rga_c": ("rga-c", {}),
    "rga_sc": ("rga-sc", {}),
    "rga_cs": ("rga-cs", {}),
    "rga_parallel": ("rga-parallel", {}),
    "rga_sc_pool": ("rga-sc", {"fit": "pool"}),
    "rga_sc_spectral": ("rga-sc", {"fit": "spectral"}),
}
"""Part of a network's name -> the attention and its options."""

REID = "_reid"
"""The end of the names of re-ID networks: the last stage keeps its resolution, and a BN neck comes after the pooling."""

REID_SIZE: Grid = (256, 128)
"""(height, width) of the images of re-ID networks, where nothing else is said."""

SIZE_TAG = re.compile(r"(\d+)x(\d+)", re.ASCII)

default_cfgs: dict[str, Any] = {}
"""What timm looks for in the module of a network: its pretrained weights and how images are prepared for it."""

__all__ = ["register_timm"]


@dataclass(frozen=True)
class Network:
    """A network under a name of timm.

    Attributes:
        backbone: its name in timm.
        attention: a key of ``ATTENTIONS``.
        reid: whether it is one of re-ID.
    """

    backbone: str
    attention: str
    reid: bool

    @property
    def name(self) -> str:
        """What timm calls it."""
        return f"{self.backbone}_{self.attention}{REID if self.reid else ''}"

    @property
    def configs(self) -> dict[str, Config]:
        """Name with a tag -> the backbone's pretrained weights, and how images are prepared; the first is taken where no tag is named."""
        first = config_of(self.backbone).tag
        found = {str(config.tag or ""): config for config in get_arch_pretrained_cfgs(self.backbone).values()}
        return {f"{self.name}.{tag}".rstrip("."): self.with_size(found[tag]) for tag in sorted(found, key=lambda tag: (tag != first, tag))}

    def with_size(self, config: Config, size: Grid | None = None) -> Config:
        """A backbone's configuration as that of this network, whose attention is built for one size."""
        size = size or (REID_SIZE if self.reid else config.input_size[-2:])
        return replace(
            config,
            architecture=self.name,
            input_size=(3, *size),
            fixed_input_size=True,
            test_input_size=None,
            test_crop_pct=None,
            pool_size=None,
            num_classes=0 if self.reid else config.num_classes,
            classifier="classifier" if self.reid else config.classifier,
        )


NETWORKS: dict[str, Network] = {
    each.name: each
    for reid in (False, True)
    for backbone in BACKBONES
    for attention in ATTENTIONS
    for each in (Network(backbone, attention, reid),)
}
"""All names -> what they are."""


def register_timm() -> list[str]:
    """Lets ``timm.create_model`` and ``timm.list_models("*_rga_*")`` know networks with RGA.

    ``timm.create_model(NAME, ...)`` then takes, besides what the backbone takes (``num_classes``, ``features_only``, ``in_chans``, ...),
    ``img_size`` (height, width) or one number, for which the attention is built (by default that of the backbone's weights; 256x128 for the
    names that end in ``_reid``), and ``attention_options`` of ``rga.create_attention``. ``pretrained=True`` loads the backbone's ImageNet
    weights; its attention starts at random. Once registered, further calls do nothing.

    Returns:
        The names.

    Example:
        >>> import timm, torch, rga
        >>> "resnet50_rga_sc" in rga.register_timm()
        True
        >>> model = timm.create_model("resnet18_rga_sc", num_classes=5, img_size=(128, 64))
        >>> model(torch.rand(2, 3, 128, 64)).shape
        torch.Size([2, 5])
        >>> timm.list_models("resnet18_rga_sc*")
        ['resnet18_rga_sc', 'resnet18_rga_sc_pool', 'resnet18_rga_sc_pool_reid', 'resnet18_rga_sc_reid', 'resnet18_rga_sc_spectral', \
'resnet18_rga_sc_spectral_reid']
    """
    module = sys.modules[__name__]
    for name, network in NETWORKS.items():
        if timm.is_model(name):
            continue
        default_cfgs.update(generate_default_cfgs({key: asdict(config) for key, config in network.configs.items()}))
        entry = entry_of(network)
        setattr(module, name, entry)  # timm lists it in __all__
        register_model(entry)
    return list(NETWORKS)


def config_of(name: str) -> Config:
    """What timm knows of the weights of one of its networks.

    Raises:
        RuntimeError: of timm: it knows no weights of this tag.
    """
    found = get_pretrained_cfg(name)
    assert found is not None
    return found


def num_classes_of(model: nn.Module) -> int:
    """What timm compares with the classes of the weights."""
    found: Any = getattr(model, "num_classes", 0)
    return int(found)


def entry_of(network: Network) -> Callable[..., nn.Module]:
    """The function that timm calls for a name."""

    def entry(pretrained: bool = False, **options: Any) -> nn.Module:
        return create(network, pretrained=pretrained, **options)

    entry.__name__ = entry.__qualname__ = network.name
    entry.__module__ = __name__
    return entry


def create(
    network: Network,
    *,
    pretrained: bool = False,
    pretrained_cfg: str | Mapping[str, Any] | Config | None = None,
    pretrained_cfg_overlay: Mapping[str, Any] | None = None,
    cache_dir: Any = None,
    img_size: int | Sequence[int] | None = None,
    attention_options: Mapping[str, Any] | None = None,
    num_classes: int | None = None,
    features_only: bool = False,
    **options: Any,
) -> nn.Module:
    """Builds a network; see ``register_timm``.

    Raises:
        InputError: a size is none, the backbone has no pretrained weights, or maps are asked of a re-ID network.
        HubError: the backbone's weights are not on this machine and cannot be fetched.
        RuntimeError: of timm: it knows no weights of this tag.
    """
    if network.reid and features_only:
        raise InputError(f"{network.name} gives embeddings: for its maps, take {network.name.removesuffix(REID)}")
    chosen = Chosen(network, pretrained_cfg, pretrained_cfg_overlay or {}, img_size)
    source, overlay = ("", {}) if chosen.whole is not None else chosen.backbone_source(pretrained, cache_dir)
    classes: dict[str, Any] = {} if num_classes is None else {"num_classes": num_classes}
    if network.reid:
        classes = {"num_classes": 0}
    elif chosen.whole is not None:
        classes.setdefault("num_classes", chosen.config.num_classes)
    backbone = timm.create_model(
        f"{network.backbone}{source}",
        pretrained=pretrained and chosen.whole is None,
        pretrained_cfg_overlay=overlay or None,
        cache_dir=cache_dir,
        features_only=features_only,
        **classes,
        **options,
    )
    if network.reid:
        keep_last_resolution(backbone, chosen.size)
    attention, own = ATTENTIONS[network.attention]
    attach(backbone, attention, image_size=chosen.size, **{**own, **(attention_options or {})})
    if network.reid:
        theirs = chosen.config.num_classes if chosen.whole is not None else 0
        model: nn.Module = ReidNetwork(backbone, chosen.size, theirs if num_classes is None else num_classes)
    else:
        model = backbone
    told = network.with_size(chosen.config, chosen.size).to_dict()
    model.pretrained_cfg = model.default_cfg = told
    if pretrained and chosen.whole is not None:
        load_pretrained(model, pretrained_cfg=chosen.whole.to_dict(), num_classes=num_classes_of(model), cache_dir=cache_dir)
    return model


@dataclass(frozen=True)
class Chosen:
    """What was asked for: weights and size.

    Attributes:
        network: to build.
        named: a tag of the backbone's weights, a size, or the configuration of weights of the whole network.
        overlay: timm's changes of that configuration.
        img_size: of the images; overrides the others.
    """

    network: Network
    named: str | Mapping[str, Any] | Config | None
    overlay: Mapping[str, Any] = field(default_factory=dict)
    img_size: int | Sequence[int] | None = None

    @property
    def whole(self) -> Config | None:
        """The configuration of weights that hold the attention, too, as timm saves them; None for the backbone's."""
        if self.named is None or isinstance(self.named, str):
            return None
        return replace(self.named if isinstance(self.named, Config) else Config(**self.named), **self.overlay)

    @property
    def tag(self) -> str:
        """Of the backbone's weights; empty for those that timm takes without a tag."""
        return self.named if isinstance(self.named, str) and not SIZE_TAG.fullmatch(self.named) else ""

    @property
    def config(self) -> Config:
        """How images are prepared."""
        return self.whole or config_of(f"{self.network.backbone}.{self.tag}".rstrip("."))

    @property
    def size(self) -> Grid:
        """(height, width) of the images.

        Raises:
            InputError: it is none.
        """
        named: Any = self.img_size
        if named is None and isinstance(self.named, str) and (found := SIZE_TAG.fullmatch(self.named)):
            named = tuple(map(int, found.groups()))
        if named is None and self.whole is not None:
            named = self.whole.input_size[-2:]
        if named is None:
            named = self.network.with_size(self.config).input_size[-2:]
        both = (named, named) if isinstance(named, int) else tuple(named)
        if len(both) != 2 or not all(isinstance(size, int) and size > 0 for size in both):
            raise InputError(f"img_size is (height, width) or one number, above 0, got {named!r}")
        return both

    def backbone_source(self, pretrained: bool, cache_dir: Any) -> tuple[str, dict[str, Any]]:
        """The tag behind the backbone's name, and timm's changes of its configuration that say where its weights are on this machine.

        Raises:
            InputError: it has no pretrained weights.
            HubError: they are not here and cannot be fetched.
        """
        tag, overlay = f".{self.tag}".rstrip("."), dict(self.overlay)
        if not pretrained or cache_dir is not None or any(overlay.get(name) for name in ("file", "state_dict", "url", "hf_hub_id")):
            return tag, overlay
        config = self.config
        named = f"{self.network.backbone}.{config.tag}".rstrip(".")
        if not config.has_weights:
            raise InputError(f"there are no pretrained weights of {named}: pass pretrained=False, or another tag of timm.list_pretrained()")
        kept = cached_weights(config)
        if kept is not None:
            return tag, {**overlay, "file": str(kept)}
        failure = out_of_reach(address(config))
        if failure is not None:
            raise HubError(
                f"the pretrained weights of {named} are not on this machine and could not be fetched from {address(config)} ({failure}): "
                "pass pretrained=False, or their file with pretrained_cfg_overlay={'file': ...}"
            )
        return tag, overlay


class ReidNetwork(nn.Module):
    """A backbone with a BN neck: the network of ``rga.reid``'s models with the same keys, as one of timm's.

    Args:
        backbone: gives pooled features.
        image_size: (height, width) of its images.
        num_classes: identities that the classifier tells apart; 0 for none.
    """

    def __init__(self, backbone: nn.Module, image_size: Grid, num_classes: int) -> None:
        super().__init__()
        self.backbone = backbone
        with evaluating(backbone), torch.inference_mode():
            self.num_features = int(backbone(torch.zeros(1, getattr(backbone, "in_chans", 3), *image_size)).shape[1])
        self.head_hidden_size = self.num_features
        self.neck = nn.BatchNorm1d(self.num_features)
        self.neck.bias.requires_grad_(False)
        self.reset_classifier(num_classes)

    def get_classifier(self) -> nn.Module | None:
        """The layer that tells identities apart; None without one."""
        return self.classifier

    def reset_classifier(self, num_classes: int) -> None:
        """Begins anew with other identities; with 0 the network gives embeddings."""
        self.num_classes = num_classes
        self.classifier = nn.Linear(self.num_features, num_classes, bias=False) if num_classes else None
        if self.classifier is not None:
            nn.init.normal_(self.classifier.weight, std=0.001)

    def forward_features(self, images: Tensor) -> Tensor:
        """Images (B, 3, H, W) -> maps before the pooling (B, D, h, w)."""
        maps: Tensor = self.backbone.forward_features(images)  # type: ignore[operator]
        return maps

    def forward_head(self, maps: Tensor, pre_logits: bool = False) -> Tensor:
        """Maps -> embeddings after the neck (B, D), or scores (B, num_classes) where there is a classifier."""
        pooled: Tensor = self.backbone.forward_head(maps)  # type: ignore[operator]
        embeddings: Tensor = self.neck(pooled)
        return embeddings if pre_logits or self.classifier is None else self.classifier(embeddings)

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, 3, H, W) -> embeddings (B, D), or scores where there is a classifier."""
        return self.forward_head(self.forward_features(images))
