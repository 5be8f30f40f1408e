"""Files of weights as other toolkits write them: what they lie in, what their names begin with, and what lies beside them."""

import argparse
import datetime as dt
import io
import os
import pathlib
import pickle
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save
from timm.utils import CheckpointSaver, ModelEmaV3, NativeScaler
from torch import Tensor, nn

import rga
from rga.backbones.weights.pretrained import load_backbone_weights
from rga.errors import InputError, MissingFileError

State = dict[str, Tensor]


@pytest.fixture(scope="module")
def donor() -> State:
    """The weights of a network with a classifier of 7 classes."""
    return {key: torch.randn_like(value) if value.is_floating_point() else value for key, value in network(7).state_dict().items()}


def network(classes: int = 0) -> nn.Module:
    made: nn.Module = timm.create_model("test_resnet", num_classes=classes)
    return made


def start_from(path: Path) -> tuple[State, str]:
    """The weights of a network that started from a file, and what is said of them."""
    backbone = network()
    said = load_backbone_weights(backbone, "test_resnet", str(path))
    return backbone.state_dict(), said


def assert_taken(path: Path, donor: State) -> str:
    state, said = start_from(path)
    assert all(torch.equal(value, donor[key]) for key, value in state.items())
    return said


def under(prefix: str, state: State) -> State:
    return {prefix + key: value for key, value in state.items()}


@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model_state", "model", "net", "model_ema", "ema", "state_dict_ema"])
def test_weights_under_a_key(key: str, donor: State, tmp_path: Path) -> None:
    torch.save({"epoch": 3, key: donor, "optimizer": {"state": {0: {"momentum_buffer": torch.ones(3)}}}}, tmp_path / "a.pth")
    assert f"under '{key}'; left out: fc" in assert_taken(tmp_path / "a.pth", donor)


@pytest.mark.parametrize(
    "prefix",
    [
        *("model.", "backbone.", "module.", "encoder.", "base.", "encoder_q.", "module.model.backbone.", "student.net.base."),
        *("_orig_mod.", "module._orig_mod.base."),
    ],
)
def test_names_with_a_beginning_of_their_own(prefix: str, donor: State, tmp_path: Path) -> None:
    head = {"head.weight": torch.zeros(2), "neck.bias": torch.zeros(2)}
    torch.save({"state_dict": {**under(prefix, donor), **head}}, tmp_path / "a.pth")
    said = assert_taken(tmp_path / "a.pth", donor)
    assert "left out: fc, head, neck" in said
    shown = prefix.replace("_orig_mod.", "")
    assert (f"names after '{shown}'" in said) == bool(shown)


def test_wrappers_in_the_middle_of_names(donor: State, tmp_path: Path) -> None:
    wrapped = {
        key.replace("layer1.", "layer1._orig_mod.").replace("layer2.", "layer2._checkpoint_wrapped_module."): donor[key] for key in donor
    }
    torch.save(wrapped, tmp_path / "a.pth")
    assert_taken(tmp_path / "a.pth", donor)


def test_groups_within_groups_and_arrays(donor: State, tmp_path: Path) -> None:
    torch.save({"model": {"backbone": donor, "head": {"weight": torch.zeros(2)}}}, tmp_path / "a.pth")
    assert "under 'model.backbone'" in assert_taken(tmp_path / "a.pth", donor)
    torch.save({key: value.numpy() for key, value in donor.items()}, tmp_path / "b.pth")
    assert_taken(tmp_path / "b.pth", donor)


def test_averaged_weights_are_taken_first_and_the_network_that_fits_before_one_that_does_not(donor: State, tmp_path: Path) -> None:
    zeros = {key: torch.zeros_like(value) for key, value in donor.items()}
    torch.save({"state_dict": zeros, "state_dict_ema": donor}, tmp_path / "a.pth")
    assert "under 'state_dict_ema'" in assert_taken(tmp_path / "a.pth", donor)
    other = timm.create_model("resnet10t", num_classes=0).state_dict()
    torch.save({"ema": other, "model": donor}, tmp_path / "b.pth")
    assert "under 'model'" in assert_taken(tmp_path / "b.pth", donor)
    torch.save({"state_dict": {**under("module.encoder_k.", zeros), **under("module.encoder_q.", donor)}}, tmp_path / "c.pth")
    assert "names after 'module.encoder_q.'" in assert_taken(tmp_path / "c.pth", donor)
    torch.save({**under("left.", zeros), **under("right.", donor)}, tmp_path / "d.pth")
    with pytest.raises(InputError, match=r"d\.pth .*holds the network twice, under 'left\.' and under 'right\.': write the one"):
        start_from(tmp_path / "d.pth")


