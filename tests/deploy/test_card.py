"""Model cards, and models on the hub: what is put there is loaded again, and says what it is. The hub is a folder."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from huggingface_hub import ModelCard, hub_mixin
from huggingface_hub.errors import HfHubHTTPError
from PIL import Image

import rga
from rga import loading
from rga.backbones import model as backbone_model
from rga.backbones.model import BackboneModel
from rga.classification.model import ClassificationModel
from rga.errors import ExistingFileError, HubError, InputError, MissingFileError
from rga.reid.model import ReidModel
from rga.segmentation.model import SegmentationModel
from rga.storage import saved_model
from rga.storage.saved_model import save_model, weights_fingerprint

IMAGE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8))
METRICS = {"data": "market1501", "fingerprint": "0123456789abcdef", "mAP_neck": 0.51234, "test": {"R1_neck": 0.75}}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that the hub's client writes to and reads from."""
    root = tmp_path / "hub"

    class Api:
        def __init__(self, token: str | None = None) -> None:
            assert token in (None, "token")

        def create_repo(self, repo_id: str, **_options: Any) -> Any:
            return SimpleNamespace(repo_id=repo_id)

        def upload_folder(self, *, repo_id: str, folder_path: Path, **_options: Any) -> str:
            shutil.copytree(folder_path, root / repo_id)
            return f"https://hub/{repo_id}/commit/1"

    def download(repo_id: str, filename: str, **_options: Any) -> str:
        return str(root / repo_id / filename)

    monkeypatch.setattr(hub_mixin, "HfApi", Api)
    for module in (hub_mixin, loading, saved_model):
        monkeypatch.setattr(module, "hf_hub_download", download)
    for module in (backbone_model, loading):
        monkeypatch.setattr(module, "out_of_reach", lambda _url: None)
    return root


Embed = Callable[[Any], Any]

KINDS: dict[str, tuple[type[BackboneModel], str, Embed]] = {
    "reid": (ReidModel, "image-feature-extraction", lambda model: model.embed(IMAGE)),
    "classifier": (ClassificationModel, "image-classification", lambda model: model.probabilities(IMAGE)),
    "segmenter": (SegmentationModel, "image-segmentation", lambda model: model.segment(IMAGE)[0].confidence),
}


@pytest.mark.parametrize("which", KINDS)
def test_what_is_put_on_the_hub_is_loaded_from_there(which: str, request: pytest.FixtureRequest, hub: Path) -> None:
    model = request.getfixturevalue(which)
    kind, pipeline_tag, answer = KINDS[which]
    assert model.push_to_hub("owner/name", token="token") == "https://hub/owner/name/commit/1"
    folder = hub / "owner" / "name"
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "config.json", "model.safetensors"]
    assert json.loads((folder / "config.json").read_text())["format"] == saved_model.FORMAT
    for loaded in (rga.load("owner/name"), kind.from_pretrained("owner/name"), kind.from_pretrained(folder)):
        assert isinstance(loaded, kind)
        assert weights_fingerprint(loaded) == weights_fingerprint(model)
        np.testing.assert_array_equal(answer(loaded), answer(model))
    card = ModelCard.load(folder / "README.md")
    assert card.data.pipeline_tag == pipeline_tag
    assert (card.data.library_name, card.data.license) == ("rga", "other")
    assert "relation-aware-global-attention" in card.data.tags
    assert 'rga.load("owner/name")' in card.text
    assert hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest() in card.text
    assert f"| parameters | {sum(each.numel() for each in model.parameters()):,} |" in card.text


def test_the_hub_takes_whole_files_of_the_weights_alone(reid: ReidModel, hub: Path) -> None:
    reid.push_to_hub("owner/name", model_card_kwargs={"license": "cc-by-nc-4.0"})
    assert ModelCard.load(hub / "owner" / "name" / "README.md").data.license == "cc-by-nc-4.0"
    weights = hub / "owner" / "name" / "model.safetensors"
    tensors = saved_model.read_tensors(weights)
    del tensors["neck.running_var"]
    saved_model.write_tensors(weights, tensors)
    with pytest.raises(InputError, match="1 are missing"):
        rga.load("owner/name")
    torch.save(reid.state_dict(), weights.with_name("pytorch_model.bin"))
    weights.unlink()
    with pytest.raises(FileNotFoundError):  # weights that may hold code are not read instead
        ReidModel.from_pretrained("owner/name")


def test_a_hub_that_cannot_be_written_to(reid: ReidModel, hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: Any, **_options: Any) -> None:
        raise HfHubHTTPError("401 Unauthorized\nlog in", response=SimpleNamespace(headers={}, request=None))  # type: ignore[arg-type]

    monkeypatch.setattr("huggingface_hub.hub_mixin.HfApi.create_repo", refuse)
    with pytest.raises(HubError, match=r"cannot be put on the hub as owner/name \(401 Unauthorized\): .* hf auth login"):
        reid.push_to_hub("owner/name")
    monkeypatch.setattr(backbone_model, "out_of_reach", lambda _url: "no network")
    with pytest.raises(HubError, match=r"as owner/name: the hub cannot be reached \(no network\)"):
        reid.push_to_hub("owner/name")
    assert not hub.exists()


