"""Models of the hub by name: from this machine's cache, and when the hub cannot be reached; no test reaches a network."""

import json
from pathlib import Path
from typing import NoReturn

import pytest
import torch
from huggingface_hub import constants

import rga
from rga.backbones.weights import hub
from rga.errors import InputError
from rga.reid.model import ReidModel
from rga.storage.saved_model import save_model


class Unreachable:
    """A client whose hub is not there, and that counts how often it was asked."""

    asked = 0

    def head(self, url: str, timeout: float) -> NoReturn:
        self.asked += 1
        raise OSError("Name or service not known")


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Unreachable:
    made = Unreachable()
    monkeypatch.setattr(hub, "get_session", lambda: made)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.file_download.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.chdir(tmp_path)
    return made


def test_a_model_that_is_not_here_is_given_up_at_once_with_the_reason(session: Unreachable) -> None:
    with pytest.raises(
        ConnectionError, match=r"there is no folder owner/name, .* cannot be reached \(OSError: Name or service not known\)"
    ):
        rga.load("owner/name")
    assert session.asked == 1


def test_a_model_in_the_cache_is_loaded_without_a_hub(session: Unreachable, tmp_path: Path) -> None:
    model = ReidModel("test_resnet", image_size=(64, 32), attention="none")
    folder = tmp_path / "hub" / "models--owner--name"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("0123abcd")
    save_model(model, folder / "snapshots" / "0123abcd", {})
    loaded = rga.load("owner/name", ReidModel)
    assert session.asked == 1
    assert all(torch.equal(value, model.state_dict()[key]) for key, value in loaded.state_dict().items())


@pytest.mark.parametrize(
    ("change", "message"),
    [({"format": 3}, "has format 3, and this version of rga reads formats up to 2: update rga"), ({"format": "new"}, "damaged")],
)
def test_models_of_a_later_format_are_refused(change: dict[str, object], message: str, tmp_path: Path) -> None:
    save_model(ReidModel(backbone="resnet10t", image_size=(32, 16), attention="none"), tmp_path / "model", {})
    path = tmp_path / "model" / "config.json"
    config = json.loads(path.read_text())
    assert config["format"] == 2
    rga.load(tmp_path / "model")
    path.write_text(json.dumps({**config, **change}))
    with pytest.raises(InputError, match=message):
        rga.load(tmp_path / "model")
