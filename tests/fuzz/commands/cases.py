"""One of the commands, by chance; those that take a moment come less often."""

from __future__ import annotations

from pathlib import Path

from hypothesis import strategies as st

from fuzz.commands import begin, find, measure, use
from fuzz.outcome import Draw, Outcome

COMMANDS = (
    *(use.use,) * 8,
    *(measure.evaluate, measure.evaluate, measure.calibrate, measure.check, find.search, find.classes),
    *(begin.printing, begin.printing, begin.train, begin.resume, begin.make, begin.cost),
)


def command_case(draw: Draw, folder: Path) -> Outcome:
    """A command with its flags."""
    return draw(st.sampled_from(COMMANDS))(draw, folder)
