"""What can be explained of a model."""

import pytest

from rga.errors import InputError
from rga.reid.model import ReidModel
from rga.reports.explanation import KINDS, check_kinds, named_models, possible_kinds

VIT = {"backbone": "vit_tiny_patch16_224", "backbone_options": {"depth": 2, "embed_dim": 32, "num_heads": 2}, "last_stride": 2}


@pytest.mark.parametrize(
    ("options", "kinds"),
    [
        ({"attention": "rga-sc"}, KINDS),
        ({"attention": "rga-s"}, ("gates", "relations", "grad-cam", "receptive-field", "explorer")),
        ({"attention": "rga-c"}, ("channels", "grad-cam", "receptive-field", "explorer")),
        ({"attention": "rga-sc", "attention_options": {"relation": False}}, ("channels", "grad-cam", "receptive-field")),
        ({"attention": "se"}, ("channels", "grad-cam", "receptive-field")),
        ({"attention": "non-local"}, ("grad-cam", "receptive-field")),
        ({"attention": "gc"}, ("grad-cam", "receptive-field")),
        ({"attention": "none"}, ("grad-cam", "receptive-field")),
        ({"attention": "none", **VIT}, ()),
        ({"attention": "rga-sc", **VIT}, KINDS),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else "",
)
def test_kinds_follow_from_the_attention(options: dict[str, object], kinds: tuple[str, ...]) -> None:
    model = ReidModel(**{"backbone": "test_resnet", "image_size": (64, 32), **options})  # type: ignore[arg-type]
    assert possible_kinds(model) == kinds
    assert model.training
    for kind in KINDS:
        if kind in kinds:
            check_kinds(model, [kind])
        else:
            with pytest.raises(InputError, match=f"the model has no {kind} to show"):
                check_kinds(model, [kind])


def test_models_are_named_by_their_attention_and_by_their_folders_where_that_is_the_same() -> None:
    plain, attended = (ReidModel("test_resnet", image_size=(64, 32), attention=each) for each in ("none", "rga-sc"))
    assert named_models(("runs/a", plain), ("runs/b", attended)) == ["plain", "RGA-SC"]
    assert named_models(("runs/a", attended), ("runs/b", attended)) == ["RGA-SC (a)", "RGA-SC (b)"]
