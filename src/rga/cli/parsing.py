"""How flags are read: one configuration of tyro for all verbs."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import tyro
from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo

from rga.backbones.options import OptionValue, parse_option
from rga.datasets.spec import DataSpec
from rga.errors import InputError

Result = TypeVar("Result")
T = TypeVar("T")

Grouped = Annotated[T, tyro.conf.arg(name=""), tyro.conf.OmitArgPrefixes]
"""A dataclass whose fields are flags without its name; each nested dataclass is a group of the help."""


Model = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL")]
"""A saved model, the first word of the commands that use one."""

Images = Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="IMAGES")]
"""Images and folders of them, the second."""


def grouped(kind: type[Any]) -> Any:
    """``Grouped`` of a class that is known when the program runs."""
    return Annotated[kind, tyro.conf.arg(name=""), tyro.conf.OmitArgPrefixes]


REGISTRY = ConstructorRegistry()


@REGISTRY.primitive_rule
def data_spec(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
    """Datasets, as NAME:FOLDER?option=value."""
    optional = info.type == DataSpec | None
    if info.type is not DataSpec and not optional:
        return None
    return PrimitiveConstructorSpec(
        nargs=1,
        metavar="NAME:FOLDER",
        instance_from_str=lambda typed: read_spec(typed[0]),
        is_instance=lambda value: isinstance(value, DataSpec) or (optional and value is None),
        str_from_instance=lambda value: [str(value)],
    )


def read_spec(text: str) -> DataSpec:
    """A dataset as it was typed; tyro takes a plain ValueError as a message to the user."""
    try:
        return DataSpec.parse(text)
    except InputError as error:
        raise InputError(str(error)) from error


@REGISTRY.primitive_rule
def option_value(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
    """Values of a backbone's options."""
    if info.type is not OptionValue:
        return None
    return PrimitiveConstructorSpec(
        nargs=1,
        metavar="NUMBER|BOOL|NAME|TUPLE",
        instance_from_str=lambda typed: parse_option(typed[0]),
        is_instance=lambda value: value is None or isinstance(value, (bool, int, float, str, tuple, list)),
        str_from_instance=lambda value: [str(value)],
    )


@REGISTRY.primitive_rule
def options_of_a_backbone(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
    """Options of a backbone in one flag, names and values in turn, also where a recipe has some by default: these are replaced."""
    if info.type != dict[str, OptionValue]:
        return None
    return PrimitiveConstructorSpec(
        nargs="*",
        metavar="[NAME VALUE ...]",
        instance_from_str=read_options,
        is_instance=lambda value: isinstance(value, dict),
        str_from_instance=lambda value: [str(each) for pair in value.items() for each in pair],
    )


def read_options(typed: Sequence[str]) -> dict[str, Any]:
    """Names and values in turn."""
    if len(typed) % 2:
        raise InputError(f"names and values come in turn, and {typed[-1]!r} has no value")
    return {name: parse_option(value) for name, value in zip(typed[::2], typed[1::2], strict=True)}


@REGISTRY.primitive_rule
def optional_path(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
    """Files that need not be named; by default ``{None}|PATH`` would stand in the help."""
    if info.type != Path | None:
        return None
    return PrimitiveConstructorSpec(
        nargs=1,
        metavar="PATH",
        instance_from_str=lambda typed: Path(typed[0]),
        is_instance=lambda value: value is None or isinstance(value, Path),
        str_from_instance=lambda value: [str(value)],
    )


def parse(function: Callable[..., Result], arguments: Sequence[str], prog: str) -> Result:
    """Calls a function with flags as they were typed; its parameters are the flags, its docstring the help.

    Raises:
        SystemExit: help was asked for (0), or a flag is unknown or wrong (2); the message is printed.
    """
    function.__doc__ = for_terminal(function.__doc__ or "")
    return tyro.cli(function, prog=prog, args=list(arguments), registry=REGISTRY)


def for_terminal(docstring: str) -> str:
    """A docstring whose sentences about arguments are one line each, to be wrapped by the terminal's width, without marks of code."""
    return re.sub(r"\n {12,}(?=\S)", " ", docstring).replace("``", "")
