"""AGW's non-local blocks: where they are, how they start, and beside another attention."""

import pytest
import timm
import torch

from rga.attachment import attach, attached
from rga.backbones.non_local import add_non_local
from rga.errors import InputError

SIZE = (64, 32)


def test_they_come_after_the_last_blocks_and_start_as_the_identity() -> None:
    network = timm.create_model("resnet34", num_classes=0).eval()
    images = torch.rand(2, 3, *SIZE)
    before = network(images)
    add_non_local(network, SIZE)
    found = attached(network)
    assert list(found) == ["layer2.2", "layer2.3", "layer3.3", "layer3.4", "layer3.5"]
    torch.testing.assert_close(network(images), before)
    assert {type(each.layer).__name__ for each in found.values()} == {"NonLocalAttn"}
    assert found["layer3.5"].get_submodule("layer.t").weight.shape == (128, 256, 1, 1)  # half of the channels


def test_other_attention_comes_beside_them() -> None:
    network = timm.create_model("test_resnet", num_classes=0).eval()
    add_non_local(network, SIZE)
    attach(network, "rga-s", image_size=SIZE)
    assert list(attached(network)) == ["layer1", "layer2.0", "layer2", "layer3.0", "layer3", "layer4"]
    assert network(torch.rand(2, 3, *SIZE)).isfinite().all()


def test_other_networks_cannot_have_them() -> None:
    with pytest.raises(InputError, match=r"non_local is of ResNets.*the backbone is a EfficientNet"):
        add_non_local(timm.create_model("test_efficientnet"), SIZE)
