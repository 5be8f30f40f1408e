"""Templates of our pages in Markdown, such as model cards."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template


def markdown_template(file: Path) -> Template:
    """A template. A name that is missing is an error; the filter ``percent`` writes a part of 1."""
    environment = Environment(
        loader=FileSystemLoader(file.parent),
        autoescape=False,  # noqa: S701  Markdown, of our own files
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["percent"] = lambda value: f"{100 * value:.1f}"
    return environment.get_template(file.name)
