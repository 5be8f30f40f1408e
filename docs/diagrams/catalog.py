"""Every diagram by its name."""

from collections.abc import Callable

from diagrams.factorised import factorised
from diagrams.nodes import nodes
from diagrams.relation import relation
from diagrams.stages import stages

DIAGRAMS: dict[str, Callable[[], str]] = {"factorised": factorised, "nodes": nodes, "relation": relation, "stages": stages}
"""Name -> the function that draws it; NAME.svg is the file."""
