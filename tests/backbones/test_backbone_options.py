"""Options of a backbone: what is typed, what networks get, and what is refused."""

import json
import re
from typing import Any

import pytest
import tyro

from rga.backbones.catalog import create_backbone
from rga.backbones.options import BackboneOptionError
from rga.backbones.recipe import ModelRecipe
from rga.classification.model import ClassificationModel
from rga.cli.main import main
from rga.cli.parsing import REGISTRY


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("3", 3),
        ("-1", -1),
        ("0.25", 0.25),
        ("1e-3", 0.001),
        ("true", True),
        ("False", False),
        ("None", None),
        ("silu", "silu"),
        ("'3'", "3"),
        ("2,2,2,2", (2, 2, 2, 2)),
        ("(1, 0.5)", (1, 0.5)),
        ("[4,8]", (4, 8)),
    ],
)
def test_what_is_typed_gets_its_type_and_keeps_it_through_json(typed: str, value: Any) -> None:
    recipe = tyro.cli(ModelRecipe, args=["--backbone-options", "some", typed], registry=REGISTRY)
    assert recipe.backbone_options == {"some": value}
    assert type(recipe.backbone_options["some"]) is type(value)
    kept = json.loads(json.dumps(recipe.backbone_options))
    assert ModelRecipe(backbone_options=kept) == recipe


def test_networks_get_them() -> None:
    deep = create_backbone("resnet18", stem_type="deep", stem_width=16, act_layer="silu", aa_layer=None, avg_down=True)
    assert deep.get_submodule("conv1.0").out_channels == 16
    assert type(deep.get_submodule("act1")).__name__ == "SiLU"
    narrow = create_backbone("resnet18", layers=[1, 1, 1, 1])  # as JSON gives a tuple back
    assert len(list(narrow.get_submodule("layer1").children())) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"nonsense": 1}, "unexpected keyword argument 'nonsense'"),
        ({"act_layer": "nonsense"}, "there is no 'nonsense'"),
        ({"drop_rate": "much"}, "the backbone's option drop_rate is a number, such as 0.0; got 'much'"),
        ({"avg_down": "yes"}, "the backbone's option avg_down is True or False, such as False; got 'yes'"),
        ({"cardinality": 1.5}, "does not take the options {'cardinality': 1.5}"),
        ({"num_classes": 7}, "cannot have num_classes: the task chooses it"),
        ({"pretrained": True}, "cannot have pretrained: choose the weights with --weights"),
        ({"in_chans": 1}, "cannot have in_chans"),
        ({"layers": {"a": 1}}, "the backbone's option layers: {'a': 1} is a dict"),
        ({"layers": "(1, 2"}, "the backbone's option layers: (1, 2 does not close"),
    ],
)
def test_what_a_network_does_not_take_is_named(options: dict[str, Any], said: str) -> None:
    with pytest.raises(BackboneOptionError, match=re.escape(said)):
        create_backbone("resnet18", **options) if "num_classes" not in options else ModelRecipe(backbone_options=options)


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (["layers", "(1, 2"], "the backbone's option layers: (1, 2 does not close"),
        (["layers", "{1: 2}"], "the backbone's option layers: {1: 2} is a dict"),
        (["pretrained", "true"], "cannot have pretrained: choose the weights with --weights"),
        (["layers"], "Error parsing --backbone-options: names and values come in turn, and 'layers' has no value"),
    ],
)
def test_the_command_line_says_it_once_with_exit_code_2(typed: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = main(["train", "cls/digits", "--backbone-options", *typed])
    except SystemExit as ended:  # what is no pair of a name and a value, the parser of flags answers
        code = ended.code if isinstance(ended.code, int) else 1
    assert code == 2
    said = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert said.count(message) == 1, said


def test_unknown_tags_are_answered_with_the_known_ones() -> None:
    for make in (create_backbone, lambda name: ClassificationModel(name, ["cat", "dog"], size=32)):
        with pytest.raises(ValueError, match=r"'resnet50' has no weights tagged 'tv' in timm: choose one of .*resnet50\.tv_in1k"):
            make("resnet50.tv")
        with pytest.raises(ValueError, match="unknown backbone 'resnet5o'"):
            make("resnet5o")
