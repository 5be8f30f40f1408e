"""Recipes in files: what is read, and what is refused."""

import json
from pathlib import Path

import pytest

from rga.errors import InputError, MissingFileError
from rga.recipes import read_recipe, recipe_from_file, to_json
from rga.tasks import get_recipe, get_task, recipe_type


def test_a_file_of_any_name_is_read_and_a_name_is_a_recipe(tmp_path: Path) -> None:
    recipe = get_recipe("cls/digits").override(lr=0.25)
    for name in ("mine.json", "mine"):
        (tmp_path / name).write_text(to_json(recipe))
        assert read_recipe(tmp_path / name) == recipe
    assert json.loads(to_json(recipe)).keys() == {"task", "fields"}
    assert read_recipe("cls/digits") == get_recipe("cls/digits")
    with pytest.raises(MissingFileError, match=r"there is no recipe at .*none\.json"):
        read_recipe(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"mine\.json is not JSON"),
        ("[1]", r"mine\.json does not hold a recipe: it must hold an object with task and fields"),
        ("{}", r"does not hold a recipe: it must hold task and fields"),
        ('{"task": "reid"}', r"does not hold a recipe: it must hold task and fields"),
        ('{"fields": {}}', r"does not hold a recipe: it must hold task and fields"),
        ('{"task": "read", "fields": {}}', r"does not hold a recipe: unknown task 'read': did you mean reid\?"),
        ('{"task": "reid", "fields": {"lrr": 1}}', r"does not hold a recipe: unknown field lrr"),
    ],
)
def test_what_is_no_recipe_is_named(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text(text)
    with pytest.raises(InputError, match=message):
        recipe_from_file(tmp_path / "mine.json")


def test_recipes_of_the_first_edition_are_converted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rga.recipes.convert_recipe", lambda contents: ("converted", contents))
    (tmp_path / "old.json").write_text('{"trunk": "resnet50"}')
    converted: object = recipe_from_file(tmp_path / "old.json")
    assert converted == ("converted", {"trunk": "resnet50"})
    (tmp_path / "new.json").write_text('{"task": "reid", "fields": {}, "trunk": "resnet50"}')
    assert recipe_from_file(tmp_path / "new.json") == recipe_type("reid")()


def test_tasks_and_recipes_that_are_not_there_are_answered_with_the_nearest() -> None:
    for function in (get_task, recipe_type):
        with pytest.raises(InputError, match=r"unknown task 'segment': did you mean segmentation\?"):
            function("segment")
    with pytest.raises(InputError, match=r"unknown recipe 'reid/smal': did you mean reid/small\?"):
        get_recipe("reid/smal")
    assert [get_task(name).verb for name in ("reid", "segmentation", "classification")] == ["embed", "segment", "classify"]
    assert [get_task(name).name for name in ("reid", "segmentation", "classification")] == ["reid", "segmentation", "classification"]
