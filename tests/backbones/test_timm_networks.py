"""Networks with RGA by timm's names behave as timm's own do, and have the keys of attached attention."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from timm.data import resolve_model_data_config
from timm.models._hub import save_for_hf

import rga
from rga.backbones import timm_networks
from rga.backbones.timm_networks import ATTENTIONS, BACKBONES, NETWORKS, config_of
from rga.errors import HubError, InputError
from rga.reid.model import ReidModel


@pytest.fixture(scope="module", autouse=True)
def registered() -> None:
    rga.register_timm()


def grid_of(model: Any) -> Any:
    """Of the first attention."""
    return model.layer1.attention.spatial.grid


def test_all_names_are_listed_and_registering_again_does_nothing(recwarn: pytest.WarningsRecorder) -> None:
    names = rga.register_timm()
    assert set(names) == set(timm.list_models("*_rga_*")) == set(NETWORKS)
    assert len(names) == 2 * len(BACKBONES) * len(ATTENTIONS)
    assert {"resnet50_rga_sc", "resnet50_rga_sc_spectral", "resnet50_rga_sc_reid"} <= set(names)
    assert not recwarn.list
    assert timm.list_models("resnet50_rga_sc") == ["resnet50_rga_sc"]
    assert "resnet50_rga_sc.a1_in1k" in timm.list_models("resnet50_rga_sc", pretrained=True)


@pytest.mark.parametrize("name", ATTENTIONS)
def test_keys_are_those_of_attached_attention(name: str) -> None:
    attention, options = ATTENTIONS[name]
    model = timm.create_model(f"test_resnet_{name}", num_classes=5, img_size=(64, 32)).eval()
    attached = rga.attach(timm.create_model("test_resnet", num_classes=5), attention, image_size=(64, 32), **options).eval()
    attached.load_state_dict(model.state_dict())
    x = torch.rand(2, 3, 64, 32)
    torch.testing.assert_close(attached(x), model(x))
    model.load_state_dict(attached.state_dict())


def test_options_are_those_of_a_network_of_timm() -> None:
    model = timm.create_model("test_resnet_rga_sc", num_classes=0, in_chans=1, img_size=64, attention_options={"reduction": 4})
    assert model(torch.rand(2, 1, 64, 64)).shape == (2, 96)
    assert grid_of(model) == (16, 16)
    x = torch.rand(1, 3, 64, 32)
    maps = timm.create_model("test_resnet_rga_sc", features_only=True, out_indices=(1, 3), img_size=(64, 32))
    assert [each.shape[2:] for each in maps(x)] == [(16, 8), (4, 2)]
    assert list(rga.attached(maps)) == ["layer1", "layer2", "layer3"]
    with pytest.raises(InputError, match=r"img_size is \(height, width\) or one number, above 0, got \(64,\)"):
        timm.create_model("test_resnet_rga_sc", img_size=(64,))
    with pytest.raises(TypeError, match="has no option 'depth'"):
        timm.create_model("test_resnet_rga_sc", img_size=64, attention_options={"depth": 1})


def test_sizes() -> None:
    plain: Any = timm.create_model("test_resnet_rga_sc")
    assert plain.pretrained_cfg["input_size"] == (3, 160, 160)  # that of the backbone's weights
    tagged = timm.create_model("test_resnet_rga_sc.64x32", num_classes=2)
    assert resolve_model_data_config(tagged)["input_size"] == (3, 64, 32)
    assert grid_of(tagged) == (16, 8)
    assert config_of("resnet50_rga_sc").input_size == (3, 224, 224)
    assert config_of("resnet50_rga_sc").test_input_size is None  # attention is built for one size
    assert config_of("resnet50_rga_sc_reid").input_size == (3, 256, 128)


def test_pretrained_weights_are_the_backbones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backbone: Any = timm.create_model("test_resnet")
    torch.save(backbone.state_dict(), tmp_path / "backbone.pth")
    given: list[dict[str, Any]] = [{"pretrained_cfg_overlay": {"file": str(tmp_path / "backbone.pth")}}, {}]
    monkeypatch.setattr(timm_networks, "cached_weights", lambda _config: tmp_path / "backbone.pth")
    for name in ("test_resnet_rga_sc", "test_resnet_rga_sc.r160_in1k", "test_resnet_rga_sc_reid"):
        for options in given:
            model = timm.create_model(name, pretrained=True, num_classes=3, img_size=64, **options)
            own: Any = getattr(model, "backbone", model)
            torch.testing.assert_close(own.layer1[0].conv1.weight, backbone.layer1[0].conv1.weight)
            assert model(torch.rand(2, 3, 64, 64)).shape == (2, 3)


def test_pretrained_weights_that_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timm_networks, "cached_weights", lambda _config: None)
    monkeypatch.setattr(timm_networks, "out_of_reach", lambda _url: "no network")
    with pytest.raises(HubError, match=r"pretrained weights of test_resnet\.r160_in1k are not on this machine .*\(no network\): pass pre"):
        timm.create_model("test_resnet_rga_sc", pretrained=True)
    with pytest.raises(RuntimeError, match="nonsense"):
        timm.create_model("test_resnet_rga_sc.nonsense", pretrained=True)
    without = replace(config_of("test_resnet"), url="", hf_hub_id=None)
    monkeypatch.setattr(timm_networks, "config_of", lambda _name: without)
    with pytest.raises(InputError, match=r"no pretrained weights of test_resnet\.r160_in1k: pass pretrained=False"):
        timm.create_model("test_resnet_rga_sc", pretrained=True)


@pytest.mark.parametrize("name", ["test_resnet_rga_sc", "test_resnet_rga_sc_reid.64x32"])
def test_what_timm_saves_timm_loads_with_its_attention(name: str, tmp_path: Path) -> None:
    sizes: dict[str, Any] = {} if name.endswith("64x32") else {"img_size": (64, 32)}
    model = timm.create_model(name, num_classes=4, **sizes).eval()
    save_for_hf(model, str(tmp_path), safe_serialization=True)
    loaded = timm.create_model(f"local-dir:{tmp_path}", pretrained=True).eval()
    x = torch.rand(2, 3, 64, 32)
    torch.testing.assert_close(loaded(x), model(x))


def test_re_id_networks_are_those_of_our_models() -> None:
    model = ReidModel("test_resnet", image_size=(64, 32)).train()
    model(torch.randn(4, 3, 64, 32))
    network: Any = timm.create_model("test_resnet_rga_sc_reid", img_size=(64, 32)).eval()
    network.load_state_dict(model.eval().state_dict())
    x = torch.rand(2, 3, 64, 32)
    torch.testing.assert_close(network(x), model(x)[1])
    torch.testing.assert_close(network.forward_head(network.forward_features(x), pre_logits=True), network(x))
    network.reset_classifier(7)
    assert network(x).shape == (2, 7)
    assert (network.get_classifier().out_features, network.num_classes) == (7, 7)
    with pytest.raises(InputError, match=r"gives embeddings: for its maps, take test_resnet_rga_sc$"):
        timm.create_model("test_resnet_rga_sc_reid", features_only=True)
