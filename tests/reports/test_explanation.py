"""What can be explained of a model."""

from pathlib import Path

import pytest
from PIL import Image

from rga.errors import InputError
from rga.explanation import read_relations
from rga.reid.model import ReidModel
from rga.reports import explorer
from rga.reports.explanation import KINDS, Explained, check_kinds, possible_kinds, write_relations
from rga.reports.explorer import ExplorerTooLargeError, explored, render_explorer
from rga.reports.titles import titles_of

VIT = {"backbone": "vit_tiny_patch16_224", "backbone_options": {"depth": 2, "embed_dim": 32, "num_heads": 2}, "last_stride": 2}


@pytest.mark.slow
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


def test_an_explorer_that_is_too_large_leaves_out_images_and_then_attentions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    model = ReidModel("test_resnet", image_size=(64, 32)).eval()
    images = {}
    for name in "ab":
        images[name] = tmp_path / f"{name}.png"
        Image.radial_gradient("L").save(images[name])
    explained = Explained(model, "RGA-SC", {})
    both = len(render_explorer("Relations of RGA-SC", explored(model, dict(images))))
    monkeypatch.setattr(explorer, "LARGEST_FILE", both - 1)
    (paragraph,) = write_relations(tmp_path, explained, images).parts
    assert "of the image, and see" in str(paragraph)
    one = (tmp_path / "explorer.html").stat().st_size
    assert "Left out" not in str(paragraph)
    monkeypatch.setattr(explorer, "LARGEST_FILE", one - 1)
    (paragraph,) = write_relations(tmp_path, explained, images).parts
    largest = max(read_relations(model, images["a"]), key=lambda each: each.theta.size).name
    assert f"Left out, since the file would be too large: {largest}." in str(paragraph)
    monkeypatch.setattr(explorer, "LARGEST_FILE", 1000)
    with pytest.raises(ExplorerTooLargeError, match="make a model of smaller images"):
        write_relations(tmp_path, explained, images)


def test_models_are_named_by_their_attention_and_by_their_folders_where_that_is_the_same() -> None:
    plain, attended = (ReidModel("test_resnet", image_size=(64, 32), attention=each) for each in ("none", "rga-sc"))
    assert titles_of([("runs/a", plain), ("runs/b", attended)]) == ["plain", "RGA-SC"]
    assert titles_of([("runs/a", attended), ("runs/b", attended)]) == ["RGA-SC (a)", "RGA-SC (b)"]
    assert titles_of([("one/last", attended), ("two/last", attended)]) == ["RGA-SC (one/last)", "RGA-SC (two/last)"]
    with pytest.raises(InputError, match="runs/a is named twice"):
        titles_of([("runs/a", attended), ("runs/../runs/a", attended)])
