"""How flags of our own types are read, and how the help shows their defaults."""

import io
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rga.backbones.options import OptionValue
from rga.cli.parsing import Grouped, for_terminal, parse
from rga.datasets.spec import DataSpec

FOLDER = DataSpec("folder", Path("photos"), {"camera": "c"})


@dataclass(frozen=True)
class Options:
    """Options in a group.

    Attributes:
        size: Of the images.
        deep: As it says.
    """

    size: int = 3
    deep: bool = False


OPTIONS = Options()


def command(
    data: DataSpec = FOLDER,
    *,
    other: DataSpec | None = None,
    file: Path | None = None,
    there: Path | None = Path("there.txt"),
    value: OptionValue = 0.5,
    options: Grouped[Options] = OPTIONS,
) -> tuple[Any, ...]:
    """Does nothing.

    Args:
        data: A dataset ``with``
            two lines.
        other: Another.
        file: A file.
        there: One that is there.
        value: A value.
        options: In a group.
    """
    return data, other, file, there, value, options


def test_values_are_read_as_they_were_typed() -> None:
    assert parse(command, [], prog="x") == (FOLDER, None, None, Path("there.txt"), 0.5, OPTIONS)
    words = ["--data", "csv:a.csv?b=c", "--other", "streets:s", "--file", "f", "--there", "t", "--value", "silu", "--size", "7", "--deep"]
    assert parse(command, words, prog="x") == (
        DataSpec("csv", Path("a.csv"), {"b": "c"}),
        DataSpec("streets", Path("s")),
        Path("f"),
        Path("t"),
        "silu",
        Options(7, True),
    )


def test_help_shows_types_and_defaults() -> None:
    out = io.StringIO()
    with redirect_stdout(out), pytest.raises(SystemExit) as stop:
        parse(command, ["--help"], prog="x")
    assert stop.value.code == 0
    said = " ".join(out.getvalue().replace("│", " ").split())
    for part in (
        "--data NAME:FOLDER A dataset with two lines. (default: 'folder:photos?camera=c')",
        "--other NAME:FOLDER Another. (default: None)",
        "--file PATH A file. (default: None)",
        "--there PATH One that is there. (default: there.txt)",
        "--value NUMBER|BOOL|NAME|TUPLE A value. (default: 0.5)",
        "--size INT Of the images. (default: 3)",
    ):
        assert part in said, said


@pytest.mark.parametrize("words", ["--data nonsense!", "--size many", "--nothing 3"])
def test_what_cannot_be_read_is_a_mistake_of_the_user(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        parse(command, words.split(), prog="x")
    assert stop.value.code == 2
    assert words.split(maxsplit=1)[0] in capsys.readouterr().err


def test_docstrings_for_the_terminal() -> None:
    text = "First ``code``.\n\n    Args:\n        a: One\n            two.\n        b: Three.\n"
    assert for_terminal(text) == "First code.\n\n    Args:\n        a: One two.\n        b: Three.\n"


def backbone(options: dict[str, OptionValue] = {"ibn": "a"}) -> dict[str, Any]:  # noqa: B006  never changed
    """A backbone.

    Args:
        options: Names and values.
    """
    return options


@pytest.mark.filterwarnings("error")
def test_options_that_are_there_by_default_are_one_flag_and_are_replaced() -> None:
    assert parse(backbone, [], prog="x") == {"ibn": "a"}
    assert parse(backbone, ["--options", "act_layer", "silu", "drop_rate", "0.1"], prog="x") == {"act_layer": "silu", "drop_rate": 0.1}
    assert parse(backbone, ["--options"], prog="x") == {}
    out = io.StringIO()
    with redirect_stdout(out), pytest.raises(SystemExit):
        parse(backbone, ["--help"], prog="x")
    assert "--options [NAME VALUE ...] Names and values. (default: ibn a)" in " ".join(out.getvalue().replace("│", " ").split())