def timm_checkpoint(state: State) -> dict[str, Any]:
    """What timm's train script saves, with paths and dates among the arguments."""
    arguments = argparse.Namespace(lr=0.1, output=pathlib.Path("out"), lr_noise=None, started=dt.datetime(2024, 5, 1), betas=(0.9, 0.99))
    return {"epoch": 9, "arch": "test_resnet", "state_dict": state, "version": 2, "args": arguments, "metric": np.float64(76.5)}


def torchreid_checkpoint(state: State) -> dict[str, Any]:
    """What torchreid saves; the rank is a numpy scalar."""
    names = OrderedDict(under("module.", state))
    optimizer = torch.optim.Adam([nn.Parameter(torch.ones(2))]).state_dict()
    return {"state_dict": names, "epoch": 60, "rank1": np.float32(0.9), "cmc": np.array([0.9, 0.95]), "optimizer": optimizer}


def odd_checkpoint(state: State) -> dict[str, Any]:
    values = {"a": np.int64(3), "b": np.bool_(True), "c": np.dtype("f4"), "d": defaultdict(list, {1: [2]}), "e": {1, 2}, "f": np.float16(1)}
    return {"model": state, "history": values, "slice": slice(1, 2), "size": torch.Size([1])}


@pytest.mark.parametrize("write", [timm_checkpoint, torchreid_checkpoint, odd_checkpoint])
@pytest.mark.parametrize("zipped", [True, False])
def test_what_training_scripts_write_beside_the_weights(
    write: Callable[[State], dict[str, Any]], zipped: bool, donor: State, tmp_path: Path
) -> None:
    torch.save(write(donor), tmp_path / "model.pth.tar", _use_new_zipfile_serialization=zipped)
    assert_taken(tmp_path / "model.pth.tar", donor)


