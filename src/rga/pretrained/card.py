"""The model card of a shipped model, made from what was recorded: its training, and its comparison with others on real people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Template

from rga.backbones.cards.card import CARD
from rga.errors import InputError
from rga.loading import load
from rga.reid.model import ReidModel
from rga.storage.files import write_atomically, write_json
from rga.storage.markdown import markdown_template
from rga.storage.saved_model import CONFIG, weights_fingerprint

TRAINING = "training.json"
"""How the model was trained; ``rga.pretrained.build`` writes it."""

JUDGEMENT = "judgement.json"
"""How it does on real people, beside other methods; ``benchmarks/shipped_model.py`` writes it."""


def judgement_of(folder: Path, model: ReidModel) -> dict[str, Any] | None:
    """The comparison in a folder if it is of the weights of a model, else None."""
    file = folder / JUDGEMENT
    found: dict[str, Any] | None = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
    return found if found is not None and found["weights"] == weights_fingerprint(model) else None


def card(folder: Path) -> str:
    """The card of the model in a folder.

    Raises:
        InputError: what is recorded is of other weights than those that are there.
    """
    model = load(folder, ReidModel)
    training = json.loads((folder / TRAINING).read_text(encoding="utf-8"))
    if training["weights"] != weights_fingerprint(model):
        raise InputError(f"{folder / TRAINING} is of other weights than the model beside it: build the model again")
    judgement = judgement_of(folder, model)
    if judgement is None and (folder / JUDGEMENT).is_file():
        raise InputError(f"{folder / JUDGEMENT} is of other weights than the model beside it: compare the model again")
    people = [world["options"] for world in training["generated"]]
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    return template().render(training=training, judgement=judgement, people=people, config=config)


def write_card(folder: Path) -> None:
    """Writes the card of the model in a folder, atomically."""
    text = card(folder)
    write_atomically(folder / CARD, lambda temporary: temporary.write_text(text, encoding="utf-8"))


@cache
def template() -> Template:
    """The card's text."""
    return markdown_template(Path(__file__).with_name("card.md.jinja"))


def judge(folder: Path, judgement: Mapping[str, Any]) -> None:
    """Keeps a comparison with a model, and writes the model's card anew.

    Args:
        folder: of the model.
        judgement: with the fingerprint of the weights.

    Raises:
        InputError: it is of other weights.
    """
    if judgement["weights"] != weights_fingerprint(load(folder, ReidModel)):
        raise InputError(f"the comparison is of other weights than the model in {folder}")
    write_json(folder / JUDGEMENT, judgement)
    write_card(folder)
