"""The kinds of cases by name."""

from __future__ import annotations

from fuzz.arrays.cases import array_case
from fuzz.campaign import Kind
from fuzz.class_tables import class_table_case
from fuzz.commands.cases import command_case
from fuzz.images import image_case
from fuzz.models import model_case
from fuzz.trees.cases import tree_case

KINDS: dict[str, Kind] = {
    "images": image_case,
    "class-tables": class_table_case,
    "arrays": array_case,
    "trees": tree_case,
    "models": model_case,
    "commands": command_case,
}
"""Name -> draws and runs a case; the quick ones first."""