def test_classes_of_packages_that_are_not_here(donor: State, tmp_path: Path) -> None:
    """Of the configurations that fastreid and mmengine save, and of numpy before version 2."""
    file = io.BytesIO()
    torch.save({"model": donor, "cfg": argparse.Namespace(x=1), "history": argparse.Namespace(y=2)}, file)
    contents = file.getvalue()
    assert contents.count(b"cargparse\nNamespace\n") == 1  # written once, referred to twice
    for name in (b"cmmengine.logging.history_buffer\nHistoryBuffer\n", b"cyacs.config\nCfgNode\n"):
        renamed = rezipped(contents, b"cargparse\nNamespace\n", name)
        (tmp_path / "a.pth").write_bytes(renamed)
        assert_taken(tmp_path / "a.pth", donor)
    file = io.BytesIO()
    torch.save({"model": donor, "rank1": np.float64(1)}, file)
    (tmp_path / "b.pth").write_bytes(rezipped(file.getvalue(), b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n"))
    assert_taken(tmp_path / "b.pth", donor)


def rezipped(contents: bytes, old: bytes, new: bytes) -> bytes:
    """A file of PyTorch whose pickle names another class."""
    import zipfile  # noqa: PLC0415

    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(contents)) as source, zipfile.ZipFile(out, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name.endswith("data.pkl"):
                assert old in data
                data = data.replace(old, new)
            target.writestr(name, data)
    return out.getvalue()


class Command:
    """Runs a command where it is unpickled carelessly."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


class OwnClass:
    """A class of somebody's training script."""


@pytest.mark.parametrize(
    ("made", "named"), [(Command, "system"), (OwnClass, "OwnClass"), (nn.Linear, r"torch\.nn\.modules\.linear\.Linear")]
)
def test_code_is_refused_by_its_name_and_not_executed(made: Any, named: str, donor: State, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    extra = made(f"touch {mark}") if made is Command else made(2, 2) if made is nn.Linear else made()
    torch.save({"state_dict": donor, "extra": extra}, tmp_path / "a.pth")
    with pytest.raises(InputError, match=rf"a\.pth holds \S*{named} besides tensors.*may execute code: it is not read.*state_dict\(\)"):
        start_from(tmp_path / "a.pth")
    assert not mark.exists()


def test_the_allow_list_ends_with_the_reading(donor: State, tmp_path: Path) -> None:
    torch.save(timm_checkpoint(donor), tmp_path / "a.pth")
    before = set(torch.serialization.get_safe_globals())
    assert_taken(tmp_path / "a.pth", donor)
    assert set(torch.serialization.get_safe_globals()) == before


@pytest.mark.parametrize(
    ("contents", "kind"),
    [
        (b"", "an empty file"),
        (b"<!DOCTYPE html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
        (b"\x08\x08\x12\x07pytorch", "an ONNX file"),
        (b"PK\x03\x04", "cut short"),
        (pickle.dumps({"a": 1}), "a pickle that torch.save did not write"),
        (b"weights", "a file of an unknown kind"),
    ],
)
def test_files_that_hold_no_weights_are_told_apart(contents: bytes, kind: str, tmp_path: Path) -> None:
    (tmp_path / "a.pth").write_bytes(contents)
    with pytest.raises(InputError, match=rf"a\.pth cannot be read as a file of weights: it is .*{kind}.*; expected \.safetensors"):
        start_from(tmp_path / "a.pth")


def test_the_kind_of_a_file_is_in_its_bytes_not_in_its_name(donor: State, tmp_path: Path) -> None:
    (tmp_path / "a.pth").write_bytes(save(donor))
    assert_taken(tmp_path / "a.pth", donor)


def test_what_no_network_can_start_from(donor: State, tmp_path: Path) -> None:
    for contents, message in (
        ({"epoch": 1}, r"holds no state dict: .* got 'epoch'"),
        ({}, "holds no state dict: .* got nothing"),
        ([donor], "holds no state dict but a list"),
        (
            {key: value * float("nan") if value.is_floating_point() else value for key, value in donor.items()},
            "hold NaN or infinite numbers",
        ),
        (
            {key: value for key, value in donor.items() if "layer1" not in key},
            r"not those of 'test_resnet': \d+ of \d+ are missing \(layer1.*, 0 have another shape; give the file timm's names",
        ),
    ):
        torch.save(contents, tmp_path / "a.pth")
        with pytest.raises(InputError, match=message):
            start_from(tmp_path / "a.pth")


def test_a_path_with_a_slip_is_answered_with_the_nearest_one(donor: State, tmp_path: Path) -> None:
    torch.save(donor, tmp_path / "backbone.pth")
    with pytest.raises(MissingFileError, match=r"no file of weights at .*backbon\.pth: did you mean .*backbone\.pth\?"):
        start_from(tmp_path / "backbon.pth")
    with pytest.raises(
        MissingFileError, match=r"the folder .* has no model\.safetensors: it holds backbone\.pth; name a file in it, such as"
    ):
        start_from(tmp_path)


def test_an_attention_of_another_network_is_left_out(donor: State, tmp_path: Path) -> None:
    """What lies in a file under an attention's name is taken as a whole or not at all."""
    backbone = rga.attach(network(), "rga-s", image_size=(64, 32))
    before = {key: value.clone() for key, value in backbone.state_dict().items()}
    part = {key: torch.ones_like(value) for key, value in before.items() if key.startswith("layer1.attention.") and ".w1." in key}
    assert part
    torch.save({**donor, **part}, tmp_path / "a.pth")
    said = load_backbone_weights(backbone, "test_resnet", str(tmp_path / "a.pth"), "rga-s")
    assert "left out: fc, layer1.attention" in said
    assert all(torch.equal(backbone.state_dict()[key], before[key]) for key in part)


def test_a_checkpoint_that_timm_saves_itself(donor: State, tmp_path: Path) -> None:
    """With its own saver: the arguments, the scaler of gradients and the averaged weights lie beside the weights."""
    model = network(7)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    average = ModelEmaV3(model)
    average.module.load_state_dict(donor)
    arguments = argparse.Namespace(model="test_resnet", output=tmp_path, seed=np.int64(1), betas=None)
    saver = CheckpointSaver(model, optimizer, arguments, average, NativeScaler(), checkpoint_dir=str(tmp_path), recovery_dir=str(tmp_path))
    saver.save_checkpoint(3, metric=np.float64(76.5))
    assert "under 'state_dict_ema'" in assert_taken(tmp_path / "model_best.pth.tar", donor)
