"""``rga train RECIPE``: trains with a recipe. Each field of the recipe is a flag."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import tyro

from rga.cli.parsing import grouped, parse
from rga.errors import InputError
from rga.recipes import read_recipe, to_json
from rga.tasks import recipe_functions
from rga.training.recipe import Recipe

USAGE = """usage: rga train RECIPE [--data NAME:FOLDER] [flags]
       rga train FILE.json [flags]      train with the recipe.json of a run, or an edited recipe
       rga train --list                 list all recipes
       rga train --show RECIPE          print a recipe as JSON, to edit and train with
       rga train RECIPE --help          show all flags of a recipe

Your own images are in a folder DIR: write --data folder:DIR. With a few dozen images, no network and no GPU, start with
       rga train cls/tiny --data folder:DIR      a folder per class, with its images
       rga train seg/tiny --data folder:DIR      images, masks and classes.csv (rga data classes DIR writes it)
       rga train reid/tiny --data folder:DIR     a folder per person; names:DIR if the file names begin with the person
With more images, choose a recipe that starts from pretrained weights: cls/folder, seg/folder, reid/small or reid/folder.
"""

OWN = "your own images are folder:DIR; rga data list names all datasets"


def main(words: Sequence[str]) -> int:
    """Trains with the recipe that the words name.

    Raises:
        InputError: no recipe is named, or there is none of that name.
    """
    if words[:1] == ["--list"]:
        if len(words) != 1:
            raise InputError("rga train --list takes no other words; rga train --show RECIPE prints one recipe")
        print(listing())
        return 0
    if words[:1] == ["--show"]:
        if len(words) != 2:
            raise InputError(f"name one recipe: rga train --show RECIPE; there are {', '.join(recipe_functions())}")
        print(to_json(read_recipe(words[1])))
        return 0
    if not words or words[0] in ("-h", "--help"):
        print(f"{USAGE}\n{listing()}")
        return 0 if words else 2
    if words[0].startswith("-"):
        raise InputError(
            f"name the recipe first: rga train RECIPE {' '.join(words)}; with few images of your own, RECIPE is cls/tiny, seg/tiny or "
            "reid/tiny, by task; rga train --list names all"
        )
    return parse(command(words[0]), words[1:], prog=f"rga train {words[0]}")


def command(name: str) -> Callable[..., int]:
    """The command line of a recipe or of a file with one: a function whose parameters are the flags."""
    default = read_recipe(name)
    named = name if name in recipe_functions() else ""
    folder = Path("runs") / (named or f"{Path(name).resolve().parent.name}-again").replace("/", "-")

    def train(recipe: Recipe = default, *, output: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = folder) -> int:
        check_data_named(recipe, default, name)
        recipe.check_idle(default)
        from rga.runs import train as run  # noqa: PLC0415  PyTorch, which help does not need

        return run(recipe, output=output, name=named).exit_code

    train.__annotations__["recipe"] = grouped(type(default))
    about = recipe_functions()[named].__doc__ if named else f"Train with the recipe in {name}."
    train.__doc__ = f"""{about}

    Args:
        recipe: all choices of the training.
        output: Folder of the run; it must not hold another run.
    """
    return train


def check_data_named(recipe: Recipe, default: Recipe, name: str) -> None:
    """Asks for the data where none are named and the recipe's own are not there.

    Raises:
        InputError: they are not there.
    """
    root = recipe.data.root
    if recipe.data.name in MADE_WHEN_READ:
        return
    if recipe.data == default.data and root is not None and not root.exists():
        raise InputError(
            f"name the data: rga train {name} --data {recipe.data.name}:DIR; without --data this recipe takes {recipe.data}, and {root} is "
            f"not there ({OWN})"
        )


MADE_WHEN_READ = frozenset({"walks"})
"""Datasets that are generated when they are read for the first time."""


def listing() -> str:
    """The recipes, each with its first sentence."""
    functions = recipe_functions()
    width = max(map(len, functions)) + 4
    return "\n".join(f"  {name:{width}}{(function.__doc__ or '').splitlines()[0]}" for name, function in functions.items())
