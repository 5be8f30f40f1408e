"""Gates, relations and channels of small models as figures, and models that have none."""

import numpy as np
import pytest
from PIL import Image

from rga.errors import InputError
from rga.explanation import read_gates, read_relations
from rga.reid.model import ReidModel
from rga.reports.channel_gates import draw_channel_gates
from rga.reports.gates import draw_gates, groups_of
from rga.reports.relation_maps import draw_relations

PERSON = Image.radial_gradient("L").resize((64, 128))


@pytest.fixture(scope="module")
def model() -> ReidModel:
    return ReidModel("test_resnet", image_size=(64, 32))


def test_gates_of_all_stages_and_relations_of_a_node(model: ReidModel) -> None:
    groups = groups_of(model, PERSON, (0.4, 0.5))
    assert [[panel.title for panel in group.panels] for group in groups] == [
        ["64\u00d732"],
        ["layer1, 16\u00d78", "layer2, 8\u00d74", "layer3, 4\u00d72", "layer4, 4\u00d72"],
        ["to all, R(i,:)", "from all, R(:,i)"],
    ]
    gates, first = read_gates(model, PERSON)[0], read_relations(model, PERSON)[0]
    node = first.node_at(0.4, 0.5)
    assert node == 6 * 8 + 4
    assert groups[1].panels[0].values is not None
    np.testing.assert_array_equal(groups[1].panels[0].values, gates.gates)
    for panel, expected in zip(groups[2].panels, (first.to_all(node), first.from_all(node)), strict=True):
        assert panel.values is not None
        np.testing.assert_array_equal(panel.values, expected.reshape(16, 8))
        assert panel.mark == (0.4, 0.5)
    assert model.training


def test_the_gates_of_a_stage_share_one_scale(model: ReidModel) -> None:
    figure = draw_gates(model, [PERSON, PERSON.rotate(180)])
    scales = [axes.images[-1].get_clim() for axes in figure.axes if axes.get_title().startswith("layer1")]
    assert len(scales) == 2
    assert scales[0] == scales[1]


def test_relations_of_positions_after_each_stage(model: ReidModel) -> None:
    figure = draw_relations(model, PERSON, [(0.1, 0.2), (0.9, 0.9)])
    assert [axes.get_title() for axes in figure.axes if axes.get_title()] == [
        *("0.10, 0.20", *["to all, R(i,:)", "from all, R(:,i)"] * 4),
        *("0.90, 0.90", *["to all, R(i,:)", "from all, R(:,i)"] * 4),
    ]
    with pytest.raises(InputError, match="no positions"):
        draw_relations(model, PERSON, [])


def test_channels_with_the_largest_and_the_smallest_gates(model: ReidModel) -> None:
    figure = draw_channel_gates(model, PERSON, 2)
    channel = read_gates(model, PERSON)[1]
    order = np.argsort(-channel.gates, kind="stable")
    titles = [axes.get_title().split("\n")[0] for axes in figure.axes if axes.get_title()][:5]
    expected = [*order[:2], *np.argsort(channel.gates, kind="stable")[:2]]
    assert titles == ["layer1", *(f"no. {index}: {channel.gates[index]:.2f}" for index in expected)]


def test_models_without_spatial_relations_are_refused() -> None:
    def plain(attention: str) -> ReidModel:
        return ReidModel("test_resnet", image_size=(64, 32), attention=attention)

    with pytest.raises(InputError, match="no spatial attention with relations"):
        draw_gates(plain("rga-c"), [PERSON])
    with pytest.raises(InputError, match="no spatial attention with relations"):
        draw_relations(plain("rga-c"), PERSON, [(0, 0)])
    with pytest.raises(InputError, match="no attention with a gate"):
        draw_gates(plain("none"), [PERSON])
    with pytest.raises(InputError, match="no images"):
        draw_gates(plain("rga-s"), [])
    with pytest.raises(InputError, match="no gates of channels"):
        draw_channel_gates(plain("rga-s"), PERSON)
