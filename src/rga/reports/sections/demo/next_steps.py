"""Commands to try after the demo."""

from __future__ import annotations

from collections.abc import Mapping

from rga.reports.report import Command, Section


def section(commands: Mapping[str, str]) -> Section:
    """The commands in their order.

    Args:
        commands: what each command does, in a sentence -> the command.
    """
    return Section("Next steps", tuple(Command(purpose, line) for purpose, line in commands.items()))
