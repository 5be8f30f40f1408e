"""The process of a share of generated people: ``python -m rga.synthetic.people.share``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rga.synthetic.people.people import PeopleOptions, render_share
from rga.synthetic.side_by_side import obey


def render(order: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Renders what an order names."""
    return render_share(Path(order["root"]), PeopleOptions(**order["options"]), order["share"], order["shares"])


if __name__ == "__main__":
    obey(render)
