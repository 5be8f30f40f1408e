"""Options of a backbone's constructor, as a recipe and a command line give them: numbers, switches, names, and tuples of these."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rga.errors import InputError

if TYPE_CHECKING:
    from torch import nn

TAKEN = {
    "num_classes": "the task chooses it",
    "in_chans": "images have three channels",
    "pretrained": "choose the weights with --weights",
    "checkpoint_path": "choose the weights with --weights FILE",
    "pretrained_cfg": "name the weights behind a dot, as in --backbone resnet50.tv_in1k",
    "pretrained_cfg_overlay": "choose the weights with --weights FILE",
    "cache_dir": "set the environment variable HF_HOME",
    "features_only": "tasks take the maps themselves",
    "maps": "tasks take the maps themselves",
    "model_name": "choose the network with --backbone",
    "name": "choose the network with --backbone",
}
"""Options of timm's ``create_model`` that something else decides -> what."""

NUMBERS: dict[str, Any] = {"bn_eps": 1e-5, "bn_momentum": 0.1, "output_stride": 32}
"""Options that timm takes before a network's constructor sees them, with a value of their type."""


PAIRS = frozenset({"img_size"})
"""Options that may be a number or one for height and one for width, where a network's own value is a number."""


class BackboneOptionError(InputError):
    """An option that a network does not have, or a value that it does not take."""


def parse_option(text: str) -> Any:
    """The value that was typed: a number, True or False, None, a tuple of these, or else a name; ``check_options`` refuses the rest.

    Example:
        >>> [parse_option(text) for text in ("2", "0.001", "true", "silu", "(3, 4)", "3,4")]
        [2, 0.001, True, 'silu', (3, 4), (3, 4)]
    """
    text = text.strip()
    if text.lower() in ("true", "false", "none"):
        text = text.capitalize()
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def as_option(value: Any) -> Any:
    """A value of an option as networks take it: lists, which JSON makes of tuples, are tuples.

    Raises:
        InputError: it is something else than a number, a switch, a name, None, or a tuple of these.
    """
    if isinstance(value, (list, tuple)):
        return tuple(map(as_option, value))
    if isinstance(value, str) and value.startswith(("(", "[", "{", "'", '"')):
        raise InputError(f"{value} does not close, or holds what is neither a number nor a quoted name: write a tuple as 3,4 or (3, 4)")
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise InputError(f"{value!r} is a {type(value).__name__}: give a number, True or False, a name, or a tuple of these")


if TYPE_CHECKING:
    OptionValue = Any
else:

    class AnyOption(type):
        """The class of ``OptionValue``: what an option may be is one of its instances, so that a recipe may have options by default."""

        def __instancecheck__(cls, value: Any) -> bool:
            """Whether a value is a number, a switch, a name, None, or a tuple of these."""
            return value is None or isinstance(value, (bool, int, float, str, tuple, list))

    class OptionValue(metaclass=AnyOption):
        """The type of a value in a recipe, by which the command line knows it; a value is a number, a switch, a name, None, or a tuple."""

        @classmethod
        def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
            """How pydantic reads it from JSON: as it is; ``check_options`` refuses the rest."""
            from pydantic_core import core_schema  # noqa: PLC0415  only where values are read from files

            return core_schema.any_schema()


def check_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as networks take them.

    Raises:
        BackboneOptionError: something else decides one of them, or a value is of no kind that options have.
    """
    checked = {}
    for name, value in options.items():
        if name in TAKEN:
            raise BackboneOptionError(f"the backbone's options cannot have {name}: {TAKEN[name]}")
        try:
            checked[name] = as_option(value)
        except ValueError as error:
            raise BackboneOptionError(f"the backbone's option {name}: {error}") from error
    return checked


def check_types(network: type[nn.Module], options: Mapping[str, Any]) -> None:
    """Refuses values of the wrong type; networks take many of them without a word, and fail later or not at all.

    Args:
        network: the class whose constructor the options go to.
        options: of it; those that it does not name are left alone.

    Raises:
        BackboneOptionError: a number or a switch was expected, and it is something else.
    """
    defaults = {name: each.default for name, each in inspect.signature(network).parameters.items()}
    for name, value in options.items():
        default = defaults.get(name, NUMBERS.get(name))
        if isinstance(default, bool):
            fits, wanted = isinstance(value, bool), "True or False"
        elif isinstance(default, int):
            several = name in PAIRS and isinstance(value, tuple) and len(value) == 2
            fits = all(isinstance(each, int) and not isinstance(each, bool) for each in (value if several else (value,)))
            wanted = "a whole number" + " or a pair of them" * (name in PAIRS)
        elif isinstance(default, float):
            fits, wanted = isinstance(value, (int, float)) and not isinstance(value, bool), "a number"
        else:
            continue
        if not fits:
            raise BackboneOptionError(f"the backbone's option {name} is {wanted}, such as {default}; got {value!r}")
