"""The reference of the command line, written from the help of its verbs: the directives ``rga-verbs`` and ``rga-recipes``."""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from unittest.mock import patch

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from rga.cli.main import main
from rga.cli.verbs import VERBS
from rga.tasks import recipe_functions

WIDTH = 100
"""Columns of the terminal that help is printed for. In a much wider one tyro puts the boxes side by side."""


@dataclass(frozen=True)
class Group:
    """A box of a help.

    Attributes:
        title: what stands in its upper edge.
        about: a sentence on all arguments, or nothing.
        arguments: each argument as it is typed, and its sentence.
    """

    title: str
    about: str
    arguments: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Help:
    """The help of a verb: what stands above the boxes, paragraph by paragraph, and the boxes."""

    usage: str
    paragraphs: tuple[str, ...]
    groups: tuple[Group, ...]


def printed_help(words: Sequence[str]) -> str:
    """What ``rga WORDS --help`` prints."""
    output = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")  # a stream without an encoding gets boxes of another shape
    terminal = {"COLUMNS": str(WIDTH), "NO_COLOR": "1"}
    with patch.dict(os.environ, terminal), contextlib.redirect_stdout(output), contextlib.suppress(SystemExit):
        main([*words, "--help"])
    output.seek(0)
    return output.read()


def read_help(text: str) -> Help:
    """The parts of a help with boxes, as tyro prints it."""
    above, *boxes = re.split(r"^╭─+ (?=[^\n]*╮$)", text, flags=re.MULTILINE)
    usage, *paragraphs = [" ".join(part.split()) for part in above.split("\n\n") if part.strip()]
    return Help(usage.removeprefix("usage: "), tuple(paragraphs), tuple(map(read_box, boxes)))


def read_box(text: str) -> Group:
    """One box, from its title on."""
    title, *lines = text.split("\n")
    inner = [line[1:].rstrip(" │")[1:] for line in lines if line.startswith("│")]
    rules = [index for index, line in enumerate(inner) if line.startswith("──")]
    start = rules[0] + 1 if rules else 0
    return Group(re.split(r" ─+╮", title)[0], " ".join(inner[: max(start - 1, 0)]), tuple(read_arguments(inner[start:])))


def read_arguments(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The arguments of a box with their sentences: what begins at the edge is an argument, what is indented goes on."""
    typed, said = "", list[str]()
    for line in lines:
        if line[:1].strip():
            if typed:
                yield typed, " ".join(said)
            typed, _, first = re.sub(r"\s{2,}", "\t", line, count=1).partition("\t")
            said = [first] if first else []
        else:
            said.append(line.strip())
    if typed:
        yield typed, " ".join(said)


def in_markdown(help_: Help) -> str:
    """The parts of a help in Markdown; its arguments are lists of definitions."""
    parts = [f"```text\n{help_.usage}\n```", *map(escaped, help_.paragraphs)]
    for group in help_.groups:
        arguments = [(typed, said) for typed, said in group.arguments if typed != "-h, --help"]
        if not arguments:
            continue
        parts += [f"**{group.title.capitalize()}.** {escaped(group.about)}".rstrip()]
        parts += [f"`{typed}`\n: {escaped(said) or 'See above.'}" for typed, said in arguments]
    return "\n\n".join(parts)


def escaped(text: str) -> str:
    """A sentence of a help, none of whose signs mean anything in Markdown."""
    return re.sub(r"([\\`*_\[\]<>{}|#$~])", r"\\\1", text.replace(" (default: )", ""))


def verb_in_markdown(verb: str) -> str:
    """The section of a verb."""
    text = printed_help(verb.split())
    parts = [f"## rga {verb}"]
    if "╭" in text and text.count("usage:") == 1:
        parts.append(in_markdown(read_help(text)))
    else:  # a page of its own, and behind it perhaps the helps of several tasks
        above, *tasks = re.split(r"^(?=usage: .*\[-h\])", text, flags=re.MULTILINE)
        parts.append(f"```text\n{above.strip()}\n```")
        for each in tasks:
            helped = read_help(each)
            parts += [f"### {helped.usage.split(' [-h]')[0]}", in_markdown(helped)]
    return "\n\n".join(parts)


def recipe_in_markdown(recipe: str) -> str:
    """The section of a recipe."""
    helped = read_help(printed_help(["train", recipe]))
    return f"## {recipe}\n\n{in_markdown(helped)}"


class Verbs(SphinxDirective):
    """All verbs, a section each."""

    def run(self) -> list[nodes.Node]:
        """The sections."""
        text = "\n\n".join(map(verb_in_markdown, VERBS))
        return self.parse_text_to_nodes(text, allow_section_headings=True)


class Recipes(SphinxDirective):
    """The flags of the recipes that are named, a section each."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """The sections."""
        unknown = [name for name in self.content if name not in recipe_functions()]
        if unknown:
            raise self.error(f"there is no recipe {unknown[0]}")
        return self.parse_text_to_nodes("\n\n".join(map(recipe_in_markdown, self.content)), allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, bool]:
    """Registers the directives at Sphinx."""
    app.add_directive("rga-verbs", Verbs)
    app.add_directive("rga-recipes", Recipes)
    return {"parallel_read_safe": True}
