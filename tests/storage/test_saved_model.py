"""Models as users get them: whole, or not at all."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from rga.storage import saved_model
from rga.storage.saved_model import SavedModel, save_model


class Small(nn.Module, SavedModel, library_name="rga"):
    """A layer and its statistics."""

    def __init__(self, width: int = 3, metrics: dict[str, object] | None = None) -> None:
        super().__init__()
        self.metrics = metrics
        self.layer = nn.Linear(2, width)
        self.norm = nn.BatchNorm1d(width)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_model(Small(width=5), tmp_path / "saved", {"mAP": 0.5})
    return tmp_path / "saved"


def test_what_is_saved_is_loaded_in_evaluation_mode_without_a_word(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = Small.from_pretrained(folder)
    assert (model.layer.out_features, model.metrics, model.training) == (5, {"mAP": 0.5}, False)
    for name, value in load_file(folder / "model.safetensors").items():
        assert torch.equal(model.state_dict()[name], value)
    assert capsys.readouterr().out == ""


def test_weights_come_from_the_hub_by_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def download(repository: str, name: str, **_options: object) -> str:
        asked.append((repository, name))
        return str(folder / name)

    monkeypatch.setattr(saved_model, "hf_hub_download", download)
    model = Small._from_pretrained(
        model_id="owner/name", revision=None, cache_dir=None, force_download=False, local_files_only=False, token=None, width=5
    )
    assert asked == [("owner/name", "model.safetensors")]
    assert torch.equal(model.layer.weight, load_file(folder / "model.safetensors")["layer.weight"])


def test_weights_that_are_missing_too_many_or_of_another_shape_are_refused(folder: Path) -> None:
    file = folder / "model.safetensors"
    whole = load_file(file)
    for changed, named in (
        ({name: value for name, value in whole.items() if name != "norm.running_var"}, "norm.running_var"),
        ({**whole, "another": torch.zeros(1)}, "another"),
        ({**whole, "layer.bias": torch.zeros(4)}, "layer.bias"),
    ):
        save_file(changed, file)
        with pytest.raises(ValueError, match=f"the weights of .*model.safetensors are not those of the config.json beside it.*{named}"):
            Small.from_pretrained(folder)


def test_a_file_that_is_damaged_or_gone_is_named(folder: Path) -> None:
    file = folder / "model.safetensors"
    contents = file.read_bytes()
    file.write_bytes(contents[:-10])
    with pytest.raises(ValueError, match=r"model\.safetensors is damaged, or no safetensors file .*: copy it again"):
        Small.from_pretrained(folder)
    file.unlink()
    with pytest.raises(FileNotFoundError, match=r"has no model\.safetensors: copy it there"):
        Small.from_pretrained(folder)


def test_a_pickle_is_never_read(folder: Path) -> None:
    model = Small(width=5)
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError):
        Small.from_pretrained(folder)