@pytest.fixture
def run(reid: ReidModel, tmp_path: Path) -> Path:
    """The folder of a run with a model, and what two evaluations wrote."""
    save_model(reid, tmp_path / "run" / "best", METRICS)
    settings = {"task": "reid", "data": "msmt17", "fingerprint": "fedcba9876543210", "options": {"flip": True}}
    results = {"results": {"neck": {"mAP": 0.25, "queries": 1234}}}
    ours, other = ({**settings, "weights": weights, **results} for weights in (weights_fingerprint(reid), "of another model"))
    (tmp_path / "run" / "evaluation-msmt17.json").write_text(json.dumps(ours))
    (tmp_path / "run" / "best" / "evaluation-msmt17-2.json").write_text(json.dumps({**other, "data": "other people"}))
    return tmp_path / "run"


def test_the_card_of_a_run(run: Path, reid: ReidModel, tmp_path: Path) -> None:
    text = rga.model_card(run, tmp_path / "card.md", repo_id="owner/name", license="apache-2.0")
    assert (tmp_path / "card.md").read_text() == text
    price = rga.cost(reid, (1, 3, 32, 16))
    for said in (
        'license: "apache-2.0"',
        "on market1501 (fingerprint 0123456789abcdef)",
        "| mAP_neck | 0.5123 |",
        "| test R1_neck | 0.7500 |",
        "ranks the gallery by cosine distance, without re-ranking",
        'On msmt17 (fingerprint fedcba9876543210), measured by `rga evaluate` with {"flip": true}:',
        "| neck mAP | 0.2500 |",
        "| neck queries | 1,234 |",
        "32x16 pixels (height x width)",
        f"{price.macs / 1e9:.3f} G",
        hashlib.sha256((run / "best" / "model.safetensors").read_bytes()).hexdigest(),
        "must not be used to watch or follow people without their knowledge and consent",
        "The data have a licence of their own",
    ):
        assert said in text, said
    assert "other people" not in text
    with pytest.raises(ExistingFileError, match=r"card\.md is there already"):
        rga.model_card(run, tmp_path / "card.md")
    with pytest.raises(InputError, match="a licence is named as on the hub"):
        rga.model_card(run, license="mine: all\nrights")
    with pytest.raises(MissingFileError, match="there is no model in"):
        rga.model_card(tmp_path)


def test_a_saved_model_has_a_card_that_stays_right(run: Path) -> None:
    text = (run / "best" / "README.md").read_text()
    assert "library_name: rga" in text
    assert "`config.json` says it" in text
    assert "0.5123" not in text  # figures may come later


def test_names_cannot_write_into_the_card(reid: ReidModel, tmp_path: Path) -> None:
    reid.trained_on, kept = {**reid.trained_on, "name": "<script>|\n# mine caf\udce9 ![x](y)"}, reid.trained_on
    try:
        reid.remember(trained_on=reid.trained_on)
        save_model(reid, tmp_path / "model", {})
    finally:
        reid.trained_on = kept
        reid.remember(trained_on=kept)
    text = rga.model_card(tmp_path / "model")
    assert "| data | (script)/ # mine caf\\\\xe9 \\!\\[x\\](y) |" in text
    assert "<script>" not in text


def test_what_the_hub_would_not_take(reid: ReidModel, run: Path, hub: Path) -> None:
    for use in (reid.push_to_hub, lambda name: rga.model_card(run, repo_id=name)):
        for name in ("a/b/c", 'x")\nimport os #', "a/\udce9"):
            with pytest.raises(InputError, match="a model on the hub is called owner/name"):
                use(name)
    with pytest.raises(InputError, match="a licence is named as on the hub"):
        reid.push_to_hub("owner/name", model_card_kwargs={"license": "mine: all\nrights"})
    assert not hub.exists()
    assert ModelCard(rga.model_card(run, license="no")).data.get("license") == "no"


def test_results_that_are_damaged_are_named(run: Path, reid: ReidModel) -> None:
    file = run / "evaluation-x.json"
    whole = {"weights": weights_fingerprint(reid), "data": "d", "fingerprint": "f"}
    for content in (
        b"{",
        "caf\u00e9".encode("latin-1"),
        json.dumps({**whole, "results": []}).encode(),
        json.dumps({"weights": whole["weights"]}).encode(),
    ):
        file.write_bytes(content)
        with pytest.raises(InputError, match=r"evaluation-x.json is no .*result of rga evaluate.*: move it away, or evaluate again"):
            rga.model_card(run)


def test_a_model_is_saved_whatever_cards_know_of_its_task(tmp_path: Path) -> None:
    class Other(BackboneModel, tags=["depth-estimation"]):
        def __init__(self) -> None:
            super().__init__()
            self.backbone = torch.nn.Linear(2, 2)

    Other().save_pretrained(tmp_path)
    assert (tmp_path / "model.safetensors").is_file()


def test_a_model_goes_to_the_hub_as_it_is_saved(reid: ReidModel, hub: Path, tmp_path: Path) -> None:
    reid.save_pretrained(tmp_path / "saved", push_to_hub=True, repo_id="owner/name")
    assert (hub / "owner" / "name" / "model.safetensors").is_file()
    assert json.loads((hub / "owner" / "name" / "config.json").read_text())["metrics"] == reid.metrics
