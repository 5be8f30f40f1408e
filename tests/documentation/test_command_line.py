"""The reference of the command line says what the help of the verbs says."""

import re

from extensions.command_line import Group, in_markdown, printed_help, read_help, recipe_in_markdown, verb_in_markdown

from rga.cli.verbs import VERBS
from rga.recipes import read_recipe

BOXES = """usage: rga x [-h] [OPTIONS] DIR

Do it.

Then rest.

╭─ positional arguments ─────────╮
│ DIR    A folder. (required)    │
╰────────────────────────────────╯
╭─ model options ────────────────╮
│ What there is                  │
│ to say.                        │
│ ────────────────────────────── │
│ -h, --help   show this         │
│ --to STR     Where it          │
│              goes. (default: ) │
│ --much-longer {None}|INT       │
│              How much.         │
╰────────────────────────────────╯
"""


def test_boxes_are_read() -> None:
    helped = read_help(BOXES)
    assert helped.usage == "rga x [-h] [OPTIONS] DIR"
    assert helped.paragraphs == ("Do it.", "Then rest.")
    assert helped.groups == (
        Group("positional arguments", "", (("DIR", "A folder. (required)"),)),
        Group(
            "model options",
            "What there is to say.",
            (("-h, --help", "show this"), ("--to STR", "Where it goes. (default: )"), ("--much-longer {None}|INT", "How much.")),
        ),
    )


def test_in_markdown_signs_have_no_meaning_and_empty_defaults_are_left_out() -> None:
    text = in_markdown(read_help(BOXES))
    assert "`--to STR`\n: Where it goes." in text
    assert "--help" not in text
    assert "default: " not in text
    assert r"a\_b \*c\*" in in_markdown(read_help(BOXES.replace("Do it.", "a_b *c*")))


def test_each_flag_of_a_help_is_in_its_section() -> None:
    verb = "data make fruit"
    flags = set(re.findall(r"--[a-z][a-z-]*", printed_help(verb.split()))) - {"--help"}
    section = verb_in_markdown(verb)
    assert section.startswith(f"## rga {verb}\n")
    assert flags
    assert {flag for flag in flags if flag not in section} == set()
    assert VERBS[verb].about.split(",", maxsplit=1)[0].split()[-1] in section


def test_a_verb_of_several_tasks_has_a_section_for_each() -> None:
    assert re.findall("^### (.*)", verb_in_markdown("evaluate"), flags=re.MULTILINE) == [
        f"rga evaluate MODEL ({task})" for task in ("reid", "segmentation", "classification", "detection")
    ]


def test_the_fields_of_a_recipe_are_there_with_its_own_defaults() -> None:
    section = recipe_in_markdown("cls/digits")
    lr = read_recipe("cls/digits").optimization.lr
    assert re.search(rf"`--lr FLOAT`\n: .*\(default: {lr}\)", section)
